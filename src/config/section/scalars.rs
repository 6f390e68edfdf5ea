//! Scalar values of a section: text, words, numbers, flags, durations.
//!
//! Deliberately absent: lists, and what a text means beyond its type.

use std::{ops::RangeInclusive, time::Duration};

use super::{Located, Section, within, wrong_type};
use crate::config::{
    error::{Complaint, suggestion},
    raw::Value,
};

impl Section<'_, '_> {
    /// Text as written.
    pub(in crate::config) fn text(&mut self, key: &'static str) -> Option<Located<String>> {
        self.parsed(key, |text| Ok(text.to_owned()))
    }

    /// Text that `parse` makes sense of; its complaint stands alone, without the key.
    pub(in crate::config) fn parsed<T>(
        &mut self,
        key: &'static str,
        parse: impl FnOnce(&str) -> Result<T, Complaint>,
    ) -> Option<Located<T>> {
        let text = self.read(key, |value| match value {
            Value::Text(text) | Value::Word(text) => Ok(text.clone()),
            other => Err(wrong_type("text", other)),
        })?;
        match parse(&text.value) {
            Ok(value) => Some(Located { at: text.at, value }),
            Err(complaint) => {
                self.report.add(&text.at, complaint);
                None
            }
        }
    }

    /// One of a few words.
    pub(in crate::config) fn word<T: Copy>(
        &mut self,
        key: &'static str,
        words: &[(&'static str, T)],
    ) -> Option<Located<T>> {
        self.parsed(key, |text| {
            let found = words.iter().find(|(word, _)| *word == text);
            let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            found.map(|(_, meaning)| *meaning).ok_or_else(|| {
                Complaint::new(format!("`{text}` is no {key}")).hint(suggestion(text, &known))
            })
        })
    }

    /// A whole number within bounds.
    pub(in crate::config) fn integer(
        &mut self,
        key: &'static str,
        range: RangeInclusive<i64>,
    ) -> Option<i64> {
        let range = i128::from(*range.start())..=i128::from(*range.end());
        let located = self.read(key, |value| {
            let number = match value {
                Value::Integer(number) => Some(*number),
                Value::Word(text) => text.trim().parse().ok(),
                _ => None,
            };
            within(
                number.ok_or_else(|| wrong_type("a whole number", value))?,
                &range,
            )
        })?;
        i64::try_from(located.value).ok()
    }

    /// A number within bounds; a whole one will do.
    pub(in crate::config) fn number(
        &mut self,
        key: &'static str,
        range: RangeInclusive<f64>,
    ) -> Option<f64> {
        let located = self.read(key, |value| {
            let number = match value {
                Value::Number(number) => Some(*number),
                Value::Integer(number) => Some(*number as f64),
                Value::Word(text) => text.trim().parse().ok(),
                _ => None,
            };
            within(number.ok_or_else(|| wrong_type("a number", value))?, &range)
        })?;
        Some(located.value)
    }

    /// `true` or `false`.
    pub(in crate::config) fn flag(&mut self, key: &'static str) -> Option<bool> {
        let located = self.read(key, |value| {
            let flag = match value {
                Value::Flag(flag) => Some(*flag),
                Value::Word(text) => text.trim().parse().ok(),
                _ => None,
            };
            flag.ok_or_else(|| wrong_type("true or false", value))
        })?;
        Some(located.value)
    }

    /// A duration in the form `5s`, `10m`, `1h 30m`, within bounds.
    pub(in crate::config) fn duration(
        &mut self,
        key: &'static str,
        range: RangeInclusive<Duration>,
    ) -> Option<Duration> {
        let located = self.read(key, |value| {
            let hint = "write it with its unit: \"5s\", \"10m\", \"2h\"";
            let (Value::Text(text) | Value::Word(text)) = value else {
                return Err(wrong_type("a duration", value).hint(hint));
            };
            let duration = humantime::parse_duration(text).map_err(|_| {
                Complaint::new(format!("must be a duration, not `{text}`")).hint(hint)
            })?;
            let shown = |duration: &Duration| humantime::format_duration(*duration).to_string();
            if range.contains(&duration) {
                return Ok(duration);
            }
            let (low, high) = (shown(range.start()), shown(range.end()));
            Err(Complaint::new(format!(
                "must be from {low} to {high}, not {}",
                shown(&duration)
            )))
        })?;
        Some(located.value)
    }
}
