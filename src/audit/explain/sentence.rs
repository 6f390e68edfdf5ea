//! One sentence for people: instants as short as they can be told apart.
//!
//! Deliberately absent: anything from the wire but values, which whoever prints them makes harmless.

use chrono::{DateTime, Datelike, Timelike, Utc};

use super::{Case, Inequality};
use crate::audit::verdict::State;

/// How an instant is told beside another.
#[derive(Debug, Clone, Copy)]
struct Clock {
    /// The day that need not be said.
    today: DateTime<Utc>,
}

impl Clock {
    /// `15:05`, `15:05:07`; `31 Aug 15:05` on another day, `31 Aug 2020 15:05` in another year.
    fn short(self, at: DateTime<Utc>) -> String {
        let time = if at.second() == 0 {
            "%H:%M"
        } else {
            "%H:%M:%S"
        };
        let day = if at.date_naive() == self.today.date_naive() {
            ""
        } else if at.year() == self.today.year() {
            "%-d %b "
        } else {
            "%-d %b %Y "
        };
        at.format(&format!("{day}{time}")).to_string()
    }

    /// As [`Clock::short`], with its seconds: an instant that was measured.
    fn measured(self, at: DateTime<Utc>) -> String {
        let text = self.short(at);
        if at.second() == 0 { text + ":00" } else { text }
    }
}

impl Inequality {
    /// `15:11:00 + 86040 s = 31 Aug 15:05 ≤ 15:10 + 86400 s`; with `>` where it does not hold.
    pub fn text(&self) -> String {
        let clock = Clock { today: self.at };
        let left = if self.at == self.expires {
            clock.measured(self.at)
        } else {
            let (at, expires) = (clock.measured(self.at), clock.short(self.expires));
            format!("{at} + {} s = {expires}", self.ttl)
        };
        if !self.holds {
            return format!("{left} > {}", self.bound(clock));
        }
        let slack = if self.expires > self.deadline {
            format!(" + {} s", self.epsilon)
        } else {
            String::new()
        };
        let right = if self.is_one_epoch() {
            format!("{} + {} s", clock.short(self.end), self.theta)
        } else {
            clock.short(self.deadline)
        };
        format!("{left} ≤ {right}{slack}")
    }

    /// `t > L(v) + Θ(v) = D(v)`: the deadline has passed already.
    fn overdue_text(&self) -> String {
        let clock = Clock { today: self.at };
        format!("{} > {}", clock.measured(self.at), self.bound(clock))
    }

    /// `L(v) + Θ(v) = D(v)`, or `D(v)` alone where another epoch set it.
    fn bound(&self, clock: Clock) -> String {
        let deadline = clock.short(self.deadline);
        if self.is_one_epoch() {
            format!("{} + {} s = {deadline}", clock.short(self.end), self.theta)
        } else {
            deadline
        }
    }

    fn is_one_epoch(&self) -> bool {
        (self.deadline - self.end).num_seconds() == i64::from(self.theta)
    }
}

impl Case<'_> {
    pub(super) fn sentence(&self, inequality: Option<&Inequality>) -> String {
        let Some(inequality) = inequality else {
            return self.other_sentence();
        };
        let clock = Clock {
            today: inequality.at,
        };
        match self.verdict.state {
            State::StaleOverdue => {
                let text = inequality.overdue_text();
                format!("{text}: no honest cache may still say this; the resolver is to blame")
            }
            State::StaleDeclared => {
                let text = inequality.overdue_text();
                format!("{text}: stale, as the resolver says itself; it cannot reach the authority")
            }
            State::StaleExtended => format!(
                "{}: its TTL was reset, and it will overstay until {}; the resolver is to blame",
                inequality.text(),
                clock.short(inequality.expires)
            ),
            _ if inequality.theta > self.round.context.setting.policy.max_ttl => {
                let text = inequality.text();
                format!("{text}: legal; the TTL at the authority is to blame")
            }
            _ => format!(
                "{}: legal; the change is still propagating",
                inequality.text()
            ),
        }
    }

    fn other_sentence(&self) -> String {
        let current = self
            .value()
            .and_then(|value| self.standing.as_ref()?.current(value));
        let Some(current) = current.filter(|_| self.verdict.state == State::Consistent) else {
            return self.verdict.reason.clone();
        };
        let clock = Clock {
            today: self.verdict.observed.at,
        };
        format!(
            "{} is what {} of {} authoritative servers serve, since {} at all of them, TTL {}",
            current.value,
            current.servers.len(),
            current.servers.len().max(self.servers_asked()),
            clock.short(current.from),
            current.ttl
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::testing::at;

    fn check((t, ttl): (&str, u32), (end, theta): (&str, u32), expected: &str) {
        let (t, end) = (at(t), at(end));
        let seconds = |ttl: u32| chrono::TimeDelta::seconds(i64::from(ttl));
        let inequality = Inequality {
            at: t,
            ttl,
            expires: t + seconds(ttl),
            end,
            theta,
            deadline: end + seconds(theta),
            epsilon: 5,
            holds: t + seconds(ttl) <= end + seconds(theta) + seconds(5),
        };
        assert_eq!(inequality.text(), expected);
    }

    #[test]
    fn the_inequality_is_told_with_its_instants() {
        check(
            ("15:11", 86_040),
            ("15:10", 86_400),
            "15:11:00 + 86040 s = 31 Aug 15:05 ≤ 15:10 + 86400 s",
        );
        check(
            ("15:12:07", 300),
            ("15:10:02", 300),
            "15:12:07 + 300 s = 15:17:07 > 15:10:02 + 300 s = 15:15:02",
        );
        // Within ε.
        check(
            ("15:11", 242),
            ("15:10", 300),
            "15:11:00 + 242 s = 15:15:02 ≤ 15:10 + 300 s + 5 s",
        );
        check(
            ("31T03:10", 60),
            ("15:10", 86_400),
            "03:10:00 + 60 s = 03:11 ≤ 30 Aug 15:10 + 86400 s",
        );
        // To the second.
        check(
            ("15:11", 240),
            ("15:10", 300),
            "15:11:00 + 240 s = 15:15 ≤ 15:10 + 300 s",
        );
    }

    #[test]
    fn a_deadline_that_another_epoch_set_is_told_alone() {
        let of = |t: &str| Inequality {
            at: at(t),
            ttl: 60,
            expires: at(t) + chrono::TimeDelta::seconds(60),
            end: at("15:10"),
            theta: 60,
            // Until 15:09 with a TTL of five minutes.
            deadline: at("15:14"),
            epsilon: 5,
            holds: at(t) < at("15:14"),
        };
        assert_eq!(of("15:11").text(), "15:11:00 + 60 s = 15:12 ≤ 15:14");
        assert_eq!(of("15:20").text(), "15:20:00 + 60 s = 15:21 > 15:14");
        assert_eq!(of("15:20").overdue_text(), "15:20:00 > 15:14");
    }
}
