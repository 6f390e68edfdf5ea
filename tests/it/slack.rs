//! Slack's Web API as it is documented, in the test's own process: one conversation, its threads, and the rules of four methods.
//!
//! Slack itself cannot run here. This is stricter than Slack where that shows a mistake: an argument that is not documented is
//! refused, not ignored. Deliberately absent: users, and anything that people see.

mod rules;

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::Bytes,
    extract::{Path, State},
    http::{HeaderMap, HeaderName, StatusCode},
    response::{IntoResponse, Response},
    routing::post,
};
use dns_auditor::config::{Broadcast, Receiver, Secret, SlackBot};
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::Notify};

/// The one conversation.
pub(crate) const CONVERSATION: &str = "C0123ABCDEF";
pub(crate) const TOKEN: &str = "xoxb-1-2-hunter2";
/// The instant of its first message, 2026-11-22T19:05:00Z.
const FIRST: i64 = 1_795_374_300;

/// A message as it stands.
#[derive(Debug, Clone)]
pub(crate) struct Posted {
    /// Its own name.
    pub ts: String,
    /// The first message of its thread; `None`: it is one.
    pub thread_ts: Option<String>,
    /// Whether a reply is shown to the whole conversation.
    pub aloud: bool,
    /// The arguments of the call that posted it, or edited it last.
    pub said: Value,
    metadata: Value,
    client_msg_id: String,
}

impl Posted {
    /// The text of the notification.
    pub(crate) fn text(&self) -> &str {
        self.said["text"].as_str().unwrap()
    }
}

/// What happens to one call.
#[derive(Debug, Clone)]
pub(crate) enum Fault {
    /// It is answered with this status and header, and not done.
    Status(u16, Option<(&'static str, &'static str)>),
    /// It is refused with this word.
    Error(&'static str),
    /// It is done, and the answer is lost on its way.
    AnswerLost,
    /// It is done and never answered.
    Silence,
}

#[derive(Default)]
struct World {
    messages: Vec<Posted>,
    faults: Vec<(&'static str, Fault)>,
    calls: Vec<String>,
    may_read: bool,
    /// Whether a `client_msg_id` that was used is remembered.
    remembers: bool,
}

/// Slack on a free loopback port. It ends with its runtime.
#[derive(Clone)]
pub(crate) struct Slack {
    address: SocketAddr,
    world: Arc<Mutex<World>>,
    called: Arc<Notify>,
}

impl Slack {
    /// Slack for an app that may read the conversation.
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let slack = Self {
            address: listener.local_addr().unwrap(),
            world: Arc::new(Mutex::new(World {
                may_read: true,
                ..World::default()
            })),
            called: Arc::default(),
        };
        let app = Router::new()
            .route("/api/{method}", post(answer))
            .with_state(slack.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
        slack
    }

    /// The app has no permission to read from now on.
    pub(crate) fn forbid_reading(&self) {
        self.world.lock().unwrap().may_read = false;
    }

    /// What was posted under a `client_msg_id` is not posted again from now on.
    pub(crate) fn remember_ids(&self) {
        self.world.lock().unwrap().remembers = true;
    }

    /// Lets this happen to the next call of a method that nothing else is to happen to before.
    pub(crate) fn fail(&self, method: &'static str, fault: Fault) {
        self.world.lock().unwrap().faults.push((method, fault));
    }

    /// Somebody deletes a message.
    pub(crate) fn delete(&self, ts: &str) {
        self.world
            .lock()
            .unwrap()
            .messages
            .retain(|one| one.ts != ts);
    }

    /// Every message in the order of posting.
    pub(crate) fn messages(&self) -> Vec<Posted> {
        self.world.lock().unwrap().messages.clone()
    }

    /// The methods that were called so far.
    pub(crate) fn calls(&self) -> Vec<String> {
        self.world.lock().unwrap().calls.clone()
    }

    /// Waits until there are so many messages.
    ///
    /// # Panics
    /// When there are not within 20 s.
    pub(crate) async fn wait_for(&self, count: usize) {
        let wait = async {
            loop {
                let call = self.called.notified();
                if self.messages().len() >= count {
                    return;
                }
                call.await;
            }
        };
        let patience = std::time::Duration::from_secs(20);
        tokio::time::timeout(patience, wait)
            .await
            .expect("no message");
    }

    /// An app of this Slack.
    pub(crate) fn bot(&self, broadcast: &[Broadcast]) -> Receiver {
        Receiver::SlackBot(SlackBot {
            url: Secret::new(format!("http://{}/api/", self.address)),
            token: Secret::new(TOKEN),
            channel: CONVERSATION.to_owned(),
            broadcast: broadcast.to_vec(),
        })
    }

    fn fault(&self, method: &str) -> Option<Fault> {
        let mut world = self.world.lock().unwrap();
        world.calls.push(method.to_owned());
        let index = world.faults.iter().position(|(of, _)| *of == method)?;
        Some(world.faults.remove(index).1)
    }
}

async fn answer(
    State(slack): State<Slack>,
    Path(method): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let fault = slack.fault(&method);
    match fault {
        Some(Fault::Status(status, header)) => {
            let status = StatusCode::from_u16(status).unwrap();
            let header = header.map(|(name, value)| (HeaderName::from_static(name), value));
            return (
                status,
                HeaderMap::from_iter(header.map(|(n, v)| (n, v.parse().unwrap()))),
            )
                .into_response();
        }
        Some(Fault::Error(word)) => return said(json!({"ok": false, "error": word}), &slack),
        _ => {}
    }
    let done = perform(&slack, &method, &headers, &body);
    slack.called.notify_waiters();
    match fault {
        Some(Fault::AnswerLost) => StatusCode::BAD_GATEWAY.into_response(),
        Some(Fault::Silence) => std::future::pending().await,
        _ => said(
            done.unwrap_or_else(|word| json!({"ok": false, "error": word})),
            &slack,
        ),
    }
}

fn said(answer: Value, slack: &Slack) -> Response {
    let may_read = slack.world.lock().unwrap().may_read;
    let scopes = if may_read {
        "chat:write,channels:history"
    } else {
        "chat:write"
    };
    ([("x-oauth-scopes", scopes)], axum::Json(answer)).into_response()
}

fn perform(slack: &Slack, method: &str, headers: &HeaderMap, body: &[u8]) -> Result<Value, String> {
    let header = |name: &str| {
        headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    };
    if header("authorization") != format!("Bearer {TOKEN}") {
        return Err("invalid_auth".to_owned());
    }
    let mut world = slack.world.lock().unwrap();
    if method.starts_with("chat.") {
        let call: Value = serde_json::from_slice(body).map_err(|_| "invalid_json")?;
        rules::check(method, &call)?;
        let mut answer = match method {
            "chat.postMessage" => world.post(call)?,
            "chat.update" => world.update(call)?,
            _ => return Err("unknown_method".to_owned()),
        };
        if header("content-type") != "application/json; charset=utf-8" {
            answer["warning"] = "missing_charset".into();
        }
        return Ok(answer);
    }
    // These methods read no JSON.
    if header("content-type") != "application/x-www-form-urlencoded" {
        return Err("invalid_arguments".to_owned());
    }
    if !world.may_read {
        return Ok(json!({"ok": false, "error": "missing_scope", "needed": "channels:history"}));
    }
    let call: BTreeMap<String, String> = url::form_urlencoded::parse(body).into_owned().collect();
    world.list(method, &call)
}

impl World {
    fn post(&mut self, call: Value) -> Result<Value, String> {
        let id = call["client_msg_id"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        let known = self.messages.iter().find(|one| one.client_msg_id == id);
        if let Some(known) = known.filter(|_| self.remembers && !id.is_empty()) {
            return Ok(json!({"ok": true, "channel": CONVERSATION, "ts": known.ts}));
        }
        let thread_ts = call["thread_ts"].as_str().map(str::to_owned);
        let is_first =
            |one: &Posted| one.thread_ts.is_none() && Some(&one.ts) == thread_ts.as_ref();
        if thread_ts.is_some() && !self.messages.iter().any(is_first) {
            return Err("message_not_found".to_owned());
        }
        let ts = format!(
            "{}.{:06}",
            FIRST + i64::try_from(self.calls.len()).unwrap(),
            100
        );
        self.messages.push(Posted {
            ts: ts.clone(),
            thread_ts,
            aloud: call["reply_broadcast"] == true,
            metadata: call["metadata"].clone(),
            client_msg_id: id,
            said: call,
        });
        Ok(json!({"ok": true, "channel": CONVERSATION, "ts": ts}))
    }

    fn update(&mut self, call: Value) -> Result<Value, String> {
        let ts = call["ts"].as_str().unwrap_or_default().to_owned();
        let known = self.messages.iter_mut().find(|one| one.ts == ts);
        let known = known.ok_or("message_not_found")?;
        known.said = call;
        Ok(json!({"ok": true, "channel": CONVERSATION, "ts": ts}))
    }

    /// Newest first in a conversation, in their order in a thread; in pages.
    fn list(&self, method: &str, call: &BTreeMap<String, String>) -> Result<Value, String> {
        let given = |key: &str| call.get(key).map_or("", String::as_str);
        if given("channel") != CONVERSATION {
            return Err("channel_not_found".to_owned());
        }
        let mut listed: Vec<&Posted> = match method {
            "conversations.history" => {
                let seen = |one: &&Posted| one.thread_ts.is_none() || one.aloud;
                self.messages.iter().rev().filter(seen).collect()
            }
            "conversations.replies" => {
                let ts = given("ts");
                if !self.messages.iter().any(|one| one.ts == ts) {
                    return Err("thread_not_found".to_owned());
                }
                let inside = |one: &&Posted| one.ts == ts || one.thread_ts.as_deref() == Some(ts);
                self.messages.iter().filter(inside).collect()
            }
            _ => return Err("unknown_method".to_owned()),
        };
        listed.retain(|one| one.ts.as_str() > given("oldest"));
        let limit: usize = given("limit").parse().map_err(|_| "invalid_limit")?;
        let from: usize = given("cursor").parse().unwrap_or(0);
        let page = listed.iter().skip(from).take(limit);
        let messages: Vec<Value> = page
            .map(|one| {
                let mut metadata = one.metadata.clone();
                if given("include_all_metadata") != "true" {
                    metadata["event_payload"] = json!({});
                }
                json!({"type": "message", "ts": one.ts, "text": one.said["text"], "metadata": metadata})
            })
            .collect();
        let next = if from + limit < listed.len() {
            (from + limit).to_string()
        } else {
            String::new()
        };
        Ok(
            json!({"ok": true, "messages": messages, "has_more": !next.is_empty(),
            "response_metadata": {"next_cursor": next}}),
        )
    }
}
