//! Rounds counted, by vantage and group: what became of those that were due within a window.
//!
//! Deliberately absent: when it was watched, and gaps.

use chrono::{DateTime, Utc};

use super::Watched;
use crate::store::{Store, StoreError, columns};

impl Store {
    /// The rounds of every group that had one due in the window, by vantage and group; when it was watched is left open.
    pub(super) async fn rounds_counted(
        &self,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
    ) -> Result<Vec<Watched>, StoreError> {
        // Rounds are read in the order of their key, once for each thing that is told of them, and are never sorted: years of
        // them take a long time to sort.
        let rows = sqlx::query!(
            r#"-- rounds_counted
            with place as (
                select distinct vantage_id, group_name from round where due_at between $1 and $2
            )
            select vantage.name as vantage, group_name as "group!",
                finished as "finished!", missed as "missed!", abandoned as "abandoned!", running as "running!", late as "late!",
                extract(epoch from usual.step)::bigint as usual_s
            from place join vantage using (vantage_id)
                cross join lateral (
                    select count(*) filter (where status = 'finished') as finished,
                        count(*) filter (where status = 'missed') as missed,
                        count(*) filter (where status = 'abandoned') as abandoned,
                        count(*) filter (where status = 'running') as running
                    from round
                    where vantage_id = place.vantage_id and group_name = place.group_name and due_at between $1 and $2
                ) as counted
                left join lateral (
                    select step
                    from (
                        select step, sum(count(*)) over (order by step) as up_to, sum(count(*)) over () as total
                        from (
                            select due_at - lag(due_at) over (order by due_at) as step
                            from round
                            where vantage_id = place.vantage_id and group_name = place.group_name
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
                    where vantage_id = place.vantage_id and group_name = place.group_name
                        and due_at between $1 and $2 and status = 'finished' and finished_at - due_at > usual.step
                ) as after_the_next
            order by vantage.name, group_name"#,
            from,
            to
        )
        .fetch_all(&self.pool)
        .await?;
        let count = |stored| columns::number("count", stored);
        let counted = rows.into_iter().map(|row| {
            Ok(Watched {
                vantage: row.vantage,
                group: row.group,
                finished: count(row.finished)?,
                missed: count(row.missed)?,
                abandoned: count(row.abandoned)?,
                running: count(row.running)?,
                late: count(row.late)?,
                usual_period_s: row.usual_s,
                watched_s: 0,
                stretches: Vec::new(),
            })
        });
        counted.collect()
    }
}
