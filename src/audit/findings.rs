//! What a round shows to be wrong at names, zones and authoritative servers themselves.
//!
//! One finding per kind and subject, whatever the number of names. Deliberately absent: how many rounds it takes before
//! somebody is told, and inhibition.

mod names;
mod servers;
mod ttl;
mod zones;

use std::collections::BTreeSet;

use crate::{
    audit::{
        finding::Finding,
        history::{History, LinkKey, Standing},
        judge::RoundInput,
        verdict::{Observed, Verdict},
    },
    names::DnsName,
    types::{Link, Observation, Question, RecordType, SourceKind, Value},
};

/// Aliases followed from one name.
const LONGEST_CHAIN: usize = 12;

/// Every finding of the round, by kind and subject.
pub fn find(history: &History, input: &RoundInput, verdicts: &[Verdict]) -> Vec<Finding> {
    let view = View {
        history,
        input,
        questions: questions(input, verdicts),
    };
    let mut found = names::missing(&view);
    found.extend(names::split(&view));
    found.extend(ttl::above_policy(&view));
    found.extend(ttl::negative_above_policy(&view));
    found.extend(ttl::stretched(&view));
    found.extend(ttl::unequal_in_rrset(&view));
    found.extend(servers::unreachable_or_lame(&view));
    found.extend(zones::ns_mismatch(&view));
    found.extend(zones::delegation_ttl(&view));
    found.sort_by(|one, other| (one.kind, &one.subject).cmp(&(other.kind, &other.subject)));
    found
}

/// The group's questions: what resolvers were asked.
fn questions(input: &RoundInput, verdicts: &[Verdict]) -> BTreeSet<Question> {
    let asked = input
        .observations
        .iter()
        .filter(|one| one.source.kind == SourceKind::Resolver);
    let asked = asked.map(|observation| observation.question.clone());
    verdicts
        .iter()
        .map(|verdict| verdict.question.clone())
        .chain(asked)
        .collect()
}

/// The round as findings look at it.
struct View<'a> {
    history: &'a History,
    input: &'a RoundInput<'a>,
    questions: BTreeSet<Question>,
}

impl View<'_> {
    fn standing(&self, owner: &DnsName, rtype: RecordType) -> Option<Standing> {
        let link = self.history.link(&LinkKey {
            owner: owner.clone(),
            rtype,
        })?;
        Some(link.standing(
            self.input.zones.zone_of(owner),
            self.input.policy,
            self.input.now,
        ))
    }

    /// The owners a question leads over, as the authorities serve them now, with the standing of each.
    fn chain(&self, question: &Question) -> Vec<(DnsName, Standing)> {
        let mut chain: Vec<(DnsName, Standing)> = Vec::new();
        let mut next = Some(question.name.clone());
        while let Some(owner) = next.take() {
            let seen =
                chain.len() >= LONGEST_CHAIN || chain.iter().any(|(known, _)| *known == owner);
            let Some(standing) = self.standing(&owner, question.rtype).filter(|_| !seen) else {
                break;
            };
            if let Some(Value::Cname(target)) =
                standing.current.first().map(|current| &current.value)
                && question.rtype != RecordType::CNAME
            {
                next = Some(target.clone());
            }
            chain.push((owner, standing));
        }
        chain
    }

    /// The authorities' replies of this round that say something of a link.
    fn replies_about<'b>(
        &'b self,
        owner: &'b DnsName,
        rtype: RecordType,
    ) -> impl Iterator<Item = (&'b Observation, usize, &'b Link)> {
        self.input
            .observations
            .iter()
            .filter(move |one| {
                one.source.kind == SourceKind::Authority && one.question.rtype == rtype
            })
            .flat_map(move |one| {
                one.answer
                    .links
                    .iter()
                    .enumerate()
                    .map(move |(index, link)| (one, index, link))
            })
            .filter(move |(_, _, link)| link.owner == *owner)
    }

    fn zone_apex(&self, owner: &DnsName) -> Option<DnsName> {
        self.input
            .zones
            .zone_of(owner)
            .map(|zone| zone.apex.clone())
    }
}

/// An authority's reply as evidence, by one of its links.
fn evidence(observation: &Observation, index: usize) -> Observed {
    let link = observation.answer.links.get(index);
    Observed {
        resolver: observation.source.id.clone(),
        source: observation.source.clone(),
        question: observation.question.clone(),
        records: link.map(|link| link.value.records()).unwrap_or_default(),
        rcode: observation.answer.rcode_text(),
        ttl: link.map(|_| observation.link_ttl(index)),
        site: observation.site(),
        ede: observation.ede.clone(),
        at: observation.at,
        cached_until: link.map(|_| observation.expires_at(index)),
    }
}
