//! Printing: text or JSON to stdout, and what goes to stderr.
//!
//! Deliberately absent: colour. Every table reads well without.

use std::io::{self, IsTerminal, Write};

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::Format;

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
    /// Prints `value` as JSON, or the text `table` makes of it.
    pub(super) fn print<T: Serialize>(
        self,
        value: &T,
        table: impl FnOnce(&T) -> String,
    ) -> io::Result<()> {
        match self.format {
            Format::Table => self.text(&table(value)),
            Format::Json => self.text(&serde_json::to_string_pretty(value)?),
        }
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

/// `2026-11-22 19:05:00Z`.
pub(super) fn instant(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M:%SZ").to_string()
}

/// [`instant`], or `-`.
pub(super) fn instant_or_dash(at: Option<DateTime<Utc>>) -> String {
    at.map_or_else(|| "-".to_owned(), instant)
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

/// Breaks text at blanks into lines of at most `width` characters, each after `indent`.
pub(super) fn wrap(text: &str, indent: &str, width: usize) -> String {
    let mut wrapped = String::new();
    let mut used = 0;
    for word in text.split_whitespace() {
        let length = word.chars().count();
        if used == 0 || used + 1 + length > width - indent.len() {
            let newline = if wrapped.is_empty() { "" } else { "\n" };
            wrapped += &format!("{newline}{indent}{word}");
            used = length;
        } else {
            wrapped += &format!(" {word}");
            used += 1 + length;
        }
    }
    wrapped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_text_is_broken_at_blanks_and_indented() {
        assert_eq!(
            wrap("one two three four", "  ", 11),
            "  one two\n  three\n  four"
        );
        assert_eq!(wrap("", "  ", 11), "");
    }

    #[test]
    fn wire_text_cannot_steer_a_terminal() {
        assert_eq!(inert("a\x1b[31mb\u{202e}c"), "a?[31mb?c");
    }
}
