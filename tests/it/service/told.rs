//! What a receiver was told, each message verified by its signature and put into one line.
//!
//! Deliberately not the product's own code for signatures: this is the receiver's side.

use std::collections::HashMap;

use base64::{Engine, engine::general_purpose::STANDARD};
use chrono::{DateTime, Utc};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::Sha256;

use super::setup::SECRET;
use crate::sink::Received;

/// One message of the webhook channel.
#[derive(Debug, Clone)]
pub(super) struct Told {
    /// `webhook-id`.
    pub(super) id: String,
    /// `data.incident` of its body.
    pub(super) incident: Value,
    /// When the step was taken; opening steps of one instant come before endings.
    step: (DateTime<Utc>, String),
}

impl Told {
    /// Reads a message of an incident; panics where its signature is not right.
    pub(super) fn read(received: &Received) -> Self {
        let id = received.header("webhook-id").to_owned();
        verify(received, &id);
        let body = received.json();
        Self {
            id,
            incident: body["data"]["incident"].clone(),
            step: (
                text(&body["timestamp"]).parse().unwrap(),
                text(&body["type"]).replace("incident.", ""),
            ),
        }
    }

    /// Messages in the order of their steps. Those of one incident came in it; those of different incidents may overtake
    /// each other.
    pub(super) fn in_order(mut messages: Vec<Self>) -> Vec<Self> {
        let mut latest = HashMap::new();
        for message in &messages {
            let before = latest.insert(message.incident["id"].to_string(), &message.step);
            assert!(
                before <= Some(&message.step),
                "an incident's steps out of order"
            );
        }
        messages.sort_by(|one, other| one.step.cmp(&other.step));
        messages
    }

    /// What it says: `opened open critical name divergent: dialer7.example.com A at unbound`. More than three names are
    /// counted, not listed.
    pub(super) fn line(&self) -> String {
        let say = |key: &str| text(&self.incident[key]);
        let names = list(&self.incident["names"]);
        let names = match self.incident["names_total"].as_u64().unwrap() {
            0..=3 => names,
            total => format!("{total} names"),
        };
        let places = ["resolvers", "authorities"].map(|key| list(&self.incident[key]));
        let places = places.iter().find(|place| !place.is_empty());
        let places = places.map_or("-", String::as_str);
        format!(
            "{} {} {} {} {}: {names} {} at {places}",
            self.step.1,
            say("status"),
            say("severity"),
            say("axis"),
            say("verdict"),
            list(&self.incident["types"]),
        )
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

fn list(value: &Value) -> String {
    let items = value.as_array().unwrap().iter();
    items.map(text).collect::<Vec<_>>().join(" ")
}

/// As a receiver of Standard Webhooks does it: HMAC-SHA256 over `id.timestamp.body` under the decoded secret.
fn verify(received: &Received, id: &str) {
    let key = STANDARD
        .decode(SECRET.strip_prefix("whsec_").unwrap())
        .unwrap();
    let signature = received.header("webhook-signature");
    let signature = STANDARD.decode(signature.strip_prefix("v1,").unwrap());
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).unwrap();
    mac.update(format!("{id}.{}.", received.header("webhook-timestamp")).as_bytes());
    mac.update(&received.body);
    mac.verify_slice(&signature.unwrap())
        .expect("a message whose signature does not verify");
}
