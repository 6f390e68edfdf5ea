//! Why a verdict is what it is: the inequality with the instants filled in, the row that matched and why none before it
//! did, and everything that this stands on.
//!
//! Nothing is judged here: what is explained is a verdict, from the history and the context that gave it. Deliberately
//! absent: rendering beyond one sentence.

mod rows;
mod sentence;
#[cfg(test)]
mod tests;

use std::{collections::BTreeSet, net::SocketAddr};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    audit::{
        context::RoundContext,
        evidence::Baseline,
        history::{EPSILON, History, LinkKey, Membership, Past, ServedEpoch, Standing},
        verdict::{Sample, State, Verdict, VerdictFlag},
    },
    names::DnsName,
    types::{
        AuthorityServer, Link, Observation, Question, RecordType, Severity, Source, SourceKind,
        Transport, Value,
    },
};

/// A verdict, and all that it stands on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Explanation {
    /// What was asked.
    pub question: Question,
    /// Whom: the resolver's id, and the address.
    pub source: Source,
    /// Who runs it.
    pub operator: String,
    /// The state.
    pub state: State,
    /// The row of the table of verdicts that matched.
    pub row: u8,
    /// How much it matters.
    pub severity: Severity,
    /// Whether the state was seen at least twice in the round.
    pub confirmed: bool,
    /// Remarks beside the state.
    pub flags: Vec<VerdictFlag>,
    /// The verdict in one sentence: for row 9 the inequality with the instants filled in, to be read aloud.
    pub sentence: String,
    /// The verdict's own sentence, with full instants.
    pub reason: String,
    /// The inequality of row 9; `None` in every other row.
    pub inequality: Option<Inequality>,
    /// Why no earlier row matched, in their order.
    pub earlier_rows: Vec<String>,
    /// What the answer was held against.
    pub baseline: Option<Baseline>,
    /// What the authorities served for the link that decided; `None` where none was ever asked of it.
    pub link: Option<LinkAccount>,
    /// The longest that the resolver is known to keep anything, seconds.
    pub ttl_cap: Option<u32>,
    /// The latest `t + θ` seen of the answer here.
    pub cached_until: Option<DateTime<Utc>>,
    /// Until when a backend never hit could hand it out.
    pub worst_case_until: Option<DateTime<Utc>>,
    /// The replies of the round that it stands on, in order of receipt.
    pub observations: Vec<Stood>,
}

/// `t + θ ≤ L(v) + Θ(v) + ε`: an answer is legal until the last instant an authority may have served it, plus the TTL that
/// it served.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inequality {
    /// `t`: receipt.
    pub at: DateTime<Utc>,
    /// `θ`: the TTL as received, seconds.
    pub ttl: u32,
    /// `x = t + θ`; `t` at a backend that repeats a constant TTL.
    pub expires: DateTime<Utc>,
    /// `L(v)`: the latest end of the value at any server.
    pub end: DateTime<Utc>,
    /// `Θ(v)`: the TTL of the epoch that ended last, seconds.
    pub theta: u32,
    /// `D(v)`: the latest `end + Θ` of any epoch.
    pub deadline: DateTime<Utc>,
    /// `ε`, seconds.
    pub epsilon: i64,
    /// Whether it holds.
    pub holds: bool,
}

/// What the authorities served for one link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkAccount {
    /// The owner name.
    pub owner: DnsName,
    /// The type asked.
    #[serde(rename = "type")]
    pub rtype: RecordType,
    /// The zone it lies in, where that is known.
    pub zone: Option<DnsName>,
    /// Since when its authorities have been asked without a gap.
    pub since: Option<DateTime<Utc>>,
    /// The longest TTL known of any value of it, seconds.
    pub longest_ttl: u32,
    /// `C`: the values that are served now.
    pub current: Vec<String>,
    /// The epochs of the judged value and of what is served now, by server and end.
    pub epochs: Vec<EpochAccount>,
}

/// One value with its TTL at one server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EpochAccount {
    /// The server's host name, where it is listed today.
    pub server: Option<String>,
    /// Its address.
    pub address: SocketAddr,
    /// Whether the server belongs to the zone today; one that has left counts for what it served.
    pub is_listed: bool,
    /// The value.
    pub value: String,
    /// Whether it is the value that was judged.
    pub is_judged: bool,
    /// `Θ`, seconds.
    pub ttl: u32,
    /// The first sight of the value there.
    pub from: DateTime<Utc>,
    /// The server's next differing answer; `None` while it serves it.
    pub end: Option<DateTime<Utc>>,
}

/// A reply that a verdict stands on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stood {
    /// Receipt.
    pub at: DateTime<Utc>,
    /// What it said.
    pub answer: String,
    /// TTL as received, of the judged link; `None` where nothing was answered.
    pub ttl: Option<u32>,
    /// `t + θ`.
    pub expires_at: Option<DateTime<Utc>>,
    /// The backend, by NSID.
    pub site: Option<String>,
    /// The transport that brought it.
    pub transport: Transport,
    /// Datagrams and connections spent.
    pub attempts: u8,
    /// Extended errors, by number.
    pub ede: Vec<u16>,
    /// Whether it came by asking again.
    pub again: bool,
    /// The state of this sample alone; `None` where it did not count, as a loss beside answers.
    pub state: Option<State>,
}

/// A round as it was judged.
#[derive(Debug, Clone, Copy)]
pub struct JudgedRound<'a> {
    /// The history as it stood.
    pub history: &'a History,
    /// By what it was judged.
    pub context: &'a RoundContext,
    /// Every reply, in order of receipt.
    pub observations: &'a [Observation],
    /// How many of them came before anything was asked again.
    pub first: usize,
    /// The instant of judgement.
    pub now: DateTime<Utc>,
}

/// What the explanation of one verdict looks at.
struct Case<'a> {
    round: JudgedRound<'a>,
    verdict: &'a Verdict,
    /// The sample that decided, and the index of the link that decided in it.
    sample: Option<&'a Observation>,
    index: usize,
    key: LinkKey,
    standing: Option<Standing<'a>>,
}

/// Explains a verdict of the round.
pub fn explain(round: JudgedRound<'_>, verdict: &Verdict) -> Explanation {
    let case = Case::new(round, verdict);
    let inequality = case.inequality();
    Explanation {
        question: verdict.question.clone(),
        source: Source::clone(&verdict.observed.source),
        operator: verdict.operator.clone(),
        state: verdict.state,
        row: verdict.state.row(),
        severity: verdict.severity,
        confirmed: verdict.confirmed,
        flags: verdict.flags.clone(),
        sentence: case.sentence(inequality.as_ref()),
        reason: verdict.reason.clone(),
        earlier_rows: case.earlier_rows(inequality.as_ref()),
        inequality,
        baseline: verdict.baseline.clone(),
        link: case.account(),
        ttl_cap: case.ttl_cap(),
        cached_until: verdict.cached_until,
        worst_case_until: verdict.worst_case_until,
        observations: case.stood_on(),
    }
}

impl<'a> Case<'a> {
    fn new(round: JudgedRound<'a>, verdict: &'a Verdict) -> Self {
        let (seen, question) = (&verdict.observed, &verdict.question);
        let is_it = |one: &&Observation| {
            one.at == seen.at && one.source == seen.source && one.question == *question
        };
        let sample = round.observations.iter().find(is_it);
        let owner = verdict.link.as_ref().unwrap_or(&question.name);
        let links = sample.map_or(&[][..], |sample| &sample.answer.links);
        let index = links.iter().position(|link| link.owner == *owner);
        let key = LinkKey {
            owner: owner.clone(),
            rtype: question.rtype,
        };
        let input = round.context.input(round.observations, round.now);
        Self {
            round,
            verdict,
            sample,
            index: index.unwrap_or(0),
            standing: input.standing(round.history, &key),
            key,
        }
    }

    fn link(&self) -> Option<&'a Link> {
        self.sample?.answer.links.get(self.index)
    }

    fn value(&self) -> Option<&'a Value> {
        self.link().map(|link| &link.value)
    }

    /// The past that the deadline comes from: the value's, or that of the member of a pool which had to go first.
    fn past(&self) -> Option<Past> {
        let (standing, value) = (self.standing.as_ref()?, self.value()?);
        let deadline = self.verdict.deadline?;
        let (records, scope) = (value.records(), self.sample?.ecs_scope);
        let pooled = records
            .iter()
            .flat_map(|rdata| [scope, None].map(|scope| standing.pooled(rdata, scope)))
            .flatten();
        let mut known = standing.past(value).into_iter().chain(pooled);
        known.find(|past| past.deadline == deadline)
    }

    fn inequality(&self) -> Option<Inequality> {
        let (sample, past) = (self.sample?, self.past()?);
        if self.verdict.state.row() != 9 {
            return None;
        }
        let (at, ttl) = (sample.at, sample.link_ttl(self.index));
        let is_constant = self.verdict.flags.contains(&VerdictFlag::ConstantTtl);
        let expires = if is_constant {
            at
        } else {
            sample.expires_at(self.index)
        };
        Some(Inequality {
            at,
            ttl,
            expires,
            end: past.end,
            theta: past.ttl,
            deadline: past.deadline,
            epsilon: EPSILON.num_seconds(),
            holds: expires <= past.deadline + EPSILON,
        })
    }

    fn ttl_cap(&self) -> Option<u32> {
        let mut resolvers = self.round.context.setting.resolvers.iter();
        let known = resolvers.find(|known| known.id == self.verdict.resolver);
        known.and_then(|resolver| resolver.traits.ttl_cap)
    }

    /// The server with this address in the zone of the link, as it is listed today.
    fn server(&self, address: SocketAddr) -> Option<&'a AuthorityServer> {
        let zone = self.round.context.zones.zone_of(&self.key.owner)?;
        let mut servers = zone.servers.iter();
        servers.find(|server| server.address == address)
    }

    fn account(&self) -> Option<LinkAccount> {
        let standing = self.standing.as_ref()?;
        let history = self.round.history.link(&self.key)?;
        let (zones, owner) = (&self.round.context.zones, &self.key.owner);
        let is_shown = |epoch: &ServedEpoch| {
            let is_current = epoch.end.is_none();
            zones.membership(owner, epoch.server, epoch.told_for) != Membership::Stranger
                && (is_current || Some(epoch.value) == self.value())
        };
        let epochs = history.epochs().into_iter().filter(is_shown);
        let current = standing.current.iter();
        Some(LinkAccount {
            owner: owner.clone(),
            rtype: self.key.rtype,
            zone: zones.zone_of(owner).map(|zone| zone.apex.clone()),
            since: standing.since,
            longest_ttl: standing.longest_ttl,
            current: current.map(|one| one.value.to_string()).collect(),
            epochs: epochs.map(|epoch| self.epoch(&epoch)).collect(),
        })
    }

    fn epoch(&self, epoch: &ServedEpoch<'_>) -> EpochAccount {
        let server = self.server(epoch.server);
        EpochAccount {
            server: server.map(|server| server.name.clone()),
            address: epoch.server,
            is_listed: server.is_some(),
            value: epoch.value.to_string(),
            is_judged: Some(epoch.value) == self.value(),
            ttl: epoch.ttl,
            from: epoch.from,
            end: epoch.end,
        }
    }

    /// The replies of the pair, each with the state of its own.
    fn stood_on(&self) -> Vec<Stood> {
        let (source, question) = (&self.verdict.observed.source, &self.verdict.question);
        let all = self.round.observations.iter().enumerate();
        let of_pair = all.filter(|(_, one)| one.source == *source && one.question == *question);
        of_pair
            .map(|(nth, one)| self.stood(one, nth >= self.round.first))
            .collect()
    }

    fn stood(&self, one: &Observation, again: bool) -> Stood {
        let owner = &self.key.owner;
        let mut links = one.answer.links.iter();
        let index = links.position(|link| link.owner == *owner);
        let is_it = |sample: &&Sample| sample.at == one.at && sample.site == one.site();
        Stood {
            at: one.at,
            answer: one.answer.to_string(),
            ttl: index.map(|index| one.link_ttl(index)),
            expires_at: index.map(|index| one.expires_at(index)),
            site: one.site(),
            transport: one.transport,
            attempts: one.attempts,
            ede: one.ede.iter().map(|ede| ede.code).collect(),
            again,
            state: self
                .verdict
                .samples
                .iter()
                .find(is_it)
                .map(|sample| sample.state),
        }
    }

    /// How many authoritative servers were asked for the link in the round.
    fn servers_asked(&self) -> usize {
        let asked = self.round.observations.iter().filter(|one| {
            one.source.kind == SourceKind::Authority && one.question.name == self.key.owner
        });
        let servers: BTreeSet<_> = asked.map(|one| one.source.address).collect();
        servers.len()
    }
}
