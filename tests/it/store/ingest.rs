//! What is written comes back exactly.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use dns_auditor::{
    audit::history::SpanChange,
    store::{Store, observations::ObservationQuery},
    types::{
        Answer, Ede, Flags, Link, NoReply, Observation, Rcode, RecordType, Span, Status, Transport,
        Value,
    },
};

use sqlx::{Connection as _, PgConnection};

use super::samples::{at, authority, begin, going_on, observation, opening, question, resolver};
use crate::postgres::{fresh_database, fresh_store};

async fn read_back(store: &Store, from: DateTime<Utc>, to: DateTime<Utc>) -> Vec<Observation> {
    let query = ObservationQuery {
        vantage: "here".to_owned(),
        from,
        to,
        group: None,
        name: None,
    };
    let recorded = store.observations(&query).await.unwrap();
    recorded.into_iter().map(|one| one.observation).collect()
}

/// Replies of every kind, each with something unusual in it.
pub(super) fn odd_ones() -> Vec<Observation> {
    let source = resolver("google", "8.8.8.8:53");
    let plain = observation(&source, "dialer7.example.com", "192.0.2.7", 300, at(1));
    let mut all = vec![
        Observation {
            ttls: vec![vec![u32::MAX]],
            nsid: Some(vec![0, 255, b'x', b'\'', b'\\']),
            ede: vec![
                Ede {
                    code: 3,
                    text: "stale; \"quoted\" {braces}, \\N \u{1F4A5} \u{202e}x".to_owned(),
                },
                Ede {
                    code: 65535,
                    text: String::new(),
                },
            ],
            ecs_scope: Some(255),
            edns_size: Some(65535),
            edns_version: Some(255),
            age: u32::MAX,
            wire: None,
            rtt: Duration::from_micros(2_000_000_001),
            attempts: 255,
            mismatched: 65535,
            size: 65535,
            flags: Flags(255),
            transport: Transport::Tcp,
            at: at(2),
            ..plain.clone()
        },
        Observation {
            answer: Arc::new(Answer {
                status: Status::Rcode(Rcode::NOERROR),
                links: vec![
                    Link {
                        owner: "dialer7.example.com".parse().unwrap(),
                        value: Value::Cname(r"l\.b.example.net".parse().unwrap()),
                    },
                    Link {
                        owner: r"l\.b.example.net".parse().unwrap(),
                        value: Value::Rrset(["192.0.2.1".into(), "192.0.2.2".into()].into()),
                    },
                ],
            }),
            ttls: vec![vec![86_400], vec![300, 17]],
            nsid: Some(b"gpdns-fra".to_vec()),
            at: at(3),
            ..plain.clone()
        },
        Observation {
            answer: Arc::new(Answer::failure(Status::NoReply(NoReply::Timeout))),
            ttls: vec![],
            edns_size: None,
            edns_version: None,
            age: 0,
            wire: None,
            rtt: Duration::ZERO,
            size: 0,
            at: at(4),
            ..plain.clone()
        },
    ];
    for (moment, (value, ttls)) in [
        (Value::Nxdomain, vec![vec![1800, 300]]),
        (Value::Nodata, vec![vec![]]),
        (Value::Nodata, vec![vec![60, 60]]),
    ]
    .into_iter()
    .enumerate()
    {
        all.push(Observation {
            answer: Arc::new(Answer {
                status: Status::Rcode(Rcode::NXDOMAIN),
                links: vec![Link {
                    owner: "dialer7.example.com".parse().unwrap(),
                    value,
                }],
            }),
            ttls,
            serial: Some(u32::MAX),
            source: authority("ns1.example.com", "[fe80::1%7]:5353").into(),
            question: dns_auditor::types::Question {
                rtype: RecordType(65_535),
                ..question("dialer7.example.com")
            },
            at: at(5 + i64::try_from(moment).unwrap()),
            ..plain.clone()
        });
    }
    all.push(Observation {
        age: 40,
        edns_version: Some(0),
        transport: Transport::Https,
        at: at(8),
        ..plain.clone()
    });
    all.insert(0, plain);
    all
}

#[tokio::test]
async fn every_field_of_an_observation_comes_back_as_it_was() {
    let store = fresh_store().await;
    let round = begin(&store, at(0)).await;
    let written = odd_ones();
    let chunk: Vec<_> = written
        .iter()
        .map(|one| (one.clone(), opening(one)))
        .collect();
    store.record(round, &chunk).await.unwrap();
    assert_eq!(read_back(&store, at(0), at(1000)).await, written);
    // What is interned by now must give the same again.
    store.record(round, &chunk[..1]).await.unwrap();
    assert_eq!(read_back(&store, at(0), at(2)).await.len(), 2);
}

#[tokio::test]
async fn every_field_of_a_span_comes_back_as_it_was() {
    let store = fresh_store().await;
    let round = begin(&store, at(0)).await;
    let chunk: Vec<_> = odd_ones()
        .into_iter()
        .map(|one| (one.clone(), opening(&one)))
        .collect();
    store.record(round, &chunk).await.unwrap();
    let spans = store.restore_spans("here", at(0)).await.unwrap();
    let written: Vec<Span> = chunk.into_iter().map(|(_, change)| change.span).collect();
    assert_eq!(spans, written);
}

#[tokio::test]
async fn a_span_goes_on_across_chunks_and_within_one() {
    let store = fresh_store().await;
    let round = begin(&store, at(0)).await;
    let source = resolver("quad9", "9.9.9.9:53");
    let samples: Vec<_> = [300, 250, 299]
        .iter()
        .zip([0, 60_000, 61_000])
        .map(|(ttl, when)| observation(&source, "a.example", "192.0.2.1", *ttl, at(when)))
        .collect();
    let first = opening(&samples[0]);
    let second = going_on(&first, &samples[1]);
    let third = going_on(&second, &samples[2]);
    store
        .record(round, &[(samples[0].clone(), first)])
        .await
        .unwrap();
    let chunk = [
        (samples[1].clone(), second),
        (samples[2].clone(), third.clone()),
    ];
    store.record(round, &chunk).await.unwrap();
    assert_eq!(
        store.restore_spans("here", at(0)).await.unwrap(),
        [third.span]
    );
}

#[tokio::test]
async fn spans_go_on_whoever_wrote_them_and_whatever_became_of_their_rows() {
    const SPOILT: u64 = 1_000;
    let url = fresh_database().await;
    let open = async || Store::open(&url).await.unwrap();
    let (here, rival) = (open().await, open().await);
    let round = begin(&here, at(0)).await;
    let source = resolver("quad9", "9.9.9.9:53");
    let names = ["a.example", "b.example", "c.example"];
    let mut standing: Vec<SpanChange> = Vec::new();
    for (nth, store) in [&here, &rival, &here, &here, &rival, &open().await, &here]
        .into_iter()
        .enumerate()
    {
        let when = i64::try_from(nth).unwrap() * 60_000;
        let heard = names.map(|name| observation(&source, name, "192.0.2.1", 300, at(when)));
        let changes = heard.iter().enumerate().map(|(which, one)| {
            // One of the three changes in the middle.
            match standing.get(which) {
                Some(before) if (nth, which) != (3, 2) => going_on(before, one),
                _ => opening(one),
            }
        });
        let ended = standing.get(2).cloned().filter(|_| nth == 3);
        standing = changes.collect();
        let chunk: Vec<_> = heard.into_iter().zip(standing.clone()).collect();
        store.record(round, &chunk).await.unwrap();
        let mut expected: Vec<_> = standing.iter().chain(&ended).map(|one| &one.span).collect();
        let mut stored = store.restore_spans("here", at(when)).await.unwrap();
        stored.retain(|span| span.samples < SPOILT && span.last_seen >= at(when - 60_000));
        let in_order = |one: &Span| (one.series.clone(), one.first_seen);
        expected.sort_by_key(|one| in_order(one));
        stored.sort_by_key(in_order);
        assert_eq!(stored.iter().collect::<Vec<_>>(), expected, "{nth}");
        if nth == 2 {
            // One is gone, and another's number is some other row's: as where an older copy of the database was put here.
            let spoil = format!(
                "delete from span using series join question using (question_id)
                    where span.series_id = series.series_id and name = 'a.example';
                update span set first_seen = first_seen - interval '1 day', samples = {SPOILT}
                    from series join question using (question_id)
                    where span.series_id = series.series_id and name = 'b.example'"
            );
            crate::postgres::execute(&url, spoil).await;
        }
    }
}

#[tokio::test]
async fn no_round_reads_through_all_spans() {
    let url = fresh_database().await;
    let store = Store::open(&url).await.unwrap();
    let round = begin(&store, at(0)).await;
    let source = resolver("quad9", "9.9.9.9:53");
    let mut standing: Vec<SpanChange> = Vec::new();
    // A table that is empty and then small, and that nobody has analyzed: reading all of it looks cheap.
    for minute in 0..20 {
        let heard = (0..40).map(|n| {
            let name = format!("d{n}.example");
            observation(&source, &name, "192.0.2.1", 300, at(minute * 60_000 + n))
        });
        let heard: Vec<_> = heard.collect();
        standing = if standing.is_empty() {
            heard.iter().map(opening).collect()
        } else {
            let pairs = standing.iter().zip(&heard);
            pairs.map(|(before, one)| going_on(before, one)).collect()
        };
        let chunk: Vec<_> = heard.into_iter().zip(standing.clone()).collect();
        store.record(round, &chunk).await.unwrap();
    }
    // A backend tells what it did when it ends, at the latest.
    store.close().await;
    let mut connection = PgConnection::connect(&url).await.unwrap();
    let others = "select count(*) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()";
    while sqlx::query_scalar::<_, i64>(others)
        .fetch_one(&mut connection)
        .await
        .unwrap()
        > 0
    {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let scans =
        "select seq_scan, idx_scan, n_tup_upd from pg_stat_user_tables where relname = 'span'";
    let scans: (i64, i64, i64) = sqlx::query_as(scans)
        .fetch_one(&mut connection)
        .await
        .unwrap();
    assert_eq!((scans.0, scans.2), (0, 19 * 40), "{scans:?}");
    assert!(scans.1 >= 19 * 40, "{scans:?}");
}

#[tokio::test]
async fn a_nul_from_the_wire_does_not_stop_a_round() {
    let store = fresh_store().await;
    let round = begin(&store, at(0)).await;
    let source = resolver("odd", "192.0.2.53:53");
    let mut sample = observation(&source, "a.example", "192.0.2.1", 60, at(0));
    sample.ede = vec![Ede {
        code: 0,
        text: "a\0b".to_owned(),
    }];
    store
        .record(round, &[(sample.clone(), opening(&sample))])
        .await
        .unwrap();
    let read = read_back(&store, at(0), at(1)).await;
    assert_eq!(read[0].ede[0].text, "a\u{fffd}b");
}

#[tokio::test]
async fn only_what_a_history_needs_is_restored() {
    let store = fresh_store().await;
    let round = begin(&store, at(0)).await;
    let source = resolver("quad9", "9.9.9.9:53");
    let sample = |address, ttl, when| observation(&source, "a.example", address, ttl, at(when));
    let (gone, cached, latest) = (
        sample("192.0.2.1", 1, 0),
        sample("192.0.2.2", 86_400, 60_000),
        sample("192.0.2.3", 1, 120_000),
    );
    let elsewhere = {
        let mut sample = sample("192.0.2.1", 1, 0);
        sample.nsid = Some(b"fra".to_vec());
        sample
    };
    let chunk: Vec<(Observation, SpanChange)> = [&gone, &elsewhere, &cached, &latest]
        .map(|one| (one.clone(), opening(one)))
        .into();
    store.record(round, &chunk).await.unwrap();
    let spans = store.restore_spans("here", at(600_000)).await.unwrap();
    let expected: Vec<_> = [&elsewhere, &cached, &latest]
        .map(|one| opening(one).span)
        .into();
    assert_eq!(spans, expected);
    assert_eq!(store.restore_spans("elsewhere", at(0)).await.unwrap(), []);
}

#[tokio::test]
async fn a_round_over_midnight_finds_its_partitions() {
    let store = fresh_store().await;
    let other = store.clone();
    let midnight = "2026-12-01T00:00:00Z".parse::<DateTime<Utc>>().unwrap();
    // Two that make the same partitions at once, as two instances do.
    let (one, two) = tokio::join!(
        store.ensure_partitions(midnight, 2),
        other.ensure_partitions(midnight, 3)
    );
    one.and(two).unwrap();
    let round = begin(&store, midnight).await;
    let source = resolver("quad9", "9.9.9.9:53");
    let chunk: Vec<_> = [-1, 0, 86_400_000 * 40]
        .map(|offset| {
            let when = midnight + chrono::TimeDelta::milliseconds(offset);
            let sample = observation(&source, "a.example", "192.0.2.1", 60, when);
            (sample.clone(), opening(&sample))
        })
        .into();
    store.record(round, &chunk).await.unwrap();
    let all = read_back(&store, at(0), midnight + chrono::TimeDelta::days(60)).await;
    assert_eq!(all.len(), 3);
}

#[tokio::test]
async fn a_chunk_over_hours_with_thousands_of_samples_comes_back_in_full() {
    let url = fresh_database().await;
    let store = Store::open(&url).await.unwrap();
    let round = begin(&store, at(0)).await;
    let source = resolver("quad9", "9.9.9.9:53");
    let hour = "2026-11-22T04:00:00Z".parse::<DateTime<Utc>>().unwrap();
    let written: Vec<_> = (-1_500_i64..1_500)
        .map(|nth| {
            let when = hour + chrono::TimeDelta::microseconds(nth * 700_001);
            let name = format!("d{}.example", nth.rem_euclid(40));
            let mut sample = observation(&source, &name, "192.0.2.1", 60, when);
            sample.rtt = Duration::from_micros((nth * nth * 13).cast_unsigned());
            sample
        })
        .collect();
    store.record_asides(round, &written).await.unwrap();
    let all = read_back(&store, at(0) - chrono::TimeDelta::days(1), at(20_000_000)).await;
    assert_eq!(all, written);
    // Any window, to the microsecond.
    let (from, to) = (written[700].at, written[2_300].at);
    assert_eq!(read_back(&store, from, to).await, written[700..2_300]);
    for one in [&written[0], &written[1_500], &written[2_999]] {
        assert!(store.is_recorded(round, one).await.unwrap());
    }
    // What was heard within an hour stands together.
    assert_eq!(chunks(&url).await, [1_500, 1_500]);
}

async fn chunks(url: &str) -> Vec<i32> {
    let mut connection = PgConnection::connect(url).await.unwrap();
    let samples = sqlx::query_scalar("select samples from observation_chunk order by at");
    samples.fetch_all(&mut connection).await.unwrap()
}

#[tokio::test]
async fn two_instances_that_meet_the_same_things_at_once_keep_one_row_of_each() {
    let url = fresh_database().await;
    let chunk = |vantage: i64| -> Vec<(Observation, SpanChange)> {
        (0..300)
            .map(|n| {
                let source = resolver(&format!("r{}", n % 7), &format!("192.0.2.{}:53", n % 7));
                let (name, address) = (format!("d{n}.example"), format!("198.51.100.{}", n % 250));
                let sample = observation(&source, &name, &address, 60, at(n + vantage));
                (sample.clone(), opening(&sample))
            })
            .collect()
    };
    let write = async |vantage: &'static str, mut chunk: Vec<_>, backwards: bool| {
        let store = Store::open(&url).await.unwrap();
        if backwards {
            chunk.reverse();
        }
        let round = store.begin_round(vantage, "dialers", at(0), at(0)).await;
        store.record(round.unwrap().unwrap(), &chunk).await.unwrap();
        store.restore_spans(vantage, at(0)).await.unwrap().len()
    };
    let written = tokio::join!(
        write("here", chunk(0), false),
        write("there", chunk(1), true)
    );
    assert_eq!(written, (300, 300));
}

#[tokio::test]
async fn an_aside_is_recorded_under_its_flag_and_no_span_knows_of_it() {
    let store = fresh_store().await;
    let round = begin(&store, at(0)).await;
    let source = resolver("google", "8.8.8.8:53");
    let sample = observation(&source, "dialer7.example.com", "192.0.2.7", 300, at(1));
    store
        .record(round, &[(sample.clone(), opening(&sample))])
        .await
        .unwrap();
    let mut aside = observation(&source, "dialer7.example.com", "192.0.2.66", 60, at(2));
    aside.flags = aside.flags.with(Flags::ASIDE, true);
    store.record_asides(round, &[aside.clone()]).await.unwrap();
    assert!(store.is_recorded(round, &aside).await.unwrap());
    let found = read_back(&store, at(0), at(10)).await;
    assert_eq!(found.len(), 2);
    assert!(found[1].flags.has(Flags::ASIDE) && !found[0].flags.has(Flags::ASIDE));
    let spans = store.restore_spans("here", at(0)).await.unwrap();
    assert_eq!(spans.len(), 1);
    assert_eq!((spans[0].samples, &spans[0].answer), (1, &sample.answer));
}
