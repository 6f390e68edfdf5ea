//! Which resolver addresses are left alone but for one question a round, and when they are asked everything again.
//!
//! Begun once everything asked of an address is turned away and an open incident says so of each question; ended by the
//! first answer. What is not asked meanwhile says nothing: it is neither clean nor worse.
//!
//! Deliberately absent: asking, and authorities, which are never left alone.

use std::{collections::BTreeMap, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};

use super::{
    Judgement, Ledger, backends::address_name, book::Book, ids::derive, recovery::instant,
};
use crate::{
    audit::{
        incident::{Cause, Incident, Throttle},
        verdict::{Family, State, Verdict},
    },
    types::{Question, Source},
};

/// The longest time between two rounds that ask an address everything, however often that was in vain.
pub const MOST_APART: Duration = Duration::from_mins(5);

/// How much earlier than planned a try may come, in thousandths of the wait.
const JITTER: u128 = 100;

/// The addresses that are left alone but for one question a round.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Throttles {
    by_address: BTreeMap<String, Throttle>,
}

impl Throttles {
    /// As a group's last round left them.
    pub fn of(ledger: &Ledger) -> Self {
        let noted = ledger.incidents.iter().flat_map(|one| &one.throttled);
        let mut going_on: Vec<_> = noted.filter(|(_, one)| one.until.is_none()).collect();
        // Of several notes on one address the latest counts: an incident that follows it no more keeps an old one.
        going_on.sort_by_key(|(_, one)| (one.tries, one.canaries));
        let each = going_on.into_iter();
        Self {
            by_address: each
                .map(|(name, one)| (name.clone(), one.clone()))
                .collect(),
        }
    }

    /// Whether an address is left alone.
    pub fn holds(&self, source: &Source) -> bool {
        self.get(source).is_some()
    }

    /// How many addresses are left alone.
    pub fn len(&self) -> usize {
        self.by_address.len()
    }

    /// Whether every address is asked everything.
    pub fn is_empty(&self) -> bool {
        self.by_address.is_empty()
    }

    /// The one question that an address is asked in a round at `now`, each in its turn, so that no single broken name
    /// keeps it left alone; `None` where it is asked everything.
    pub fn canary<'a>(
        &self,
        source: &Source,
        questions: &'a [Question],
        period: Duration,
        now: DateTime<Utc>,
    ) -> Option<&'a Question> {
        let throttle = self.get(source)?;
        // A round that begins a little before the instant is the one that was meant.
        let is_due = now + delta(period / 2) >= throttle.next_try;
        let turn = throttle.canaries as usize % questions.len().max(1);
        questions.get(turn).filter(|_| !is_due)
    }

    fn get(&self, source: &Source) -> Option<&Throttle> {
        self.by_address.get(&address_name(source))
    }
}

/// Brings every address that was asked in the round up to date.
pub(super) fn step(book: &mut Book, before: &Throttles, judgement: &Judgement<'_>, deaf: bool) {
    let mut by_source: BTreeMap<&Source, Vec<&Verdict>> = BTreeMap::new();
    for verdict in judgement.verdicts {
        let source = &verdict.observed.source;
        by_source.entry(source).or_default().push(verdict);
    }
    for (source, verdicts) in by_source {
        if !verdicts.iter().all(|verdict| is_turned_away(verdict)) {
            end(book, source, judgement.now);
        } else if let Some(throttle) = next(book, before, source, &verdicts, judgement, deaf) {
            hold(book, source, &throttle);
        }
    }
}

/// Rows 1 and 2: nothing of use came back, and what comes next may be no better.
fn is_turned_away(verdict: &Verdict) -> bool {
    matches!(verdict.state, State::Unreachable | State::Refused)
}

fn end(book: &mut Book, source: &Source, now: DateTime<Utc>) {
    let name = address_name(source);
    for entry in book.entries() {
        if let Some(throttle) = entry.incident.throttled.get_mut(&name) {
            throttle.until.get_or_insert(now);
        }
    }
}

/// How an address is asked that turned everything of this round away; `None`: as before.
fn next(
    book: &mut Book,
    before: &Throttles,
    source: &Source,
    verdicts: &[&Verdict],
    judgement: &Judgement<'_>,
    deaf: bool,
) -> Option<Throttle> {
    let was_held_back = judgement.held_back.contains(source);
    match before.get(source) {
        Some(known) if was_held_back => Some(Throttle {
            canaries: known.canaries.saturating_add(1),
            ..known.clone()
        }),
        Some(known) => Some(Throttle {
            tries: known.tries.saturating_add(1),
            next_try: next_try(known.tries.saturating_add(1), source, judgement),
            ..known.clone()
        }),
        // A longer period is back-off enough. While the vantage hears nobody, nobody else is blamed.
        None if was_held_back || deaf || judgement.policy.period * 2 > MOST_APART => None,
        None => {
            let is_confirmed = |verdict: &&Verdict| {
                let mut open = book.open_entries().map(|entry| &entry.incident);
                open.any(|incident| says_so(incident, source, &verdict.question))
            };
            verdicts.iter().all(is_confirmed).then(|| Throttle {
                since: judgement.now,
                until: None,
                tries: 1,
                next_try: next_try(1, source, judgement),
                canaries: 0,
            })
        }
    }
}

/// Whether an incident says that a question fails at an address.
fn says_so(incident: &Incident, source: &Source, question: &Question) -> bool {
    incident.key.family == Family::Failure
        && incident.backends.contains_key(&address_name(source))
        && incident.names.contains(&question.name)
        && incident.types.contains(&question.rtype)
}

/// Notes it at every open incident of that address; the first time it is told.
fn hold(book: &mut Book, source: &Source, throttle: &Throttle) {
    let name = address_name(source);
    for entry in book.open_entries() {
        let incident = &mut entry.incident;
        if incident.key.family != Family::Failure || !incident.backends.contains_key(&name) {
            continue;
        }
        let is_new = incident
            .throttled
            .insert(name.clone(), throttle.clone())
            .is_none();
        if is_new {
            let since = instant(throttle.since);
            let note = format!("{source} is asked one question a round since {since}");
            entry.step(Cause::Throttled, note);
        }
    }
}

/// Two periods after the first try in vain, then four, eight and so on, and a little less by a part that differs from
/// address to address.
fn next_try(tries: u32, source: &Source, judgement: &Judgement<'_>) -> DateTime<Utc> {
    let periods = 2_u32.saturating_pow(tries);
    let wait = judgement
        .policy
        .period
        .saturating_mul(periods)
        .min(MOST_APART);
    let words = [
        "back-off",
        judgement.vantage,
        judgement.group,
        &address_name(source),
        &tries.to_string(),
    ];
    let early = derive(&words).as_u128() % (JITTER + 1);
    judgement.now + delta(wait.mul_f64(1.0 - early as f64 / 1_000.0))
}

fn delta(duration: Duration) -> TimeDelta {
    TimeDelta::from_std(duration).unwrap_or(TimeDelta::MAX)
}
