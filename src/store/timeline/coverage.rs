//! How well a window was watched, so that absence of data is never read as absence of a problem.
//!
//! Days that are summed up (`watched::days`) count as they stand there; rounds are read where the window has part of a day,
//! or a day has no sum. Deliberately absent: what the schedule would have wanted. A stretch without rounds is shown by its ends.

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
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

impl Coverage {
    /// Goes on with what came later. Of stretches that are equally long the earliest counts.
    fn extend(&mut self, later: &Self) {
        self.consider(self.last_at, later.first_at);
        self.consider(later.longest_gap_from, later.longest_gap_to);
        self.finished += later.finished;
        self.missed += later.missed;
        self.abandoned += later.abandoned;
        self.running += later.running;
        self.first_at = self.first_at.or(later.first_at);
        self.last_at = later.last_at.or(self.last_at);
    }

    /// Where finished rounds lie that are counted already.
    fn place(&mut self, mut due: Vec<DateTime<Utc>>) {
        // They come in order, which nobody promises.
        due.sort_unstable();
        for at in due {
            self.consider(self.last_at, Some(at));
            self.first_at = self.first_at.or(Some(at));
            self.last_at = Some(at);
        }
    }

    /// Takes a later stretch for the longest, if it is.
    fn consider(&mut self, from: Option<DateTime<Utc>>, to: Option<DateTime<Utc>>) {
        let length = |from, to| Option::zip(from, to).map(|(from, to): (DateTime<_>, _)| to - from);
        if length(from, to) > length(self.longest_gap_from, self.longest_gap_to) {
            (self.longest_gap_from, self.longest_gap_to) = (from, to);
        }
    }
}

impl Store {
    /// The rounds of every group that ever judged this name, whether or not any was due in the window, by vantage and group.
    pub(super) async fn coverage_of(
        &self,
        name: &DnsName,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
    ) -> Result<Vec<Coverage>, StoreError> {
        let mut places: Vec<Coverage> = Vec::new();
        for piece in self.pieces_of(name, from, to).await? {
            match places.last_mut() {
                Some(place) if place.vantage == piece.vantage && place.group == piece.group => {
                    place.extend(&piece);
                }
                _ => places.push(piece),
            }
        }
        Ok(places)
    }

    /// The same piece by piece, each group's in order: days that are summed up, and the stretches between them.
    async fn pieces_of(
        &self,
        name: &DnsName,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
    ) -> Result<Vec<Coverage>, StoreError> {
        let (first, last) = whole_days(from, to);
        // In one statement, which sees one instant: a day whose sum goes meanwhile is neither left out nor counted twice. Where
        // the longest gap is costs the server more than all the rest, so that finished rounds come as they are.
        let rows = sqlx::query!(
            r#"-- coverage_of
            with place as (
                select distinct vantage_id, group_name
                from verdict_span join series using (series_id) join question using (question_id)
                where question.name = $1
            ), known as (
                select round_day.*, day::timestamp at time zone 'UTC' as begins, (day + 1)::timestamp at time zone 'UTC' as ends
                from place join round_day using (vantage_id, group_name)
                where day between $4 and $5
            ), rest as (
                select vantage_id, group_name, begins, ends
                from (
                    select vantage_id, group_name, begins as ends,
                        coalesce(lag(ends) over (partition by vantage_id, group_name order by begins), $2) as begins
                    from known
                ) as before
                where begins < ends
                union all
                select vantage_id, group_name, coalesce(max(ends), $2), $3::timestamptz + interval '1 microsecond'
                from place left join known using (vantage_id, group_name)
                group by vantage_id, group_name
            )
            select vantage.name as vantage, group_name as "group!", finished as "finished!", missed as "missed!",
                abandoned as "abandoned!", running as "running!", first_at, last_at, gap_from, gap_to, due
            from (
                select vantage_id, group_name, begins, finished::bigint, missed::bigint, abandoned::bigint, 0::bigint as running,
                    first_at, last_at, gap_from, gap_to, null::timestamptz[] as due
                from known
                union all
                select vantage_id, group_name, begins, finished, missed, abandoned, running, null, null, null, null, due
                from rest cross join lateral (
                    select count(*) filter (where status = 'finished') as finished,
                        count(*) filter (where status = 'missed') as missed,
                        count(*) filter (where status = 'abandoned') as abandoned,
                        count(*) filter (where status = 'running') as running,
                        array_agg(due_at) filter (where status = 'finished') as due
                    from (
                        select due_at, status
                        from round
                        where vantage_id = rest.vantage_id and group_name = rest.group_name and due_at >= begins
                            and due_at < ends
                        order by due_at
                    ) as own
                ) as counted
            ) as piece join vantage using (vantage_id)
            order by vantage.name, group_name, begins"#,
            name.as_str(),
            from,
            to,
            first,
            last
        )
        .fetch_all(&self.pool)
        .await?;
        let count = |stored| columns::number("count", stored);
        let pieces = rows.into_iter().map(|row| {
            let mut piece = Coverage {
                vantage: row.vantage,
                group: row.group,
                finished: count(row.finished)?,
                missed: count(row.missed)?,
                abandoned: count(row.abandoned)?,
                running: count(row.running)?,
                first_at: row.first_at,
                last_at: row.last_at,
                longest_gap_from: row.gap_from,
                longest_gap_to: row.gap_to,
            };
            piece.place(row.due.unwrap_or_default());
            Ok(piece)
        });
        pieces.collect()
    }
}

/// The first day (UTC) that lies within a window from its first instant to its last, and the last such; the last is before
/// the first where there is none.
fn whole_days(from: DateTime<Utc>, to: DateTime<Utc>) -> (NaiveDate, NaiveDate) {
    let day = from.date_naive();
    let first = if from.time() == NaiveTime::MIN {
        Some(day)
    } else {
        day.succ_opt()
    };
    let last = to.date_naive().pred_opt();
    (
        first.unwrap_or(NaiveDate::MAX),
        last.unwrap_or(NaiveDate::MIN),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_days_of_a_window_count_as_days() {
        for (from, to, first, last) in [
            (
                "2026-11-20T00:00:00Z",
                "2026-11-23T00:00:00Z",
                "2026-11-20",
                "2026-11-22",
            ),
            (
                "2026-11-20T00:00:00.000001Z",
                "2026-11-22T23:59:59.999999Z",
                "2026-11-21",
                "2026-11-21",
            ),
            (
                "2026-11-20T08:00:00Z",
                "2026-11-20T09:00:00Z",
                "2026-11-21",
                "2026-11-19",
            ),
        ] {
            let days = whole_days(from.parse().unwrap(), to.parse().unwrap());
            let expected = (first.parse().unwrap(), last.parse().unwrap());
            assert_eq!(days, expected, "{from} to {to}");
        }
        let all = whole_days(DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC);
        assert!(all.0 < all.1);
    }
}
