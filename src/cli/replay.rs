//! `replay`: judges recorded rounds again, and says whether that gives what was stored.
//!
//! Deliberately absent: the comparison, and mending anything.

use super::{
    CliError, EXIT_BREACH, EXIT_OK, EXIT_UNKNOWN, history,
    instants::instant,
    output::{Output, count, inert, wrap},
    window::RoundsArgs,
};
use crate::{
    config::Config,
    replay::verify::{Difference, Verified, verify},
};

pub(super) async fn run(
    args: &RoundsArgs,
    config: &Config,
    output: Output,
) -> Result<u8, CliError> {
    let (from, to) = args.ends()?;
    let verified = history::read(config, output, async |store| {
        verify(store, &config.vantage, from, to).await
    });
    let verified = verified.await?;
    output.whole(&verified, page)?;
    Ok(match verified.differences {
        _ if verified.rounds == 0 => EXIT_UNKNOWN,
        0 => EXIT_OK,
        _ => EXIT_BREACH,
    })
}

fn page(verified: &Verified) -> String {
    let Some([first, last]) = verified.window else {
        return "no round that can be judged again was recorded then\n".to_owned();
    };
    let mut text = format!(
        "{}, judged {} to {}, judged again\n",
        count(verified.rounds, "round"),
        instant(first),
        instant(last)
    );
    let engines: Vec<String> = verified.engines.iter().map(u32::to_string).collect();
    let facts = [
        (
            "rules",
            format!("{} then, {} now", engines.join(", "), verified.engine),
        ),
        (
            "verdicts",
            format!(
                "{}, {} of them stored",
                verified.verdicts, verified.verdicts_begun
            ),
        ),
        (
            "findings",
            format!(
                "{}, {} of them stored",
                verified.findings, verified.findings_begun
            ),
        ),
        ("steps", verified.steps.to_string()),
        ("differences", verified.differences.to_string()),
    ];
    for (label, value) in facts {
        text += &wrap(&value, &format!("{label:<12} "));
    }
    text += &provisos(verified);
    text + &verified.told.iter().map(difference).collect::<String>()
}

fn provisos(verified: &Verified) -> String {
    let notes = [
        (
            verified.inexact_rounds,
            "before which the service knew something that was not recorded: these may differ",
        ),
        (
            verified.unfinished_rounds,
            "that never finished: what was heard counts, what it came to was not stored",
        ),
    ];
    let told = notes.iter().filter(|(rounds, _)| *rounds > 0);
    told.map(|(rounds, what)| wrap(&format!("{} {what}", count(*rounds, "round")), "note: "))
        .collect()
}

fn difference(one: &Difference) -> String {
    let side = |side: &Option<String>| inert(side.as_deref().unwrap_or("nothing"));
    let title = format!("{} {}: {}", instant(one.at), one.group, one.of);
    format!("\n{}", wrap(&inert(&title), ""))
        + &wrap(&side(&one.stored), "  stored    ")
        + &wrap(&side(&one.replayed), "  replayed  ")
}
