//! What is kept quiet on purpose, and why: silences that people make, and windows of maintenance.
//!
//! An incident that is kept quiet is judged, recorded and shown as any other; only its messages are held back. Deliberately
//! absent: holding them back, and telling what is left of it afterwards, which is the dispatcher's work.

use std::{collections::BTreeMap, fmt};

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    audit::{
        declared::Via,
        incident::{Axis, Incident},
        short_id,
    },
    names::DnsName,
    types::{Labelled, Matchers},
};

/// The longest time a silence may last: one that is forgotten hides an outage.
pub const LONGEST_SILENCE: TimeDelta = TimeDelta::days(30);

/// Somebody's wish not to be told of some incidents for a while. Written once; ending it fills the last two fields.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Silence {
    /// Its id.
    pub id: Uuid,
    /// Which incidents.
    pub matchers: Matchers,
    /// Why.
    pub comment: String,
    /// Who made it.
    pub made_by: String,
    /// When.
    pub made_at: DateTime<Utc>,
    /// Over which face.
    pub via: Via,
    /// From when on it holds.
    pub starts_at: DateTime<Utc>,
    /// Until when.
    pub ends_at: DateTime<Utc>,
    /// When somebody ended it before its time.
    pub expired_at: Option<DateTime<Utc>>,
    /// Who did.
    pub expired_by: Option<String>,
}

/// Why a silence makes no sense.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoSilence {
    /// It ends before it begins.
    #[error("it would end before it begins")]
    Reversed,
    /// It is over already.
    #[error("it would be over already")]
    Over,
    /// It lasts too long.
    #[error("it may last 30 days at most: one that is forgotten hides an outage")]
    TooLong,
    /// It says nothing of what it is for.
    #[error("it needs a comment: whoever finds it must know what it is for")]
    NoComment,
}

impl Silence {
    /// Refuses one that makes no sense.
    pub fn check(&self) -> Result<(), NoSilence> {
        if self.ends_at <= self.starts_at {
            Err(NoSilence::Reversed)
        } else if self.ends_at <= self.made_at {
            Err(NoSilence::Over)
        } else if self.ends_at - self.starts_at > LONGEST_SILENCE {
            Err(NoSilence::TooLong)
        } else if self.comment.trim().is_empty() {
            Err(NoSilence::NoComment)
        } else {
            Ok(())
        }
    }

    /// Until when it holds, by its own time or because somebody ended it.
    pub fn until(&self) -> DateTime<Utc> {
        self.expired_at
            .map_or(self.ends_at, |at| at.min(self.ends_at))
    }

    /// Where it stands at `now`.
    pub fn phase(&self, now: DateTime<Utc>) -> Phase {
        if self.until() <= now {
            Phase::Expired
        } else if self.starts_at <= now {
            Phase::Active
        } else {
            Phase::Pending
        }
    }
}

/// Where a silence stands, in Alertmanager's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// Not yet.
    Pending,
    /// It holds.
    Active,
    /// It is over.
    Expired,
}

impl Phase {
    /// In a word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Active => "active",
            Self::Expired => "expired",
        }
    }
}

/// What is kept quiet, or was, or will be, as lists show it. Stable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct QuietAt {
    /// Silences, in order of their beginnings.
    pub silences: Vec<SilenceAt>,
    /// The windows of maintenance of the configuration, open or not.
    pub maintenance: Vec<WindowAt>,
}

impl QuietAt {
    /// As they stand at `now`.
    pub fn new(silences: Vec<Silence>, maintenance: Vec<WindowAt>, now: DateTime<Utc>) -> Self {
        let silences = silences.into_iter();
        Self {
            silences: silences.map(|one| SilenceAt::new(one, now)).collect(),
            maintenance,
        }
    }
}

/// A silence, and where it stands. In JSON its own fields stand beside `phase`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SilenceAt {
    /// The silence.
    #[serde(flatten)]
    pub silence: Silence,
    /// Where it stands.
    pub phase: Phase,
}

impl SilenceAt {
    /// As it stands at `now`.
    pub fn new(silence: Silence, now: DateTime<Utc>) -> Self {
        let phase = silence.phase(now);
        Self { silence, phase }
    }
}

/// A window of maintenance of the configuration, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WindowAt {
    /// Its name.
    pub name: String,
    /// Which incidents.
    pub matchers: Matchers,
    /// The cron line by which it opens, in UTC.
    pub schedule: String,
    /// For how long, seconds.
    pub duration_s: u64,
    /// What is done in it.
    pub comment: Option<String>,
    /// Until when it is open, where it is.
    pub open_until: Option<DateTime<Utc>>,
    /// When it opens next.
    pub opens_at: Option<DateTime<Utc>>,
}

/// A window of maintenance that is open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window {
    /// Its name in the configuration.
    pub name: String,
    /// Which incidents.
    pub matchers: Matchers,
    /// Until when it is open.
    pub until: DateTime<Utc>,
}

/// Everything that keeps incidents quiet at one instant.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Quiet {
    silences: Vec<Silence>,
    windows: Vec<Window>,
}

/// What keeps an incident quiet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason<'a> {
    /// Somebody's wish.
    Silence(&'a Silence),
    /// The configuration's.
    Window(&'a Window),
}

impl Quiet {
    /// Of these silences those that hold at `now`, and windows that are open then.
    pub fn at(now: DateTime<Utc>, mut silences: Vec<Silence>, windows: Vec<Window>) -> Self {
        silences.retain(|silence| silence.phase(now) == Phase::Active);
        Self { silences, windows }
    }

    /// Whether everything is told.
    pub fn is_empty(&self) -> bool {
        self.silences.is_empty() && self.windows.is_empty()
    }

    /// What keeps this incident quiet; `None` where it is told. `tags`: those of its group.
    pub fn reason(
        &self,
        incident: &Incident,
        tags: &BTreeMap<String, String>,
    ) -> Option<Reason<'_>> {
        let labelled = labelled(incident, tags);
        let mut silences = self.silences.iter();
        let mut windows = self.windows.iter();
        let silence = silences.find(|one| one.matchers.cover(&labelled));
        silence.map(Reason::Silence).or_else(|| {
            let window = windows.find(|one| one.matchers.cover(&labelled));
            window.map(Reason::Window)
        })
    }
}

/// An incident as matchers see it.
pub fn labelled<'a>(incident: &'a Incident, tags: &'a BTreeMap<String, String>) -> Labelled<'a> {
    Labelled {
        group: &incident.key.group,
        axis: incident.key.axis.as_str(),
        state: &incident.verdict,
        severity: incident.severity,
        names: incident.names.iter().map(DnsName::as_str).collect(),
        resolvers: incident.resolvers.iter().map(String::as_str).collect(),
        types: incident.types.iter().copied().collect(),
        tags,
    }
}

impl fmt::Display for Reason<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let utc = |at: DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::Secs, true);
        match self {
            Self::Silence(silence) => {
                let (by, comment) = (&silence.made_by, &silence.comment);
                let id = short_id(silence.id);
                let until = utc(silence.until());
                write!(f, "silence {id} by {by} until {until}: {comment}")
            }
            Self::Window(Window { name, until, .. }) => {
                write!(f, "maintenance {name} until {}", utc(*until))
            }
        }
    }
}

/// The matchers that mean this incident as it is, as texts: what becomes something else is told.
pub fn matchers_of(incident: &Incident) -> Vec<String> {
    let key = &incident.key;
    let mut matchers = vec![
        exactly("group", &key.group),
        exactly("axis", key.axis.as_str()),
        exactly("state", &incident.verdict),
    ];
    match key.axis {
        Axis::Name => {
            let (name, rtype) = key.subject.rsplit_once(' ').unwrap_or((&key.subject, ""));
            matchers.extend([exactly("name", name), exactly("type", rtype)]);
        }
        Axis::Resolver => matchers.push(exactly("resolver", &key.subject)),
        Axis::Authority | Axis::Vantage => {}
    }
    matchers
}

/// A matcher of this value alone, whatever is in it: after `=` a `*` would stand for anything.
fn exactly(label: &str, value: &str) -> String {
    if value.contains(['*', '?']) {
        format!("{label}=~{}", regex::escape(value))
    } else {
        format!("{label}={value}")
    }
}

#[cfg(test)]
mod tests;
