//! Closed days of rounds, summed up: so that the months of a timeline are read day by day, and not round by round.
//!
//! A sum is right or is not there: a round that changes after all takes its day's sum away in the same transaction (a trigger
//! of the schema), and the next pass makes it again. A day is summed up when all its rounds have ended. Deliberately absent:
//! an order of days. What was not summed up in one pass, for a crash or a rival, is in the next.

use std::time::Instant;

use chrono::{DateTime, NaiveDate, Utc};

use crate::store::{
    Store, StoreError,
    closing::{self, Pace},
};

/// Days that are summed up in one transaction. Rounds of the same group that end meanwhile wait for it.
const DAYS_AT_ONCE: usize = 7;

/// The days of a group at a vantage that have rounds and no sum.
struct Unsummed {
    vantage_id: i16,
    group: String,
    days: Vec<NaiveDate>,
}

impl Store {
    /// Sums up the rounds of every day that is closed at `now`. Returns how many sums were made; those of a group in which
    /// another instance is at it, or a round ends at this instant, are left to the next call.
    pub async fn sum_up_days(&self, now: DateTime<Utc>, pace: Pace) -> Result<u64, StoreError> {
        let mut summed = 0;
        for place in self.unsummed_days(now).await? {
            for days in place.days.chunks(DAYS_AT_ONCE) {
                let began = Instant::now();
                summed += self.sum_up(&place, days).await?;
                if pace == Pace::Restful {
                    tokio::time::sleep(began.elapsed()).await;
                }
            }
        }
        Ok(summed)
    }

    async fn unsummed_days(&self, now: DateTime<Utc>) -> Result<Vec<Unsummed>, StoreError> {
        let Some(open) = closing::first_open(now) else {
            return Ok(Vec::new());
        };
        // From the first round of a day on to the first of another: years of rounds are not read for that.
        let rows = sqlx::query_as!(
            Unsummed,
            r#"-- unsummed_days
            with recursive present as (
                (select vantage_id, group_name, (due_at at time zone 'UTC')::date as day
                from round order by vantage_id, group_name, due_at limit 1)
                union all
                select next.vantage_id, next.group_name, (next.due_at at time zone 'UTC')::date
                from present cross join lateral (
                    select vantage_id, group_name, due_at
                    from round
                    where (vantage_id, group_name, due_at)
                        >= (present.vantage_id, present.group_name, (present.day + 1)::timestamp at time zone 'UTC')
                    order by vantage_id, group_name, due_at limit 1
                ) as next
            )
            select vantage_id as "vantage_id!", group_name as "group!", array_agg(day order by day) as "days!"
            from present left join round_day using (vantage_id, group_name, day)
            where round_day.finished is null and day < $1
            group by vantage_id, group_name
            order by vantage_id, group_name"#,
            open
        );
        Ok(rows.fetch_all(&self.pool).await?)
    }

    /// All of these days or none.
    async fn sum_up(&self, place: &Unsummed, days: &[NaiveDate]) -> Result<u64, StoreError> {
        // Two statements, the second of which sees what was committed before it had the lock.
        let begin = "begin isolation level read committed";
        let mut transaction = self.pool.begin_with(begin).await?;
        let locked = sqlx::query_scalar!(
            r#"-- lock_round_days
            select pg_try_advisory_xact_lock(hashtextextended('dns-auditor round_day ' || $1, $2)) as "locked!""#,
            place.group,
            i64::from(place.vantage_id)
        );
        if !locked.fetch_one(&mut *transaction).await? {
            transaction.rollback().await?;
            return Ok(0);
        }
        let summed = sqlx::query!(
            "-- sum_up
            insert into round_day (vantage_id, group_name, day, finished, missed, abandoned, first_at, last_at, gap_from, gap_to)
            select $1, $2, day, finished, missed, abandoned, first_at, last_at, gap.before, gap.after
            from (
                select day, day::timestamp at time zone 'UTC' as begins, (day + 1)::timestamp at time zone 'UTC' as ends
                from unnest($3::date[]) as given (day)
            ) as closed
                cross join lateral (
                    select count(*) filter (where status = 'finished') as finished,
                        count(*) filter (where status = 'missed') as missed,
                        count(*) filter (where status = 'abandoned') as abandoned,
                        count(*) filter (where status = 'running') as running,
                        min(due_at) filter (where status = 'finished') as first_at,
                        max(due_at) filter (where status = 'finished') as last_at
                    from round
                    where vantage_id = $1 and group_name = $2 and due_at >= begins and due_at < ends
                ) as counted
                left join lateral (
                    select before, due_at as after
                    from (
                        select due_at, lag(due_at) over (order by due_at) as before
                        from round
                        where vantage_id = $1 and group_name = $2 and due_at >= begins and due_at < ends and status = 'finished'
                    ) as finished
                    where before is not null
                    order by due_at - before desc, due_at limit 1
                ) as gap on true
            where running = 0 and finished + missed + abandoned > 0
            on conflict do nothing",
            place.vantage_id,
            place.group,
            days
        )
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(summed.rows_affected())
    }
}
