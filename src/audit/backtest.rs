//! What a changed policy would have fired on recorded rounds: each round judged once more, by the revised setting, with a
//! ledger of its own.
//!
//! What was asked stays what was asked. Where the revised policy would have asked again and the service did not, what was
//! said is taken to have been said again: a policy can be judged by, and cannot be asked by. Acts of people are left out.
//! Deliberately absent: reading rounds, and whether the history that they were judged by is whole.

mod compare;
mod repeat;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    audit::{
        context::{Place, RoundContext, Setting},
        history::History,
        incident::{Incident, Transition},
        ledger::Ledger,
    },
    types::{Observation, Question, Source, SourceKind, Target},
};
pub use compare::{Compared, Fired, Outcome, compare};

/// The incidents of a run of rounds of one group, as each was last seen, and how often each was told.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Told {
    incidents: BTreeMap<Uuid, (Incident, usize)>,
}

/// One group judged by a revised setting, from round to round.
#[derive(Debug, Clone, Default)]
pub struct Revised {
    ledger: Ledger,
    told: Told,
    /// Replies that were taken to have been given again.
    repeated: usize,
}

/// How a setting differs from the one a round was judged by.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// Keys of the policy with their values before and after, as JSON.
    pub policy: BTreeMap<String, [serde_json::Value; 2]>,
    /// Questions that are asked no more: nothing of them would have fired.
    pub questions_dropped: Vec<String>,
    /// Questions that the history does not hold: nothing can be said of them.
    pub questions_not_held: Vec<String>,
    /// Resolvers that are asked no more.
    pub resolvers_dropped: Vec<String>,
    /// Resolvers that the history does not hold.
    pub resolvers_not_held: Vec<String>,
}

impl Told {
    /// With what stood before the first round.
    pub fn standing(ledger: &Ledger) -> Self {
        let standing = ledger.incidents.iter();
        Self {
            incidents: standing
                .map(|incident| (incident.id, (incident.clone(), 0)))
                .collect(),
        }
    }

    /// Takes in the steps of a round.
    pub fn take(&mut self, transitions: &[Transition]) {
        for step in transitions {
            let known = self.incidents.entry(step.incident.id);
            let known = known.or_insert_with(|| (step.incident.clone(), 0));
            known.0.clone_from(&step.incident);
            known.1 += 1;
        }
    }

    /// Every incident, and how often it was told.
    pub fn incidents(&self) -> impl Iterator<Item = &(Incident, usize)> {
        self.incidents.values()
    }
}

impl Revised {
    /// Begins with what stood open before the first round.
    pub fn begin(ledger: &Ledger) -> Self {
        Self {
            ledger: ledger.clone(),
            told: Told::standing(ledger),
            repeated: 0,
        }
    }

    /// Judges one round by the revised context. `first`: how many of its replies came before anything was asked again.
    pub fn judge(
        &mut self,
        history: &History,
        context: &RoundContext,
        observations: &[Observation],
        first: usize,
        place: Place<'_>,
    ) {
        let mut heard = Vec::new();
        let mut left = 0;
        for (nth, one) in observations.iter().enumerate() {
            if is_asked(&context.setting, &one.source, one) {
                heard.push(one.clone());
                left += usize::from(nth < first);
            }
        }
        let verdicts = context.verdicts(history, &heard, place.now);
        let more = repeat::as_if_asked_again(&verdicts, &heard, left);
        self.repeated += more.len();
        heard.extend(more);
        let conclusion = context.conclude(history, &mut self.ledger, &heard, place);
        self.told.take(&conclusion.transitions);
    }

    /// What would have been told.
    pub fn told(&self) -> &Told {
        &self.told
    }

    /// How many replies were taken to have been given again.
    pub fn repeated(&self) -> usize {
        self.repeated
    }
}

/// Whether the setting asks it still. What authorities said counts whoever asks.
fn is_asked(setting: &Setting, source: &Source, observation: &Observation) -> bool {
    let of_resolver = || {
        let mut resolvers = setting.resolvers.iter();
        resolvers.any(|one| one.id == source.id && one.addresses.contains(&source.address))
    };
    source.kind == SourceKind::Authority
        || (of_resolver() && setting.questions.contains(&observation.question))
}

/// The setting that a round is judged by instead of its own: only what the round asked, and its own schedule.
pub fn revise(stored: &Setting, wanted: &Setting) -> Setting {
    let mut revised = wanted.clone();
    revised.policy.period = stored.policy.period;
    revised.options = stored.options;
    let asked = |question: &_| stored.questions.contains(question);
    revised.questions.retain(asked);
    // What service records lead to is no configuration: it was as it was.
    let is_asked = |target: &&Target| wanted.questions.contains(&target.service);
    revised.targets = stored.targets.iter().filter(is_asked).cloned().collect();
    let led_to = revised.targets.iter().map(|target| target.question.clone());
    let led_to: Vec<_> = led_to
        .filter(|one| !revised.questions.contains(one))
        .collect();
    revised.questions.extend(led_to);
    let known = |id: &str| stored.resolvers.iter().any(|one| one.id == id);
    revised.resolvers.retain(|one| known(&one.id));
    revised
}

/// What the wanted setting changes of the stored one.
pub fn change(stored: &Setting, wanted: &Setting) -> Change {
    let questions = |setting: &Setting| -> BTreeSet<String> {
        let led_to = |one: &&Question| {
            setting
                .targets
                .iter()
                .any(|target| target.question == **one)
        };
        let own = setting.questions.iter().filter(|one| !led_to(one));
        own.map(ToString::to_string).collect()
    };
    let resolvers = |setting: &Setting| -> BTreeSet<String> {
        setting.resolvers.iter().map(|one| one.id.clone()).collect()
    };
    let lacking = |one: BTreeSet<String>, other: &BTreeSet<String>| {
        one.difference(other).cloned().collect::<Vec<String>>()
    };
    let (before, after) = (questions(stored), questions(wanted));
    let (known, named) = (resolvers(stored), resolvers(wanted));
    Change {
        policy: policy_change(stored, wanted),
        questions_dropped: lacking(before.clone(), &after),
        questions_not_held: lacking(after, &before),
        resolvers_dropped: lacking(known.clone(), &named),
        resolvers_not_held: lacking(named, &known),
    }
}

/// Every key that differs but `period`: rounds are judged as they ran.
fn policy_change(stored: &Setting, wanted: &Setting) -> BTreeMap<String, [serde_json::Value; 2]> {
    let keys = |setting: &Setting| match serde_json::to_value(&setting.policy) {
        Ok(serde_json::Value::Object(keys)) => keys,
        _ => serde_json::Map::new(),
    };
    let (before, after) = (keys(stored), keys(wanted));
    let differing = after.into_iter().filter_map(|(key, value)| {
        let was = before.get(&key).cloned().unwrap_or_default();
        (was != value && key != "period").then_some((key, [was, value]))
    });
    differing.collect()
}
