//! A storm: one resolver breaks thousands of names at once, and one message says so.
//!
//! The ledger, the messages, the database, the dispatcher and the receiver are real; the verdicts are made, since asking ten
//! thousand questions is the prober's own test.

use std::{collections::BTreeMap, time::Instant};

use chrono::{DateTime, TimeDelta, Utc};
use dns_auditor::{
    audit::{
        declared::Declared,
        incident::{Axis, Transition, TransitionKind},
        ledger::{AuthorityReach, Judgement, Ledger, advance},
        verdict::{State, Verdict},
    },
    config::{self, Config},
    dispatcher::Dispatcher,
    evaluator::messages::{ToldBefore, for_transitions},
    notify::Notifier,
    store::{RoundOutcome, Store},
    types::{Question, RecordType, Severity, Source},
};

use crate::{
    postgres::fresh_store,
    sink::{Received, Sink},
    store::samples::{observation, resolver, verdict},
};

const NAMES: usize = 5_000;
const TYPES: [RecordType; 2] = [RecordType::A, RecordType::AAAA];

fn config(sink: &Sink) -> Config {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("auditor.toml");
    let text = format!(
        "vantage = 'here'\n[[resolver]]\nid = 'alpha'\naddress = '192.0.2.53'\n[[resolver]]\nid = 'beta'\n\
         address = '192.0.2.54'\n[[group]]\nname = 'dialers'\nnames = ['dialer{{1..{NAMES}}}.example.com']\n\
         resolvers = ['alpha', 'beta']\nchannels = ['hook', 'chat']\n[[channel]]\nid = 'hook'\nkind = 'webhook'\n\
         url = '{0}'\n[[channel]]\nid = 'chat'\nkind = 'slack'\nurl = '{0}'\n",
        sink.url()
    );
    std::fs::write(&file, text).unwrap();
    config::load(Some(&file), &BTreeMap::new()).unwrap_or_else(|errors| panic!("{errors}"))
}

/// What both resolvers say of every question: `beta` this, `alpha` what is right.
fn verdicts(state: State, severity: Severity, at: DateTime<Utc>) -> Vec<Verdict> {
    let sources = [
        (
            resolver("alpha", "192.0.2.53:53"),
            State::Consistent,
            Severity::None,
        ),
        (resolver("beta", "192.0.2.54:53"), state, severity),
    ];
    let names = (1..=NAMES).flat_map(|number| TYPES.map(|rtype| (number, rtype)));
    let each = names.flat_map(|(number, rtype)| {
        let sources = sources.clone();
        sources.map(|(source, state, severity)| one(&source, number, rtype, state, severity, at))
    });
    each.collect()
}

fn one(
    source: &Source,
    number: usize,
    rtype: RecordType,
    state: State,
    severity: Severity,
    at: DateTime<Utc>,
) -> Verdict {
    let name = format!("dialer{number}.example.com");
    let address = if state == State::Consistent {
        "192.0.2.7"
    } else {
        "198.51.100.66"
    };
    let heard = observation(source, &name, address, 86_400, at);
    let mut verdict = verdict(&heard, state, severity);
    verdict.question.rtype = rtype;
    verdict.observed.question.rtype = rtype;
    verdict.observed.records = vec![address.to_owned()];
    verdict.cached_until = Some(at + TimeDelta::days(1));
    verdict
}

/// One round of the group, recorded as the service records it; what it tells.
async fn round(
    store: &Store,
    config: &Config,
    ledger: &mut Ledger,
    verdicts: &[Verdict],
    now: DateTime<Utc>,
) -> Vec<Transition> {
    let group = &config.groups[0];
    let questions: Vec<Question> = group.questions().collect();
    let transitions = advance(
        ledger,
        &Judgement {
            vantage: "here",
            group: "dialers",
            policy: &group.policy,
            verdicts,
            findings: &[],
            declared: &Declared::default(),
            questions: &questions,
            held_back: &std::collections::BTreeSet::new(),
            authorities: AuthorityReach {
                asked: 2,
                answered: 2,
                lame: 0,
            },
            now,
        },
    );
    let messages = for_transitions(config, group, &transitions, &ToldBefore::new());
    let round = store
        .begin_round("here", "dialers", now, now)
        .await
        .unwrap();
    let outcome = RoundOutcome {
        verdicts,
        findings: &[],
        ledger,
        transitions: &transitions,
        messages: &messages,
        caps: &[],
        now,
    };
    store.finish_round(round.unwrap(), &outcome).await.unwrap();
    transitions
}

/// The most memory that this process ever held, MiB.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|rest| rest.trim().trim_end_matches(" kB").parse::<u64>().ok());
    kilobytes.unwrap_or_default() / 1024
}

#[tokio::test]
async fn one_resolver_that_breaks_5000_names_of_two_types_is_one_message() {
    let (store, sink) = (fresh_store().await, Sink::start([]).await);
    let config = config(&sink);
    let channels = config.channels.iter().cloned();
    let dispatcher = Dispatcher::new(
        store.clone(),
        Notifier::default(),
        channels,
        "here",
        "tests",
    );
    let mut ledger = Ledger::default();
    let start = Utc::now();
    let mut told = Vec::new();
    // Bad for three rounds; a day later no cache can hold it, and it is clean.
    for minute in 0..3 {
        let now = start + TimeDelta::minutes(minute);
        let bad = verdicts(State::Divergent, Severity::Critical, now);
        let begun = Instant::now();
        told.extend(round(&store, &config, &mut ledger, &bad, now).await);
        println!("round {minute}: {:?}, peak {} MiB", begun.elapsed(), peak());
        ledger = store.load_ledger("here", "dialers").await.unwrap();
        let begun = Instant::now();
        for second in 0..3 {
            while dispatcher
                .step(now + TimeDelta::seconds(second))
                .await
                .unwrap()
            {}
        }
        println!("  told in {:?}", begun.elapsed());
    }
    let kinds: Vec<_> = told.iter().map(|step| step.kind).collect();
    assert_eq!(kinds, [TransitionKind::Opened], "one cause, one message");
    let incident = &told[0].incident;
    assert_eq!(
        (incident.key.axis, incident.names.len()),
        (Axis::Resolver, NAMES)
    );
    assert_eq!(
        incident.observed.len(),
        100,
        "what is kept of it is bounded"
    );
    let document = serde_json::to_vec(&ledger).unwrap().len();
    println!("ledger: {document} octets");
    assert!(document < 1_000_000, "{document}");

    let received = sink.received();
    assert_eq!(received.len(), 2, "one at each channel");
    for message in &received {
        println!("message: {} octets", message.body.len());
        assert!(message.body.len() < 120_000, "{}", message.body.len());
    }
    let hook = received
        .iter()
        .map(Received::json)
        .find(|body| body["type"].is_string());
    let body = hook.unwrap();
    let incident = &body["data"]["incident"];
    assert_eq!(incident["names_total"], NAMES);
    assert_eq!(incident["names"].as_array().unwrap().len(), 100);
    let share = &incident["shares"][0];
    assert_eq!(
        (&share["bad"], &share["samples"]),
        (&10_000.into(), &10_000.into())
    );

    for minute in 0..4 {
        let now = start + TimeDelta::minutes(1_460 + minute);
        let good = verdicts(State::Consistent, Severity::None, now);
        told.extend(round(&store, &config, &mut ledger, &good, now).await);
    }
    let kinds: Vec<_> = told.iter().map(|step| step.kind).collect();
    // After a day without a round it is still open until three rounds were clean.
    let expected = [
        TransitionKind::Opened,
        TransitionKind::Reminder,
        TransitionKind::Resolved,
    ];
    assert_eq!(kinds, expected);
    assert!(ledger.incidents.is_empty());
}
