//! Queries and responses as a DNS engineer wants to read them, and as JSON.
//!
//! Deliberately absent: what a message says, which is `probe`'s to describe.

use std::{fmt::Write, sync::Arc};

use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serialize;

use super::Debug;
use crate::{
    cli::output::count,
    probe::{describe, hex_dump},
    types::{Observation, Question, Source, Status, Transport},
};

/// One question as it was put, and what came back, as `check --debug --format json` shows it. Stable.
#[derive(Debug, Serialize)]
pub(super) struct Exchange {
    source: Arc<Source>,
    question: Question,
    /// The transport that brought the response, or the last one tried.
    transport: Transport,
    /// Datagrams and connections spent.
    attempts: u8,
    /// Datagrams that came to our port and did not match.
    mismatched: u16,
    rtt_us: u64,
    /// Seconds that an HTTP cache had held the response.
    age: u32,
    /// Octets of the response.
    size: u16,
    /// When it was received, or when waiting ended.
    at: DateTime<Utc>,
    /// Why there is no response.
    no_reply: Option<String>,
    /// The messages in hexadecimal, where a response came.
    query: Option<String>,
    reply: Option<String>,
    #[serde(skip)]
    wire: Option<std::sync::Arc<crate::types::Wire>>,
}

/// Every exchange: question by question, resolvers before authorities, then in order of receipt.
pub(super) fn of(mut observations: Vec<Observation>) -> Vec<Exchange> {
    observations.sort_by(|a, b| {
        let place = |one: &Observation| (one.question.clone(), one.source.clone(), one.at);
        place(a).cmp(&place(b))
    });
    observations.into_iter().map(exchange).collect()
}

fn exchange(observation: Observation) -> Exchange {
    let wire = observation.wire.as_deref();
    Exchange {
        query: wire.map(|wire| hex(&wire.query)),
        reply: wire.map(|wire| hex(&wire.reply)),
        no_reply: match observation.answer.status {
            Status::NoReply(why) => Some(why.text()),
            _ => None,
        },
        transport: observation.transport,
        attempts: observation.attempts,
        mismatched: observation.mismatched,
        rtt_us: u64::try_from(observation.rtt.as_micros()).unwrap_or(u64::MAX),
        age: observation.age,
        size: observation.size,
        at: observation.at,
        source: observation.source,
        question: observation.question,
        wire: observation.wire,
    }
}

fn hex(octets: &[u8]) -> String {
    octets.iter().fold(String::new(), |mut hex, octet| {
        // Writing to a string cannot fail.
        let _ = write!(hex, "{octet:02x}");
        hex
    })
}

/// All of them for people, each below a line that says how it travelled.
pub(super) fn text(exchanges: &[Exchange], how: Debug) -> String {
    exchanges.iter().map(|one| one.text(how)).collect()
}

impl Exchange {
    fn text(&self, how: Debug) -> String {
        let mut text = format!("\n;; {}\n", self.headline());
        let Some(wire) = &self.wire else {
            let why = self
                .no_reply
                .as_deref()
                .unwrap_or("its messages were not kept");
            return format!("{text};; {}: {why}\n", self.question);
        };
        for (what, octets) in [("query", &wire.query), ("response", &wire.reply)] {
            text += &format!(";; {what}\n{}\n", describe(octets).trim_end());
            if how == Debug::Hex {
                text += &format!("{}\n", hex_dump(octets).trim_end());
            }
        }
        text
    }

    /// `udp 9.9.9.9:53 (quad9), 1 attempt, 12.3 ms, 56 octets, at 2026-11-22T19:05:00.123Z`.
    fn headline(&self) -> String {
        let Source { id, address, .. } = &*self.source;
        let named = *id != address.to_string() && *id != address.ip().to_string();
        let name = if named {
            format!(" ({id})")
        } else {
            String::new()
        };
        let mut facts = vec![
            format!("{} {address}{name}", self.transport),
            count(self.attempts.into(), "attempt"),
        ];
        if self.no_reply.is_none() {
            let tenths = (self.rtt_us + 50) / 100;
            facts.push(format!("{}.{} ms", tenths / 10, tenths % 10));
            facts.push(count(self.size.into(), "octet"));
        }
        if self.age > 0 {
            facts.push(format!("{} s in an HTTP cache", self.age));
        }
        if self.mismatched > 0 {
            facts.push(format!(
                "{} that did not match",
                count(self.mismatched.into(), "datagram")
            ));
        }
        facts.push(format!(
            "at {}",
            self.at.to_rfc3339_opts(SecondsFormat::Millis, true)
        ));
        facts.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, time::Duration};

    use super::*;
    use crate::{
        cli::samples::history,
        types::{Answer, Flags, NoReply, Rcode, SourceKind, TlsFailure, Wire},
    };

    fn observation(id: &str, address: &str, status: Status) -> Observation {
        Observation {
            source: history::source(SourceKind::Resolver, id, address).into(),
            question: history::question(),
            at: history::at("2026-11-22T19:05:00.123456Z"),
            answer: Arc::new(Answer::failure(status)),
            ttls: Vec::new(),
            serial: None,
            flags: Flags::default(),
            ede: Vec::new(),
            nsid: None,
            ecs_scope: None,
            edns_size: None,
            edns_version: None,
            age: 0,
            rtt: Duration::from_micros(12_345),
            transport: Transport::Udp,
            attempts: 1,
            mismatched: 0,
            size: 3,
            wire: Some(Arc::new(Wire {
                query: [0x12, 0x34].into(),
                reply: [0x12, 0x34, 0x80].into(),
            })),
        }
    }

    fn headline(observation: Observation) -> String {
        exchange(observation).headline()
    }

    #[test]
    fn each_exchange_says_how_it_travelled() {
        let answered = Status::Rcode(Rcode::NOERROR);
        assert_eq!(
            headline(observation("quad9", "9.9.9.9:53", answered)),
            "udp 9.9.9.9:53 (quad9), 1 attempt, 12.3 ms, 3 octets, at 2026-11-22T19:05:00.123Z"
        );
        let cached = Observation {
            transport: Transport::Https,
            age: 7,
            attempts: 2,
            mismatched: 1,
            ..observation("192.0.2.1:8443", "192.0.2.1:8443", answered)
        };
        assert_eq!(
            headline(cached),
            "https 192.0.2.1:8443, 2 attempts, 12.3 ms, 3 octets, 7 s in an HTTP cache, \
             1 datagram that did not match, at 2026-11-22T19:05:00.123Z"
        );
    }

    #[test]
    fn what_was_not_answered_says_why() {
        let expired = Status::NoReply(NoReply::Tls(TlsFailure::Expired));
        let silent = Observation {
            wire: None,
            transport: Transport::Tls,
            ..observation("quad9+tls", "9.9.9.9:853", expired)
        };
        let told = text(&of(vec![silent]), Debug::Text);
        let lines: Vec<&str> = told.lines().collect();
        assert_eq!(
            lines[1],
            ";; tls 9.9.9.9:853 (quad9+tls), 1 attempt, at 2026-11-22T19:05:00.123Z"
        );
        assert!(lines[2].ends_with(": TLS: certificate expired"), "{told}");
    }

    #[test]
    fn messages_stand_question_by_question_and_resolver_by_resolver() {
        let answered = Status::Rcode(Rcode::NOERROR);
        let later = Observation {
            at: history::at("2026-11-22T19:06:00Z"),
            ..observation("quad9", "9.9.9.9:53", answered)
        };
        let all = vec![
            later,
            observation("google", "8.8.8.8:53", answered),
            observation("quad9", "9.9.9.9:53", answered),
        ];
        let order: Vec<_> = of(all)
            .iter()
            .map(|one| (one.source.id.clone(), one.at))
            .collect();
        let at = history::at("2026-11-22T19:05:00.123456Z");
        assert_eq!(
            order,
            [
                ("google".to_owned(), at),
                ("quad9".to_owned(), at),
                ("quad9".to_owned(), history::at("2026-11-22T19:06:00Z")),
            ]
        );
    }

    #[test]
    fn octets_are_shown_where_they_are_wanted() {
        let answered = Status::Rcode(Rcode::NOERROR);
        let all = of(vec![observation("quad9", "9.9.9.9:53", answered)]);
        let json = serde_json::to_value(&all).unwrap();
        assert_eq!(
            (&json[0]["query"], &json[0]["reply"]),
            (&"1234".into(), &"123480".into())
        );
        let [plain, hex] = [Debug::Text, Debug::Hex].map(|how| text(&all, how));
        assert!(
            hex.len() > plain.len() && hex.contains(&hex_dump(&[0x12, 0x34, 0x80])),
            "{hex}"
        );
    }
}
