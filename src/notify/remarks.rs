//! What is said of a message beside what it tells: that it is history by now, whom it was meant for, that it is made up.
//!
//! The first two are added when the message is sent, since they are not known before. Deliberately absent: deciding either.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::{
    inert::{clip, code, prose},
    next_steps::utc,
    slack::HEADER,
    webhook,
    wire::Form,
};

/// Remarks on one message.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Remarks<'a> {
    /// When it was written, where that is too long ago to be news.
    pub history_of: Option<DateTime<Utc>>,
    /// The channel that was meant, where another tells it.
    pub instead_of: Option<&'a str>,
    /// Whether it is made up.
    pub sample: bool,
}

impl Remarks<'_> {
    /// `body` with these remarks on it, in the manner of its kind of channel.
    pub fn on(&self, form: Form, mut body: Value) -> Value {
        if *self == Self::default() {
            return body;
        }
        match form {
            Form::Slack | Form::SlackBot => self.on_slack(&mut body),
            Form::Standard => {
                let note = webhook::DeliveryNote {
                    history: self.history_of.is_some(),
                    instead_of: self.instead_of.map(str::to_owned),
                    sample: self.sample,
                };
                body["delivery"] = json!(note);
                if self.sample {
                    body["type"] = "test".into();
                }
            }
        }
        body
    }

    /// Small print below the header, and the front of the notification.
    fn on_slack(&self, body: &mut Value) {
        let mut lines = Vec::new();
        if self.sample {
            lines.push(
                "*A sample: nothing is wrong.* It shows what such a message looks like.".to_owned(),
            );
        }
        if let Some(at) = self.history_of {
            lines.push(format!(
                "*History, not news:* written {} and not taken until now.",
                utc(at)
            ));
        }
        if let Some(channel) = self.instead_of {
            lines.push(format!(
                "Told here because the channel {} does not take it.",
                code(channel, 80)
            ));
        }
        if let Some(blocks) = body.get_mut("blocks").and_then(Value::as_array_mut) {
            let text = json!({"type": "mrkdwn", "text": lines.join("\n"), "verbatim": true});
            let small_print = json!({"type": "context", "elements": [text]});
            blocks.insert(blocks.len().min(1), small_print);
        }
        if let (Some(at), Some(text)) = (self.history_of, body["text"].as_str()) {
            body["text"] = format!("History of {}: {text}", prose(&utc(at), 40)).into();
        }
        if let (true, Some(text)) = (self.sample, body["text"].as_str()) {
            body["text"] = format!("Sample: {text}").into();
            let header = &mut body["blocks"][0]["text"]["text"];
            *header = clip(
                &format!("Sample: {}", header.as_str().unwrap_or_default()),
                HEADER,
            )
            .into();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remarks() -> Remarks<'static> {
        Remarks {
            history_of: Some("2026-11-22T19:05:00Z".parse().unwrap()),
            instead_of: Some("ops<!channel>"),
            sample: false,
        }
    }

    #[test]
    fn slack_says_it_below_the_header_and_in_the_notification() {
        let body =
            json!({"text": "Wrong answer", "blocks": [{"type": "header"}, {"type": "section"}]});
        let remarked = remarks().on(Form::Slack, body);
        let blocks = remarked["blocks"].as_array().unwrap();
        assert_eq!(blocks.len(), 3);
        let said = blocks[1]["elements"][0]["text"].as_str().unwrap();
        assert!(
            said.contains("History, not news:* written 2026-11-22 19:05"),
            "{said}"
        );
        assert!(
            said.contains("ops") && !said.contains("<!channel>"),
            "{said}"
        );
        let text = remarked["text"].as_str().unwrap();
        assert!(
            text.starts_with("History of 2026-11-22 19:05") && text.ends_with(": Wrong answer"),
            "{text}"
        );
    }

    #[test]
    fn a_webhook_says_it_in_a_key_of_its_own_and_on_the_wire() {
        let test = webhook::Message::test("here", remarks().history_of.unwrap()).to_value();
        let remarked = remarks().on(Form::Standard, test.clone());
        let wire: Value = serde_json::from_slice(&webhook::wire_bytes(&remarked)).unwrap();
        let expected = json!({"history": true, "instead_of": "ops<!channel>"});
        assert_eq!(wire["delivery"], expected);
        assert_eq!(
            (&wire["type"], &wire["data"]),
            (&test["type"], &test["data"])
        );
    }

    #[test]
    fn what_is_news_at_its_own_channel_stays_as_it_is() {
        let body = json!({"text": "Wrong answer", "blocks": []});
        for form in [Form::Slack, Form::Standard] {
            assert_eq!(Remarks::default().on(form, body.clone()), body);
        }
    }
}
