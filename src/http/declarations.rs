//! `/api/v1/changes` and `/api/v1/flushes`: what people declare, read, made and withdrawn.
//!
//! Deliberately absent: changing a declaration, and what one means. The command line writes the same ones.

use axum::{Json, extract::State, http::StatusCode};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    Context,
    parameters::Parameters,
    problem::Problem,
    writing::{Id, NoPage, SOMEBODY, Written, read_ending, read_id},
};
use crate::{
    audit::declared::{Change, Declaration, Flush, Kind, Matter, Values, Via},
    clock,
    names::{DnsName, braces},
    store::declarations::{DeclarationFilter, FollowedChange},
    types::RecordType,
};

/// Declared changes, the latest first.
#[derive(Debug, Serialize)]
pub(super) struct Changes {
    changes: Vec<FollowedChange>,
}

/// Declared flushes, the latest first.
#[derive(Debug, Serialize)]
pub(super) struct Flushes {
    flushes: Vec<Declaration>,
}

/// A change as it is sent.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewChange {
    /// Names, or patterns with braces.
    names: Vec<String>,
    #[serde(rename = "type")]
    rtype: Option<RecordType>,
    to: Values,
    from: Option<Values>,
    at: Option<DateTime<Utc>>,
    until: Option<DateTime<Utc>>,
    by: Option<String>,
    comment: Option<String>,
}

/// A flush as it is sent.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewFlush {
    resolver: String,
    /// Names, or patterns with braces.
    names: Vec<String>,
    #[serde(rename = "type")]
    rtype: Option<RecordType>,
    at: Option<DateTime<Utc>>,
    by: Option<String>,
    comment: Option<String>,
}

/// `GET /api/v1/changes?name=&withdrawn=`.
pub(super) async fn changes(
    State(context): State<Context>,
    given: Parameters,
) -> Result<Json<Changes>, Problem> {
    let filter = filter(Kind::Change, given)?;
    let mut changes = context
        .store
        .followed_changes(&filter, clock::now())
        .await?;
    changes.reverse();
    Ok(Json(Changes { changes }))
}

/// `GET /api/v1/flushes?name=&withdrawn=`.
pub(super) async fn flushes(
    State(context): State<Context>,
    given: Parameters,
) -> Result<Json<Flushes>, Problem> {
    let filter = filter(Kind::Flush, given)?;
    let mut flushes = context.store.declarations(&filter).await?;
    flushes.reverse();
    Ok(Json(Flushes { flushes }))
}

fn filter(kind: Kind, mut given: Parameters) -> Result<DeclarationFilter, Problem> {
    let filter = DeclarationFilter {
        kind: Some(kind),
        names: given
            .take("name", str::parse::<DnsName>)?
            .into_iter()
            .collect(),
        withdrawn: given.take("withdrawn", str::parse)?.unwrap_or_default(),
        ..DeclarationFilter::default()
    };
    given.end("name, withdrawn")?;
    Ok(filter)
}

/// `GET /api/v1/changes/{id}`, withdrawn or not.
pub(super) async fn change(
    State(context): State<Context>,
    id: Id,
    given: Parameters,
) -> Result<Json<FollowedChange>, Problem> {
    given.end("none")?;
    let filter = only(Kind::Change, id)?;
    let mut found = context
        .store
        .followed_changes(&filter, clock::now())
        .await?;
    found.pop().map(Json).ok_or_else(|| missing(Kind::Change))
}

/// `GET /api/v1/flushes/{id}`, withdrawn or not.
pub(super) async fn flush(
    State(context): State<Context>,
    id: Id,
    given: Parameters,
) -> Result<Json<Declaration>, Problem> {
    given.end("none")?;
    let filter = only(Kind::Flush, id)?;
    let mut found = context.store.declarations(&filter).await?;
    found.pop().map(Json).ok_or_else(|| missing(Kind::Flush))
}

fn only(kind: Kind, id: Id) -> Result<DeclarationFilter, Problem> {
    Ok(DeclarationFilter {
        id: Some(read_id(id)?),
        kind: Some(kind),
        withdrawn: true,
        ..DeclarationFilter::default()
    })
}

fn missing(kind: Kind) -> Problem {
    Problem::NotFound(format!("there is no {} with this id", kind.as_str()))
}

/// `POST /api/v1/changes`.
pub(super) async fn declare_change(
    State(context): State<Context>,
    Written(new): Written<NewChange>,
) -> Result<(StatusCode, Json<Declaration>), Problem> {
    let at = new.at.unwrap_or_else(clock::now);
    let change = Change {
        names: names(&new.names)?,
        rtype: new.rtype,
        to: new.to,
        from: new.from,
        at,
        until: new.until.unwrap_or_else(|| Change::usual_end(at)),
        comment: new.comment,
    };
    declare(&context, Matter::Change(change), new.by).await
}

/// `POST /api/v1/flushes`.
pub(super) async fn note_flush(
    State(context): State<Context>,
    Written(new): Written<NewFlush>,
) -> Result<(StatusCode, Json<Declaration>), Problem> {
    let flush = Flush {
        resolver: new.resolver,
        names: names(&new.names)?,
        rtype: new.rtype,
        at: new.at.unwrap_or_else(clock::now),
        comment: new.comment,
    };
    if !flush.is_of_any(context.resolvers.iter().map(|one| one.id.as_str())) {
        let unknown = format!("there is no resolver `{}`", flush.resolver);
        return Err(Problem::BadRequest(unknown));
    }
    declare(&context, Matter::Flush(flush), new.by).await
}

async fn declare(
    context: &Context,
    matter: Matter,
    by: Option<String>,
) -> Result<(StatusCode, Json<Declaration>), Problem> {
    let wrong = |senseless| Problem::BadRequest(format!("{senseless}"));
    matter.check().map_err(wrong)?;
    let by = by.unwrap_or_else(|| SOMEBODY.to_owned());
    let declaration = Declaration::new(Uuid::new_v4(), matter, by, Via::Http, clock::now());
    context.store.declare(&declaration).await?;
    Ok((StatusCode::CREATED, Json(declaration)))
}

fn names(patterns: &[String]) -> Result<Vec<DnsName>, Problem> {
    let found = braces::expand_names(patterns.iter().map(String::as_str));
    found.map_err(|error| Problem::BadRequest(format!("names: {error}")))
}

/// `DELETE /api/v1/changes/{id}?by=`: it is withdrawn, and kept.
pub(super) async fn withdraw_change(
    State(context): State<Context>,
    _: NoPage,
    id: Id,
    given: Parameters,
) -> Result<StatusCode, Problem> {
    withdraw(&context, Kind::Change, id, given).await
}

/// `DELETE /api/v1/flushes/{id}?by=`: it is withdrawn, and kept.
pub(super) async fn withdraw_flush(
    State(context): State<Context>,
    _: NoPage,
    id: Id,
    given: Parameters,
) -> Result<StatusCode, Problem> {
    withdraw(&context, Kind::Flush, id, given).await
}

async fn withdraw(
    context: &Context,
    kind: Kind,
    id: Id,
    given: Parameters,
) -> Result<StatusCode, Problem> {
    let (id, by) = read_ending(id, given)?;
    if context.store.withdraw(kind, id, &by, clock::now()).await? {
        Ok(StatusCode::NO_CONTENT)
    } else {
        let gone = format!(
            "there is no {} with this id, or it is withdrawn already",
            kind.as_str()
        );
        Err(Problem::NotFound(gone))
    }
}
