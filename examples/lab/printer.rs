//! Prints the messages that channels are sent, in place of Slack and of a webhook's receiver.
//!
//! Deliberately without checks of signatures: it has no key.

use axum::{
    Router,
    body::Bytes,
    http::{HeaderMap, Uri},
};
use chrono::{SecondsFormat, Utc};
use serde_json::Value;
use tokio::net::TcpListener;

/// Answers 200 to whatever is sent, and prints it.
pub(crate) async fn print_messages(listener: TcpListener) {
    let _ = axum::serve(listener, Router::new().fallback(print)).await;
}

async fn print(uri: Uri, headers: HeaderMap, body: Bytes) {
    let now = Utc::now().to_rfc3339_opts(SecondsFormat::Secs, true);
    let id = headers
        .get("webhook-id")
        .and_then(|id| id.to_str().ok())
        .unwrap_or("none");
    let body = match serde_json::from_slice::<Value>(&body) {
        Ok(json) => format!("{json:#}"),
        Err(_) => String::from_utf8_lossy(&body).into_owned(),
    };
    println!("── {now} to {uri}, webhook-id {id}\n{body}\n");
}
