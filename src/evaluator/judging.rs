//! A round's replies, taken in by the history and judged by it.
//!
//! Deliberately absent: what becomes of the verdicts.

use std::{net::SocketAddr, time::Duration};

use chrono::{DateTime, Utc};

use super::asking::Asked;
use crate::{
    audit::{
        history::{History, SpanChange},
        judge::{self, RoundInput},
        verdict::Verdict,
    },
    config::Group,
    types::{Observation, Question},
};

pub(super) fn absorb(
    history: &mut History,
    group: &Group,
    observations: &[Observation],
) -> Vec<SpanChange> {
    let gap = longest_gap(group);
    observations
        .iter()
        .map(|observation| history.absorb(observation, gap))
        .collect()
}

/// A silence longer than three rounds ends what is known of the time between.
pub(super) fn longest_gap(group: &Group) -> Duration {
    group.policy.period * 3
}

pub(super) fn input<'a>(
    group: &'a Group,
    questions: &'a [Question],
    asked: &'a Asked,
    now: DateTime<Utc>,
) -> RoundInput<'a> {
    RoundInput {
        policy: &group.policy,
        zones: &asked.zones,
        resolvers: &group.resolvers,
        options: group.options,
        questions,
        observations: &asked.observations,
        now,
    }
}

pub(super) fn judge(
    history: &History,
    group: &Group,
    asked: &Asked,
    now: DateTime<Utc>,
) -> Vec<Verdict> {
    judge::judge_round(history, &input(group, &[], asked, now))
}

/// What must be asked again before it is believed.
pub(super) fn suspicious(verdicts: &[Verdict]) -> Vec<(Question, SocketAddr)> {
    verdicts
        .iter()
        .filter(|verdict| verdict.is_suspicious())
        .map(|verdict| (verdict.question.clone(), verdict.observed.source.address))
        .collect()
}
