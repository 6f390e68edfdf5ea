//! `names`: the effective inventory, every name written out, with its standing exposure where a service has measured it.
//!
//! Deliberately absent: asking whether the names exist, and making a database where there is none.

use std::{sync::Arc, time::Duration};

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
        context::longest_gap,
        exposure::{Exposure, Said, exposures},
        history::History,
        targets,
    },
    clock,
    config::{Config, Group},
    names::DnsName,
    types::Target,
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
    /// The service record that leads here, as it was served last; null for the names of the file.
    pub(crate) service: Option<String>,
    /// The types asked.
    pub(crate) types: Vec<String>,
    /// For how long a bad answer fetched now could live, by type; null where that was not measured yet.
    pub(crate) exposures: Option<Vec<Exposure>>,
}

/// What authorities said, what of it is still known, and what was measured of resolvers.
type Measured = (Vec<Said>, History, Vec<Calibration>);

pub(super) async fn run(config: &Config, output: Output) -> Result<u8, CliError> {
    let now = clock::now();
    let without = "no exposure is known";
    let measured = history::read_if_any(config, output, without, async |store| {
        let states = store.state_at(now, None).await?;
        let spans = states.iter().map(|row| &row.span.span);
        let mut known = History::default();
        known.restore(spans.clone().cloned(), Duration::ZERO);
        Ok((
            spans.filter_map(Said::in_span).collect(),
            known,
            store.calibrations(&config.vantage, now).await?,
        ))
    });
    let (said, known, calibrations): Measured = measured.await?;
    let mut config = config.calibrated(&calibrations, now);
    for group in &mut config.groups {
        let questions: Vec<_> = group.questions().collect();
        let targets = targets::of(&known, &questions, longest_gap(&group.policy), now);
        *group = Arc::new(group.following(targets));
    }
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
    let mut entry = |name: &DnsName, types: Vec<String>, service: Option<String>| {
        let of_name = || measured.next_if(|exposure| exposure.question.name == *name);
        let of_name: Vec<_> = std::iter::from_fn(of_name).collect();
        Entry {
            name: name.to_string(),
            unicode: name.to_unicode(),
            group: group.name.clone(),
            service,
            types,
            exposures: (!of_name.is_empty()).then_some(of_name),
        }
    };
    let types = || group.types.iter().map(ToString::to_string).collect();
    let mut entries: Vec<_> = group
        .names
        .iter()
        .map(|name| entry(name, types(), None))
        .collect();
    let by_name = |one: &Target, other: &Target| one.question.name == other.question.name;
    for led_to in group.targets.chunk_by(by_name) {
        let Some(first) = led_to.first() else {
            continue;
        };
        let types = led_to
            .iter()
            .map(|target| target.question.rtype.to_string());
        let service = first.service.to_string();
        entries.push(entry(&first.question.name, types.collect(), Some(service)));
    }
    entries
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
        let shown = match &entry.service {
            Some(service) => format!("{shown} (serves {service})"),
            None => shown,
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
            or_empty(entry.service.clone()),
        ]
    };
    Listing::new(
        ["name", "unicode", "group", "types", "exposure", "service"],
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
