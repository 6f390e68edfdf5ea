//! The parameters of a request: taken one by one, and what is left over refused by name.
//!
//! Deliberately absent: meaning. Each handler knows its own.

use std::{collections::BTreeMap, fmt::Display};

use axum::{
    extract::{FromRequestParts, Query},
    http::request::Parts,
};
use chrono::{DateTime, Utc};

use super::problem::Problem;
use crate::{clock, types::parse_instant};

/// What stands behind the `?`, each name once.
pub(super) struct Parameters(BTreeMap<String, String>);

impl<S: Sync> FromRequestParts<S> for Parameters {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let pairs = Query::<Vec<(String, String)>>::try_from_uri(&parts.uri)
            .map_err(|error| Problem::BadRequest(error.to_string()))?;
        let mut given = BTreeMap::new();
        for (name, text) in pairs.0 {
            if given.contains_key(&name) {
                let twice = format!("`{name}` is given twice");
                return Err(Problem::BadRequest(twice));
            }
            given.insert(name, text);
        }
        Ok(Self(given))
    }
}

impl Parameters {
    /// Takes one out and reads it; `None` where it was not given.
    pub(super) fn take<T, E: Display>(
        &mut self,
        name: &str,
        read: impl FnOnce(&str) -> Result<T, E>,
    ) -> Result<Option<T>, Problem> {
        let wrong = |error| Problem::BadRequest(format!("{name}: {error}"));
        let text = self.0.remove(name);
        text.map(|text| read(&text)).transpose().map_err(wrong)
    }

    /// Takes a text out as it is.
    pub(super) fn take_text(&mut self, name: &str) -> Option<String> {
        self.0.remove(name)
    }

    /// Takes an instant out: RFC 3339, or relative to now.
    pub(super) fn take_instant(&mut self, name: &str) -> Result<Option<DateTime<Utc>>, Problem> {
        self.take(name, |text| parse_instant(text, clock::now()))
    }

    /// Takes `from` and `to` out.
    pub(super) fn take_window(&mut self) -> Result<[Option<DateTime<Utc>>; 2], Problem> {
        let (from, to) = (self.take_instant("from")?, self.take_instant("to")?);
        if let (Some(begin), Some(end)) = (from, to)
            && begin > end
        {
            let wrong = "from: later than `to`: nothing lies between them";
            return Err(Problem::BadRequest(wrong.to_owned()));
        }
        Ok([from, to])
    }

    /// Refuses what nobody took.
    pub(super) fn end(self, known: &str) -> Result<(), Problem> {
        match self.0.into_keys().next() {
            Some(name) => Err(Problem::BadRequest(format!(
                "unknown parameter `{name}`; known are {known}"
            ))),
            None => Ok(()),
        }
    }
}
