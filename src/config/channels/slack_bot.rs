//! Reads a channel of kind `slack_bot`: an app's token, the conversation it writes to, and what it says there aloud.
//!
//! Deliberately absent: whether the token is good, which only Slack knows.

use super::{
    address::{self, Form},
    secrets::{Vault, required},
};
use crate::config::{
    Broadcast, Receiver, SLACK, SlackBot,
    error::Complaint,
    section::{Located, Section},
};

pub(super) fn slack_bot(section: &mut Section<'_, '_>, vault: &Vault<'_>) -> Option<Receiver> {
    let form = Form {
        secret: false,
        ..Form::SECRET
    };
    let url = address::read(section, vault, form, Some(SLACK));
    let token = required(section, ["token_env", "token_file"], vault, token);
    let channel = section.parsed("slack_channel", conversation);
    if section.node("slack_channel").is_none() {
        let complaint = Complaint::new("`slack_channel` is missing: the ID of the conversation");
        section.complain_here(complaint.hint(WHERE_IDS_ARE));
    }
    let broadcast = section.list("broadcast", |text| match text {
        "worse" => Ok(Broadcast::Worse),
        "resolved" => Ok(Broadcast::Resolved),
        other => Err(Complaint::new(format!("`{other}` is not broadcast"))
            .hint("known: worse, resolved; [] for neither")),
    });
    let broadcast = broadcast.map_or_else(
        || vec![Broadcast::Worse],
        |list: Vec<Located<Broadcast>>| section.without_repeats("broadcast", list),
    );
    Some(Receiver::SlackBot(SlackBot {
        url: url?,
        token: token?,
        channel: channel?.value,
        broadcast,
    }))
}

const WHERE_IDS_ARE: &str = "Slack shows it at the bottom of a channel's details: C0123ABCDEF";

/// A bot's token; one that is rotated begins with `xoxe.`.
fn token(text: &str, origin: &str) -> Result<Vec<u8>, Complaint> {
    let rest = text.strip_prefix("xoxe.").unwrap_or(text);
    let plain = text.chars().all(|here| here.is_ascii_graphic());
    if rest.starts_with("xoxb-") && plain {
        return Ok(text.as_bytes().to_vec());
    }
    Err(Complaint::new(format!(
        "{origin} must hold a bot's token, which begins with xoxb-"
    ))
    .hint("Slack shows it under OAuth & Permissions once the app is installed"))
}

/// The ID of a channel or of a direct conversation. A name will not do: nothing can be edited or looked up by it.
fn conversation(text: &str) -> Result<String, Complaint> {
    let (kind, rest) = text.split_at_checked(1).unwrap_or_default();
    let plain = |here: char| here.is_ascii_uppercase() || here.is_ascii_digit();
    if matches!(kind, "C" | "G" | "D") && rest.len() >= 6 && rest.chars().all(plain) {
        return Ok(text.to_owned());
    }
    Err(Complaint::new(format!("{text:?} is no ID of a Slack conversation")).hint(WHERE_IDS_ARE))
}
