//! `names`: the effective inventory, every name written out, with its standing exposure where a service has measured it.
//!
//! Deliberately absent: asking whether the names exist, and making a database where there is none.

use serde::Serialize;

use super::{
    CliError, EXIT_OK, exposure, history,
    listing::{Listing, or_empty},
    output::{Output, count},
    table,
};
use crate::{
    audit::{
        calibration::Calibration,
        exposure::{Exposure, Said, exposures},
    },
    clock,
    config::{Config, Group},
};

/// One name of one group as `names --format json` shows it. Stable.
#[derive(Debug, Serialize)]
pub(crate) struct Entry {
    /// The name as it travels: ASCII, lower case, no trailing dot.
    pub(crate) name: String,
    /// The name for people: internationalised labels in Unicode; else the same.
    pub(crate) unicode: String,
    /// The group it is watched in.
    pub(crate) group: String,
    /// The types asked.
    pub(crate) types: Vec<String>,
    /// For how long a bad answer fetched now could live, by type; null where that was not measured yet.
    pub(crate) exposures: Option<Vec<Exposure>>,
}

pub(super) async fn run(config: &Config, output: Output) -> Result<u8, CliError> {
    let now = clock::now();
    let without = "no exposure is known";
    let measured = history::read_if_any(config, output, without, async |store| {
        let states = store.state_at(now, None).await?;
        let states = states.iter();
        let said = states.filter_map(|row| Said::in_span(&row.span.span));
        Ok((
            said.collect(),
            store.calibrations(&config.vantage, now).await?,
        ))
    });
    let (said, calibrations): (Vec<Said>, Vec<Calibration>) = measured.await?;
    let config = config.calibrated(&calibrations, now);
    output.list(
        &entries(&config, &said),
        |entries| render(&config, entries),
        |entries| listing(entries),
    )?;
    Ok(EXIT_OK)
}

/// Every name, group by group, in the order of the file.
pub(crate) fn entries(config: &Config, said: &[Said]) -> Vec<Entry> {
    let groups = config.groups.iter();
    groups.flat_map(|group| of_group(group, said)).collect()
}

fn of_group(group: &Group, said: &[Said]) -> Vec<Entry> {
    let resolvers = group.resolvers.iter().map(AsRef::as_ref);
    let mut measured = exposures(group.questions(), resolvers, said)
        .into_iter()
        .peekable();
    let names = group.names.iter().map(|name| {
        let of_name = || measured.next_if(|exposure| exposure.question.name == *name);
        let of_name: Vec<_> = std::iter::from_fn(of_name).collect();
        Entry {
            name: name.to_string(),
            unicode: name.to_unicode(),
            group: group.name.clone(),
            types: group.types.iter().map(ToString::to_string).collect(),
            exposures: (!of_name.is_empty()).then_some(of_name),
        }
    });
    names.collect()
}

/// The worst of a name's types, as text.
fn worst(entry: &Entry) -> Option<String> {
    let exposures = entry.exposures.iter().flatten();
    exposure::worst(exposures).map(exposure::text)
}

/// The same for people; a name that looks different in Unicode is shown both ways.
pub(crate) fn render(config: &Config, entries: &[Entry]) -> String {
    let rows = entries.iter().map(|entry| {
        let shown = if entry.name == entry.unicode {
            entry.name.clone()
        } else {
            format!("{} ({})", entry.unicode, entry.name)
        };
        let lives = worst(entry).unwrap_or_else(|| "not measured yet".to_owned());
        let facts = [shown, entry.types.join(", "), entry.group.clone()];
        (facts, [lives])
    });
    let head = ["NAME", "TYPES", "GROUP"];
    let table = table::render(head, ["A BAD ANSWER COULD LIVE"], rows);
    let questions: usize = config
        .groups
        .iter()
        .map(|group| group.questions().count())
        .sum();
    format!(
        "{table}\n{}, {} a round\n",
        count(entries.len(), "name"),
        count(questions, "question")
    )
}

/// The same as rows.
pub(crate) fn listing(entries: &[Entry]) -> Listing {
    let row = |entry: &Entry| {
        [
            entry.name.clone(),
            entry.unicode.clone(),
            entry.group.clone(),
            entry.types.join(" "),
            or_empty(worst(entry)),
        ]
    };
    Listing::new(
        ["name", "unicode", "group", "types", "exposure"],
        entries.iter().map(row),
    )
}

#[cfg(test)]
mod tests {
    use crate::cli::samples::config;

    #[test]
    fn every_name_is_written_out_and_shown_both_ways() {
        let config = config();
        insta::assert_snapshot!(super::render(&config, &super::entries(&config, &[])));
    }

    #[test]
    fn the_json_has_every_field() {
        let entries = super::entries(&config(), &[]);
        insta::assert_json_snapshot!(entries.last());
    }
}
