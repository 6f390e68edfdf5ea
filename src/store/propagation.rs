//! Who saw a change when: how the caches of the world followed the authority.
//!
//! A change is a value that an authoritative server serves and none served just before. A backend has followed at its first
//! sight of the new value after its last of any other. Deliberately absent: whether it should have been faster, which is a
//! verdict's to say.

use std::{collections::BTreeMap, net::SocketAddr, sync::Arc};

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::{
    RecordedSpan, Store, StoreError, copied,
    spans::read::{self, OfName},
    timeline::{TimelineQuery, end_of_time},
};
use crate::types::{Answer, Question, Source, SourceKind, Span};

/// One change of one question, and who followed when.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Propagation {
    /// The vantage it was seen from.
    pub vantage: String,
    /// What changed.
    pub question: Question,
    /// What the authority serves from then on.
    pub to: Arc<Answer>,
    /// The first sight of it at an authoritative server.
    pub changed_at: DateTime<Utc>,
    /// When each authoritative server was first seen with it, in that order.
    pub servers: Vec<FollowedServer>,
    /// Until when this is told: the authority's next change; `None` where there was none.
    pub ended_at: Option<DateTime<Utc>>,
    /// Seconds from the change until half of the backends had followed; `None` where they never were.
    pub t50_s: Option<i64>,
    /// The same of 95 of 100.
    pub t95_s: Option<i64>,
    /// The same of all.
    pub t100_s: Option<i64>,
    /// The backends that had served something else, in order of following; those that never followed, last.
    pub backends: Vec<Followed>,
}

/// A server of the authority.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FollowedServer {
    /// Its host name.
    pub server: String,
    /// Its address.
    pub address: SocketAddr,
    /// First seen with the value.
    pub at: DateTime<Utc>,
}

/// A backend of a resolver.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Followed {
    /// The resolver's id.
    pub resolver: String,
    /// The address asked.
    pub address: SocketAddr,
    /// The backend by NSID; `None` where it does not say.
    pub site: Option<Arc<str>>,
    /// The last sight of another value; `None` where none was seen after the change.
    pub last_other: Option<DateTime<Utc>>,
    /// The first sight of the new value after it; `None` where there was none before the next change.
    pub at: Option<DateTime<Utc>>,
    /// Seconds from the change to that.
    pub after_s: Option<i64>,
}

/// A change before it is looked up who followed.
struct Step<'a> {
    vantage: &'a str,
    /// The first sight of the value.
    first: &'a Span,
    ended_at: Option<DateTime<Utc>>,
    servers: Vec<FollowedServer>,
}

/// A question, and where it is asked from.
type Asked<'a> = (&'a Question, &'a str);

impl Store {
    /// Every change within the window, by question and instant. The resolver of the query is taken into account.
    pub async fn propagation(&self, query: &TimelineQuery) -> Result<Vec<Propagation>, StoreError> {
        let served = self.spans_served(query).await?;
        let steps = all_steps(&served, |at| {
            query.from.is_none_or(|from| at >= from) && query.to.is_none_or(|to| at <= to)
        });
        let began = steps.iter().map(|step| step.first.first_seen).min();
        let ended = steps
            .iter()
            .map(|step| step.ended_at.unwrap_or(end_of_time()))
            .max();
        let (Some(began), Some(ended)) = (began, ended) else {
            return Ok(Vec::new());
        };
        let heard = self.spans_that_follow(query, began, ended).await?;
        let heard = by_question(&heard);
        let told = steps.into_iter().map(|step| {
            let asked = (&step.first.series.question, step.vantage);
            let spans = heard.get(&asked).map(Vec::as_slice).unwrap_or_default();
            step.told(spans)
        });
        Ok(told.collect())
    }

    /// All that authoritative servers ever said as their own word: what was served before a window says whether its first
    /// value is a change, and what comes after it when the last one ended. In order of first sight.
    async fn spans_served(&self, query: &TimelineQuery) -> Result<Vec<RecordedSpan>, StoreError> {
        let which = OfName::asked(query).at(SourceKind::Authority);
        let series = self.series_of_name(which).await?;
        let from = format!(
            "span where series_id = any({}) and authoritative",
            copied::keys(&series)
        );
        let rows = read::rows(&self.pool, "spans_served", ["", &from]).await?;
        self.spans_of_rows(rows).await
    }

    /// What resolvers said between the two instants, and the first of each answer of each backend: whoever had said something
    /// else before had something to follow from. In order of first sight.
    async fn spans_that_follow(
        &self,
        query: &TimelineQuery,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
    ) -> Result<Vec<RecordedSpan>, StoreError> {
        let which = OfName::asked(query).at(SourceKind::Resolver);
        let series = self.series_of_name(which).await?;
        let numbered = format!(
            "(
                select span.*, row_number() over (partition by series_id, site, answer_id order by first_seen) as nth
                from span where series_id = any({}) and first_seen <= {}
            ) as run
            where last_seen >= {} or nth = 1",
            copied::keys(&series),
            copied::instant(to),
            copied::instant(from)
        );
        let rows = read::rows(&self.pool, "spans_that_follow", ["", &numbered]).await?;
        self.spans_of_rows(rows).await
    }
}

fn by_question(spans: &[RecordedSpan]) -> BTreeMap<Asked<'_>, Vec<&Span>> {
    let mut questions: BTreeMap<Asked<'_>, Vec<&Span>> = BTreeMap::new();
    for RecordedSpan { vantage, span } in spans {
        let asked = (&span.series.question, &**vantage);
        questions.entry(asked).or_default().push(span);
    }
    questions
}

/// The changes that began when they were asked for, by question and instant. `served` in order of first sight.
fn all_steps(
    served: &[RecordedSpan],
    is_asked_for: impl Fn(DateTime<Utc>) -> bool,
) -> Vec<Step<'_>> {
    let mut told = Vec::new();
    for ((_, vantage), spans) in by_question(served) {
        let served: Vec<&Span> = spans
            .into_iter()
            .filter(|span| span.answer.is_data())
            .collect();
        let firsts = steps(&served);
        let ends = firsts.iter().skip(1).map(|step| Some(step.first_seen));
        // Nothing is known from before the first: it is no change.
        let changes = firsts.iter().copied().zip(ends.chain([None])).skip(1);
        let asked_for = changes.filter(|(first, _)| is_asked_for(first.first_seen));
        told.extend(asked_for.map(|(first, ended_at)| Step {
            vantage,
            first,
            ended_at,
            servers: servers(first, ended_at, &served),
        }));
    }
    told
}

impl Step<'_> {
    /// `heard`: what resolvers said to its question.
    fn told(self, heard: &[&Span]) -> Propagation {
        let backends = followed(self.first, self.ended_at, heard);
        let share = |percent| reached(&backends, percent);
        Propagation {
            vantage: self.vantage.to_owned(),
            question: self.first.series.question.clone(),
            to: Arc::clone(&self.first.answer),
            changed_at: self.first.first_seen,
            servers: self.servers,
            ended_at: self.ended_at,
            t50_s: share(50),
            t95_s: share(95),
            t100_s: share(100),
            backends,
        }
    }
}

/// The first span of each value in turn. A server that comes late with the value of another begins nothing, nor does one
/// that goes on after a silence.
fn steps<'a>(served: &[&'a Span]) -> Vec<&'a Span> {
    let mut steps: Vec<&Span> = Vec::new();
    let mut latest: BTreeMap<&Source, &Answer> = BTreeMap::new();
    for (index, span) in served.iter().enumerate() {
        let known = match latest.insert(&span.series.source, &span.answer) {
            Some(own) => *own == *span.answer,
            None => served[..index]
                .iter()
                .any(|other| other.answer == span.answer),
        };
        let newest = steps.last().map(|step| &step.answer);
        if !known && newest != Some(&span.answer) {
            steps.push(span);
        }
    }
    steps
}

fn before(end: Option<DateTime<Utc>>, at: DateTime<Utc>) -> bool {
    end.is_none_or(|end| at < end)
}

fn servers(step: &Span, end: Option<DateTime<Utc>>, served: &[&Span]) -> Vec<FollowedServer> {
    let mut servers: Vec<FollowedServer> = Vec::new();
    for span in served {
        let source = &span.series.source;
        let is_it = span.answer == step.answer
            && span.first_seen >= step.first_seen
            && before(end, span.first_seen);
        if is_it && servers.iter().all(|one| one.address != source.address) {
            servers.push(FollowedServer {
                server: source.id.clone(),
                address: source.address,
                at: span.first_seen,
            });
        }
    }
    servers
}

fn followed(step: &Span, end: Option<DateTime<Utc>>, spans: &[&Span]) -> Vec<Followed> {
    let mut backends: BTreeMap<_, Vec<&Span>> = BTreeMap::new();
    for span in spans.iter().filter(|span| span.answer.is_data()) {
        let backend = (&span.series.source, &span.site);
        backends.entry(backend).or_default().push(span);
    }
    let mut followed: Vec<Followed> = backends
        .into_values()
        .filter_map(|runs| follow(step, end, &runs))
        .collect();
    followed.sort_by_key(|one| (one.at.is_none(), one.at));
    followed
}

/// `None` for a backend that was never seen with anything else: it had nothing to follow from.
fn follow(step: &Span, end: Option<DateTime<Utc>>, runs: &[&Span]) -> Option<Followed> {
    // A resolver's chain may go on where the authority's ends, in another zone.
    let is_new = |run: &Span| run.answer.links.starts_with(&step.answer.links);
    let others = runs
        .iter()
        .filter(|run| !is_new(run) && before(end, run.first_seen));
    let last_other = others.map(|run| end.map_or(run.last_seen, |end| run.last_seen.min(end)));
    let last_other = last_other.max()?;
    let last_other = Some(last_other).filter(|last| *last >= step.first_seen);
    let since = last_other.unwrap_or(step.first_seen);
    let first_new = runs
        .iter()
        .filter(|run| is_new(run) && run.last_seen >= since)
        .map(|run| run.first_seen.max(since));
    let at = first_new.min().filter(|at| before(end, *at));
    let run = runs.first()?;
    Some(Followed {
        resolver: run.series.source.id.clone(),
        address: run.series.source.address,
        site: run.site.clone(),
        last_other,
        at,
        after_s: at.map(|at| (at - step.first_seen).num_seconds()),
    })
}

/// Seconds until that share had followed. `backends` in order of following.
fn reached(backends: &[Followed], percent: usize) -> Option<i64> {
    let needed = (backends.len() * percent).div_ceil(100);
    backends.get(needed.checked_sub(1)?)?.after_s
}
