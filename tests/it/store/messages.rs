//! Messages that prove something: kept octet by octet, found again, and bounded by the day.

use std::{sync::Arc, time::Duration};

use dns_auditor::{
    audit::{
        finding::FindingKind,
        keep::{Ground, Kept},
        ledger::Ledger,
        verdict::State,
    },
    store::{
        RoundId, RoundOutcome, Store,
        messages::{KeptMessage, MessageQuery},
    },
    types::{Flags, Observation, RecordType, SeriesKey, Severity, Source, Transport, Wire},
};

use sqlx::{Connection, PgConnection};

use super::samples::{at, authority, begin, observation, quiet, resolver, verdict};
use crate::postgres::{execute, fresh_database, fresh_store};

/// A message that proves something, with octets of its own.
fn kept(round: RoundId, source: &Source, name: &str, moment: i64, ground: Ground) -> Kept {
    let wire = Wire {
        query: format!("{name} at {moment}").into_bytes().into(),
        reply: vec![u8::try_from(moment.rem_euclid(251)).unwrap(); 300].into(),
    };
    Kept {
        observation: Observation {
            wire: Some(Arc::new(wire)),
            ..observation(source, name, "192.0.2.1", 300, at(moment))
        },
        ground,
        round: round.number(),
    }
}

fn of(name: &str) -> MessageQuery {
    MessageQuery {
        names: vec![name.parse().unwrap()],
        ..MessageQuery::default()
    }
}

async fn read(store: &Store, query: &MessageQuery) -> Vec<KeptMessage> {
    let page = store.messages(query, 100).await.unwrap();
    assert!(!page.earlier);
    page.messages
}

#[tokio::test]
async fn messages_of_every_kind_come_back_octet_by_octet() {
    let store = fresh_store().await;
    let round = begin(&store, at(0)).await;
    let source = Source {
        transport: Transport::H3,
        ..resolver("google", "[2001:db8::1]:443")
    };
    let longest: Vec<u8> = (0..65_535_u32).map(|n| ((n * n) >> 7) as u8).collect();
    let pairs = [
        (vec![], vec![]),
        (vec![0; 12], vec![255; 12]),
        (b"\0\xff query".to_vec(), longest.clone()),
        (longest.clone(), longest),
    ];
    let written: Vec<_> = (1..)
        .zip(&pairs)
        .map(|(moment, (query, reply))| {
            let ground = Ground::Finding(FindingKind::AuthoritySplit);
            let mut one = kept(round, &source, "a.example", moment, ground);
            let observation = &mut one.observation;
            observation.transport = Transport::H3;
            observation.age = u32::MAX;
            observation.rtt = Duration::from_micros(2_000_000_001);
            (observation.attempts, observation.mismatched) = (255, 65_535);
            observation.flags = Flags(255);
            observation.wire = Some(Arc::new(Wire {
                query: query.as_slice().into(),
                reply: reply.as_slice().into(),
            }));
            one
        })
        .collect();
    store.keep_messages(round, &written).await.unwrap();
    // Whoever lost the answer says it again.
    store.keep_messages(round, &written).await.unwrap();
    let read = read(&store, &of("a.example")).await;
    let octets: Vec<_> = read
        .iter()
        .map(|one| (one.query.clone(), one.reply.clone()))
        .collect();
    assert_eq!(octets, pairs);
    let first = &read[0];
    assert_eq!(
        first.reply_sha256,
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    );
    assert_eq!((&*first.vantage, &*first.group), ("here", "dialers"));
    assert_eq!((first.due_at, first.at), (at(0), at(1)));
    assert_eq!(
        (&first.source, first.question.rtype),
        (&source, RecordType::A)
    );
    assert_eq!(first.kept_for, "authority_split");
    assert_eq!((first.age, first.rtt_us), (u32::MAX, 2_000_000_001));
    assert_eq!((first.attempts, first.mismatched), (255, 65_535));
    assert!(first.irregular && first.transport == Transport::H3);
    assert_eq!(read[3].size, 65_535);
}

#[tokio::test]
async fn messages_are_found_by_name_type_resolver_and_instant() {
    let store = fresh_store().await;
    let (first, second) = (begin(&store, at(0)).await, begin(&store, at(60_000)).await);
    let (google, quad9) = (
        resolver("google", "8.8.8.8:53"),
        resolver("quad9", "9.9.9.9:53"),
    );
    let ns1 = authority("ns1.example.com", "192.0.2.53:53");
    let divergent = Ground::Verdict(State::Divergent);
    let mut written = vec![
        kept(first, &google, "a.example", 1, divergent),
        kept(first, &google, "a.example", 2, divergent),
        kept(first, &ns1, "a.example", 3, Ground::Baseline),
        kept(first, &quad9, "a.example", 4, divergent),
        kept(second, &google, "a.example", 60_001, divergent),
        kept(second, &google, "a.example", 60_002, divergent),
        kept(second, &quad9, "b.example", 60_003, divergent),
    ];
    written[6].observation.question.rtype = RecordType::AAAA;
    store.keep_messages(second, &written).await.unwrap();
    let check = async |query: MessageQuery, expected: &[i64]| {
        let found = read(&store, &query).await;
        let found: Vec<_> = found.iter().map(|one| one.at).collect();
        let expected: Vec<_> = expected.iter().map(|moment| at(*moment)).collect();
        assert_eq!(found, expected, "{query:?}");
    };
    let a = || of("a.example");
    check(a(), &[1, 2, 3, 4, 60_001, 60_002]).await;
    check(of("b.example"), &[60_003]).await;
    check(of("c.example"), &[]).await;
    check(
        MessageQuery {
            names: ["a.example", "b.example"]
                .map(|name| name.parse().unwrap())
                .into(),
            types: vec![RecordType::AAAA],
            ..a()
        },
        &[60_003],
    )
    .await;
    let quad9_only = MessageQuery {
        resolvers: vec!["quad9".to_owned()],
        ..a()
    };
    check(quad9_only, &[3, 4]).await;
    let within = MessageQuery {
        from: Some(at(2)),
        to: Some(at(60_001)),
        ..a()
    };
    check(within, &[2, 3, 4, 60_001]).await;
    let last_at = |moment| MessageQuery {
        to: Some(at(moment)),
        last_only: true,
        ..a()
    };
    check(last_at(0), &[]).await;
    check(last_at(59_999), &[1, 2, 3, 4]).await;
    check(last_at(70_000), &[3, 4, 60_001, 60_002]).await;
    let page = store.messages(&a(), 2).await.unwrap();
    assert!(page.earlier);
    assert_eq!(page.messages[0].at, at(60_001));
}

#[tokio::test]
async fn silence_keeps_no_row_and_a_message_of_yesterday_its_own_day() {
    let url = fresh_database().await;
    let store = Store::open(&url).await.unwrap();
    let round = begin(&store, at(0)).await;
    let source = resolver("google", "8.8.8.8:53");
    let divergent = Ground::Verdict(State::Divergent);
    let mut silent = kept(round, &source, "a.example", 1, divergent);
    silent.observation.wire = None;
    let yesterday = kept(round, &source, "a.example", -86_400_000, divergent);
    let today = kept(round, &source, "a.example", 2, divergent);
    store
        .keep_messages(round, &[silent, yesterday, today])
        .await
        .unwrap();
    assert_eq!(read(&store, &of("a.example")).await.len(), 2);
    execute(&url, "drop table message_20261121".to_owned()).await;
    let left = read(&store, &of("a.example")).await;
    assert_eq!(left.len(), 1);
    assert_eq!(left[0].at, at(2));
}

#[tokio::test]
async fn octets_that_the_disk_has_changed_are_not_shown() {
    let url = fresh_database().await;
    let store = Store::open(&url).await.unwrap();
    let round = begin(&store, at(0)).await;
    let source = resolver("google", "8.8.8.8:53");
    let one = kept(round, &source, "a.example", 1, Ground::Baseline);
    store.keep_messages(round, &[one]).await.unwrap();
    let flip = "update message set body = set_byte(body, 12, get_byte(body, 12) # 1)";
    execute(&url, flip.to_owned()).await;
    let refused = store.messages(&of("a.example"), 1).await.unwrap_err();
    assert!(refused.to_string().contains("message"), "{refused}");
}

/// A message of usual size: a query with EDNS, and an address with its name server identifier.
fn usual(round: RoundId, source: &Source, number: u16) -> Kept {
    let name = format!("dialer{number}.example.com");
    let mut labels = String::new();
    for label in name.split('.') {
        labels.push(char::from(u8::try_from(label.len()).unwrap()));
        labels += label;
    }
    let id = number.wrapping_mul(40_503).to_be_bytes();
    let question = [labels.as_bytes(), b"\0\0\x01\0\x01"].concat();
    let query = [
        &id[..],
        b"\x01\x20\0\x01\0\0\0\0\0\x01",
        &question,
        b"\0\0\x29\x04\xd0\0\0\0\0\0\x04\0\x03\0\0",
    ];
    let reply = [
        &id[..],
        b"\x81\x80\0\x01\0\x01\0\0\0\x01",
        &question,
        b"\xc0\x0c\0\x01\0\x01\0\0\x01\x2c\0\x04\xc6\x33\x64",
        &id[..1],
        b"\0\0\x29\x04\xd0\0\0\0\0\0\x0d\0\x03\0\x09gpdns-fra",
    ];
    let mut kept = kept(
        round,
        source,
        &name,
        number.into(),
        Ground::Verdict(State::Divergent),
    );
    kept.observation.wire = Some(Arc::new(Wire {
        query: query.concat().into(),
        reply: reply.concat().into(),
    }));
    kept
}

#[tokio::test]
async fn a_message_of_usual_size_takes_less_than_300_octets_index_included() {
    let url = fresh_database().await;
    let store = Store::open(&url).await.unwrap();
    let round = begin(&store, at(0)).await;
    let source = resolver("google", "8.8.8.8:53");
    let kept: Vec<_> = (0..5_000).map(|n| usual(round, &source, n)).collect();
    store.keep_messages(round, &kept).await.unwrap();
    let mut connection = PgConnection::connect(&url).await.unwrap();
    let octets: i64 = sqlx::query_scalar(
        "select sum(pg_total_relation_size(inhrelid))::bigint from pg_inherits where inhparent = 'message'::regclass",
    )
    .fetch_one(&mut connection)
    .await
    .unwrap();
    let wire = kept[4_999].observation.wire.clone().unwrap();
    let each = octets / 5_000;
    println!(
        "{each} octets a message of {} and {}",
        wire.query.len(),
        wire.reply.len()
    );
    assert!(each < 300, "{each}");
    let found = read(&store, &of("dialer4999.example.com")).await;
    assert_eq!(found[0].reply, *wire.reply);
}

#[tokio::test]
async fn what_is_wrong_at_a_restart_is_known() {
    let store = fresh_store().await;
    let round = begin(&store, at(0)).await;
    let states = [
        ("google", State::Divergent),
        ("quad9", State::Consistent),
        ("cloudflare", State::Unreachable),
    ];
    let verdicts = states.map(|(id, state)| {
        let source = resolver(id, "192.0.2.53:53");
        let sample = observation(&source, "a.example", "192.0.2.1", 300, at(1));
        verdict(&sample, state, Severity::Critical)
    });
    let ledger = Ledger::default();
    let outcome = RoundOutcome {
        verdicts: &verdicts,
        ..quiet(&ledger, at(2))
    };
    store.finish_round(round, &outcome).await.unwrap();
    let series = SeriesKey {
        question: verdicts[0].question.clone(),
        source: verdicts[0].observed.source.clone(),
    };
    let standing = store.standing_replies("here", "dialers").await.unwrap();
    assert_eq!(standing, [(series, State::Divergent)]);
    for (vantage, group) in [("there", "dialers"), ("here", "shops")] {
        let standing = store.standing_replies(vantage, group).await.unwrap();
        assert_eq!(standing, []);
    }
}
