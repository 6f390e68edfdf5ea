//! What a round decided, over time.

use dns_auditor::{
    audit::{
        incident::{Candidate, Recurrence, Status, Transition, TransitionKind},
        ledger::Ledger,
        verdict::{State, VerdictFlag},
    },
    store::{
        RoundOutcome, Store,
        incidents::EventKind,
        timeline::{Timeline, TimelineQuery},
    },
    types::Severity,
};

use super::samples::{
    at, begin, ended, finding, incident, message, observation, opening, quiet, resolver, step,
    verdict,
};
use crate::postgres::fresh_store;

async fn timeline(store: &Store) -> Timeline {
    let query = TimelineQuery {
        name: "a.example".parse().unwrap(),
        rtype: None,
        from: None,
        to: None,
        resolver: None,
    };
    store.timeline(&query).await.unwrap()
}

#[tokio::test]
async fn a_verdict_is_written_when_it_changes_and_only_then() {
    let store = fresh_store().await;
    let source = resolver("quad9", "9.9.9.9:53");
    let ledger = Ledger::default();
    let judged = [
        (State::Consistent, Severity::None, false),
        (State::Consistent, Severity::None, false),
        (State::Consistent, Severity::None, true),
        (State::Divergent, Severity::Critical, false),
        (State::Divergent, Severity::Critical, false),
    ];
    for (minute, (state, severity, flagged)) in (0..).zip(judged) {
        let now = at(60_000 * minute);
        let sample = observation(&source, "a.example", "192.0.2.1", 60, now);
        let mut verdict = verdict(&sample, state, severity);
        if flagged {
            verdict.flags = vec![VerdictFlag::ServeStaleInUse, VerdictFlag::LowConfidence];
        }
        let round = begin(&store, now).await;
        let outcome = RoundOutcome {
            verdicts: &[verdict],
            ..quiet(&ledger, now)
        };
        store.finish_round(round, &outcome).await.unwrap();
    }
    let spans: Vec<_> = timeline(&store)
        .await
        .verdicts
        .into_iter()
        .map(|span| (span.state, span.flags.len(), span.since, span.until))
        .collect();
    assert_eq!(
        spans,
        [
            (State::Consistent, 0, at(0), Some(at(120_000))),
            (State::Consistent, 2, at(120_000), Some(at(180_000))),
            (State::Divergent, 0, at(180_000), None),
        ]
    );
}

#[tokio::test]
async fn groups_judge_the_same_series_apart_and_the_worst_of_a_round_counts() {
    let store = fresh_store().await;
    let sample = observation(
        &resolver("quad9", "9.9.9.9:53"),
        "a.example",
        "192.0.2.1",
        60,
        at(0),
    );
    let ledger = Ledger::default();
    let mild = verdict(&sample, State::Consistent, Severity::None);
    let bad = verdict(&sample, State::Divergent, Severity::Critical);
    for (group, verdicts) in [("dialers", vec![mild.clone(), bad]), ("other", vec![mild])] {
        let round = store
            .begin_round("here", group, at(0), at(0))
            .await
            .unwrap()
            .unwrap();
        let outcome = RoundOutcome {
            verdicts: &verdicts,
            ..quiet(&ledger, at(0))
        };
        store.finish_round(round, &outcome).await.unwrap();
    }
    let verdicts = timeline(&store).await.verdicts;
    let by_group: Vec<_> = verdicts
        .iter()
        .map(|one| (&*one.group, one.state))
        .collect();
    assert_eq!(
        by_group,
        [("dialers", State::Divergent), ("other", State::Consistent)]
    );
}

#[tokio::test]
async fn a_finding_ends_with_the_first_round_without_it() {
    let store = fresh_store().await;
    let ledger = Ledger::default();
    let found = finding("a.example", at(0));
    let worse = {
        let mut worse = found.clone();
        worse.severity = Severity::Critical;
        worse
    };
    for (minute, findings) in (0..).zip([
        vec![found.clone()],
        vec![found.clone(), found.clone()],
        vec![worse],
        vec![],
    ]) {
        let round = begin(&store, at(60_000 * minute)).await;
        let outcome = RoundOutcome {
            findings: &findings,
            ..quiet(&ledger, at(60_000 * minute))
        };
        store.finish_round(round, &outcome).await.unwrap();
    }
    let spans: Vec<_> = timeline(&store)
        .await
        .findings
        .into_iter()
        .map(|span| (span.kind, span.severity, span.since, span.until))
        .collect();
    let kind = || "ttl_above_policy".to_owned();
    assert_eq!(
        spans,
        [
            (kind(), Severity::Warning, at(0), Some(at(120_000))),
            (kind(), Severity::Critical, at(120_000), Some(at(180_000))),
        ]
    );
}

#[tokio::test]
async fn a_ledger_comes_back_as_it_was_left() {
    let store = fresh_store().await;
    let ledger = Ledger {
        incidents: vec![
            incident(2, "a.example", at(1)),
            incident(1, "b.example", at(0)),
        ],
        candidates: (0..3)
            .map(|rounds| Candidate {
                key: incident(3, "c.example", at(0)).key,
                subject: format!("c.example A @ 192.0.2.{rounds}"),
                since: at(0),
                last_at: at(1),
                rounds,
            })
            .collect(),
        recurrences: [1, 2]
            .map(|number| Recurrence {
                key: incident(number, &format!("{number}.example"), at(0)).key,
                onsets: vec![at(0), at(1)],
            })
            .to_vec(),
    };
    let round = begin(&store, at(0)).await;
    store
        .finish_round(round, &quiet(&ledger, at(0)))
        .await
        .unwrap();
    assert_eq!(store.load_ledger("here", "dialers").await.unwrap(), ledger);
    assert_eq!(
        store.load_ledger("here", "other").await.unwrap(),
        Ledger::default()
    );
    let fewer = Ledger {
        candidates: vec![ledger.candidates[2].clone()],
        ..ledger
    };
    let round = begin(&store, at(60_000)).await;
    store
        .finish_round(round, &quiet(&fewer, at(60_000)))
        .await
        .unwrap();
    assert_eq!(store.load_ledger("here", "dialers").await.unwrap(), fewer);
}

#[tokio::test]
async fn what_people_do_outlives_rounds_that_do_not_know_of_it() {
    let store = fresh_store().await;
    let opened = incident(1, "a.example", at(0));
    let ledger = Ledger {
        incidents: vec![opened.clone()],
        ..Ledger::default()
    };
    let transitions = [step(0, TransitionKind::Opened, &opened, at(0))];
    let first = RoundOutcome {
        transitions: &transitions,
        ..quiet(&ledger, at(0))
    };
    let round = begin(&store, at(0)).await;
    store.finish_round(round, &first).await.unwrap();

    assert!(store.ack_incident(opened.id, "ada", at(10)).await.unwrap());
    assert!(!store.ack_incident(opened.id, "bob", at(11)).await.unwrap());
    let mut unaware = ledger.clone();
    unaware.incidents[0].clean_rounds = 2;
    let counting = |key| Candidate {
        key,
        subject: "a.example A @ 8.8.8.8".to_owned(),
        since: at(0),
        last_at: at(1),
        rounds: 1,
    };
    let other = counting(incident(2, "b.example", at(0)).key);
    unaware.candidates = vec![counting(opened.key.clone()), other.clone()];
    // The same step again, as after a crash: it is recorded once.
    let outcome = RoundOutcome {
        transitions: &transitions,
        ..quiet(&unaware, at(60_000))
    };
    let round = begin(&store, at(60_000)).await;
    store.finish_round(round, &outcome).await.unwrap();
    let kept = store
        .load_ledger("here", "dialers")
        .await
        .unwrap()
        .incidents
        .remove(0);
    assert_eq!((kept.acked_at, kept.clean_rounds), (Some(at(10)), 2));

    let ending = ended(&kept, at(70_000));
    let told = [message(5, Some(1), "slack", at(70_000))];
    let end = async |step: &Transition| {
        let steps = std::slice::from_ref(step);
        store.record_steps(steps, Some("ada"), &told).await.unwrap()
    };
    let mut outdated = ending.clone();
    outdated.number = 0;
    assert!(!end(&outdated).await, "it has taken a step since");
    assert_eq!(store.outbox_depth("here").await.unwrap().waiting, 0);
    assert!(end(&ending).await);
    assert!(!end(&ending).await, "it is over already");
    assert_eq!(store.outbox_depth("here").await.unwrap().waiting, 1);
    let left = store.load_ledger("here", "dialers").await.unwrap();
    assert_eq!((left.incidents, left.candidates), (vec![], vec![other]));
    let round = begin(&store, at(120_000)).await;
    store
        .finish_round(round, &quiet(&unaware, at(120_000)))
        .await
        .unwrap();
    assert_eq!(
        store
            .load_ledger("here", "dialers")
            .await
            .unwrap()
            .incidents,
        []
    );
    let (kept, events) = store.incident(opened.id).await.unwrap().unwrap();
    assert_eq!(
        (kept.status, kept.resolved_at),
        (Status::Resolved, Some(at(70_000)))
    );
    let told: Vec<_> = events
        .iter()
        .map(|event| (event.kind, &*event.detail))
        .collect();
    assert_eq!(
        told,
        [
            (EventKind::Opened, "step 0"),
            (EventKind::Acked, "ada"),
            (EventKind::Closed, "ada"),
            (EventKind::Resolved, "step 1")
        ]
    );
}

#[tokio::test]
async fn what_is_no_longer_configured_stops_standing() {
    let store = fresh_store().await;
    let ledger = Ledger::default();
    let sample = |id| {
        observation(
            &resolver(id, "9.9.9.9:53"),
            "a.example",
            "192.0.2.1",
            60,
            at(0),
        )
    };
    let samples = [sample("kept"), sample("gone")];
    let verdicts = [0, 1].map(|n| verdict(&samples[n], State::Consistent, Severity::None));
    for group in ["dialers", "other"] {
        let round = store
            .begin_round("here", group, at(0), at(0))
            .await
            .unwrap()
            .unwrap();
        let outcome = RoundOutcome {
            verdicts: &verdicts,
            findings: &[finding("a.example", at(0))],
            ..quiet(&ledger, at(0))
        };
        store.finish_round(round, &outcome).await.unwrap();
    }
    let kept = [opening(&samples[0]).span.series];
    assert_eq!(
        store
            .end_unasked("here", "dialers", &kept, at(1))
            .await
            .unwrap(),
        1
    );
    let groups = ["dialers".to_owned()];
    assert_eq!(
        store
            .end_other_groups("here", &groups, at(1))
            .await
            .unwrap(),
        3
    );
    let past = timeline(&store).await;
    let standing = past.verdicts.iter().filter(|one| one.until.is_none());
    let standing: Vec<_> = standing.map(|one| (&*one.group, &*one.resolver)).collect();
    assert_eq!(standing, [("dialers", "kept")]);
    assert_eq!(
        past.findings
            .iter()
            .filter(|one| one.until.is_none())
            .count(),
        1
    );
}
