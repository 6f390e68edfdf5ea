//! Changes at the authority that nobody declared.
//!
//! Deliberately absent: pools, which change all the time, what aliases lead to in other zones, and a changed TTL.

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};

use super::{
    View, all_evidence, baseline,
    view::{servers_of, value_of},
};
use crate::{
    audit::{
        finding::{Finding, FindingKind, Subject},
        history::Standing,
    },
    names::DnsName,
    types::{Mode, Question, Severity, Value},
};

/// One finding a question whose authority changed its value within the last `recovery_window` (three rounds at least, so
/// that a round that could not be recorded loses nothing), and nobody declared it.
pub(super) fn unexpected(view: &View) -> Vec<Finding> {
    let policy = view.input.policy;
    if policy.unexpected_change == Severity::None || policy.mode != Mode::Exact {
        return Vec::new();
    }
    let questions = view.questions.iter();
    questions
        .filter_map(|question| changed_at(view, question))
        .collect()
}

fn changed_at(view: &View, question: &Question) -> Option<Finding> {
    let home = view.zone_apex(&question.name);
    let at_home = view
        .chain(question)
        .filter(|(owner, _)| view.zone_apex(owner) == home);
    let mut news =
        at_home.filter_map(|(owner, standing)| Some((owner, standing, newest(standing)?)));
    news.find_map(|(owner, standing, news)| {
        let place = (question, owner);
        let declared = view.input.declared;
        let is_recent = view.input.now - news.at <= shown_for(view);
        (is_recent && !declared.excuses(place, news.to, news.at, Some(news.from)))
            .then(|| finding(view, question, (owner, standing), &news))
    })
}

fn shown_for(view: &View) -> TimeDelta {
    let policy = view.input.policy;
    let longest = policy.recovery_window.max(policy.period * 3);
    TimeDelta::from_std(longest).unwrap_or(TimeDelta::MAX)
}

/// A change of a link at its authority.
struct News<'h> {
    from: &'h Value,
    to: &'h Value,
    /// When the first server was seen with the new value.
    at: DateTime<Utc>,
}

/// The latest change of a link: of every value that is served now, the first server to serve it, where that server served
/// something else before. A server that follows another is no news.
fn newest<'h>(standing: &Standing<'h>) -> Option<News<'h>> {
    let first_of = |value: &Value| {
        let words = standing.words().iter().filter(|word| word.value() == value);
        words.min_by_key(|word| (word.since(), word.before().is_some()))
    };
    let current = standing.current.iter();
    let changes = current.filter_map(|current| {
        let first = first_of(current.value)?;
        Some(News {
            from: first.before()?,
            to: first.value(),
            at: first.since(),
        })
    });
    changes.max_by_key(|news| (news.at, news.to))
}

fn finding(
    view: &View,
    question: &Question,
    (owner, standing): (&DnsName, &Standing),
    news: &News,
) -> Finding {
    let mut shows = view.replies_about(question, owner);
    shows.retain(|reply| value_of(reply) == Some(news.to));
    Finding {
        kind: FindingKind::UnexpectedChange,
        severity: view.input.policy.unexpected_change,
        subject: Subject::Question(question.clone()),
        zone: view.zone_apex(owner),
        questions: vec![question.clone()],
        resolvers: Vec::new(),
        authorities: servers_of(&shows),
        baseline: baseline(standing),
        observed: all_evidence(&shows),
        at: view.input.now,
        reason: format!(
            "{question}: {owner} changed at the authority from {} to {}, seen at {}; nobody declared that",
            news.from,
            news.to,
            news.at.to_rfc3339_opts(SecondsFormat::Secs, true)
        ),
    }
}
