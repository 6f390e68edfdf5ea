//! The HTTP face: health, metrics, and the JSON API under `/api/v1`.
//!
//! [`app`] is the routes, apart from [`serve`]. Deliberately absent: pages, authentication (it listens on loopback
//! unless told otherwise), and queries of its own: CLI and API read the same ones.

mod api;
mod health;
mod problem;

use axum::{Router, routing::get};
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::{metrics::Metrics, store::Store};

/// What every handler may use.
#[derive(Debug, Clone)]
pub struct Context {
    /// History.
    pub store: Store,
    /// The service's own counters.
    pub metrics: Arc<Metrics>,
    /// Where this instance stands.
    pub vantage: String,
}

/// All routes.
pub fn app(context: Context) -> Router {
    Router::new()
        .route("/", get(health::index))
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(health::metrics))
        .route("/api/v1/incidents", get(api::incidents))
        .route("/api/v1/incidents/{id}", get(api::incident))
        .route("/api/v1/timeline", get(api::timeline))
        .route("/api/v1/state", get(api::state))
        .fallback(problem::no_such_path)
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
