//! `/api/v1/explain` and `/api/v1/what-if`: the past judged again, and reckoned otherwise.
//!
//! Deliberately absent: the rules of either, which the command line reads, too.

use axum::{Json, extract::State};

use super::{Context, api::take_name, parameters::Parameters, problem::Problem};
use crate::{
    audit::what_if::WhatIf,
    clock,
    replay::{
        explain::{ExplainQuery, Explained, explain as explain_verdicts},
        what_if::{WhatIfQuery, what_if as work_out},
    },
    store::replay::HeldQuery,
};
use chrono::DateTime;

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
