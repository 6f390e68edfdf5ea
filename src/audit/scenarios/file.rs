//! A scenario's file: its lines by kind, what is written to be said, and how that differs from what is said.
//!
//! Deliberately absent: the meaning of any line.

use chrono::{DateTime, Utc};

use super::hours;

/// Something that is said at an instant: a change of state, or a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) at: DateTime<Utc>,
    /// With the `>` or `!` before it.
    pub(super) text: String,
}

/// A line of the script.
#[derive(Debug, Clone)]
pub(super) struct Line {
    pub(super) number: usize,
    /// `None`: it tells of the actors, or is a remark.
    pub(super) at: Option<DateTime<Utc>>,
    pub(super) text: String,
    raw: String,
}

/// A scenario as it is written.
#[derive(Debug, Clone)]
pub(super) struct File {
    pub(super) script: Vec<Line>,
    expected: Vec<Said>,
}

impl Line {
    pub(super) fn is_remark(&self) -> bool {
        self.at.is_none() && (self.text.is_empty() || self.text.starts_with('#'))
    }
}

fn show(said: &Said) -> String {
    format!("{}  {}", hours::show(said.at), said.text)
}

impl File {
    /// Reads a file; an error begins with the number of its line.
    pub(super) fn read(text: &str) -> Result<Self, String> {
        let mut file = Self {
            script: Vec::new(),
            expected: Vec::new(),
        };
        for (nth, raw) in text.lines().enumerate() {
            let number = nth + 1;
            let (at, text) = match hours::split(raw.trim()) {
                Some((at, rest)) => (
                    Some(at.map_err(|error| format!("{number}: {error}"))?),
                    rest,
                ),
                None => (None, raw.trim()),
            };
            match at {
                Some(at) if text.starts_with(['>', '!']) => {
                    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
                    file.expected.push(Said { at, text });
                }
                _ => file.script.push(Line {
                    number,
                    at,
                    text: text.to_owned(),
                    raw: raw.to_owned(),
                }),
            }
        }
        Ok(file)
    }

    /// What is written and not said, and the other way round, in order of time.
    pub(super) fn differences(&self, said: &[Said]) -> String {
        let mut unsaid = self.expected.clone();
        let mut unwritten = Vec::new();
        for one in said {
            match unsaid.iter().position(|other| other == one) {
                Some(at) => drop(unsaid.remove(at)),
                None => unwritten.push(one.clone()),
            }
        }
        let unsaid = unsaid.into_iter().map(|one| (one.at, '-', one));
        let unwritten = unwritten.into_iter().map(|one| (one.at, '+', one));
        let mut all: Vec<_> = unsaid.chain(unwritten).collect();
        all.sort_by_key(|(at, sign, _)| (*at, *sign == '+'));
        let lines = all
            .iter()
            .map(|(_, sign, one)| format!("  {sign} {}\n", show(one)));
        lines.collect()
    }

    /// The script with what is said in its place.
    pub(super) fn with(&self, said: &[Said]) -> String {
        let mut said = said.iter().peekable();
        let (mut text, mut remarks) = (String::new(), String::new());
        for line in &self.script {
            if line.is_remark() && said.len() > 0 {
                remarks += &format!("{}\n", line.raw);
                continue;
            }
            while let Some(one) = said.next_if(|one| line.at.is_some_and(|at| one.at < at)) {
                text += &format!("{}\n", show(one));
            }
            text += &std::mem::take(&mut remarks);
            text += &format!("{}\n", line.raw);
        }
        said.for_each(|one| text += &format!("{}\n", show(one)));
        text + &remarks
    }
}
