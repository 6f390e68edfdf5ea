//! The made-up replies of a sample, and the sentence about them.
//!
//! Addresses are those that RFC 5737 sets aside for documentation.

use std::net::{Ipv4Addr, SocketAddr};

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};

use super::Scene;
use crate::{
    audit::{
        evidence::{Baseline, BaselineKind, Observed},
        finding::FindingKind,
        verdict::Family,
    },
    names::DnsName,
    types::{Ede, Question, RecordType, Source, SourceKind, Transport},
};

const RIGHT: &str = "192.0.2.7";
const WRONG: &str = "198.51.100.66";
const DAY: u32 = 86_400;

/// The zone that a name most likely lies in: the name without its first label.
pub(super) fn zone(name: &DnsName) -> String {
    let text = name.as_str();
    text.split_once('.')
        .map_or(text, |(_, zone)| zone)
        .to_owned()
}

/// What is right.
pub(super) fn right(verdict: &str) -> Baseline {
    let missing = verdict == "name_missing";
    Baseline {
        kind: BaselineKind::Authority,
        records: if missing {
            Vec::new()
        } else {
            vec![RIGHT.to_owned()]
        },
        rcode: if missing { "NXDOMAIN" } else { "NOERROR" }.to_owned(),
        ttl: Some(match verdict {
            "ttl_above_policy" | "propagating_long" => DAY,
            _ => 300,
        }),
    }
}

/// The bad replies: at the first two resolvers, or at one authoritative server.
pub(super) fn observed(verdict: &str, family: Family, scene: &Scene<'_>) -> Vec<Observed> {
    match family {
        Family::Blind => Vec::new(),
        Family::Finding(kind) if kind != FindingKind::TtlStretched => {
            vec![reply(verdict, family, authority(scene), scene)]
        }
        _ => {
            let sources = scene.resolvers.iter().take(2);
            sources
                .filter_map(|resolver| resolver.sources().next())
                .map(|source| reply(verdict, family, source, scene))
                .collect()
        }
    }
}

fn authority(scene: &Scene<'_>) -> Source {
    Source {
        kind: SourceKind::Authority,
        id: format!("ns1.{}", zone(scene.name)),
        address: SocketAddr::from((Ipv4Addr::new(192, 0, 2, 53), 53)),
        transport: Transport::Udp,
    }
}

fn reply(verdict: &str, family: Family, source: Source, scene: &Scene<'_>) -> Observed {
    let (records, rcode) = said(verdict, family);
    let ttl = match (family, rcode) {
        (Family::Failure, _) => None,
        // It was fetched a while before the incident began.
        (Family::Value, _) => Some(DAY - 900),
        _ => Some(DAY),
    };
    Observed {
        resolver: source.id.clone(),
        source: source.into(),
        question: Question {
            name: scene.name.clone(),
            rtype: RecordType::A,
        },
        records: records.iter().map(|record| (*record).to_owned()).collect(),
        rcode: rcode.to_owned(),
        ttl,
        site: (family == Family::Value).then(|| "fra3".to_owned()),
        ede: extended_errors(verdict),
        at: scene.now,
        cached_until: ttl
            .filter(|_| is_exposed(verdict, family))
            .map(|ttl| scene.now + TimeDelta::seconds(ttl.into())),
    }
}

/// Records and RCODE of a bad reply.
fn said(verdict: &str, family: Family) -> (&'static [&'static str], &'static str) {
    match (verdict, family) {
        ("nxdomain_mismatch" | "filtered" | "name_missing", _) => (&[], "NXDOMAIN"),
        ("nodata_mismatch", _) => (&[], "NOERROR"),
        ("unreachable" | "authority_unreachable", _) => (&[], "no reply"),
        ("refused" | "lame_authority", _) => (&[], "REFUSED"),
        ("bogus" | "servfail", _) => (&[], "SERVFAIL"),
        ("expected_mismatch" | "unexpected_change", _) | (_, Family::Value) => {
            (&[WRONG], "NOERROR")
        }
        _ => (&[RIGHT], "NOERROR"),
    }
}

fn extended_errors(verdict: &str) -> Vec<Ede> {
    let (code, text) = match verdict {
        "stale_declared" => (3, "stale answer"),
        "bogus" => (7, "signature expired"),
        "servfail" => (22, "no reachable authority"),
        "filtered" => (17, "filtered"),
        _ => return Vec::new(),
    };
    vec![Ede {
        code,
        text: text.to_owned(),
    }]
}

/// Until when a cache not asked yet may hold it.
pub(super) fn worst_case(
    verdict: &str,
    family: Family,
    began: DateTime<Utc>,
) -> Option<DateTime<Utc>> {
    let known = is_exposed(verdict, family) && verdict != "unexplained";
    known.then(|| began + TimeDelta::seconds(DAY.into()))
}

/// Whether clients are sent to the wrong place for as long as a cache holds it.
fn is_exposed(verdict: &str, family: Family) -> bool {
    family == Family::Value && verdict != "filtered"
}

/// One sentence, as the judgement would have it.
pub(super) fn reason(verdict: &str, family: Family, scene: &Scene<'_>) -> String {
    let hour_ago = (scene.now - TimeDelta::hours(1)).to_rfc3339_opts(SecondsFormat::Secs, true);
    match (verdict, family) {
        ("divergent", _) => format!(
            "no authoritative server ever served {WRONG}; 2 of them, asked again, serve {RIGHT}"
        ),
        ("nxdomain_mismatch" | "nodata_mismatch", _) => {
            format!("no authoritative server ever denied it; 2 of them, asked again, serve {RIGHT}")
        }
        ("unexplained", _) => {
            format!("{WRONG} is in no history that there is; the authority serves {RIGHT}")
        }
        ("bogus" | "filtered", _) => {
            "asked again twice over fresh sockets, it said the same".to_owned()
        }
        (_, Family::Value) => format!("{WRONG} was replaced by {RIGHT} at {hour_ago}"),
        (_, Family::Failure) => "the same in 3 rounds in a row".to_owned(),
        ("ttl_above_policy", _) => {
            format!(
                "the TTL of {} A is {DAY} s; the policy allows 300 s",
                scene.name
            )
        }
        ("ttl_stretched", _) => format!(
            "it gave {RIGHT} a TTL of {DAY} s, where the authority's is 300 s, in 2 rounds in a row"
        ),
        (_, Family::Blind) => "40 of 42 questions went unanswered".to_owned(),
        _ => format!("found at ns1.{}, asked itself", zone(scene.name)),
    }
}
