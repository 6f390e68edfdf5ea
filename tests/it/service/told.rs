//! What a receiver was told, each message verified by its signature and put into one line.
//!
//! Deliberately not the product's own code for signatures: this is the receiver's side.

use base64::{Engine, engine::general_purpose::STANDARD};
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
    kind: String,
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
            kind: text(&body["type"]).replace("incident.", ""),
        }
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
            self.kind,
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
