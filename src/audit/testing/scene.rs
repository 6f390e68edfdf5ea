//! A scene asks, absorbs and judges as the service does: rounds with re-asking and incidents, and restarts from what is stored.
//!
//! Deliberately absent: whom it looks at.

use std::{
    collections::{BTreeSet, HashSet, VecDeque},
    net::SocketAddr,
    sync::Arc,
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};

use super::{NAME, Reply, Round, at, observe, question, resolver, secs, server, zone};
use crate::{
    audit::{
        declared::Declared,
        history::History,
        judge::{self, Again, RoundInput, Zones, judge_round},
        ledger::{Ledger, Throttles},
        round::{self, Conclusion},
        targets,
        verdict::Verdict,
    },
    types::{
        Flags, Observation, Policy, QueryOptions, Question, RecordType, Resolver, Source,
        SourceKind, Span, Target, Value,
    },
};

/// What the world answers: to whom, what, when.
pub(crate) type World<'a> = &'a dyn Fn(&Source, &Question, DateTime<Utc>) -> Reply;

/// The same, kept.
pub(crate) type OwnWorld = Arc<dyn Fn(&Source, &Question, DateTime<Utc>) -> Reply>;

/// A group of names, its resolvers, and everything that was seen of them.
#[derive(Clone)]
pub(crate) struct Scene {
    pub(crate) policy: Policy,
    pub(crate) zones: Zones,
    pub(crate) resolvers: Vec<Arc<Resolver>>,
    pub(crate) options: QueryOptions,
    pub(crate) questions: Vec<Question>,
    /// What people declared.
    pub(crate) declared: Declared,
    /// What service records among the questions lead to: asked, too.
    pub(crate) followed: Vec<Target>,
    /// Asked of authorities only: what aliases lead to.
    pub(crate) targets: Vec<Question>,
    pub(crate) samples: i64,
    /// The backend of a resolver's reply that does not say of which it is; `None`: it stays without an NSID.
    pub(crate) site: Option<&'static str>,
    /// When what is suspicious is asked again, and when it is judged, after the round's beginning.
    pub(crate) pace: [TimeDelta; 2],
    pub(crate) history: History,
    pub(crate) ledger: Ledger,
    /// Every span as it was handed out last, as the store would hold them.
    pub(crate) spans: Vec<Span>,
    pub(crate) observations: Vec<Observation>,
    /// What a resolver answers to a question with CD=1; nothing, unless a test says so.
    pub(crate) unchecked: OwnWorld,
    /// How many such questions were put.
    pub(crate) asides: usize,
}

/// What a round has heard, and which addresses turned away the one question that they were asked.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    observations: Vec<Observation>,
    held_back: BTreeSet<Source>,
}

impl Scene {
    /// `NAME` A in example.com at ns1 and ns2, asked of google, which is one backend.
    pub(crate) fn new() -> Self {
        let mut zones = Zones::default();
        let servers = vec![server("ns1", "192.0.2.1"), server("ns2", "192.0.2.2")];
        zones.insert(zone("example.com", servers));
        Self {
            policy: Policy::default(),
            zones,
            resolvers: vec![resolver("google", "8.8.8.8", Some(21_600))],
            options: QueryOptions::default(),
            questions: vec![question(NAME, RecordType::A)],
            declared: Declared::default(),
            followed: Vec::new(),
            targets: Vec::new(),
            samples: 1,
            site: Some("fra3"),
            pace: [secs(1), secs(2)],
            history: History::default(),
            ledger: Ledger::default(),
            spans: Vec::new(),
            observations: Vec::new(),
            unchecked: Arc::new(|_, _, _| Reply::silence()),
            asides: 0,
        }
    }

    pub(crate) fn with_resolvers(mut self, resolvers: &[Arc<Resolver>]) -> Self {
        self.resolvers = resolvers.to_vec();
        self
    }

    pub(crate) fn gap(&self) -> Duration {
        self.policy.period * 3
    }

    /// A whole round at `at`: everything asked at once, what is suspicious asked again a second later.
    pub(crate) fn round(&mut self, at: DateTime<Utc>, world: World) -> Round {
        let heard = self.ask(at, world);
        self.judge_heard(at, heard, world)
    }

    /// The first half of a round: it asks, and takes in what comes back.
    pub(crate) fn ask(&mut self, at: DateTime<Utc>, world: World) -> Heard {
        self.follow(at);
        let mut questions = self.questions.clone();
        questions.extend(self.above());
        let mut heard = Heard {
            observations: self.ask_authorities(at, &questions, world),
            ..Heard::default()
        };
        for source in self.resolvers.iter().flat_map(|one| one.sources()) {
            self.ask_resolver(&source, at, &mut heard, world);
        }
        heard.observations.sort_by_key(|one| one.at);
        self.absorb(&heard.observations);
        heard
    }

    /// Service records of the round before lead to questions of this one.
    fn follow(&mut self, now: DateTime<Utc>) {
        let before = std::mem::take(&mut self.followed);
        self.questions
            .retain(|one| before.iter().all(|target| target.question != *one));
        self.followed = targets::of(&self.history, &self.questions, self.gap(), now);
        let led_to = self.followed.iter().map(|target| target.question.clone());
        self.questions.extend(led_to);
    }

    /// The second half: what is suspicious is asked again, and the whole judged.
    pub(crate) fn judge_heard(
        &mut self,
        at: DateTime<Utc>,
        mut heard: Heard,
        world: World,
    ) -> Round {
        let [again, end] = self.pace.map(|after| at + after);
        let mut more = self.ask_again(again, &heard.observations, world);
        more.sort_by_key(|one| one.at);
        self.absorb(&more);
        heard.observations.extend(more);
        self.conclude(end, heard)
    }

    fn conclude(&mut self, now: DateTime<Utc>, heard: Heard) -> Round {
        let mut ledger = self.stored_ledger();
        let round = round::Round {
            vantage: "us-west-2",
            group: "dialers",
            input: self.input(now, &heard.observations),
            held_back: &heard.held_back,
        };
        let Conclusion {
            verdicts,
            findings,
            transitions,
        } = round.conclude(&self.history, &mut ledger);
        self.ledger = ledger;
        self.observations = heard.observations;
        Round {
            verdicts,
            findings,
            transitions,
        }
    }

    /// The ledger as the store gives it back.
    fn stored_ledger(&self) -> Ledger {
        serde_json::from_value(serde_json::to_value(&self.ledger).unwrap()).unwrap()
    }

    /// Asks an address everything, or one question only where it has turned everything away for a while.
    fn ask_resolver(&self, source: &Source, at: DateTime<Utc>, heard: &mut Heard, world: World) {
        let (throttles, suspects) = (Throttles::of(&self.ledger), self.ledger.suspects());
        let canary = throttles.canary(source, &self.questions, self.policy.period, at);
        if let Some(canary) = canary {
            let observation = self.ask_one(source, canary, at, world);
            let is_held_back = judge::is_turned_away(&observation, false);
            heard.observations.push(observation);
            if is_held_back {
                heard.held_back.insert(source.clone());
                return;
            }
        }
        for question in self.questions.iter().filter(|one| Some(*one) != canary) {
            let is_suspect = suspects.contains(&(question.clone(), source.address));
            let samples = if is_suspect {
                self.samples.max(3)
            } else {
                self.samples
            };
            for nth in 0..samples {
                let at = at + TimeDelta::milliseconds(5 + 10 * nth);
                heard
                    .observations
                    .push(self.ask_one(source, question, at, world));
            }
        }
    }

    fn ask_again(
        &mut self,
        at: DateTime<Utc>,
        observations: &[Observation],
        world: World,
    ) -> Vec<Observation> {
        let verdicts = self.judge(at, observations);
        let again = Again::of(&self.input(at, observations), &verdicts);
        let questions = again.plain.iter().map(|(one, _)| one);
        let questions: BTreeSet<_> = questions.chain(&again.origins).cloned().collect();
        let mut more = self.ask_authorities(at, &Vec::from_iter(questions), world);
        for (question, address) in &again.plain {
            for nth in 0..2 {
                let at = at + TimeDelta::milliseconds(5 + 10 * nth);
                let source = self.source_at(*address);
                more.push(self.ask_one(&source, question, at, world));
            }
        }
        for (question, address) in &again.unchecked {
            let source = self.source_at(*address);
            let mut aside = observe(
                &source,
                question,
                at,
                &(self.unchecked)(&source, question, at),
            );
            aside.flags = aside.flags.with(Flags::ASIDE, true);
            more.push(aside);
            self.asides += 1;
        }
        more
    }

    fn source_at(&self, address: SocketAddr) -> Source {
        let mut sources = self.resolvers.iter().flat_map(|one| one.sources());
        sources.find(|source| source.address == address).unwrap()
    }

    /// The names between the group's and the apices of their zones.
    fn above(&self) -> BTreeSet<Question> {
        let names: BTreeSet<_> = self.questions.iter().map(|one| &one.name).collect();
        let zone_of = |name| self.zones.zone_of(name);
        let each = names
            .iter()
            .filter_map(|name| Some(name.between(&zone_of(name)?.apex)));
        let unasked = each.flatten().filter(|above| !names.contains(above));
        let question = |name| Question {
            name,
            rtype: RecordType::A,
        };
        unasked.map(question).collect()
    }

    /// Asks each question at the servers of its zone, and likewise what their answers lead to.
    fn ask_authorities(
        &self,
        at: DateTime<Utc>,
        questions: &[Question],
        world: World,
    ) -> Vec<Observation> {
        let targets = self.targets.iter().filter(|_| !questions.is_empty());
        let mut next: VecDeque<_> = questions.iter().chain(targets).cloned().collect();
        let mut asked = HashSet::new();
        let mut observations = Vec::new();
        while let Some(question) = next.pop_front() {
            if !asked.insert(question.clone()) {
                continue;
            }
            let zone = self.zones.zone_of(&question.name);
            for server in zone.into_iter().flat_map(|zone| &zone.servers) {
                let observation = self.ask_one(&server.source(), &question, at, world);
                if let Some(Value::Cname(target)) = observation.answer.last().map(|end| &end.value)
                {
                    next.push_back(Question {
                        name: target.clone(),
                        rtype: question.rtype,
                    });
                }
                observations.push(observation);
            }
        }
        observations
    }

    pub(crate) fn absorb(&mut self, observations: &[Observation]) {
        for observation in observations {
            if observation.is_aside() {
                self.history.absorb_aside(observation, self.gap());
                continue;
            }
            let change = self.history.absorb(observation, self.gap());
            if !change.opened {
                let is_it = |known: &Span| {
                    known.series == change.span.series
                        && known.site == change.span.site
                        && known.first_seen == change.span.first_seen
                };
                if let Some(last) = self.spans.iter_mut().rev().find(|known| is_it(known)) {
                    *last = change.span;
                    continue;
                }
            }
            self.spans.push(change.span);
        }
    }

    pub(crate) fn input<'a>(
        &'a self,
        now: DateTime<Utc>,
        observations: &'a [Observation],
    ) -> RoundInput<'a> {
        RoundInput {
            policy: &self.policy,
            zones: &self.zones,
            resolvers: &self.resolvers,
            options: self.options,
            questions: &self.questions,
            targets: &self.followed,
            declared: &self.declared,
            observations,
            now,
        }
    }

    pub(crate) fn judge(&self, now: DateTime<Utc>, observations: &[Observation]) -> Vec<Verdict> {
        judge_round(&self.history, &self.input(now, observations))
    }

    /// Rounds every minute from `from` up to and without `until`; the last one's judgement.
    pub(crate) fn run(&mut self, from: &str, until: &str, world: World) -> Option<Round> {
        let (mut now, until, mut last) = (at(from), at(until), None);
        while now < until {
            last = Some(self.round(now, world));
            now += TimeDelta::from_std(self.policy.period).unwrap();
        }
        last
    }

    /// The same after a restart: what the spans bring back, and what was learned of caps.
    pub(crate) fn restarted(&self) -> Self {
        let mut restarted = self.clone();
        restarted.history = History::default();
        restarted.ledger = self.stored_ledger();
        restarted
            .history
            .restore(self.spans.iter().rev().cloned(), self.gap());
        let caps = self.history.caps();
        let caps = caps.map(|(source, cap)| (source.clone(), cap.clone()));
        restarted.history.restore_caps(caps);
        restarted
    }

    /// Puts one question, which is answered as the world is at `at`.
    fn ask_one(
        &self,
        source: &Source,
        question: &Question,
        at: DateTime<Utc>,
        world: World,
    ) -> Observation {
        self.hear(source, question, at, world(source, question, at))
    }

    /// One reply as received, of [`Scene::site`] where a resolver's does not say of which.
    pub(crate) fn hear(
        &self,
        source: &Source,
        question: &Question,
        at: DateTime<Utc>,
        mut reply: Reply,
    ) -> Observation {
        if source.kind == SourceKind::Resolver && reply.site.is_none() {
            reply.site = self.site.map(str::to_owned);
        }
        observe(source, question, at + reply.late, &reply)
    }
}

/// A value from each source kind: authorities say the first, resolvers the second.
pub(crate) fn says(
    authority: Reply,
    resolver: Reply,
) -> impl Fn(&Source, &Question, DateTime<Utc>) -> Reply {
    move |source, _, _| match source.kind {
        SourceKind::Authority => authority.clone(),
        SourceKind::Resolver => resolver.clone(),
    }
}
