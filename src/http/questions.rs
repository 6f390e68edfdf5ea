//! `/api/v1/who-served`, `diff`, `propagation`, `sli`, `denials`, `findings` and `coverage`: questions about the past.
//!
//! Deliberately absent: the reckoning, which the command line reads, too.

use axum::{Json, extract::State};
use chrono::{DateTime, Utc};

use super::{Context, api::take_name, parameters::Parameters, problem::Problem};
use crate::{
    clock,
    names::DnsName,
    store::{
        RecordedSpan, Within,
        diff::Diff,
        findings::{FindingQuery, FindingSpan},
        propagation::Propagation,
        service_level::ServiceLevel,
        timeline::TimelineQuery,
        watched::Watched,
    },
    types::parse_network,
};

type Answered<T> = Result<Json<Within<T>>, Problem>;

/// Both ends of a window; everything until now where none is given.
fn take_ends(given: &mut Parameters) -> Result<(DateTime<Utc>, DateTime<Utc>), Problem> {
    let [from, to] = given.take_window()?;
    let to = to.unwrap_or_else(clock::now);
    Ok((from.unwrap_or(DateTime::UNIX_EPOCH), to))
}

/// One name, or none for all.
fn take_names(given: &mut Parameters) -> Result<Vec<DnsName>, Problem> {
    let name = given.take("name", str::parse::<DnsName>)?;
    Ok(name.into_iter().collect())
}

/// `GET /api/v1/who-served?address=&from=&to=`.
pub(super) async fn who_served(
    State(context): State<Context>,
    mut given: Parameters,
) -> Answered<RecordedSpan> {
    let missing = "address: which address, or network? ?address=203.0.113.7";
    let addresses = given.take("address", parse_network)?;
    let addresses = addresses.ok_or_else(|| Problem::BadRequest(missing.to_owned()))?;
    let (from, to) = take_ends(&mut given)?;
    given.end("address, from, to")?;
    let served = context.store.who_served(addresses, Some(from), Some(to));
    let items = served.await?;
    Ok(Json(Within { from, to, items }))
}

/// `GET /api/v1/diff?from=&to=&name=`; `to` is now when it is not given.
pub(super) async fn diff(
    State(context): State<Context>,
    mut given: Parameters,
) -> Result<Json<Diff>, Problem> {
    let [from, to] = given.take_window()?;
    let missing = "from: compared with which instant? ?from=-2h";
    let from = from.ok_or_else(|| Problem::BadRequest(missing.to_owned()))?;
    let to = to.unwrap_or_else(clock::now);
    let names = take_names(&mut given)?;
    given.end("from, to, name")?;
    let ends = (from, to);
    let diff = context.store.diff(ends, &names, &context.periods);
    Ok(Json(diff.await?))
}

/// `GET /api/v1/propagation?name=&type=&resolver=&from=&to=`.
pub(super) async fn propagation(
    State(context): State<Context>,
    mut given: Parameters,
) -> Answered<Propagation> {
    let name = take_name(&mut given)?;
    let (from, to) = take_ends(&mut given)?;
    let query = TimelineQuery {
        name,
        rtype: given.take("type", str::parse)?,
        from: Some(from),
        to: Some(to),
        resolver: given.take_text("resolver"),
    };
    given.end("name, type, resolver, from, to")?;
    let items = context.store.propagation(&query).await?;
    Ok(Json(Within { from, to, items }))
}

/// `GET /api/v1/sli?name=&from=&to=`.
pub(super) async fn sli(
    State(context): State<Context>,
    mut given: Parameters,
) -> Answered<ServiceLevel> {
    let names = take_names(&mut given)?;
    let (from, to) = take_ends(&mut given)?;
    given.end("name, from, to")?;
    let items = context.store.service_levels(&names, from, to).await?;
    Ok(Json(Within { from, to, items }))
}

/// `GET /api/v1/denials?name=&from=&to=`.
pub(super) async fn denials(
    State(context): State<Context>,
    mut given: Parameters,
) -> Answered<RecordedSpan> {
    let names = take_names(&mut given)?;
    let (from, to) = take_ends(&mut given)?;
    given.end("name, from, to")?;
    let items = context.store.denials(&names, from, to).await?;
    Ok(Json(Within { from, to, items }))
}

/// `GET /api/v1/findings?name=&type=&kind=&from=&to=`.
pub(super) async fn findings(
    State(context): State<Context>,
    mut given: Parameters,
) -> Answered<FindingSpan> {
    let names = take_names(&mut given)?;
    let (from, to) = take_ends(&mut given)?;
    let query = FindingQuery {
        names,
        rtype: given.take("type", str::parse)?,
        kinds: given.take("kind", str::parse)?.into_iter().collect(),
        from,
        to,
    };
    given.end("name, type, kind, from, to")?;
    let items = context.store.findings(&query).await?;
    Ok(Json(Within { from, to, items }))
}

/// `GET /api/v1/coverage?from=&to=`.
pub(super) async fn coverage(
    State(context): State<Context>,
    mut given: Parameters,
) -> Answered<Watched> {
    let (from, to) = take_ends(&mut given)?;
    given.end("from, to")?;
    let items = context.store.watched(from, to).await?;
    Ok(Json(Within { from, to, items }))
}
