//! Messages for people: who, when and how, then query and reply as DNS engineers read them.
//!
//! Deliberately absent: wrapping what the messages hold. Evidence is shown as it is.

use std::time::Duration;

use crate::{
    cli::{
        history,
        instants::instant,
        listing::exact,
        output::{count, inert, wrap},
        table, who,
    },
    probe::{describe, hex_dump},
    store::messages::{KeptMessage, MessagePage},
};

/// Every message, in order of receipt.
pub(in crate::cli) fn page(page: &MessagePage, hex: bool) -> String {
    if page.messages.is_empty() {
        return "no messages were kept: nothing was wrong, or nothing came back\n".to_owned();
    }
    let rule = format!("\n{}\n", "-".repeat(table::WIDTH));
    let messages = page.messages.iter().map(|one| message(one, hex));
    let mut text = messages.collect::<Vec<_>>().join(&rule);
    if page.earlier {
        text += &format!("{rule}there are earlier ones: --to and --limit show them\n");
    }
    text
}

/// One message: who, when and how, then what it says, and its octets.
pub(in crate::cli) fn message(message: &KeptMessage, hex: bool) -> String {
    let mut text = format!("{}  {}\n", exact(message.at), inert(&message.kept_for));
    text += &wrap(&whom(message), "");
    text += &wrap(&how(message), "");
    text += &format!("reply SHA-256 {}\n", message.reply_sha256);
    for (title, octets) in [("QUERY", &message.query), ("REPLY", &message.reply)] {
        text += &format!(
            "\n{title}, {}\n{}",
            count(octets.len(), "octet"),
            describe(octets)
        );
        if hex {
            text += &format!("\n{}", hex_dump(octets));
        }
    }
    text
}

/// `dialer7.example.com A at resolver google (8.8.8.8:53), group dialers, round of …, seen from us-west-2`
fn whom(message: &KeptMessage) -> String {
    let source = &message.source;
    format!(
        "{} at {} {} ({}), group {}, round of {}, seen from {}",
        who::question(&message.question),
        history::kind(source.kind),
        inert(&source.id),
        source.address,
        inert(&message.group),
        instant(message.due_at),
        inert(&message.vantage),
    )
}

/// `over udp, attempt 2, 12.345ms, 3 mismatched datagrams`
fn how(message: &KeptMessage) -> String {
    let rtt = Duration::from_micros(message.rtt_us.into());
    let mismatched = count(message.mismatched.into(), "mismatched datagram");
    let attempts = count(message.attempts.into(), "attempt");
    let mut text = format!(
        "over {}, {attempts}, {rtt:?}, {mismatched}",
        message.transport
    );
    if message.age > 0 {
        text += &format!(", {} s old in an HTTP cache", message.age);
    }
    if message.irregular {
        text += ", irregular: it decodes, and breaks a rule that no client minds";
    }
    text
}

#[cfg(test)]
mod tests {
    use crate::{
        cli::samples::{fits, history},
        store::messages::MessagePage,
    };

    #[test]
    fn who_when_and_how_stand_before_the_octets() {
        let page = MessagePage {
            messages: vec![history::message(), history::message()],
            earlier: true,
        };
        let text = super::page(&page, true);
        assert!(fits(&text));
        for expected in [
            "irregular",
            "2 attempts",
            "12.345ms",
            "1 mismatched datagram,",
            "7 s old in an HTTP cache",
        ] {
            assert!(text.contains(expected), "{expected}: {text}");
        }
        // What the octets mean is the business of `probe`, and tested there.
        let head = text.split("\nQUERY").next().unwrap();
        insta::assert_snapshot!(head);
        assert!(super::page(&page, false).len() < text.len());
    }
}
