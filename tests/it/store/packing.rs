//! Closed days move into packs, and come out as they were: restarts, rivals, latecomers and faults notwithstanding.

use std::time::Duration;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use dns_auditor::{
    store::{
        Store, StoreError,
        closing::{Pace, Packed},
        observations::ObservationQuery,
    },
    types::Observation,
};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

use super::{
    ingest::odd_ones,
    killed,
    samples::{at, begin, observation, opening, resolver},
};
use crate::{
    cli::program::program,
    postgres::{execute, fresh_database, fresh_store},
};

/// Some days after what is recorded here.
fn later() -> DateTime<Utc> {
    at(0) + TimeDelta::days(3)
}

fn day() -> NaiveDate {
    at(0).date_naive()
}

async fn everything(store: &Store) -> Vec<Observation> {
    let query = ObservationQuery {
        vantage: "here".to_owned(),
        from: at(0) - TimeDelta::days(9),
        to: at(0) + TimeDelta::days(90),
        group: Some("dialers".to_owned()),
        name: None,
    };
    let recorded = store.observations(&query).await.unwrap();
    recorded.into_iter().map(|one| one.observation).collect()
}

async fn pack(store: &Store) -> Packed {
    let closed = store.pack_due(Duration::ZERO, later(), Pace::Full).await;
    let closed = closed.unwrap().unwrap();
    assert!(closed.failed.is_empty(), "{:?}", closed.failed);
    closed.packed
}

async fn number(url: &str, statement: &str) -> i64 {
    let mut connection = PgConnection::connect(url).await.unwrap();
    let number = sqlx::query_scalar(AssertSqlSafe(statement.to_owned()));
    number.fetch_one(&mut connection).await.unwrap()
}

const RAW: &str = "select count(*) from observation";
const PACKED: &str = "select coalesce(sum(samples), 0)::bigint from observation_pack";

/// A day of some series every five minutes, from the first instant of it to the last.
async fn record_a_day(store: &Store, series: i64) -> i64 {
    record_day(store, day(), series).await
}

async fn record_day(store: &Store, day: NaiveDate, series: i64) -> i64 {
    let midnight = day.and_time(chrono::NaiveTime::MIN).and_utc();
    let round = begin(store, midnight).await;
    let source = resolver("quad9", "9.9.9.9:53");
    let mut all = Vec::new();
    for moment in 0..288 {
        for nth in 0..series {
            let when = midnight + TimeDelta::seconds(moment * 300) + TimeDelta::microseconds(nth);
            let ttl = 300 - (moment % 6) as u32 * 17;
            all.push(observation(
                &source,
                &format!("d{nth}.example"),
                "192.0.2.1",
                ttl,
                when,
            ));
        }
    }
    store.record_asides(round, &all).await.unwrap();
    i64::try_from(all.len()).unwrap()
}

#[tokio::test]
async fn every_field_of_a_packed_observation_comes_back_as_it_was() {
    let store = fresh_store().await;
    let round = begin(&store, at(0)).await;
    let written = odd_ones();
    let chunk: Vec<_> = written
        .iter()
        .map(|one| (one.clone(), opening(one)))
        .collect();
    store.record(round, &chunk).await.unwrap();
    let packed = pack(&store).await;
    assert_eq!((packed.days, packed.samples), (1, written.len() as u64));
    assert_eq!(everything(&store).await, written);
    // Whoever lost the answer of a write finds it in its new place.
    for one in &written {
        assert!(store.is_recorded(round, one).await.unwrap(), "{one:?}");
        let at = one.at + TimeDelta::milliseconds(500);
        let never = Observation { at, ..one.clone() };
        assert!(!store.is_recorded(round, &never).await.unwrap());
    }
    // Nothing is left to do.
    assert_eq!(pack(&store).await, Packed::default());
}

#[tokio::test]
async fn a_window_over_packed_and_open_days_has_both() {
    let store = fresh_store().await;
    let total = record_a_day(&store, 3).await;
    let round = begin(&store, at(1)).await;
    let source = resolver("quad9", "9.9.9.9:53");
    let open = observation(&source, "d1.example", "192.0.2.1", 60, later());
    store
        .record_asides(round, std::slice::from_ref(&open))
        .await
        .unwrap();
    let before = everything(&store).await;
    assert_eq!(pack(&store).await.samples, total.cast_unsigned());
    assert_eq!(everything(&store).await, before);
    assert_eq!(before.last(), Some(&open));
    let query = ObservationQuery {
        vantage: "here".to_owned(),
        from: before[100].at,
        to: before[200].at,
        group: None,
        name: Some("d1.example".parse().unwrap()),
    };
    let found = store.observations(&query).await.unwrap();
    let found: Vec<_> = found.into_iter().map(|one| one.observation).collect();
    let expected = before[100..200]
        .iter()
        .filter(|one| one.question.name == query.name.clone().unwrap());
    assert_eq!(found, expected.cloned().collect::<Vec<_>>());
    assert!(!found.is_empty());
}

#[tokio::test]
async fn packs_of_an_hour_and_of_a_day_are_read_alike_to_the_microsecond() {
    let url = fresh_database().await;
    let store = Store::open(&url).await.unwrap();
    record_a_day(&store, 2).await;
    let all = everything(&store).await;
    pack(&store).await;
    let hours = "select min(hours)::bigint * 100 + max(hours) from observation_pack";
    assert_eq!(number(&url, hours).await, 2_424);
    // As long as they were in every earlier version.
    let next = day() + TimeDelta::days(1);
    let busy = record_busy_hour(&store, next).await;
    pack(&store).await;
    assert_eq!(number(&url, hours).await, 124);
    let all: Vec<_> = all.into_iter().chain(busy).collect();
    for (from, to) in [
        (0, 1),
        (13, 14),
        (200, 301),
        (570, 580),
        (576, all.len() - 1),
    ] {
        let query = ObservationQuery {
            vantage: "here".to_owned(),
            from: all[from].at,
            to: all[to].at,
            group: None,
            name: None,
        };
        let found = store.observations(&query).await.unwrap();
        let found: Vec<_> = found.into_iter().map(|one| one.observation).collect();
        assert_eq!(found, all[from..to], "{from} to {to}");
    }
}

/// So many samples of one series that its packs are as short as they get.
async fn record_busy_hour(store: &Store, day: NaiveDate) -> Vec<Observation> {
    let midnight = day.and_time(chrono::NaiveTime::MIN).and_utc();
    let round = begin(store, midnight).await;
    let source = resolver("quad9", "9.9.9.9:53");
    let sample = |nth: i64| {
        let when = midnight + TimeDelta::milliseconds(nth * 2_399);
        observation(&source, "d1.example", "192.0.2.1", 300, when)
    };
    let all: Vec<_> = (0..36_000).map(sample).collect();
    for part in all.chunks(9_000) {
        store.record_asides(round, part).await.unwrap();
    }
    all
}

#[tokio::test]
async fn samples_that_come_late_are_packed_beside_the_others() {
    let url = fresh_database().await;
    let (here, rival) = (
        Store::open(&url).await.unwrap(),
        Store::open(&url).await.unwrap(),
    );
    let total = record_a_day(&here, 2).await;
    assert_eq!(pack(&rival).await.days, 1);
    // This instance still takes the day's partition for there, as after a clock that went back.
    let round = begin(&here, at(1)).await;
    let source = resolver("quad9", "9.9.9.9:53");
    let late = observation(&source, "d1.example", "192.0.2.9", 60, at(0));
    let refused = here
        .record_asides(round, std::slice::from_ref(&late))
        .await
        .unwrap_err();
    assert!(refused.is_transient(), "{refused}");
    here.record_asides(round, std::slice::from_ref(&late))
        .await
        .unwrap();
    assert_eq!(pack(&rival).await.samples, 1);
    let all = everything(&here).await;
    assert_eq!(i64::try_from(all.len()), Ok(total + 1));
    assert!(all.contains(&late));
    assert_eq!(
        number(&url, "select max(part)::bigint from observation_pack").await,
        1
    );
    assert_eq!(
        number(&url, "select samples from packed_day").await,
        total + 1
    );
}

#[tokio::test]
async fn a_partition_that_somebody_dropped_is_made_again() {
    let url = fresh_database().await;
    let store = Store::open(&url).await.unwrap();
    record_a_day(&store, 1).await;
    pack(&store).await;
    let gone = format!("drop table observation_pack_{}", day().format("%Y%m"));
    execute(&url, gone).await;
    // The day's rows went with their partition; here is another.
    let total = record_a_day(&store, 2).await;
    let lost = store
        .pack_due(Duration::ZERO, later(), Pace::Full)
        .await
        .unwrap_err();
    assert!(lost.is_transient(), "{lost}");
    assert_eq!(number(&url, RAW).await, total);
    assert_eq!(pack(&store).await.samples, total.cast_unsigned());
    assert_eq!(i64::try_from(everything(&store).await.len()), Ok(total));
}

#[tokio::test]
async fn steps_of_the_clock_put_samples_where_their_instants_are() {
    let url = fresh_database().await;
    let store = Store::open(&url).await.unwrap();
    let round = begin(&store, at(0)).await;
    let source = resolver("quad9", "9.9.9.9:53");
    let year = TimeDelta::days(365);
    // Back a year, forward two, and right again; the last instant comes twice.
    let instants = [
        at(0),
        at(0) - year,
        at(1) - year,
        at(0) + year,
        at(2),
        at(1),
        at(1),
    ];
    for when in instants {
        let sample = observation(&source, "a.example", "192.0.2.1", 60, when);
        store
            .record_asides(round, std::slice::from_ref(&sample))
            .await
            .unwrap();
    }
    let query = ObservationQuery {
        vantage: "here".to_owned(),
        from: at(0) - year,
        to: at(1) + year,
        group: None,
        name: None,
    };
    let read = async || {
        let read = store.observations(&query).await.unwrap();
        read.iter()
            .map(|one| one.observation.at)
            .collect::<Vec<_>>()
    };
    let mut expected = instants.to_vec();
    expected.sort_unstable();
    assert_eq!(read().await, expected);
    let packed = pack(&store).await;
    // What lies in the future is not over.
    assert_eq!((packed.days, packed.samples), (2, 6));
    assert_eq!(number(&url, RAW).await, 1);
    assert_eq!(read().await, expected);
}

#[tokio::test]
async fn a_day_that_cannot_be_packed_keeps_no_other_waiting_and_is_told() {
    let url = fresh_database().await;
    let store = Store::open(&url).await.unwrap();
    let total = record_a_day(&store, 2).await;
    let round = begin(&store, at(1)).await;
    let next = observation(
        &resolver("quad9", "9.9.9.9:53"),
        "d1.example",
        "192.0.2.1",
        60,
        at(0) + TimeDelta::days(1),
    );
    store
        .record_asides(round, std::slice::from_ref(&next))
        .await
        .unwrap();
    let refuse = format!(
        "create function refuse() returns trigger language plpgsql as $$ begin raise 'not this day'; end $$;
         create trigger refuse before insert on observation_pack for each row when (new.hour < '{} 00:00+00')
            execute function refuse()",
        next.at.date_naive()
    );
    execute(&url, refuse).await;
    let ran = pack_by_hand(&url);
    let told = String::from_utf8(ran.stderr).unwrap();
    assert_eq!(ran.status.code(), Some(3), "{told}");
    let expected = format!("{} is not packed, and stays as it is: ", day());
    assert!(
        told.contains(&expected) && told.contains("not this day"),
        "{told}"
    );
    assert_eq!(number(&url, RAW).await, total);
    assert_eq!(number(&url, PACKED).await, 1);
    execute(&url, "drop trigger refuse on observation_pack".to_owned()).await;
    assert_eq!(pack_by_hand(&url).status.code(), Some(0));
    assert_eq!(number(&url, PACKED).await, total + 1);
}

/// Runs `db pack` with nothing kept raw.
fn pack_by_hand(url: &str) -> std::process::Output {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("auditor.toml");
    std::fs::write(&file, "vantage = \"here\"\n[retention]\nraw = \"0s\"\n").unwrap();
    let mut program = program(directory.path());
    program.args(["db", "pack", "--config"]).arg(&file);
    program.env("DATABASE_URL", url).output().unwrap()
}

#[tokio::test]
async fn two_instances_that_pack_at_once_pack_every_sample_once() {
    let url = fresh_database().await;
    let (one, two) = (
        Store::open(&url).await.unwrap(),
        Store::open(&url).await.unwrap(),
    );
    let total = record_a_day(&one, 5).await;
    let before = everything(&one).await;
    let pack = async |store: &Store| loop {
        let packed = store
            .pack_due(Duration::ZERO, later(), Pace::Full)
            .await
            .unwrap();
        if number(&url, RAW).await == 0
            && store
                .days_to_pack(Duration::ZERO, later())
                .await
                .unwrap()
                .is_empty()
        {
            return packed;
        }
    };
    tokio::join!(pack(&one), pack(&two));
    assert_eq!(number(&url, PACKED).await, total);
    assert_eq!(everything(&two).await, before);
}

#[tokio::test]
async fn an_instance_that_is_killed_again_and_again_loses_nothing() {
    let url = fresh_database().await;
    let store = Store::open(&url).await.unwrap();
    let mut total = 0;
    for ago in 0..6 {
        total += record_day(&store, day() - TimeDelta::days(ago), 20).await;
    }
    let before = everything(&store).await;
    let mut killed_half_way = 0;
    killed::again_and_again(&url, &["db", "pack"], "raw = \"0s\"", async || {
        let (raw, packed) = (number(&url, RAW).await, number(&url, PACKED).await);
        // What it was about is undone by the server, at once or in a moment.
        let there = number(&url, &format!("select (({RAW}) + ({PACKED}))::bigint")).await;
        assert_eq!(there, total);
        killed_half_way += u32::from(raw > 0 && packed > 0);
        let days = store.days_to_pack(Duration::ZERO, Utc::now()).await;
        days.unwrap().is_empty()
    })
    .await;
    assert!(killed_half_way > 0, "none was killed at work");
    assert_eq!(everything(&store).await, before);
}

#[tokio::test]
async fn a_reader_keeps_a_partition_for_a_while_and_no_round_waits_for_it() {
    let url = fresh_database().await;
    let store = Store::open(&url).await.unwrap();
    record_a_day(&store, 2).await;
    let mut reader = PgConnection::connect(&url).await.unwrap();
    let mut reading = reader.begin().await.unwrap();
    let count = sqlx::query_scalar::<_, i64>("select count(*) from observation");
    assert!(count.fetch_one(&mut *reading).await.unwrap() > 0);
    let packed = pack(&store).await;
    assert_eq!(
        packed.days, 0,
        "it waited for the reader, or took the partition from it"
    );
    assert_eq!(
        store.days_to_pack(Duration::ZERO, later()).await.unwrap(),
        [day()]
    );
    let round = begin(&store, at(1)).await;
    let sample = observation(
        &resolver("quad9", "9.9.9.9:53"),
        "a.example",
        "192.0.2.1",
        60,
        later(),
    );
    let recording = store.record_asides(round, std::slice::from_ref(&sample));
    tokio::time::timeout(Duration::from_secs(5), recording)
        .await
        .unwrap()
        .unwrap();
    reading.rollback().await.unwrap();
    assert_eq!(pack(&store).await.days, 1);
}

#[tokio::test]
async fn what_the_disk_changes_is_told_before_the_rows_go_and_afterwards() {
    let url = fresh_database().await;
    let store = Store::open(&url).await.unwrap();
    let total = record_a_day(&store, 2).await;
    execute(
        &url,
        "create function spoil() returns trigger language plpgsql as
            $$ begin new.body = set_byte(new.body, 9, get_byte(new.body, 9) # 1); return new; end $$;
         create trigger spoil before insert on observation_pack for each row execute function spoil()"
            .to_owned(),
    )
    .await;
    let closed = store
        .pack_due(Duration::ZERO, later(), Pace::Full)
        .await
        .unwrap()
        .unwrap();
    let [failed] = &closed.failed[..] else {
        panic!("{closed:?}")
    };
    assert_eq!((failed.day, closed.packed), (day(), Packed::default()));
    assert!(
        matches!(failed.error, StoreError::Unreadable { what: "pack", .. }),
        "{failed:?}"
    );
    assert_eq!(
        (number(&url, RAW).await, number(&url, PACKED).await),
        (total, 0)
    );
    execute(&url, "drop trigger spoil on observation_pack".to_owned()).await;
    pack(&store).await;
    let spoil = "update observation_pack set body = set_byte(body, 9, get_byte(body, 9) # 1)";
    execute(&url, spoil.to_owned()).await;
    let query = ObservationQuery {
        vantage: "here".to_owned(),
        from: at(0),
        to: later(),
        group: None,
        name: None,
    };
    let refused = store.observations(&query).await.unwrap_err();
    assert!(
        matches!(refused, StoreError::Unreadable { what: "pack", .. }),
        "{refused}"
    );
}
