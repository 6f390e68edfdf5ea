//! Every source's answer as of an instant.
//!
//! Deliberately absent: guessing. A source that was not asked for long is shown with the age of its last sample.

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::{RecordedSpan, Store, StoreError, columns};
use crate::{
    audit::{ledger::MOST_APART, verdict::State},
    names::DnsName,
    types::Severity,
};

/// Rounds for which a verdict stands without a new sample.
const ROUNDS_KNOWN: u32 = 3;

/// [`crate::audit::verdict::VerdictFlag::Throttled`] as it is stored.
const THROTTLED: &str = "throttled";

/// What one backend said as of an instant, and what was made of it then.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StateRow {
    /// The run that was the latest at the instant. Its counts and ends may reach beyond it.
    #[serde(flatten)]
    pub span: RecordedSpan,
    /// Seconds from the run's last sample to the instant; 0 where the run went on beyond it.
    pub age_seconds: i64,
    /// The worst verdict in force for the question at that address; `None` for authorities, and before the first.
    pub verdict: Option<StateVerdict>,
}

/// A verdict in force.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StateVerdict {
    /// The group whose policy it was judged by.
    pub group: String,
    /// The state.
    pub state: State,
    /// How much it matters.
    pub severity: Severity,
    /// Remarks beside the state.
    pub flags: Vec<String>,
    /// The round that first gave it.
    pub since: DateTime<Utc>,
    /// One sentence, of the first round.
    pub reason: String,
}

impl StateRow {
    /// The same; `unknown` where nothing came from the source within three rounds before the instant: what was said of it
    /// then stands no more. What is throttled stands for longer, by as much as its questions may lie apart. `periods`: the
    /// longest time between two rounds, by group; other groups are left as they are.
    #[must_use]
    pub fn or_unknown(mut self, periods: &BTreeMap<String, Duration>) -> Self {
        let Some(verdict) = &mut self.verdict else {
            return self;
        };
        let silence = Duration::from_secs(self.age_seconds.unsigned_abs());
        let is_throttled = verdict.flags.iter().any(|flag| flag == THROTTLED);
        let apart = if is_throttled {
            MOST_APART
        } else {
            Duration::ZERO
        };
        let limit = periods
            .get(&verdict.group)
            .map(|period| *period * ROUNDS_KNOWN + apart);
        if limit.is_some_and(|limit| silence > limit) {
            verdict.state = State::Unknown;
            verdict.severity = Severity::None;
            verdict.flags.clear();
            verdict.since = self.span.span.last_seen;
            "nothing came from it within three rounds".clone_into(&mut verdict.reason);
        }
        self
    }
}

impl Store {
    /// The latest answer of every source and site at `at`, of one name or of all: by question, then source, then site.
    pub async fn state_at(
        &self,
        at: DateTime<Utc>,
        name: Option<&DnsName>,
    ) -> Result<Vec<StateRow>, StoreError> {
        // Walks from site to site by the index, then takes the last run of each: no run is read in vain.
        let rows = sqlx::query!(
            r#"-- state_at
            with recursive asked as (
                select series_id from series join question using (question_id) where $2::text is null or name = $2
            ), backend as (
                select series_id, (select min(site) from span where span.series_id = asked.series_id) as site from asked
                union all
                select series_id, (
                    select min(site) from span where span.series_id = backend.series_id and span.site > backend.site
                )
                from backend where site is not null
            )
            select last.span_id as "span_id!", series_id as "series_id!"
            from backend cross join lateral (
                select span_id from span
                where span.series_id = backend.series_id and span.site = backend.site and first_seen <= $1
                order by first_seen desc limit 1
            ) as last"#,
            at,
            name.map(DnsName::as_str)
        )
        .fetch_all(&self.pool)
        .await?;
        let series: HashMap<_, _> = rows
            .iter()
            .map(|row| (row.span_id, row.series_id))
            .collect();
        let ids: Vec<_> = series.keys().copied().collect();
        let verdicts = self
            .verdicts_at(at, series.values().copied().collect())
            .await?;
        let mut states: Vec<_> = self
            .read_spans(&ids)
            .await?
            .into_iter()
            .map(|(id, span)| StateRow {
                age_seconds: (at - span.span.last_seen).num_seconds().max(0),
                verdict: series.get(&id).and_then(|id| verdicts.get(id)).cloned(),
                span,
            })
            .collect();
        states.sort_by(|one, other| place(one).cmp(&place(other)));
        Ok(states)
    }

    /// The worst verdict in force, by series.
    async fn verdicts_at(
        &self,
        at: DateTime<Utc>,
        series: Vec<i32>,
    ) -> Result<HashMap<i32, StateVerdict>, StoreError> {
        let rows = sqlx::query!(
            "-- verdicts_at
            select series_id, group_name, state, severity, flags, since, evidence ->> 'reason' as reason
            from verdict_span
            where series_id = any($1) and since <= $2 and (until is null or until > $2)
            order by since",
            &series,
            at
        )
        .fetch_all(&self.pool)
        .await?;
        let mut worst: HashMap<i32, StateVerdict> = HashMap::new();
        for row in rows {
            let verdict = StateVerdict {
                group: row.group_name,
                state: columns::variant_from_text("state", row.state)?,
                severity: columns::variant_from_text("severity", row.severity)?,
                flags: row.flags,
                since: row.since,
                reason: row.reason.unwrap_or_default(),
            };
            let kept = worst.get(&row.series_id).map(|kept| kept.severity);
            if kept.is_none_or(|kept| verdict.severity > kept) {
                worst.insert(row.series_id, verdict);
            }
        }
        Ok(worst)
    }
}

fn place(row: &StateRow) -> (&crate::types::SeriesKey, &str, Option<&str>) {
    let span = &row.span.span;
    (&span.series, &row.span.vantage, span.site.as_deref())
}
