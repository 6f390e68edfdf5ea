//! A reply that says something of the name, link by link, each against the servers of its own zone; the worst decides.
//!
//! Deliberately absent: the state of one link, which is [`super::value`].

use super::{Judged, context::Context, evidence, value::Subject};
use crate::{
    audit::{
        declared::Values,
        history::LinkKey,
        verdict::{State, VerdictFlag},
    },
    names::DnsName,
    types::{Link, Mode, Observation, RecordType, SeriesKey, Severity, Value},
};

/// Judges every link until one was never served; what follows that belongs to another story.
pub(super) fn judge(context: &Context, sample: &Observation, samples: &[&Observation]) -> Judged {
    let links = if context.input.peeks(&sample.source.id) {
        // A cache may hold an alias and nothing of its target.
        sample.answer.links.clone()
    } else {
        closed(sample)
    };
    let mut worst: Option<Judged> = None;
    for (index, link) in links.iter().enumerate() {
        let Some(judged) = judge_link(context, sample, samples, (index, link)) else {
            continue;
        };
        let ends_here = !matches!(judged.state.row(), 8 | 9);
        worst = Some(match worst {
            Some(before) => worse(before, judged),
            None => judged,
        });
        if ends_here {
            break;
        }
    }
    worst.unwrap_or_else(|| without_authority(context, sample))
}

/// The worse of two links' judgements, the later one where they are alike, with the flags of all links before it.
fn worse(before: Judged, mut judged: Judged) -> Judged {
    let is_fine = |judged: &Judged| judged.state == State::Consistent;
    let both_fine = is_fine(&before) && is_fine(&judged);
    if !both_fine && judged.badness() <= before.badness() {
        return before;
    }
    judged.flags.extend(before.flags);
    judged.flags.sort_unstable();
    judged.flags.dedup();
    judged
}

/// The chain with its end made plain: an alias that leads to nothing says that its target has no data.
fn closed(sample: &Observation) -> Vec<Link> {
    let mut links = sample.answer.links.clone();
    if let Some(Link {
        value: Value::Cname(target),
        ..
    }) = links.last()
        && sample.question.rtype != RecordType::CNAME
    {
        links.push(Link {
            owner: target.clone(),
            value: Value::Nodata,
        });
    }
    links
}

/// `None` for a link on the way that no authority ever answered for; at the end of a chain the quorum decides then.
fn judge_link(
    context: &Context,
    sample: &Observation,
    samples: &[&Observation],
    (index, link): (usize, &Link),
) -> Option<Judged> {
    let is_given = index < sample.answer.links.len();
    let rtype = sample.question.rtype;
    let known = context.standing(&link.owner, rtype);
    let Some(standing) = known.filter(|known| known.is_known()) else {
        let is_last = index + 1 == sample.answer.links.len();
        return is_last.then(|| without_authority(context, sample));
    };
    let mode = match context.input.policy.mode {
        Mode::Exact if is_foreign(context, sample, &link.owner) => Mode::Pool,
        mode => mode,
    };
    let subject = Subject {
        context,
        sample,
        index,
        link,
        given: &link.value,
        key: LinkKey {
            owner: link.owner.clone(),
            rtype,
        },
        series: SeriesKey::of(sample),
        standing,
        mode,
        first_at: first_sight(samples, sample, index),
    };
    let mut judged = subject.judge();
    judged.link = is_given.then_some(index);
    judged.baseline = judged
        .baseline
        .or_else(|| evidence::authority_baseline(standing));
    if standing.low_confidence && !judged.flags.contains(&VerdictFlag::LowConfidence) {
        judged.flags.push(VerdictFlag::LowConfidence);
    }
    Some(judged)
}

/// When the pair first gave this link in the round: an authority that answers after it has been asked again.
fn first_sight(
    samples: &[&Observation],
    sample: &Observation,
    index: usize,
) -> chrono::DateTime<chrono::Utc> {
    let link = sample.answer.links.get(index);
    let same = samples.iter().filter(|other| match link {
        Some(link) => other.answer.links.contains(link),
        None => other.answer == sample.answer,
    });
    same.map(|other| other.at).min().unwrap_or(sample.at)
}

/// Whether the link lies in another zone than the asked name: its last addresses are then somebody else's pool.
fn is_foreign(context: &Context, sample: &Observation, owner: &DnsName) -> bool {
    let zones = context.input.zones;
    match (zones.zone_of(owner), zones.zone_of(&sample.question.name)) {
        (Some(here), Some(home)) => here.apex != home.apex,
        _ => false,
    }
}

/// No authority ever answered: the quorum of operators stands in, and nothing is told on its word alone.
fn without_authority(context: &Context, sample: &Observation) -> Judged {
    let quorum = context.quorums.get(&sample.question);
    let quorum = quorum.and_then(Option::as_ref);
    let value = sample.answer.last().map(|link| &link.value);
    let declared = value.filter(|value| context.input.policy.expect.covers(value));
    let announced = value.filter(|_| is_announced(context, sample));
    let index = sample.answer.links.len().checked_sub(1);
    let (state, reason) = if declared.is_some() {
        (
            State::Consistent,
            "declared in `expect`; no authority ever answered",
        )
    } else if announced.is_some() {
        (
            State::Consistent,
            "a change that leads here is declared; no authority ever answered",
        )
    } else if value.is_some() && value == quorum {
        (
            State::Consistent,
            "no authority ever answered; most operators say the same",
        )
    } else {
        (
            State::Unexplained,
            "no authority ever answered, so nobody can say whether this is right",
        )
    };
    let mut judged = Judged::new(state, Severity::None, reason.to_owned());
    judged.flags.push(VerdictFlag::LowConfidence);
    judged.link = index;
    judged.baseline = declared
        .or(announced)
        .map(|value| evidence::declared_baseline(value, None))
        .or_else(|| quorum.map(evidence::quorum_baseline));
    if state == State::Unexplained {
        let expires = index.map(|index| sample.expires_at(index));
        judged.worst_case_until = expires;
    }
    judged
}

/// Whether a declared change makes any link of the answer right: the target of a new alias may be nobody's yet.
fn is_announced(context: &Context, sample: &Observation) -> bool {
    sample.answer.links.iter().any(|link| {
        let covers = |to: &Values| to.covers(&link.value);
        let place = (&sample.question, &link.owner);
        let declared = context.input.declared;
        declared.expects(place, covers, sample.at, None).is_some()
    })
}
