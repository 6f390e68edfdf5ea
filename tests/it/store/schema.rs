//! Which databases are opened, and which are refused.

use dns_auditor::store::{Store, StoreError};

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
