//! Databases of earlier schemas, with history in them, under this program.

use std::time::Duration;

use dns_auditor::{
    audit::keep::{Ground, Kept},
    store::{
        Store, closing::Pace, incidents::IncidentFilter, messages::MessageQuery,
        observations::ObservationQuery,
    },
    types::{Observation, Span},
};
use sqlx::{AssertSqlSafe, Connection, PgConnection, migrate::Migrator};

use super::samples::{answer, at, begin, observation, opening, resolver};
use crate::postgres::empty_database;

static MIGRATIONS: Migrator = sqlx::migrate!();

/// What earlier schemas held, table by table: the migration that made it, the table, and a row as it was written then.
const HELD: [(i64, &str, &str); 12] = [
    (1, "observation", SAMPLES),
    (2, "incident", INCIDENT),
    (
        3,
        "outbox",
        "insert into outbox (message_id, incident_id, channel, kind, severity, body, created_at, available_at)
            values ('21112222-3333-4444-8555-666677778888', '11112222-3333-4444-8555-666677778888', 'voip-ops', 'opened',
            'critical', '{}', '2026-11-22T03:00:00Z', '2026-11-22T03:00:00Z')",
    ),
    (
        3,
        "incident_event",
        "insert into incident_event (incident_id, at, kind, step, detail)
            values ('11112222-3333-4444-8555-666677778888', '2026-11-22T03:00:00Z', 'opened', 1, 'nobody ever served that')",
    ),
    (
        5,
        "message",
        r"create table message_20261122 (like message including all);
        alter table message attach partition message_20261122
            for values from ('2026-11-22 00:00:00+00') to ('2026-11-23 00:00:00+00');
        insert into message (at, round_id, series_id, rtt_us, mismatched, flags, attempts, transport, kept_for, body)
            values ('2026-11-22T03:00:00Z', 1, 1, 12345, 0, 12, 1, 0, 'baseline', '\x00')",
    ),
    (
        7,
        "declaration",
        r"insert into declaration (declaration_id, kind, names, at, document, declared_at, declared_by, via)
            values ('31112222-3333-4444-8555-666677778888', 'flush', '{a.example}', '2026-11-22T03:00:00Z', '{}',
            '2026-11-22T03:00:00Z', 'somebody', 'cli')",
    ),
    (
        8,
        "checkpoint",
        r"insert into session (vantage_id, started_at) values (1, '2026-11-22T03:00:00Z');
        insert into checkpoint (session_id, step, taken_at, body) values (1, 0, '2026-11-22T03:00:00Z', '\x00')",
    ),
    (
        9,
        "calibration",
        "insert into calibration (vantage_id, source_id, at, zone, token, questions, replies, measures, serve_stale)
            values (1, 1, '2026-11-22T03:00:00Z', 'canary.example', 'x', 1, 1, '{}', 'null')",
    ),
    (10, "observation_pack", PACK),
    (
        13,
        "disabled_channel",
        "insert into disabled_channel (vantage, channel, since, until, reason)
            values ('here', 'voip-ops', '2026-11-22T03:00:00Z', '2026-11-22T04:00:00Z', 'it is gone (410)')",
    ),
    (
        17,
        "learned_cap",
        "insert into learned_cap (vantage_id, source_id, at, state) values (1, 1, '2026-11-22T03:00:00Z', '{}')",
    ),
    (
        27,
        "round_day",
        "insert into round_day (vantage_id, group_name, day, finished, missed, abandoned, first_at, last_at)
            values (1, 'dialers', '2026-11-22', 1, 0, 0, '2026-11-22T02:59:00Z', '2026-11-22T02:59:00Z')",
    ),
];

/// A round: an observation and its span.
const SAMPLES: &str = r#"
insert into vantage (name) values ('here');
insert into source (kind, name, address, port, scope, transport)
    values ('resolver', 'google', '8.8.8.8', 53, 0, 'udp');
insert into question (name, rtype) values ('a.example', 1);
insert into series (vantage_id, question_id, source_id) values (1, 1, 1);
insert into answer (digest, content, addresses) values ('\xDIGEST', 'CONTENT', '{192.0.2.1}');
insert into annotation (digest, nsid, site, ede, ecs_scope, edns_size, serial)
    values (sha256('{"nsid":null,"ede":[],"ecs_scope":null,"edns_size":1232,"serial":null}'),
        null, null, '[]', null, 1232, null);
insert into round (vantage_id, group_name, due_at, started_at, finished_at, status)
    values (1, 'dialers', '2026-11-22T02:59:00Z', '2026-11-22T02:59:00Z', '2026-11-22T03:00:01Z', 'finished');
create table observation_20261122 (like observation including all);
alter table observation attach partition observation_20261122
    for values from ('2026-11-22 00:00:00+00') to ('2026-11-23 00:00:00+00');
insert into observation (at, round_id, answer_id, ttl, series_id, annotation_id, rtt_us, size, mismatched, flags,
    attempts, transport) values ('2026-11-22T03:00:00Z', 1, 1, 300, 1, 1, 12345, 64, 0, 12, 1, 0);
insert into span (series_id, site, first_seen, answer_id, authoritative, first_ttls, last_seen, samples, ttl_min, ttl_max,
    first_expires_at, cached_until) values (1, '', '2026-11-22T03:00:00Z', 1, false, '300;', '2026-11-22T03:00:00Z', 1,
    300, 300, '2026-11-22T03:05:00Z', '2026-11-22T03:05:00Z');
"#;

const INCIDENT: &str = r#"
insert into incident (incident_id, vantage_id, group_name, axis, subject, status, verdict, severity, names, resolvers,
    opened_at, document) values ('11112222-3333-4444-8555-666677778888', 1, 'dialers', 'name', 'a.example A', 'open',
    'divergent', 'critical', '{a.example}', '{google}', '2026-11-22T03:00:00Z', '{
        "id": "11112222-3333-4444-8555-666677778888",
        "key": {"group": "dialers", "axis": "name", "subject": "a.example A", "family": "value"},
        "status": "open", "verdict": "divergent", "severity": "critical", "names": ["a.example"], "types": ["A"],
        "resolvers": ["google"], "authorities": [], "vantages": ["here"],
        "baseline": {"kind": "authority", "records": ["192.0.2.9"], "rcode": "NOERROR", "ttl": 300},
        "observed": [{
            "resolver": "google",
            "source": {"kind": "resolver", "id": "google", "address": "8.8.8.8:53", "transport": "udp"},
            "question": {"name": "a.example", "type": "A"}, "records": ["192.0.2.1"], "rcode": "NOERROR", "ttl": 300,
            "site": null, "ede": [{"code": 3, "text": ""}], "at": "2026-11-22T03:00:00Z", "cached_until": null
        }],
        "opened_at": "2026-11-22T03:00:00Z", "confirmed_at": "2026-11-22T03:00:00Z",
        "last_bad_at": "2026-11-22T03:00:00Z", "recovering_at": null, "resolved_at": null, "acked_at": null,
        "cached_until": null, "worst_case_until": null,
        "backends": {"google 8.8.8.8:53 *": {"last_bad": "2026-11-22T03:00:00Z", "clean_rounds": 0}},
        "clean_rounds": 0, "transitions": 1, "told_at": "2026-11-22T03:00:00Z", "reason": "nobody ever served that"
    }');
"#;

/// A second observation of the same, a minute later, packed.
const PACK: &str = r"
create table observation_pack_202611 (like observation_pack including all);
alter table observation_pack attach partition observation_pack_202611
    for values from ('2026-11-01 00:00:00+00') to ('2026-12-01 00:00:00+00');
insert into observation_pack (hour, series_id, part, samples, body)
    values ('2026-11-22T03:00:00Z', 1, 0, 1, '\xPACKED');
insert into packed_day (day, samples, packs, octets) values ('2026-11-22', 1, 1, 1)";

/// The octets of that pack as version 1 of the format has them: what reads them stays.
const PACKED: &str = "010100f2c0010909094808140908000080ccdcfd95b5b0060800090000d804315f74ba";

/// A database as it stood after a migration, with something in every table that there was.
async fn at_version(version: i64) -> String {
    let url = empty_database().await;
    let mut connection = PgConnection::connect(&url).await.unwrap();
    let answer = answer("a.example", &["192.0.2.1"]);
    let digits = |hex: String, octet: &u8| hex + &format!("{octet:02x}");
    let digest = answer.digest().iter().fold(String::new(), digits);
    let content = serde_json::to_string(&answer).unwrap();
    for step in versions().into_iter().filter(|step| *step <= version) {
        let known = MIGRATIONS.iter().filter(|one| one.version <= step);
        let old = Migrator::with_migrations(known.cloned().collect());
        old.run(&mut connection).await.unwrap();
        for (_, _, rows) in HELD.iter().filter(|(since, _, _)| *since == step) {
            let rows = rows
                .replace("DIGEST", &digest)
                .replace("CONTENT", &content)
                .replace("PACKED", PACKED);
            let written = sqlx::raw_sql(AssertSqlSafe(rows));
            written.execute(&mut connection).await.unwrap();
        }
    }
    connection.close().await.unwrap();
    url
}

fn versions() -> Vec<i64> {
    MIGRATIONS.iter().map(|one| one.version).collect()
}

async fn everything(store: &Store) -> Vec<Observation> {
    between(store, 0, 100_000).await
}

async fn between(store: &Store, from: i64, to: i64) -> Vec<Observation> {
    let query = ObservationQuery {
        vantage: "here".to_owned(),
        from: at(from),
        to: at(to),
        group: None,
        name: None,
    };
    let read = store.observations(&query).await.unwrap();
    read.into_iter().map(|one| one.observation).collect()
}

async fn count(url: &str, table: &str) -> i64 {
    let mut connection = PgConnection::connect(url).await.unwrap();
    let statement = format!("select count(*) from {table}");
    let count = sqlx::query_scalar(AssertSqlSafe(statement));
    count.fetch_one(&mut connection).await.unwrap()
}

#[tokio::test]
async fn every_earlier_schema_is_brought_up_to_date_with_what_is_in_it() {
    let versions = versions();
    let newest = *versions.iter().max().unwrap();
    assert!(versions.len() > 10 && HELD.iter().all(|(since, _, _)| versions.contains(since)));
    for version in versions {
        let url = at_version(version).await;
        let store = Store::open(&url).await.unwrap();
        let schema = (store.schema().before, store.schema().now);
        assert_eq!(schema, (Some(version), newest));
        for (_, table, _) in HELD.iter().filter(|(since, _, _)| *since <= version) {
            assert_eq!(count(&url, table).await, 1, "{table} of {version}");
        }
        let old = observation(
            &resolver("google", "8.8.8.8:53"),
            "a.example",
            "192.0.2.1",
            300,
            at(0),
        );
        let packed = Observation {
            at: at(60_000),
            ..old.clone()
        };
        let expected: Vec<_> = [old.clone(), packed]
            .into_iter()
            .take(if version < 10 { 1 } else { 2 })
            .collect();
        assert_eq!(everything(&store).await, expected, "{version}");
        assert_eq!(between(&store, 60_000, 60_001).await, expected[1..]);
        assert_eq!(between(&store, 60_001, 90_000_000).await, []);
        assert_eq!(
            store.restore_spans("here", at(0)).await.unwrap(),
            [unmeasured(&old)]
        );
        let page = store
            .incidents(&IncidentFilter::default(), None, 10)
            .await
            .unwrap();
        assert_eq!(page.incidents.len(), usize::from(version >= 2), "{version}");
        let later = at(0) + chrono::TimeDelta::days(30);
        let moved = store
            .pack_due(Duration::ZERO, later, Pace::Full)
            .await
            .unwrap()
            .unwrap();
        let packed = moved.packed;
        assert_eq!((packed.days, packed.samples), (1, 1), "{version}");
        let summed = store.sum_up_days(later, Pace::Full).await.unwrap();
        assert_eq!(summed, u64::from(version < 27), "{version}");
        assert_eq!(count(&url, "round_day").await, 1, "{version}");
        assert_eq!(everything(&store).await, expected, "{version}");
        // A pack of an hour, if there is one, and the other of a day.
        assert_eq!(between(&store, 60_000, 60_001).await, expected[1..]);
        assert_eq!(between(&store, 0, 1).await, expected[..1]);
    }
}

/// The span of an observation as it was recorded before silences were measured.
fn unmeasured(observation: &Observation) -> Span {
    Span {
        longest_silence_s: None,
        ..opening(observation).span
    }
}

/// Samples as they were when each was a row: of two rounds, over hours and midnight, more than a row holds now, with every
/// column at its ends.
const ROWS: &str = "
create table observation_20261123 (like observation including all);
alter table observation attach partition observation_20261123
    for values from ('2026-11-23 00:00:00+00') to ('2026-11-24 00:00:00+00');
insert into observation (at, round_id, answer_id, ttl, age, series_id, annotation_id, rtt_us, size, mismatched, flags,
    attempts, transport, ttls)
select '2026-11-22T21:59:59.999999Z'::timestamptz + n * interval '1.000333 seconds', 1 + n / 7000, 1 + n % 3 * 70000,
    case n % 5 when 0 then null when 1 then 4294967295 when 2 then 0 else 65535 + n % 3 end,
    case when n between 3000 and 3999 and n % 2 = 0 then 4294967295 - n end,
    1 + n * 7919 % 2147483647, 1 + n % 2 * 2147483646, case n % 4 when 0 then 0 when 1 then 2147483647 else n * 17 end,
    n % 2 * 65535, n % 3 * 32767, case n % 3 when 0 then 12 when 1 then -32768 else 32767 end, 1 + n % 255, n % 6,
    case when n % 11 = 0 then '60,60;300;' end
from generate_series(1, 12000) as n;
create table held as table observation;
";

#[tokio::test]
async fn samples_that_were_rows_are_the_same_in_chunks() {
    let url = at_version(23).await;
    let mut connection = PgConnection::connect(&url).await.unwrap();
    sqlx::raw_sql(ROWS).execute(&mut connection).await.unwrap();
    let held = count(&url, "held").await;
    assert_eq!(held, 12_001);
    Store::open(&url).await.unwrap();
    let columns = "at, round_id, answer_id, ttl, age, series_id, annotation_id, rtt_us, size, mismatched, flags, attempts,
        transport, ttls";
    let unlike = format!(
        "((select {columns} from held except all select {columns} from observation)
        union all (select {columns} from observation except all select {columns} from held)) as unlike"
    );
    assert_eq!(count(&url, &unlike).await, 0);
    assert_eq!(count(&url, "observation").await, held);
    // Two rounds in four hours, and the one that was there.
    let samples: Vec<i32> =
        sqlx::query_scalar("select samples from observation_chunk order by at, series_id")
            .fetch_all(&mut connection)
            .await
            .unwrap();
    assert!(
        (8..20).contains(&samples.len()) && samples.iter().all(|one| *one <= 2_000),
        "{samples:?}"
    );
}

#[tokio::test]
async fn the_history_of_an_earlier_release_is_read_and_goes_on() {
    let url = at_version(4).await;
    let store = Store::open(&url).await.unwrap();
    let source = resolver("google", "8.8.8.8:53");
    let old = observation(&source, "a.example", "192.0.2.1", 300, at(0));
    assert_eq!(everything(&store).await, std::slice::from_ref(&old));
    let spans = store.restore_spans("here", at(0)).await.unwrap();
    assert_eq!(spans, [unmeasured(&old)]);
    let page = store
        .incidents(&IncidentFilter::default(), None, 10)
        .await
        .unwrap();
    let (incident, _) = store.incident(page.incidents[0].id).await.unwrap().unwrap();
    assert_eq!(incident.observed[0].ede[0].code, 3);

    // The day's partition of observations is there, that of messages is not.
    let round = begin(&store, at(0)).await;
    let wire = dns_auditor::types::Wire {
        query: b"query".as_slice().into(),
        reply: b"reply".as_slice().into(),
    };
    let new = Observation {
        edns_version: Some(0),
        age: 4_000_000_000,
        at: at(2),
        ..old.clone()
    };
    let same = Observation {
        at: at(1),
        ..old.clone()
    };
    let chunk = [&same, &new].map(|one| (one.clone(), opening(one)));
    store.record(round, &chunk).await.unwrap();
    let kept = Kept {
        observation: Observation {
            wire: Some(wire.into()),
            ..new.clone()
        },
        ground: Ground::Baseline,
        round: round.number(),
    };
    store.keep_messages(round, &[kept]).await.unwrap();
    assert_eq!(everything(&store).await, [old, same, new]);
    let query = MessageQuery {
        names: vec!["a.example".parse().unwrap()],
        ..MessageQuery::default()
    };
    assert_eq!(
        store.messages(&query, 1).await.unwrap().messages[0].reply,
        b"reply"
    );
    // What is said as it was said before is no new annotation; a version beside it is one.
    assert_eq!(count(&url, "annotation").await, 2);
    assert_eq!(count(&url, "answer").await, 1);
    assert_eq!(count(&url, "series").await, 1);
}

#[test]
fn an_observation_written_before_there_were_ages_reads_as_one_without() {
    let source = resolver("google", "8.8.8.8:53");
    let expected = observation(&source, "a.example", "192.0.2.1", 300, at(0));
    let old = r#"{
        "source": {"kind": "resolver", "id": "google", "address": "8.8.8.8:53", "transport": "udp"},
        "question": {"name": "a.example", "type": "A"}, "at": "2026-11-22T03:00:00Z",
        "answer": {"status": {"rcode": 0}, "links": [{"owner": "a.example", "value": {"rrset": ["192.0.2.1"]}}]},
        "ttls": [[300]], "serial": null, "flags": 12, "ede": [], "nsid": null, "ecs_scope": null, "edns_size": 1232,
        "rtt": {"secs": 0, "nanos": 12345000}, "transport": "udp", "attempts": 1, "mismatched": 0, "size": 64
    }"#;
    assert_eq!(serde_json::from_str::<Observation>(old).unwrap(), expected);
}
