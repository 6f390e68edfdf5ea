//! The other direction: whoever says what no cache may still say, or what was never said, is caught at the first sample that
//! shows it, with the right ends, and told once.
//!
//! Ends are worked out here from the raw observations, by their definitions.

use std::{cell::RefCell, collections::BTreeSet};

use chrono::{DateTime, Utc};
use proptest::{prelude::*, test_runner::TestCaseResult};

use super::{
    Tally, hold,
    properties::{BELIEVED, epochs, record, values_of},
    simulator::{Dice, Simulation, begin, heard},
};
use crate::{
    audit::{
        history::EPSILON,
        incident::{Axis, Incident, Transition, TransitionKind},
        testing::{ALIEN, NAME, Reply, Round, Scene, data, resolver, rrset, secs},
        verdict::{Family, State, Verdict},
    },
    types::{Observation, Question, Severity, Source, SourceKind, Value},
};

/// Rounds that are honest, before one resolver no longer is.
const HONEST: i64 = 40;

/// The liar, and the cap that is known of it, seconds.
const LIAR: &str = "google";
const CAP: u32 = 200;

/// What a value's raw observations come to.
#[derive(Debug)]
struct Ends {
    /// `D(v)`; `None`: in no epoch.
    deadline: Option<DateTime<Utc>>,
    /// The latest end that an honest backend of the liar can have.
    honest: Option<DateTime<Utc>>,
    /// The latest `t + θ` at the liar.
    cached_until: DateTime<Utc>,
    /// The last sight of it there, and the highest TTL.
    last: (DateTime<Utc>, u32),
}

impl Ends {
    /// `None`: the value is served now.
    fn of(seen: &[Observation], value: &Value) -> Option<Self> {
        let epochs = epochs(seen, value)?;
        let held = |ttl: u32| secs(i64::from(ttl));
        let of_liar = seen.iter().filter(|one| {
            one.source.id == LIAR
                && one
                    .answer
                    .links
                    .first()
                    .is_some_and(|link| link.value == *value)
        });
        let sights: Vec<_> = of_liar.map(|one| (one.at, one.link_ttl(0))).collect();
        let longest = sights.iter().map(|(_, ttl)| *ttl).max()?;
        Some(Self {
            deadline: epochs.iter().map(|(end, ttl)| *end + held(*ttl)).max(),
            honest: epochs
                .iter()
                .map(|(end, ttl)| *end + held((*ttl).min(CAP)))
                .max(),
            cached_until: sights.iter().map(|(at, ttl)| *at + held(*ttl)).max()?,
            last: (sights.iter().map(|(at, _)| *at).max()?, longest),
        })
    }

    fn worst_case(&self) -> DateTime<Utc> {
        match self.honest {
            Some(honest) if self.cached_until > honest + EPSILON => self.cached_until,
            Some(honest) => honest,
            None => self.last.0 + secs(i64::from(self.last.1.min(CAP))),
        }
    }

    /// The state of a reply received at `at`, where it is a breach.
    fn breach(&self, value: &Value, at: DateTime<Utc>, ttl: u32) -> Option<State> {
        let Some(deadline) = self.deadline else {
            return Some(match value {
                Value::Nxdomain => State::NxdomainMismatch,
                Value::Nodata => State::NodataMismatch,
                _ => State::Divergent,
            });
        };
        let latest = deadline + EPSILON;
        if at > latest {
            Some(State::StaleOverdue)
        } else {
            (at + secs(i64::from(ttl)) > latest).then_some(State::StaleExtended)
        }
    }
}

/// A world that was honest for a while.
struct Stage {
    simulation: RefCell<Simulation>,
    scene: Scene,
    seen: Vec<Observation>,
}

impl Stage {
    fn set(world: u64, tally: &mut Tally) -> Self {
        let simulation = RefCell::new(Simulation::new(world, false));
        let mut scene = simulation.borrow().scene();
        scene.resolvers[0] = resolver(LIAR, "8.8.8.8", Some(CAP));
        let seen = record(&simulation, &mut scene, (HONEST, tally));
        Self {
            simulation,
            scene,
            seen,
        }
    }

    /// The next rounds, in which the liar says this.
    fn lie(
        &self,
        value: &Value,
        ttl: u32,
        (rounds, tally): (i64, &mut Tally),
    ) -> (Vec<Round>, Vec<Observation>) {
        let simulation = RefCell::new(self.simulation.borrow().clone());
        let world = |source: &Source, question: &Question, now| -> Reply {
            let reply = heard(&simulation, source, question, now);
            if source.kind == SourceKind::Authority || source.id != LIAR {
                return reply;
            }
            let lie = data().link(NAME, value.clone(), ttl);
            Reply {
                site: reply.site,
                ..lie
            }
        };
        let (mut scene, mut seen) = (self.scene.clone(), self.seen.clone());
        let mut told = Vec::new();
        for nth in HONEST..HONEST + rounds {
            let round = scene.round(begin() + secs(60 * nth), &world);
            tally.round(&scene.observations, &round.verdicts);
            told.push(round);
            if nth == HONEST {
                seen.extend(scene.observations.iter().cloned());
            }
        }
        (told, seen)
    }
}

fn verdict(round: &Round) -> &Verdict {
    round.at(LIAR)
}

/// The messages of the value family, which are about wrong answers.
fn told(round: &Round) -> Vec<&Transition> {
    let steps = round.transitions.iter();
    steps
        .filter(|step| step.incident.key.family == Family::Value)
        .collect()
}

fn assert_told(incident: &Incident, state: State, ends: &Ends) -> TestCaseResult {
    prop_assert_eq!(&incident.verdict, state.name());
    let is_critical = state != State::StaleExtended;
    prop_assert_eq!(incident.severity == Severity::Critical, is_critical);
    prop_assert_eq!(incident.key.axis, Axis::Name);
    prop_assert_eq!(&incident.resolvers, &BTreeSet::from([LIAR.to_owned()]));
    prop_assert_eq!(incident.cached_until, Some(ends.cached_until));
    prop_assert_eq!(incident.worst_case_until, Some(ends.worst_case()));
    Ok(())
}

#[test]
fn what_no_cache_may_say_is_caught_at_its_first_sight_and_told_once() {
    hold(
        "what_no_cache_may_say_is_caught_at_its_first_sight_and_told_once",
        32,
        is_caught,
    );
}

#[test]
fn what_was_believed_once_is_caught() {
    for seed in BELIEVED {
        is_caught(seed, &mut Tally::default()).unwrap();
    }
}

fn is_caught(world: u64, tally: &mut Tally) -> TestCaseResult {
    let ttl = Dice(!world).below(4_000) as u32;
    let honest = Stage::set(world, tally);
    let mut values = values_of(&honest.seen);
    values.push(rrset(&[ALIEN]));
    for value in values {
        let (rounds, seen) = honest.lie(&value, ttl, (3, &mut *tally));
        let Some(ends) = Ends::of(&seen, &value) else {
            prop_assert_eq!(verdict(&rounds[0]).state, State::Consistent);
            continue;
        };
        let caught = verdict(&rounds[0]);
        let Some(state) = ends.breach(&value, caught.observed.at, ttl) else {
            prop_assert!(told(&rounds[0]).is_empty(), "{:#?}", told(&rounds[0]));
            continue;
        };
        prop_assert_eq!(
            (caught.state, caught.confirmed),
            (state, true),
            "{:#?}",
            caught
        );
        prop_assert_eq!(caught.deadline, ends.deadline);
        prop_assert_eq!(caught.cached_until, Some(ends.cached_until));
        prop_assert_eq!(
            caught.worst_case_until,
            Some(ends.worst_case()),
            "{:?}",
            ends
        );
        let steps = told(&rounds[0]);
        prop_assert_eq!(steps.len(), 1, "{:#?}", steps);
        prop_assert_eq!(steps[0].kind, TransitionKind::Opened);
        assert_told(&steps[0].incident, state, &ends)?;
        // Nothing new is told of it but that it is overdue by now.
        for step in rounds[1..].iter().flat_map(told) {
            prop_assert_eq!(step.kind, TransitionKind::Updated);
            prop_assert_eq!(
                (state, &*step.incident.verdict),
                (State::StaleExtended, "stale_overdue")
            );
        }
    }
    Ok(())
}
