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

use super::{
    RecordedSpan, Store, StoreError,
    apart::Apart,
    columns, copied,
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

/// Runs for each series up to which reading all of them takes less than having the server leave out all but the last.
const VERY_FEW_RUNS: f32 = 1.5;

/// The same up to which going through all of them takes less than looking for the last of each: of 40,000 series that had one
/// or two, 17 ms against 270 ms.
const FEW_RUNS: f32 = 8.0;

/// Answers for each series up to which all of them are read at once, beside the runs, and not those alone that runs lead to.
const FEW_ANSWERS: f32 = 1.5;

/// States that are put together in two halves at the same time.
const MANY: usize = 4_096;

/// When a verdict stood, as `verdict_span_time_index` has it.
const STOOD: &str = "tstzrange(since, case when until < since then since else until end)";

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

impl Known {
    /// The last row of each backend, with the place of its series: by question, source and vantage, then by site.
    fn in_order(&self) -> Result<Vec<(Place, usize)>, StoreError> {
        let placed = self.rows.iter().enumerate();
        let placed = placed.map(|(nth, row)| Ok((self.referred.place(row)?, nth)));
        let mut placed = placed.collect::<Result<Vec<_>, StoreError>>()?;
        let row = |nth: &usize| &self.rows[*nth];
        placed.sort_unstable_by(|(one, nth), (other, next)| {
            let (this, that) = (row(nth), row(next));
            let place = one.cmp(other).then_with(|| this.site.cmp(&that.site));
            place.then_with(|| that.first_seen.cmp(&this.first_seen))
        });
        placed
            .dedup_by(|(one, nth), (other, next)| one == other && row(nth).site == row(next).site);
        Ok(placed)
    }

    fn states(
        &self,
        placed: &[(Place, usize)],
        at: DateTime<Utc>,
    ) -> Result<Vec<StateRow>, StoreError> {
        let states = placed.iter().map(|(place, nth)| {
            let row = &self.rows[*nth];
            Ok(StateRow {
                age_seconds: (at - row.last_seen).num_seconds().max(0),
                verdict: self.verdicts.get(&row.series_id).cloned(),
                span: self.referred.read_at(*place, row)?,
            })
        });
        states.collect()
    }
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
        let known = match name {
            Some(name) => Box::pin(self.known_of(at, name)).await?,
            None => Box::pin(self.known_of_all(at)).await?,
        };
        let mut placed = known.in_order()?;
        if placed.len() < MANY {
            return known.states(&placed, at);
        }
        let second = placed.split_off(placed.len() / 2);
        let known = Arc::new(known);
        let beside = Arc::clone(&known);
        let second = Apart::begin(async move { beside.states(&second, at) });
        let mut states = known.states(&placed, at)?;
        states.extend(second.ended().await?);
        Ok(states)
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

    async fn known_of_all(&self, at: DateTime<Utc>) -> Result<Known, StoreError> {
        let store = self.clone();
        let verdicts = Apart::begin(async move { store.verdicts_at(at, None).await });
        let [runs, answers] = self.each_series().await?;
        let store = self.clone();
        let rows = Apart::begin(async move { store.latest_runs(at, runs).await });
        let series = referred::all_series(&self.pool).await?;
        let answers = match answers {
            Some(..=FEW_ANSWERS) => referred::all_answers(&self.pool).await?,
            _ => Vec::new(),
        };
        let rows = rows.ended().await?;
        Ok(Known {
            referred: Referred::beside(series, answers, &self.pool, &rows).await?,
            rows,
            verdicts: verdicts.ended().await?,
        })
    }

    /// The last run of each backend that began by `at`, in no order; where there are very few, every run that did.
    async fn latest_runs(
        &self,
        at: DateTime<Utc>,
        runs_a_series: Option<f32>,
    ) -> Result<Vec<Row>, StoreError> {
        match runs_a_series {
            Some(..=VERY_FEW_RUNS) => self.every_run(at).await,
            Some(..=FEW_RUNS) => self.latest_in_one_pass(at).await,
            _ => self.latest_by_steps(at, None).await,
        }
    }

    /// How many runs there are for each series, and how many answers, by what the server knows of its tables; `None` where it
    /// knows nothing yet: then they are small.
    async fn each_series(&self) -> Result<[Option<f32>; 2], StoreError> {
        let each = sqlx::query!(
            "-- each_series
            select nullif(run.reltuples, -1) / asked.reltuples as runs, nullif(answer.reltuples, -1) / asked.reltuples as answers
            from pg_class as run, pg_class as answer, pg_class as asked
            where run.oid = 'span'::regclass and answer.oid = 'answer'::regclass and asked.oid = 'series'::regclass
                and asked.reltuples > 0"
        );
        let each = each.fetch_optional(&self.pool).await?;
        Ok(each.map_or([None; 2], |each| [each.runs, each.answers]))
    }

    async fn every_run(&self, at: DateTime<Utc>) -> Result<Vec<Row>, StoreError> {
        let from = format!("span where first_seen <= {}", copied::instant(at));
        read::rows(&self.pool, "every_run", ["", &from]).await
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
            "select series_id, group_name, state, severity, flags, since, reason
            from verdict_span
            where {} {STOOD} @> {}::timestamptz",
            of_series.unwrap_or_default(),
            copied::instant(at)
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
