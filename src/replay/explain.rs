//! Why resolvers' verdicts were what they were at an instant: the round that was judged last before it, judged again.
//!
//! Deliberately absent: the words, which are [`crate::audit::explain`]'s, and rendering.

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::{Replay, Replayed};
use crate::{
    audit::{
        explain::{Explanation, JudgedRound, explain as explain_verdict},
        verdict::Verdict,
    },
    names::DnsName,
    store::{Store, StoreError, replay::JudgedAt},
    types::RecordType,
};

/// Which verdicts.
#[derive(Debug, Clone)]
pub struct ExplainQuery {
    /// Seen from here.
    pub vantage: String,
    /// Of these names.
    pub names: Vec<DnsName>,
    /// Of these types; of all where none is given.
    pub types: Vec<RecordType>,
    /// At these resolvers, by id; at all where none is given.
    pub resolvers: Vec<String>,
    /// As of this instant.
    pub at: DateTime<Utc>,
}

/// What each group's last round before an instant said, and why.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Explained {
    /// Seen from here.
    pub vantage: String,
    /// As asked.
    pub at: DateTime<Utc>,
    /// One for each group that asks any of the names, in order of name; empty where no round was recorded before.
    pub rounds: Vec<ExplainedRound>,
}

/// A round, and why its verdicts were what they were.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ExplainedRound {
    /// The group.
    pub group: String,
    /// When the round was due.
    pub due_at: DateTime<Utc>,
    /// When it was judged.
    pub judged_at: DateTime<Utc>,
    /// The version of the rules that it was judged by then.
    pub engine: u32,
    /// Whether everything that the service knew then is known now, so that the verdicts must be the same by the same rules.
    pub is_exact: bool,
    /// One for each question at each resolver address that was asked, the worst first.
    pub verdicts: Vec<Explanation>,
}

/// Judges the last rounds before the instant again, and explains their verdicts.
pub async fn explain(store: &Store, query: &ExplainQuery) -> Result<Explained, StoreError> {
    let mut rounds = Vec::new();
    let judged = store.last_judged(&query.vantage, &query.names, query.at);
    for last in judged.await? {
        rounds.extend(round(store, query, &last).await?);
    }
    Ok(Explained {
        vantage: query.vantage.clone(),
        at: query.at,
        rounds,
    })
}

async fn round(
    store: &Store,
    query: &ExplainQuery,
    last: &JudgedAt,
) -> Result<Option<ExplainedRound>, StoreError> {
    let mut replay = Replay::before(store, &query.vantage, last.session, last.heard_step).await?;
    while let Some(replayed) = replay.next().await? {
        if replayed.round.judged_step == last.judged_step {
            return Ok(Some(explained(&replay, &replayed, query)));
        }
    }
    Ok(None)
}

fn explained(replay: &Replay<'_>, replayed: &Replayed, query: &ExplainQuery) -> ExplainedRound {
    let round = &replayed.round;
    let judged = JudgedRound {
        history: replay.history(),
        context: &round.context,
        observations: &replayed.observations,
        first: replayed.first,
        now: round.judged_at,
    };
    let verdicts = replayed.conclusion.verdicts.iter();
    let mut asked: Vec<&Verdict> = verdicts.filter(|verdict| query.asks(verdict)).collect();
    asked.sort_by(|one, other| {
        let worst_first = (other.severity, other.state.row()).cmp(&(one.severity, one.state.row()));
        (&one.question, worst_first).cmp(&(&other.question, std::cmp::Ordering::Equal))
    });
    ExplainedRound {
        group: round.group.clone(),
        due_at: round.due_at,
        judged_at: round.judged_at,
        engine: round.engine,
        is_exact: replayed.is_exact,
        verdicts: asked
            .into_iter()
            .map(|verdict| explain_verdict(judged, verdict))
            .collect(),
    }
}

impl ExplainQuery {
    fn asks(&self, verdict: &Verdict) -> bool {
        self.names.contains(&verdict.question.name)
            && (self.types.is_empty() || self.types.contains(&verdict.question.rtype))
            && (self.resolvers.is_empty() || self.resolvers.contains(&verdict.resolver))
    }
}
