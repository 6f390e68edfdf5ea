//! Closed days of rounds are summed up, latecomers, rivals and deaths notwithstanding.
//!
//! Deliberately absent: who reads the sums, which is [`counted`]'s.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use dns_auditor::{
    audit::ledger::Ledger,
    store::{Store, closing::Pace},
};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

mod counted;

use super::{
    killed,
    samples::{at, begin, quiet},
};
use crate::postgres::{execute, fresh_database};

const GROUPS: [(&str, &str); 3] = [
    ("here", "dialers"),
    ("here", "others"),
    ("there", "dialers"),
];

/// What judged `a.example` in each group, long ago.
const JUDGED: &str = "
insert into vantage (name) values ('here'), ('there');
insert into source (kind, name, address, port, scope, transport) values ('resolver', 'google', '8.8.8.8', 53, 0, 'udp');
insert into question (name, rtype) values ('a.example', 1);
insert into series (vantage_id, question_id, source_id) values (1, 1, 1), (2, 1, 1);
insert into verdict_span (series_id, group_name, state, severity, flags, since, evidence)
    values (1, 'dialers', 'consistent', 'none', '{}', '2020-01-01', '{}'), (1, 'others', 'consistent', 'none', '{}', '2020-01-01', '{}'),
    (2, 'dialers', 'consistent', 'none', '{}', '2020-01-01', '{}')";

/// A finished round of the group `others` here, due at `at(0)`.
async fn a_round_of_the_others(url: &str) {
    let round = Round {
        group: 1,
        due_at: at(0),
        status: "finished",
    };
    write(url, &[round]).await;
}

/// Sums that are not what the rounds of their day come to.
const WRONG: &str = "select count(*) from round_day cross join lateral (
    select count(*) filter (where status = 'finished') as finished, count(*) filter (where status = 'missed') as missed,
        count(*) filter (where status = 'abandoned') as abandoned, count(*) filter (where status = 'running') as running,
        min(due_at) filter (where status = 'finished') as first_at, max(due_at) filter (where status = 'finished') as last_at
    from round
    where round.vantage_id = round_day.vantage_id and round.group_name = round_day.group_name
        and due_at >= day::timestamp at time zone 'UTC' and due_at < (day + 1)::timestamp at time zone 'UTC') as plain
where (round_day.finished, round_day.missed, round_day.abandoned, 0, round_day.first_at, round_day.last_at)
    is distinct from (plain.finished, plain.missed, plain.abandoned, plain.running, plain.first_at, plain.last_at)";

const SUMS: &str = "select count(*) from round_day";

async fn number(url: &str, statement: &str) -> i64 {
    let mut connection = PgConnection::connect(url).await.unwrap();
    let number = sqlx::query_scalar(AssertSqlSafe(statement.to_owned()));
    number.fetch_one(&mut connection).await.unwrap()
}

/// A database in which the three groups have judged `a.example`.
async fn judged() -> (String, Store) {
    let url = fresh_database().await;
    let store = Store::open(&url).await.unwrap();
    execute(&url, JUDGED.to_owned()).await;
    (url, store)
}

/// Finished rounds of the group `dialers` here: so many a day, on so many days up to that of `at(0)`.
async fn history(url: &str, days: u32, rounds: u32) {
    let statement = format!(
        "insert into round (vantage_id, group_name, due_at, started_at, finished_at, status)
        select 1, 'dialers', due_at, due_at, due_at + interval '1 second', 'finished'
        from generate_series(0, {days} - 1) as day, generate_series(0, {rounds} - 1) as nth,
            lateral (select timestamptz '2026-11-22 00:00Z' - day * interval '1 day'
                + nth * interval '1 day' / {rounds} as due_at) as due"
    );
    execute(url, statement).await;
}

fn day_of(instant: DateTime<Utc>) -> NaiveDate {
    instant.date_naive()
}

/// The days of a group that have a sum.
async fn days(url: &str, group: &str) -> Vec<NaiveDate> {
    let mut connection = PgConnection::connect(url).await.unwrap();
    let days = "select day from round_day where group_name = $1 order by day";
    let days = sqlx::query_scalar(days).bind(group);
    days.fetch_all(&mut connection).await.unwrap()
}

async fn sum_up(store: &Store) -> u64 {
    let later = at(0) + TimeDelta::days(30);
    store.sum_up_days(later, Pace::Full).await.unwrap()
}

/// A round as it is written straight into its table.
struct Round {
    group: usize,
    due_at: DateTime<Utc>,
    status: &'static str,
}

fn next_midnight(instant: DateTime<Utc>) -> DateTime<Utc> {
    let next = instant.date_naive().succ_opt().unwrap();
    next.and_time(chrono::NaiveTime::MIN).and_utc()
}

async fn write(url: &str, rounds: &[Round]) {
    let values = rounds.iter().map(|round| {
        let (vantage, group) = GROUPS[round.group];
        let vantage_id = if vantage == "here" { 1 } else { 2 };
        let due_at = round.due_at.to_rfc3339();
        format!("({vantage_id}, '{group}', '{due_at}', '{}')", round.status)
    });
    let values = values.collect::<Vec<_>>().join(", ");
    let insert = "insert into round (vantage_id, group_name, due_at, status) values";
    execute(url, format!("{insert} {values}")).await;
}

#[tokio::test]
async fn a_day_is_summed_up_an_hour_after_its_end_and_once_nothing_runs() {
    let (url, store) = judged().await;
    history(&url, 3, 4).await;
    let running = begin(&store, at(-86_400_000)).await;
    let midnight = next_midnight(at(0));
    let pass = async |minutes, seconds| {
        let now = midnight + TimeDelta::minutes(minutes) + TimeDelta::seconds(seconds);
        store.sum_up_days(now, Pace::Restful).await.unwrap()
    };
    assert_eq!(pass(59, 59).await, 1);
    assert_eq!(
        days(&url, "dialers").await,
        [day_of(at(0)) - TimeDelta::days(2)]
    );
    assert_eq!(pass(60, 0).await, 1);
    let ledger = Ledger::default();
    store
        .finish_round(running, &quiet(&ledger, at(0)))
        .await
        .unwrap();
    assert_eq!(pass(60, 0).await, 1);
    assert_eq!(number(&url, WRONG).await, 0);
    let finished = "select sum(finished) from round_day";
    assert_eq!(number(&url, finished).await, 13);
}

#[tokio::test]
async fn whatever_changes_a_round_takes_the_sum_of_its_day_away_and_no_other() {
    let (url, store) = judged().await;
    history(&url, 3, 4).await;
    a_round_of_the_others(&url).await;
    assert_eq!(sum_up(&store).await, 4);
    let yesterday = at(-86_400_000);
    let left = async |what: &str, gone: &[i64]| {
        let ago = [2, 1, 0].into_iter();
        let kept = ago.filter(|ago| !gone.contains(ago));
        let kept: Vec<_> = kept
            .map(|ago| day_of(at(0)) - TimeDelta::days(ago))
            .collect();
        assert_eq!(days(&url, "dialers").await, kept, "{what}");
        assert_eq!(days(&url, "others").await, [day_of(at(0))], "{what}");
        assert_eq!(number(&url, WRONG).await, 0, "{what}");
        assert_eq!(sum_up(&store).await, gone.len() as u64, "{what}");
        assert_eq!(number(&url, WRONG).await, 0, "{what}");
    };
    store
        .give_up_rounds("here", "dialers", &[yesterday], at(0))
        .await
        .unwrap();
    left("a missed round", &[1]).await;
    // The same again changes nothing.
    store
        .give_up_rounds("here", "dialers", &[yesterday], at(0))
        .await
        .unwrap();
    left("nothing", &[]).await;
    let dialers = "vantage_id = 1 and group_name = 'dialers'";
    for (statement, gone) in [
        (
            format!("update round set status = status where {dialers}"),
            &[][..],
        ),
        (
            format!(
                "update round set status = 'abandoned' where {dialers} and due_at = '2026-11-21 12:00Z'"
            ),
            &[1],
        ),
        (
            format!(
                "update round set due_at = due_at - interval '1 day 1 hour' where {dialers} and due_at = '2026-11-22 12:00Z'"
            ),
            &[0, 1],
        ),
        (
            format!("delete from round where {dialers} and due_at = '2026-11-20 06:00Z'"),
            &[2],
        ),
        (
            format!("update round set finished_at = due_at + interval '1 hour' where {dialers}"),
            &[0, 1, 2],
        ),
        (
            format!("begin; delete from round where {dialers}; rollback"),
            &[],
        ),
    ] {
        execute(&url, statement.clone()).await;
        left(&statement, gone).await;
    }
    let begun = begin(&store, at(-86_400_001)).await;
    assert_eq!(days(&url, "dialers").await.len(), 2);
    assert_eq!(sum_up(&store).await, 0, "a round runs that day");
    let ledger = Ledger::default();
    store
        .finish_round(begun, &quiet(&ledger, at(0)))
        .await
        .unwrap();
    left("a late round", &[1]).await;
}

/// A round that another transaction has changed, and not committed, is not missed by a sum.
#[tokio::test]
async fn a_day_in_which_a_round_is_being_changed_is_left_for_later() {
    let (url, store) = judged().await;
    history(&url, 2, 4).await;
    let mut writer = PgConnection::connect(&url).await.unwrap();
    let mut writing = writer.begin().await.unwrap();
    let late = "update round set status = 'abandoned' where due_at = '2026-11-21 12:00Z'";
    sqlx::query(late).execute(&mut *writing).await.unwrap();
    a_round_of_the_others(&url).await;
    assert_eq!(sum_up(&store).await, 1, "the other group's alone");
    writing.commit().await.unwrap();
    assert_eq!(sum_up(&store).await, 2);
    assert_eq!(number(&url, WRONG).await, 0);
    assert_eq!(
        number(&url, "select sum(abandoned) from round_day").await,
        1
    );
}

/// A sum that is being written without a round finds its end when that round is.
#[tokio::test]
async fn a_round_that_changes_while_its_day_is_summed_up_waits_and_takes_the_sum_away() {
    let (url, store) = judged().await;
    history(&url, 2, 4).await;
    let mut summer = PgConnection::connect(&url).await.unwrap();
    let mut summing = summer.begin().await.unwrap();
    // As `sum_up` does it, to the point before the commit.
    for statement in [
        "select pg_advisory_xact_lock(hashtextextended('dns-auditor round_day ' || 'dialers', 1::bigint))",
        "insert into round_day (vantage_id, group_name, day, finished, missed, abandoned, first_at, last_at)
            select 1, 'dialers', '2026-11-21', count(*), 0, 0, min(due_at), max(due_at) from round
            where due_at >= '2026-11-21' and due_at < '2026-11-22'",
    ] {
        sqlx::query(statement).execute(&mut *summing).await.unwrap();
    }
    assert_eq!(sum_up(&store).await, 0, "a rival is at it");
    let late = {
        let store = store.clone();
        tokio::spawn(async move {
            let due_at = [at(-86_400_000)];
            store
                .give_up_rounds("here", "dialers", &due_at, at(0))
                .await
        })
    };
    let waiting = "select count(*) from pg_locks where locktype = 'advisory' and not granted
        and database = (select oid from pg_database where datname = current_database())";
    while number(&url, waiting).await == 0 {
        assert!(!late.is_finished(), "it did not wait");
        tokio::task::yield_now().await;
    }
    summing.commit().await.unwrap();
    late.await.unwrap().unwrap();
    assert_eq!(number(&url, SUMS).await, 0);
    assert_eq!(sum_up(&store).await, 2);
    assert_eq!(number(&url, WRONG).await, 0);
    assert_eq!(number(&url, "select sum(missed) from round_day").await, 1);
}

/// Rounds of closed days come and go meanwhile.
#[tokio::test]
async fn two_instances_at_once_make_every_sum_once_and_right() {
    let (url, one) = judged().await;
    let two = Store::open(&url).await.unwrap();
    history(&url, 60, 24).await;
    let instance = async |store: &Store| {
        let mut made = 0;
        for nth in 0..40 {
            made += sum_up(store).await;
            let late = [at(-86_400_000 * nth - 1), at(-86_400_000 * (nth + 5) - 2)];
            store
                .give_up_rounds("here", "dialers", &late, at(0))
                .await
                .unwrap();
        }
        made
    };
    let (first, second) = tokio::join!(instance(&one), instance(&two));
    assert!(first + second >= 60, "{first} and {second}");
    assert_eq!(number(&url, WRONG).await, 0);
    sum_up(&one).await;
    assert_eq!(number(&url, SUMS).await, 60);
    assert_eq!(number(&url, WRONG).await, 0);
}

#[tokio::test]
async fn a_process_that_is_killed_again_and_again_leaves_right_sums_and_goes_on() {
    const DAYS: u32 = 4_000;
    let (url, _) = judged().await;
    history(&url, DAYS, 6).await;
    let mut killed_half_way = 0;
    killed::again_and_again(&url, &["db", "pack"], "raw = \"0s\"", async || {
        assert_eq!(number(&url, WRONG).await, 0);
        let sums = number(&url, SUMS).await;
        killed_half_way += u32::from(sums > 0 && sums < DAYS.into());
        sums == i64::from(DAYS)
    })
    .await;
    assert!(killed_half_way > 0, "none was killed at work");
}
