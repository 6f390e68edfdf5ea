//! What is kept of rounds that go well, go wrong, last, change and end.

mod bounds;

use std::sync::Arc;

use super::*;
use crate::{
    audit::{
        evidence::{Baseline, BaselineKind, Observed},
        testing::{ALIEN, BAD, GOOD, NAME, Reply, a, at, nxdomain, observe, question, server},
    },
    types::{RecordType, SourceKind, Transport, Wire},
};

/// One question at one resolver and two authorities, round after round a minute apart.
struct Lab {
    keeper: Keeper,
    minute: i64,
    names: Vec<String>,
    wire: Arc<Wire>,
}

impl Lab {
    fn new() -> Self {
        Self {
            keeper: Keeper::default(),
            minute: 0,
            names: vec![NAME.to_owned()],
            wire: wire(60),
        }
    }

    fn now(&self) -> DateTime<Utc> {
        at("00:00") + TimeDelta::minutes(self.minute)
    }

    fn observation(&self, source: &Source, name: &str, reply: &Reply, nth: i64) -> Observation {
        let (question, when) = (
            question(name, RecordType::A),
            self.now() - TimeDelta::milliseconds(500 - 10 * nth),
        );
        let mut observation = observe(source, &question, when, reply);
        observation.wire = observation.answer.is_reply().then(|| self.wire.clone());
        observation
    }

    /// One round in which the resolver answers so, sampled three times, and is judged so.
    fn round(&mut self, state: State, severity: Severity, reply: &Reply) -> Choice {
        self.minute += 1;
        let mut observations = Vec::new();
        let mut verdicts = Vec::new();
        for name in &self.names {
            for server in [server("ns1", "192.0.2.1"), server("ns2", "192.0.2.2")] {
                observations.push(self.observation(&server.source(), name, &a(&[GOOD], 300), 0));
            }
            let samples = [1, 2, 3].map(|nth| self.observation(&google(), name, reply, nth));
            verdicts.push(verdict(&samples[1], state, severity));
            observations.extend(samples);
        }
        self.keeper.choose(&JudgedRound {
            number: self.minute,
            observations: &observations,
            verdicts: &verdicts,
            findings: &[],
            now: self.now(),
        })
    }

    fn bad(&mut self, address: &str) -> Vec<String> {
        let choice = self.round(State::Divergent, Severity::Critical, &a(&[address], 300));
        told(&choice)
    }

    fn good(&mut self) -> Vec<String> {
        let choice = self.round(State::Consistent, Severity::None, &a(&[GOOD], 300));
        told(&choice)
    }
}

/// Messages with a reply of so many octets.
fn wire(reply: usize) -> Arc<Wire> {
    Arc::new(Wire {
        query: vec![1; 40].into(),
        reply: vec![2; reply].into(),
    })
}

fn google() -> Source {
    Source {
        kind: SourceKind::Resolver,
        id: "google".to_owned(),
        address: "8.8.8.8:53".parse().unwrap(),
        transport: Transport::Udp,
    }
}

/// `divergent google 203.0.113.7 of 1`: what it proves, who said what, and in which round.
fn told(choice: &Choice) -> Vec<String> {
    let line = |kept: &Kept| {
        let seen = &kept.observation;
        let (who, said) = (&seen.source.id, &seen.answer);
        format!("{} {who} {said} of {}", kept.ground, kept.round)
    };
    choice.kept.iter().map(line).collect()
}

fn seen(sample: &Observation) -> Observed {
    Observed {
        resolver: sample.source.id.clone(),
        source: sample.source.clone(),
        question: sample.question.clone(),
        records: Vec::new(),
        rcode: "NOERROR".to_owned(),
        ttl: sample.ttl(),
        site: None,
        ede: Vec::new(),
        at: sample.at,
        cached_until: None,
    }
}

fn verdict(sample: &Observation, state: State, severity: Severity) -> Verdict {
    Verdict {
        question: sample.question.clone(),
        resolver: sample.source.id.clone(),
        operator: "Google".to_owned(),
        state,
        severity,
        confirmed: true,
        flags: Vec::new(),
        observed: seen(sample),
        link: None,
        baseline: Some(Baseline {
            kind: BaselineKind::Authority,
            records: vec![GOOD.to_owned()],
            rcode: "NOERROR".to_owned(),
            ttl: Some(300),
        }),
        deadline: None,
        cached_until: None,
        worst_case_until: None,
        samples: Vec::new(),
        reason: String::new(),
    }
}

#[test]
fn of_what_is_right_nothing_is_kept() {
    let mut lab = Lab::new();
    for _ in 0..200 {
        assert_eq!(lab.good(), [""; 0]);
    }
}

#[test]
fn a_beginning_is_kept_whole_and_then_one_sample_an_hour() {
    let mut lab = Lab::new();
    lab.good();
    for round in 2..=4 {
        let bad = format!("divergent google {BAD} of {round}");
        let right = format!("baseline ns1 {GOOD} of {round}");
        assert_eq!(lab.bad(BAD), [bad.clone(), bad.clone(), bad, right]);
    }
    for round in 5..=63 {
        assert_eq!(lab.bad(BAD), [""; 0], "{round}");
    }
    let once = [
        format!("divergent google {BAD} of 64"),
        format!("baseline ns1 {GOOD} of 64"),
    ];
    assert_eq!(lab.bad(BAD), once);
    assert_eq!(lab.bad(BAD), [""; 0]);
}

#[test]
fn the_end_is_the_last_bad_reply_and_the_first_good_one() {
    let mut lab = Lab::new();
    for _ in 1..=10 {
        lab.bad(BAD);
    }
    let end = [
        format!("divergent google {BAD} of 10"),
        format!("consistent google {GOOD} of 11"),
        format!("baseline ns1 {GOOD} of 11"),
    ];
    assert_eq!(lab.good(), end);
    assert_eq!(lab.good(), [""; 0]);
    // Where the last bad reply was kept anyway, it is not kept again.
    lab.bad(BAD);
    assert_eq!(
        lab.good(),
        [
            format!("consistent google {GOOD} of 14"),
            format!("baseline ns1 {GOOD} of 14"),
        ]
    );
}

#[test]
fn a_change_is_kept_when_it_comes() {
    let mut lab = Lab::new();
    for _ in 1..=9 {
        lab.bad(BAD);
    }
    let kept = lab.bad(ALIEN);
    assert_eq!(kept.len(), 4, "{kept:?}");
    assert_eq!(kept[0], format!("divergent google {ALIEN} of 10"));
    assert_eq!(lab.bad(ALIEN), [""; 0]);
    assert_eq!(lab.bad(BAD), [""; 0]);
    // Another state is a beginning, and the end of the one before.
    let other = lab.round(State::NxdomainMismatch, Severity::Critical, &nxdomain(300));
    let kept = told(&other);
    assert_eq!(kept[0], format!("divergent google {BAD} of 12"));
    assert_eq!(kept[1], "nxdomain_mismatch google NXDOMAIN of 13");
    assert_eq!(kept.len(), 5, "{kept:?}");
}

#[test]
fn what_was_wrong_before_a_restart_ends_or_begins_anew() {
    let mut lab = Lab::new();
    for _ in 1..=5 {
        lab.bad(BAD);
    }
    let series = SeriesKey {
        question: question(NAME, RecordType::A),
        source: google().into(),
    };
    let resumed = Keeper::resume([(series, State::Divergent)], lab.now());
    lab.keeper = resumed.clone();
    assert_eq!(lab.bad(BAD).len(), 4);
    lab.keeper = resumed;
    let end = [
        format!("consistent google {GOOD} of 7"),
        format!("baseline ns1 {GOOD} of 7"),
    ];
    assert_eq!(lab.good(), end);
}

#[test]
fn silence_leaves_no_message_and_a_reply_after_it_is_no_end() {
    let mut lab = Lab::new();
    for _ in 1..=5 {
        let silent = lab.round(State::Unreachable, Severity::Warning, &Reply::silence());
        assert_eq!(silent, Choice::default());
    }
    assert_eq!(lab.good(), [""; 0]);
}

#[test]
fn an_answer_that_is_new_each_minute_is_kept_a_few_times() {
    let mut lab = Lab::new();
    let day = 24 * 60;
    let kept: usize = (0..day)
        .map(|n| lab.bad(&format!("198.51.{}.{}", n / 250, n % 250)).len())
        .sum();
    // Sixteen answers of four messages, then two an hour.
    assert!((64..=16 * 4 + 24 * 2).contains(&kept), "{kept}");
}

#[test]
fn what_comes_and_goes_each_minute_is_kept_twelve_times_an_hour() {
    let mut lab = Lab::new();
    let mut kept = 0;
    for _ in 0..12 * 60 {
        kept += lab.bad(BAD).len() + lab.good().len();
    }
    // A beginning is four messages, an end two; and two when an hour is over.
    assert!((24 * 6 * 5..=24 * (12 * 4 + 2)).contains(&kept), "{kept}");
}

#[test]
fn a_flood_stays_within_the_budget_and_what_matters_comes_first() {
    let mut lab = Lab::new();
    lab.names = (0..100).map(|n| format!("d{n}.example.com")).collect();
    lab.wire = wire(65_000);
    let (mut octets, mut refused) = (0, 0);
    for minute in 0..240 {
        // A new answer each minute is a change each minute.
        let reply = a(&[&format!("198.51.{}.{}", minute / 250, minute % 250)], 300);
        let choice = lab.round(State::Divergent, Severity::Critical, &reply);
        let kept = choice.kept.iter().map(|one| &one.observation);
        octets += kept.map(budget::octets).sum::<u64>();
        refused += choice.refused;
    }
    let most = 64 << 20;
    assert!((most..=most * 3 / 2).contains(&octets), "{octets}");
    assert!(refused > 0);
}

#[test]
fn what_nobody_is_told_of_leaves_room_for_what_matters() {
    let mut lab = Lab::new();
    lab.names = (0..200).map(|n| format!("d{n}.example.com")).collect();
    lab.wire = wire(65_000);
    let silent = lab.round(State::Propagating, Severity::None, &a(&[BAD], 300));
    assert!(silent.refused > 0);
    lab.names = vec![NAME.to_owned()];
    assert_eq!(lab.bad(BAD).len(), 4);
}

#[test]
fn one_reply_of_an_authority_proves_many_matters_and_is_kept_once() {
    let mut lab = Lab::new();
    lab.minute = 1;
    let authority = server("ns1", "192.0.2.1").source();
    let right = lab.observation(&authority, NAME, &a(&[GOOD], 300), 0);
    let mut observations = vec![right.clone()];
    let mut verdicts = Vec::new();
    for n in 1..=5 {
        let source = Source {
            id: format!("r{n}"),
            ..google()
        };
        let sample = lab.observation(&source, NAME, &a(&[BAD], 300), n);
        verdicts.push(verdict(&sample, State::Divergent, Severity::Critical));
        observations.push(sample);
    }
    let finding = Finding {
        kind: FindingKind::TtlAbovePolicy,
        severity: Severity::Warning,
        subject: Subject::Question(question(NAME, RecordType::A)),
        zone: None,
        questions: vec![question(NAME, RecordType::A)],
        resolvers: Vec::new(),
        authorities: Vec::new(),
        baseline: None,
        observed: vec![seen(&right)],
        at: lab.now(),
        reason: String::new(),
    };
    let mut choose = |verdicts: &[Verdict], findings: &[Finding], minute| {
        let choice = lab.keeper.choose(&JudgedRound {
            number: minute,
            observations: &observations,
            verdicts,
            findings,
            now: at("00:00") + TimeDelta::minutes(minute),
        });
        told(&choice)
    };
    let both = choose(&verdicts, std::slice::from_ref(&finding), 1);
    assert_eq!(both.len(), 6, "{both:?}");
    assert_eq!(both[1], format!("baseline ns1 {GOOD} of 1"));
    // A finding alone keeps its evidence, and what was kept back of it when it is gone.
    for minute in 2..=4 {
        let kept = choose(&[], std::slice::from_ref(&finding), minute);
        let expected = format!("ttl_above_policy ns1 {GOOD} of {minute}");
        let expected = if minute < 4 {
            vec![expected]
        } else {
            Vec::new()
        };
        assert_eq!(kept, expected);
    }
    let last = choose(&[], &[], 5);
    assert_eq!(last, [format!("ttl_above_policy ns1 {GOOD} of 4")]);
    assert_eq!(choose(&[], &[], 6), [""; 0]);
}
