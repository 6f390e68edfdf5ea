//! When each group was really watched, so that absence of data is never read as absence of a problem.
//!
//! Where finished rounds lie no further apart than three usual periods, the group was watched from the first to one usual period
//! after the last. What is usual is told by the rounds around, as they were due, whatever became of them: a schedule that was
//! another one at another time is measured by its own. A round before the window stands at its beginning.
//!
//! Deliberately absent: the schedule as it is configured, which may have been another one then.

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;

use super::{Store, StoreError, streamed};
use rounds::{BEFORE, Became, Round};

mod days;
mod rounds;

/// How long before a window a group's last round may lie for the group to be told of where none was due within.
const REMEMBERED: TimeDelta = TimeDelta::days(30);

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
    /// Finished, and later than one period after they were due, as was usual then.
    pub late: u64,
    /// Seconds between two rounds, as most were due; `None` where fewer than two were.
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

/// A group at a vantage.
struct Place {
    vantage_id: i16,
    vantage: String,
    group: String,
}

impl Store {
    /// Every group that had a round due in the window or in the thirty days before it, by vantage and group.
    pub async fn watched(
        &self,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
    ) -> Result<Vec<Watched>, StoreError> {
        let mut watched = Vec::new();
        for place in self.places(from, to).await? {
            let rounds = self.rounds_of(&place, from, to).await?;
            let names = [place.vantage, place.group];
            watched.extend(Watched::of(names, &rounds, (from, to)));
        }
        Ok(watched)
    }

    async fn places(
        &self,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
    ) -> Result<Vec<Place>, StoreError> {
        // From the first round of a group on to the first of another: years of rounds are not read for that.
        let places = sqlx::query_as!(
            Place,
            r#"-- places
            with recursive place as (
                (select vantage_id, group_name from round order by vantage_id, group_name limit 1)
                union all
                select next.vantage_id, next.group_name
                from place cross join lateral (
                    select vantage_id, group_name from round
                    where (vantage_id, group_name) > (place.vantage_id, place.group_name)
                    order by vantage_id, group_name limit 1
                ) as next
            )
            select vantage_id as "vantage_id!", vantage.name as vantage, group_name as "group!"
            from place join vantage using (vantage_id)
            where exists (
                select from round
                where vantage_id = place.vantage_id and group_name = place.group_name and due_at between $1 and $2
            )
            order by vantage.name, group_name"#,
            from.checked_sub_signed(REMEMBERED).unwrap_or(from),
            to
        );
        Ok(places.fetch_all(&self.pool).await?)
    }

    /// Those of the window, and some before it, in order of due time.
    async fn rounds_of(
        &self,
        place: &Place,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
    ) -> Result<Vec<Round>, StoreError> {
        let mut rows = sqlx::query!(
            r#"-- rounds_of
            select due_at, status, finished_at
            from round
            where vantage_id = $1 and group_name = $2 and due_at <= $4 and due_at >= coalesce((
                select min(due_at) from (
                    select due_at from round
                    where vantage_id = $1 and group_name = $2 and due_at < $3
                    order by due_at desc limit $5
                ) as before
            ), $3)
            order by due_at"#,
            place.vantage_id,
            place.group,
            from,
            to,
            BEFORE
        )
        .fetch(&self.pool);
        let mut rounds = Vec::new();
        while let Some(row) = streamed::next(&mut rows).await? {
            rounds.push(Round {
                due_at: row.due_at,
                became: match &*row.status {
                    "finished" => Became::Finished(row.finished_at),
                    "abandoned" => Became::Abandoned,
                    "missed" => Became::Missed,
                    "running" => Became::Running,
                    other => {
                        return Err(StoreError::unreadable("status of a round", other));
                    }
                },
            });
        }
        Ok(rounds)
    }
}
