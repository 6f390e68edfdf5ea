//! Questions about the past, and their answers from spans.

use std::task::Poll;

use chrono::{DateTime, Utc};
use dns_auditor::{
    audit::{incident::TransitionKind, ledger::Ledger, verdict::State},
    store::{RoundOutcome, Store, incidents::EventKind, timeline::TimelineQuery},
    types::{Observation, RecordType, Severity, Source},
};

use super::samples::{
    at, authority, begin, claim, going_on, incident, message, observation, opening, quiet,
    resolver, step, verdict,
};
use crate::postgres::{execute, fresh_database, fresh_store};

pub(super) const MINUTE: i64 = 60_000;

fn with_site(mut sample: Observation, site: &str) -> Observation {
    sample.nsid = Some(site.as_bytes().to_vec());
    sample
}

fn quad9() -> Source {
    resolver("quad9", "9.9.9.9:53")
}

fn google() -> Source {
    resolver("google", "8.8.8.8:53")
}

/// Five rounds of `a.example`: the authority moves from .1 to .2 at minute 2, quad9 follows at minute 3, google stays
/// behind and is told of. The round of minute 4 is missed, that of minute 5 abandoned.
pub(super) async fn a_small_past() -> Store {
    let store = fresh_store().await;
    live_through_it(&store).await;
    store
}

pub(super) async fn live_through_it(store: &Store) {
    let ns = authority("ns1.example.com", "192.0.2.53:53");
    let seen = |source: &Source, last: &str, minute, offset: i64| {
        let address = format!("192.0.2.{last}");
        observation(
            source,
            "a.example",
            &address,
            300,
            at(minute * MINUTE + offset),
        )
    };
    let mut open: Vec<dns_auditor::audit::history::SpanChange> = Vec::new();
    for minute in [0, 1, 2, 3] {
        let round = begin(store, at(minute * MINUTE)).await;
        let samples = [
            seen(&ns, if minute < 2 { "1" } else { "2" }, minute, 10),
            with_site(
                seen(&quad9(), if minute < 3 { "1" } else { "2" }, minute, 20),
                "fra",
            ),
            seen(&google(), "1", minute, 30),
        ];
        let chunk: Vec<_> = samples
            .iter()
            .map(|sample| {
                let change = opening(sample);
                let before = open.iter().rposition(|one| {
                    one.span.series == change.span.series && one.span.answer == change.span.answer
                });
                let change = match before {
                    Some(index) => going_on(&open.remove(index), sample),
                    None => change,
                };
                open.push(change.clone());
                (sample.clone(), change)
            })
            .collect();
        store.record(round, &chunk).await.unwrap();
        finish(store, round, minute, &samples[1..]).await;
    }
    store
        .give_up_rounds("here", "dialers", &[at(4 * MINUTE)], at(4 * MINUTE))
        .await
        .unwrap();
    begin(store, at(5 * MINUTE)).await;
    store.abandon_rounds("here", at(6 * MINUTE)).await.unwrap();
}

async fn finish(
    store: &Store,
    round: dns_auditor::store::RoundId,
    minute: i64,
    resolvers: &[Observation],
) {
    let now = at(minute * MINUTE + 100);
    let stale = minute >= 2;
    let verdicts = [
        verdict(&resolvers[0], State::Consistent, Severity::None),
        if stale {
            verdict(&resolvers[1], State::Propagating, Severity::Info)
        } else {
            verdict(&resolvers[1], State::Consistent, Severity::None)
        },
    ];
    let opened = incident(1, "a.example", at(2 * MINUTE));
    let ledger = Ledger {
        incidents: if stale { vec![opened.clone()] } else { vec![] },
        ..Ledger::default()
    };
    let outcome = RoundOutcome {
        verdicts: &verdicts,
        transitions: &if minute == 2 {
            vec![step(0, TransitionKind::Opened, &opened, now)]
        } else {
            vec![]
        },
        messages: &if minute == 2 {
            vec![message(9, Some(1), "slack", now)]
        } else {
            vec![]
        },
        ..quiet(&ledger, now)
    };
    store.finish_round(round, &outcome).await.unwrap();
}

fn query(
    from: Option<DateTime<Utc>>,
    to: Option<DateTime<Utc>>,
    resolver: Option<&str>,
) -> TimelineQuery {
    TimelineQuery {
        name: "a.example".parse().unwrap(),
        rtype: Some(RecordType::A),
        from,
        to,
        resolver: resolver.map(str::to_owned),
    }
}

#[tokio::test]
async fn a_timeline_says_who_served_what_from_when_until_when() {
    let store = a_small_past().await;
    store.lease(&claim("one"), at(5 * MINUTE)).await.unwrap();
    store
        .delivered(uuid::Uuid::from_u128(9), at(5 * MINUTE), "200")
        .await
        .unwrap();
    let past = store.timeline(&query(None, None, None)).await.unwrap();
    let spans: Vec<_> = past
        .spans
        .iter()
        .map(|one| {
            let span = &one.span;
            let minute = |at: DateTime<Utc>| (at - super::samples::at(0)).num_minutes();
            (
                &*span.series.source.id,
                span.site.as_deref(),
                span.answer.to_string(),
                minute(span.first_seen),
                minute(span.last_seen),
                span.samples,
            )
        })
        .collect();
    assert_eq!(
        spans,
        [
            ("ns1.example.com", None, "192.0.2.1".to_owned(), 0, 1, 2),
            ("quad9", Some("fra"), "192.0.2.1".to_owned(), 0, 2, 3),
            ("google", None, "192.0.2.1".to_owned(), 0, 3, 4),
            ("ns1.example.com", None, "192.0.2.2".to_owned(), 2, 3, 2),
            ("quad9", Some("fra"), "192.0.2.2".to_owned(), 3, 3, 1),
        ]
    );
    assert_eq!(
        past.spans[2].span.cached_until,
        Some(at(3 * MINUTE + 30 + 300_000))
    );
    let states: Vec<_> = past
        .verdicts
        .iter()
        .map(|one| (&*one.resolver, one.state))
        .collect();
    assert_eq!(
        states,
        [
            ("google", State::Consistent),
            ("quad9", State::Consistent),
            ("google", State::Propagating)
        ]
    );
    let events: Vec<_> = past.events.iter().map(|event| event.kind).collect();
    assert_eq!(events, [EventKind::Opened, EventKind::Delivered]);
    let coverage = &past.coverage[0];
    assert_eq!(
        (
            coverage.finished,
            coverage.missed,
            coverage.abandoned,
            coverage.running
        ),
        (4, 1, 1, 0)
    );
    assert_eq!(coverage.longest_gap_to, Some(at(MINUTE)));
}

#[tokio::test]
async fn a_window_holds_what_overlaps_it_and_a_resolver_is_shown_beside_the_authorities() {
    let store = a_small_past().await;
    let narrow = query(
        Some(at(3 * MINUTE)),
        Some(at(3 * MINUTE + 15)),
        Some("quad9"),
    );
    let past = store.timeline(&narrow).await.unwrap();
    let sources: Vec<_> = past
        .spans
        .iter()
        .map(|one| &*one.span.series.source.id)
        .collect();
    assert_eq!(sources, ["ns1.example.com"], "quad9 spoke before and after");
    assert_eq!(past.verdicts.len(), 1);
    assert_eq!(past.coverage[0].finished, 1);
    let other = TimelineQuery {
        rtype: Some(RecordType::AAAA),
        ..query(None, None, None)
    };
    let past = store.timeline(&other).await.unwrap();
    assert_eq!((past.spans, past.verdicts), (vec![], vec![]));
}

/// Stops at the nth time that it would have to wait; `None` where it did.
async fn cut_off<T>(nth: usize, asked: impl Future<Output = T>) -> Option<T> {
    let mut asked = std::pin::pin!(asked);
    let mut left = nth;
    std::future::poll_fn(|context| match (asked.as_mut().poll(context), left) {
        (Poll::Ready(answer), _) => Poll::Ready(Some(answer)),
        (Poll::Pending, 0) => Poll::Ready(None),
        (Poll::Pending, _) => {
            left -= 1;
            Poll::Pending
        }
    })
    .await
}

/// As when a client of the API goes away: what was on its way to it must not be the answer to the next question.
#[tokio::test]
async fn a_question_that_is_cut_off_anywhere_leaves_nothing_to_the_next() {
    let url = fresh_database().await;
    let store = Store::open(&url).await.unwrap();
    live_through_it(&store).await;
    let more = "insert into span (series_id, site, first_seen, answer_id, authoritative, first_ttls, last_seen, samples)
        select series_id, 'site ' || nth, first_seen, answer_id, false, '300;', last_seen, 1
        from (select * from span limit 1) as one, generate_series(1, 4000) as nth; analyze";
    execute(&url, more.to_owned()).await;
    let (past, now) = (query(None, None, None), at(5 * MINUTE));
    let timeline = store.timeline(&past).await.unwrap();
    let state = store.state_at(now, None).await.unwrap();
    assert!(timeline.spans.len() > 4_000 && state.len() > 4_000);
    let mut cuts = 0;
    // How often a question waits is the machine's: it is cut off at each time, and anew until that was often.
    while cuts <= 10 {
        let mut nth = 0;
        while cut_off(nth, store.timeline(&past)).await.is_none()
            || cut_off(nth, store.state_at(now, None)).await.is_none()
        {
            assert!(store.timeline(&past).await.unwrap() == timeline, "{nth}");
            assert!(store.state_at(now, None).await.unwrap() == state, "{nth}");
            nth += 1;
        }
        assert!(nth > 0, "it never waited");
        cuts += nth;
    }
}

#[tokio::test]
async fn who_served_an_address_is_found_by_address_and_by_network() {
    let store = a_small_past().await;
    let who = async |what: &str, from: Option<i64>| {
        let found = store
            .who_served(what.parse().unwrap(), from.map(at), None)
            .await
            .unwrap();
        found
            .into_iter()
            .map(|one| one.span.series.source.id.clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        who("192.0.2.1/32", None).await,
        ["ns1.example.com", "quad9", "google"]
    );
    assert_eq!(who("192.0.2.1/32", Some(3 * MINUTE)).await, ["google"]);
    assert_eq!(who("192.0.2.0/24", None).await.len(), 5);
    assert_eq!(who("192.0.2.9/32", None).await, [""; 0]);
    assert_eq!(who("2001:db8::/32", None).await, [""; 0]);
}
