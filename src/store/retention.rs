//! What goes when it has been kept long enough: whole partitions of packs and messages, rows of what has ended.
//!
//! A span goes when no cache can hold its answer any more and a later one of its backend is known; what stands stays,
//! however old. Deliberately absent: a clock, and interned rows, which a later sample may need.

use std::time::Duration;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use serde::Serialize;

use super::{
    Store, StoreError,
    partition::{Parent, Present},
};
use crate::config::{LONGEST_FLAP_WINDOW, Retention};

/// Something that went, or is to go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Gone {
    /// `packed`, `messages`, `replay`, `spans` or `recurrence`.
    pub kind: &'static str,
    /// The table, or the partition where it goes whole.
    pub table: String,
    /// What is before this went.
    pub before: DateTime<Utc>,
    /// Rows, where they went one by one.
    pub rows: Option<u64>,
    /// Octets, where a whole partition went.
    pub octets: Option<u64>,
}

/// Whether to let go, or to say what would.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Prune {
    /// Changes nothing.
    DryRun,
    /// Lets it go, at a time at which this history has been kept for a day.
    Really,
    /// Lets it go, whatever the clock says: somebody has looked at it.
    TrustingTheClock,
}

/// A clock is believed once rounds were finished so long ago by it, and no longer.
const LIVED: (TimeDelta, TimeDelta) = (TimeDelta::days(7), TimeDelta::days(1));

impl Store {
    /// Lets go what has been kept long enough at `now`; the database's own clock has a say, too, and the earlier one wins.
    /// What is busy stays for another time.
    ///
    /// A machine that starts with its clock far ahead finds everything old. So nothing goes before rounds have run for a
    /// day by this clock: [`StoreError::ClockNotKnown`].
    pub async fn prune(
        &self,
        retention: &Retention,
        now: DateTime<Utc>,
        how: Prune,
    ) -> Result<Vec<Gone>, StoreError> {
        let there = sqlx::query_scalar!(
            r#"-- prune
            select now() as "now!""#
        );
        let now = now.min(there.fetch_one(&self.pool).await?);
        if how == Prune::Really
            && let Some(unknown) = self.unknown_clock(now).await?
        {
            let due = self.let_go(retention, now, Prune::DryRun).await?;
            return if due.is_empty() {
                Ok(due)
            } else {
                Err(unknown)
            };
        }
        self.let_go(retention, now, how).await
    }

    /// Why a clock is not believed; `None` where it is.
    async fn unknown_clock(&self, now: DateTime<Utc>) -> Result<Option<StoreError>, StoreError> {
        let found = sqlx::query!(
            r#"-- unknown_clock
            select coalesce(bool_or(due_at between $1 and $2), false) as "has_lived!", max(due_at) as newest
            from round where status = 'finished'"#,
            now - LIVED.0,
            now - LIVED.1
        )
        .fetch_one(&self.pool)
        .await?;
        let newest = found.newest;
        Ok((!found.has_lived).then_some(StoreError::ClockNotKnown { now, newest }))
    }

    async fn let_go(
        &self,
        retention: &Retention,
        now: DateTime<Utc>,
        how: Prune,
    ) -> Result<Vec<Gone>, StoreError> {
        let before = |keep: Option<Duration>| {
            let keep = TimeDelta::from_std(keep?).ok()?;
            now.checked_sub_signed(keep)
        };
        let mut gone = Vec::new();
        if let Some(before) = before(retention.packed) {
            gone.extend(
                self.prune_partitions("packed", Parent::Pack, before, how)
                    .await?,
            );
            gone.extend(self.prune_rows(&REPLAY, before, how).await?);
        }
        if let Some(before) = before(retention.messages) {
            gone.extend(
                self.prune_partitions("messages", Parent::Message, before, how)
                    .await?,
            );
        }
        if let Some(before) = before(retention.spans) {
            gone.extend(self.prune_rows(&SPANS, before, how).await?);
        }
        // What began before the longest window is asked by nobody.
        if let Some(before) = before(Some(LONGEST_FLAP_WINDOW)) {
            gone.extend(self.prune_rows(&RECURRENCES, before, how).await?);
        }
        Ok(gone)
    }

    /// Those that end before the day of `before`.
    async fn prune_partitions(
        &self,
        kind: &'static str,
        parent: Parent,
        before: DateTime<Utc>,
        how: Prune,
    ) -> Result<Vec<Gone>, StoreError> {
        let mut gone = Vec::new();
        for present in self.partitions_of(parent).await? {
            if !is_over(&present, before.date_naive()) {
                continue;
            }
            if how != Prune::DryRun && !self.drop_partition(present.partition, false).await? {
                continue;
            }
            gone.push(Gone {
                kind,
                table: present.partition.table(),
                before,
                rows: None,
                octets: Some(present.octets),
            });
        }
        Ok(gone)
    }

    async fn prune_rows(
        &self,
        ended: &[Ended],
        before: DateTime<Utc>,
        how: Prune,
    ) -> Result<Vec<Gone>, StoreError> {
        let mut gone = Vec::new();
        for one in ended {
            let (table, condition) = (one.table, one.condition);
            // Of words that stand below: nothing can be injected.
            let statement = match how {
                Prune::DryRun => format!("select count(*) from {table} where {condition}"),
                Prune::Really | Prune::TrustingTheClock => format!(
                    "with gone as (delete from {table} where {condition} returning 1) select count(*) from gone"
                ),
            };
            let statement = sqlx::query_scalar(sqlx::AssertSqlSafe(statement));
            let rows: i64 = statement.bind(before).fetch_one(&self.pool).await?;
            if rows > 0 {
                gone.push(Gone {
                    kind: one.kind,
                    table: table.to_owned(),
                    before,
                    rows: Some(rows.cast_unsigned()),
                    octets: None,
                });
            }
        }
        Ok(gone)
    }
}

fn is_over(present: &Present, before: NaiveDate) -> bool {
    let next = present.partition.next();
    next.is_some_and(|next| next <= before)
}

/// Rows that have ended before `$1`.
struct Ended {
    kind: &'static str,
    table: &'static str,
    condition: &'static str,
}

/// What it takes to judge rounds again whose samples are gone.
const REPLAY: [Ended; 2] = [
    Ended {
        kind: "replay",
        table: "round_context",
        condition: "judged_at < $1",
    },
    Ended {
        kind: "replay",
        table: "checkpoint",
        condition: "taken_at < $1",
    },
];

const SPANS: [Ended; 3] = [
    Ended {
        kind: "spans",
        table: "span",
        condition: "last_seen < $1 and coalesce(cached_until, last_seen) < $1 and exists (
            select from span as later
            where later.series_id = span.series_id and later.site = span.site and later.first_seen > span.first_seen)",
    },
    Ended {
        kind: "spans",
        table: "verdict_span",
        condition: "until < $1",
    },
    Ended {
        kind: "spans",
        table: "finding_span",
        condition: "until < $1",
    },
];

/// What began of late in groups that have had no round since: they are no longer configured, or not asked so often.
const RECURRENCES: [Ended; 1] = [Ended {
    kind: "recurrence",
    table: "recurrence",
    condition: "not exists (
        select from round
        where round.vantage_id = recurrence.vantage_id and round.group_name = recurrence.group_name and due_at >= $1)",
}];
