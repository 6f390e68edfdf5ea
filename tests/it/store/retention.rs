//! What was kept long enough goes, and nothing else.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use dns_auditor::{
    audit::ledger::Ledger,
    config::Retention,
    store::{
        Store, StoreError,
        closing::Pace,
        observations::ObservationQuery,
        retention::{Gone, Prune},
    },
};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

use super::killed;
use super::samples::{at, begin, observation, opening, quiet, resolver};
use crate::postgres::{execute, fresh_database};

const DAY: Duration = Duration::from_hours(24);

async fn names(url: &str, statement: &str) -> Vec<String> {
    let mut connection = PgConnection::connect(url).await.unwrap();
    let names = sqlx::query_scalar(AssertSqlSafe(statement.to_owned()));
    names.fetch_all(&mut connection).await.unwrap()
}

fn short() -> Retention {
    Retention {
        raw: Duration::ZERO,
        packed: Some(DAY),
        messages: Some(DAY),
        spans: Some(30 * DAY),
    }
}

fn told(gone: &[Gone]) -> Vec<(&str, Option<u64>)> {
    let told = gone.iter();
    told.map(|one| (one.table.as_str(), one.rows)).collect()
}

/// A year ago: one answer, then another that stands to this day; all of it packed.
async fn an_old_history() -> (String, Store, DateTime<Utc>) {
    let url = fresh_database().await;
    let store = Store::open(&url).await.unwrap();
    let then = at(0) - TimeDelta::days(365);
    let round = begin(&store, then).await;
    let source = resolver("quad9", "9.9.9.9:53");
    let samples = [("192.0.2.1", 0), ("192.0.2.2", 60)].map(|(address, seconds)| {
        let when = then + TimeDelta::seconds(seconds);
        observation(&source, "a.example", address, 300, when)
    });
    let chunk = samples.map(|one| (one.clone(), opening(&one)));
    store.record(round, &chunk).await.unwrap();
    store
        .pack_due(Duration::ZERO, at(0), Pace::Full)
        .await
        .unwrap()
        .unwrap();
    (url, store, then)
}

const PARTITIONS: &str =
    "select relname::text from pg_inherits join pg_class on pg_class.oid = inhrelid
    where relkind = 'r' order by relname";

#[tokio::test]
async fn a_dry_run_says_what_would_go_and_a_real_one_does_it() {
    let (url, store, then) = an_old_history().await;
    store.ensure_partitions(at(0), 0).await.unwrap();
    let before = names(&url, PARTITIONS).await;
    let dry = store.prune(&short(), at(0), Prune::DryRun).await.unwrap();
    let (pack, message) = (
        then.format("observation_pack_%Y%m").to_string(),
        then.format("message_%Y%m%d").to_string(),
    );
    let expected = [
        (pack.as_str(), None),
        (message.as_str(), None),
        ("span", Some(1)),
    ];
    assert_eq!(told(&dry), expected);
    assert_eq!(names(&url, PARTITIONS).await, before);
    let gone = store
        .prune(&short(), at(0), Prune::TrustingTheClock)
        .await
        .unwrap();
    assert_eq!(told(&gone), told(&dry));
    let left = names(&url, PARTITIONS).await;
    let expected = before
        .into_iter()
        .filter(|name| *name != pack && *name != message);
    assert_eq!(left, expected.collect::<Vec<_>>());
    assert_eq!(
        names(&url, "select day::text from packed_day").await,
        [""; 0]
    );
    // What stands is kept, however old.
    let spans = store.restore_spans("here", at(0)).await.unwrap();
    assert_eq!(spans.len(), 1);
    assert_eq!(
        store
            .prune(&short(), at(0), Prune::TrustingTheClock)
            .await
            .unwrap(),
        []
    );
}

#[tokio::test]
async fn what_began_in_groups_that_have_no_rounds_any_more_is_forgotten_and_nothing_of_the_others()
{
    let (url, store, then) = an_old_history().await;
    let forever = Retention::default();
    let (now, week) = (then + TimeDelta::days(100), TimeDelta::days(7));
    begin(&store, now).await;
    let groups = "insert into recurrence (vantage_id, group_name, document)
        select vantage_id, group_name, '{}' from vantage cross join (values ('dialers'), ('gone')) as of (group_name)";
    execute(&url, groups.to_owned()).await;
    let forget = async |now: DateTime<Utc>, how| store.prune(&forever, now, how).await.unwrap();
    let left = async || names(&url, "select group_name from recurrence").await;
    let dry = forget(now, Prune::DryRun).await;
    assert_eq!(told(&dry), [("recurrence", Some(1))]);
    assert_eq!(dry[0].before, now - week);
    forget(now, Prune::TrustingTheClock).await;
    assert_eq!(left().await, ["dialers"]);
    let later = now + week + TimeDelta::seconds(1);
    assert_eq!(forget(later, Prune::TrustingTheClock).await.len(), 1);
    assert_eq!(left().await, [""; 0]);
}

#[tokio::test]
async fn nothing_goes_that_is_kept_for_ever_or_not_for_long_enough() {
    let (_, store, then) = an_old_history().await;
    let forever = Retention::default();
    assert_eq!(
        store
            .prune(&forever, at(0), Prune::TrustingTheClock)
            .await
            .unwrap(),
        []
    );
    let soon = then + TimeDelta::hours(23);
    assert_eq!(
        store
            .prune(&short(), soon, Prune::TrustingTheClock)
            .await
            .unwrap(),
        []
    );
}

/// Whether the months that have packs are those whose packs are counted; in one snapshot, since what a killed process was
/// about may still be going through.
const MONTHS_AGREE: &str = "select (
    coalesce((select array_agg(substr(relname::text, 18) order by relname) from pg_class
        where relname ~ '^observation_pack_[0-9]{6}$'), '{}')
    = coalesce((select array_agg(distinct to_char(day, 'YYYYMM')) from packed_day), '{}'))::text";

const OLD_PARTITIONS: &str =
    "select relname::text from pg_class where relname ~ '^(message|observation_pack)_[0-9]+$'";

#[tokio::test]
async fn a_process_that_is_killed_again_and_again_lets_go_whole_partitions() {
    let url = fresh_database().await;
    let store = Store::open(&url).await.unwrap();
    let source = resolver("quad9", "9.9.9.9:53");
    for nth in 0..40 {
        let then = at(0) - TimeDelta::days(400 + 31 * nth);
        let round = begin(&store, then).await;
        let address = format!("192.0.2.{nth}");
        let sample = observation(&source, "a.example", &address, 300, then);
        let chunk = [(sample.clone(), opening(&sample))];
        store.record(round, &chunk).await.unwrap();
    }
    store
        .pack_due(Duration::ZERO, at(0), Pace::Full)
        .await
        .unwrap()
        .unwrap();
    let kept = "raw = \"0s\"\npacked = \"90d\"\nmessages = \"90d\"\nspans = \"90d\"";
    let query = ObservationQuery {
        vantage: "here".to_owned(),
        from: at(0) - TimeDelta::days(3_000),
        to: at(0),
        group: None,
        name: None,
    };
    let mut killed_half_way = 0;
    killed::again_and_again(&url, &["db", "prune", "--trust-clock"], kept, async || {
        assert_eq!(names(&url, MONTHS_AGREE).await, ["true"]);
        store.observations(&query).await.unwrap();
        let left = names(&url, OLD_PARTITIONS).await.len();
        killed_half_way += u32::from(left > 0 && left < 80);
        left == 0 && names(&url, "select span_id::text from span").await.len() == 1
    })
    .await;
    assert!(killed_half_way > 0, "none was killed at work");
}

#[tokio::test]
async fn a_clock_by_which_nothing_was_watched_yet_makes_nothing_old() {
    let (url, store, then) = an_old_history().await;
    let before = names(&url, PARTITIONS).await;
    let prune = async |how| store.prune(&short(), at(0), how).await;
    // The machine starts, and its clock has jumped by a year. A round by that clock changes nothing yet.
    for (minutes, step) in [(2, "at the start"), (1, "with the first round")] {
        let refused = prune(Prune::Really).await.unwrap_err();
        assert!(
            matches!(&refused, StoreError::ClockNotKnown { now, .. } if *now == at(0)),
            "{step}: {refused}"
        );
        assert!(refused.to_string().contains("--trust-clock") && !refused.is_transient());
        assert_eq!(
            names(&url, PARTITIONS).await.first(),
            before.first(),
            "{step}"
        );
        watch(&store, at(0) - TimeDelta::minutes(minutes)).await;
    }
    assert_eq!(
        prune(Prune::DryRun).await.unwrap().len(),
        3,
        "what is due is said all the same"
    );
    // By a clock under which there is nothing old there is nothing to refuse.
    assert_eq!(
        store.prune(&short(), then, Prune::Really).await.unwrap(),
        []
    );
    watch(&store, at(0) - TimeDelta::hours(25)).await;
    assert_eq!(
        prune(Prune::Really).await.unwrap().len(),
        3,
        "it has lived for a day"
    );
}

/// A round in which nothing happened.
async fn watch(store: &Store, due_at: DateTime<Utc>) {
    let round = begin(store, due_at).await;
    let ledger = Ledger::default();
    let done = store.finish_round(round, &quiet(&ledger, due_at)).await;
    done.unwrap();
}

#[tokio::test]
async fn a_clock_that_is_ahead_of_the_databases_makes_nothing_old() {
    let url = fresh_database().await;
    let store = Store::open(&url).await.unwrap();
    store.ensure_partitions(Utc::now(), 0).await.unwrap();
    let ahead = Utc::now() + TimeDelta::days(4_000);
    assert_eq!(
        store
            .prune(&short(), ahead, Prune::TrustingTheClock)
            .await
            .unwrap(),
        []
    );
}
