//! When each group was really watched, so that absence of data is never read as absence of a problem.
//!
//! Where rounds lie no further apart than three usual periods, the group was watched from the first to one usual period
//! after the last; the usual period is the median of the window. A round before the window stands at its beginning.
//! Deliberately absent: the schedule, which may have been
//! another one then.

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;

use super::{Store, StoreError, columns};

mod counted;
mod days;

/// The rounds of one group at one vantage that were due within a window.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Watched {
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
    /// Finished, and later than one usual period after they were due.
    pub late: u64,
    /// Seconds between two rounds, as most lay apart; `None` where fewer than two finished.
    pub usual_period_s: Option<i64>,
    /// Seconds of the window that were watched.
    pub watched_s: i64,
    /// When it was watched, in order; in between nothing was seen.
    pub stretches: Vec<Stretch>,
}

/// A time without a gap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Stretch {
    /// Its first round, or the beginning of the window.
    pub from: DateTime<Utc>,
    /// One usual period after its last round, or the end of the window.
    pub to: DateTime<Utc>,
    /// Finished rounds that were due in the window.
    pub rounds: u64,
}

impl Stretch {
    /// Seconds that it has in common with a time.
    pub fn seconds_within(&self, from: DateTime<Utc>, to: DateTime<Utc>) -> i64 {
        // To the nearest: a round judged some milliseconds later than another is no second shorter.
        let common = self.to.min(to) - self.from.max(from);
        ((common.num_milliseconds() + 500) / 1_000).max(0)
    }
}

impl Store {
    /// Every group that had a round due in the window, by vantage and group.
    pub async fn watched(
        &self,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
    ) -> Result<Vec<Watched>, StoreError> {
        let mut watched = self.rounds_counted(from, to).await?;
        for (vantage, group, stretch) in self.stretches(from, to).await? {
            let is_its = |one: &&mut Watched| one.vantage == vantage && one.group == group;
            if let Some(one) = watched.iter_mut().find(is_its) {
                one.watched_s += stretch.seconds_within(from, to);
                one.stretches.push(stretch);
            }
        }
        Ok(watched)
    }

    /// The last few rounds before the window tell whether it was watched at its beginning, and what is usual.
    async fn stretches(
        &self,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
    ) -> Result<Vec<(String, String, Stretch)>, StoreError> {
        let rows = sqlx::query!(
            r#"-- stretches
            with place as (
                select distinct vantage_id, group_name from round where due_at between $1 and $2
            ), done as (
                select vantage_id, group_name, due_at,
                    due_at - lag(due_at) over (partition by vantage_id, group_name order by due_at) as step
                from place cross join lateral (
                    (select due_at from round
                    where vantage_id = place.vantage_id and group_name = place.group_name
                        and status = 'finished' and due_at < $1
                    order by due_at desc limit 4)
                    union all
                    select due_at from round
                    where vantage_id = place.vantage_id and group_name = place.group_name
                        and status = 'finished' and due_at between $1 and $2
                ) finished
            ), usual as (
                select vantage_id, group_name, percentile_disc(0.5) within group (order by step) as usual
                from done group by vantage_id, group_name
            ), numbered as (
                select vantage_id, group_name, due_at, usual, count(*) filter (where step > 3 * usual)
                    over (partition by vantage_id, group_name order by due_at) as number
                from done join usual using (vantage_id, group_name)
            )
            select vantage.name as vantage, group_name, min(due_at) as "begin!", max(due_at) as "last!",
                coalesce(extract(epoch from min(usual)), 0)::bigint as "usual_s!",
                count(*) filter (where due_at >= $1) as "rounds!"
            from numbered join vantage using (vantage_id)
            group by vantage.name, group_name, number
            order by vantage.name, group_name, number"#,
            from,
            to
        )
        .fetch_all(&self.pool)
        .await?;
        let stretches = rows.into_iter().map(|row| {
            let stretch = Stretch {
                from: row.begin.max(from),
                to: (row.last + TimeDelta::seconds(row.usual_s)).min(to),
                rounds: columns::number("count", row.rounds)?,
            };
            Ok((row.vantage, row.group_name, stretch))
        });
        // What was over before the window is none of its stretches.
        let is_over = |stretch: &Stretch| stretch.rounds == 0 && stretch.to <= from;
        stretches
            .filter(|read| !matches!(read, Ok((_, _, stretch)) if is_over(stretch)))
            .collect()
    }
}
