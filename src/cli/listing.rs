//! Rows for other programs: CSV for spreadsheets, JSON lines for pipes, Markdown for tickets. Full instants, one value a cell, every column.
//!
//! Deliberately absent: the tables for terminals, which are `table`'s: people want less, grouped, and wrapped.

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::Value as Json;

use super::output::inert;

/// Rows under headings; the headings are the names of the JSON's fields.
#[derive(Debug)]
pub(super) struct Listing {
    headings: Vec<&'static str>,
    rows: Vec<Vec<String>>,
}

impl Listing {
    /// Rows under their headings. Cells come from the wire: they are made harmless, and stay on one line.
    pub(super) fn new<const N: usize>(
        headings: [&'static str; N],
        rows: impl IntoIterator<Item = [String; N]>,
    ) -> Self {
        Self {
            headings: headings.to_vec(),
            rows: rows
                .into_iter()
                .map(|row| row.iter().map(|cell| inert(cell)).collect())
                .collect(),
        }
    }

    /// CSV (RFC 4180, with plain newlines), headings first. No cell can be taken for a formula.
    pub(super) fn csv(&self) -> String {
        let headings: Vec<String> = self.headings.iter().map(ToString::to_string).collect();
        std::iter::once(&headings)
            .chain(&self.rows)
            .map(|row| row.iter().map(|cell| csv_cell(cell)).collect::<Vec<_>>())
            .map(|row| row.join(",") + "\n")
            .collect()
    }

    /// An object a line, by heading in their order. Every value is a string, as its cell is.
    pub(super) fn json_lines(&self) -> String {
        let pair = |(heading, cell): (&&str, &String)| {
            format!("{}:{}", Json::from(*heading), Json::from(cell.as_str()))
        };
        let line = |row: &Vec<String>| {
            let pairs: Vec<String> = self.headings.iter().zip(row).map(pair).collect();
            format!("{{{}}}\n", pairs.join(","))
        };
        self.rows.iter().map(line).collect()
    }

    /// A Markdown table.
    pub(super) fn markdown(&self) -> String {
        let rule = self.headings.iter().map(|_| "---").collect::<Vec<_>>();
        let mut text = markdown_row(self.headings.iter().map(ToString::to_string));
        text += &markdown_row(rule.iter().map(ToString::to_string));
        for row in &self.rows {
            text += &markdown_row(row.iter().map(|cell| markdown_cell(cell)));
        }
        text
    }
}

/// RFC 3339 with microseconds, as in the JSON.
pub(super) fn exact(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

/// [`exact`], or nothing.
pub(super) fn exact_or_empty(at: Option<DateTime<Utc>>) -> String {
    at.map(exact).unwrap_or_default()
}

/// What there is, or nothing.
pub(super) fn or_empty(value: Option<impl ToString>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}

fn csv_cell(cell: &str) -> String {
    // Spreadsheets take these for the beginning of a formula, and cells come from the wire.
    let risky = cell.starts_with(['=', '+', '-', '@']);
    let cell = if risky {
        format!("'{cell}")
    } else {
        cell.to_owned()
    };
    if cell.contains(['"', ',']) {
        format!("\"{}\"", cell.replace('"', "\"\""))
    } else {
        cell
    }
}

/// A cell of a Markdown table, or a line of Markdown text: none of it steers the page.
pub(super) fn markdown_cell(cell: &str) -> String {
    let mut escaped = String::new();
    for c in cell.chars() {
        match c {
            '\\' | '|' | '*' | '_' | '`' | '[' | ']' | '<' | '>' | '#' | '~' => {
                escaped.push('\\');
                escaped.push(c);
            }
            other => escaped.push(other),
        }
    }
    escaped
}

fn markdown_row(cells: impl Iterator<Item = String>) -> String {
    format!("| {} |\n", cells.collect::<Vec<_>>().join(" | "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listing(cell: &str) -> Listing {
        Listing::new(["id", "answer"], [["a".to_owned(), cell.to_owned()]])
    }

    #[test]
    fn no_csv_cell_can_be_taken_for_a_formula() {
        for (cell, expected) in [
            ("192.0.2.7", "192.0.2.7"),
            ("=1+1", "'=1+1"),
            ("+1", "'+1"),
            ("-", "'-"),
            ("@x", "'@x"),
            ("a,b", "\"a,b\""),
            ("say \"x\"", "\"say \"\"x\"\"\""),
            ("=a,b", "\"'=a,b\""),
            ("\t=1+1", "?=1+1"),
            ("\r\n=1+1", "??=1+1"),
        ] {
            assert_eq!(listing(cell).csv(), format!("id,answer\na,{expected}\n"));
        }
    }

    #[test]
    fn a_json_line_is_an_object_whatever_its_cells_hold() {
        for cell in ["192.0.2.7", "say \"x\"\\", "a\nb", "=1+1", "ü"] {
            let lines = listing(cell).json_lines();
            assert!(lines.starts_with(r#"{"id":"a","answer":""#), "{lines}");
            let read: Json = serde_json::from_str(lines.trim_end()).unwrap();
            assert_eq!(read["answer"], super::inert(cell), "{lines}");
            assert_eq!(lines.lines().count(), 1);
        }
        assert_eq!(Listing::new::<1>(["id"], []).json_lines(), "");
    }

    #[test]
    fn no_markdown_cell_ends_early_or_steers_the_page() {
        assert_eq!(
            listing("a|b <script> x_y\nz").markdown(),
            "| id | answer |\n| --- | --- |\n| a | a\\|b \\<script\\> x\\_y?z |\n"
        );
    }
}
