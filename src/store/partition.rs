//! The partitions of `observation` and `message`: one a UTC day, made ahead.
//!
//! Deliberately absent: dropping them, which is retention's business.

use std::{
    collections::{BTreeSet, HashSet},
    sync::{Mutex, PoisonError},
};

use chrono::{DateTime, Days, NaiveDate, Utc};
use sqlx::{AssertSqlSafe, PgConnection};

use super::{Store, StoreError};

/// What grows by the day, and goes by the day.
const TABLES: [&str; 2] = ["observation", "message"];

/// Days that are known to have their partitions.
pub(super) type Known = Mutex<HashSet<NaiveDate>>;

impl Store {
    /// Makes the partitions of the day of `now` and of the days after it, so that no round waits for one at midnight.
    pub async fn ensure_partitions(
        &self,
        now: DateTime<Utc>,
        days_ahead: u64,
    ) -> Result<(), StoreError> {
        let today = now.date_naive();
        let days = (0..=days_ahead).filter_map(|ahead| today.checked_add_days(Days::new(ahead)));
        self.ensure_days(days.collect()).await
    }

    /// Makes the partitions of these days where they are missing. Safe with several instances.
    pub(super) async fn ensure_days(&self, days: BTreeSet<NaiveDate>) -> Result<(), StoreError> {
        let missing: Vec<_> = {
            let known = self
                .partitions
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            days.into_iter()
                .filter(|day| !known.contains(day))
                .collect()
        };
        if missing.is_empty() {
            return Ok(());
        }
        let mut transaction = self.pool.begin().await?;
        sqlx::query!("-- ensure_days\nselect pg_advisory_xact_lock(hashtextextended('dns-auditor partitions', 0))")
            .execute(&mut *transaction)
            .await?;
        for day in &missing {
            for parent in TABLES {
                create(&mut transaction, parent, *day).await?;
            }
        }
        transaction.commit().await?;
        self.partitions
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend(missing);
        Ok(())
    }
}

/// Makes the table and attaches it. Attaching, unlike `create table … partition of`, does not wait for readers and
/// writers of the other days.
async fn create(
    connection: &mut PgConnection,
    parent: &str,
    day: NaiveDate,
) -> Result<(), StoreError> {
    let table = format!("{parent}_{}", day.format("%Y%m%d"));
    let present = sqlx::query_scalar!(
        r#"-- create
        select to_regclass($1) is not null as "present!""#,
        table
    )
    .fetch_one(&mut *connection)
    .await?;
    let Some(next) = day.succ_opt().filter(|_| !present) else {
        return Ok(());
    };
    // Built from a date and a word of ours, so nothing can be injected.
    for statement in [
        format!("create table {table} (like {parent} including all)"),
        format!(
            "alter table {parent} attach partition {table} for values from ('{day} 00:00:00+00') to ('{next} 00:00:00+00')"
        ),
    ] {
        sqlx::query(AssertSqlSafe(statement))
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}
