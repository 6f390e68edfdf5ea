//! What people declare: a change of records that is to come, and a flush of a resolver's cache that was done.
//!
//! A declaration is made once and never changed; it may be withdrawn. A round is judged with those that held when it was
//! read ([`Declared::holding`]), so that the same declarations give the same verdicts again. Deliberately absent: storing
//! them, and who may make them.

mod progress;
#[cfg(test)]
mod tests;
mod values;

use std::collections::HashMap;

use chrono::{DateTime, Datelike, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    audit::history::EPSILON,
    names::DnsName,
    types::{Question, RecordType, Value},
};
pub use progress::{Holder, Progress, Stage, progress};
pub use values::Values;

/// How long a change is expected where nobody says until when: one that never comes must not hide a forgery for ever.
pub const USUAL_WINDOW: TimeDelta = TimeDelta::hours(24);

/// How long after its instant a flush may take hold everywhere: pages that flush caches work through many machines.
pub const FLUSH_TAKES: TimeDelta = TimeDelta::minutes(1);

/// Names whose records somebody is about to change, or has just changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// The names, each as it is asked for or as the owner of a link of its chain.
    pub names: Vec<DnsName>,
    /// The type asked; `None`: every type that the values fit.
    #[serde(rename = "type")]
    pub rtype: Option<RecordType>,
    /// What is right from `at` on.
    pub to: Values,
    /// What was right before; `None`: whatever is served then. For people, and for [`Declared::excuses`].
    pub from: Option<Values>,
    /// From this instant on the new value is expected.
    pub at: DateTime<Utc>,
    /// Until then: what no authority has served by this instant is expected no more.
    pub until: DateTime<Utc>,
    /// Why, for people.
    pub comment: Option<String>,
}

/// Somebody had a resolver forget names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flush {
    /// The resolver's id. `quad9` stands for `quad9+tls`, too: the cache behind them is one.
    pub resolver: String,
    /// The names that were flushed.
    pub names: Vec<DnsName>,
    /// The type that was flushed; `None`: all.
    #[serde(rename = "type")]
    pub rtype: Option<RecordType>,
    /// When.
    pub at: DateTime<Utc>,
    /// Why, for people.
    pub comment: Option<String>,
}

/// What is declared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Matter {
    /// A planned change.
    Change(Change),
    /// A flush that was done.
    Flush(Flush),
}

/// Which of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// [`Matter::Change`].
    Change,
    /// [`Matter::Flush`].
    Flush,
}

impl Kind {
    /// The word for it, in rows and JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Change => "change",
            Self::Flush => "flush",
        }
    }
}

/// Where a declaration came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Via {
    /// The command line.
    Cli,
    /// The API.
    Http,
}

/// One declaration, as it was made, with its withdrawal where there was one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Declaration {
    /// Its id.
    pub id: Uuid,
    /// What.
    #[serde(flatten)]
    pub matter: Matter,
    /// When it was made.
    pub declared_at: DateTime<Utc>,
    /// By whom, as they say.
    pub declared_by: String,
    /// Where it came from.
    pub via: Via,
    /// When it was withdrawn.
    pub withdrawn_at: Option<DateTime<Utc>>,
    /// By whom.
    pub withdrawn_by: Option<String>,
}

/// What somebody declares makes no sense.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Senseless {
    /// It speaks of nothing.
    #[error("no name is given")]
    Nameless,
    /// An instant that nobody means, and that arithmetic with instants may not survive.
    #[error("{0} lies outside the years 1970 to 9999")]
    FarOff(DateTime<Utc>),
    /// It is over before it begins.
    #[error("the change must be over by {until}, before it is due at {at}")]
    Backwards {
        /// [`Change::at`].
        at: DateTime<Utc>,
        /// [`Change::until`].
        until: DateTime<Utc>,
    },
}

impl Change {
    /// Until when a change is expected that is due at an instant, where nobody says.
    pub fn usual_end(at: DateTime<Utc>) -> DateTime<Utc> {
        let end = at.checked_add_signed(USUAL_WINDOW);
        end.unwrap_or(DateTime::<Utc>::MAX_UTC)
    }
}

impl Flush {
    /// Whether it is of a cache that one of these resolvers has.
    pub fn is_of_any<'a>(&self, mut resolvers: impl Iterator<Item = &'a str>) -> bool {
        resolvers.any(|resolver| is_one_cache(&self.resolver, resolver))
    }
}

impl Matter {
    /// Whether it makes sense.
    pub fn check(&self) -> Result<(), Senseless> {
        let is_far_off = |at: &&DateTime<Utc>| !(1970..=9999).contains(&at.year());
        if let Some(at) = [self.at(), self.until()].iter().find(is_far_off) {
            return Err(Senseless::FarOff(*at));
        }
        match self {
            _ if self.names().is_empty() => Err(Senseless::Nameless),
            Self::Change(Change { at, until, .. }) if at > until => Err(Senseless::Backwards {
                at: *at,
                until: *until,
            }),
            _ => Ok(()),
        }
    }

    /// Whether it is about any instant from `from` to `to`.
    pub fn concerns(&self, from: DateTime<Utc>, to: DateTime<Utc>) -> bool {
        self.at() <= to && self.until() >= from
    }

    /// Which of the two it is.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Change(_) => Kind::Change,
            Self::Flush(_) => Kind::Flush,
        }
    }

    /// The names it speaks of.
    pub fn names(&self) -> &[DnsName] {
        match self {
            Self::Change(change) => &change.names,
            Self::Flush(flush) => &flush.names,
        }
    }

    /// The instant it is about.
    pub fn at(&self) -> DateTime<Utc> {
        match self {
            Self::Change(change) => change.at,
            Self::Flush(flush) => flush.at,
        }
    }

    /// The last instant it is about.
    fn until(&self) -> DateTime<Utc> {
        match self {
            Self::Change(change) => change.until,
            Self::Flush(flush) => {
                let taken = flush.at.checked_add_signed(FLUSH_TAKES);
                taken.unwrap_or(DateTime::<Utc>::MAX_UTC)
            }
        }
    }

    fn rtype(&self) -> Option<RecordType> {
        match self {
            Self::Change(change) => change.rtype,
            Self::Flush(flush) => flush.rtype,
        }
    }
}

impl Declaration {
    /// One that is made now.
    pub fn new(id: Uuid, matter: Matter, by: String, via: Via, now: DateTime<Utc>) -> Self {
        Self {
            id,
            matter,
            declared_at: now,
            declared_by: by,
            via,
            withdrawn_at: None,
            withdrawn_by: None,
        }
    }

    /// Whether it stands at an instant: made by then, and not withdrawn.
    pub fn stands(&self, at: DateTime<Utc>) -> bool {
        self.declared_at <= at && self.withdrawn_at.is_none_or(|withdrawn| withdrawn > at)
    }

    /// The change that is declared, where it is one.
    pub fn change(&self) -> Option<&Change> {
        match &self.matter {
            Matter::Change(change) => Some(change),
            Matter::Flush(_) => None,
        }
    }

    /// The flush that is declared, where it is one.
    pub fn flush(&self) -> Option<&Flush> {
        match &self.matter {
            Matter::Change(_) => None,
            Matter::Flush(flush) => Some(flush),
        }
    }
}

/// The declarations that a round is judged with.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(from = "Vec<Declaration>", into = "Vec<Declaration>")]
pub struct Declared {
    /// In order of the instants they are about.
    all: Vec<Declaration>,
    by_name: HashMap<DnsName, Vec<usize>>,
}

impl From<Vec<Declaration>> for Declared {
    fn from(mut all: Vec<Declaration>) -> Self {
        all.sort_by_key(|one| (one.matter.at(), one.declared_at, one.id));
        let mut by_name: HashMap<DnsName, Vec<usize>> = HashMap::new();
        for (index, one) in all.iter().enumerate() {
            for name in one.matter.names() {
                by_name.entry(name.clone()).or_default().push(index);
            }
        }
        Self { all, by_name }
    }
}

impl From<Declared> for Vec<Declaration> {
    fn from(declared: Declared) -> Self {
        declared.all
    }
}

impl Declared {
    /// Those that stand at an instant.
    pub fn holding(all: impl IntoIterator<Item = Declaration>, at: DateTime<Utc>) -> Self {
        let standing = all.into_iter().filter(|one| one.stands(at));
        standing.collect::<Vec<_>>().into()
    }

    /// All of them, in order of the instants they are about.
    pub fn all(&self) -> &[Declaration] {
        &self.all
    }

    /// The change that makes a value right at a resolver at `seen`, though no authority was seen with it since: the latest
    /// of those whose window holds `seen` and whose values `covers` accepts. `ended` is when an authority stopped serving
    /// the value, where one ever did: what was served after the change and taken back is past like everything else.
    pub fn expects(
        &self,
        (question, owner): (&Question, &DnsName),
        covers: impl Fn(&Values) -> bool,
        seen: DateTime<Utc>,
        ended: Option<DateTime<Utc>>,
    ) -> Option<&Declaration> {
        let mut changes = self.changes(question, owner).rev();
        let is_it = |change: &Change| {
            change.at <= seen + EPSILON
                && seen <= change.until
                && ended.is_none_or(|ended| ended <= change.at)
                && covers(&change.to)
        };
        changes.find_map(|(one, change)| is_it(change).then_some(one))
    }

    /// Whether an authority may serve `value` since, or at, an instant: a change to it was due by then, and either its
    /// window is not over or no later change was due. `before` is what it served until then, where that matters.
    pub fn excuses(
        &self,
        (question, owner): (&Question, &DnsName),
        value: &Value,
        at: DateTime<Utc>,
        before: Option<&Value>,
    ) -> bool {
        let due = self.changes(question, owner);
        let due = due.filter(|(_, change)| change.at <= at + EPSILON);
        due.rev().enumerate().any(|(later, (_, change))| {
            let began_right = match (&change.from, before) {
                (Some(from), Some(before)) => from.covers(before),
                _ => true,
            };
            (later == 0 || at <= change.until) && began_right && change.to.covers(value)
        })
    }

    /// The flushes of a question at a resolver, in order of their instants.
    pub fn flushes(&self, resolver: &str, question: &Question) -> impl Iterator<Item = &Flush> {
        let flushes = self.about(&question.name, question.rtype);
        let flushes = flushes.filter_map(Declaration::flush);
        flushes.filter(move |flush| is_one_cache(&flush.resolver, resolver))
    }

    fn changes(
        &self,
        question: &Question,
        owner: &DnsName,
    ) -> impl DoubleEndedIterator<Item = (&Declaration, &Change)> {
        let indices = |name: &DnsName| self.by_name.get(name).into_iter().flatten().copied();
        let mut found: Vec<usize> = indices(&question.name).chain(indices(owner)).collect();
        found.sort_unstable();
        found.dedup();
        let rtype = question.rtype;
        let found = found.into_iter().filter_map(|index| self.all.get(index));
        let of_type = move |one: &&Declaration| one.matter.rtype().is_none_or(|of| of == rtype);
        found
            .filter(of_type)
            .filter_map(|one| Some((one, one.change()?)))
    }

    fn about(&self, name: &DnsName, rtype: RecordType) -> impl Iterator<Item = &Declaration> {
        let indices = self.by_name.get(name).into_iter().flatten();
        let found = indices.filter_map(|index| self.all.get(*index));
        found.filter(move |one| one.matter.rtype().is_none_or(|of| of == rtype))
    }
}

/// Whether two resolver ids are one operator's cache: they differ in the transport at most.
fn is_one_cache(one: &str, other: &str) -> bool {
    let bare = |id: &'_ str| id.split_once('+').map_or(id, |(id, _)| id).to_owned();
    one == other || bare(one) == bare(other)
}
