//! Audits without store, incidents and schedule, one after another: what `check` shows.
//!
//! What service records lead to is asked in the same audit, as soon as they have said it. Deliberately absent: when the
//! next one is due, and anything that outlives the process.

use std::{collections::BTreeSet, time::Duration};

use super::{
    asking::{Asked, Asker},
    judging::{judged_by, setting},
};
use crate::{
    audit::{
        context, declared::Declared, finding::Finding, history::History, round::judge_and_find,
        targets, verdict::Verdict,
    },
    clock,
    config::Group,
    types::{Observation, Question, Target},
};

/// How often an audit follows what was just said: from NAPTR to SRV records, from those to addresses, and one more NAPTR
/// record on the way (RFC 3404 section 4.1).
const MOST_STEPS: usize = 3;

/// What one audit found, and what it heard.
#[derive(Debug)]
pub struct Audit {
    /// What was asked: the group's questions, and what service records among them lead to.
    pub questions: Vec<Question>,
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
        let gap = context::longest_gap(&group.policy);
        let (group, mut heard) = self.ask(asker, group, gap).await;
        let group = &group;
        // There is no database, and so nobody who declared anything.
        let judged_by = |heard: &Asked| judged_by(setting(group), heard, Declared::default());
        let context = judged_by(&heard);
        let again = context.doubtful(&self.history, &heard.observations, clock::now());
        if !again.is_empty() {
            let more = asker.ask_again(group, &again, &mut heard.zones).await;
            context::absorb(&mut self.history, gap, &more);
            heard.observations.extend(more);
        }
        let context = judged_by(&heard);
        let now = clock::now();
        let input = context.input(&heard.observations, now);
        let (verdicts, findings) = judge_and_find(&self.history, &input);
        self.history.forget_before(now - context::REMEMBERED);
        let Asked { observations, .. } = heard;
        Audit {
            questions: group.questions().collect(),
            verdicts,
            findings,
            observations,
        }
    }

    /// Asks everything, then what the service records in the replies lead to; the group that follows them.
    async fn ask(&mut self, asker: &Asker, group: &Group, gap: Duration) -> (Group, Asked) {
        let mut following = group.following(self.targets(group, gap));
        let (mut heard, mut next) = (Asked::default(), following.clone());
        for _ in 0..=MOST_STEPS {
            let more = asker.ask(&next, |_, _| group.samples, |_| None).await;
            context::absorb(&mut self.history, gap, &more.observations);
            heard.extend(more);
            let known: BTreeSet<_> = following.questions().collect();
            let mut new = self.targets(group, gap);
            new.retain(|target| !known.contains(&target.question));
            if new.is_empty() {
                break;
            }
            following.targets.extend(new.iter().cloned());
            next = Group {
                types: Vec::new(),
                ..group.following(new)
            };
        }
        (following, heard)
    }

    fn targets(&self, group: &Group, gap: Duration) -> Vec<Target> {
        let questions: Vec<_> = group.questions().collect();
        targets::of(&self.history, &questions, gap, clock::now())
    }
}

/// One audit, with no history before it.
pub async fn audit_once(asker: &Asker, group: &Group) -> Audit {
    Watch::default().audit(asker, group).await
}
