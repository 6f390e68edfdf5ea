//! A statement's words, and what can be read off them.
//!
//! Deliberately absent: grammar beyond words and the options that stand among them.

use std::{str::FromStr, time::Duration};

use crate::names::{DnsName, braces};

/// The words of a statement that have not been read yet.
#[derive(Debug, Clone)]
pub(super) struct Words<'a>(Vec<&'a str>);

impl<'a> Words<'a> {
    pub(super) fn of(text: &'a str) -> Self {
        Self(
            text.split([' ', '\t', ','])
                .filter(|word| !word.is_empty())
                .collect(),
        )
    }

    /// The next word.
    pub(super) fn next(&mut self) -> Result<&'a str, String> {
        if self.0.is_empty() {
            return Err("something is missing at its end".to_owned());
        }
        Ok(self.0.remove(0))
    }

    /// The next word, where it is one of these.
    pub(super) fn next_if(&mut self, expected: &str) -> bool {
        let is_it = self.0.first() == Some(&expected);
        if is_it {
            self.0.remove(0);
        }
        is_it
    }

    /// Every word up to and without `end`, which is read, too.
    pub(super) fn until(&mut self, end: &str) -> Result<Vec<&'a str>, String> {
        let at = self.0.iter().position(|word| *word == end);
        let at = at.ok_or_else(|| format!("`{end}` is missing"))?;
        let before = self.0.drain(..at).collect();
        self.0.remove(0);
        Ok(before)
    }

    /// Takes an option out: `name`, and the word behind it.
    pub(super) fn option(&mut self, name: &str) -> Option<&'a str> {
        let at = self.0.iter().position(|word| *word == name)?;
        let value = (at + 1 < self.0.len()).then(|| self.0.remove(at + 1))?;
        self.0.remove(at);
        Some(value)
    }

    /// Takes a bare word out.
    pub(super) fn flag(&mut self, name: &str) -> bool {
        let at = self.0.iter().position(|word| *word == name);
        at.map(|at| self.0.remove(at)).is_some()
    }

    pub(super) fn rest(&mut self) -> Vec<&'a str> {
        std::mem::take(&mut self.0)
    }

    /// That nothing is left.
    pub(super) fn end(self) -> Result<(), String> {
        match self.0.first() {
            Some(word) => Err(format!("`{word}` is not understood here")),
            None => Ok(()),
        }
    }
}

/// Anything that reads itself off a word.
pub(super) fn read<T: FromStr>(word: &str) -> Result<T, String> {
    word.parse()
        .map_err(|_| format!("`{word}` is not understood here"))
}

/// `300`, `6h`: seconds.
pub(super) fn seconds(word: &str) -> Result<u32, String> {
    let seconds = word.parse::<u32>().ok();
    let long = || {
        let span = humantime::parse_duration(word).ok()?;
        u32::try_from(span.as_secs()).ok()
    };
    seconds
        .or_else(long)
        .ok_or_else(|| format!("`{word}` is no duration"))
}

pub(super) fn duration(word: &str) -> Result<Duration, String> {
    seconds(word).map(|seconds| Duration::from_secs(seconds.into()))
}

/// The names that words stand for, braces and all.
pub(super) fn names(words: &[&str]) -> Result<Vec<DnsName>, String> {
    let mut names = Vec::new();
    for word in words {
        for text in braces::expand(word).map_err(|error| error.to_string())? {
            names.push(read(&text)?);
        }
    }
    Ok(names)
}
