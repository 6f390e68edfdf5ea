//! The partitions of what grows with time: one a UTC day, or a month, made ahead; listed, and dropped when they are told to.
//!
//! Dropping never makes a round wait: where the table is busy it is given up at once, for another time. Deliberately absent:
//! which partitions are to go, which is the business of [`super::closing`] and [`super::retention`].

use std::{
    collections::{BTreeSet, HashSet},
    sync::{Mutex, MutexGuard, PoisonError},
};

use chrono::{DateTime, Datelike as _, Days, Months, NaiveDate, Utc};
use sqlx::{AssertSqlSafe, PgConnection};

use super::{Store, StoreError};

/// How long a partition waits for the locks that its end takes. Whoever writes waits for as long.
const LOCK_TIMEOUT: &str = "set local lock_timeout = '300ms'";

/// Partitions that are known to be there.
pub(super) type Known = Mutex<HashSet<Partition>>;

/// A table that is cut by time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Parent {
    Observation,
    Message,
    Pack,
}

/// One partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Partition {
    pub(super) parent: Parent,
    /// Its first day.
    pub(super) first: NaiveDate,
}

/// A partition that is there, and what it takes.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Present {
    pub(super) partition: Partition,
    /// Octets with indexes and all.
    pub(super) octets: u64,
    /// Rows as last estimated by the server; `None` where it never did.
    pub(super) rows: Option<u64>,
}

impl Parent {
    pub(super) fn table(self) -> &'static str {
        match self {
            Self::Observation => "observation_chunk",
            Self::Message => "message",
            Self::Pack => "observation_pack",
        }
    }

    /// The form of the date in the name.
    fn suffix(self) -> &'static str {
        match self {
            Self::Observation | Self::Message => "%Y%m%d",
            Self::Pack => "%Y%m",
        }
    }

    /// The partition that a day belongs to.
    pub(super) fn of(self, day: NaiveDate) -> Partition {
        let first = match self {
            Self::Observation | Self::Message => day,
            Self::Pack => day.with_day(1).unwrap_or(day),
        };
        Partition {
            parent: self,
            first,
        }
    }

    /// The partition of that name; `None` where it is none of ours.
    fn named(self, table: &str) -> Option<Partition> {
        let date = table.strip_prefix(self.table())?.strip_prefix('_')?;
        let first = match self {
            Self::Observation | Self::Message => NaiveDate::parse_from_str(date, "%Y%m%d"),
            Self::Pack => NaiveDate::parse_from_str(&format!("{date}01"), "%Y%m%d"),
        };
        let partition = self.of(first.ok()?);
        (partition.table() == table).then_some(partition)
    }
}

impl Partition {
    pub(super) fn table(self) -> String {
        let date = self.first.format(self.parent.suffix());
        format!("{}_{date}", self.parent.table())
    }

    /// The first day after it; `None` at the end of all calendars.
    pub(super) fn next(self) -> Option<NaiveDate> {
        match self.parent {
            Parent::Observation | Parent::Message => self.first.succ_opt(),
            Parent::Pack => self.first.checked_add_months(Months::new(1)),
        }
    }
}

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

    /// Makes what rounds of these days are written to, where it is missing. Safe with several instances.
    pub(super) async fn ensure_days(&self, days: BTreeSet<NaiveDate>) -> Result<(), StoreError> {
        let parents = [Parent::Observation, Parent::Message];
        let wanted = days
            .into_iter()
            .flat_map(|day| parents.map(|parent| parent.of(day)));
        self.ensure(wanted.collect()).await
    }

    /// Makes these partitions where they are missing.
    pub(super) async fn ensure(&self, wanted: BTreeSet<Partition>) -> Result<(), StoreError> {
        let missing: Vec<_> = {
            let known = self.known_partitions();
            let unknown = |partition: &Partition| !known.contains(partition);
            wanted.into_iter().filter(unknown).collect()
        };
        if missing.is_empty() {
            return Ok(());
        }
        let mut transaction = self.pool.begin().await?;
        lock_all(&mut transaction).await?;
        for partition in &missing {
            create(&mut transaction, *partition).await?;
        }
        transaction.commit().await?;
        self.known_partitions().extend(missing);
        Ok(())
    }

    fn known_partitions(&self) -> MutexGuard<'_, HashSet<Partition>> {
        self.partitions
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks at what became of writing rows: where there was no partition for them, another instance has dropped it, and
    /// writing again makes a new one.
    pub(super) fn noticing_lost_partitions<T>(
        &self,
        written: Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        match written {
            Err(StoreError::Refused(error)) if is_code(&error, "23514") => {
                self.known_partitions().clear();
                Err(StoreError::Unavailable(error))
            }
            written => written,
        }
    }

    /// The partitions that are there, in order.
    pub(super) async fn partitions_of(&self, parent: Parent) -> Result<Vec<Present>, StoreError> {
        let rows = sqlx::query!(
            r#"-- partitions_of
            select relname as "table!", pg_total_relation_size(pg_class.oid) as octets, reltuples as "rows!"
            from pg_inherits join pg_class on pg_class.oid = inhrelid
            where inhparent = to_regclass($1)"#,
            parent.table()
        )
        .fetch_all(&self.pool)
        .await?;
        let mut present: Vec<_> = rows
            .into_iter()
            .filter_map(|row| {
                Some(Present {
                    partition: parent.named(&row.table)?,
                    // Of one that another instance has just dropped there is no size.
                    octets: row.octets?.cast_unsigned(),
                    rows: (row.rows >= 0.0).then_some(row.rows as u64),
                })
            })
            .collect();
        present.sort_by_key(|one| one.partition);
        Ok(present)
    }

    /// Drops a partition; where `only_empty`, only if no row is left in it. `false` where it has rows, is gone, or is busy.
    pub(super) async fn drop_partition(
        &self,
        partition: Partition,
        only_empty: bool,
    ) -> Result<bool, StoreError> {
        match self.try_drop(partition, only_empty).await {
            // A lock that was not to be had; a table that another instance has dropped.
            Err(StoreError::Refused(error))
                if ["55P03", "42P01"].iter().any(|code| is_code(&error, code)) =>
            {
                tracing::debug!(
                    table = partition.table(),
                    "a partition is busy and stays for now"
                );
                Ok(false)
            }
            dropped => dropped,
        }
    }

    async fn try_drop(&self, partition: Partition, only_empty: bool) -> Result<bool, StoreError> {
        let table = partition.table();
        let mut transaction = self.pool.begin().await?;
        execute(&mut transaction, LOCK_TIMEOUT.to_owned()).await?;
        let mut is_free = is_present(&mut transaction, &table).await?;
        if is_free && only_empty {
            // Nobody writes to it from here on, and all other days go on meanwhile.
            let lock = format!("lock table {table} in share mode");
            execute(&mut transaction, lock).await?;
            is_free = !has_rows(&mut transaction, &table).await?;
        }
        if !is_free {
            transaction.rollback().await?;
            return Ok(false);
        }
        lock_all(&mut transaction).await?;
        execute(&mut transaction, format!("drop table {table}")).await?;
        if let (Parent::Pack, Some(next)) = (partition.parent, partition.next()) {
            forget_packed(&mut transaction, partition.first, next).await?;
        }
        transaction.commit().await?;
        self.known_partitions().remove(&partition);
        Ok(true)
    }
}

fn is_code(error: &sqlx::Error, code: &str) -> bool {
    let refusal = error.as_database_error();
    refusal
        .and_then(sqlx::error::DatabaseError::code)
        .is_some_and(|found| found == code)
}

/// Whoever makes or drops partitions does so alone.
async fn lock_all(connection: &mut PgConnection) -> Result<(), StoreError> {
    sqlx::query!(
        "-- lock_all\nselect pg_advisory_xact_lock(hashtextextended('dns-auditor partitions', 0))"
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Runs a statement that is built from dates and words of ours, so that nothing can be injected.
async fn execute(connection: &mut PgConnection, statement: String) -> Result<(), StoreError> {
    sqlx::query(AssertSqlSafe(statement))
        .execute(connection)
        .await?;
    Ok(())
}

async fn is_present(connection: &mut PgConnection, table: &str) -> Result<bool, StoreError> {
    let present = sqlx::query_scalar!(
        r#"-- is_present
        select to_regclass($1) is not null as "present!""#,
        table
    );
    Ok(present.fetch_one(connection).await?)
}

async fn has_rows(connection: &mut PgConnection, table: &str) -> Result<bool, StoreError> {
    let any = format!("select exists (select from {table})");
    Ok(sqlx::query_scalar(AssertSqlSafe(any))
        .fetch_one(connection)
        .await?)
}

async fn forget_packed(
    connection: &mut PgConnection,
    first: NaiveDate,
    next: NaiveDate,
) -> Result<(), StoreError> {
    sqlx::query!(
        "-- forget_packed\ndelete from packed_day where day >= $1 and day < $2",
        first,
        next
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Makes the table and attaches it. Attaching, unlike `create table … partition of`, does not wait for readers and
/// writers of the other days.
async fn create(connection: &mut PgConnection, partition: Partition) -> Result<(), StoreError> {
    let (table, parent) = (partition.table(), partition.parent.table());
    let present = is_present(connection, &table).await?;
    let Some(next) = partition.next().filter(|_| !present) else {
        return Ok(());
    };
    let first = partition.first;
    for statement in [
        format!("create table {table} (like {parent} including all)"),
        format!(
            "alter table {parent} attach partition {table} for values from ('{first} 00:00:00+00') to ('{next} 00:00:00+00')"
        ),
    ] {
        execute(connection, statement).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_what_a_partition_holds() {
        let day = NaiveDate::from_ymd_opt(2026, 12, 31).unwrap();
        for (parent, table, next) in [
            (
                Parent::Observation,
                "observation_chunk_20261231",
                "2027-01-01",
            ),
            (Parent::Message, "message_20261231", "2027-01-01"),
            (Parent::Pack, "observation_pack_202612", "2027-01-01"),
        ] {
            let partition = parent.of(day);
            assert_eq!(partition.table(), table);
            assert_eq!(parent.named(table), Some(partition));
            assert_eq!(partition.next().unwrap().to_string(), next);
        }
        for other in [
            "observation_chunk_old",
            "observation_chunk_2026",
            "observation_chunk_20261331",
            "observation_20261231",
            "other",
        ] {
            assert_eq!(Parent::Observation.named(other), None, "{other}");
        }
        assert_eq!(Parent::Pack.named("observation_pack_2026123"), None);
    }
}
