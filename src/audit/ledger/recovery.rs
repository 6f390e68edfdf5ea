//! How incidents get better: clean rounds counted by backend, recovering, resolved, and reminders until then.
//!
//! Deliberately absent: getting worse, which is `growth`; what a declared flush ends, which is `flushed`.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};

use crate::{
    audit::{
        finding::FindingKind,
        incident::{Axis, Cause, Incident, Standing, Status},
        ledger::{
            Judgement,
            backends::{self, Touch},
            book::Entry,
            evidence::Sighting,
            explained::is_authority_down,
            flapping, flushed,
            keeping::note_observed,
            news::{self, Looks},
            path,
        },
        verdict::{Family, Verdict},
    },
    names::DnsName,
    types::{Question, Resolver, Severity},
};

/// Clean rounds in a row before a breach is recovering.
pub(super) const CLEAN_ROUNDS: u32 = 3;

/// Counts one round for an incident and takes the step that follows from it.
pub(super) fn step(entry: &mut Entry, sightings: &[Sighting<'_>], judgement: &Judgement<'_>) {
    let incident = &mut entry.incident;
    let (bad, clean) = if backends::is_by_backend(incident.key.family) {
        count_backends(incident, judgement)
    } else {
        let bad = sightings.iter().any(|one| one.target == incident.key);
        (bad, is_examined(incident, judgement))
    };
    if bad {
        incident.clean_rounds = 0;
    } else if clean {
        incident.clean_rounds = incident.clean_rounds.saturating_add(1);
    }
    move_on(entry, judgement);
}

/// What a round's samples say, one entry per backend name.
#[derive(Default)]
struct Samples {
    bad: BTreeMap<String, Bad>,
    clean: BTreeMap<String, DateTime<Utc>>,
}

/// The last bad sample of a backend, and until when what was bad may be held.
struct Bad {
    at: DateTime<Utc>,
    cached_until: Option<DateTime<Utc>>,
}

/// Brings every backend up to date; says whether any sample was bad, and whether any was clean.
fn count_backends(incident: &mut Incident, judgement: &Judgement<'_>) -> (bool, bool) {
    let family = incident.key.family;
    let mut looks: Vec<(&Verdict, bool)> = judgement
        .verdicts
        .iter()
        .filter(|verdict| concerns(incident, verdict))
        .map(|verdict| (verdict, backends::shows(verdict, incident)))
        .collect();
    looks.sort_by_key(|(verdict, _)| (&verdict.question, &verdict.observed.source));
    let (mut samples, mut members) = (Samples::default(), Looks::default());
    for (verdict, shows) in looks {
        let mut any_bad = false;
        for (names, touch, sample) in backends::touches(verdict, family, shows) {
            any_bad |= touch == Touch::Bad;
            members.note(incident, verdict, &sample, touch);
            let at = sample.at;
            let bad = Bad {
                at,
                cached_until: verdict.cached_until,
            };
            samples.add(names, touch, bad);
        }
        if any_bad {
            note(incident, verdict);
        }
    }
    samples.apply(incident);
    members.apply(incident, judgement);
    (!samples.bad.is_empty(), !samples.clean.is_empty())
}

impl Samples {
    fn add(&mut self, names: Vec<String>, touch: Touch, Bad { at, cached_until }: Bad) {
        for name in names {
            match touch {
                Touch::Bad => {
                    let last = self.bad.entry(name).or_insert(Bad { at, cached_until });
                    last.at = last.at.max(at);
                    last.cached_until = last.cached_until.max(cached_until);
                }
                Touch::Clean => {
                    let last = self.clean.entry(name).or_insert(at);
                    *last = at.max(*last);
                }
                Touch::Neither => {}
            }
        }
    }

    fn apply(&self, incident: &mut Incident) {
        for (name, bad) in &self.bad {
            backends::track(incident, name, bad.at, bad.cached_until);
            incident.last_bad_at = incident.last_bad_at.max(bad.at);
        }
        for (name, track) in &mut incident.backends {
            if let Some(bad) = self.bad.get(name) {
                track.last_bad = track.last_bad.max(bad.at);
                track.clean_rounds = 0;
            } else if let Some(at) = self.clean.get(name) {
                track.clean_rounds = track.clean_rounds.saturating_add(1);
                track.last_clean = track.last_clean.max(Some(*at));
            }
        }
    }
}

/// Whether a verdict is about the incident, at an address that was bad.
fn concerns(incident: &Incident, verdict: &Verdict) -> bool {
    let on_axis = match incident.key.axis {
        Axis::Name => {
            incident.names.contains(&verdict.question.name)
                && incident.types.contains(&verdict.question.rtype)
        }
        _ => incident.key.subject == verdict.resolver,
    };
    let address = backends::address_name(&verdict.observed.source);
    on_axis && incident.backends.contains_key(&address)
}

/// Keeps what a bad verdict proves, also where it opens nothing by itself.
fn note(incident: &mut Incident, verdict: &Verdict) {
    note_observed(incident, &verdict.observed);
    incident.cached_until = incident.cached_until.max(verdict.cached_until);
    incident.worst_case_until = incident.worst_case_until.max(verdict.worst_case_until);
}

/// Whether the round looked where an incident of a finding, or `blind`, would have been seen: only then is its absence clean.
fn is_examined(incident: &Incident, judgement: &Judgement<'_>) -> bool {
    let Family::Finding(kind) = incident.key.family else {
        return !judgement.verdicts.is_empty();
    };
    if incident.key.family == path::FAMILY {
        return path::is_examined(incident, judgement);
    }
    let concerns =
        |question: &Question| incident.names.is_empty() || incident.names.contains(&question.name);
    let asked = |verdict: &&Verdict| concerns(&verdict.question);
    let mut verdicts = judgement.verdicts.iter().filter(asked);
    if !incident.resolvers.is_empty() {
        return verdicts
            .any(|one| incident.resolvers.contains(&one.resolver) && one.state.row() >= 5);
    }
    if is_authority_down(kind) {
        return judgement.authorities.asked > 0 && !is_down_otherwise(incident, kind, judgement);
    }
    // A server that says nothing says nothing of its serial.
    if kind == FindingKind::SerialLag && is_down_otherwise(incident, kind, judgement) {
        return false;
    }
    // Authorities were asked also where a resolver was left alone.
    let is_asked = verdicts.next().is_some() || judgement.questions.iter().any(concerns);
    is_asked && judgement.authorities.answered > 0 && !is_unanswered(incident, judgement)
}

/// Whether a server that was lame is silent now, or the other way round: neither is clean.
fn is_down_otherwise(incident: &Incident, kind: FindingKind, judgement: &Judgement<'_>) -> bool {
    judgement.findings.iter().any(|finding| {
        finding.kind != kind
            && is_authority_down(finding.kind)
            && finding
                .authorities
                .iter()
                .any(|server| incident.authorities.contains(server))
    })
}

/// Whether no authoritative server answers for the incident's names.
fn is_unanswered(incident: &Incident, judgement: &Judgement<'_>) -> bool {
    judgement.findings.iter().any(|finding| {
        finding.kind == FindingKind::AuthorityUnreachable
            && finding.severity == Severity::Critical
            && finding
                .questions
                .iter()
                .any(|question| incident.names.contains(&question.name))
    })
}

fn move_on(entry: &mut Entry, judgement: &Judgement<'_>) {
    let incident = &entry.incident;
    let now = judgement.now;
    let clean = |whole_only: bool| {
        let mut tracks = incident.backends.iter();
        incident.clean_rounds >= CLEAN_ROUNDS
            && tracks.all(|(name, track)| {
                track.clean_rounds >= CLEAN_ROUNDS
                    || (whole_only && !backends::is_whole_address(name))
            })
    };
    // A site that is never sampled again must not hold the incident open: clean addresses suffice in the end.
    if clean(true) && is_out_of_time(incident, judgement) {
        let last = incident.last_bad_at;
        let step = match &incident.flapping {
            Some(flapping) => flapping::quiet(flapping, last),
            None => format!("not seen since {}", instant(last)),
        };
        entry.resolve(now, Cause::Over, step);
    } else if let Some(at) = flushed::everywhere(incident, judgement) {
        let step = format!(
            "flushed at {}, and clean since wherever it was bad",
            instant(at)
        );
        entry.resolve(now, Cause::Flushed, step);
    } else if clean(false) && Standing::of(incident) == Standing::Flapping {
        if let Some(flapping) = &mut entry.incident.flapping {
            flapping.is_lull = true;
        }
    } else if clean(false) && incident.status == Status::Open {
        let until = instant(earliest_end(incident, judgement));
        entry.incident.recovering_at = Some(now);
        let step =
            format!("clean for {CLEAN_ROUNDS} rounds wherever it was bad, watched until {until}");
        entry.step(Cause::Clean, step);
    }
}

fn is_out_of_time(incident: &Incident, judgement: &Judgement<'_>) -> bool {
    judgement.now - incident.last_bad_at >= quiet_window(incident, judgement)
        && (incident.key.family != Family::Value
            || flushed::cached_until(incident, judgement).is_none_or(|until| judgement.now > until))
}

fn earliest_end(incident: &Incident, judgement: &Judgement<'_>) -> DateTime<Utc> {
    let window_over = incident
        .last_bad_at
        .checked_add_signed(recovery_window(judgement))
        .unwrap_or(DateTime::<Utc>::MAX_UTC);
    match (
        incident.key.family,
        flushed::cached_until(incident, judgement),
    ) {
        (Family::Value, Some(until)) => window_over.max(until),
        _ => window_over,
    }
}

/// How long it must not have been seen: what flaps, for as long as its beginnings count.
fn quiet_window(incident: &Incident, judgement: &Judgement<'_>) -> TimeDelta {
    let window = recovery_window(judgement);
    let flaps = incident.flapping.as_ref();
    flaps.map_or(window, |_| window.max(flapping::window(judgement)))
}

pub(super) fn recovery_window(judgement: &Judgement<'_>) -> TimeDelta {
    TimeDelta::from_std(judgement.policy.recovery_window).unwrap_or(TimeDelta::MAX)
}

pub(super) fn instant(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// Tells an open incident again that nobody has taken and nothing was told of for `repeat_interval`.
pub(super) fn remind(entry: &mut Entry, judgement: &Judgement<'_>) {
    remind_every(entry, judgement.policy.repeat_interval, judgement.now);
}

/// Says again that it is open, where nothing was said of it for so long and no person took it.
pub(super) fn remind_every(entry: &mut Entry, interval: Duration, now: DateTime<Utc>) {
    let interval = TimeDelta::from_std(interval).unwrap_or(TimeDelta::MAX);
    let incident = &entry.incident;
    if incident.status == Status::Open
        && incident.acked_at.is_none()
        && now - incident.told_at >= interval
        && entry.is_quiet()
    {
        let since = news::since_last_message(incident, incident.told_at);
        let step = format!("{since}: {}{}", flapping::remark(incident), incident.reason);
        entry.step(Cause::Repeated, step);
    }
}

/// Forgets backends that the configuration no longer asks; says whether nothing of the incident is asked any more.
pub(super) fn forget_unasked(
    incident: &mut Incident,
    names: &BTreeSet<DnsName>,
    resolvers: &[Arc<Resolver>],
) -> bool {
    let asked: BTreeSet<(String, String)> = resolvers
        .iter()
        .flat_map(|resolver| resolver.sources())
        .map(|source| (source.id, source.address.to_string()))
        .collect();
    let was_followed = !incident.backends.is_empty();
    incident.backends.retain(|name, _| {
        backends::resolver_and_address(name).is_some_and(|(resolver, address)| {
            asked.contains(&(resolver.to_owned(), address.to_owned()))
        })
    });
    let followed = &incident.backends;
    let throttled = &mut incident.throttled;
    throttled.retain(|name, _| followed.contains_key(name));
    let names_left = incident.names.is_empty() || !incident.names.is_disjoint(names);
    let resolvers_left = if was_followed {
        !incident.backends.is_empty()
    } else {
        incident.resolvers.is_empty()
            || asked
                .iter()
                .any(|(resolver, _)| incident.resolvers.contains(resolver))
    };
    !(names_left && resolvers_left)
}
