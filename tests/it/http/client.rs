//! The service's HTTP face without the rest of it, and a plain client.

use std::sync::Arc;

use dns_auditor::{http, metrics::Metrics, store::Store, types::Resolver};
use reqwest::{Method, RequestBuilder, StatusCode, header::HeaderMap};
use serde_json::Value as Json;
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::rounds::Watched;

/// A running face. It ends with its guard.
pub(crate) struct Face {
    base: String,
    _running: DropGuard,
}

/// One answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) kind: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Json {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The detail of a problem with this status.
    pub(crate) fn problem(&self, status: u16) -> String {
        assert_eq!(self.kind, "application/problem+json", "{self:?}");
        assert_eq!(self.status, status, "{self:?}");
        let problem = self.json();
        assert_eq!(problem["status"], status, "{self:?}");
        problem["detail"].as_str().unwrap().to_owned()
    }
}

impl Face {
    /// Over this store and these counters.
    pub(crate) async fn start(store: Store, metrics: Arc<Metrics>) -> Self {
        Self::with(store, metrics, Arc::new([])).await
    }

    async fn with(store: Store, metrics: Arc<Metrics>, resolvers: Arc<[Arc<Resolver>]>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let app = http::app(http::Context {
            store,
            metrics,
            vantage: "us-west-2".to_owned(),
            resolvers,
            periods: Arc::new([("dialers".to_owned(), std::time::Duration::from_mins(1))].into()),
            maintenance: Arc::new([]),
            base_url: base.as_str().into(),
        });
        let shutdown = CancellationToken::new();
        tokio::spawn(http::serve(listener, app, shutdown.clone()));
        Self {
            base,
            _running: shutdown.drop_guard(),
        }
    }

    /// Over the history of these rounds.
    pub(crate) async fn over(watched: &Watched) -> Self {
        let resolvers = watched.config.resolvers.clone().into();
        Self::with(watched.store.clone(), watched.metrics.clone(), resolvers).await
    }

    /// Its address, without a path.
    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path).await
    }

    pub(crate) async fn send(&self, method: Method, path: &str) -> Answer {
        self.send_with(method, path, |request| request).await
    }

    /// Sends JSON, as a program does.
    pub(crate) async fn post(&self, path: &str, body: &Json) -> Answer {
        self.send_with(Method::POST, path, |request| request.json(body))
            .await
    }

    /// Sends a request with whatever else it has.
    pub(crate) async fn send_with(
        &self,
        method: Method,
        path: &str,
        complete: impl FnOnce(RequestBuilder) -> RequestBuilder,
    ) -> Answer {
        // The client wants a provider even where nothing is encrypted; another test may have installed it.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let request = reqwest::Client::new().request(method, format!("{}{path}", self.base));
        let answer = complete(request).send().await.unwrap();
        let kind = answer.headers().get("content-type");
        Answer {
            status: answer.status(),
            kind: kind.map_or("", |kind| kind.to_str().unwrap()).to_owned(),
            headers: answer.headers().clone(),
            body: answer.text().await.unwrap(),
        }
    }
}
