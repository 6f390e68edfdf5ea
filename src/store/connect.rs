//! Opening the database: the server's version, the schema, the pool.
//!
//! Deliberately absent: starting a server, which is [`super::private_pg`].

use std::{str::FromStr, sync::Arc, time::Duration};

use sqlx::{
    Connection, Executor as _, PgConnection, PgPool,
    migrate::{MigrateError, Migrator},
    postgres::{PgConnectOptions, PgPoolOptions},
};

use super::{Store, StoreError};

static MIGRATOR: Migrator = sqlx::migrate!();

/// How long a connection may take to come about, or to become free.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// A connection that was in use within this time is taken to be there still: asking it first would take as long as a short
/// question does, and a server that is gone says so at the question itself.
const TRUSTED: Duration = Duration::from_secs(1);

/// How long a healthy database may take to say that it is there.
const PING_TIMEOUT: Duration = Duration::from_secs(2);

/// Versions of the schema: the last migration's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Schema {
    /// As it was found; `None` where there was none.
    pub before: Option<i64>,
    /// As it is.
    pub now: i64,
}

impl Store {
    /// Connects, and brings the schema up to date. Several processes may do so at once.
    ///
    /// Refuses a server before `PostgreSQL` 15 and a schema that a newer program has migrated.
    pub async fn open(url: &str) -> Result<Self, StoreError> {
        let options = options(url)?;
        let schema = prepare(&options).await?;
        let pool = pool()
            .max_connections(10)
            .acquire_timeout(CONNECT_TIMEOUT)
            .connect_lazy_with(options);
        Ok(Self::over(pool, schema))
    }

    /// A store that has not been connected to, and connects when it is first asked. For whoever can do without.
    pub fn unopened(url: &str) -> Result<Self, StoreError> {
        let pool = pool().connect_lazy_with(options(url)?);
        let schema = Schema {
            before: None,
            now: 0,
        };
        Ok(Self::over(pool, schema))
    }

    fn over(pool: PgPool, schema: Schema) -> Self {
        Self {
            pool,
            interned: Arc::default(),
            written_spans: Arc::default(),
            partitions: Arc::default(),
            schema,
        }
    }

    /// The schema as it was found and as it is.
    pub fn schema(&self) -> Schema {
        self.schema
    }

    /// Connects to another URL from now on: the same database, whose server came back elsewhere.
    pub fn follow(&self, url: &str) -> Result<(), StoreError> {
        self.pool.set_connect_options(options(url)?);
        Ok(())
    }

    /// Waits for running queries and closes every connection.
    pub async fn close(&self) {
        self.pool.close().await;
    }

    /// Whether the database answers, and soon.
    pub async fn ping(&self) -> Result<(), StoreError> {
        let ping = sqlx::query!("-- ping\nselect 1 as one").fetch_one(&self.pool);
        match tokio::time::timeout(PING_TIMEOUT, ping).await {
            Ok(answer) => answer.map(|_| ()).map_err(StoreError::from),
            Err(_) => Err(StoreError::Silent(PING_TIMEOUT)),
        }
    }
}

/// Our queries are short, and compiling one takes longer than any saves: a second, for the longest. Said in a statement, since
/// what stands between us and a server (`PgBouncer`) may refuse it at the start.
fn pool() -> PgPoolOptions {
    PgPoolOptions::new()
        .after_connect(|connection, _| {
            Box::pin(async move {
                connection.execute("-- no_jit\nset jit = off").await?;
                Ok(())
            })
        })
        .test_before_acquire(false)
        .before_acquire(|connection, known| {
            Box::pin(
                async move { Ok(known.idle_for <= TRUSTED || connection.ping().await.is_ok()) },
            )
        })
}

fn options(url: &str) -> Result<PgConnectOptions, StoreError> {
    let options = PgConnectOptions::from_str(url);
    Ok(options
        .map_err(|error| StoreError::Url(error.to_string()))?
        .application_name("dns-auditor"))
}

/// Checks and migrates over one connection of its own: unlike a pool, it says at once why it cannot connect.
async fn prepare(options: &PgConnectOptions) -> Result<Schema, StoreError> {
    let connecting = PgConnection::connect_with(options);
    let mut connection = tokio::time::timeout(CONNECT_TIMEOUT, connecting)
        .await
        .map_err(|_| StoreError::Unavailable(sqlx::Error::PoolTimedOut))??;
    check_version(&mut connection).await?;
    let schema = migrate(&mut connection).await?;
    connection.close().await?;
    Ok(schema)
}

async fn check_version(connection: &mut PgConnection) -> Result<(), StoreError> {
    let server = sqlx::query!(
        r#"-- check_version
        select current_setting('server_version_num')::integer as "number!", current_setting('server_version') as "text!""#
    )
    .fetch_one(connection)
    .await?;
    if server.number < 150_000 {
        return Err(StoreError::ServerTooOld(server.text));
    }
    Ok(())
}

async fn migrate(connection: &mut PgConnection) -> Result<Schema, StoreError> {
    let known = MIGRATOR.iter().map(|one| one.version).max().unwrap_or(0);
    let before = applied(connection).await?;
    MIGRATOR
        .run(connection)
        .await
        .map_err(|error| match error {
            MigrateError::VersionMissing(applied) => StoreError::NewerSchema { applied, known },
            other => other.into(),
        })?;
    Ok(Schema { before, now: known })
}

/// The last migration that was applied. The table is the library's own, and not there before the first.
async fn applied(connection: &mut PgConnection) -> Result<Option<i64>, StoreError> {
    let there = sqlx::query_scalar("select to_regclass('_sqlx_migrations') is not null");
    if !there.fetch_one(&mut *connection).await? {
        return Ok(None);
    }
    let last = sqlx::query_scalar("select max(version) from _sqlx_migrations where success");
    Ok(last.fetch_one(connection).await?)
}
