//! What a judgement stands on: the reply that was seen, and what it was held against.
//!
//! Deliberately absent: the judgement.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::types::{Ede, Question, Source};

/// On whose word a verdict stands, strongest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BaselineKind {
    /// The configuration's `expect`.
    Declared,
    /// What the authoritative servers served.
    Authority,
    /// What most operators say, while no authority ever answered.
    Quorum,
}

/// What the reply was held against.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Baseline {
    /// On whose word.
    pub kind: BaselineKind,
    /// The records that are right now; empty where the right answer is a denial.
    pub records: Vec<String>,
    /// The right RCODE as text: `NOERROR` or `NXDOMAIN`.
    pub rcode: String,
    /// The TTL at the authority, seconds.
    pub ttl: Option<u32>,
}

impl Baseline {
    /// The right answer as people read it: its records, or `NXDOMAIN`, or `NODATA`.
    pub fn answer_text(&self) -> String {
        answer_text(&self.records, &self.rcode)
    }
}

/// Records, or what their absence means.
fn answer_text(records: &[String], rcode: &str) -> String {
    match (records, rcode) {
        ([], "NOERROR") => "NODATA".to_owned(),
        ([], rcode) => rcode.to_owned(),
        (records, _) => records.join(" "),
    }
}

/// One reply as it stands in incidents and messages: enough to act on and to prove.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observed {
    /// The resolver's id; the authoritative server's host name in findings.
    pub resolver: String,
    /// The address asked.
    pub source: Arc<Source>,
    /// What was asked.
    pub question: Question,
    /// The records of the judged link; empty for denials and failures.
    pub records: Vec<String>,
    /// The RCODE as text, `no reply` where there was none.
    pub rcode: String,
    /// TTL as received, seconds, of the judged link.
    pub ttl: Option<u32>,
    /// The backend, by NSID.
    pub site: Option<String>,
    /// Extended errors.
    pub ede: Vec<Ede>,
    /// When it was received.
    pub at: DateTime<Utc>,
    /// The latest `t + θ` seen of this value at this resolver address.
    pub cached_until: Option<DateTime<Utc>>,
}

impl Observed {
    /// The answer as people read it: its records, or what came in their place.
    pub fn answer_text(&self) -> String {
        answer_text(&self.records, &self.rcode)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::testing::{GOOD, NAME, at, question, server};
    use crate::types::RecordType;

    #[test]
    fn an_answer_is_its_records_or_what_came_in_their_place() {
        for (records, rcode, expected) in [
            (
                &[GOOD, "198.51.100.8"][..],
                "NOERROR",
                "198.51.100.7 198.51.100.8",
            ),
            (&[], "NOERROR", "NODATA"),
            (&[], "NXDOMAIN", "NXDOMAIN"),
            (&[], "no reply", "no reply"),
        ] {
            let records: Vec<String> = records.iter().map(ToString::to_string).collect();
            let baseline = Baseline {
                kind: BaselineKind::Authority,
                records: records.clone(),
                rcode: rcode.to_owned(),
                ttl: None,
            };
            let observed = Observed {
                resolver: "ns1".to_owned(),
                source: server("ns1", "192.0.2.1").source().into(),
                question: question(NAME, RecordType::A),
                records,
                rcode: rcode.to_owned(),
                ttl: None,
                site: None,
                ede: Vec::new(),
                at: at("15:00"),
                cached_until: None,
            };
            assert_eq!(baseline.answer_text(), expected);
            assert_eq!(observed.answer_text(), expected);
        }
    }
}
