//! Rows 6 to 9: a reply that says something of the name, held against what its authorities served.
//!
//! A chain is judged link by link, each against the servers of its own zone; the worst link decides. Deliberately
//! absent: failures (rows 1 to 5), and the finding `ttl_stretched`, which is about values that are served now.

use std::net::{IpAddr, Ipv6Addr};

use chrono::{DateTime, TimeDelta, Utc};

use super::{
    Context, Judged, authority_baseline,
    reason::{Instants, instant},
};
use crate::{
    audit::{
        history::{EPSILON, Past, Standing},
        verdict::{Baseline, BaselineKind, State, VerdictFlag},
    },
    names::DnsName,
    types::{Link, Mode, Observation, RecordType, SeriesKey, Severity, Value},
};

/// A history younger than this, or than the longest TTL known, may not know what an honest cache still holds.
const YOUTH: TimeDelta = TimeDelta::hours(24);

/// One link of a sample, and all that its judgement looks at.
struct Subject<'a> {
    context: &'a Context<'a>,
    sample: &'a Observation,
    index: usize,
    link: &'a Link,
    standing: &'a Standing,
    mode: Mode,
    first_at: DateTime<Utc>,
}

/// Where a value stands with the authorities.
enum Place {
    Current,
    Past(Past),
    Unseen,
}

/// Judges every link until one is wrong; what follows a wrong link belongs to another story.
pub(super) fn judge_chain(
    context: &Context,
    sample: &Observation,
    first_at: DateTime<Utc>,
) -> Judged {
    let links = closed_chain(sample);
    let mut worst: Option<Judged> = None;
    for (index, link) in links.iter().enumerate() {
        let judged = judge_link(context, sample, (index, link), first_at);
        let Some(judged) = judged else { continue };
        let ends_here = !matches!(judged.state.row(), 8 | 9);
        let outranks = worst.as_ref().is_none_or(|before| {
            (judged.severity, judged.state.row() != 8) > (before.severity, before.state.row() != 8)
                || (judged.state.row() == 8 && before.state.row() == 8)
        });
        let flags = worst
            .as_ref()
            .map(|before| before.flags.clone())
            .unwrap_or_default();
        if outranks {
            worst = Some(judged);
        }
        if let Some(worst) = &mut worst {
            worst.flags.extend(flags);
            worst.flags.sort_unstable();
            worst.flags.dedup();
        }
        if ends_here {
            break;
        }
    }
    worst.unwrap_or_else(|| without_authority(context, sample))
}

/// The chain with its end made plain: an alias that leads to nothing says that its target has no data.
fn closed_chain(sample: &Observation) -> Vec<Link> {
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

/// `None` where no authority of the link's zone ever answered.
fn judge_link(
    context: &Context,
    sample: &Observation,
    (index, link): (usize, &Link),
    first_at: DateTime<Utc>,
) -> Option<Judged> {
    let standing = context
        .standing(&link.owner, sample.question.rtype)
        .filter(|known| known.is_known())?;
    let mode = if is_foreign(context, sample, &link.owner) {
        Mode::Pool
    } else {
        context.input.policy.mode
    };
    let subject = Subject {
        context,
        sample,
        index,
        link,
        standing,
        mode,
        first_at,
    };
    let mut judged = subject.judge();
    judged.link = (index < sample.answer.links.len()).then_some(index);
    judged.baseline = judged.baseline.or_else(|| authority_baseline(standing));
    if standing.low_confidence {
        judged.flags.push(VerdictFlag::LowConfidence);
    }
    Some(judged)
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
    let quorum = context
        .quorums
        .get(&sample.question)
        .and_then(Option::as_ref);
    let agrees = sample.answer.last().map(|link| &link.value) == quorum;
    let expected = sample
        .answer
        .last()
        .is_some_and(|link| context.input.policy.expect.covers(&link.value));
    let (state, reason) = if expected {
        (
            State::Consistent,
            "declared in `expect`; no authority ever answered",
        )
    } else if agrees {
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
    judged.link = sample.answer.links.len().checked_sub(1);
    judged.baseline = quorum.map(|value| Baseline {
        kind: if expected {
            BaselineKind::Declared
        } else {
            BaselineKind::Quorum
        },
        records: value.records(),
        rcode: if *value == Value::Nxdomain {
            "NXDOMAIN"
        } else {
            "NOERROR"
        }
        .to_owned(),
        ttl: None,
    });
    judged
}

impl Subject<'_> {
    fn judge(&self) -> Judged {
        let mut judged = match self.place() {
            Place::Current => self.current(),
            Place::Unseen | Place::Past(_) if self.is_declared() => self.declared(),
            Place::Unseen if self.is_synthesised() => {
                Self::consistent("synthesised (DNS64); the authority has no AAAA")
            }
            Place::Unseen => self.unseen(),
            Place::Past(past) => self.past(&past),
        };
        if self
            .context
            .input
            .policy
            .known_bad
            .touches(&self.link.value)
        {
            judged.flags.push(VerdictFlag::KnownBad);
        }
        judged
    }

    fn place(&self) -> Place {
        let value = &self.link.value;
        if self.standing.current(value).is_some() || self.standing.was_last_heard(value) {
            return Place::Current;
        }
        match (self.mode, value) {
            (Mode::Pool, Value::Rrset(set)) => self.place_in_pool(set.iter().map(String::as_str)),
            _ => self
                .standing
                .past(value)
                .cloned()
                .map_or(Place::Unseen, Place::Past),
        }
    }

    /// One outsider never passes; else the member that must go first decides.
    fn place_in_pool<'a>(&self, records: impl Iterator<Item = &'a str>) -> Place {
        let mut first: Option<Past> = None;
        for rdata in records {
            if self.context.input.policy.expect.contains(rdata) || self.is_served(rdata) {
                continue;
            }
            match self.standing.pooled(rdata) {
                Some(past) if past.end < self.context.input.now => {
                    if first
                        .as_ref()
                        .is_none_or(|before| past.deadline < before.deadline)
                    {
                        first = Some(past.clone());
                    }
                }
                Some(_) => {}
                None => return Place::Unseen,
            }
        }
        first.map_or(Place::Current, Place::Past)
    }

    fn is_served(&self, rdata: &str) -> bool {
        self.standing
            .current
            .iter()
            .any(|current| matches!(&current.value, Value::Rrset(set) if set.contains(rdata)))
    }

    fn is_declared(&self) -> bool {
        self.context.input.policy.expect.covers(&self.link.value)
    }

    /// A network's own AAAA for a name without any (RFC 6052 section 2.1), or an answer that says it is made up (EDE 29).
    fn is_synthesised(&self) -> bool {
        let prefix = Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, 0, 0).segments();
        let dns64 = |address: IpAddr| match address {
            IpAddr::V6(v6) => v6.segments()[..6] == prefix[..6],
            IpAddr::V4(_) => false,
        };
        let addresses = self.link.value.addresses();
        let made_up = self.sample.ede.iter().any(|ede| ede.code == 29)
            || addresses.iter().copied().all(dns64);
        self.sample.question.rtype == RecordType::AAAA
            && !addresses.is_empty()
            && made_up
            && self.standing.current(&Value::Nodata).is_some()
    }

    fn consistent(reason: &str) -> Judged {
        Judged::new(State::Consistent, Severity::None, reason.to_owned())
    }

    /// Row 8: in `C`.
    fn current(&self) -> Judged {
        if self
            .sample
            .ede
            .iter()
            .any(|ede| ede.code == 3 || ede.code == 19)
        {
            let reason = "right, and from a stale cache: the resolver cannot reach the authority";
            let mut judged = Self::consistent(reason);
            judged.flags.push(VerdictFlag::ServeStaleInUse);
            return judged;
        }
        let is_last = self.index + 1 == self.sample.answer.links.len();
        let declares = is_last && !self.context.input.policy.expect.is_empty();
        if declares && !self.is_declared() && !self.link.value.is_negative() {
            let mut judged = Self::consistent(
                "the authority serves this now, and it is not declared in `expect`",
            );
            judged.flags.push(VerdictFlag::ExpectedMismatch);
            return judged;
        }
        Self::consistent("the authority serves this now")
    }

    /// Row 8: declared.
    fn declared(&self) -> Judged {
        let mut judged = Self::consistent("declared in `expect`");
        judged.baseline = Some(Baseline {
            kind: BaselineKind::Declared,
            records: self.link.value.records(),
            rcode: "NOERROR".to_owned(),
            ttl: authority_baseline(self.standing).and_then(|baseline| baseline.ttl),
        });
        judged
    }

    /// Rows 6 and 7: no authority ever served this, as far as the history reaches.
    fn unseen(&self) -> Judged {
        let mut judged = self.unexplained().unwrap_or_else(|| self.mismatch());
        let ttl = self
            .held(|held| held.ttl_max)
            .unwrap_or_else(|| self.sample.link_ttl(self.index));
        judged.worst_case_until = Some(self.sample.at + seconds(ttl.min(self.cap())));
        judged
    }

    /// Row 7.
    fn mismatch(&self) -> Judged {
        let state = match self.link.value {
            Value::Nxdomain => State::NxdomainMismatch,
            Value::Nodata => State::NodataMismatch,
            _ => State::Divergent,
        };
        let servers: usize = self
            .standing
            .current
            .iter()
            .map(|current| current.servers.len())
            .sum();
        let since = self.standing.since.map(instant).unwrap_or_default();
        let reason = format!(
            "no authoritative server served this since {since}; {servers} asked again just now serve something else"
        );
        Judged::new(state, Severity::Critical, reason)
    }

    /// Row 6: why nobody can say yet whether this is wrong, where that is so.
    fn unexplained(&self) -> Option<Judged> {
        let now = self.context.input.now;
        let asked_again = self
            .standing
            .last_answer
            .is_some_and(|at| at > self.first_at);
        if !asked_again {
            let reason =
                "no authoritative server answered when asked again, so this is not believed yet";
            let mut judged = Judged::new(State::Unexplained, Severity::None, reason.to_owned());
            judged.flags.push(VerdictFlag::LowConfidence);
            return Some(judged);
        }
        let since = self.standing.since?;
        let theta = seconds(self.standing.longest_ttl);
        let young = now < since + theta.max(YOUTH);
        if !young || self.was_current() || self.moves_later() {
            return None;
        }
        let silent = now < since + theta || self.standing.low_confidence;
        let severity = if silent {
            Severity::None
        } else {
            Severity::Warning
        };
        let reason = format!(
            "no authority served this since {}, when its history begins: it may be an honest cache older than that, until {}",
            instant(since),
            instant(self.sample.expires_at(self.index)),
        );
        Some(Judged::new(State::Unexplained, severity, reason))
    }

    /// Whether this backend has been seen with a value that an authority served at the time.
    fn was_current(&self) -> bool {
        let site = self.sample.site();
        let key = crate::audit::history::LinkKey {
            owner: self.link.owner.clone(),
            rtype: self.sample.question.rtype,
        };
        let (Some(held), Some(link)) = (
            self.context.history.held(&self.series()),
            self.context.history.link(&key),
        ) else {
            return false;
        };
        held.values_at(site.as_deref(), &self.link.owner)
            .any(|(value, sighting)| {
                *value != self.link.value
                    && link.was_served(value, sighting.first_seen, sighting.last_seen)
            })
    }

    /// Whether this backend fetched the value anew since it was first seen there: then it is no old cache.
    fn moves_later(&self) -> bool {
        let site = self.sample.site();
        let held = self.context.history.held(&self.series());
        held.and_then(|held| held.at_backend(site.as_deref(), &self.link.owner, &self.link.value))
            .is_some_and(|sighting| sighting.cached_until > sighting.first_expires + EPSILON)
            && !self.repeats_its_ttl()
    }

    /// Row 9: served once, and no more.
    fn past(&self, past: &Past) -> Judged {
        let (at, ttl) = (self.sample.at, self.sample.link_ttl(self.index));
        let constant = self.repeats_its_ttl();
        let expires = if constant { at } else { at + seconds(ttl) };
        let policy = self.context.input.policy;
        let instants = Instants {
            at,
            ttl,
            expires,
            end: past.end,
            theta: past.ttl,
            deadline: past.deadline,
        };
        let says_stale = self
            .sample
            .ede
            .iter()
            .any(|ede| ede.code == 3 || ede.code == 19);
        let (state, severity, reason) = if expires <= past.deadline + EPSILON {
            let long = ttl > policy.max_ttl;
            let (state, severity) = if long {
                (State::PropagatingLong, Severity::Warning)
            } else {
                (State::Propagating, Severity::None)
            };
            (state, severity, instants.legal(policy.max_ttl))
        } else if at > past.deadline + EPSILON && says_stale {
            (State::StaleDeclared, Severity::Warning, instants.declared())
        } else if at > past.deadline + EPSILON {
            (State::StaleOverdue, Severity::Critical, instants.overdue())
        } else {
            (State::StaleExtended, Severity::Warning, instants.extended())
        };
        let bad = policy.known_bad.touches(&self.link.value);
        let mut judged = Judged::new(
            state,
            if bad { Severity::Critical } else { severity },
            reason,
        );
        judged.deadline = Some(past.deadline);
        judged.worst_case_until = Some(past.end + seconds(past.ttl.min(self.cap())));
        if constant {
            judged.flags.push(VerdictFlag::ConstantTtl);
        }
        judged
    }

    /// Whether the backend gave the same TTL again where a cache would have counted it down (`serve-original-ttl`).
    fn repeats_its_ttl(&self) -> bool {
        let site = self.sample.site();
        let Some(span) = self
            .context
            .history
            .running(&self.series(), site.as_deref())
        else {
            return false;
        };
        let (Some(lowest), Some(highest)) = (span.ttl_min, span.ttl_max) else {
            return false;
        };
        let ran = span.last_seen - span.first_seen;
        let samples = i32::try_from(span.samples).unwrap_or(i32::MAX);
        let spacing = ran / (samples - 1).max(1);
        span.answer == self.sample.answer
            && samples >= 3
            && lowest == highest
            && spacing >= TimeDelta::seconds(2)
            && seconds(lowest) > spacing + EPSILON
    }

    fn cap(&self) -> u32 {
        let known = self.context.resolver(&self.sample.source.id);
        known
            .and_then(|resolver| resolver.traits.ttl_cap)
            .unwrap_or(u32::MAX)
    }

    fn held<T>(&self, read: impl Fn(&crate::audit::history::Sighting) -> T) -> Option<T> {
        let held = self.context.history.held(&self.series())?;
        held.value(&self.link.owner, &self.link.value).map(read)
    }

    fn series(&self) -> SeriesKey {
        SeriesKey {
            question: self.sample.question.clone(),
            source: self.sample.source.clone(),
        }
    }
}

fn seconds(ttl: u32) -> TimeDelta {
    TimeDelta::seconds(i64::from(ttl))
}
