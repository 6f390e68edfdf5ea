//! Where a value stands with the authorities of its link: served now, served once, or never.
//!
//! Deliberately absent: what follows from that.

use chrono::{DateTime, Utc};

use super::value::Subject;
use crate::{
    audit::{declared::Values, history::Past},
    types::{Mode, Value},
};

/// Where a value stands with the authorities.
pub(super) enum Place {
    /// In `C`.
    Current,
    /// What the authority said last, before every server of it fell silent for too long.
    LastHeard,
    /// Served once, and no more.
    Past(Past),
    /// In no epoch.
    Unseen,
}

impl Subject<'_> {
    pub(super) fn place(&self) -> Place {
        let value = &self.link.value;
        if let Some(scope) = self.scope() {
            return self.place_in_pool(&value.records(), Some(scope));
        }
        if self.standing.current(value).is_some() {
            return Place::Current;
        }
        if self.standing.was_last_heard(value) {
            return Place::LastHeard;
        }
        if self.mode != Mode::Exact && !value.is_negative() {
            return self.place_in_pool(&value.records(), None);
        }
        self.standing.past(value).map_or(Place::Unseen, Place::Past)
    }

    /// The SCOPE that the answer was made for, where authorities said anything for the same.
    fn scope(&self) -> Option<u8> {
        let scope = self.sample.ecs_scope?;
        let counts = self.mode == Mode::Geo && !self.link.value.is_negative();
        (counts && self.standing.speaks_for(scope)).then_some(scope)
    }

    /// One outsider never passes; else the member that must go first decides.
    fn place_in_pool(&self, records: &[String], scope: Option<u8>) -> Place {
        let now = self.context.input.now;
        let mut gone = Vec::new();
        for rdata in records {
            let is_served = scope.is_none() && self.is_served(rdata);
            if self.context.input.policy.expect.contains(rdata) || is_served {
                continue;
            }
            let past = self.standing.pooled(rdata, scope);
            if self.is_joining(rdata, past.as_ref().map(|past| past.end)) {
                continue;
            }
            match past {
                Some(past) if past.end < now => gone.push(past),
                Some(_) => {}
                None => return Place::Unseen,
            }
        }
        let first = gone.into_iter().min_by_key(|past| past.deadline);
        first.map_or(Place::Current, Place::Past)
    }

    /// Whether a declared change brings the record into the pool.
    fn is_joining(&self, rdata: &str, ended: Option<DateTime<Utc>>) -> bool {
        let place = (&self.sample.question, &self.link.owner);
        let covers = |to: &Values| to.contains(rdata);
        let declared = self.context.input.declared;
        declared
            .expects(place, covers, self.sample.at, ended)
            .is_some()
    }

    /// Whether a set that is served now holds the record. An alias is a value by itself, and was found to be current before.
    fn is_served(&self, rdata: &str) -> bool {
        let mut current = self.standing.current.iter();
        current.any(|one| matches!(one.value, Value::Rrset(set) if set.contains(rdata)))
    }
}
