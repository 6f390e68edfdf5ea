//! The finding about resolvers that keep a current value for longer than any authority allows.
//!
//! Deliberately absent: past values, which are the verdicts' business.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};

use super::{View, baseline, evidence};
use crate::{
    audit::{
        context::longest_gap,
        finding::{Finding, FindingKind, Subject},
        history::{EPSILON, Sighting, Standing},
        judge::YOUTH,
    },
    types::{Link, Observation, Question, SeriesKey, Severity, SourceKind, Value},
};

/// One finding a question, with every resolver that stretches it.
pub(super) fn find(view: &View) -> Vec<Finding> {
    let mut found: BTreeMap<&Question, Finding> = BTreeMap::new();
    let samples = view.input.samples();
    for sample in samples.filter(|one| one.source.kind == SourceKind::Resolver) {
        // A stale answer is given a TTL of its own (RFC 8767 section 5).
        if sample.is_stale() || view.is_intercepted(sample) {
            continue;
        }
        for (index, link) in sample.answer.links.iter().enumerate() {
            let Some((standing, severity)) = stretch(view, sample, (index, link)) else {
                continue;
            };
            let finding = found
                .entry(&sample.question)
                .or_insert_with(|| finding(view, sample, (index, link), standing));
            finding.severity = finding.severity.max(severity);
            finding.resolvers.push(sample.source.id.clone());
            finding.resolvers.sort_unstable();
            finding.resolvers.dedup();
            finding.observed.push(evidence(sample, index));
        }
    }
    found.into_values().collect()
}

/// The link's standing and how much it matters, where the link is current and expires later than it may. While an honest
/// cache may hold it under a TTL that nobody here has seen (it is older than the history, or a server was not heard since), it
/// is only noted.
fn stretch<'v>(
    view: &'v View,
    sample: &Observation,
    (index, link): (usize, &Link),
) -> Option<(&'v Standing<'v>, Severity)> {
    let rtype = sample.question.rtype;
    let standing = view.standing(&link.owner, rtype)?;
    let bound = latest_legal(standing, &link.value, sample.at)?;
    let expires = sample.expires_at(index);
    let is_heard = view.is_heard(&link.owner, rtype);
    if expires <= bound + EPSILON || !is_heard {
        return None;
    }
    let since = standing.since?;
    let copy = copy_of(view, sample, link);
    let has_fetched = |copy| {
        let of = (sample, &link.owner, copy);
        view.input.has_fetched(view.history, of, since)
    };
    let was_renewed = copy.is_some_and(has_fetched);
    let is_older = expires <= since + YOUTH && !was_renewed;
    let shown = copy.map_or(sample.at, Sighting::copy_seen);
    let severity = if is_older || lacks_a_word(view, standing, shown) {
        Severity::Info
    } else {
        Severity::Warning
    };
    Some((standing, severity))
}

/// The latest instant until which a cache may honestly hold a current value fetched by `at`.
fn latest_legal(standing: &Standing, value: &Value, at: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let current = standing.current(value)?;
    let fetched_now = at + TimeDelta::seconds(i64::from(current.ttl));
    let past = standing.past(value).map(|past| past.deadline);
    Some(past.map_or(fetched_now, |deadline| deadline.max(fetched_now)))
}

/// What this backend was seen to hold of the value.
fn copy_of<'v>(view: &'v View, sample: &Observation, link: &Link) -> Option<&'v Sighting> {
    let held = view.history.held(&SeriesKey::of(sample))?;
    held.at_backend(sample.site().as_deref(), &link.owner, &link.value)
}

/// Whether a server that answered within the last three rounds has not been heard since the copy was first seen: its TTL may
/// have risen unseen.
fn lacks_a_word(view: &View, standing: &Standing, shown: DateTime<Utc>) -> bool {
    let gap = TimeDelta::from_std(longest_gap(view.input.policy)).unwrap_or_default();
    let recently = view.input.now - gap;
    let mut words = standing.words().iter();
    words.any(|word| word.last_seen() >= recently && word.last_seen() + EPSILON < shown)
}

fn finding(
    view: &View,
    sample: &Observation,
    (index, link): (usize, &Link),
    standing: &Standing,
) -> Finding {
    let baseline = baseline(standing);
    let theta = baseline.as_ref().and_then(|baseline| baseline.ttl);
    Finding {
        kind: FindingKind::TtlStretched,
        severity: Severity::Info,
        subject: Subject::Question(sample.question.clone()),
        zone: view.zone_apex(&sample.question.name),
        questions: vec![sample.question.clone()],
        resolvers: Vec::new(),
        authorities: Vec::new(),
        reason: format!(
            "{}: {} gives {} a TTL of {} s; the authority allows {} s",
            sample.question,
            sample.source,
            link.owner,
            sample.link_ttl(index),
            theta.unwrap_or(0),
        ),
        baseline,
        observed: Vec::new(),
        at: view.input.now,
    }
}
