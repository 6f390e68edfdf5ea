//! Which messages of a round are kept: enough to prove every verdict and finding, and never enough to fill a disk.
//!
//! A *matter* is one question at one source whose verdict is not `consistent`, or one finding. Of each matter are kept:
//!
//! 1. its beginning: every sample of its first three rounds;
//! 2. its changes: every sample of a round with an answer that was not kept of it yet, up to sixteen answers;
//! 3. its lasting: the sample that decided, once an hour;
//! 4. its end: the last sample that decided, kept back until then, and the first good reply.
//!
//! With each goes what the authorities said in the same round, every distinct answer once (where most operators are the
//! baseline, what they said). A matter that begins, changes and ends all the time is kept twelve times an hour at most.
//! Over all matters of a group, [`Budget`] has the last word: the most severe come first, and what it refuses is tried
//! again in the next round.
//!
//! A restart forgets what was kept, and [`Keeper::resume`] says what was wrong: that begins anew, or ends. Deliberately absent: storing, and the octets' meaning.

mod budget;
mod heard;
mod run;
#[cfg(test)]
mod tests;

use std::{
    collections::{HashMap, HashSet},
    fmt,
    sync::Arc,
};

use chrono::{DateTime, TimeDelta, Utc};

use crate::{
    audit::{
        finding::{Finding, FindingKind, Subject},
        verdict::{State, Verdict},
    },
    types::{Observation, Question, SeriesKey, Severity, Source},
};
pub use budget::Budget;
use heard::Heard;
use run::{Occasion, Run};

/// How long a matter that nobody judges any more is remembered.
const FORGOTTEN_AFTER: TimeDelta = TimeDelta::hours(2);

/// What a message proves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Ground {
    /// A verdict of this state; `consistent` where one that was not has ended.
    Verdict(State),
    /// A finding.
    Finding(FindingKind),
    /// What was right meanwhile.
    Baseline,
}

impl fmt::Display for Ground {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Verdict(state) => state.fmt(f),
            Self::Finding(kind) => kind.fmt(f),
            Self::Baseline => f.pad("baseline"),
        }
    }
}

/// An observation whose messages are kept.
#[derive(Debug, Clone, PartialEq)]
pub struct Kept {
    /// The observation; its `wire` is there.
    pub observation: Observation,
    /// What it proves.
    pub ground: Ground,
    /// The number of its round.
    pub round: i64,
}

/// What a round heard, and what was made of it.
#[derive(Debug, Clone, Copy)]
pub struct JudgedRound<'a> {
    /// Its number.
    pub number: i64,
    /// Every observation, in order of receipt.
    pub observations: &'a [Observation],
    /// The verdicts.
    pub verdicts: &'a [Verdict],
    /// The findings.
    pub findings: &'a [Finding],
    /// When it was judged.
    pub now: DateTime<Utc>,
}

/// What is to be kept of a round.
#[derive(Debug, Default, PartialEq)]
pub struct Choice {
    /// The messages, each once; some may be of an earlier round.
    pub kept: Vec<Kept>,
    /// Matters for which the budget had nothing left.
    pub refused: usize,
}

/// What was kept of one group so far.
#[derive(Debug, Clone, Default)]
pub struct Keeper {
    pairs: HashMap<Question, HashMap<Arc<Source>, Run>>,
    findings: HashMap<(FindingKind, Subject), Run>,
    budget: Budget,
}

impl Keeper {
    /// A keeper after a restart, when this was wrong.
    pub fn resume(
        standing: impl IntoIterator<Item = (SeriesKey, State)>,
        now: DateTime<Utc>,
    ) -> Self {
        let mut keeper = Self::default();
        for (SeriesKey { question, source }, state) in standing {
            let runs = keeper.pairs.entry(question).or_default();
            runs.insert(source, Run::resumed(Ground::Verdict(state), now));
        }
        keeper
    }

    /// Chooses what is kept of a round, and takes it as kept.
    pub fn choose(&mut self, round: &JudgedRound) -> Choice {
        let matters = self.matters(round);
        let mut choosing = Choosing {
            round,
            heard: Heard::of(round.observations, &matters),
            taken: HashSet::new(),
            choice: Choice::default(),
        };
        self.budget.refill(round.now);
        for matter in &matters {
            let run = match *matter {
                Matter::Verdict(verdict) => self
                    .pairs
                    .entry(verdict.question.clone())
                    .or_default()
                    .entry(verdict.observed.source.clone())
                    .or_insert_with(|| Run::new(round.now)),
                Matter::Finding(finding) => self
                    .findings
                    .entry((finding.kind, finding.subject.clone()))
                    .or_insert_with(|| Run::new(round.now)),
            };
            choosing.decide(matter, run, &mut self.budget);
        }
        self.release_ended(&mut choosing);
        self.forget(round.now);
        choosing.choice
    }

    /// Everything that is wrong, or was until now, the most severe first.
    fn matters<'a>(&self, round: &JudgedRound<'a>) -> Vec<Matter<'a>> {
        let matters = |verdict: &&Verdict| {
            let runs = self.pairs.get(&verdict.question);
            let known = || runs.is_some_and(|runs| runs.contains_key(&verdict.observed.source));
            verdict.state != State::Consistent || known()
        };
        let verdicts = round.verdicts.iter().filter(matters).map(Matter::Verdict);
        let findings = round.findings.iter().map(Matter::Finding);
        let mut all: Vec<_> = verdicts.chain(findings).collect();
        all.sort_by_key(|matter| std::cmp::Reverse(matter.severity()));
        all
    }

    /// Findings that are not there any more: their last word.
    fn release_ended(&mut self, choosing: &mut Choosing) {
        let now = choosing.round.now;
        let ended = |run: &&mut Run| run.seen_at() < now && run.is_standing();
        for run in self.findings.values_mut().filter(ended) {
            let held = run.end();
            choosing.keep_back(held, &mut self.budget);
        }
    }

    fn forget(&mut self, now: DateTime<Utc>) {
        let fresh = |run: &Run| now - run.seen_at() < FORGOTTEN_AFTER && !run.is_idle(now);
        self.findings.retain(|_, run| fresh(run));
        self.pairs.retain(|_, runs| {
            runs.retain(|_, run| fresh(run));
            !runs.is_empty()
        });
    }
}

/// One thing to decide on.
#[derive(Debug, Clone, Copy)]
enum Matter<'a> {
    Verdict(&'a Verdict),
    Finding(&'a Finding),
}

impl Matter<'_> {
    fn severity(&self) -> Severity {
        match self {
            Self::Verdict(verdict) => verdict.severity,
            Self::Finding(finding) => finding.severity,
        }
    }

    fn is_good(&self) -> bool {
        matches!(self, Self::Verdict(verdict) if verdict.state == State::Consistent)
    }

    fn ground(&self) -> Ground {
        match self {
            Self::Verdict(verdict) => Ground::Verdict(verdict.state),
            Self::Finding(finding) => Ground::Finding(finding.kind),
        }
    }
}

/// A choice under way.
struct Choosing<'a> {
    round: &'a JudgedRound<'a>,
    heard: Heard<'a>,
    /// What is kept already, by index: one reply of an authority proves many matters.
    taken: HashSet<usize>,
    choice: Choice,
}

impl Choosing<'_> {
    fn decide(&mut self, matter: &Matter, run: &mut Run, budget: &mut Budget) {
        let now = self.round.now;
        let samples = self.heard.samples(matter);
        let decisive = self.heard.decisive(matter).or(samples.first().copied());
        let answers: Vec<_> = samples
            .iter()
            .map(|index| self.round.observations[*index].answer.digest())
            .collect();
        let standing = (!matter.is_good()).then(|| matter.ground());
        let occasion = run.occasion(standing, &answers, now);
        let wanted: Vec<usize> = match occasion {
            None => Vec::new(),
            Some(Occasion::Begin | Occasion::Change) => samples,
            Some(Occasion::Repeat | Occasion::End) => decisive.into_iter().collect(),
        };
        let urgent = occasion.is_some_and(|one| one != Occasion::Repeat)
            && (matter.severity() > Severity::None || standing.is_none());
        let baseline = if wanted.is_empty() {
            Vec::new()
        } else {
            self.heard.baseline(matter, &wanted)
        };
        let new = |index: &&usize| !self.taken.contains(*index);
        let all = wanted.iter().chain(&baseline).filter(new);
        let octets: u64 = all.map(|index| self.octets(*index)).sum();
        if occasion.is_some() && !budget.spend(octets + run.held_octets(standing), urgent) {
            self.choice.refused += 1;
            run.see(now);
            return;
        }
        if let Some(kept) = run.advance(standing, occasion, &answers, now) {
            self.choice.kept.push(kept);
        }
        for index in wanted {
            self.take(index, matter.ground());
        }
        for index in baseline {
            self.take(index, Ground::Baseline);
        }
        if occasion.is_none() && standing.is_some() && matter.severity() > Severity::None {
            run.hold(decisive.map(|index| self.kept(index, matter.ground())));
        }
    }

    fn octets(&self, index: usize) -> u64 {
        budget::octets(&self.round.observations[index])
    }

    fn kept(&self, index: usize, ground: Ground) -> Kept {
        Kept {
            observation: self.round.observations[index].clone(),
            ground,
            round: self.round.number,
        }
    }

    fn take(&mut self, index: usize, ground: Ground) {
        if self.taken.insert(index) {
            let kept = self.kept(index, ground);
            self.choice.kept.push(kept);
        }
    }

    /// Keeps what was kept back, if there is room for it.
    fn keep_back(&mut self, held: Option<Kept>, budget: &mut Budget) {
        let Some(held) = held else { return };
        if budget.spend(budget::octets(&held.observation), true) {
            self.choice.kept.push(held);
        } else {
            self.choice.refused += 1;
        }
    }
}
