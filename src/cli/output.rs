//! Printing: text, rows or JSON to stdout, and what goes to stderr.
//!
//! Deliberately absent: colour. Every table reads well without.

use std::io::{self, IsTerminal, Write};

use serde::Serialize;

use super::{Format, listing::Listing, table::WIDTH};

/// Where a command's output goes, and in which form.
#[derive(Debug, Clone, Copy)]
pub(super) struct Output {
    pub(super) format: Format,
}

#[expect(
    clippy::unused_self,
    reason = "one way out for everything a command says"
)]
impl Output {
    /// Prints `value` as JSON, the text `table` makes of it, or the rows `listing` makes of it.
    pub(super) fn list<T: Serialize>(
        self,
        value: &T,
        table: impl FnOnce(&T) -> String,
        listing: impl FnOnce(&T) -> Listing,
    ) -> io::Result<()> {
        match self.format {
            Format::Table | Format::Html => self.text(&table(value)),
            Format::Json => self.json(value),
            Format::Csv => self.text(&listing(value).csv()),
            Format::Jsonl => self.text(&listing(value).json_lines()),
            Format::Markdown => self.text(&listing(value).markdown()),
        }
    }

    /// Prints `value` as JSON, or the text `page` makes of it. It has no rows.
    pub(super) fn whole<T: Serialize>(
        self,
        value: &T,
        page: impl FnOnce(&T) -> String,
    ) -> io::Result<()> {
        match self.format {
            Format::Json => self.json(value),
            _ => self.text(&page(value)),
        }
    }

    fn json<T: Serialize>(self, value: &T) -> io::Result<()> {
        self.text(&serde_json::to_string_pretty(value)?)
    }

    /// Prints `value` as JSON on one line.
    pub(super) fn json_line<T: Serialize>(self, value: &T) -> io::Result<()> {
        self.text(&serde_json::to_string(value)?)
    }

    /// Prints text as it is, with one newline at the end.
    pub(super) fn text(self, text: &str) -> io::Result<()> {
        let mut out = io::stdout().lock();
        writeln!(out, "{}", text.trim_end())
    }

    /// A line on stderr, for people: an error or a hint.
    pub(super) fn error(self, text: &str) {
        // Nobody is left to be told when stderr itself is closed.
        let _ = writeln!(io::stderr().lock(), "{text}");
    }

    /// A progress line on stderr, where somebody is watching; the next one, or `""`, takes its place.
    pub(super) fn progress(self, text: &str) {
        let mut err = io::stderr().lock();
        if err.is_terminal() {
            let _ = write!(err, "\r\x1b[K{text}");
            let _ = err.flush();
        }
    }
}

/// `1 name`, `2 names`.
pub(super) fn count(number: usize, one: &str) -> String {
    match (number, one) {
        (1, one) => format!("1 {one}"),
        (number, one) if one.ends_with("ss") => format!("{number} {one}es"),
        (number, one) => format!("{number} {one}s"),
    }
}

/// Text from the wire, made harmless for a terminal: control characters and bidirectional marks become `?`.
pub(super) fn inert(text: &str) -> String {
    let harmful = |c: char| {
        c.is_control()
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    text.chars()
        .map(|c| if harmful(c) { '?' } else { c })
        .collect()
}

/// Breaks text at blanks into lines of at most 100 characters: the first after `first`, the others after as many
/// blanks. Ends in a newline.
pub(super) fn wrap(text: &str, first: &str) -> String {
    let indent = " ".repeat(first.chars().count());
    let (mut wrapped, mut used) = (first.to_owned(), 0);
    for word in text.split_whitespace() {
        let length = word.chars().count();
        if used == 0 {
            used = length;
        } else if indent.len() + used + 1 + length > WIDTH {
            wrapped = format!("{}\n{indent}", wrapped.trim_end());
            used = length;
        } else {
            wrapped.push(' ');
            used += 1 + length;
        }
        wrapped += word;
    }
    wrapped.trim_end().to_owned() + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_text_is_broken_at_blanks_and_indented() {
        let word = "w".repeat(40);
        assert_eq!(
            wrap(&format!("{word} {word} {word}"), "  a: "),
            format!("  a: {word} {word}\n     {word}\n")
        );
        let long = "w".repeat(120);
        assert_eq!(wrap(&long, "  "), format!("  {long}\n"));
        assert_eq!(wrap("", "  a"), "  a\n");
    }

    #[test]
    fn wire_text_cannot_steer_a_terminal() {
        assert_eq!(inert("a\x1b[31mb\u{202e}c"), "a?[31mb?c");
    }

    #[test]
    fn one_is_not_many() {
        assert_eq!(count(1, "name"), "1 name");
        assert_eq!(count(0, "name"), "0 names");
        assert_eq!(count(2, "address"), "2 addresses");
    }
}
