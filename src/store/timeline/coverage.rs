//! How well a window was watched, so that absence of data is never read as absence of a problem.
//!
//! Deliberately absent: what the schedule would have wanted. A stretch without rounds is shown by its ends.

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::{
    names::DnsName,
    store::{Store, StoreError, columns},
};

/// The rounds of one group at one vantage within a window, by the instants they were due.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Coverage {
    /// The vantage.
    pub vantage: String,
    /// The group.
    pub group: String,
    /// Judged to the end.
    pub finished: u64,
    /// Due and never begun.
    pub missed: u64,
    /// Cut off by a crash.
    pub abandoned: u64,
    /// Under way.
    pub running: u64,
    /// The first finished one.
    pub first_at: Option<DateTime<Utc>>,
    /// The last finished one.
    pub last_at: Option<DateTime<Utc>>,
    /// The finished round before the longest stretch without one; `None` where fewer than two finished.
    pub longest_gap_from: Option<DateTime<Utc>>,
    /// The finished round after that stretch.
    pub longest_gap_to: Option<DateTime<Utc>>,
}

impl Store {
    /// The rounds of every group that ever judged this name.
    pub(super) async fn coverage_of(
        &self,
        name: &DnsName,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
    ) -> Result<Vec<Coverage>, StoreError> {
        let rows = sqlx::query!(
            r#"-- coverage_of
            with place as (
                select distinct vantage_id, group_name
                from verdict_span join series using (series_id) join question using (question_id)
                where question.name = $1
            ), due as (
                select vantage_id, group_name, status, due_at,
                    lag(due_at) over (partition by vantage_id, group_name, status order by due_at) as before
                from round join place using (vantage_id, group_name)
                where due_at between $2 and $3
            ), gap as (
                select distinct on (vantage_id, group_name) vantage_id, group_name, before, due_at as after
                from due where status = 'finished' and before is not null
                order by vantage_id, group_name, due_at - before desc, due_at
            )
            select vantage.name as vantage, place.group_name,
                count(*) filter (where status = 'finished') as "finished!",
                count(*) filter (where status = 'missed') as "missed!",
                count(*) filter (where status = 'abandoned') as "abandoned!",
                count(*) filter (where status = 'running') as "running!",
                min(due_at) filter (where status = 'finished') as first_at,
                max(due_at) filter (where status = 'finished') as last_at,
                min(gap.before) as gap_from, min(gap.after) as gap_to
            from place
            join vantage using (vantage_id)
            left join due using (vantage_id, group_name)
            left join gap using (vantage_id, group_name)
            group by vantage.name, place.group_name
            order by vantage.name, place.group_name"#,
            name.as_str(),
            from,
            to
        )
        .fetch_all(&self.pool)
        .await?;
        let count = |stored| columns::number("count", stored);
        rows.into_iter()
            .map(|row| {
                Ok(Coverage {
                    vantage: row.vantage,
                    group: row.group_name,
                    finished: count(row.finished)?,
                    missed: count(row.missed)?,
                    abandoned: count(row.abandoned)?,
                    running: count(row.running)?,
                    first_at: row.first_at,
                    last_at: row.last_at,
                    longest_gap_from: row.gap_from,
                    longest_gap_to: row.gap_to,
                })
            })
            .collect()
    }
}
