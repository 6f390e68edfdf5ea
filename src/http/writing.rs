//! What a request must be that changes something: no web page's doing, and JSON.
//!
//! There is no log-in, so that whoever reaches the port may write. A page in somebody's browser reaches a loopback port,
//! too: browsers send `Origin` with every POST and DELETE that a page makes, whatever host name it came by, and so every
//! request with one is refused. Deliberately absent: CORS, and the one page of our own that writes (`silence_page`).

use axum::{
    body::Bytes,
    extract::{FromRequest, FromRequestParts, Path, Request, rejection::PathRejection},
    http::{HeaderMap, header, request::Parts},
};
use serde::de::DeserializeOwned;
use uuid::Uuid;

use super::{parameters::Parameters, problem::Problem};

/// Who wrote, where the request does not say.
pub(super) const SOMEBODY: &str = "somebody";

/// The `{id}` of a path.
pub(super) type Id = Result<Path<String>, PathRejection>;

pub(super) fn read_id(id: Id) -> Result<Uuid, Problem> {
    let Path(id) = id.map_err(|error| Problem::BadRequest(error.body_text()))?;
    let wrong = |_| Problem::BadRequest(format!("`{id}` is not an id"));
    id.parse().map_err(wrong)
}

/// What a `DELETE …/{id}?by=` ends, and in whose name.
pub(super) fn read_ending(id: Id, mut given: Parameters) -> Result<(Uuid, String), Problem> {
    let by = given.take_text("by").unwrap_or_else(|| SOMEBODY.to_owned());
    given.end("by")?;
    Ok((read_id(id)?, by))
}

/// A request that no web page made.
pub(super) struct NoPage;

impl<S: Sync> FromRequestParts<S> for NoPage {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        refuse_pages(&parts.headers).map(|()| Self)
    }
}

/// The JSON of a request that no web page made.
pub(super) struct Written<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Written<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        refuse_pages(request.headers())?;
        refuse_other_types(request.headers())?;
        let body = Bytes::from_request(request, state).await;
        let body = body.map_err(|error| Problem::BadRequest(error.body_text()))?;
        let read = serde_json::from_slice(&body);
        read.map(Self)
            .map_err(|error| Problem::BadRequest(error.to_string()))
    }
}

fn refuse_pages(headers: &HeaderMap) -> Result<(), Problem> {
    let fetched = headers.get("sec-fetch-site");
    let by_page = fetched.is_some_and(|site| site != "none");
    if headers.contains_key(header::ORIGIN) || by_page {
        let why = "a web page sent this (Origin, Sec-Fetch-Site): only programs may write here";
        return Err(Problem::Forbidden(why.to_owned()));
    }
    Ok(())
}

/// A form, which any page may send, has another type.
fn refuse_other_types(headers: &HeaderMap) -> Result<(), Problem> {
    let given = headers.get(header::CONTENT_TYPE);
    let given = given.and_then(|given| given.to_str().ok()).unwrap_or("");
    let essence = given.split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case("application/json") {
        return Ok(());
    }
    let why = format!("`{given}`: send JSON, with `Content-Type: application/json`");
    Err(Problem::MediaType(why))
}
