//! Audits without store, incidents and schedule, one after another: what `check` shows.
//!
//! Deliberately absent: when the next one is due, and anything that outlives the process.

use super::{
    asking::{Asked, Asker},
    judging::{judged_by, setting},
};
use crate::{
    audit::{
        context::{self, RoundContext},
        declared::Declared,
        finding::Finding,
        findings,
        history::History,
        verdict::Verdict,
    },
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
        let mut heard = asker.ask(group, |_, _| group.samples, |_| None).await;
        let gap = context::longest_gap(&group.policy);
        context::absorb(&mut self.history, gap, &heard.observations);
        // There is no database, and so nobody who declared anything.
        let declared = Declared::default();
        let context = judged_by(setting(group), &heard, &declared);
        let again = context.doubtful(&self.history, &heard.observations, clock::now());
        if !again.is_empty() {
            let more = asker.ask_again(group, &again, &mut heard.zones).await;
            context::absorb(&mut self.history, gap, &more);
            heard.observations.extend(more);
        }
        let context = judged_by(setting(group), &heard, &declared);
        let verdicts = self.verdicts(&context, &heard);
        let now = clock::now();
        let input = context.input(&heard.observations, now);
        let findings = findings::find(&self.history, &input, &verdicts);
        self.history.forget_before(now - context::REMEMBERED);
        let Asked { observations, .. } = heard;
        Audit {
            verdicts,
            findings,
            observations,
        }
    }

    fn verdicts(&self, context: &RoundContext, heard: &Asked) -> Vec<Verdict> {
        context.verdicts(&self.history, &heard.observations, clock::now())
    }
}

/// One audit, with no history before it.
pub async fn audit_once(asker: &Asker, group: &Group) -> Audit {
    Watch::default().audit(asker, group).await
}
