//! Rounds counted, by vantage and group: what became of those that were due within a window.
//!
//! Deliberately absent: when it was watched. The ends of the longest stretch without a round are all that is said of gaps.

use chrono::{DateTime, Utc};

use crate::{
    names::DnsName,
    store::{Store, StoreError, columns},
};

/// The rounds of one group at one vantage.
pub(in crate::store) struct Counted {
    pub(in crate::store) vantage: String,
    pub(in crate::store) group: String,
    pub(in crate::store) finished: u64,
    pub(in crate::store) missed: u64,
    pub(in crate::store) abandoned: u64,
    pub(in crate::store) running: u64,
    /// Finished, and later than one usual period after they were due; of no name.
    pub(in crate::store) late: u64,
    /// Seconds between two finished rounds, as most lay apart; of no name.
    pub(in crate::store) usual_period_s: Option<i64>,
    /// The first finished one, and the last.
    pub(in crate::store) first_at: Option<DateTime<Utc>>,
    pub(in crate::store) last_at: Option<DateTime<Utc>>,
    /// The finished rounds around the longest stretch without one.
    pub(in crate::store) gap_from: Option<DateTime<Utc>>,
    pub(in crate::store) gap_to: Option<DateTime<Utc>>,
}

impl Store {
    /// The rounds of every group that ever judged this name, whether or not any was due in the window; without a name, those
    /// of every group that had one due. By vantage and group. A name's past does not tell how late they were, so that is counted
    /// only without one.
    pub(in crate::store) async fn rounds_counted(
        &self,
        name: Option<&DnsName>,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
    ) -> Result<Vec<Counted>, StoreError> {
        // Rounds are read in the order of their key, once for each thing that is told of them, and are never sorted: years of
        // them take a long time to sort.
        let rows = sqlx::query!(
            r#"-- rounds_counted
            with place as (
                select distinct vantage_id, group_name
                from verdict_span join series using (series_id) join question using (question_id)
                where question.name = $3
                union all
                select distinct vantage_id, group_name from round where $3::text is null and due_at between $1 and $2
            )
            select vantage.name as vantage, group_name as "group!",
                finished as "finished!", missed as "missed!", abandoned as "abandoned!", running as "running!", late as "late!",
                extract(epoch from usual.step)::bigint as usual_s, first_at, last_at, gap.before as gap_from,
                gap.after as "gap_to?"
            from place join vantage using (vantage_id)
                cross join lateral (
                    select count(*) filter (where status = 'finished') as finished,
                        count(*) filter (where status = 'missed') as missed,
                        count(*) filter (where status = 'abandoned') as abandoned,
                        count(*) filter (where status = 'running') as running,
                        min(due_at) filter (where status = 'finished') as first_at,
                        max(due_at) filter (where status = 'finished') as last_at
                    from round
                    where vantage_id = place.vantage_id and group_name = place.group_name and due_at between $1 and $2
                ) as counted
                left join lateral (
                    select before, due_at as after
                    from (
                        select due_at, lag(due_at) over (order by due_at) as before
                        from round
                        where vantage_id = place.vantage_id and group_name = place.group_name and due_at between $1 and $2
                            and status = 'finished'
                    ) as finished
                    where before is not null
                    order by due_at - before desc, due_at limit 1
                ) as gap on true
                left join lateral (
                    select step
                    from (
                        select step, sum(count(*)) over (order by step) as up_to, sum(count(*)) over () as total
                        from (
                            select due_at - lag(due_at) over (order by due_at) as step
                            from round
                            where $3::text is null and vantage_id = place.vantage_id and group_name = place.group_name
                                and due_at between $1 and $2 and status = 'finished'
                        ) as finished
                        where step is not null
                        group by step
                    ) as each
                    where up_to * 2 >= total
                    order by step limit 1
                ) as usual on true
                cross join lateral (
                    select count(*) as late from round
                    where $3::text is null and vantage_id = place.vantage_id and group_name = place.group_name
                        and due_at between $1 and $2 and status = 'finished' and finished_at - due_at > usual.step
                ) as after_the_next
            order by vantage.name, group_name"#,
            from,
            to,
            name.map(DnsName::as_str)
        )
        .fetch_all(&self.pool)
        .await?;
        let count = |stored| columns::number("count", stored);
        let counted = rows.into_iter().map(|row| {
            Ok(Counted {
                vantage: row.vantage,
                group: row.group,
                finished: count(row.finished)?,
                missed: count(row.missed)?,
                abandoned: count(row.abandoned)?,
                running: count(row.running)?,
                late: count(row.late)?,
                usual_period_s: row.usual_s,
                first_at: row.first_at,
                last_at: row.last_at,
                gap_from: row.gap_from,
                gap_to: row.gap_to,
            })
        });
        counted.collect()
    }
}
