//! Rows 6 and 7 for one link: a value that no authority served, as far as the history reaches.
//!
//! Deliberately absent: the other rows.

use chrono::{DateTime, TimeDelta, Utc};

use super::{
    Judged,
    caches::YOUTH,
    reason::instant,
    value::{Subject, seconds},
};
use crate::{
    audit::{
        context::longest_gap,
        history::{EPSILON, Gap, Past, Sighting, Word},
        verdict::{State, VerdictFlag},
    },
    types::{Mode, Severity, Value, show_address},
};

impl Subject<'_> {
    /// Rows 6 and 7: no authority ever served this, as far as the history reaches.
    pub(super) fn unseen(&self) -> Judged {
        let mut judged = self.unexplained().unwrap_or_else(|| self.mismatch());
        let (at, ttl) = (self.sample.at, self.sample.link_ttl(self.index));
        let held = self.context.history.held(&self.series);
        let held = held.and_then(|held| held.value(&self.link.owner, self.given));
        let (last, longest) = held.map_or((at, ttl), |held| {
            (held.last_seen.max(at), held.ttl_max.max(ttl))
        });
        judged.worst_case_until = Some(last + seconds(self.keeps(longest)));
        if self.link.value == Value::Nxdomain {
            self.blame_denial_above(&mut judged);
        }
        judged
    }

    /// Says whose denial of a name above is behind a denial, where one is: the resolver had reason to believe it (RFC 8020).
    fn blame_denial_above(&self, judged: &mut Judged) {
        let Some(denial) = self.context.cut_above(&self.link.owner) else {
            return;
        };
        judged.reason += &format!(
            "; {} ({}) says NXDOMAIN for {} above it, and a resolver may believe that of every name below (RFC 8020): the authority is to blame",
            denial.source.id,
            show_address(denial.source.address, 53),
            denial.question.name,
        );
    }

    /// Row 7.
    fn mismatch(&self) -> Judged {
        let state = match self.link.value {
            Value::Nxdomain => State::NxdomainMismatch,
            Value::Nodata => State::NodataMismatch,
            _ => State::Divergent,
        };
        let current = self.standing.current.iter();
        let servers: usize = current.map(|current| current.servers.len()).sum();
        let since = self.standing.since.map(instant).unwrap_or_default();
        let reason = format!(
            "no authoritative server served this since {since}; {servers} of them, asked again, serve something else"
        );
        Judged::new(state, Severity::Critical, reason)
    }

    /// Row 6: why nobody can say yet whether this is wrong, where that is so.
    fn unexplained(&self) -> Option<Judged> {
        let shown = self.at_backend().map(|seen| seen.first_seen);
        if !self.is_answered_again() || self.lacks_a_word(shown) {
            return Some(Self::unheard());
        }
        if !self.context.is_accompanied(&self.key, self.sample.at) {
            return Some(Self::not_believed(
                "no authoritative server was heard beside this, so this is not believed yet",
            ));
        }
        let since = self.standing.since?;
        self.older_than(since, || {
            format!("no authority served this since {}, when its history begins: it may be an honest cache older than that", instant(since))
        })
    }

    /// Row 6 for a value of which a copy may have been fetched in a gap, or before the history: unseen, the authorities may have
    /// gone back to it then, or have allowed more time. Not where this copy was there before the gap, or this backend had
    /// outstayed the deadline (`latest`, with `ε`) by then.
    pub(super) fn returned(&self, past: &Past, latest: DateTime<Utc>) -> Option<Judged> {
        let last_seen = past.last_seen.unwrap_or(past.end);
        // What was seen at the end of a gap was allowed in it what it is allowed on both sides; before the history there is one.
        let is_unknown = |gap: &&Gap| gap.from.is_none() || last_seen < gap.until;
        let mut gaps = self.standing.gaps.iter().rev().filter(is_unknown);
        gaps.find_map(|gap| self.returned_in(gap, past.end, latest))
    }

    fn returned_in(&self, gap: &Gap, end: DateTime<Utc>, latest: DateTime<Utc>) -> Option<Judged> {
        let copy = self.at_backend()?;
        let heard_last = gap.from.map(|from| from + self.overtaken());
        let is_before = |at: DateTime<Utc>| heard_last.is_some_and(|heard_last| at <= heard_last);
        let outstayed = |at: DateTime<Utc>| at > latest && is_before(at);
        if is_before(copy.copy_seen())
            || outstayed(copy.first_seen)
            || copy.renewed_after.is_some_and(outstayed)
        {
            return None;
        }
        self.older_than(gap.until, || unknown_in(gap, end))
    }

    /// Row 6 for what may be an honest cache older than the unbroken history.
    fn older_than(&self, since: DateTime<Utc>, why: impl FnOnce() -> String) -> Option<Judged> {
        let now = self.context.input.now;
        let theta = seconds(self.standing.longest_ttl);
        let young = now < since + theta.max(YOUTH);
        let filling = self.mode != Mode::Exact && self.standing.pool_is_filling(now);
        if !young || (!filling && (self.was_current(since) || self.moves_later(since))) {
            return None;
        }
        let silent = filling || now < since + theta || self.standing.low_confidence;
        let severity = if silent {
            Severity::None
        } else {
            Severity::Warning
        };
        let until = instant(self.sample.expires_at(self.index));
        let reason = format!("{}, until {until}", why());
        Some(Judged::new(State::Unexplained, severity, reason))
    }

    /// Whether `S` has spoken since the value was seen. What a DNS64 worked on may be asked of it for the first time then.
    fn is_answered_again(&self) -> bool {
        if self.key.rtype == self.sample.question.rtype {
            self.context.answered_again(&self.key, self.first_at)
        } else {
            self.context.answered_since(&self.key, self.first_at)
        }
    }

    /// Whether a server of `S` that answered within the last three rounds has not been heard since this backend first showed
    /// what no server serves (at `shown`, or in this round): it may have changed to it in between.
    pub(super) fn lacks_a_word(&self, shown: Option<DateTime<Utc>>) -> bool {
        let gap = longest_gap(self.context.input.policy);
        let recently = self.context.input.now - TimeDelta::from_std(gap).unwrap_or_default();
        let is_first_asked = self.key.rtype != self.sample.question.rtype;
        let has_spoken = |word: &Word| match shown.filter(|shown| *shown < self.first_at) {
            Some(shown) => word.last_seen() >= shown + self.overtaken(),
            None if is_first_asked => word.last_seen() >= self.first_at,
            None => {
                let context = self.context;
                context.answered_again_at(word.address, &self.key, self.first_at)
            }
        };
        let mut words = self.standing.words().iter();
        words.any(|word| word.last_seen() >= recently && !has_spoken(word))
    }

    /// Row 6, because a server of `S` did not answer when asked again.
    pub(super) fn unheard() -> Judged {
        Self::not_believed(
            "not every authoritative server answered when asked again, so this is not believed yet",
        )
    }

    fn not_believed(reason: &str) -> Judged {
        let mut judged = Judged::new(State::Unexplained, Severity::None, reason.to_owned());
        judged.flags.push(VerdictFlag::LowConfidence);
        judged
    }

    /// Whether this backend has been seen, since the history is unbroken, with a value that an authority served then.
    fn was_current(&self, since: DateTime<Utc>) -> bool {
        let (Some(held), Some(link)) = (
            self.context.history.held(&self.series),
            self.context.history.link(&self.key),
        ) else {
            return false;
        };
        let overtaken = self.overtaken();
        let was_served = |value: &Value, seen: &Sighting| match self.mode {
            Mode::Pool | Mode::Geo if !value.is_negative() => {
                let records = value.records();
                records
                    .iter()
                    .all(|rdata| self.standing.pooled(rdata, None).is_some())
            }
            _ => link.was_served(
                value,
                seen.first_seen.max(since),
                seen.last_seen + overtaken,
            ),
        };
        // An older copy that was seen first, or before the caches were met, is another cache's.
        let (input, history) = (self.context.input, self.context.history);
        let met = input.met(history, (self.sample, &self.link.owner), since);
        let shown = self.at_backend().map(Sighting::copy_shown);
        let is_other = |seen: &Sighting| {
            let copy = Option::zip(met, shown);
            copy.is_some_and(|(met, shown)| shown <= seen.first_seen || shown < met)
        };
        let site = self.sample.site();
        let mut values = held.values_at(site.as_deref(), &self.link.owner);
        values.any(|(value, seen)| {
            let is_recent = seen.last_seen + overtaken >= since;
            value != self.given && is_recent && !is_other(seen) && was_served(value, seen)
        })
    }

    /// How far a resolver's reply may lie before the authorities' of the same round, or behind: they are asked at once. What
    /// was seen before a gap lies further back than a round.
    fn overtaken(&self) -> TimeDelta {
        let period = TimeDelta::from_std(self.context.input.policy.period);
        period.unwrap_or(EPSILON).min(EPSILON)
    }

    /// Whether this backend fetched the value anew since the history is unbroken: then it is no older cache.
    fn moves_later(&self, since: DateTime<Utc>) -> bool {
        let (input, history) = (self.context.input, self.context.history);
        let has_fetched =
            |copy| input.has_fetched(history, (self.sample, &self.link.owner, copy), since);
        self.at_backend().is_some_and(has_fetched)
    }
}

/// What is not known of a value that authorities served until `end`, because of a gap.
fn unknown_in(gap: &Gap, end: DateTime<Utc>) -> String {
    let (last, until) = (instant(end), instant(gap.until));
    let Some(from) = gap.from.map(instant) else {
        return format!(
            "an authority served this until {last}, and what it allowed before {until}, when its history begins, is not known: it may be an honest cache older than that"
        );
    };
    let unheard = format!("between {from} and {until}");
    if end < gap.until {
        format!(
            "an authority served this until {last}, and none was heard of it {unheard}: it may have been served again then"
        )
    } else {
        format!(
            "an authority served this until some time {unheard}, when none was heard of it: a cache may have been allowed more than was seen"
        )
    }
}
