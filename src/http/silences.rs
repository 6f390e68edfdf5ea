//! `/api/v1/silences`: what is kept quiet, read, made and ended.
//!
//! Deliberately absent: changing a silence, and windows of maintenance, which the configuration makes. The command line
//! writes the same silences.

use axum::{Json, extract::State, http::StatusCode};
use chrono::{DateTime, Utc};
use serde::Deserialize;
use uuid::Uuid;

use super::{
    Context,
    parameters::Parameters,
    problem::Problem,
    writing::{Id, NoPage, SOMEBODY, Written, read_ending, read_id},
};
use crate::{
    audit::{
        declared::Via,
        quiet::{NoSilence, QuietAt, Silence, SilenceAt},
    },
    clock,
    types::Matchers,
};

/// A silence as it is sent.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewSilence {
    pub(super) matchers: Matchers,
    pub(super) starts_at: Option<DateTime<Utc>>,
    pub(super) ends_at: DateTime<Utc>,
    pub(super) by: Option<String>,
    pub(super) comment: String,
}

impl NewSilence {
    /// The silence that it asks for at `now`, by whoever reaches the port.
    pub(super) fn made(self, now: DateTime<Utc>) -> Result<Silence, NoSilence> {
        let silence = Silence {
            id: Uuid::new_v4(),
            matchers: self.matchers,
            comment: self.comment,
            made_by: self.by.unwrap_or_else(|| SOMEBODY.to_owned()),
            made_at: now,
            via: Via::Http,
            starts_at: self.starts_at.unwrap_or(now),
            ends_at: self.ends_at,
            expired_at: None,
            expired_by: None,
        };
        silence.check()?;
        Ok(silence)
    }
}

/// `GET /api/v1/silences?expired=`.
pub(super) async fn silences(
    State(context): State<Context>,
    mut given: Parameters,
) -> Result<Json<QuietAt>, Problem> {
    let expired = given
        .take("expired", str::parse::<bool>)?
        .unwrap_or_default();
    given.end("expired")?;
    let now = clock::now();
    let found = context.store.silences((!expired).then_some(now)).await?;
    let windows = context.maintenance.iter().map(|window| window.at(now));
    Ok(Json(QuietAt::new(found, windows.collect(), now)))
}

/// `GET /api/v1/silences/{id}`, expired or not.
pub(super) async fn silence(
    State(context): State<Context>,
    id: Id,
    given: Parameters,
) -> Result<Json<SilenceAt>, Problem> {
    given.end("none")?;
    let found = context.store.silence(read_id(id)?).await?;
    let missing = || Problem::NotFound("there is no silence with this id".to_owned());
    found
        .map(|one| Json(SilenceAt::new(one, clock::now())))
        .ok_or_else(missing)
}

/// `POST /api/v1/silences`.
pub(super) async fn add(
    State(context): State<Context>,
    Written(new): Written<NewSilence>,
) -> Result<(StatusCode, Json<SilenceAt>), Problem> {
    let now = clock::now();
    let wrong = |why| Problem::BadRequest(format!("{why}"));
    let silence = new.made(now).map_err(wrong)?;
    context.store.add_silence(&silence).await?;
    Ok((StatusCode::CREATED, Json(SilenceAt::new(silence, now))))
}

/// `DELETE /api/v1/silences/{id}?by=`: it ends now, and is kept.
pub(super) async fn expire(
    State(context): State<Context>,
    _: NoPage,
    id: Id,
    given: Parameters,
) -> Result<StatusCode, Problem> {
    let (id, by) = read_ending(id, given)?;
    if context.store.expire_silence(id, &by, clock::now()).await? {
        return Ok(StatusCode::NO_CONTENT);
    }
    let gone = "there is no silence with this id, or it is over already";
    Err(Problem::NotFound(gone.to_owned()))
}
