//! Whether the vantage itself sees next to nothing, which says nothing of anybody else.
//!
//! Deliberately absent: confirmation. `blind` counts three rounds like any other silence, but holds back everything else
//! from the first.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
};

use crate::{
    audit::{
        history::is_authoritative,
        incident::{Axis, IncidentKey},
        ledger::{Judgement, evidence::Sighting, explained},
        verdict::{Family, State, Verdict},
    },
    types::{Observation, Severity, SourceKind},
};

/// Rounds in a row after which the vantage is told to be blind.
const BLIND_ROUNDS: u32 = 3;

/// How many addresses of authoritative servers were asked in a round, how many of them gave any reply, and how many of those
/// none with authority.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct AuthorityReach {
    /// Addresses asked.
    pub asked: usize,
    /// Addresses that replied at least once, whatever they said.
    pub answered: usize,
    /// Addresses that replied, and never with authority.
    pub lame: usize,
}

impl AuthorityReach {
    /// Counts over a round's observations; those of resolvers are passed over.
    pub fn of(observations: &[Observation]) -> Self {
        let mut by_address: BTreeMap<SocketAddr, (bool, bool)> = BTreeMap::new();
        for observation in observations {
            if observation.source.kind == SourceKind::Authority {
                let address = observation.source.address;
                let (replied, heard) = by_address.entry(address).or_default();
                *replied |= observation.answer.is_reply();
                *heard |= is_authoritative(observation);
            }
        }
        let count = |wanted: fn(&(bool, bool)) -> bool| {
            let addresses = by_address.values();
            addresses.filter(|address| wanted(address)).count()
        };
        Self {
            asked: by_address.len(),
            answered: count(|(replied, _)| *replied),
            lame: count(|(replied, heard)| *replied && !*heard),
        }
    }

    /// Whether any of them was heard with authority.
    pub(super) fn is_any_heard(self) -> bool {
        self.answered > self.lame
    }

    fn silent(self) -> usize {
        self.asked.saturating_sub(self.answered)
    }
}

/// Whether at least 80 % of the resolver addresses and at least 80 % of the authoritative servers fail, two sources or more
/// in all. A resolver address fails when at least 80 % of its questions do (rows 1, 2 and 4).
///
/// Both sides must fail: while the authorities answer, it is the resolvers that are down. A servfail that an authority
/// finding explains is no failure here: who says it, is reached. Without a single authority asked (no delegation could be
/// walked) the resolvers decide.
pub(super) fn sees_nothing(judgement: &Judgement<'_>) -> bool {
    let (failed, asked) = resolver_addresses(judgement);
    let authorities = judgement.authorities;
    asked > 0
        && asked + authorities.asked >= 2
        && is_most(failed, asked)
        && is_most(authorities.silent(), authorities.asked)
}

fn is_most(part: usize, whole: usize) -> bool {
    part * 5 >= whole * 4
}

/// How many resolver addresses fail, of how many asked.
fn resolver_addresses(judgement: &Judgement<'_>) -> (usize, usize) {
    let mut by_address: BTreeMap<(&str, SocketAddr), (usize, usize)> = BTreeMap::new();
    let asked = judgement.verdicts.iter();
    for verdict in asked.filter(|verdict| verdict.state != State::Unknown) {
        let counts = by_address
            .entry((&verdict.resolver, verdict.observed.source.address))
            .or_default();
        counts.0 += usize::from(is_failure(verdict, judgement));
        counts.1 += 1;
    }
    let failed = by_address.values().filter(|(bad, all)| is_most(*bad, *all));
    (failed.count(), by_address.len())
}

fn is_failure(verdict: &Verdict, judgement: &Judgement<'_>) -> bool {
    match verdict.state {
        State::Unreachable | State::Refused => true,
        State::Servfail => !explained::by_finding(verdict, judgement.findings),
        _ => false,
    }
}

/// The one sighting of a blind round.
pub(super) fn sighting<'a>(judgement: &Judgement<'a>) -> Sighting<'a> {
    let mut failures: Vec<&Verdict> = judgement
        .verdicts
        .iter()
        .filter(|verdict| is_failure(verdict, judgement))
        .collect();
    failures.sort_by_key(|verdict| (&verdict.question, &verdict.observed.source));
    let home = IncidentKey {
        group: judgement.group.to_owned(),
        axis: Axis::Vantage,
        subject: judgement.vantage.to_owned(),
        family: Family::Blind,
    };
    let instants: BTreeSet<_> = failures.iter().map(|verdict| verdict.observed.at).collect();
    Sighting {
        target: home.clone(),
        home,
        resolver: None,
        zone: None,
        questions: failures.iter().map(|verdict| &verdict.question).collect(),
        resolvers: failures
            .iter()
            .map(|verdict| verdict.resolver.as_str())
            .collect(),
        authorities: &[],
        severity: Severity::Critical,
        verdict: "blind",
        reason: reason(judgement),
        baseline: None,
        observed: failures.iter().map(|verdict| &verdict.observed).collect(),
        cached_until: None,
        worst_case_until: None,
        backends: BTreeSet::new(),
        counters: vec![(judgement.vantage.to_owned(), BLIND_ROUNDS)],
        certain: false,
        confirmed: false,
        since: instants.first().copied().unwrap_or(judgement.now),
        at: instants.last().copied().unwrap_or(judgement.now),
    }
}

fn reason(judgement: &Judgement<'_>) -> String {
    let (failed, asked) = resolver_addresses(judgement);
    let authorities = judgement.authorities;
    format!(
        "from {} {failed} of {asked} resolver addresses and {} of {} authoritative servers do not answer: nothing can be \
         said of {} from there",
        judgement.vantage,
        authorities.silent(),
        authorities.asked,
        judgement.group,
    )
}
