//! A Slack payload as Slack would show it, in a terminal: the blocks that were sent, their markup turned into text.
//!
//! Deliberately absent: anything that the payload does not hold.

use serde_json::Value as Json;

use crate::cli::output::{inert, wrap};

/// Before each line of a message.
const EDGE: &str = "    | ";

/// The whole message, in a frame.
pub(super) fn message(payload: &Json) -> String {
    let blocks = payload["blocks"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    let mut lines = Vec::new();
    for block in blocks {
        let texts = match block["type"].as_str() {
            Some("context") => block["elements"].as_array().cloned().unwrap_or_default(),
            _ => vec![block["text"].clone()],
        };
        for text in &texts {
            let text = text["text"].as_str().unwrap_or_default();
            lines.extend(text.lines().map(|line| framed(&plain(line))));
        }
    }
    lines.concat()
}

fn framed(text: &str) -> String {
    let wrapped = wrap(&inert(text), EDGE);
    let lines = wrapped.lines().map(|line| {
        let line = line.get(EDGE.len()..).unwrap_or_default();
        format!("{}\n", format!("{EDGE}{line}").trim_end())
    });
    lines.collect()
}

/// The line that a notification shows.
pub(super) fn title(payload: &Json) -> String {
    inert(&plain(payload["text"].as_str().unwrap_or_default()))
}

/// Slack's markup as text: `<url|words>` and dates as their words, no stars and backticks, escapes undone.
fn plain(markup: &str) -> String {
    let mut text = String::new();
    let mut rest = markup;
    while let Some((before, inside)) = rest.split_once('<') {
        text += before;
        let (tag, after) = inside.split_once('>').unwrap_or((inside, ""));
        text += tag.split_once('|').map_or(tag, |(_, words)| words);
        rest = after;
    }
    text += rest;
    text.replace(['*', '`'], "")
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn markup_becomes_text() {
        for (markup, expected) in [
            (
                "*Since:* <!date^1598800200^{date_short}|2020-08-30 15:10:00Z>",
                "Since: 2020-08-30 15:10:00Z",
            ),
            (
                "• <https://dns.google/cache|Flush Google's cache>",
                "• Flush Google's cache",
            ),
            ("`a &lt; b` &amp;amp; c", "a < b &amp; c"),
            ("no markup", "no markup"),
            ("an end <that never comes", "an end that never comes"),
        ] {
            assert_eq!(plain(markup), expected);
        }
    }

    #[test]
    fn every_block_is_shown_in_a_frame_of_its_own_width() {
        let payload = json!({
            "text": "[CRITICAL] isp-a",
            "blocks": [
                { "type": "header", "text": { "type": "plain_text", "text": "[CRITICAL] isp-a" } },
                { "type": "section", "text": { "type": "mrkdwn", "text": format!("*one*\n{}", "long ".repeat(40)) } },
                { "type": "context", "elements": [{ "type": "mrkdwn", "text": "seen from `demo`" }] },
            ],
        });
        let shown = message(&payload);
        assert!(
            shown
                .lines()
                .all(|line| line.starts_with("    |") && line.chars().count() <= 100),
            "{shown}"
        );
        assert!(
            shown.contains("    | [CRITICAL] isp-a\n    | one\n"),
            "{shown}"
        );
        assert!(shown.ends_with("    | seen from demo\n"), "{shown}");
        assert_eq!(title(&payload), "[CRITICAL] isp-a");
    }
}
