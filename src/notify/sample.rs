//! Made-up incidents, one for each verdict, so that people see what a message looks like before there is a reason for one.
//!
//! They name the reader's own names and resolvers. Deliberately absent: any judgement, and any word to a channel that it
//! is real; [`super::remarks`] says on each that it is a sample.

mod evidence;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use uuid::Uuid;

use super::wording;
use crate::{
    audit::{
        finding::FindingKind,
        incident::{
            Axis, Flapping, Incident, IncidentKey, News, Status, Tally, Transition, TransitionKind,
        },
        verdict::{Family, State},
    },
    names::DnsName,
    types::{RecordType, Resolver, Severity},
};

/// How long ago the made-up incident began.
const AGO: TimeDelta = TimeDelta::minutes(10);

/// Whom the sample names.
#[derive(Debug, Clone, Copy)]
pub struct Scene<'a> {
    /// The incident's id: it leads nowhere.
    pub id: Uuid,
    /// Where it is seen from.
    pub vantage: &'a str,
    /// The group.
    pub group: &'a str,
    /// The names it touches, the first of them in the headline.
    pub name: &'a DnsName,
    /// Where wrong answers are seen; the first two count.
    pub resolvers: &'a [Arc<Resolver>],
    /// The instant of the step.
    pub now: DateTime<Utc>,
}

/// A step in a sample's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Confirmed.
    Opened,
    /// A second resolver joined.
    Updated,
    /// Still there after four hours.
    Reminder,
    /// Clean of late.
    Recovering,
    /// Over.
    Resolved,
    /// Open once more, for the third time within an hour.
    Flapping,
}

impl Step {
    /// Every step, in the order of a life; last, what comes and goes.
    pub const ALL: [Self; 6] = [
        Self::Opened,
        Self::Updated,
        Self::Reminder,
        Self::Recovering,
        Self::Resolved,
        Self::Flapping,
    ];

    /// The name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Opened => "opened",
            Self::Updated => "updated",
            Self::Reminder => "reminder",
            Self::Recovering => "recovering",
            Self::Resolved => "resolved",
            Self::Flapping => "flapping",
        }
    }

    fn kind(self) -> TransitionKind {
        match self {
            Self::Opened | Self::Flapping => TransitionKind::Opened,
            Self::Updated | Self::Recovering => TransitionKind::Updated,
            Self::Reminder => TransitionKind::Reminder,
            Self::Resolved => TransitionKind::Resolved,
        }
    }
}

/// The verdicts that there is a sample of: every state and finding that can be told, and `blind`.
pub fn verdicts() -> impl Iterator<Item = &'static str> {
    wording::names().filter(|name| family(name).is_some())
}

/// The step of a made-up incident of this verdict; `None` where nothing of that name can be told.
pub fn transition(verdict: &str, step: Step, scene: &Scene<'_>) -> Option<Transition> {
    let incident = at_step(opened(verdict, family(verdict)?, scene), step, scene);
    let reason = match step {
        Step::Opened => incident.reason.clone(),
        Step::Updated => "also at another resolver".to_owned(),
        Step::Reminder => format!("still open: {}; also at another resolver", incident.reason),
        Step::Recovering => "3 clean rounds in a row wherever it was bad".to_owned(),
        Step::Resolved => "nothing bad for 10m, and no cache holds it any more".to_owned(),
        Step::Flapping => {
            let since = to_the_second(scene.now - AGO * 4);
            format!(
                "flapping, bad 3 times since {since}, now again; it stays open until it was quiet for 1h"
            )
        }
    };
    Some(Transition {
        number: incident.transitions - 1,
        kind: step.kind(),
        at: scene.now,
        causes: Vec::new(),
        reason,
        incident,
    })
}

fn family(verdict: &str) -> Option<Family> {
    let state = State::ALL.into_iter().find(|state| state.name() == verdict);
    match (state, verdict) {
        (Some(state), _) => state.family(),
        (None, "blind") => Some(Family::Blind),
        (None, other) => other.parse::<FindingKind>().ok().map(Family::Finding),
    }
}

fn severity(verdict: &str) -> Severity {
    match verdict {
        "bogus" | "filtered" | "divergent" | "nxdomain_mismatch" | "nodata_mismatch"
        | "stale_overdue" | "expected_mismatch" | "blind" => Severity::Critical,
        _ => Severity::Warning,
    }
}

fn key(family: Family, scene: &Scene<'_>) -> IncidentKey {
    let (axis, subject) = match family {
        Family::Value | Family::Failure | Family::Finding(FindingKind::TtlStretched) => {
            (Axis::Name, format!("{} A", scene.name))
        }
        Family::Finding(_) => (Axis::Authority, evidence::zone(scene.name)),
        Family::Blind => (Axis::Vantage, scene.vantage.to_owned()),
    };
    IncidentKey {
        group: scene.group.to_owned(),
        axis,
        subject,
        family,
    }
}

/// The incident as it was confirmed.
fn opened(verdict: &str, family: Family, scene: &Scene<'_>) -> Incident {
    let observed = evidence::observed(verdict, family, scene);
    let began = scene.now - AGO;
    let at_authority = matches!(family, Family::Finding(kind) if kind != FindingKind::TtlStretched);
    let who = observed.iter().map(|seen| seen.resolver.clone()).collect();
    let (resolvers, authorities) = if at_authority {
        (BTreeSet::new(), who)
    } else {
        (who, BTreeSet::new())
    };
    Incident {
        id: scene.id,
        key: key(family, scene),
        status: Status::Open,
        verdict: verdict.to_owned(),
        severity: severity(verdict),
        names: BTreeSet::from([scene.name.clone()]),
        types: BTreeSet::from([RecordType::A]),
        resolvers,
        authorities,
        vantages: BTreeSet::from([scene.vantage.to_owned()]),
        baseline: (family != Family::Blind).then(|| evidence::right(verdict)),
        cached_until: observed.iter().filter_map(|seen| seen.cached_until).max(),
        worst_case_until: evidence::worst_case(verdict, family, began),
        backends: BTreeMap::new(),
        throttled: BTreeMap::new(),
        observed,
        opened_at: began,
        confirmed_at: began,
        last_bad_at: scene.now,
        recovering_at: None,
        resolved_at: None,
        acked_at: None,
        clean_rounds: 0,
        transitions: 1,
        told_at: scene.now,
        calm: BTreeMap::new(),
        untold: News::default(),
        flapping: None,
        tallies: BTreeMap::new(),
        reason: evidence::reason(verdict, family, scene),
    }
}

/// Half an hour in which two of three samples were bad.
fn tallies(incident: &Incident) -> BTreeMap<String, Tally> {
    if !matches!(incident.key.family, Family::Value | Family::Failure) {
        return BTreeMap::new();
    }
    let mut tallies: BTreeMap<String, Tally> = BTreeMap::new();
    for seen in &incident.observed {
        let tally = tallies.entry(seen.resolver.clone()).or_default();
        for minute in 0..30 {
            let at = incident.told_at - TimeDelta::minutes(minute);
            let (site, is_bad) = match minute % 3 {
                0 => (seen.site.as_ref().map(|_| "another"), false),
                _ => (seen.site.as_deref(), true),
            };
            tally.note(at, site, is_bad);
        }
    }
    tallies
}

fn to_the_second(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

fn at_step(incident: Incident, step: Step, scene: &Scene<'_>) -> Incident {
    let now = scene.now;
    let mut incident = match step {
        Step::Recovering | Step::Resolved => last_seen(incident, now - AGO / 2),
        _ => incident,
    };
    incident.tallies = tallies(&incident);
    match step {
        Step::Opened => incident,
        Step::Updated | Step::Reminder => Incident {
            transitions: 2,
            ..incident
        },
        Step::Recovering => Incident {
            status: Status::Recovering,
            recovering_at: Some(now),
            clean_rounds: 3,
            transitions: 3,
            ..incident
        },
        Step::Resolved => Incident {
            status: Status::Resolved,
            recovering_at: Some(now - AGO / 4),
            resolved_at: Some(now),
            clean_rounds: 13,
            transitions: 4,
            ..incident
        },
        Step::Flapping => Incident {
            flapping: Some(Flapping {
                since: now - AGO * 4,
                onsets: 3,
                is_lull: false,
            }),
            ..incident
        },
    }
}

/// The incident, seen for the last time at `last`, when its TTL had nearly run out.
fn last_seen(mut incident: Incident, last: DateTime<Utc>) -> Incident {
    let until = last + AGO / 4;
    incident.last_bad_at = last;
    incident.cached_until = incident.cached_until.map(|_| until);
    for seen in &mut incident.observed {
        seen.at = last;
        seen.ttl = seen.ttl.map(|ttl| seen.cached_until.map_or(ttl, |_| 150));
        seen.cached_until = seen.cached_until.map(|_| until);
    }
    incident
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_a_sample_of_everything_that_can_be_told_and_of_nothing_else() {
        let told = State::ALL
            .iter()
            .filter(|state| state.family().is_some())
            .map(|state| state.name());
        let findings = FindingKind::ALL.iter().map(|kind| kind.name());
        let mut expected: Vec<&str> = told.chain(findings).chain(["blind"]).collect();
        let mut there: Vec<&str> = verdicts().collect();
        expected.sort_unstable();
        there.sort_unstable();
        assert_eq!(there, expected);
        assert!(family("consistent").is_none() && family("nonsense").is_none());
    }
}
