//! Every source's answer as of an instant.
//!
//! Deliberately absent: guessing. A source that was not asked for long is shown with the age of its last sample.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Duration,
};

use chrono::{DateTime, Utc};
use serde::Serialize;
use tokio_util::task::AbortOnDropHandle;

use super::{
    RecordedSpan, Store, StoreError, columns, copied,
    referred::{self, Place, distinct},
    spans::read::{self, OfName, Referred, Row},
};
use crate::{
    audit::{ledger::MOST_APART, verdict::State},
    names::DnsName,
    types::{Pool, Severity},
};

/// Rounds for which a verdict stands without a new sample.
const ROUNDS_KNOWN: u32 = 3;

/// [`crate::audit::verdict::VerdictFlag::Throttled`] as it is stored.
const THROTTLED: &str = "throttled";

/// Runs for each series up to which reading all of them takes less than looking for the last of each: of 40,000 series that
/// had one or two, 17 ms against 270 ms.
const FEW_RUNS: f32 = 8.0;

/// What one backend said as of an instant, and what was made of it then.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StateRow {
    /// The run that was the latest at the instant. Its counts and ends may reach beyond it.
    #[serde(flatten)]
    pub span: RecordedSpan,
    /// Seconds from the run's last sample to the instant; 0 where the run went on beyond it.
    pub age_seconds: i64,
    /// The worst verdict in force for the question at that address; `None` for authorities, and before the first.
    pub verdict: Option<Arc<StateVerdict>>,
}

/// A verdict in force.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StateVerdict {
    /// The group whose policy it was judged by.
    pub group: Arc<str>,
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

/// What states are made of.
struct Known {
    rows: Vec<Row>,
    referred: Referred,
    verdicts: HashMap<i32, Arc<StateVerdict>>,
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
            .get(&*verdict.group)
            .map(|period| *period * ROUNDS_KNOWN + apart);
        if limit.is_some_and(|limit| silence > limit) {
            let verdict = Arc::make_mut(verdict);
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
        let Known {
            rows,
            referred,
            verdicts,
        } = match name {
            Some(name) => Box::pin(self.known_of(at, name)).await?,
            None => Box::pin(self.known_of_all(at)).await?,
        };
        let states = in_order(&rows, &referred)?.into_iter();
        let states = states.map(|(place, row)| {
            Ok(StateRow {
                age_seconds: (at - row.last_seen).num_seconds().max(0),
                verdict: verdicts.get(&row.series_id).cloned(),
                span: referred.read_at(place, row)?,
            })
        });
        states.collect()
    }

    async fn known_of(&self, at: DateTime<Utc>, name: &DnsName) -> Result<Known, StoreError> {
        let rows = self.latest_by_steps(at, Some(name)).await?;
        let series = distinct(rows.iter().map(|row| row.series_id));
        Ok(Known {
            verdicts: self.verdicts_at(at, Some(&series)).await?,
            referred: Referred::by(&self.pool, &rows).await?,
            rows,
        })
    }

    /// In two tasks: reading the rows takes as long as reading all the rest.
    async fn known_of_all(&self, at: DateTime<Utc>) -> Result<Known, StoreError> {
        let store = self.clone();
        let rows = tokio::spawn(async move { store.latest_runs(at).await });
        let rows = AbortOnDropHandle::new(rows);
        let series = referred::all_series(&self.pool).await?;
        let verdicts = self.verdicts_at(at, None).await?;
        let rows = rows
            .await
            .map_err(|error| StoreError::unreadable("state", error))??;
        Ok(Known {
            referred: Referred::beside(series, &self.pool, &rows).await?,
            rows,
            verdicts,
        })
    }

    /// The last run of each backend that began by `at`, in no order.
    async fn latest_runs(&self, at: DateTime<Utc>) -> Result<Vec<Row>, StoreError> {
        if self.has_few_runs().await? {
            self.latest_in_one_pass(at).await
        } else {
            self.latest_by_steps(at, None).await
        }
    }

    /// Whether it takes less to read every run there is than to look for each backend's last. By what the server knows of its
    /// tables; where it knows nothing yet they are small.
    async fn has_few_runs(&self) -> Result<bool, StoreError> {
        let few = sqlx::query_scalar!(
            r#"-- has_few_runs
            select run.reltuples between 0 and $1::real * asked.reltuples as "few!"
            from pg_class as run, pg_class as asked
            where run.oid = 'span'::regclass and asked.oid = 'series'::regclass"#,
            FEW_RUNS
        );
        Ok(few.fetch_one(&self.pool).await?)
    }

    /// Goes backwards through the index, which has the runs of a backend side by side: nothing is sorted.
    async fn latest_in_one_pass(&self, at: DateTime<Utc>) -> Result<Vec<Row>, StoreError> {
        let from = format!(
            "span where first_seen <= {} order by series_id desc, site desc, first_seen desc",
            copied::instant(at)
        );
        let which = ["distinct on (series_id, site)", &from];
        read::rows(&self.pool, "latest_in_one_pass", which).await
    }

    /// Steps from site to site by the index, then takes the last run of each: no run is read in vain.
    async fn latest_by_steps(
        &self,
        at: DateTime<Utc>,
        name: Option<&DnsName>,
    ) -> Result<Vec<Row>, StoreError> {
        let asked = match name {
            None => "select series_id from series".to_owned(),
            Some(name) => format!(
                "select unnest({}::integer[]) as series_id",
                copied::keys(&self.series_of_name(OfName::any(name)).await?)
            ),
        };
        let from = format!(
            "(
                with recursive asked as ({asked}), backend as (
                    select series_id, (select min(site) from span where span.series_id = asked.series_id) as site from asked
                    union all
                    select series_id, (
                        select min(site) from span where span.series_id = backend.series_id and span.site > backend.site
                    )
                    from backend where site is not null
                )
                select last.*
                from backend cross join lateral (
                    select * from span
                    where span.series_id = backend.series_id and span.site = backend.site and first_seen <= {}
                    order by first_seen desc limit 1
                ) as last
            ) as latest",
            copied::instant(at)
        );
        read::rows(&self.pool, "latest_by_steps", ["", &from]).await
    }

    /// The worst verdict in force, by series: of these, or of all. Of several that are as bad, the one that stands longest.
    async fn verdicts_at(
        &self,
        at: DateTime<Utc>,
        series: Option<&[i32]>,
    ) -> Result<HashMap<i32, Arc<StateVerdict>>, StoreError> {
        let of_series =
            series.map(|series| format!("series_id = any({}) and", copied::keys(series)));
        let query = format!(
            "select series_id, group_name, state, severity, flags, since, evidence ->> 'reason'
            from verdict_span
            where {} since <= {at} and (until is null or until > {at})",
            of_series.unwrap_or_default(),
            at = copied::instant(at)
        );
        let mut groups = Pool::default();
        let mut worst: HashMap<i32, Arc<StateVerdict>> = HashMap::new();
        copied::rows(&self.pool, "verdicts_at", &query, |columns| {
            let series = columns.integer()?;
            let verdict = StateVerdict::copied(columns, &mut groups)?;
            let kept = worst.get(&series);
            if kept.is_none_or(|kept| verdict.is_before(kept)) {
                worst.insert(series, Arc::new(verdict));
            }
            Ok(())
        })
        .await?;
        Ok(worst)
    }
}

impl StateVerdict {
    fn copied(
        columns: &mut copied::Columns<'_>,
        groups: &mut Pool<str>,
    ) -> Result<Self, StoreError> {
        Ok(Self {
            group: columns.shared(groups)?,
            state: columns::variant_from_text("state", columns.text()?)?,
            severity: columns::variant_from_text("severity", columns.text()?)?,
            flags: columns.texts()?,
            since: columns.instant()?,
            reason: columns.text_or_null()?.unwrap_or_default().to_owned(),
        })
    }

    fn is_before(&self, other: &Self) -> bool {
        let key = |verdict: &Self| (Reverse(verdict.severity), verdict.since);
        key(self) < key(other)
    }
}

/// The rows with the places of their series: by question, source and vantage, then by site.
fn in_order<'r>(rows: &'r [Row], referred: &Referred) -> Result<Vec<(Place, &'r Row)>, StoreError> {
    let placed = rows.iter().map(|row| Ok((referred.place(row)?, row)));
    let mut placed = placed.collect::<Result<Vec<_>, StoreError>>()?;
    placed.sort_unstable_by(|(one, row), (other, next)| {
        one.cmp(other).then_with(|| row.site.cmp(&next.site))
    });
    Ok(placed)
}
