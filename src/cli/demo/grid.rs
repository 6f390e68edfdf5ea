//! Who serves which site for which dialer, and for how many seconds more: the state of one instant as a small table.
//!
//! Deliberately absent: the story. What is shown is what the service has recorded.

use std::{collections::BTreeMap, net::IpAddr};

use chrono::{DateTime, Utc};

use crate::{
    cli::{length, table},
    demo::{
        RESOLVERS,
        story::{DIALERS, Site},
    },
    store::state::StateRow,
    types::{Severity, SourceKind},
};

/// One source's answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Cell {
    site: Site,
    /// Seconds that are left of it.
    left: i64,
    severity: Severity,
}

/// The table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Grid {
    /// By name and source; every authority is `""`.
    cells: BTreeMap<(String, String), Cell>,
}

impl Grid {
    /// What the states of an instant say.
    pub(super) fn of(states: &[StateRow], now: DateTime<Utc>) -> Self {
        let cells = states.iter().filter_map(|row| {
            let span = &row.span.span;
            let address = span
                .answer
                .last()?
                .value
                .records()
                .first()?
                .parse::<IpAddr>();
            let source = match span.series.source.kind {
                SourceKind::Resolver => span.series.source.id.clone(),
                SourceKind::Authority => String::new(),
            };
            let cell = Cell {
                site: Site::of(address.ok()?)?,
                left: (span.cached_until? - now).num_seconds(),
                severity: row
                    .verdict
                    .as_ref()
                    .map_or(Severity::None, |verdict| verdict.severity),
            };
            Some(((span.series.question.name.to_string(), source), cell))
        });
        Self {
            cells: cells.collect(),
        }
    }

    /// The resolvers that handed out site B `before`, and hand it out no more, while the authority is back at A.
    pub(super) fn let_go(&self, before: &Self) -> impl Iterator<Item = &'static str> {
        let authority_is_back = !self.has_b("");
        let ids = RESOLVERS.map(|resolver| resolver.id).into_iter();
        let gone: Vec<_> = ids
            .filter(|id| authority_is_back && before.has_b(id) && !self.has_b(id))
            .collect();
        gone.into_iter()
    }

    fn has_b(&self, source: &str) -> bool {
        let mut cells = self.cells.iter();
        cells.any(|((_, of), cell)| of == source && cell.site == Site::B)
    }

    /// For people.
    pub(super) fn text(&self) -> String {
        let rows = DIALERS.into_iter().map(|dialer| {
            let name = dialer.name();
            let cell = |source: &str| {
                let cell = self.cells.get(&(name.clone(), source.to_owned()));
                cell.map_or_else(|| "-".to_owned(), Cell::text)
            };
            let authority = self.cells.get(&(name.clone(), String::new()));
            let authority = authority.map_or("-", |cell| cell.name());
            let [one, six, twelve, isp] = RESOLVERS.map(|resolver| cell(resolver.id));
            (
                [name.clone(), authority.to_owned(), one, six, twelve, isp],
                [],
            )
        });
        let [one, six, twelve, isp] = RESOLVERS.map(|resolver| resolver.id);
        table::render(["NAME", "AUTHORITY", one, six, twelve, isp], [], rows)
    }
}

impl Cell {
    fn name(&self) -> &'static str {
        match self.site {
            Site::A => "A",
            Site::B => "B",
        }
    }

    /// `B!! 5h 55m`: the site, how bad that is, and for how long it may be handed out.
    fn text(&self) -> String {
        let mark = match self.severity {
            Severity::Critical => "!!",
            Severity::Warning => "!",
            _ => "",
        };
        format!("{}{mark} {}", self.name(), length::text(self.left.max(0)))
    }
}
