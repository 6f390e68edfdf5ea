//! Audits without store, incidents and schedule, one after another: what `check` shows.
//!
//! Deliberately absent: when the next one is due, and anything that outlives the process.

use super::{
    RESTORED_HISTORY,
    asking::{Asked, Asker},
    judging::{absorb, input, judge, suspicious},
};
use crate::{
    audit::{finding::Finding, findings, history::History, verdict::Verdict},
    clock,
    config::Group,
    types::Observation,
};

/// What one audit found, and what it heard.
#[derive(Debug)]
pub struct Audit {
    /// One per question and resolver address.
    pub verdicts: Vec<Verdict>,
    /// What is wrong at the authorities.
    pub findings: Vec<Finding>,
    /// Every observation, the authorities' too; those that were asked again stand last.
    pub observations: Vec<Observation>,
}

/// Audits of one group with a history of their own, so that a change between two of them is told as what it is.
#[derive(Debug, Default)]
pub struct Watch {
    history: History,
}

impl Watch {
    /// Asks everything once, asks again what must not be believed at once, and judges.
    pub async fn audit(&mut self, asker: &Asker, group: &Group) -> Audit {
        let mut round = asker.ask(group, |_, _| group.samples, |_| None).await;
        absorb(&mut self.history, group, &round.observations);
        let mut verdicts = judge(&self.history, group, &round, clock::now());
        let again = suspicious(&verdicts);
        if !again.is_empty() {
            let more = asker.ask_again(group, &again, &mut round.zones).await;
            absorb(&mut self.history, group, &more);
            round.observations.extend(more);
            verdicts = judge(&self.history, group, &round, clock::now());
        }
        let now = clock::now();
        let questions: Vec<_> = group.questions().collect();
        let round_input = input(group, &questions, &round, now);
        let findings = findings::find(&self.history, &round_input, &verdicts);
        self.history.forget_before(now - RESTORED_HISTORY);
        let Asked { observations, .. } = round;
        Audit {
            verdicts,
            findings,
            observations,
        }
    }
}

/// One audit, with no history before it.
pub async fn audit_once(asker: &Asker, group: &Group) -> Audit {
    Watch::default().audit(asker, group).await
}
