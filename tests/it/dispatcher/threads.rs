//! What a Slack app is told: one thread for each incident, whatever fails meanwhile, nothing lost and nothing posted twice.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use dns_auditor::{
    config::{Broadcast, Channel},
    dispatcher::Dispatcher,
    store::{NewMessage, Store},
    types::Severity,
};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{after, channel, dispatcher, message, start};
use crate::{
    postgres::fresh_store,
    slack::{Fault, Slack},
};

/// A message as the app's form records them.
fn body(kind: &str, text: &str) -> Value {
    let plain = |text: &str| json!({"type": "plain_text", "text": text, "emoji": false});
    json!({
        "text": text,
        "kind": kind,
        "color": "#e01e5a",
        "blocks": [
            {"type": "header", "text": plain(text)},
            {"type": "section", "text": {"type": "mrkdwn", "text": format!("{text}, in full"), "verbatim": true}},
        ],
    })
}

/// A step of incident 1, written at that second.
fn step(kind: &str, text: &str, severity: Severity, seconds: i64) -> NewMessage {
    NewMessage {
        kind: kind.to_owned(),
        severity,
        body: body(kind, text),
        ..message("bot", 1, after(seconds))
    }
}

fn opened() -> NewMessage {
    step("incident.opened", "down", Severity::Warning, 0)
}

fn updated(seconds: i64) -> NewMessage {
    step("incident.updated", "worse", Severity::Critical, seconds)
}

fn bot(slack: &Slack) -> Arc<Channel> {
    channel("bot", slack.bot(&[Broadcast::Worse]))
}

struct Scene {
    store: Store,
    slack: Slack,
}

impl Scene {
    async fn start() -> Self {
        Self {
            store: fresh_store().await,
            slack: Slack::start().await,
        }
    }

    /// A dispatcher that remembers nothing of earlier ones.
    fn dispatcher(&self) -> Dispatcher {
        dispatcher(&self.store, vec![bot(&self.slack)])
    }

    /// Writes a message and makes an attempt at it that second.
    async fn tell(&self, message: &NewMessage) {
        self.store
            .enqueue(std::slice::from_ref(message))
            .await
            .unwrap();
        self.attempt(message.created_at).await;
    }

    async fn attempt(&self, now: DateTime<Utc>) {
        assert!(
            self.dispatcher().step(now).await.unwrap(),
            "nothing was due"
        );
    }

    /// The text of every message, replies behind `> `, those that all see behind `>> `.
    fn conversation(&self) -> Vec<String> {
        let messages = self.slack.messages().into_iter();
        let shown = messages.map(|one| {
            let mark = match (&one.thread_ts, one.aloud) {
                (None, _) => "",
                (Some(_), false) => "> ",
                (Some(_), true) => ">> ",
            };
            format!("{mark}{}", one.text())
        });
        shown.collect()
    }

    /// The last outcome of a message, as its log has it.
    async fn outcome(&self, id: Uuid) -> String {
        let events = self.store.deliveries_of(id).await.unwrap();
        events
            .last()
            .map_or_else(String::new, |event| event.detail.clone())
    }
}

#[tokio::test]
async fn an_incident_has_one_thread_whose_first_message_shows_how_it_stands() {
    let scene = Scene::start().await;
    scene.tell(&opened()).await;
    let first = scene.slack.messages()[0].clone();
    assert_eq!(scene.conversation(), ["down"]);
    // Every attempt is another instance's.
    scene.tell(&updated(2)).await;
    scene
        .tell(&step("incident.reminder", "still", Severity::Critical, 4))
        .await;
    scene
        .tell(&step("incident.resolved", "over", Severity::Critical, 6))
        .await;
    assert_eq!(
        scene.conversation(),
        ["over", ">> worse", "> still", "> over"]
    );
    let messages = scene.slack.messages();
    assert!(
        messages[1..]
            .iter()
            .all(|one| one.thread_ts.as_deref() == Some(&first.ts))
    );
    assert_eq!(messages[0].said["attachments"][0]["fallback"], "over");

    let other = NewMessage {
        incident_id: Some(Uuid::from_u128(2)),
        ..opened()
    };
    scene
        .tell(&NewMessage {
            created_at: after(8),
            ..other
        })
        .await;
    assert_eq!(scene.conversation()[4], "down");
}

#[tokio::test]
async fn an_answer_that_was_lost_makes_no_second_message() {
    let scene = Scene::start().await;
    for (message, count) in [(opened(), 1), (updated(60), 2)] {
        scene.slack.fail("chat.postMessage", Fault::AnswerLost);
        scene.tell(&message).await;
        assert_eq!(scene.slack.messages().len(), count);
        scene
            .attempt(message.created_at + chrono::TimeDelta::seconds(8))
            .await;
        assert_eq!(scene.slack.messages().len(), count);
        let outcome = scene.outcome(message.id).await;
        assert!(
            outcome.starts_with("an earlier attempt had arrived"),
            "{outcome}"
        );
    }
    assert_eq!(scene.conversation(), ["worse", ">> worse"]);
}

#[tokio::test]
async fn a_crash_between_posting_and_recording_makes_no_second_message() {
    let scene = Scene::start().await;
    scene.slack.fail("chat.postMessage", Fault::Silence);
    let message = opened();
    scene
        .store
        .enqueue(std::slice::from_ref(&message))
        .await
        .unwrap();
    let dispatcher = scene.dispatcher();
    let attempt = tokio::spawn(async move { dispatcher.step(start()).await });
    scene.slack.wait_for(1).await;
    attempt.abort();
    assert!(attempt.await.unwrap_err().is_cancelled());

    scene.store.release_leases("instance").await.unwrap();
    scene.attempt(after(2)).await;
    scene.tell(&updated(4)).await;
    assert_eq!(scene.conversation(), ["worse", ">> worse"]);
}

#[tokio::test]
async fn an_app_that_may_not_read_says_so_and_is_saved_by_what_slack_remembers() {
    let scene = Scene::start().await;
    scene.slack.forbid_reading();
    scene.slack.fail("chat.postMessage", Fault::AnswerLost);
    let message = opened();
    scene.tell(&message).await;
    scene.attempt(after(8)).await;
    // Never lost: where nothing tells that it arrived, it is posted again.
    assert_eq!(scene.conversation(), ["down", "down"]);
    let outcome = scene.outcome(message.id).await;
    assert!(outcome.contains("this may be the second"), "{outcome}");
    assert!(
        outcome.contains("missing_scope (needs channels:history)"),
        "{outcome}"
    );

    scene.slack.remember_ids();
    scene.slack.fail("chat.postMessage", Fault::AnswerLost);
    let other = NewMessage {
        incident_id: Some(Uuid::from_u128(2)),
        created_at: after(20),
        ..opened()
    };
    scene.tell(&other).await;
    scene.attempt(after(28)).await;
    assert_eq!(scene.conversation(), ["down", "down", "down"]);
}

#[tokio::test]
async fn a_look_up_that_fails_for_now_is_waited_for() {
    let scene = Scene::start().await;
    scene.slack.fail("chat.postMessage", Fault::AnswerLost);
    scene.slack.fail(
        "conversations.history",
        Fault::Status(429, Some(("retry-after", "30"))),
    );
    let message = opened();
    scene.tell(&message).await;
    scene.attempt(after(8)).await;
    assert_eq!(scene.conversation(), ["down"]);
    assert!(!scene.dispatcher().step(after(30)).await.unwrap());
    scene.attempt(after(60)).await;
    assert_eq!(scene.conversation(), ["down"]);
    assert!(
        scene
            .outcome(message.id)
            .await
            .starts_with("an earlier attempt had arrived")
    );
}

#[tokio::test]
async fn a_deleted_first_message_begins_a_new_thread() {
    let scene = Scene::start().await;
    scene.tell(&opened()).await;
    scene.slack.delete(&scene.slack.messages()[0].ts);
    scene.tell(&updated(2)).await;
    scene
        .tell(&step("incident.resolved", "over", Severity::Critical, 4))
        .await;
    assert_eq!(scene.conversation(), ["over", "> over"]);
}

#[tokio::test]
async fn an_edit_that_fails_keeps_no_news_back() {
    let scene = Scene::start().await;
    scene.tell(&opened()).await;
    scene
        .slack
        .fail("chat.update", Fault::Error("edit_window_closed"));
    scene
        .slack
        .fail("chat.update", Fault::Error("edit_window_closed"));
    let message = updated(2);
    scene.tell(&message).await;
    assert_eq!(scene.conversation(), ["down", ">> worse"]);
    let outcome = scene.outcome(message.id).await;
    assert!(
        outcome.contains("the first message is not up to date: chat.update: edit_window_closed"),
        "{outcome}"
    );

    // One that fails for now is made once more behind the reply.
    scene.slack.fail("chat.update", Fault::Status(503, None));
    scene
        .tell(&step("incident.resolved", "over", Severity::Critical, 4))
        .await;
    assert_eq!(scene.conversation(), ["over", ">> worse", "> over"]);
}

#[tokio::test]
async fn a_message_sent_again_late_does_not_turn_back_what_the_first_one_shows() {
    let scene = Scene::start().await;
    scene.tell(&opened()).await;
    scene
        .slack
        .fail("chat.postMessage", Fault::Error("invalid_blocks"));
    let buried = updated(2);
    scene.tell(&buried).await;
    scene
        .tell(&step("incident.resolved", "over", Severity::Critical, 4))
        .await;
    assert_eq!(scene.conversation(), ["over", "> over"]);
    let again = [buried.id];
    let again = scene
        .store
        .replay_messages(super::VANTAGE, &again, "ann", after(6));
    assert_eq!(again.await.unwrap(), [buried.id]);
    scene.attempt(after(6)).await;
    assert_eq!(scene.conversation(), ["over", "> over", "> worse"]);
}

#[tokio::test]
async fn what_slack_refuses_disables_the_channel_waits_or_is_buried_by_its_word() {
    for (fault, waiting, buried, disabled) in [
        (Fault::Error("invalid_auth"), 1, 0, 1),
        (Fault::Error("channel_not_found"), 1, 0, 1),
        (Fault::Error("is_archived"), 1, 0, 1),
        (Fault::Error("token_revoked"), 1, 0, 1),
        (Fault::Error("msg_too_long"), 0, 1, 0),
        (Fault::Error("ratelimited"), 1, 0, 0),
        (Fault::Error("service_unavailable"), 1, 0, 0),
        (Fault::Status(429, Some(("retry-after", "30"))), 1, 0, 0),
        (Fault::Status(503, None), 1, 0, 0),
        (
            Fault::Status(301, Some(("location", "http://127.0.0.1:9/"))),
            1,
            0,
            0,
        ),
    ] {
        let scene = Scene::start().await;
        scene.slack.fail("chat.postMessage", fault.clone());
        scene.tell(&opened()).await;
        assert_eq!(
            super::depth(&scene.store).await,
            (waiting, buried),
            "{fault:?}"
        );
        let off = scene
            .store
            .disabled_channels(super::VANTAGE, after(1))
            .await
            .unwrap();
        assert_eq!(off.len(), disabled, "{fault:?}");
        assert_eq!(scene.slack.calls(), ["chat.postMessage"], "{fault:?}");
    }
}

#[tokio::test]
async fn no_more_than_one_message_a_second_is_posted() {
    let scene = Scene::start().await;
    let dispatcher = scene.dispatcher();
    let other = NewMessage {
        incident_id: Some(Uuid::from_u128(2)),
        ..opened()
    };
    scene.store.enqueue(&[opened(), other]).await.unwrap();
    assert!(dispatcher.step(start()).await.unwrap());
    let soon = start() + chrono::TimeDelta::milliseconds(999);
    assert!(!dispatcher.step(soon).await.unwrap());
    assert!(dispatcher.step(after(1)).await.unwrap());
    assert_eq!(scene.conversation(), ["down", "down"]);
}
