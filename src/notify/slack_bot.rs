//! What an app says to Slack's Web API: the first message of a thread, replies, edits, and what the answers mean.
//!
//! The first message always shows how things stand; the replies below it keep what was said when. Deliberately absent: sending,
//! and which thread an incident has.

mod errors;

use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

pub(super) use errors::{Meaning, meaning};

use super::slack;
use crate::{
    audit::incident::{Incident, Status, Transition},
    types::Severity,
};

/// The type of our messages' metadata, by which they are found again.
const EVENT: &str = "dns_auditor_message";

/// A message, as a call needs it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Letter<'a> {
    /// Stable over all attempts.
    pub(super) id: Uuid,
    /// The incident it tells of.
    pub(super) incident: Option<Uuid>,
    /// As [`message`] or [`test_message`] made it.
    pub(super) body: &'a Value,
}

/// The message that tells `transition`, as it is recorded: Slack's, with the colour of the state it leaves, and its kind.
pub(super) fn message(transition: &Transition, message: &slack::Message) -> Value {
    let mut body = message.to_value();
    body["color"] = colour(&transition.incident).into();
    body["kind"] = super::kind_name(transition).into();
    body
}

/// A test message, as it is recorded.
pub(super) fn test_message(message: &slack::Message) -> Value {
    let mut body = message.to_value();
    body["kind"] = "test".into();
    body
}

/// Of the bar beside the first message.
fn colour(incident: &Incident) -> &'static str {
    match (incident.status, incident.severity) {
        (Status::Resolved, _) => "#2eb67d",
        (Status::Recovering, _) => "#36c5f0",
        (Status::Open, Severity::Critical) => "#e01e5a",
        (Status::Open, Severity::Warning) => "#ecb22e",
        (Status::Open, _) => "#9aa0a6",
    }
}

/// The arguments of `chat.postMessage` for the first message of a thread.
pub(super) fn first(conversation: &str, letter: Letter<'_>) -> Value {
    let mut call = post(conversation, letter);
    show_state(&mut call, letter.body);
    call
}

/// The arguments of `chat.postMessage` for a reply in the thread of `ts`; `aloud`: the whole conversation sees it.
pub(super) fn reply(conversation: &str, ts: &str, letter: Letter<'_>, aloud: bool) -> Value {
    let mut call = post(conversation, letter);
    call["blocks"] = letter.body["blocks"].clone();
    call["thread_ts"] = ts.into();
    if aloud {
        call["reply_broadcast"] = true.into();
    }
    call
}

/// The arguments of `chat.update` that let the first message show what `body` says. Its metadata stay.
pub(super) fn edit(conversation: &str, ts: &str, body: &Value) -> Value {
    // Unlike the posting of messages, an edit reads names and links into the text unless told not to.
    let mut call =
        json!({"channel": conversation, "ts": ts, "text": body["text"], "parse": "none"});
    show_state(&mut call, body);
    call
}

fn post(conversation: &str, letter: Letter<'_>) -> Value {
    let mut payload = json!({"message_id": letter.id});
    if let Some(incident) = letter.incident {
        payload["incident_id"] = json!(incident);
    }
    json!({
        "channel": conversation,
        "text": letter.body["text"],
        "parse": "none",
        "unfurl_links": false,
        "unfurl_media": false,
        // No documented argument; the documented errors speak of it, and Slack posts none twice while it remembers it.
        "client_msg_id": letter.id,
        "metadata": {"event_type": EVENT, "event_payload": payload},
    })
}

/// The blocks, beside a bar of the state's colour where there is one. Only attachments have bars, and the text stands above
/// an attachment, so that its header would say the same again.
fn show_state(call: &mut Value, body: &Value) {
    if body["color"].is_null() {
        call["blocks"] = body["blocks"].clone();
        return;
    }
    let blocks = body["blocks"].as_array().into_iter().flatten();
    let below: Vec<&Value> = blocks.filter(|one| one["type"] != "header").collect();
    call["attachments"] =
        json!([{"color": body["color"], "fallback": body["text"], "blocks": below}]);
}

/// The calls that tell a message, for people to look at.
pub(super) fn shown(conversation: &str, letter: Letter<'_>) -> Value {
    if matches!(
        letter.body["kind"].as_str(),
        Some("incident.opened" | "test")
    ) {
        return json!([{"chat.postMessage": first(conversation, letter)}]);
    }
    let ts = "of the thread's first message";
    json!([
        {"chat.update": edit(conversation, ts, letter.body)},
        {"chat.postMessage": reply(conversation, ts, letter, false)},
    ])
}

/// What every method answers, as far as it is needed.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Answer {
    ok: bool,
    #[serde(default)]
    error: String,
    /// With `missing_scope`: the scope.
    #[serde(default)]
    needed: String,
    #[serde(default)]
    warning: String,
    /// Of the message that was posted or edited.
    #[serde(default)]
    pub(super) ts: String,
    #[serde(default)]
    messages: Vec<Seen>,
    #[serde(default)]
    response_metadata: Rest,
}

/// A message of a conversation.
#[derive(Debug, Deserialize)]
struct Seen {
    ts: String,
    #[serde(default)]
    metadata: Value,
}

#[derive(Debug, Default, Deserialize)]
struct Rest {
    #[serde(default)]
    next_cursor: String,
    /// What is wrong in the arguments, in words.
    #[serde(default)]
    messages: Vec<String>,
}

impl Answer {
    /// Slack's word for what went wrong; `None` where nothing did.
    pub(super) fn error(&self) -> Option<&str> {
        match (self.ok, self.error.as_str()) {
            (true, _) => None,
            (false, "") => Some("unknown_error"),
            (false, word) => Some(word),
        }
    }

    /// What went wrong, with what Slack says of it.
    pub(super) fn complaint(&self) -> String {
        let word = self.error().unwrap_or_default();
        let needed = (!self.needed.is_empty()).then(|| format!("needs {}", self.needed));
        let more: Vec<String> = needed
            .into_iter()
            .chain(self.response_metadata.messages.iter().cloned())
            .collect();
        if more.is_empty() {
            word.to_owned()
        } else {
            format!("{word} ({})", more.join("; "))
        }
    }

    /// What Slack warns of though it did as it was told.
    pub(super) fn warning(&self) -> Option<&str> {
        (!self.warning.is_empty()).then_some(self.warning.as_str())
    }

    /// The `ts` of the message with this id among those listed.
    pub(super) fn ts_of(&self, id: Uuid) -> Option<&str> {
        let id = id.to_string();
        let is_it = |seen: &&Seen| {
            seen.metadata["event_type"] == EVENT
                && seen.metadata["event_payload"]["message_id"] == id.as_str()
        };
        self.messages.iter().find(is_it).map(|one| one.ts.as_str())
    }

    /// Where the list goes on.
    pub(super) fn next(&self) -> Option<&str> {
        let cursor = self.response_metadata.next_cursor.as_str();
        (!cursor.is_empty()).then_some(cursor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body() -> Value {
        json!({"text": "Down", "color": "#e01e5a", "kind": "incident.updated",
            "blocks": [{"type": "header"}, {"type": "section"}]})
    }

    fn letter(body: &Value) -> Letter<'_> {
        Letter {
            id: Uuid::from_u128(7),
            incident: Some(Uuid::from_u128(8)),
            body,
        }
    }

    #[test]
    fn the_first_message_has_a_bar_and_the_headline_once() {
        let body = body();
        let call = first("C0123ABCDEF", letter(&body));
        let bar =
            json!([{"color": "#e01e5a", "fallback": "Down", "blocks": [{"type": "section"}]}]);
        assert_eq!(
            (&call["text"], &call["attachments"]),
            (&json!("Down"), &bar)
        );
        assert!(call.get("blocks").is_none() && call.get("thread_ts").is_none());
        // Whatever the colour was made for stays with us.
        assert!(call.get("color").is_none() && call.get("kind").is_none());
    }

    #[test]
    fn a_reply_is_shown_to_all_only_where_it_is_worth_it() {
        let body = body();
        let quiet = reply("C0123ABCDEF", "1.2", letter(&body), false);
        assert_eq!(
            (&quiet["thread_ts"], &quiet["blocks"]),
            (&json!("1.2"), &body["blocks"])
        );
        assert!(quiet.get("reply_broadcast").is_none());
        let aloud = reply("C0123ABCDEF", "1.2", letter(&body), true);
        assert_eq!(aloud["reply_broadcast"], true);
    }

    #[test]
    fn a_message_is_found_by_our_metadata_and_nobody_elses() {
        let id = Uuid::from_u128(7);
        let seen = |event: &str, ts: &str| {
            json!({"ts": ts, "text": "…",
                "metadata": {"event_type": event, "event_payload": {"message_id": id}}})
        };
        let answer: Answer = serde_json::from_value(json!({
            "ok": true,
            "messages": [{"ts": "1.0"}, seen("theirs", "2.0"), seen(EVENT, "3.0")],
            "response_metadata": {"next_cursor": ""},
        }))
        .unwrap();
        assert_eq!(answer.ts_of(id), Some("3.0"));
        assert_eq!(answer.ts_of(Uuid::from_u128(9)), None);
        assert_eq!((answer.error(), answer.next()), (None, None));
    }
}
