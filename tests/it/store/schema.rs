//! Which databases are opened, and which are refused.

use dns_auditor::store::{Store, StoreError};
use sqlx::{Connection as _, PgConnection};

use crate::postgres::{execute, fresh_database};

#[tokio::test]
async fn a_schema_that_a_newer_program_migrated_is_refused() {
    let url = fresh_database().await;
    execute(
        &url,
        "insert into _sqlx_migrations (version, description, success, checksum, execution_time)
         values (9999, 'of the future', true, '', 0)"
            .to_owned(),
    )
    .await;
    let refused = Store::open(&url).await.unwrap_err();
    assert!(
        matches!(refused, StoreError::NewerSchema { applied: 9999, .. }),
        "{refused}"
    );
    assert!(!refused.is_transient());
}

#[tokio::test]
async fn opening_twice_changes_nothing() {
    let url = fresh_database().await;
    let store = Store::open(&url).await.unwrap();
    store.ping().await.unwrap();
    Store::open(&url).await.unwrap().ping().await.unwrap();
}

/// Whatever the server is set to. `begin_round` writes a round, which this database takes only where nothing is compiled.
#[tokio::test]
async fn no_query_of_ours_is_compiled() {
    let url = fresh_database().await;
    let statements = [
        "do $$ begin execute format('alter database %I set jit = on', current_database()); end $$",
        "create function refuse() returns trigger language plpgsql as
            $$ begin raise exception 'jit is %', current_setting('jit'); end $$",
        "create trigger refuse before insert on round for each row
            when (current_setting('jit') = 'on') execute function refuse()",
    ];
    for statement in statements {
        execute(&url, statement.to_owned()).await;
    }
    let insert = "insert into vantage (name) values ('there');
        insert into round (vantage_id, group_name, due_at, status)
        select vantage_id, 'dialers', now(), 'missed' from vantage";
    let mut other = PgConnection::connect(&url).await.unwrap();
    let refused = sqlx::raw_sql(insert).execute(&mut other).await.unwrap_err();
    assert!(refused.to_string().contains("jit is on"), "{refused}");
    let store = Store::open(&url).await.unwrap();
    let now = chrono::Utc::now();
    let begun = store.begin_round("here", "dialers", now, now).await;
    assert!(begun.unwrap().is_some());
}

#[tokio::test]
async fn a_server_that_is_away_is_worth_another_try_and_a_wrong_url_is_not() {
    let away = Store::open("postgres://nobody@127.0.0.1:1/none")
        .await
        .unwrap_err();
    assert!(away.is_transient(), "{away}");
    let wrong = Store::open("postgres://secret:password@[")
        .await
        .unwrap_err();
    assert!(!wrong.is_transient());
    assert!(!wrong.to_string().contains("secret"), "{wrong}");
}
