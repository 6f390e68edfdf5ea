//! `names`: the effective inventory, every name written out.
//!
//! Deliberately absent: asking whether the names exist.

use serde::Serialize;

use super::{listing::Listing, output::count, table};
use crate::config::Config;

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
}

/// Every name, group by group, in the order of the file.
pub(crate) fn entries(config: &Config) -> Vec<Entry> {
    let groups = config.groups.iter();
    groups
        .flat_map(|group| {
            group.names.iter().map(|name| Entry {
                name: name.to_string(),
                unicode: name.to_unicode(),
                group: group.name.clone(),
                types: group.types.iter().map(ToString::to_string).collect(),
            })
        })
        .collect()
}

/// The same for people; a name that looks different in Unicode is shown both ways.
pub(crate) fn render(config: &Config) -> String {
    let entries = entries(config);
    let rows = entries.iter().map(|entry| {
        let shown = if entry.name == entry.unicode {
            entry.name.clone()
        } else {
            format!("{} ({})", entry.unicode, entry.name)
        };
        ([shown, entry.types.join(", ")], [entry.group.clone()])
    });
    let table = table::render(["NAME", "TYPES"], ["GROUP"], rows);
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
        ]
    };
    Listing::new(
        ["name", "unicode", "group", "types"],
        entries.iter().map(row),
    )
}

#[cfg(test)]
mod tests {
    use crate::cli::samples::config;

    #[test]
    fn every_name_is_written_out_and_shown_both_ways() {
        insta::assert_snapshot!(super::render(&config()));
    }

    #[test]
    fn the_json_has_every_field() {
        let entries = super::entries(&config());
        insta::assert_json_snapshot!(entries.last());
    }
}
