//! The HTTP face: health, metrics, and the JSON API under `/api/v1`.
//!
//! [`app`] is the routes, apart from [`serve`]. Deliberately absent: pages but for the one that makes a silence,
//! authentication (it listens on loopback unless told otherwise), and queries of its own: CLI and API read the same ones.

mod api;
mod declarations;
mod health;
mod parameters;
mod past;
mod problem;
mod questions;
mod silence_page;
mod silences;
mod writing;

use axum::{
    Router,
    routing::{MethodRouter, get, post},
};
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::{config::Maintenance, metrics::Metrics, store::Store, types::Resolver};

/// What every handler may use.
#[derive(Debug, Clone)]
pub struct Context {
    /// History.
    pub store: Store,
    /// The service's own counters.
    pub metrics: Arc<Metrics>,
    /// Where this instance stands.
    pub vantage: String,
    /// The resolvers, for the longest that each keeps anything.
    pub resolvers: Arc<[Arc<Resolver>]>,
    /// The longest time between two rounds of each group.
    pub periods: Arc<BTreeMap<String, Duration>>,
    /// Windows in which incidents are not told.
    pub maintenance: Arc<[Maintenance]>,
    /// Where people reach this face ([`crate::config::Http::base_url`]).
    pub base_url: Arc<str>,
}

/// Every path, and who answers it.
fn routes() -> [(&'static str, MethodRouter<Context>); 28] {
    [
        ("/", get(health::index)),
        ("/healthz", get(health::alive)),
        ("/readyz", get(health::ready)),
        ("/metrics", get(health::metrics)),
        ("/silence", get(silence_page::form).post(silence_page::make)),
        ("/api/v1/openapi.json", get(api::openapi)),
        ("/api/v1/incidents", get(api::incidents)),
        ("/api/v1/incidents/{id}", get(api::incident)),
        ("/api/v1/incidents/{id}/ack", post(api::ack)),
        ("/api/v1/timeline", get(api::timeline)),
        ("/api/v1/state", get(api::state)),
        ("/api/v1/evidence", get(api::evidence)),
        ("/api/v1/explain", get(past::explain)),
        ("/api/v1/what-if", get(past::what_if)),
        ("/api/v1/report", get(past::report)),
        (
            "/api/v1/changes",
            get(declarations::changes).post(declarations::declare_change),
        ),
        (
            "/api/v1/changes/{id}",
            get(declarations::change).delete(declarations::withdraw_change),
        ),
        (
            "/api/v1/flushes",
            get(declarations::flushes).post(declarations::note_flush),
        ),
        (
            "/api/v1/flushes/{id}",
            get(declarations::flush).delete(declarations::withdraw_flush),
        ),
        (
            "/api/v1/silences",
            get(silences::silences).post(silences::add),
        ),
        (
            "/api/v1/silences/{id}",
            get(silences::silence).delete(silences::expire),
        ),
        ("/api/v1/who-served", get(questions::who_served)),
        ("/api/v1/diff", get(questions::diff)),
        ("/api/v1/propagation", get(questions::propagation)),
        ("/api/v1/sli", get(questions::sli)),
        ("/api/v1/denials", get(questions::denials)),
        ("/api/v1/findings", get(questions::findings)),
        ("/api/v1/coverage", get(questions::coverage)),
    ]
}

/// Every path there is, as `openapi.json` has to have it.
pub fn paths() -> impl Iterator<Item = &'static str> {
    routes().into_iter().map(|(path, _)| path)
}

/// All routes.
pub fn app(context: Context) -> Router {
    let add = |app: Router<Context>, (path, route)| app.route(path, route);
    routes()
        .into_iter()
        .fold(Router::new(), add)
        .fallback(problem::no_such_path)
        .method_not_allowed_fallback(problem::no_such_method)
        .with_state(context)
}

/// Serves until `shutdown`; requests under way are answered first.
pub async fn serve(listener: TcpListener, app: Router, shutdown: CancellationToken) {
    let served = axum::serve(listener, app)
        .with_graceful_shutdown(shutdown.cancelled_owned())
        .await;
    if let Err(error) = served {
        tracing::error!(%error, "the HTTP face ended");
    }
}
