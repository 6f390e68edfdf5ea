//! What a round is judged by, beside the history and its observations, in a form that is stored: the evaluator judges by it
//! in the moment, and a replay judges by it again.
//!
//! Deliberately absent: asking and re-asking (which only adds observations), storage, and the order of judging, which is
//! [`super::round`].

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    audit::{
        declared::Declared,
        history::{History, SpanChange},
        judge::{self, Again, RoundInput, Zones},
        ledger::Ledger,
        round::{Conclusion, Round},
        verdict::Verdict,
    },
    types::{Observation, Policy, QueryOptions, Question, Resolver, Source, Target},
};

/// How far back spans are read at start, beyond what any deadline can need; and how far back a history reaches.
pub const REMEMBERED: TimeDelta = TimeDelta::days(8);

/// What a round is judged by, beside the history and what was observed. It is stored with every round.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct RoundContext {
    /// What changes with the configuration only.
    pub setting: Setting,
    /// Whose names lie where, as the round found them.
    pub zones: Zones,
    /// The resolver addresses that were asked one question only, and turned it away.
    pub held_back: BTreeSet<Source>,
    /// What people had declared.
    #[serde(default)]
    pub declared: Declared,
}

/// A group as it was configured for a round: what decides of a verdict, and nothing else.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Setting {
    /// What the group is judged by.
    pub policy: Policy,
    /// What was said beside every question, where a resolver says nothing else.
    pub options: QueryOptions,
    /// The group's resolvers.
    pub resolvers: Vec<Arc<Resolver>>,
    /// What the group asks, of whomever it asks it in a round.
    pub questions: Vec<Question>,
    /// Which of them a service record leads to, and which one.
    #[serde(default)]
    pub targets: Vec<Target>,
}

/// Where and when a round was judged.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// Where it was asked from.
    pub vantage: &'a str,
    /// The group.
    pub group: &'a str,
    /// The instant of judgement.
    pub now: DateTime<Utc>,
}

impl Setting {
    /// A silence longer than three rounds ends what is known of the time between.
    pub fn longest_gap(&self) -> Duration {
        longest_gap(&self.policy)
    }
}

/// [`Setting::longest_gap`] of a policy.
pub fn longest_gap(policy: &Policy) -> Duration {
    policy.period * 3
}

impl RoundContext {
    /// The judge's view of the round. `observations` in order of receipt, re-asking included.
    pub fn input<'a>(
        &'a self,
        observations: &'a [Observation],
        now: DateTime<Utc>,
    ) -> RoundInput<'a> {
        RoundInput {
            policy: &self.setting.policy,
            zones: &self.zones,
            resolvers: &self.setting.resolvers,
            options: self.setting.options,
            questions: &self.setting.questions,
            targets: &self.setting.targets,
            declared: &self.declared,
            observations,
            now,
        }
    }

    /// What the first replies of the round leave in doubt. The history has taken them in.
    pub fn doubtful(
        &self,
        history: &History,
        observations: &[Observation],
        now: DateTime<Utc>,
    ) -> Again {
        let input = self.input(observations, now);
        Again::of(&input, &judge::judge_round(history, &input))
    }

    /// The verdicts of the round by themselves. The history has taken in its observations.
    pub fn verdicts(
        &self,
        history: &History,
        observations: &[Observation],
        now: DateTime<Utc>,
    ) -> Vec<Verdict> {
        judge::judge_round(history, &self.input(observations, now))
    }

    /// Judges the round, and takes the ledger one round further.
    pub fn conclude(
        &self,
        history: &History,
        ledger: &mut Ledger,
        observations: &[Observation],
        place: Place<'_>,
    ) -> Conclusion {
        let round = Round {
            vantage: place.vantage,
            group: place.group,
            input: self.input(observations, place.now),
            held_back: &self.held_back,
        };
        round.conclude(history, ledger)
    }
}

/// Puts a batch of replies into the form in which a history takes them in: in order of receipt, and of source and question
/// where two came within one microsecond; round-trip times to the microsecond, as they are stored.
pub fn as_stored(observations: &mut [Observation]) {
    for one in &mut *observations {
        let micros = one.rtt.as_micros();
        one.rtt = Duration::from_micros(u64::try_from(micros).unwrap_or(u64::MAX));
    }
    observations.sort_by(|one, other| {
        (one.at, &one.source, &one.question).cmp(&(other.at, &other.source, &other.question))
    });
}

/// Takes in a batch of replies, in the order they stand in: one change of a span for each sample, none for asides.
pub fn absorb(
    history: &mut History,
    gap: Duration,
    observations: &[Observation],
) -> Vec<SpanChange> {
    let mut changes = Vec::with_capacity(observations.len());
    for observation in observations {
        if observation.is_aside() {
            history.absorb_aside(observation, gap);
        } else {
            changes.push(history.absorb(observation, gap));
        }
    }
    changes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        audit::testing::{
            ALIEN, GOOD, NAME, Reply, Scene, a, at, observe, question, says, secs, server,
        },
        types::{Flags, RecordType, SourceKind},
    };

    /// What ns1 says of a name at an instant.
    fn said(owner: &str, when: &str, reply: &Reply) -> Observation {
        let source = server("ns1", "192.0.2.1").source();
        observe(&source, &question(owner, RecordType::A), at(when), reply)
    }

    #[test]
    fn a_silence_longer_than_three_rounds_is_a_gap() {
        let mut setting = Setting::default();
        setting.policy.period = Duration::from_mins(5);
        assert_eq!(setting.longest_gap(), Duration::from_mins(15));
    }

    #[test]
    fn what_no_authority_serves_is_in_doubt_and_nothing_else_is() {
        let mut scene = Scene::new();
        let doubtful = |scene: &mut Scene, when, address| {
            scene.round(at(when), &says(a(&[GOOD], 300), a(&[address], 300)));
            let context = RoundContext {
                setting: Setting {
                    policy: scene.policy.clone(),
                    resolvers: scene.resolvers.clone(),
                    questions: scene.questions.clone(),
                    ..Setting::default()
                },
                zones: scene.zones.clone(),
                ..RoundContext::default()
            };
            let replies = &scene.observations;
            context.doubtful(&scene.history, replies, at(when) + secs(1))
        };
        assert!(doubtful(&mut scene, "10:00", GOOD).is_empty());
        let again = doubtful(&mut scene, "10:01", ALIEN);
        let google = scene.resolvers[0].addresses[0];
        assert_eq!(again.plain, [(question(NAME, RecordType::A), google)]);
    }

    #[test]
    fn replies_are_stored_in_order_and_to_the_microsecond() {
        let early = said("b.example.com", "10:00", &a(&[GOOD], 300));
        let mut late = said("a.example.com", "10:01", &a(&[GOOD], 300));
        late.rtt = Duration::from_nanos(1_234_567);
        let beside = said("c.example.com", "10:00", &a(&[GOOD], 300));
        let mut batch = [late, beside, early];
        as_stored(&mut batch);
        let names = batch.each_ref().map(|one| one.question.name.as_str());
        assert_eq!(names, ["b.example.com", "c.example.com", "a.example.com"]);
        assert_eq!(batch[2].rtt, Duration::from_micros(1_234));
        assert_eq!(batch[0].rtt, Duration::from_millis(20));
    }

    #[test]
    fn a_batch_is_taken_in_and_only_samples_have_runs() {
        let mut history = History::default();
        let first = said(NAME, "10:00", &a(&[GOOD], 300));
        let mut aside = said(NAME, "10:00:30", &a(&[ALIEN], 300));
        aside.flags = aside.flags.with(Flags::ASIDE, true);
        let second = said(NAME, "10:01", &a(&[GOOD], 300));
        let changes = absorb(
            &mut history,
            Duration::from_mins(3),
            &[first, aside, second],
        );
        assert_eq!(
            changes.iter().map(|one| one.opened).collect::<Vec<_>>(),
            [true, false]
        );
        let span = &changes[1].span;
        assert_eq!(span.series.source.kind, SourceKind::Authority);
        assert_eq!(
            (span.first_seen, span.last_seen),
            (at("10:00"), at("10:01"))
        );
    }
}
