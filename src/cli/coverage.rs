//! `coverage`: when each group was really watched.
//!
//! Deliberately absent: why rounds were missed, which the service's log says.

use clap::Args;

use super::{
    CliError, EXIT_OK, history,
    instants::{Instants, instant},
    length,
    listing::{Listing, exact, or_empty},
    output::{Output, inert},
    table,
    window::WindowArgs,
};
use crate::{
    config::Config,
    store::{
        Within,
        watched::{Stretch, Watched},
    },
};

#[derive(Debug, Args)]
pub(super) struct CoverageArgs {
    #[command(flatten)]
    window: WindowArgs,
}

pub(super) async fn run(
    args: &CoverageArgs,
    config: &Config,
    output: Output,
) -> Result<u8, CliError> {
    let (from, to) = args.window.ends()?;
    let items = history::read(config, output, async |store| store.watched(from, to).await).await?;
    output.list(&Within { from, to, items }, table, listing)?;
    Ok(EXIT_OK)
}

/// For people; the report of an incident has it, too.
pub(super) fn table(found: &Within<Watched>) -> String {
    if found.items.is_empty() {
        return format!(
            "no round was due by {}: no data is not no problem\n",
            instant(found.to)
        );
    }
    let stretches = found.items.iter().flat_map(|watch| &watch.stretches);
    let instants = Instants::over(stretches.flat_map(|stretch| [stretch.from, stretch.to]));
    let rows = found.items.iter().map(|watch| {
        let facts = [
            inert(&watch.group),
            inert(&watch.vantage),
            watch.finished.to_string(),
            watch.missed.to_string(),
            watch.abandoned.to_string(),
            watch.late.to_string(),
            watch
                .usual_period_s
                .map_or_else(|| "-".to_owned(), length::text),
            length::text(watch.watched_s),
        ];
        let shown = watch.stretches.iter().map(|one| stretch(one, instants));
        (facts, [shown.collect::<Vec<_>>().join("\n")])
    });
    let head = [
        "GROUP", "VANTAGE", "FINISHED", "MISSED", "CUT OFF", "LATE", "USUALLY", "WATCHED",
    ];
    format!(
        "{}; outside of these times nothing was seen, which is not no problem\n\n{}",
        instants.note(),
        table::render(head, ["WHEN"], rows)
    )
}

fn stretch(stretch: &Stretch, instants: Instants) -> String {
    let [from, to] = [stretch.from, stretch.to].map(|at| instants.show(at));
    format!("{from} to {to}")
}

/// One row per stretch; one without its times for what was not watched at all.
fn listing(found: &Within<Watched>) -> Listing {
    let headings = [
        "vantage",
        "group",
        "finished",
        "missed",
        "abandoned",
        "late",
        "usual_period_s",
        "watched_from",
        "watched_to",
        "rounds",
    ];
    let rows = found.items.iter().flat_map(|watch| {
        let stretches = watch.stretches.iter().map(Some);
        let nothing = watch.stretches.is_empty().then_some(None);
        stretches.chain(nothing).map(|stretch| {
            [
                watch.vantage.clone(),
                watch.group.clone(),
                watch.finished.to_string(),
                watch.missed.to_string(),
                watch.abandoned.to_string(),
                watch.late.to_string(),
                or_empty(watch.usual_period_s),
                or_empty(stretch.map(|one| exact(one.from))),
                or_empty(stretch.map(|one| exact(one.to))),
                stretch.map_or(0, |one| one.rounds).to_string(),
            ]
        })
    });
    Listing::new(headings, rows)
}
