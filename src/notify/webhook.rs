//! The webhook message: Standard Webhooks' envelope around one incident.
//!
//! The shape is the product's contract with receivers; its order of keys is kept to the wire. Deliberately absent:
//! the headers, which are made anew for every attempt ([`super::deliver`]).

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::{
    audit::{
        evidence,
        evidence::BaselineKind,
        incident::{Incident, Transition},
        short_id,
    },
    notify::{
        MessageContext,
        inert::{clip, plain},
        kind_name, next_steps, quieting,
        slack::headline,
    },
};

/// Most `names` and most `observed` of one message.
pub const MOST_ROWS: usize = 100;
/// Most characters of wire text (RDATA, extended errors) in one message: whoever answers must not choose its size.
const MOST_WIRE_TEXT: usize = 64_000;
/// Most characters of one record or one extended error.
const MOST_TEXT: usize = 1000;
/// Most records of one reply.
const MOST_RECORDS: usize = 32;
/// Most extended errors of one reply.
const MOST_EDE: usize = 8;

/// The whole body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Message {
    /// `incident.opened`, `incident.updated`, `incident.reminder`, `incident.resolved` or `test`.
    #[serde(rename = "type")]
    pub kind: String,
    /// When the step happened, not when it was sent.
    pub timestamp: DateTime<Utc>,
    /// The incident, or a word about the test.
    pub data: Data,
    /// Only where it is late or told in another channel's stead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivery: Option<DeliveryNote>,
    /// Only in a test: the id of an earlier one, which is over by this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends: Option<Uuid>,
}

/// What there is to say of the delivery itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeliveryNote {
    /// Whether it comes too late to be news: `timestamp` says when the step happened.
    pub history: bool,
    /// The channel that was meant, where this one is told instead.
    pub instead_of: Option<String>,
    /// Whether it is made up, to show what such a message looks like.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub sample: bool,
}

/// What the message is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Data {
    /// An incident, as it stood after the step.
    Incident(Box<IncidentBody>),
    /// A test: a sentence for people.
    Message(String),
}

/// An incident on the wire. Lists are sorted, but `observed`, which is in the order of the evidence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IncidentBody {
    /// Stable for the incident's life.
    pub id: Uuid,
    /// Where it can be read; null where the instance does not know its own address.
    pub url: Option<String>,
    /// `open`, `recovering` or `resolved`.
    pub status: String,
    /// `name`, `resolver`, `authority` or `vantage`.
    pub axis: String,
    /// The state's or the finding's name.
    pub verdict: String,
    /// `info`, `warning` or `critical`.
    pub severity: String,
    /// The group.
    pub group: String,
    /// The group's free labels.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// Names concerned, at most [`MOST_ROWS`].
    pub names: Vec<String>,
    /// How many there are in truth.
    pub names_total: usize,
    /// Record types concerned.
    pub types: Vec<String>,
    /// Ids of the resolvers it was seen at.
    pub resolvers: Vec<String>,
    /// Host names of the authoritative servers it was seen at.
    pub authorities: Vec<String>,
    /// Where it was seen from.
    pub vantages: Vec<String>,
    /// What is right; null where nothing is known.
    pub baseline: Option<Baseline>,
    /// Bad replies only, at most [`MOST_ROWS`].
    pub observed: Vec<Observed>,
    /// First bad sample.
    pub opened_at: DateTime<Utc>,
    /// When it was believed.
    pub confirmed_at: DateTime<Utc>,
    /// When it ended; null before.
    pub resolved_at: Option<DateTime<Utc>>,
    /// Until when a cache never asked could hand out a bad answer; null where that is not the question.
    pub worst_case_until: Option<DateTime<Utc>>,
    /// What to do.
    pub next_steps: Vec<NextStep>,
    /// The headline: severity, what and where, on one line.
    #[serde(default)]
    pub summary: String,
    /// What the verdict stands on, in a sentence; at an update, why it is told again.
    #[serde(default)]
    pub reason: String,
    /// How much of what was asked shows it, by resolver; empty for findings.
    #[serde(default)]
    pub shares: Vec<Share>,
    /// How often it began, where it comes and goes; null where it does not.
    #[serde(default)]
    pub flapping: Option<Flapping>,
    /// The command that keeps it quiet for an hour; null once it is over.
    #[serde(default)]
    pub silence: Option<String>,
    /// The page that does the same; absent once it is over, and where people cannot reach it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub silence_url: Option<String>,
}

/// What part of a resolver's samples of the last hour was bad.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Share {
    /// The resolver's id.
    pub resolver: String,
    /// Bad samples.
    pub bad: u32,
    /// Samples that said anything of it.
    pub samples: u32,
    /// Sites that were bad.
    pub bad_sites: usize,
    /// Sites that said anything of it.
    pub sites: usize,
}

/// How an incident comes and goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Flapping {
    /// Since when its beginnings are counted.
    pub since: DateTime<Utc>,
    /// How many there were.
    pub count: u32,
}

/// What the replies were held against.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Baseline {
    /// `declared`, `authority` or `quorum`.
    pub kind: String,
    /// The right records; empty where a denial is right.
    pub records: Vec<String>,
    /// Seconds, at the authority.
    pub ttl: Option<u32>,
}

/// One bad reply.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Observed {
    /// Where it was seen from.
    pub vantage: String,
    /// The resolver's id; the authoritative server's host name in findings.
    pub resolver: String,
    /// The name asked.
    pub name: String,
    /// What was answered; empty for denials and failures.
    pub records: Vec<String>,
    /// The RCODE's mnemonic, or `no reply`.
    pub rcode: String,
    /// Seconds, as received.
    pub ttl: Option<u32>,
    /// The backend, by NSID.
    pub site: Option<String>,
    /// Extended errors (RFC 8914).
    pub ede: Vec<Ede>,
    /// When it was received.
    pub at: DateTime<Utc>,
    /// Until when a client told then could keep it.
    pub cached_until: Option<DateTime<Utc>>,
}

/// An extended error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ede {
    /// INFO-CODE.
    pub code: u16,
    /// EXTRA-TEXT as received: hostile until shown otherwise.
    pub text: String,
}

/// One thing to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NextStep {
    /// What.
    pub title: String,
    /// Where; null where there is no page for it.
    pub url: Option<String>,
}

impl Message {
    /// The message that tells `transition`.
    pub fn of(transition: &Transition, context: &MessageContext<'_>) -> Self {
        Self {
            kind: kind_name(transition).to_owned(),
            timestamp: transition.at,
            data: Data::Incident(Box::new(incident_body(transition, context))),
            delivery: None,
            ends: None,
        }
    }

    /// A test message.
    pub fn test(vantage: &str, now: DateTime<Utc>) -> Self {
        Self {
            kind: "test".to_owned(),
            timestamp: now,
            data: Data::Message(format!(
                "A test of this channel by dns-auditor at {vantage}. Nothing is wrong."
            )),
            delivery: None,
            ends: None,
        }
    }

    /// The end of an earlier test, by its id.
    pub fn test_end(vantage: &str, of: Uuid, now: DateTime<Utc>) -> Self {
        Self {
            data: Data::Message(format!(
                "The test {} of this channel by dns-auditor at {vantage} is over.",
                short_id(of)
            )),
            ends: Some(of),
            ..Self::test(vantage, now)
        }
    }

    /// One line of plain text; a sample says that it is one.
    pub fn summary(&self) -> String {
        let line = match &self.data {
            Data::Message(text) => plain(text),
            Data::Incident(incident) => plain(&incident.summary),
        };
        if self.is_sample() {
            format!("Sample: {line}")
        } else {
            line
        }
    }

    /// Whether it is made up.
    pub fn is_sample(&self) -> bool {
        self.delivery.as_ref().is_some_and(|note| note.sample)
    }

    /// The message as it is queued.
    pub fn to_value(&self) -> Value {
        // These types hold strings, numbers and lists only: nothing that JSON cannot say.
        serde_json::to_value(self).unwrap_or_default()
    }
}

/// The bytes of a queued body as they are sent, keys in the order of the contract. A queue may have sorted them
/// (`jsonb` does); a body of another version, which does not read as [`Message`], goes out as it stands.
pub fn wire_bytes(body: &Value) -> Vec<u8> {
    Message::deserialize(body)
        .and_then(|message| serde_json::to_vec(&message))
        .unwrap_or_else(|_| body.to_string().into_bytes())
}

fn incident_body(transition: &Transition, context: &MessageContext<'_>) -> IncidentBody {
    let incident = &transition.incident;
    IncidentBody {
        id: incident.id,
        url: context.incident_url(incident),
        status: incident.status.as_str().to_owned(),
        axis: incident.key.axis.as_str().to_owned(),
        verdict: incident.verdict.clone(),
        severity: incident.severity.to_string(),
        group: incident.key.group.clone(),
        tags: context.group.tags.cloned().unwrap_or_default(),
        names: texts(incident.names.iter().take(MOST_ROWS)),
        names_total: incident.names.len(),
        types: texts(&incident.types),
        resolvers: texts(&incident.resolvers),
        authorities: texts(&incident.authorities),
        vantages: texts(&incident.vantages),
        baseline: incident.baseline.as_ref().map(baseline),
        observed: observed_rows(incident, context.vantage),
        opened_at: incident.opened_at,
        confirmed_at: incident.confirmed_at,
        resolved_at: incident.resolved_at,
        worst_case_until: incident.worst_case_until,
        next_steps: next_steps::next_steps(incident, context)
            .into_iter()
            .map(|step| NextStep {
                title: step.title,
                url: step.url,
            })
            .collect(),
        summary: headline(transition),
        reason: clip(&transition.reason, MOST_TEXT),
        shares: shares(incident),
        flapping: incident.flapping.as_ref().map(|one| Flapping {
            since: one.since,
            count: one.onsets,
        }),
        silence: quieting::command(incident),
        silence_url: context.silence_url(incident),
    }
}

fn shares(incident: &Incident) -> Vec<Share> {
    let tallies = incident.tallies.iter().take(MOST_ROWS);
    let shares = tallies.map(|(resolver, tally)| {
        let share = tally.share(incident.told_at);
        Share {
            resolver: resolver.clone(),
            bad: share.bad,
            samples: share.all,
            bad_sites: share.bad_sites,
            sites: share.sites,
        }
    });
    shares.filter(|share| share.samples > 0).collect()
}

fn texts<T: ToString>(items: impl IntoIterator<Item = T>) -> Vec<String> {
    items.into_iter().map(|item| item.to_string()).collect()
}

fn baseline(right: &evidence::Baseline) -> Baseline {
    Baseline {
        kind: match right.kind {
            BaselineKind::Declared => "declared",
            BaselineKind::Authority => "authority",
            BaselineKind::Quorum => "quorum",
        }
        .to_owned(),
        records: bounded(&right.records),
        ttl: right.ttl,
    }
}

/// The bad replies, up to both bounds.
fn observed_rows(incident: &Incident, vantage: &str) -> Vec<Observed> {
    let mut text = 0;
    incident
        .observed
        .iter()
        .take(MOST_ROWS)
        .map(|seen| observed(seen, vantage))
        .take_while(|row| {
            text += row.records.iter().map(String::len).sum::<usize>();
            text += row.ede.iter().map(|ede| ede.text.len()).sum::<usize>();
            text <= MOST_WIRE_TEXT
        })
        .collect()
}

fn observed(seen: &evidence::Observed, vantage: &str) -> Observed {
    Observed {
        vantage: vantage.to_owned(),
        resolver: seen.resolver.clone(),
        name: seen.question.name.to_string(),
        records: bounded(&seen.records),
        rcode: clip(&seen.rcode, 30),
        ttl: seen.ttl,
        site: seen.site.as_deref().map(|site| clip(site, 255)),
        ede: seen
            .ede
            .iter()
            .take(MOST_EDE)
            .map(|ede| Ede {
                code: ede.code,
                text: clip(&ede.text, MOST_TEXT),
            })
            .collect(),
        at: seen.at,
        cached_until: seen.cached_until,
    }
}

fn bounded(records: &[String]) -> Vec<String> {
    let first = records.iter().take(MOST_RECORDS);
    first.map(|record| clip(record, MOST_TEXT)).collect()
}
