//! `/api/v1`: incidents, timeline, state, evidence. The JSON is that of the queries the command line reads, too.
//!
//! Every shape is documented in `openapi.json`, which is served, and which a test holds against real answers.
//! Deliberately absent: anything that changes something but an acknowledgement.

use axum::{
    Json,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{
    Context,
    parameters::Parameters,
    problem::Problem,
    writing::{Id, SOMEBODY, Written, read_id},
};
use crate::{
    audit::{
        declared::Declaration,
        incident::{Incident, Status},
    },
    clock,
    names::DnsName,
    store::{
        incidents::{IncidentEvent, IncidentFilter, IncidentPage, IncidentRow, PageKey},
        messages::{MessagePage, MessageQuery},
        state::StateRow,
        timeline::{Timeline, TimelineQuery},
    },
};

/// Incidents, or messages, on a page when the caller does not say.
const USUAL_LIMIT: u32 = 50;
/// Incidents, or messages, on a page at most.
const HIGHEST_LIMIT: u32 = 500;

/// `GET /api/v1/openapi.json`: every path, parameter and shape.
pub(super) async fn openapi() -> Response {
    let kind = "application/vnd.oai.openapi+json;version=3.1";
    ([(header::CONTENT_TYPE, kind)], include_str!("openapi.json")).into_response()
}

/// `GET /api/v1/incidents?status=&group=&name=&resolver=&from=&to=&limit=&after=`: newest first.
pub(super) async fn incidents(
    State(context): State<Context>,
    mut given: Parameters,
) -> Result<Json<Page>, Problem> {
    let [from, to] = given.take_window()?;
    let filter = IncidentFilter {
        statuses: given.take("status", statuses)?.unwrap_or_default(),
        group: given.take_text("group"),
        name: given.take("name", str::parse::<DnsName>)?,
        resolver: given.take_text("resolver"),
        from,
        to,
        ..IncidentFilter::default()
    };
    let limit = given.take("limit", limit)?.unwrap_or(USUAL_LIMIT);
    let after = given.take("after", page_key)?;
    given.end("status, group, name, resolver, from, to, limit, after")?;
    let page = context.store.incidents(&filter, after, limit).await?;
    Ok(Json(Page::from(page)))
}

/// A page of incidents.
#[derive(Debug, Serialize)]
pub(super) struct Page {
    incidents: Vec<IncidentRow>,
    /// The `after` of the following page; null on the last.
    next_after: Option<String>,
}

impl From<IncidentPage> for Page {
    fn from(page: IncidentPage) -> Self {
        let key = |key: PageKey| format!("{}_{}", key.opened_at.timestamp_micros(), key.id);
        Self {
            incidents: page.incidents,
            next_after: page.next.map(key),
        }
    }
}

fn page_key(text: &str) -> Result<PageKey, &'static str> {
    let wrong = "not the `next_after` of a page";
    let (micros, id) = text.split_once('_').ok_or(wrong)?;
    let opened_at = micros
        .parse()
        .ok()
        .and_then(DateTime::from_timestamp_micros)
        .ok_or(wrong)?;
    Ok(PageKey {
        opened_at,
        id: id.parse().map_err(|_| wrong)?,
    })
}

fn limit(text: &str) -> Result<u32, String> {
    let limit = text.parse().ok();
    limit
        .filter(|limit| (1..=HIGHEST_LIMIT).contains(limit))
        .ok_or_else(|| format!("`{text}` is not a number from 1 to {HIGHEST_LIMIT}"))
}

fn statuses(text: &str) -> Result<Vec<Status>, String> {
    text.split(',')
        .map(|word| match word {
            "open" => Ok(Status::Open),
            "recovering" => Ok(Status::Recovering),
            "resolved" => Ok(Status::Resolved),
            other => Err(format!("`{other}` is not open, recovering or resolved")),
        })
        .collect()
}

/// An incident with everything that happened to it.
#[derive(Debug, Serialize)]
pub(super) struct Whole {
    incident: Incident,
    events: Vec<IncidentEvent>,
    /// What people declared of its names meanwhile.
    declarations: Vec<Declaration>,
}

/// `GET /api/v1/incidents/{id}`.
pub(super) async fn incident(
    State(context): State<Context>,
    id: Id,
    given: Parameters,
) -> Result<Json<Whole>, Problem> {
    let id = read_id(id)?;
    given.end("none")?;
    let Some((incident, events)) = context.store.incident(id).await? else {
        return Err(Problem::NotFound(format!("there is no incident {id}")));
    };
    let names = incident.names.iter().cloned();
    let until = incident.resolved_at.unwrap_or_else(clock::now);
    let declarations = context
        .store
        .declared_of(names, incident.opened_at, until)
        .await?;
    Ok(Json(Whole {
        incident,
        events,
        declarations,
    }))
}

/// Who takes an incident.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Ack {
    by: Option<String>,
}

/// `POST /api/v1/incidents/{id}/ack`: reminders stop, everything else is still told.
pub(super) async fn ack(
    State(context): State<Context>,
    id: Id,
    Written(Ack { by }): Written<Ack>,
) -> Result<StatusCode, Problem> {
    let id = read_id(id)?;
    let by = by.unwrap_or_else(|| SOMEBODY.to_owned());
    if context.store.ack_incident(id, &by, clock::now()).await? {
        return Ok(StatusCode::NO_CONTENT);
    }
    let gone = "there is no incident with this id, or it is acknowledged or resolved already";
    Err(Problem::NotFound(gone.to_owned()))
}

/// `GET /api/v1/timeline?name=&type=&from=&to=&resolver=`.
pub(super) async fn timeline(
    State(context): State<Context>,
    mut given: Parameters,
) -> Result<Json<Timeline>, Problem> {
    let name = take_name(&mut given)?;
    let [from, to] = given.take_window()?;
    let query = TimelineQuery {
        name,
        rtype: given.take("type", str::parse)?,
        from,
        to,
        resolver: given.take_text("resolver"),
    };
    given.end("name, type, from, to, resolver")?;
    Ok(Json(context.store.timeline(&query).await?))
}

pub(super) fn take_name(given: &mut Parameters) -> Result<DnsName, Problem> {
    let missing = "name: which name? ?name=dialer1.example.com";
    let name = given.take("name", str::parse::<DnsName>)?;
    name.ok_or_else(|| Problem::BadRequest(missing.to_owned()))
}

/// `GET /api/v1/evidence?name=&type=&resolver=&from=&to=&at=&limit=`: the latest messages, in order of receipt.
pub(super) async fn evidence(
    State(context): State<Context>,
    mut given: Parameters,
) -> Result<Json<MessagePage>, Problem> {
    let name = take_name(&mut given)?;
    let [from, to] = given.take_window()?;
    let at = given.take_instant("at")?;
    if at.is_some() && (from.is_some() || to.is_some()) {
        let wrong = "at: either an instant, or `from` and `to`";
        return Err(Problem::BadRequest(wrong.to_owned()));
    }
    let query = MessageQuery {
        names: vec![name],
        types: given.take("type", str::parse)?.into_iter().collect(),
        resolvers: given.take_text("resolver").into_iter().collect(),
        from,
        to: to.or(at),
        last_only: at.is_some(),
    };
    let limit = given.take("limit", limit)?.unwrap_or(USUAL_LIMIT);
    given.end("name, type, resolver, from, to, at, limit")?;
    Ok(Json(context.store.messages(&query, limit).await?))
}

/// The answers of all sources as of an instant.
#[derive(Debug, Serialize)]
pub(super) struct Snapshot {
    at: DateTime<Utc>,
    states: Vec<StateRow>,
}

/// `GET /api/v1/state?at=&name=`; `at` is now when it is not given.
pub(super) async fn state(
    State(context): State<Context>,
    mut given: Parameters,
) -> Result<Json<Snapshot>, Problem> {
    let at = given.take_instant("at")?.unwrap_or_else(clock::now);
    let name = given.take("name", str::parse::<DnsName>)?;
    given.end("at, name")?;
    let states = context.store.state_at(at, name.as_ref()).await?.into_iter();
    let states = states.map(|row| row.or_unknown(&context.periods)).collect();
    Ok(Json(Snapshot { at, states }))
}
