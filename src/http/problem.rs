//! Errors of the API as `application/problem+json` (RFC 9457).
//!
//! Deliberately absent: details of the database. They are logged here, once, and not told to strangers.

use axum::{
    Json,
    http::{Method, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;

use crate::store::StoreError;

/// What a handler can fail with.
#[derive(Debug)]
pub(super) enum Problem {
    /// A parameter is wrong; the text names it and the mend.
    BadRequest(String),
    /// Nothing there.
    NotFound(String),
    /// Nobody may, from there.
    Forbidden(String),
    /// What was sent is no JSON.
    MediaType(String),
    /// There is something, but not for this method.
    Method(String),
    /// The database did not answer.
    Store(StoreError),
}

#[derive(Serialize)]
struct Body<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    title: &'static str,
    status: u16,
    detail: &'a str,
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        match self {
            Self::BadRequest(detail) => respond(StatusCode::BAD_REQUEST, "Bad request", &detail),
            Self::NotFound(detail) => respond(StatusCode::NOT_FOUND, "Not found", &detail),
            Self::Forbidden(detail) => respond(StatusCode::FORBIDDEN, "Forbidden", &detail),
            Self::MediaType(detail) => respond(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "Unsupported media type",
                &detail,
            ),
            Self::Method(detail) => respond(
                StatusCode::METHOD_NOT_ALLOWED,
                "Method not allowed",
                &detail,
            ),
            Self::Store(error) => {
                tracing::error!(%error, "a query of the API failed");
                respond(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "Database not available",
                    "the history cannot be read at the moment; /readyz says when it can",
                )
            }
        }
    }
}

fn respond(status: StatusCode, title: &'static str, detail: &str) -> Response {
    let body = Body {
        kind: "about:blank",
        title,
        status: status.as_u16(),
        detail,
    };
    (
        status,
        [(header::CONTENT_TYPE, "application/problem+json")],
        Json(body).into_response().into_body(),
    )
        .into_response()
}

/// The fallback route.
pub(super) async fn no_such_path(uri: Uri) -> Problem {
    Problem::NotFound(format!("there is no {}; / lists what there is", uri.path()))
}

/// The fallback of every route.
pub(super) async fn no_such_method(method: Method, uri: Uri) -> Problem {
    Problem::Method(format!(
        "{method} {}: not here; /api/v1/openapi.json says what there is",
        uri.path()
    ))
}
