//! What is wrong with a configuration: every error of a run, each with its place, in the order of the file.
//!
//! Deliberately absent: warnings. What is not refused is meant.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    path::Path,
};

/// Every error found in a configuration; never empty. Nothing was loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigErrors(Vec<ConfigError>);

/// One error. Its text never holds a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    /// `file:line:column` (both from 1, columns in characters), a file, or the name of an environment variable.
    pub place: String,
    /// What is wrong.
    pub message: String,
    /// What would mend it, where that is known.
    pub hint: Option<String>,
}

impl ConfigErrors {
    /// One error that has no place inside a file.
    pub(crate) fn one(place: impl Into<String>, message: impl Into<String>) -> Self {
        Self(vec![ConfigError {
            place: place.into(),
            message: message.into(),
            hint: None,
        }])
    }

    /// The errors: those of the file by position, then those of variables by name.
    pub fn iter(&self) -> impl Iterator<Item = &ConfigError> {
        self.0.iter()
    }
}

impl fmt::Display for ConfigErrors {
    /// One line each, a hint on a line of its own below.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, error) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { "\n" };
            write!(f, "{separator}{error}")?;
        }
        Ok(())
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.message)?;
        match &self.hint {
            Some(hint) => write!(f, "\n    hint: {hint}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for ConfigErrors {}

/// Where something was written.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Origin {
    /// At this byte of the file.
    File(usize),
    /// In this environment variable.
    Variable(String),
}

/// What is wrong with one value, before anybody says where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Complaint {
    pub(super) message: String,
    pub(super) hint: Option<String>,
}

impl Complaint {
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            hint: None,
        }
    }

    pub(super) fn hint(self, hint: impl Into<String>) -> Self {
        Self {
            hint: Some(hint.into()),
            ..self
        }
    }
}

/// The errors of a run so far.
#[derive(Debug, Default)]
pub(super) struct Report {
    errors: Vec<(Origin, Complaint)>,
    /// Every key that was asked for, by section: what exists, as the readers themselves know it.
    known: BTreeMap<&'static str, BTreeSet<&'static str>>,
}

impl Report {
    /// Notes an error; the same one at the same place counts once.
    pub(super) fn add(&mut self, at: &Origin, complaint: Complaint) {
        let entry = (at.clone(), complaint);
        if !self.errors.contains(&entry) {
            self.errors.push(entry);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.errors.is_empty()
    }

    /// Notes which keys a section knows.
    pub(super) fn remember(&mut self, section: &'static str, keys: Vec<&'static str>) {
        self.known.entry(section).or_default().extend(keys);
    }

    /// Every known key by section, as far as sections were read.
    #[cfg(test)]
    pub(super) fn known(&self) -> &BTreeMap<&'static str, BTreeSet<&'static str>> {
        &self.known
    }

    /// The errors with their places, sorted; `text` is the file's content.
    pub(super) fn into_errors(mut self, file: Option<&Path>, text: &str) -> ConfigErrors {
        self.errors.sort_by(|a, b| a.0.cmp(&b.0));
        let place = |at: Origin| match at {
            Origin::Variable(name) => name,
            Origin::File(offset) => {
                let (line, column) = position(text, offset);
                let file = file.map_or("configuration".into(), Path::to_string_lossy);
                format!("{file}:{line}:{column}")
            }
        };
        let error = |(at, complaint): (Origin, Complaint)| ConfigError {
            place: place(at),
            message: complaint.message,
            hint: complaint.hint,
        };
        ConfigErrors(self.errors.into_iter().map(error).collect())
    }
}

/// Line and column of a byte, both from 1.
fn position(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    (
        before.matches('\n').count() + 1,
        before[line_start..].chars().count() + 1,
    )
}

/// The known word closest to `word`, where one is close enough to have been meant.
pub(super) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_lowercase();
    let known: Vec<&str> = known.into_iter().collect();
    // The beginning of one word alone: `warn` is meant to be `warning`.
    let mut longer = known
        .iter()
        .filter(|known| word.len() > 2 && known.starts_with(&word));
    if let (Some(only), None) = (longer.next(), longer.next()) {
        return Some(only);
    }
    known
        .into_iter()
        .map(|candidate| {
            let distance = strsim::osa_distance(&word, &candidate.to_lowercase());
            (distance, candidate)
        })
        .filter(|(distance, candidate)| distance * 3 <= candidate.chars().count().max(3))
        .min()
        .map(|(_, candidate)| candidate)
}

/// "did you mean …?" where a known word is near, else the list of all.
pub(super) fn suggestion(word: &str, known: &[&str]) -> String {
    match nearest(word, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("known: {}", known.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_is_shown_as_line_and_column_in_characters() {
        let text = "a\né = 1\n";
        assert_eq!(position(text, 0), (1, 1));
        assert_eq!(position(text, 2), (2, 1));
        assert_eq!(position(text, 5), (2, 3));
        assert_eq!(position(text, text.len()), (3, 1));
        assert_eq!(position(text, 999), (3, 1));
    }

    #[test]
    fn only_a_word_that_is_close_is_suggested() {
        let known = ["max_ttl", "mode", "schedule", "types"];
        assert_eq!(nearest("max_tll", known), Some("max_ttl"));
        assert_eq!(nearest("Schedul", known), Some("schedule"));
        assert_eq!(nearest("type", known), Some("types"));
        assert_eq!(nearest("sched", known), Some("schedule"));
        assert_eq!(nearest("names", known), None);
    }
}
