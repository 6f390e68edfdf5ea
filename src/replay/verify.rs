//! Whether a replay gives what was stored: every verdict, finding and step of an incident, octet by octet.
//!
//! Deliberately absent: mending what differs. A difference is a defect, a change of the rules, or somebody's hand in the
//! database.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::{Replay, Replayed};
use crate::{
    audit::ENGINE_VERSION,
    store::{
        Store, StoreError,
        replay::{Recorded, RecordedFinding, RecordedStep, RecordedVerdict, stored},
    },
    types::SeriesKey,
};

/// Differences told in full; the others are counted.
const MOST_TOLD: usize = 100;

/// What a replay came to beside what was stored.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Verified {
    /// Today's version of the rules.
    pub engine: u32,
    /// The versions that the rounds were judged by.
    pub engines: BTreeSet<u32>,
    /// The first and the last judgement that was repeated; `None` where no round was recorded in a way that can be.
    pub window: Option<[DateTime<Utc>; 2]>,
    /// Rounds judged again.
    pub rounds: usize,
    /// Among them those that cannot be expected to agree: the service knew what it could not record.
    pub inexact_rounds: usize,
    /// Rounds that were judged and never finished: their replies count, their verdicts were not stored.
    pub unfinished_rounds: usize,
    /// Verdicts compared, one per round and series.
    pub verdicts: usize,
    /// Stored verdicts that began in these rounds and were given again, octet by octet.
    pub verdicts_begun: usize,
    /// Findings compared.
    pub findings: usize,
    /// Stored findings that began in these rounds and were given again.
    pub findings_begun: usize,
    /// Steps of incidents given again.
    pub steps: usize,
    /// How many differences there are.
    pub differences: usize,
    /// The first hundred of them.
    pub told: Vec<Difference>,
}

/// Something that the replay gives otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// The judgement of the round.
    pub at: DateTime<Utc>,
    /// The group.
    pub group: String,
    /// Of what: a question at a resolver, a finding's subject, an incident.
    pub of: String,
    /// As it was stored; `None`: it was not.
    pub stored: Option<String>,
    /// As the replay gives it; `None`: it does not.
    pub replayed: Option<String>,
}

/// Judges every round from the checkpoint at or before `from` up to `to` again, and compares.
pub async fn verify(
    store: &Store,
    vantage: &str,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
) -> Result<Verified, StoreError> {
    let mut verified = Verified {
        engine: ENGINE_VERSION,
        ..Verified::default()
    };
    let Some(mut replay) = Replay::begin(store, vantage, from).await? else {
        return Ok(verified);
    };
    let recorded = store.recorded(vantage, from, to).await?;
    let mut stored = Stored::of(recorded);
    while let Some(round) = replay.next().await? {
        if round.round.judged_at > to {
            break;
        }
        if round.round.judged_at >= from {
            stored.compare(&round, &mut verified)?;
        }
    }
    stored.tell_what_is_left(&mut verified);
    Ok(verified)
}

/// What was stored, by what the replay must give.
struct Stored {
    verdicts: HashMap<(String, SeriesKey), Vec<RecordedVerdict>>,
    findings: HashMap<(String, (String, String)), Vec<RecordedFinding>>,
    steps: BTreeMap<DateTime<Utc>, BTreeSet<RecordedStep>>,
}

impl Stored {
    fn of(recorded: Recorded) -> Self {
        let mut stored = Self {
            verdicts: HashMap::new(),
            findings: HashMap::new(),
            steps: BTreeMap::new(),
        };
        for one in recorded.verdicts {
            let key = (one.group.clone(), one.series.clone());
            stored.verdicts.entry(key).or_default().push(one);
        }
        for one in recorded.findings {
            let key = (one.group.clone(), one.key.clone());
            stored.findings.entry(key).or_default().push(one);
        }
        for one in recorded.steps {
            stored.steps.entry(one.at).or_default().insert(one);
        }
        stored
    }

    fn compare(&mut self, round: &Replayed, verified: &mut Verified) -> Result<(), StoreError> {
        let now = round.round.judged_at;
        verified.rounds += 1;
        verified.engines.insert(round.round.engine);
        verified.window = Some([verified.window.map_or(now, |[first, _]| first), now]);
        verified.inexact_rounds += usize::from(!round.is_exact);
        if !round.round.is_finished {
            verified.unfinished_rounds += 1;
            return Ok(());
        }
        self.compare_verdicts(round, verified)?;
        self.compare_findings(round, verified)?;
        self.compare_steps(round, verified)
    }

    fn compare_verdicts(
        &self,
        round: &Replayed,
        verified: &mut Verified,
    ) -> Result<(), StoreError> {
        let (now, group) = (round.round.judged_at, &round.round.group);
        for (series, verdict) in stored::worst_verdicts(&round.conclusion.verdicts) {
            verified.verdicts += 1;
            let of = format!("{} at {}", series.question, series.source);
            let known = self.verdicts.get(&(group.clone(), series));
            let mut known = known.into_iter().flatten();
            let standing = known.rfind(|one| stands(now, one.since, one.until));
            let (gist, document) = (stored::gist(verdict)?, stored::document(verdict)?);
            let begun = standing.is_some_and(|one| one.since == now);
            // Only the round that begins a verdict stores its words.
            let words = |one: &RecordedVerdict| {
                if begun {
                    one.document.to_string()
                } else {
                    document.clone()
                }
            };
            let kept = standing.map(|one| (words(one), one.gist.clone()));
            let given = (document, gist);
            if kept.as_ref() == Some(&given) {
                verified.verdicts_begun += usize::from(begun);
                continue;
            }
            let text = |(document, gist): (String, _)| format!("{gist:?} {document}");
            verified.differ(round, of, kept.map(text), Some(text(given)));
        }
        Ok(())
    }

    fn compare_findings(
        &self,
        round: &Replayed,
        verified: &mut Verified,
    ) -> Result<(), StoreError> {
        let (now, group) = (round.round.judged_at, &round.round.group);
        let mut given = stored::worst_findings(&round.conclusion.findings)?;
        verified.findings += given.len();
        for ((of_group, key), spans) in &self.findings {
            let standing = spans.iter().rfind(|one| stands(now, one.since, one.until));
            let Some(standing) = standing.filter(|_| of_group == group) else {
                continue;
            };
            let finding = given.remove(key);
            let document = finding.map(stored::document).transpose()?;
            let is_same = if standing.since == now {
                document == Some(standing.document.to_string())
            } else {
                finding.map(stored::finding_gist).as_ref() == Some(&standing.gist)
            };
            if !is_same {
                let of = format!("{} {}", key.0, key.1);
                verified.differ(round, of, Some(standing.document.to_string()), document);
            }
            verified.findings_begun += usize::from(is_same && standing.since == now);
        }
        for (key, finding) in given {
            let of = format!("{} {}", key.0, key.1);
            verified.differ(round, of, None, Some(stored::document(finding)?));
        }
        Ok(())
    }

    fn compare_steps(
        &mut self,
        round: &Replayed,
        verified: &mut Verified,
    ) -> Result<(), StoreError> {
        let mut kept = self
            .steps
            .remove(&round.round.judged_at)
            .unwrap_or_default();
        for transition in &round.conclusion.transitions {
            let step = stored::step(transition)?;
            if kept.remove(&step) {
                verified.steps += 1;
            } else {
                let of = format!("incident {} step {}", step.incident_id, step.step);
                verified.differ(round, of, None, Some(format!("{step:?}")));
            }
        }
        for step in kept {
            let of = format!("incident {} step {}", step.incident_id, step.step);
            verified.differ(round, of, Some(format!("{step:?}")), None);
        }
        Ok(())
    }

    /// Steps of rounds that the replay did not come to, though they lie within its window.
    fn tell_what_is_left(self, verified: &mut Verified) {
        let Some([first, last]) = verified.window else {
            return;
        };
        for (at, steps) in self.steps.range(first..=last) {
            for step in steps {
                let difference = Difference {
                    at: *at,
                    group: String::new(),
                    of: format!("incident {} step {}", step.incident_id, step.step),
                    stored: Some(format!("{step:?}")),
                    replayed: None,
                };
                verified.add(difference);
            }
        }
    }
}

fn stands(now: DateTime<Utc>, since: DateTime<Utc>, until: Option<DateTime<Utc>>) -> bool {
    since <= now && until.is_none_or(|until| now < until)
}

impl Verified {
    fn differ(
        &mut self,
        round: &Replayed,
        of: String,
        stored: Option<String>,
        replayed: Option<String>,
    ) {
        self.add(Difference {
            at: round.round.judged_at,
            group: round.round.group.clone(),
            of,
            stored,
            replayed,
        });
    }

    fn add(&mut self, difference: Difference) {
        self.differences += 1;
        if self.told.len() < MOST_TOLD {
            self.told.push(difference);
        }
    }
}
