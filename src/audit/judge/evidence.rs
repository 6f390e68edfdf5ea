//! What a verdict carries so that it can be acted on and proved: the sample, and what it was held against.
//!
//! Deliberately absent: rendering.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use super::context::Context;
use crate::{
    audit::{
        evidence::{Baseline, BaselineKind, Observed},
        history::Standing,
    },
    types::{Link, Observation, SeriesKey, Value},
};

/// What is served now, as a baseline; what was served last where nothing is.
pub(super) fn authority_baseline(standing: &Standing) -> Option<Baseline> {
    let (values, ttl): (Vec<&Value>, _) = if standing.current.is_empty() {
        let (value, past) = standing.last_served()?;
        (vec![value], past.ttl)
    } else {
        let current = standing.current.iter();
        let ttl = current.clone().map(|current| current.ttl).max();
        (
            current.map(|current| current.value).collect(),
            ttl.unwrap_or(0),
        )
    };
    let records: BTreeSet<String> = values.iter().flat_map(|value| value.records()).collect();
    let gone = values.iter().all(|value| **value == Value::Nxdomain);
    Some(Baseline {
        kind: BaselineKind::Authority,
        records: records.into_iter().collect(),
        rcode: if gone { "NXDOMAIN" } else { "NOERROR" }.to_owned(),
        ttl: Some(ttl),
    })
}

/// What most operators say, as a baseline.
pub(super) fn quorum_baseline(value: &Value) -> Baseline {
    Baseline {
        kind: BaselineKind::Quorum,
        records: value.records(),
        rcode: if *value == Value::Nxdomain {
            "NXDOMAIN"
        } else {
            "NOERROR"
        }
        .to_owned(),
        ttl: None,
    }
}

/// A declared value as a baseline, with the TTL that the authority gives, where one is known.
pub(super) fn declared_baseline(value: &Value, ttl: Option<u32>) -> Baseline {
    Baseline {
        kind: BaselineKind::Declared,
        records: value.records(),
        rcode: "NOERROR".to_owned(),
        ttl,
    }
}

/// The latest `t + θ` seen of a sample's link at the sample's address.
pub(super) fn cached_until(
    context: &Context,
    sample: &Observation,
    index: usize,
    link: &Link,
) -> DateTime<Utc> {
    let series = SeriesKey::of(sample);
    let held = context.history.held(&series);
    let held = held.and_then(|held| held.value(&link.owner, &link.value));
    let now = sample.expires_at(index);
    held.map_or(now, |held| held.cached_until.max(now))
}

/// The sample as evidence, with the link that decided, or the last one.
pub(super) fn observed(context: &Context, sample: &Observation, link: Option<usize>) -> Observed {
    let index = link.or_else(|| sample.answer.links.len().checked_sub(1));
    let link = index.and_then(|index| Some((index, sample.answer.links.get(index)?)));
    let cached_until = link.map(|(index, link)| cached_until(context, sample, index, link));
    Observed {
        resolver: sample.source.id.clone(),
        source: sample.source.clone(),
        question: sample.question.clone(),
        records: link
            .map(|(_, link)| link.value.records())
            .unwrap_or_default(),
        rcode: sample.answer.rcode_text(),
        ttl: link.map(|(index, _)| sample.link_ttl(index)),
        site: sample.site(),
        ede: sample.ede.clone(),
        at: sample.at,
        cached_until,
    }
}
