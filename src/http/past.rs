//! `/api/v1/explain`, `/api/v1/what-if` and `/api/v1/report`: the past judged again, reckoned otherwise, and put together.
//!
//! Deliberately absent: the rules of all three, which the command line reads, too.

use axum::{
    Json,
    extract::State,
    http::header,
    response::{IntoResponse as _, Response},
};

use super::{Context, api::take_name, parameters::Parameters, problem::Problem};
use crate::{
    audit::what_if::WhatIf,
    cli::report::Form,
    clock,
    names::DnsName,
    replay::{
        explain::{ExplainQuery, Explained, explain as explain_verdicts},
        postmortem::{Postmortem, PostmortemQuery, Subject, postmortem},
        what_if::{WhatIfQuery, what_if as work_out},
    },
    store::replay::HeldQuery,
};
use chrono::DateTime;
use uuid::Uuid;

/// `GET /api/v1/explain?name=&type=&resolver=&at=`; `at` is now when it is not given.
pub(super) async fn explain(
    State(context): State<Context>,
    mut given: Parameters,
) -> Result<Json<Explained>, Problem> {
    let query = ExplainQuery {
        vantage: context.vantage,
        names: vec![take_name(&mut given)?],
        types: given.take("type", str::parse)?.into_iter().collect(),
        resolvers: given.take_text("resolver").into_iter().collect(),
        at: given.take_instant("at")?.unwrap_or_else(clock::now),
    };
    given.end("name, type, resolver, at")?;
    Ok(Json(explain_verdicts(&context.store, &query).await?))
}

/// `GET /api/v1/what-if?ttl=&name=&type=&resolver=&from=&to=`.
pub(super) async fn what_if(
    State(context): State<Context>,
    mut given: Parameters,
) -> Result<Json<WhatIf>, Problem> {
    let missing = || Problem::BadRequest("ttl: which TTL, in seconds? ?ttl=300".to_owned());
    let ttl = given.take("ttl", str::parse)?.ok_or_else(missing)?;
    let name = take_name(&mut given)?;
    let [from, to] = given.take_window()?;
    let of = HeldQuery {
        vantage: context.vantage,
        names: vec![name],
        types: given.take("type", str::parse)?.into_iter().collect(),
        resolvers: given.take_text("resolver").into_iter().collect(),
        from: from.unwrap_or(DateTime::UNIX_EPOCH),
        to: to.unwrap_or_else(clock::now),
    };
    given.end("ttl, name, type, resolver, from, to")?;
    Ok(Json(
        work_out(&context.store, &WhatIfQuery { of, ttl }, &context.resolvers).await?,
    ))
}

/// The TTL of the what-if when it is not given: the usual policy.
const USUAL_TTL: u32 = 300;

/// `GET /api/v1/report?incident=&from=&to=&name=&ttl=&format=`; of an incident, or of a window, as JSON unless `format` says
/// `html` or `markdown`.
pub(super) async fn report(
    State(context): State<Context>,
    mut given: Parameters,
) -> Result<Response, Problem> {
    let form = given.take("format", form)?.flatten();
    let incident = given.take("incident", str::parse::<Uuid>)?;
    let name = given.take("name", str::parse::<DnsName>)?;
    let window = given.take_window()?;
    let ttl = given.take("ttl", str::parse)?.unwrap_or(USUAL_TTL);
    given.end("incident, from, to, name, ttl, format")?;
    let subject = match (incident, window) {
        (Some(id), [None, None]) if name.is_none() => Subject::Incident(id),
        (None, [Some(from), to]) => Subject::Window {
            from,
            to: to.unwrap_or_else(clock::now),
            names: name.into_iter().collect(),
        },
        _ => {
            let wrong = "incident: either an incident, or a window that `from` begins";
            return Err(Problem::BadRequest(wrong.to_owned()));
        }
    };
    let query = PostmortemQuery { subject, ttl };
    let told = postmortem(&context.store, &query, &context.resolvers).await?;
    let missing = || Problem::NotFound("there is no such incident".to_owned());
    Ok(answer(&told.ok_or_else(missing)?, form))
}

/// A form by its name; `None` is JSON.
fn form(name: &str) -> Result<Option<Form>, String> {
    match name {
        "json" => Ok(None),
        "html" => Ok(Some(Form::Html)),
        "markdown" => Ok(Some(Form::Markdown)),
        other => Err(format!("`{other}` is none of json, html, markdown")),
    }
}

fn answer(postmortem: &Postmortem, form: Option<Form>) -> Response {
    let Some(form) = form else {
        return Json(postmortem).into_response();
    };
    let kind = match form {
        Form::Html => "text/html; charset=utf-8",
        Form::Markdown => "text/markdown; charset=utf-8",
    };
    // Texts in it came from the wire: nobody guesses another kind, and nothing in it runs.
    let headers = [
        (header::CONTENT_TYPE, kind),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
        ),
    ];
    (headers, form.page(postmortem)).into_response()
}
