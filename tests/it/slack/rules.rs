//! Which arguments Slack's two writing methods take, and how much of each.

use serde_json::Value;

use super::CONVERSATION;

/// The documented arguments that are used, and `client_msg_id`, of which the documented errors speak.
const ARGUMENTS: [(&str, &[&str]); 2] = [
    (
        "chat.postMessage",
        &[
            "channel",
            "text",
            "blocks",
            "attachments",
            "thread_ts",
            "reply_broadcast",
            "parse",
            "unfurl_links",
            "unfurl_media",
            "metadata",
            "client_msg_id",
        ],
    ),
    (
        "chat.update",
        &[
            "channel",
            "ts",
            "text",
            "blocks",
            "attachments",
            "parse",
            "metadata",
        ],
    ),
];
/// Beyond it, all blocks together are refused.
const MOST_CHARACTERS: usize = 13_200;

/// Refuses a call as Slack would.
pub(super) fn check(method: &str, call: &Value) -> Result<(), String> {
    let known = ARGUMENTS.iter().find(|(of, _)| *of == method);
    let (_, known) = known.ok_or("unknown_method")?;
    let arguments = call.as_object().ok_or("json_not_object")?;
    if arguments.keys().any(|key| !known.contains(&key.as_str())) {
        return Err("invalid_arg_name".to_owned());
    }
    if call["channel"] != CONVERSATION {
        return Err("channel_not_found".to_owned());
    }
    let text = call["text"].as_str().unwrap_or_default();
    if text.is_empty() {
        return Err("no_text".to_owned());
    }
    if text.chars().count() > 40_000 {
        return Err("msg_too_long".to_owned());
    }
    if call["reply_broadcast"] == true && call["thread_ts"].is_null() {
        return Err("invalid_arguments".to_owned());
    }
    metadata(&call["metadata"])?;
    let attached = call["attachments"].as_array().into_iter().flatten();
    let all = attached.map(|one| &one["blocks"]).chain([&call["blocks"]]);
    let mut characters = 0;
    for blocks in all.filter_map(Value::as_array) {
        characters += measure(blocks)?;
    }
    if characters > MOST_CHARACTERS {
        return Err("msg_blocks_too_long".to_owned());
    }
    Ok(())
}

fn metadata(metadata: &Value) -> Result<(), String> {
    let Some(given) = metadata.as_object() else {
        return Ok(());
    };
    let whole =
        given.len() == 2 && given["event_type"].is_string() && given["event_payload"].is_object();
    whole
        .then_some(())
        .ok_or_else(|| "invalid_metadata_format".to_owned())
}

/// The characters of all texts.
fn measure(blocks: &[Value]) -> Result<usize, String> {
    if blocks.is_empty() || blocks.len() > 50 {
        return Err("invalid_blocks".to_owned());
    }
    let mut all = 0;
    for block in blocks {
        let (texts, most): (Vec<&Value>, usize) = match block["type"].as_str() {
            Some("header") => (vec![&block["text"]], 150),
            Some("section") => (vec![&block["text"]], 3000),
            Some("context") => (
                block["elements"]
                    .as_array()
                    .ok_or("invalid_blocks")?
                    .iter()
                    .collect(),
                3000,
            ),
            _ => return Err("invalid_blocks".to_owned()),
        };
        for text in texts {
            let count = text["text"].as_str().unwrap_or_default().chars().count();
            if count == 0 || count > most {
                return Err("invalid_blocks".to_owned());
            }
            all += count;
        }
    }
    Ok(all)
}
