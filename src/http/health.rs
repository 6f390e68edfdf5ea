//! Health, readiness, metrics, and the index.
//!
//! Deliberately absent: judgement of names. An auditor that sees everything broken is a healthy auditor.

use std::time::Duration;

use axum::{
    Json,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use chrono::{DateTime, Utc};
use serde::Serialize;

use super::Context;
use crate::{clock, metrics::Stock, store::StoreError};

/// How late a round may start before the service counts as not ready.
const LATE: Duration = Duration::from_secs(30);

/// Rounds in a row that could not be recorded before the service counts as not ready.
const FAILED_ROUNDS: u32 = 1;

/// How long a scrape waits for the database: the service's own counters must come all the same.
const STOCK_TIMEOUT: Duration = Duration::from_secs(2);

/// How long the database may take to answer: whoever asks has little patience, too.
const PATIENCE: Duration = Duration::from_secs(2);

/// What there is.
pub(super) async fn index(State(context): State<Context>) -> String {
    format!(
        "dns-auditor at vantage {}\n\n\
         /healthz                      alive\n\
         /readyz                       database reachable, rounds on time\n\
         /metrics                      Prometheus\n\
         /api/v1/openapi.json          everything below, with every field\n\
         /api/v1/incidents             ?status= &group= &name= &resolver= &from= &to= &limit= &after=\n\
         /api/v1/incidents/ID          with everything that happened to it\n\
         /api/v1/timeline?name=NAME    &type= &from= &to= &resolver=\n\
         /api/v1/state                 ?at=INSTANT &name=\n",
        context.vantage
    )
}

/// The process answers.
pub(super) async fn alive() -> &'static str {
    "ok\n"
}

#[derive(Serialize)]
struct Readiness {
    ready: bool,
    problems: Vec<String>,
}

/// The database answers and rounds are on time; ready before the first round is due.
pub(super) async fn ready(State(context): State<Context>) -> Response {
    let mut problems = late_groups(&context, clock::now());
    match tokio::time::timeout(PATIENCE, context.store.ping()).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => problems.push(format!("database: {error}")),
        Err(_) => problems.push(format!(
            "database: no answer within {} s",
            PATIENCE.as_secs()
        )),
    }
    let status = if problems.is_empty() {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (
        status,
        Json(Readiness {
            ready: problems.is_empty(),
            problems,
        }),
    )
        .into_response()
}

fn late_groups(context: &Context, now: DateTime<Utc>) -> Vec<String> {
    let mut problems = Vec::new();
    for (group, due) in context.metrics.schedule() {
        if due.failed >= FAILED_ROUNDS {
            problems.push(format!(
                "group {group}: {} rounds in a row could not be recorded",
                due.failed
            ));
        }
        if let Some(next) = due.next.filter(|next| now > *next + LATE) {
            problems.push(format!(
                "group {group}: the round due at {} has not started",
                next.to_rfc3339()
            ));
        }
    }
    problems
}

/// OpenMetrics text.
pub(super) async fn metrics(State(context): State<Context>) -> Response {
    let stock = tokio::time::timeout(STOCK_TIMEOUT, stock(&context)).await;
    let stock = stock.ok().and_then(Result::ok);
    context.metrics.set_stock(stock.as_ref());
    match context.metrics.encode() {
        Ok(text) => {
            let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
            ([(header::CONTENT_TYPE, kind)], text).into_response()
        }
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

async fn stock(context: &Context) -> Result<Stock, StoreError> {
    let incidents = context.store.live_incidents(&context.vantage).await?;
    let outbox = context.store.outbox_depth(&context.vantage).await?;
    let now = clock::now();
    let disabled = context
        .store
        .disabled_channels(&context.vantage, now)
        .await?;
    let oldest = outbox.oldest_waiting.map(|written| now - written);
    Ok(Stock {
        incidents,
        waiting: outbox.waiting,
        buried: outbox.buried,
        held: outbox.held,
        oldest_waiting_seconds: oldest.map_or(0, |age| age.num_seconds().max(0) as u64),
        disabled_channels: disabled.len() as u64,
    })
}
