//! Rows 8 and 9 for one link: its value held against what the authorities of its zone served.
//!
//! Deliberately absent: failures (rows 1 to 5), values that were never served (rows 6 and 7), and the finding `ttl_stretched`, which is about values that are served
//! now.

use chrono::{DateTime, TimeDelta, Utc};

use super::{
    Judged,
    context::Context,
    evidence,
    place::Place,
    reason::{Instants, instant},
};
use crate::{
    audit::{
        declared::{Declaration, Values},
        history::{EPSILON, LinkKey, Past, Sighting, Standing},
        verdict::{State, VerdictFlag},
    },
    types::{Link, Mode, Observation, ResolverTraits, SeriesKey, Severity, Value},
};

/// One link of a sample, and all that its judgement looks at.
pub(super) struct Subject<'a> {
    pub(super) context: &'a Context<'a>,
    pub(super) sample: &'a Observation,
    /// The link's place in the answer; beyond its end for the denial that a dangling alias implies.
    pub(super) index: usize,
    pub(super) link: &'a Link,
    /// The value as the resolver gave it: the link's own, unless that was worked out of it.
    pub(super) given: &'a Value,
    pub(super) key: LinkKey,
    pub(super) series: SeriesKey,
    pub(super) standing: &'a Standing<'a>,
    pub(super) mode: Mode,
    /// When the pair first gave this link in the round.
    pub(super) first_at: DateTime<Utc>,
}

impl Subject<'_> {
    pub(super) fn judge(&self) -> Judged {
        let mut judged = match self.place() {
            Place::Current => self.current("the authority serves this now"),
            Place::LastHeard => self.current(
                "the authority served this last; none of its servers has answered since for too long",
            ),
            Place::Unseen | Place::Past(_) if self.is_declared() => self.declared(),
            Place::Unseen if let Some(change) = self.announced(None) => self.expected(change),
            Place::Past(past) if let Some(change) = self.announced(Some(past.end)) => {
                self.expected(change)
            }
            Place::Unseen => self.synthesised().unwrap_or_else(|| self.unseen()),
            Place::Past(past) => self.past(&past),
        };
        if self.is_known_bad() {
            judged.flags.push(VerdictFlag::KnownBad);
        }
        self.remark_on_cap(&mut judged);
        judged
    }

    /// Says that the resolver keeps the value for less than the authority allows, where that is known of it.
    fn remark_on_cap(&self, judged: &mut Judged) {
        let value = &self.link.value;
        let current = self.standing.current(value).map(|current| current.ttl);
        let Some(theta) = current.or_else(|| Some(self.standing.past(value)?.ttl)) else {
            return;
        };
        let learned = self.context.history.learned_cap(&self.sample.source);
        let known = || self.traits()?.ttl_cap;
        let Some(cap) = learned.or_else(known) else {
            return;
        };
        if cap < theta && !value.is_negative() {
            judged.flags.push(VerdictFlag::Capped);
            judged.reason += &format!(
                "; this resolver keeps nothing for longer than {cap} s, and the authority allows {theta} s"
            );
        }
    }

    /// Whether the value, or what an alias leads to in this answer, is declared.
    fn is_declared(&self) -> bool {
        let expect = &self.context.input.policy.expect;
        let leads_to_declared = || {
            let end = self.sample.answer.last();
            end.is_some_and(|end| matches!(end.value, Value::Rrset(_)) && expect.covers(&end.value))
        };
        expect.covers(&self.link.value)
            || (matches!(self.link.value, Value::Cname(_)) && leads_to_declared())
    }

    /// The declared change by which the value, or what an alias leads to in this answer, is right. `ended` as in
    /// [`Declared::expects`].
    fn announced(&self, ended: Option<DateTime<Utc>>) -> Option<&Declaration> {
        let end = self.sample.answer.last().map(|end| &end.value);
        let end = end.filter(|_| matches!(self.link.value, Value::Cname(_)));
        let covers =
            |to: &Values| to.covers(&self.link.value) || end.is_some_and(|end| to.covers(end));
        let place = (&self.sample.question, &self.link.owner);
        let declared = self.context.input.declared;
        declared.expects(place, covers, self.sample.at, ended)
    }

    /// Whether the value, or what it leads to in this answer, is wrong wherever it is seen.
    fn is_known_bad(&self) -> bool {
        let bad = &self.context.input.policy.known_bad;
        let mut rest = self.sample.answer.links.iter().skip(self.index);
        rest.any(|link| bad.touches(&link.value))
    }

    fn consistent(reason: &str) -> Judged {
        Judged::new(State::Consistent, Severity::None, reason.to_owned())
    }

    /// Row 8: in `C`.
    fn current(&self, reason: &str) -> Judged {
        let is_stale = self.sample.is_stale();
        let is_undeclared = self.is_undeclared();
        let mut judged = Self::consistent(match (is_stale, is_undeclared) {
            (true, _) => "right, and from a stale cache: the resolver cannot reach the authority",
            (false, true) => "the authority serves this now, and it is not declared in `expect`",
            (false, false) => reason,
        });
        if is_stale {
            judged.flags.push(VerdictFlag::ServeStaleInUse);
        }
        if is_undeclared {
            judged.flags.push(VerdictFlag::ExpectedMismatch);
        }
        judged
    }

    /// Whether values like this one are declared, and this one is not.
    fn is_undeclared(&self) -> bool {
        let expect = &self.context.input.policy.expect;
        let links = &self.sample.answer.links;
        let is_last = self.index + 1 == links.len();
        // What a declared alias leads to is its target's to say.
        let by_alias = || {
            let mut links = links.iter().map(|link| &link.value);
            links.any(|value| matches!(value, Value::Cname(_)) && expect.covers(value))
        };
        is_last
            && expect.speaks_of(self.key.rtype)
            && !self.link.value.is_negative()
            && !by_alias()
            && !self.is_declared()
            && !self.is_excused()
    }

    /// Whether a declared change makes the value right where an authority serves it.
    fn is_excused(&self) -> bool {
        let (declared, now) = (self.context.input.declared, self.context.input.now);
        let place = (&self.sample.question, &self.link.owner);
        declared.excuses(place, &self.link.value, now, None)
    }

    /// Row 8: declared in the configuration.
    fn declared(&self) -> Judged {
        self.declared_by("declared in `expect`".to_owned())
    }

    /// Row 8: a change that somebody declared, seen here before it was seen at an authority.
    fn expected(&self, change: &Declaration) -> Judged {
        self.declared_by(format!(
            "a change to this is declared from {} on",
            instant(change.matter.at())
        ))
    }

    fn declared_by(&self, reason: String) -> Judged {
        let mut judged = Judged::new(State::Consistent, Severity::None, reason);
        let ttl = evidence::authority_baseline(self.standing).and_then(|baseline| baseline.ttl);
        judged.baseline = Some(evidence::declared_baseline(&self.link.value, ttl));
        judged
    }

    /// Row 9: served once, and no more.
    fn past(&self, past: &Past) -> Judged {
        let (at, ttl) = (self.sample.at, self.sample.link_ttl(self.index));
        let constant = self.is_at_constant_backend()
            || self.traits().is_some_and(|traits| traits.constant_ttl);
        let instants = Instants {
            at,
            ttl,
            expires: if constant { at } else { at + seconds(ttl) },
            end: past.end,
            theta: past.ttl,
            deadline: past.deadline,
        };
        let mut judged = self.legality(past, &instants);
        if self.is_known_bad() && judged.state != State::Unexplained {
            judged.severity = Severity::Critical;
        }
        judged.deadline = Some(past.deadline);
        judged.worst_case_until = Some(self.worst_case(past, judged.state));
        if constant {
            judged.flags.push(VerdictFlag::ConstantTtl);
        }
        judged
    }

    /// What an honest backend that was never hit may hold; no less than what this one was seen to hold, where that is more.
    fn worst_case(&self, past: &Past, state: State) -> DateTime<Utc> {
        use State::{StaleDeclared, StaleExtended, StaleOverdue};
        let honest = past.worst_case_until(|ttl| self.keeps(ttl));
        let seen = if matches!(state, StaleDeclared | StaleExtended | StaleOverdue) {
            evidence::cached_until(self.context, self.sample, self.index, self.link)
        } else {
            self.sample.expires_at(self.index)
        };
        if seen > honest + EPSILON {
            seen
        } else {
            honest
        }
    }

    fn legality(&self, past: &Past, instants: &Instants) -> Judged {
        let latest = instants.deadline + EPSILON;
        let max_ttl = self.context.input.policy.max_ttl;
        if instants.expires <= latest {
            let (state, severity) = if instants.ttl > max_ttl {
                (State::PropagatingLong, Severity::Warning)
            } else {
                (State::Propagating, Severity::None)
            };
            return Judged::new(state, severity, instants.legal(max_ttl));
        }
        // An authority that cannot be asked may have gone back to this value.
        let question = &self.sample.question;
        let shown = self.at_backend().and_then(|seen| seen.first_after(latest));
        let is_heard = self.context.is_heard(question, &self.key, self.first_at);
        if !is_heard || self.lacks_a_word(shown) {
            return Self::unheard();
        }
        let is_over = instants.at > latest;
        if is_over && self.sample.is_stale() {
            return Judged::new(State::StaleDeclared, Severity::Warning, instants.declared());
        }
        if let Some(judged) = self.returned(past, latest) {
            return judged;
        }
        if is_over {
            Judged::new(State::StaleOverdue, Severity::Critical, instants.overdue())
        } else {
            Judged::new(State::StaleExtended, Severity::Warning, instants.extended())
        }
    }

    fn is_at_constant_backend(&self) -> bool {
        let held = self.context.history.held(&self.series);
        held.is_some_and(|held| {
            let site = self.sample.site();
            held.is_constant(site.as_deref(), &self.link.owner, &self.link.value)
        })
    }

    pub(super) fn at_backend(&self) -> Option<&Sighting> {
        let site = self.sample.site();
        let held = self.context.history.held(&self.series)?;
        held.at_backend(site.as_deref(), &self.link.owner, self.given)
    }

    fn traits(&self) -> Option<&ResolverTraits> {
        let resolver = self.context.resolver(&self.sample.source.id);
        resolver.map(|resolver| &resolver.traits)
    }

    /// How long, in seconds, this resolver can keep the value, given its TTL at the authority.
    pub(super) fn keeps(&self, ttl: u32) -> u32 {
        let traits = self.traits();
        traits.map_or(ttl, |traits| traits.keeps(&self.link.value, ttl))
    }
}

pub(super) fn seconds(ttl: u32) -> TimeDelta {
    TimeDelta::seconds(i64::from(ttl))
}
