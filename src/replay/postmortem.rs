//! Everything that a postmortem is made of, of one incident or of a window: as it was recorded, judged again and reckoned
//! otherwise.
//!
//! It is read off recorded data alone: the same data give the same postmortem, whenever it is asked for. Deliberately
//! absent: words, and any reading of a clock.

mod proof;

use std::{collections::BTreeSet, sync::Arc};

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;
use uuid::Uuid;

use super::{
    explain::{ExplainQuery, ExplainedRound, explain},
    what_if::{WhatIfQuery, what_if},
};
use crate::{
    audit::{incident::Incident, verdict::Family, what_if::WhatIf},
    names::DnsName,
    store::{
        Store, StoreError,
        incidents::{EventKind, IncidentEvent, IncidentFilter},
        outbox::{LogFilter, LogRow},
        propagation::Propagation,
        replay::HeldQuery,
        service_level::ServiceLevel,
        timeline::{Timeline, TimelineQuery},
        watched::Watched,
    },
    types::Resolver,
};
pub use proof::{Proof, Proves};

/// Incidents that one postmortem tells of at most.
const MOST_INCIDENTS: u32 = 100;
/// Names whose past it tells at most: those of forty dialers and some more.
const MOST_NAMES: usize = 60;
/// Rounds of one incident that are judged again at most: the one that confirmed it, and the last ones that changed it.
const MOST_ROUNDS: usize = 5;
/// Messages to channels that are listed of one incident at most, the newest.
const MOST_MESSAGES: u32 = 1_000;
/// What is shown of the time before an incident, so that what was right then can be seen.
const LEAD: TimeDelta = TimeDelta::minutes(30);

/// Of what.
#[derive(Debug, Clone)]
pub enum Subject {
    /// One incident.
    Incident(Uuid),
    /// A window: of these names, or of all that an incident of it concerns where none is given.
    Window {
        /// From here on.
        from: DateTime<Utc>,
        /// Up to here.
        to: DateTime<Utc>,
        /// Of these names.
        names: Vec<DnsName>,
    },
}

/// What is asked.
#[derive(Debug, Clone)]
pub struct PostmortemQuery {
    /// Of what.
    pub subject: Subject,
    /// The TTL that the authority is assumed to have had in the what-if, seconds.
    pub ttl: u32,
}

/// A postmortem. Stable, as `report --format json` and the API show it.
#[derive(Debug, Serialize)]
pub struct Postmortem {
    /// The beginning of the window: half an hour before the first bad sample of an incident.
    pub from: DateTime<Utc>,
    /// Its end: the last that is known of an incident.
    pub to: DateTime<Utc>,
    /// The incidents, in order of beginning.
    pub incidents: Vec<Told>,
    /// Whether there are more of them in the window than are told.
    pub more_incidents: bool,
    /// Names that it concerns and does not tell the past of, since there are too many.
    pub names_left_out: usize,
    /// The past of each name within the window. What overlaps the window is in it, whole.
    pub timelines: Vec<Timeline>,
    /// Changes at the authority within the window, and who followed when.
    pub changes: Vec<Propagation>,
    /// Bad seconds per resolver and month of these names.
    pub service_levels: Vec<ServiceLevel>,
    /// Under another TTL; one for each vantage.
    pub what_if: Vec<WhatIf>,
    /// When it was watched, by vantage and group.
    pub coverage: Vec<Watched>,
}

/// An incident with everything that belongs to it alone.
#[derive(Debug, Serialize)]
pub struct Told {
    /// As it is known.
    pub incident: Incident,
    /// What happened, in the order of recording, attempts to deliver included.
    pub events: Vec<IncidentEvent>,
    /// What was written for channels, and what became of it, in the order of writing.
    pub messages: Vec<LogRow>,
    /// Whether there are older ones.
    pub more_messages: bool,
    /// The rounds that confirmed and changed it, judged again: why its verdicts were what they were.
    pub rounds: Vec<ExplainedRound>,
    /// Rounds between those that are not: the first and the last few are.
    pub rounds_left_out: usize,
    /// Replies that prove it, the most telling first.
    pub proofs: Vec<Proof>,
    /// Whether more messages were kept of it than these were chosen from.
    pub more_kept: bool,
}

/// Puts it together; `None` where there is no such incident. `resolvers`: those that are known, for the longest that each
/// keeps anything.
pub async fn postmortem(
    store: &Store,
    query: &PostmortemQuery,
    resolvers: &[Arc<Resolver>],
) -> Result<Option<Postmortem>, StoreError> {
    let found = match &query.subject {
        Subject::Incident(id) => of_incident(store, *id).await?,
        Subject::Window { from, to, names } => {
            Some(of_window(store, (*from, *to), names.clone()).await?)
        }
    };
    let Some(found) = found else {
        return Ok(None);
    };
    gather(store, found, query.ttl, resolvers).await.map(Some)
}

/// The incidents of a postmortem, before anything else is read.
struct Found {
    incidents: Vec<Told>,
    more_incidents: bool,
    names: Vec<DnsName>,
    ends: (DateTime<Utc>, DateTime<Utc>),
}

async fn of_incident(store: &Store, id: Uuid) -> Result<Option<Found>, StoreError> {
    let Some((incident, events)) = store.incident(id).await? else {
        return Ok(None);
    };
    let told = told(store, incident, events).await?;
    Ok(Some(Found {
        names: told.incident.names.iter().cloned().collect(),
        ends: (told.incident.opened_at - LEAD, told.last()),
        incidents: vec![told],
        more_incidents: false,
    }))
}

async fn of_window(
    store: &Store,
    (from, to): (DateTime<Utc>, DateTime<Utc>),
    names: Vec<DnsName>,
) -> Result<Found, StoreError> {
    let filter = IncidentFilter {
        from: Some(from),
        to: Some(to),
        ..IncidentFilter::default()
    };
    let page = store.incidents(&filter, None, MOST_INCIDENTS).await?;
    let mut incidents = Vec::new();
    for row in page.incidents.into_iter().rev() {
        let Some((incident, events)) = store.incident(row.id).await? else {
            continue;
        };
        if names.is_empty() || names.iter().any(|name| incident.names.contains(name)) {
            incidents.push(told(store, incident, events).await?);
        }
    }
    let concerned = incidents.iter().flat_map(|told| &told.incident.names);
    let concerned: BTreeSet<&DnsName> = concerned.collect();
    Ok(Found {
        names: if names.is_empty() {
            concerned.into_iter().cloned().collect()
        } else {
            names
        },
        incidents,
        more_incidents: page.next.is_some(),
        ends: (from, to),
    })
}

impl Told {
    /// The last that is known of it, and not the clock: the same data, the same postmortem.
    fn last(&self) -> DateTime<Utc> {
        let incident = &self.incident;
        let known = self.events.iter().map(|event| event.at);
        let known = known.chain(incident.resolved_at);
        known.fold(incident.last_bad_at, DateTime::max)
    }
}

async fn told(
    store: &Store,
    incident: Incident,
    events: Vec<IncidentEvent>,
) -> Result<Told, StoreError> {
    let (messages, more_messages) = messages(store, &incident).await?;
    let (rounds, rounds_left_out) = rounds(store, &incident, &events).await?;
    let (proofs, more_kept) = proof::of(store, &incident).await?;
    Ok(Told {
        incident,
        events,
        messages,
        more_messages,
        rounds,
        rounds_left_out,
        proofs,
        more_kept,
    })
}

/// The newest messages of each vantage, and whether there are older ones.
async fn messages(store: &Store, incident: &Incident) -> Result<(Vec<LogRow>, bool), StoreError> {
    let filter = LogFilter {
        incident: Some(incident.id),
        ..LogFilter::default()
    };
    let (mut messages, mut more) = (Vec::new(), false);
    let most = MOST_MESSAGES as usize;
    for vantage in &incident.vantages {
        let mut own = store
            .message_log(vantage, &filter, MOST_MESSAGES + 1)
            .await?;
        more |= own.len() > most;
        own.truncate(most);
        messages.extend(own);
    }
    messages.sort_by_key(|message| (message.created_at, message.id));
    Ok((messages, more))
}

/// The rounds that told of it or changed it, judged again, and how many are not. A finding says itself what it is.
async fn rounds(
    store: &Store,
    incident: &Incident,
    events: &[IncidentEvent],
) -> Result<(Vec<ExplainedRound>, usize), StoreError> {
    if !matches!(incident.key.family, Family::Value | Family::Failure) {
        return Ok((Vec::new(), 0));
    }
    let is_step = |event: &&IncidentEvent| {
        matches!(event.kind, EventKind::Opened | EventKind::Updated)
            && event.at <= incident.last_bad_at.max(incident.confirmed_at)
    };
    let mut steps: Vec<DateTime<Utc>> = events
        .iter()
        .filter(is_step)
        .map(|event| event.at)
        .collect();
    steps.dedup();
    let left_out = steps.len().saturating_sub(MOST_ROUNDS);
    if left_out > 0 {
        steps.drain(1..=left_out);
    }
    let mut rounds = Vec::new();
    for vantage in &incident.vantages {
        for at in &steps {
            let query = ExplainQuery {
                vantage: vantage.clone(),
                names: incident.names.iter().cloned().collect(),
                types: incident.types.iter().copied().collect(),
                resolvers: incident.resolvers.iter().cloned().collect(),
                at: *at,
            };
            let explained = explain(store, &query).await?.rounds.into_iter();
            rounds.extend(explained.filter(|round| round.group == incident.key.group));
        }
    }
    Ok((rounds, left_out))
}

async fn gather(
    store: &Store,
    found: Found,
    ttl: u32,
    resolvers: &[Arc<Resolver>],
) -> Result<Postmortem, StoreError> {
    let Found {
        incidents,
        more_incidents,
        mut names,
        ends: (from, to),
    } = found;
    let names_left_out = names.len().saturating_sub(MOST_NAMES);
    names.truncate(MOST_NAMES);
    let (mut timelines, mut changes) = (Vec::new(), Vec::new());
    for name in &names {
        let query = TimelineQuery {
            name: name.clone(),
            rtype: None,
            from: Some(from),
            to: Some(to),
            resolver: None,
        };
        timelines.push(store.timeline(&query).await?);
        changes.extend(store.propagation(&query).await?);
    }
    // No names stand for all names there; here they mean that nothing happened.
    let service_levels = if names.is_empty() {
        Vec::new()
    } else {
        store.service_levels(&names, from, to).await?
    };
    let what_if = what_ifs(store, &incidents, (from, to), ttl, resolvers).await?;
    Ok(Postmortem {
        from,
        to,
        coverage: coverage(store, &incidents, (from, to)).await?,
        what_if,
        incidents,
        more_incidents,
        names_left_out,
        timelines,
        changes,
        service_levels,
    })
}

/// When the groups of the incidents were watched; all groups where there was no incident.
async fn coverage(
    store: &Store,
    incidents: &[Told],
    (from, to): (DateTime<Utc>, DateTime<Utc>),
) -> Result<Vec<Watched>, StoreError> {
    let keys = incidents.iter().map(|told| &told.incident.key);
    let groups: BTreeSet<&String> = keys.map(|key| &key.group).collect();
    let mut watched = store.watched(from, to).await?;
    watched.retain(|one| groups.is_empty() || groups.contains(&one.group));
    Ok(watched)
}

async fn what_ifs(
    store: &Store,
    incidents: &[Told],
    (from, to): (DateTime<Utc>, DateTime<Utc>),
    ttl: u32,
    known: &[Arc<Resolver>],
) -> Result<Vec<WhatIf>, StoreError> {
    let of_values = incidents
        .iter()
        .map(|told| &told.incident)
        .filter(|incident| incident.key.family == Family::Value);
    let vantages: BTreeSet<&String> = of_values.clone().flat_map(|one| &one.vantages).collect();
    let mut worked_out = Vec::new();
    for vantage in vantages {
        let here = of_values
            .clone()
            .filter(|incident| incident.vantages.contains(vantage));
        let names: BTreeSet<&DnsName> = here.clone().flat_map(|one| &one.names).collect();
        let resolvers: BTreeSet<&String> = here.flat_map(|one| &one.resolvers).collect();
        let of = HeldQuery {
            vantage: vantage.clone(),
            names: names.into_iter().cloned().collect(),
            types: Vec::new(),
            resolvers: resolvers.into_iter().cloned().collect(),
            from,
            to,
        };
        worked_out.push(what_if(store, &WhatIfQuery { of, ttl }, known).await?);
    }
    Ok(worked_out)
}
