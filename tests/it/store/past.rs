//! Changes followed, instants compared, bad seconds, denials, findings and coverage: each a query of its own.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use dns_auditor::{
    audit::{finding::FindingKind, history::SpanChange, ledger::Ledger, verdict::State},
    names::DnsName,
    store::{
        RoundOutcome, Store, diff::Diff, findings::FindingQuery, timeline::TimelineQuery,
        watched::Stretch,
    },
    types::{Answer, Flags, Link, Rcode, RecordType, Severity, Status, Value},
};

use super::{
    questions::{MINUTE, a_small_past},
    samples::{
        at, authority, begin, finding, going_on, observation, opening, quiet, resolver, verdict,
    },
};
use crate::postgres::fresh_store;

fn name(text: &str) -> DnsName {
    text.parse().unwrap()
}

fn of_a(from: Option<DateTime<Utc>>) -> TimelineQuery {
    TimelineQuery {
        name: name("a.example"),
        rtype: Some(RecordType::A),
        from,
        to: None,
        resolver: None,
    }
}

/// What ns1, ns2, quad9 and isp said in a round; `deaf` always says .1.
type Said = [&'static str; 4];

/// Five rounds of `a.example`: ns1 moves from .1 to .2 at minute 1, ns2 and quad9 at minute 2, isp at minute 4, and one
/// resolver never.
const A_CHANGE: [Said; 5] = [
    ["1", "1", "1", "1"],
    ["2", "1", "1", "1"],
    ["2", "2", "2", "1"],
    ["2", "2", "2", "1"],
    ["2", "2", "2", "2"],
];

async fn a_change() -> Store {
    rounds_of(&A_CHANGE).await
}

async fn rounds_of(rounds: &[Said]) -> Store {
    let store = fresh_store().await;
    let ns = authority("ns1.example.com", "192.0.2.53:53");
    let late = authority("ns2.example.com", "192.0.2.54:53");
    let quick = resolver("quad9", "9.9.9.9:53");
    let slow = resolver("isp", "192.0.2.99:53");
    let deaf = resolver("deaf", "192.0.2.98:53");
    let mut open = Vec::new();
    for (minute, [ns_says, late_says, quick_says, slow_says]) in (0..).zip(rounds.iter().copied()) {
        let round = begin(&store, at(minute * MINUTE)).await;
        let said = [
            (&ns, ns_says),
            (&late, late_says),
            (&quick, quick_says),
            (&slow, slow_says),
            (&deaf, "1"),
        ];
        let mut samples = Vec::new();
        for (source, last) in said {
            let address = format!("192.0.2.{last}");
            let mut seen = observation(source, "a.example", &address, 300, at(minute * MINUTE));
            if source.id.starts_with("ns") {
                seen.flags = seen.flags.with(Flags::AA, true);
            }
            let before = open.iter().rposition(|one: &SpanChange| {
                one.span.series.source == seen.source && one.span.answer == seen.answer
            });
            let change = match before {
                Some(index) => going_on(&open.remove(index), &seen),
                None => opening(&seen),
            };
            open.push(change.clone());
            samples.push((seen, change));
        }
        store.record(round, &samples).await.unwrap();
        let ledger = Ledger::default();
        let outcome = quiet(&ledger, at(minute * MINUTE + 100));
        store.finish_round(round, &outcome).await.unwrap();
    }
    store
}

#[tokio::test]
async fn a_change_is_followed_from_the_first_server_to_the_last_cache() {
    let store = a_change().await;
    let changes = store.propagation(&of_a(None)).await.unwrap();
    assert_eq!(
        changes.len(),
        1,
        "the first value is no change: {changes:#?}"
    );
    let change = &changes[0];
    assert_eq!(change.to.to_string(), "192.0.2.2");
    assert_eq!((change.changed_at, change.ended_at), (at(MINUTE), None));
    let servers: Vec<_> = change
        .servers
        .iter()
        .map(|one| (&*one.server, one.at))
        .collect();
    assert_eq!(
        servers,
        [
            ("ns1.example.com", at(MINUTE)),
            ("ns2.example.com", at(2 * MINUTE))
        ]
    );
    let backends: Vec<_> = change
        .backends
        .iter()
        .map(|one| (&*one.resolver, one.after_s, one.last_other))
        .collect();
    assert_eq!(
        backends,
        [
            ("quad9", Some(60), Some(at(MINUTE))),
            ("isp", Some(180), Some(at(3 * MINUTE))),
            ("deaf", None, Some(at(4 * MINUTE))),
        ]
    );
    assert_eq!(
        (change.t50_s, change.t95_s, change.t100_s),
        (Some(180), None, None)
    );
    let later = store.propagation(&of_a(Some(at(MINUTE + 1)))).await;
    assert_eq!(later.unwrap(), []);
}

#[tokio::test]
async fn a_window_tells_of_its_changes_what_all_of_the_past_tells_of_them() {
    // At minute 5 both servers move on, and quad9 with them: what it had said before ended before the change.
    let more = [["3", "3", "3", "2"], ["3", "3", "3", "3"]];
    let store = rounds_of(&[&A_CHANGE[..], &more].concat()).await;
    let all = store.propagation(&of_a(None)).await.unwrap();
    let begins: Vec<_> = all.iter().map(|change| change.changed_at).collect();
    assert_eq!(begins, [at(MINUTE), at(5 * MINUTE)]);
    let quad9 = &all[1].backends[0];
    assert_eq!(
        (&*quad9.resolver, quad9.last_other, quad9.after_s),
        ("quad9", None, Some(0))
    );
    let late = store.propagation(&of_a(Some(at(5 * MINUTE)))).await;
    assert_eq!(late.unwrap(), all[1..]);
    let early = TimelineQuery {
        to: Some(at(4 * MINUTE)),
        ..of_a(None)
    };
    assert_eq!(store.propagation(&early).await.unwrap(), all[..1]);
    let between = TimelineQuery {
        from: Some(at(2 * MINUTE)),
        ..early
    };
    assert_eq!(store.propagation(&between).await.unwrap(), []);
}

#[tokio::test]
async fn two_instants_are_compared_backend_by_backend() {
    let store = a_small_past().await;
    let names = [name("a.example")];
    let [before, between, after] =
        [-1, MINUTE, 3 * MINUTE + 200].map(|when| store.states_at(at(when), &names));
    let (before, between, after) = (
        before.await.unwrap(),
        between.await.unwrap(),
        after.await.unwrap(),
    );
    let diff = Diff::between(at(MINUTE), at(3 * MINUTE), [between, after.clone()]);
    let changed: Vec<_> = diff
        .changed
        .iter()
        .map(|one| {
            let said = [&one.before, &one.after];
            said.map(|row| row.as_ref().unwrap().span.span.answer.to_string())
        })
        .collect();
    let same = "192.0.2.1".to_owned();
    let new = "192.0.2.2".to_owned();
    assert_eq!(
        changed,
        [
            // google: the same answer under another verdict.
            [same.clone(), same.clone()],
            [same.clone(), new.clone()],
            [same, new],
        ]
    );
    assert_eq!(diff.unchanged, 0);
    let none = Diff::between(at(0), at(0), [after.clone(), after.clone()]);
    assert_eq!((none.changed.len(), none.unchanged), (0, 3));
    let all = Diff::between(at(0), at(0), [before, after]);
    assert!(all.changed.iter().all(|one| one.before.is_none()));
    assert_eq!(all.changed.len(), 3);
}

#[tokio::test]
async fn a_gap_is_seen_and_what_lies_in_it_is_not_counted() {
    let store = a_small_past().await;
    let far = 60 * MINUTE;
    for minute in [60, 61] {
        let round = begin(&store, at(minute * MINUTE)).await;
        let ledger = Ledger::default();
        let done = quiet(&ledger, at(minute * MINUTE + 90_000));
        store.finish_round(round, &done).await.unwrap();
    }
    let end = far + 90_000;
    let watched = store.watched(at(0), at(end)).await.unwrap();
    assert_eq!(watched.len(), 1);
    let one = &watched[0];
    assert_eq!(
        (one.finished, one.missed, one.abandoned, one.late),
        (6, 1, 1, 2)
    );
    assert_eq!(one.usual_period_s, Some(60));
    let stretch = |from, to, rounds| Stretch {
        from: at(from),
        to: at(to),
        rounds,
    };
    assert_eq!(
        one.stretches,
        [stretch(0, 4 * MINUTE, 4), stretch(far, end, 2)]
    );
    assert_eq!(one.watched_s, 240 + 90);
    // A window that begins between two rounds was watched from its beginning; one that begins in the gap was not.
    let within = async |from| {
        let watched = store.watched(at(from), at(end)).await.unwrap();
        (watched[0].watched_s, watched[0].stretches.clone())
    };
    let half = MINUTE / 2;
    assert_eq!(
        within(half).await,
        (
            210 + 90,
            vec![stretch(half, 4 * MINUTE, 3), stretch(far, end, 2)]
        )
    );
    assert_eq!(within(20 * MINUTE).await, (90, vec![stretch(far, end, 2)]));
    assert_eq!(
        within(far + half).await,
        (60, vec![stretch(far + half, end, 1)])
    );
    assert_eq!(store.watched(at(-2), at(-1)).await.unwrap(), []);
    // Nothing was due for a month: it is told that nobody watched. After two months the group is one that was.
    let silent = async |days: [i64; 2]| {
        let [from, to] = days.map(|days| at(days * 24 * 60 * MINUTE));
        let watched = store.watched(from, to).await.unwrap();
        let silent = watched.into_iter().map(|one| {
            let counts = one.finished + one.missed + one.abandoned + one.running;
            (one.group, counts, one.watched_s, one.stretches)
        });
        silent.collect::<Vec<_>>()
    };
    let nothing = [("dialers".to_owned(), 0, 0, Vec::new())];
    assert_eq!(silent([1, 20]).await, nothing);
    assert_eq!(silent([31, 60]).await, []);
}

#[tokio::test]
async fn bad_seconds_are_those_of_warnings_and_worse_while_it_was_watched() {
    let store = fresh_store().await;
    let isp = resolver("isp", "192.0.2.99:53");
    for (minute, state, severity) in [
        (0, State::Consistent, Severity::None),
        (1, State::Divergent, Severity::Critical),
        (2, State::Divergent, Severity::Critical),
        (3, State::Propagating, Severity::None),
    ] {
        let now = at(minute * MINUTE);
        let round = begin(&store, now).await;
        let seen = observation(&isp, "a.example", "192.0.2.1", 300, now);
        let change = opening(&seen);
        let judged = [verdict(&seen, state, severity)];
        store.record(round, &[(seen, change)]).await.unwrap();
        let ledger = Ledger::default();
        let outcome = RoundOutcome {
            verdicts: &judged,
            ..quiet(&ledger, now)
        };
        store.finish_round(round, &outcome).await.unwrap();
    }
    let levels =
        async |names: &[DnsName], to| store.service_levels(names, at(0), at(to)).await.unwrap();
    let hour = levels(&[], 60 * MINUTE).await;
    assert_eq!(hour.len(), 1);
    let level = &hour[0];
    assert_eq!(
        (&*level.resolver, &*level.month, level.questions),
        ("isp", "2026-11", 1)
    );
    // Four rounds a minute apart, of which the last stands for a minute; nothing after it was watched.
    assert_eq!((level.watched_s, level.bad_s), (240, 120));
    assert_eq!(level.bad_percent, Some(50.0));
    assert_eq!(level.bad[0].states["divergent"], 120);
    assert_eq!(levels(&[name("b.example")], 60 * MINUTE).await, []);
}

#[tokio::test]
async fn denials_are_told_with_their_deadline() {
    let store = a_small_past().await;
    let round = begin(&store, at(7 * MINUTE)).await;
    let isp = resolver("isp", "192.0.2.99:53");
    let mut seen = observation(&isp, "gone.example", "192.0.2.1", 900, at(7 * MINUTE));
    seen.answer = Arc::new(Answer {
        status: Status::Rcode(Rcode::NXDOMAIN),
        links: vec![Link {
            owner: name("gone.example"),
            value: Value::Nxdomain,
        }],
    });
    let change = opening(&seen);
    store.record(round, &[(seen, change)]).await.unwrap();
    let denials = async |names: &[DnsName], from| {
        let found = store.denials(names, at(from), at(60 * MINUTE)).await;
        let found = found.unwrap().into_iter().map(|one| one.span);
        found
            .map(|span| (span.answer.to_string(), span.cached_until))
            .collect::<Vec<_>>()
    };
    let told = [("NXDOMAIN".to_owned(), Some(at(7 * MINUTE + 900_000)))];
    assert_eq!(denials(&[], 0).await, told);
    assert_eq!(denials(&[name("gone.example")], 0).await, told);
    assert_eq!(denials(&[name("a.example")], 0).await, []);
    assert_eq!(denials(&[], 8 * MINUTE).await, []);
}

#[tokio::test]
async fn findings_are_found_by_kind_name_and_type() {
    let store = fresh_store().await;
    let found = [finding("a.example", at(0))];
    let ledger = Ledger::default();
    for (minute, findings) in [(0, &found[..]), (1, &found[..]), (2, &[][..])] {
        let round = begin(&store, at(minute * MINUTE)).await;
        let outcome = RoundOutcome {
            findings,
            ..quiet(&ledger, at(minute * MINUTE))
        };
        store.finish_round(round, &outcome).await.unwrap();
    }
    let ask = async |names: &[&str], rtype, kinds: &[FindingKind], from| {
        let query = FindingQuery {
            names: names.iter().map(|text| name(text)).collect(),
            rtype,
            kinds: kinds.to_vec(),
            from: at(from),
            to: at(60 * MINUTE),
        };
        let found = store.findings(&query).await.unwrap();
        found
            .into_iter()
            .map(|one| (one.kind, one.until))
            .collect::<Vec<_>>()
    };
    let told = [("ttl_above_policy".to_owned(), Some(at(2 * MINUTE)))];
    let above = FindingKind::TtlAbovePolicy;
    assert_eq!(ask(&[], None, &[], 0).await, told);
    assert_eq!(
        ask(&["a.example"], Some(RecordType::A), &[above], 0).await,
        told
    );
    assert_eq!(ask(&["b.example"], None, &[], 0).await, []);
    assert_eq!(
        ask(&["a.example"], Some(RecordType::AAAA), &[], 0).await,
        []
    );
    assert_eq!(ask(&[], None, &[FindingKind::NsMismatch], 0).await, []);
    assert_eq!(ask(&[], None, &[], 3 * MINUTE).await, []);
}
