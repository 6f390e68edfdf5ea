//! Which tick is next, and which were missed.
//!
//! Deliberately absent: waiting for it, and what happens at a tick.

use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::config::Schedule;

/// Most ticks of one stretch that are recorded as missed; the gap itself is seen without them.
const MOST_MISSED: usize = 1_000;

/// The instant after which the first tick counts: the latest passed tick is run late, unless it ran before.
pub(super) fn before_first(
    schedule: &Schedule,
    last_run: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) -> DateTime<Utc> {
    let mut start = now - schedule.period() - Duration::from_secs(1);
    while let Some(tick) = schedule.next_after(start).filter(|tick| *tick <= now) {
        let following = schedule.next_after(tick);
        if following.is_none_or(|next| next > now) {
            break;
        }
        start = tick;
    }
    last_run.map_or(start, |ran| ran.max(start))
}

/// The tick to run at `now`, which is `next` or later: the latest that has passed, and those before it that nobody ran
/// (a machine was suspended, or a clock was set).
pub(super) fn due(
    schedule: &Schedule,
    next: DateTime<Utc>,
    now: DateTime<Utc>,
) -> (Vec<DateTime<Utc>>, DateTime<Utc>) {
    let following = schedule.next_after(next);
    if following.is_none_or(|following| following > now) {
        return (Vec::new(), next);
    }
    let before = before_first(schedule, Some(next), now);
    let latest = schedule.next_after(before).filter(|latest| *latest <= now);
    let latest = latest.unwrap_or(next);
    let ticks = std::iter::successors(Some(next), |tick| schedule.next_after(*tick));
    let passed = ticks.take_while(|tick| *tick < latest).take(MOST_MISSED);
    (passed.collect(), latest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instant(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn check(cron: &str, last_run: Option<&str>, now: &str, expected: &str) {
        let schedule = Schedule::parse(cron).unwrap();
        let from = before_first(&schedule, last_run.map(instant), instant(now));
        assert_eq!(
            schedule.next_after(from),
            Some(instant(expected)),
            "{cron} {last_run:?} {now}"
        );
    }

    #[test]
    fn the_latest_passed_tick_is_run_late_unless_it_ran_before() {
        check(
            "0 * * * * *",
            None,
            "2026-11-22T10:00:30Z",
            "2026-11-22T10:00:00Z",
        );
        check(
            "0 * * * * *",
            Some("2026-11-22T10:00:00Z"),
            "2026-11-22T10:00:30Z",
            "2026-11-22T10:01:00Z",
        );
        check(
            "0 * * * * *",
            Some("2026-11-22T09:00:00Z"),
            "2026-11-22T10:00:30Z",
            "2026-11-22T10:00:00Z",
        );
        check(
            "0 0 3 * * *",
            None,
            "2026-11-22T10:00:30Z",
            "2026-11-22T03:00:00Z",
        );
        check(
            "*/5 * * * * *",
            None,
            "2026-11-22T10:00:05Z",
            "2026-11-22T10:00:05Z",
        );
    }

    #[test]
    fn after_a_suspended_stretch_only_the_latest_passed_tick_is_run() {
        let schedule = Schedule::parse("0 * * * * *").unwrap();
        let due = |now| due(&schedule, instant("2026-11-22T10:00:00Z"), instant(now));
        let at = |text| (Vec::new(), instant(text));
        assert_eq!(due("2026-11-22T10:00:00Z"), at("2026-11-22T10:00:00Z"));
        assert_eq!(due("2026-11-22T10:00:59Z"), at("2026-11-22T10:00:00Z"));
        let (missed, latest) = due("2026-11-22T10:02:10Z");
        assert_eq!(latest, instant("2026-11-22T10:02:00Z"));
        assert_eq!(
            missed,
            [
                instant("2026-11-22T10:00:00Z"),
                instant("2026-11-22T10:01:00Z")
            ]
        );
        let (missed, latest) = due("2027-11-22T10:02:10Z");
        assert_eq!(latest, instant("2027-11-22T10:02:00Z"));
        assert_eq!(missed.len(), MOST_MISSED);
    }
}
