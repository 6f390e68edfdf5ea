//! Which channels can take another message now: so many at once, so far apart, and none while one asks for patience.
//!
//! Deliberately absent: waiting. A channel that is not free is left out of the next lease.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};

use crate::config::Receiver;

/// How long a channel that takes nothing is left alone at most while something waits for it.
pub const PROBE_AFTER: TimeDelta = TimeDelta::minutes(10);

/// How fast a receiver takes messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// Deliveries under way at once. One slow receiver then holds up its own messages only.
    at_once: usize,
    /// From one delivery's beginning to the next's.
    interval: Duration,
}

impl Pace {
    /// What receivers of this kind take: Slack a message a second per channel; a program runs alone.
    pub fn of(receiver: &Receiver) -> Self {
        match receiver {
            Receiver::Slack { .. } | Receiver::SlackBot(_) => Self {
                at_once: 1,
                interval: Duration::from_secs(1),
            },
            Receiver::Exec(_) => Self {
                at_once: 1,
                interval: Duration::ZERO,
            },
            _ => Self {
                at_once: 4,
                interval: Duration::ZERO,
            },
        }
    }
}

/// What each channel is doing. Cheap to clone; clones are one.
#[derive(Debug, Clone, Default)]
pub struct Lanes(Arc<Mutex<HashMap<String, Lane>>>);

#[derive(Debug, Default)]
struct Lane {
    under_way: usize,
    closed_until: Option<DateTime<Utc>>,
    /// When it last did not take a message; `None`: it took the last one, or was sent none yet.
    failed_at: Option<DateTime<Utc>>,
}

/// One delivery under way; the lane takes another when it is dropped.
#[derive(Debug)]
pub struct Pass {
    lanes: Lanes,
    channel: String,
}

impl Lanes {
    /// Of these channels, the ones that take nothing at `now`.
    pub fn busy<'a>(
        &self,
        channels: impl IntoIterator<Item = (&'a str, Pace)>,
        now: DateTime<Utc>,
    ) -> Vec<String> {
        let lanes = self.lock();
        channels
            .into_iter()
            .filter(|(id, pace)| lanes.get(*id).is_some_and(|lane| lane.is_busy(*pace, now)))
            .map(|(id, _)| id.to_owned())
            .collect()
    }

    /// Notes that a delivery to `channel` begins at `now`.
    pub fn enter(&self, channel: &str, pace: Pace, now: DateTime<Utc>) -> Pass {
        let mut lanes = self.lock();
        let lane = lanes.entry(channel.to_owned()).or_default();
        lane.under_way += 1;
        if !pace.interval.is_zero() {
            lane.close_for(pace.interval, now);
        }
        Pass {
            lanes: self.clone(),
            channel: channel.to_owned(),
        }
    }

    /// Keeps the channel closed for so long: a receiver that asks for patience means all its messages.
    pub fn close(&self, channel: &str, wait: Duration, now: DateTime<Utc>) {
        let mut lanes = self.lock();
        let lane = lanes.entry(channel.to_owned()).or_default();
        lane.close_for(wait, now);
    }

    /// Notes that the channel did not take a message at `now`.
    pub fn failed(&self, channel: &str, now: DateTime<Utc>) {
        let mut lanes = self.lock();
        lanes.entry(channel.to_owned()).or_default().failed_at = Some(now);
    }

    /// Notes that the channel took a message.
    pub fn took(&self, channel: &str) {
        let mut lanes = self.lock();
        lanes.entry(channel.to_owned()).or_default().failed_at = None;
    }

    /// The channels that took nothing when they were last tried, [`PROBE_AFTER`] ago or longer: time to look again, whatever
    /// their messages wait for.
    pub fn to_be_probed(&self, now: DateTime<Utc>) -> Vec<String> {
        let lanes = self.lock();
        let is_due = |lane: &Lane| lane.failed_at.is_some_and(|at| now - at >= PROBE_AFTER);
        let due = lanes.iter().filter(|(_, lane)| is_due(lane));
        due.map(|(channel, _)| channel.clone()).collect()
    }

    /// How long after `now` the next closed channel opens; `None` where none is closed.
    pub fn next_opening(&self, now: DateTime<Utc>) -> Option<Duration> {
        let lanes = self.lock();
        let closed = lanes.values().filter_map(|lane| lane.closed_until);
        closed.filter_map(|until| (until - now).to_std().ok()).min()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Lane>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lane {
    fn is_busy(&self, pace: Pace, now: DateTime<Utc>) -> bool {
        self.under_way >= pace.at_once || self.closed_until.is_some_and(|until| now < until)
    }

    fn close_for(&mut self, wait: Duration, now: DateTime<Utc>) {
        let until = now + TimeDelta::from_std(wait).unwrap_or(TimeDelta::hours(2));
        self.closed_until = self.closed_until.max(Some(until));
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        if let Some(lane) = self.lanes.lock().get_mut(&self.channel) {
            lane.under_way -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SLACK: (&str, Pace) = (
        "ops",
        Pace {
            at_once: 1,
            interval: Duration::from_secs(1),
        },
    );
    const HOOK: (&str, Pace) = (
        "hook",
        Pace {
            at_once: 4,
            interval: Duration::ZERO,
        },
    );

    fn start() -> DateTime<Utc> {
        "2026-11-22T19:05:00Z".parse().unwrap()
    }

    #[test]
    fn slack_takes_one_message_at_a_time_and_one_a_second() {
        let lanes = Lanes::default();
        let pass = lanes.enter(SLACK.0, SLACK.1, start());
        let later = start() + TimeDelta::seconds(5);
        assert_eq!(lanes.busy([SLACK, HOOK], later), ["ops"]);
        drop(pass);
        assert_eq!(lanes.busy([SLACK, HOOK], start()), ["ops"]);
        let almost = start() + TimeDelta::milliseconds(999);
        assert_eq!(lanes.busy([SLACK], almost), ["ops"]);
        assert!(
            lanes
                .busy([SLACK], start() + TimeDelta::seconds(1))
                .is_empty()
        );
    }

    #[test]
    fn a_channel_that_takes_nothing_is_probed_after_ten_minutes_until_it_takes_something() {
        let lanes = Lanes::default();
        let at = |minutes| start() + TimeDelta::minutes(minutes);
        lanes.failed(HOOK.0, at(0));
        assert!(lanes.to_be_probed(at(9)).is_empty());
        assert_eq!(lanes.to_be_probed(at(10)), ["hook"]);
        lanes.failed(HOOK.0, at(10));
        assert!(lanes.to_be_probed(at(19)).is_empty());
        lanes.took(HOOK.0);
        assert!(lanes.to_be_probed(at(60)).is_empty());
    }

    #[test]
    fn a_webhook_takes_four_messages_at_once() {
        let lanes = Lanes::default();
        let mut passes: Vec<Pass> = (0..4)
            .map(|_| lanes.enter(HOOK.0, HOOK.1, start()))
            .collect();
        assert_eq!(lanes.busy([SLACK, HOOK], start()), ["hook"]);
        passes.pop();
        assert!(lanes.busy([SLACK, HOOK], start()).is_empty());
    }

    #[test]
    fn a_channel_that_asks_for_patience_is_closed_for_all_its_messages() {
        let lanes = Lanes::default();
        lanes.close(HOOK.0, Duration::from_mins(1), start());
        lanes.close(HOOK.0, Duration::from_secs(5), start());
        assert_eq!(
            lanes.busy([HOOK], start() + TimeDelta::seconds(59)),
            ["hook"]
        );
        assert!(
            lanes
                .busy([HOOK], start() + TimeDelta::seconds(60))
                .is_empty()
        );
        let at = |seconds| lanes.next_opening(start() + TimeDelta::seconds(seconds));
        assert_eq!(at(50), Some(Duration::from_secs(10)));
        assert_eq!(at(61), None);
    }
}
