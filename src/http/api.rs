//! `/api/v1`: incidents, timeline, state. The JSON is that of the queries the command line reads, too.
//!
//! Deliberately absent: anything that changes something.

use std::collections::BTreeMap;

use axum::{
    Json,
    extract::{Path, Query, State},
};
use chrono::{DateTime, Utc};
use serde::Serialize;
use uuid::Uuid;

use super::{Context, problem::Problem};
use crate::{
    audit::incident::{Incident, Status},
    names::DnsName,
    store::{
        incidents::{IncidentEvent, IncidentFilter, IncidentPage, PageKey},
        state::StateRow,
        timeline::{Timeline, TimelineQuery},
    },
    types::parse_instant,
};

/// Incidents on a page when the caller does not say.
const USUAL_LIMIT: u32 = 50;
/// Incidents on a page at most.
const HIGHEST_LIMIT: u32 = 500;

/// The parameters of a request, taken one by one; what is left over is refused.
struct Parameters(BTreeMap<String, String>);

impl Parameters {
    fn take<T, E: std::fmt::Display>(
        &mut self,
        name: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Result<Option<T>, Problem> {
        let Some(text) = self.0.remove(name) else {
            return Ok(None);
        };
        let value =
            parse(&text).map_err(|error| Problem::BadRequest(format!("{name}: {error}")))?;
        Ok(Some(value))
    }

    fn take_instant(&mut self, name: &str) -> Result<Option<DateTime<Utc>>, Problem> {
        self.take(name, |text| parse_instant(text, Utc::now()))
    }

    fn end(self, known: &str) -> Result<(), Problem> {
        match self.0.into_keys().next() {
            Some(name) => Err(Problem::BadRequest(format!(
                "unknown parameter `{name}`; known are {known}"
            ))),
            None => Ok(()),
        }
    }
}

/// `GET /api/v1/incidents?status=&group=&name=&resolver=&from=&to=&limit=&after=`: newest first; `next` is the `after`
/// of the following page.
pub(super) async fn incidents(
    State(context): State<Context>,
    Query(parameters): Query<BTreeMap<String, String>>,
) -> Result<Json<Page>, Problem> {
    let mut given = Parameters(parameters);
    let filter = IncidentFilter {
        statuses: given.take("status", statuses)?.unwrap_or_default(),
        group: given.take("group", text)?,
        name: given.take("name", str::parse::<DnsName>)?,
        resolver: given.take("resolver", text)?,
        from: given.take_instant("from")?,
        to: given.take_instant("to")?,
        ..IncidentFilter::default()
    };
    let limit = given
        .take("limit", str::parse::<u32>)?
        .unwrap_or(USUAL_LIMIT)
        .clamp(1, HIGHEST_LIMIT);
    let after = given.take("after", page_key)?;
    given.end("status, group, name, resolver, from, to, limit, after")?;
    let page = context.store.incidents(&filter, after, limit).await?;
    Ok(Json(Page::from(page)))
}

/// A page of incidents with the key of the next one as a single text.
#[derive(Debug, Serialize)]
pub(super) struct Page {
    #[serde(flatten)]
    page: IncidentPage,
    next_after: Option<String>,
}

impl From<IncidentPage> for Page {
    fn from(page: IncidentPage) -> Self {
        let next_after = page
            .next
            .map(|key| format!("{}_{}", key.opened_at.timestamp_micros(), key.id));
        Self { page, next_after }
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

#[expect(clippy::unnecessary_wraps, reason = "the shape of every other parser")]
fn text(text: &str) -> Result<String, std::convert::Infallible> {
    Ok(text.to_owned())
}

/// An incident with everything that happened to it.
#[derive(Debug, Serialize)]
pub(super) struct Whole {
    incident: Incident,
    events: Vec<IncidentEvent>,
}

/// `GET /api/v1/incidents/{id}`.
pub(super) async fn incident(
    State(context): State<Context>,
    Path(id): Path<String>,
) -> Result<Json<Whole>, Problem> {
    let wrong = |_| Problem::BadRequest(format!("`{id}` is not an incident id"));
    let id: Uuid = id.parse().map_err(wrong)?;
    match context.store.incident(id).await? {
        Some((incident, events)) => Ok(Json(Whole { incident, events })),
        None => Err(Problem::NotFound(format!("there is no incident {id}"))),
    }
}

/// `GET /api/v1/timeline?name=&type=&from=&to=&resolver=`.
pub(super) async fn timeline(
    State(context): State<Context>,
    Query(parameters): Query<BTreeMap<String, String>>,
) -> Result<Json<Timeline>, Problem> {
    let mut given = Parameters(parameters);
    let name = given.take("name", str::parse::<DnsName>)?;
    let query = TimelineQuery {
        name: name.ok_or_else(|| {
            Problem::BadRequest("name: which name? ?name=dialer1.example.com".to_owned())
        })?,
        rtype: given.take("type", str::parse)?,
        from: given.take_instant("from")?,
        to: given.take_instant("to")?,
        resolver: given.take("resolver", text)?,
    };
    given.end("name, type, from, to, resolver")?;
    Ok(Json(context.store.timeline(&query).await?))
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
    Query(parameters): Query<BTreeMap<String, String>>,
) -> Result<Json<Snapshot>, Problem> {
    let mut given = Parameters(parameters);
    let at = given.take_instant("at")?.unwrap_or_else(Utc::now);
    let name = given.take("name", str::parse::<DnsName>)?;
    given.end("at, name")?;
    Ok(Json(Snapshot {
        at,
        states: context.store.state_at(at, name.as_ref()).await?,
    }))
}
