//! One round from its observations to the steps of incidents: the order in which the parts of judgement follow each other.
//!
//! Deliberately absent: asking, recording and telling. The evaluator runs rounds; so do the scenarios of the tests, over the
//! same lines.

use std::collections::BTreeSet;

use crate::{
    audit::{
        finding::Finding,
        findings,
        history::History,
        incident::Transition,
        judge::{self, RoundInput},
        ledger::{self, AuthorityReach, Judgement, Ledger, Throttles},
        signs::Signs,
        verdict::{Verdict, VerdictFlag},
    },
    types::Source,
};

/// One round of one group, after everything suspicious has been asked again.
#[derive(Debug, Clone, Copy)]
pub struct Round<'a> {
    /// Where it was asked from.
    pub vantage: &'a str,
    /// The group.
    pub group: &'a str,
    /// What was asked and heard, and what it is judged by.
    pub input: RoundInput<'a>,
    /// The resolver addresses that were asked one question only, and turned it away.
    pub held_back: &'a BTreeSet<Source>,
}

/// Every verdict and finding of a round. `history` has taken in every observation of it.
pub fn judge_and_find(history: &History, input: &RoundInput) -> (Vec<Verdict>, Vec<Finding>) {
    let signs = Signs::of(history, input);
    let verdicts = judge::judge_by(history, input, &signs);
    let findings = findings::find(history, input, &signs, &verdicts);
    (verdicts, findings)
}

/// What a round comes to.
#[derive(Debug, Clone, PartialEq)]
pub struct Conclusion {
    /// One per question and resolver address asked.
    pub verdicts: Vec<Verdict>,
    /// What is wrong at the authorities.
    pub findings: Vec<Finding>,
    /// What there is to tell, endings of what is no longer asked first.
    pub transitions: Vec<Transition>,
}

impl Round<'_> {
    /// Judges the round, takes the ledger as the last one left it further, and marks the verdicts at addresses that are left
    /// alone from now on. `history` has taken in every observation
    /// of the round.
    pub fn conclude(&self, history: &History, ledger: &mut Ledger) -> Conclusion {
        let RoundInput {
            policy,
            resolvers,
            questions,
            declared,
            observations,
            now,
            ..
        } = self.input;
        let (mut verdicts, findings) = judge_and_find(history, &self.input);
        let names = questions.iter().map(|question| question.name.clone());
        let mut transitions = ledger::retire(ledger, &names.collect(), resolvers, now);
        let judgement = Judgement {
            vantage: self.vantage,
            group: self.group,
            policy,
            verdicts: &verdicts,
            findings: &findings,
            declared,
            questions,
            held_back: self.held_back,
            authorities: AuthorityReach::of(observations),
            now,
        };
        transitions.extend(ledger::advance(ledger, &judgement));
        let throttles = Throttles::of(ledger);
        let left_alone = |verdict: &&mut Verdict| throttles.holds(&verdict.observed.source);
        for verdict in verdicts.iter_mut().filter(left_alone) {
            verdict.flags.push(VerdictFlag::Throttled);
        }
        Conclusion {
            verdicts,
            findings,
            transitions,
        }
    }
}
