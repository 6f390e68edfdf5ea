//! How far a declared change has come: done at the first instant when every backend gives the new value and no cache can
//! hold the old one any more.
//!
//! Told from spans alone. Deliberately absent: whether what is held is legal, which is a verdict's business.

use std::{collections::BTreeMap, sync::Arc};

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::Change;
use crate::types::{Question, SeriesKey, Source, SourceKind, Span};

/// A source that was last asked so long before the others is asked no more: what it may hold still counts, not its silence.
const STILL_ASKED: TimeDelta = TimeDelta::hours(1);

/// Where a change stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// It is not due yet, and no authority serves it.
    Planned,
    /// It is due, and no authority serves it.
    Waiting,
    /// Authorities serve it; somebody still gives, or may still give, the old value.
    UnderWay,
    /// Over everywhere.
    Done,
    /// No round asks for its names.
    Unwatched,
}

impl Stage {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Planned => "planned",
            Self::Waiting => "waiting",
            Self::UnderWay => "under_way",
            Self::Done => "done",
            Self::Unwatched => "unwatched",
        }
    }
}

/// Who still gives, or may still give, an old value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// Seen from here.
    pub vantage: String,
    /// What was asked.
    pub question: Question,
    /// Whom; an authority that lags behind holds, too.
    pub source: Arc<Source>,
    /// The backend, by NSID.
    pub site: Option<Arc<str>>,
    /// The old answer in one line.
    pub answer: String,
    /// When it was last seen there.
    pub last_seen: DateTime<Utc>,
    /// Until when it may be held, as far as was seen.
    pub until: DateTime<Utc>,
}

/// How far a change has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// Where it stands.
    pub stage: Stage,
    /// When an authority was first seen with the new value.
    pub served_since: Option<DateTime<Utc>>,
    /// When it was over everywhere.
    pub done_at: Option<DateTime<Utc>>,
    /// Who holds an old value, the longest last.
    pub held: Vec<Holder>,
}

/// How far a change has come by `now`, told from the spans of its questions, each with its vantage.
pub fn progress<'a>(
    change: &Change,
    spans: impl IntoIterator<Item = (&'a str, &'a Span)>,
    now: DateTime<Utc>,
) -> Progress {
    let mut places: BTreeMap<(&str, &SeriesKey), Runs> = BTreeMap::new();
    let mut newest: Option<DateTime<Utc>> = None;
    for (vantage, span) in spans {
        if !is_about(change, span) {
            continue;
        }
        newest = newest.max(Some(span.last_seen));
        let runs = places.entry((vantage, &span.series)).or_default();
        let is_new = span.answer.links.iter();
        let mut is_new = is_new.map(|link| &link.value);
        if is_new.any(|value| change.to.covers(value)) {
            runs.new.push(span);
        } else {
            runs.old.push(span);
        }
    }
    let served = places
        .iter()
        .filter(|((_, series), _)| series.source.kind == SourceKind::Authority)
        .flat_map(|(_, runs)| &runs.new);
    let served_since = served.map(|span| span.first_seen).min();
    let still_asked = newest.map(|newest| newest - STILL_ASKED);
    let mut held: Vec<Holder> = places
        .iter()
        .flat_map(|((vantage, _), runs)| {
            let holding = runs.holding(still_asked, now).into_iter();
            holding.map(|span| holder(vantage, span))
        })
        .collect();
    held.sort_by_key(|one| one.until);
    let stage = match (served_since, held.is_empty()) {
        _ if places.is_empty() => Stage::Unwatched,
        (None, _) if now < change.at => Stage::Planned,
        (None, _) => Stage::Waiting,
        (Some(_), true) => Stage::Done,
        (Some(_), false) => Stage::UnderWay,
    };
    if matches!(stage, Stage::Planned | Stage::Waiting) {
        held.clear();
    }
    let settled = places.values().filter_map(Runs::settled_at).max();
    Progress {
        stage,
        served_since,
        done_at: (stage == Stage::Done)
            .then(|| settled.max(served_since))
            .flatten(),
        held,
    }
}

/// Whether a span says something of the change: data for one of its questions that was seen, or may have been held, since.
fn is_about(change: &Change, span: &Span) -> bool {
    let question = &span.series.question;
    change.names.contains(&question.name)
        && change.rtype.is_none_or(|rtype| rtype == question.rtype)
        && span.answer.is_data()
        && expires(span) >= change.at
}

fn expires(span: &Span) -> DateTime<Utc> {
    span.cached_until.unwrap_or(span.last_seen)
}

fn holder(vantage: &str, span: &Span) -> Holder {
    Holder {
        vantage: vantage.to_owned(),
        question: span.series.question.clone(),
        source: span.series.source.clone(),
        site: span.site.clone(),
        answer: span.answer.to_string(),
        last_seen: span.last_seen,
        until: expires(span),
    }
}

/// The runs of one series since the change.
#[derive(Default)]
struct Runs<'a> {
    new: Vec<&'a Span>,
    old: Vec<&'a Span>,
}

impl<'a> Runs<'a> {
    /// Of every site the old run that may be held longest, of those that may still be held, or that are what the address
    /// gave last; in the very instant of a new one, too, since two backends may have given them.
    fn holding(&self, still_asked: Option<DateTime<Utc>>, now: DateTime<Utc>) -> Vec<&'a Span> {
        let last_new = self.new.iter().map(|span| span.last_seen).max();
        let holds = |span: &&'a Span| {
            let is_last = last_new.is_none_or(|new| span.last_seen >= new);
            let is_asked = still_asked.is_none_or(|since| span.last_seen >= since);
            let gives_it = is_last && is_asked;
            let is_resolver = span.series.source.kind == SourceKind::Resolver;
            gives_it || is_resolver && now <= expires(span)
        };
        let mut holding: Vec<_> = self.old.iter().copied().filter(holds).collect();
        holding.sort_by_key(|span| (expires(span), span.last_seen));
        let by_site = holding.into_iter().map(|span| (span.site.as_deref(), span));
        by_site.collect::<BTreeMap<_, _>>().into_values().collect()
    }

    /// When the old value was over here: it could be held no more, and the new one was seen after it.
    fn settled_at(&self) -> Option<DateTime<Utc>> {
        let last_old = self.old.iter().map(|span| span.last_seen).max();
        let is_after = |span: &&&Span| last_old.is_none_or(|old| span.last_seen > old);
        let first_new = self.new.iter().filter(is_after);
        let first_new =
            first_new.map(|span| last_old.map_or(span.first_seen, |old| old.max(span.first_seen)));
        let resolvers = |span: &&&Span| span.series.source.kind == SourceKind::Resolver;
        let expired = self.old.iter().filter(resolvers);
        first_new.min().max(expired.map(|span| expires(span)).max())
    }
}
