//! What changed between two instants.
//!
//! Deliberately absent: what happened in between, which is the timeline's.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::{Store, StoreError, state::StateRow};
use crate::{audit::verdict::State, names::DnsName, types::SeriesKey};

/// Two instants compared.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Diff {
    /// The one.
    pub from: DateTime<Utc>,
    /// The other.
    pub to: DateTime<Utc>,
    /// Backends whose answer or verdict differs, by question, source and site.
    pub changed: Vec<Changed>,
    /// Backends that said and were judged the same at both.
    pub unchanged: usize,
}

/// A backend before and after; `None` where it had not been seen yet.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Changed {
    /// At the one instant.
    pub before: Option<StateRow>,
    /// At the other.
    pub after: Option<StateRow>,
}

impl Changed {
    /// Either of the two: what they have in common can be read off it.
    pub fn either(&self) -> Option<&StateRow> {
        self.after.as_ref().or(self.before.as_ref())
    }
}

impl Diff {
    /// Compares two states. A backend is an address seen from a vantage, at a site.
    pub fn between(
        from: DateTime<Utc>,
        to: DateTime<Utc>,
        [one, other]: [Vec<StateRow>; 2],
    ) -> Self {
        let mut both: BTreeMap<_, (Option<StateRow>, Option<StateRow>)> = BTreeMap::new();
        for row in one {
            let backend = backend(&row);
            both.entry(backend).or_default().0 = Some(row);
        }
        for row in other {
            let backend = backend(&row);
            both.entry(backend).or_default().1 = Some(row);
        }
        let total = both.len();
        let differs = |(before, after): &(Option<StateRow>, Option<StateRow>)| {
            before.as_ref().map(essence) != after.as_ref().map(essence)
        };
        let changed = both.into_values().filter(differs);
        let changed = changed.map(|(before, after)| Changed { before, after });
        let changed: Vec<Changed> = changed.collect();
        Self {
            from,
            to,
            unchanged: total - changed.len(),
            changed,
        }
    }
}

fn backend(row: &StateRow) -> (SeriesKey, Arc<str>, Option<Arc<str>>) {
    let span = &row.span.span;
    (
        span.series.clone(),
        row.span.vantage.clone(),
        span.site.clone(),
    )
}

fn essence(row: &StateRow) -> (&crate::types::Answer, Option<State>) {
    let state = row.verdict.as_ref().map(|verdict| verdict.state);
    (&row.span.span.answer, state)
}

impl Store {
    /// What changed at these names, at all where none is given. `periods` as [`StateRow::or_unknown`] takes them.
    pub async fn diff(
        &self,
        (from, to): (DateTime<Utc>, DateTime<Utc>),
        names: &[DnsName],
        periods: &BTreeMap<String, Duration>,
    ) -> Result<Diff, StoreError> {
        let before = self.states_at(from, names).await?;
        let after = self.states_at(to, names).await?;
        let known = |rows: Vec<StateRow>| {
            let rows = rows.into_iter().map(|row| row.or_unknown(periods));
            rows.collect()
        };
        Ok(Diff::between(from, to, [before, after].map(known)))
    }

    /// The states of these names, of all where none is given, at an instant.
    pub async fn states_at(
        &self,
        at: DateTime<Utc>,
        names: &[DnsName],
    ) -> Result<Vec<StateRow>, StoreError> {
        if names.is_empty() {
            return self.state_at(at, None).await;
        }
        let mut states = Vec::new();
        for name in names {
            states.extend(self.state_at(at, Some(name)).await?);
        }
        Ok(states)
    }
}
