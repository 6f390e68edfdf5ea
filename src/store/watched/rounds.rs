//! What a group's rounds come to: how many there were, and when it was watched.
//!
//! Deliberately absent: where the rounds are from.

use chrono::{DateTime, TimeDelta, Utc};

use super::{Stretch, Watched};

/// Steps on either side of one that tell what was usual there.
const NEIGHBOURS: usize = 4;

/// Rounds before a window that tell what was usual at its beginning, and whether it was watched there: as many steps as may tell
/// what is usual at its first round.
pub(super) const BEFORE: i64 = 9;

/// As many usual periods may lie between two rounds of one stretch.
const APART: i32 = 3;

/// A round, as it was due.
#[derive(Debug, Clone, Copy)]
pub(super) struct Round {
    pub(super) due_at: DateTime<Utc>,
    pub(super) became: Became,
}

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Became {
    Running,
    /// Judged to the end, then.
    Finished(Option<DateTime<Utc>>),
    Abandoned,
    Missed,
}

impl Watched {
    /// Of a group's rounds in order of due time: those of a window, and [`BEFORE`] it. `None` where there is none.
    pub(super) fn of(
        [vantage, group]: [String; 2],
        rounds: &[Round],
        (from, to): (DateTime<Utc>, DateTime<Utc>),
    ) -> Option<Self> {
        if rounds.is_empty() {
            return None;
        }
        let within = &rounds[rounds.partition_point(|round| round.due_at < from)..];
        let usual = Usual::of(rounds);
        let count = |what: fn(&Became) -> bool| {
            let counted = within.iter().filter(|round| what(&round.became));
            counted.count() as u64
        };
        let late = (rounds.len() - within.len()..)
            .zip(within)
            .filter(|(nth, round)| usual.is_late(*nth, round));
        let stretches = stretches(rounds, &usual, (from, to));
        Some(Self {
            vantage,
            group,
            finished: count(|became| matches!(became, Became::Finished(_))),
            missed: count(|became| *became == Became::Missed),
            abandoned: count(|became| *became == Became::Abandoned),
            running: count(|became| *became == Became::Running),
            late: late.count() as u64,
            usual_period_s: median(&mut steps(within)).map(|period| period.num_seconds()),
            watched_s: stretches
                .iter()
                .map(|one| one.seconds_within(from, to))
                .sum(),
            stretches,
        })
    }
}

/// What lay between a round and the next where most lay so, by the round's place.
struct Usual(Vec<TimeDelta>);

impl Usual {
    fn of(rounds: &[Round]) -> Self {
        let steps = steps(rounds);
        let mut around = Vec::with_capacity(2 * NEIGHBOURS + 1);
        let usual = (0..steps.len()).filter_map(|nth| {
            let last = (nth + NEIGHBOURS).min(steps.len() - 1);
            around.clear();
            around.extend_from_slice(&steps[nth.saturating_sub(NEIGHBOURS)..=last]);
            median(&mut around)
        });
        Self(usual.collect())
    }

    /// From the round at this place on; where it is the last, up to it. `None` where it is the only one.
    fn at(&self, nth: usize) -> Option<TimeDelta> {
        self.0.get(nth).or(self.0.last()).copied()
    }

    /// Up to the round at this place; where it is the first, from it on.
    fn up_to(&self, nth: usize) -> Option<TimeDelta> {
        self.at(nth.saturating_sub(1))
    }

    /// Whether nothing is missing from one round, at its place, to a later one.
    fn is_unbroken(&self, [from, to]: [usize; 2], rounds: &[Round]) -> bool {
        let apart = rounds[to].due_at - rounds[from].due_at;
        self.0[from..to].iter().any(|usual| apart <= *usual * APART)
    }

    fn is_late(&self, nth: usize, round: &Round) -> bool {
        let Became::Finished(Some(finished_at)) = round.became else {
            return false;
        };
        self.at(nth)
            .is_some_and(|period| finished_at - round.due_at > period)
    }
}

fn steps(rounds: &[Round]) -> Vec<TimeDelta> {
    let pairs = rounds.windows(2);
    pairs.map(|pair| pair[1].due_at - pair[0].due_at).collect()
}

/// The shorter one where there are two. Puts the steps into another order.
fn median(steps: &mut [TimeDelta]) -> Option<TimeDelta> {
    let middle = steps.len().checked_sub(1)? / 2;
    Some(*steps.select_nth_unstable(middle).1)
}

/// Without those that were over before the window.
fn stretches(
    rounds: &[Round],
    usual: &Usual,
    (from, to): (DateTime<Utc>, DateTime<Utc>),
) -> Vec<Stretch> {
    let mut stretches: Vec<Stretch> = Vec::new();
    let mut last = None;
    let finished = rounds.iter().enumerate();
    let finished = finished.filter(|(_, round)| matches!(round.became, Became::Finished(_)));
    for (nth, Round { due_at, .. }) in finished {
        let goes_on = last.is_some_and(|last| usual.is_unbroken([last, nth], rounds));
        let stretch = match stretches.last_mut() {
            Some(stretch) if goes_on => stretch,
            _ => stretches.push_mut(Stretch {
                from: (*due_at).max(from),
                to,
                rounds: 0,
            }),
        };
        let lasts = usual.up_to(nth).unwrap_or_default();
        stretch.to = (*due_at + lasts).min(to);
        stretch.rounds += u64::from(*due_at >= from);
        last = Some(nth);
    }
    stretches.retain(|stretch| stretch.rounds > 0 || stretch.to > from);
    stretches
}

#[cfg(test)]
mod tests {
    use super::*;

    const FINISHED: Became = Became::Finished(None);

    fn at(minute: i64) -> DateTime<Utc> {
        let begin: DateTime<Utc> = "2026-11-22T10:00:00Z".parse().unwrap();
        begin + TimeDelta::minutes(minute)
    }

    fn rounds(due: impl IntoIterator<Item = (i64, Became)>) -> Vec<Round> {
        let rounds = due.into_iter().map(|(minute, became)| Round {
            due_at: at(minute),
            became,
        });
        rounds.collect()
    }

    fn finished(minutes: impl IntoIterator<Item = i64>) -> Vec<Round> {
        rounds(minutes.into_iter().map(|minute| (minute, FINISHED)))
    }

    fn watched(rounds: &[Round], from: i64, to: i64) -> Watched {
        let place = ["eu", "dialers"].map(str::to_owned);
        Watched::of(place, rounds, (at(from), at(to))).unwrap()
    }

    /// The ends of the stretches, in minutes.
    fn ends(watched: &Watched) -> Vec<(i64, i64)> {
        let minute = |instant: DateTime<Utc>| (instant - at(0)).num_minutes();
        let stretches = watched.stretches.iter();
        stretches
            .map(|one| (minute(one.from), minute(one.to)))
            .collect()
    }

    #[test]
    fn a_schedule_that_was_another_one_before_is_measured_by_its_own() {
        // An hour by the minute, then a day by the ten minutes, and the other way round.
        let slower = finished((0..60).chain((60..1_500).step_by(10)));
        assert_eq!(ends(&watched(&slower, 0, 1_500)), [(0, 1_500)]);
        let faster = finished((0..1_440).step_by(10).chain(1_440..1_500));
        assert_eq!(ends(&watched(&faster, 0, 1_500)), [(0, 1_500)]);
        // Within each, what is a gap there is one: 40 minutes by the ten minutes, four by the minute.
        let mut gaps = finished((0..60).chain((60..1_500).step_by(10)));
        gaps.retain(|round| {
            ![30, 31, 32]
                .iter()
                .any(|minute| round.due_at == at(*minute))
        });
        gaps.retain(|round| !(at(700)..at(730)).contains(&round.due_at));
        let expected = [(0, 30), (33, 700), (730, 1_500)];
        assert_eq!(ends(&watched(&gaps, 0, 1_500)), expected);
        let mut gaps = finished((0..1_440).step_by(10).chain(1_440..1_500));
        gaps.retain(|round| !(at(1_470)..at(1_473)).contains(&round.due_at));
        let expected = [(0, 1_470), (1_473, 1_500)];
        assert_eq!(ends(&watched(&gaps, 0, 1_500)), expected);
    }

    #[test]
    fn rounds_that_did_not_finish_tell_what_was_usual() {
        // For an hour only one in five comes to its end: that is no schedule of five minutes.
        let became = |minute| match minute {
            60..120 if minute % 5 != 0 => Became::Missed,
            _ => FINISHED,
        };
        let watch = watched(&rounds((0..180).map(|nth| (nth, became(nth)))), 0, 180);
        assert_eq!((watch.finished, watch.missed), (132, 48));
        assert_eq!(watch.usual_period_s, Some(60));
        let alone = (60..120).step_by(5).skip(1);
        let expected: Vec<_> = [(0, 61)]
            .into_iter()
            .chain(alone.map(|minute| (minute, minute + 1)))
            .chain([(120, 180)])
            .collect();
        assert_eq!(ends(&watch), expected);
        let watch = watched(&rounds((0..10).map(|nth| (nth, Became::Missed))), 0, 10);
        assert_eq!((watch.usual_period_s, watch.watched_s), (Some(60), 0));
        assert_eq!(ends(&watch), []);
    }

    #[test]
    fn a_round_is_late_by_the_schedule_of_its_time() {
        let took = |minute, minutes| (minute, Became::Finished(Some(at(minute + minutes))));
        let by_the_minute = (0..60).map(|minute| took(minute, 2));
        let by_the_ten = (60..600).step_by(10).map(|minute| took(minute, 9));
        let watch = watched(&rounds(by_the_minute.chain(by_the_ten)), 0, 600);
        assert_eq!((watch.late, watch.usual_period_s), (60, Some(60)));
    }

    #[test]
    fn a_window_is_watched_from_its_beginning_where_a_round_was_due_before_and_by_no_other() {
        let some = finished((0..20).chain(100..120));
        assert_eq!(ends(&watched(&some, 10, 110)), [(10, 20), (100, 110)]);
        assert_eq!(ends(&watched(&some, 50, 110)), [(100, 110)]);
        // Nothing was due in it: it is told of all the same.
        let before = watched(&finished(0..9), 40, 50);
        assert_eq!((before.finished, before.usual_period_s), (0, None));
        assert_eq!((before.watched_s, ends(&before)), (0, Vec::new()));
        let place = ["eu", "dialers"].map(str::to_owned);
        assert_eq!(Watched::of(place, &[], (at(0), at(1))), None);
    }

    #[test]
    fn one_round_lasts_for_no_time_and_of_two_the_step_is_usual() {
        let one = watched(&finished([5]), 0, 10);
        assert_eq!((one.usual_period_s, one.watched_s), (None, 0));
        assert_eq!(ends(&one), [(5, 5)]);
        let two = watched(&finished([2, 5]), 0, 10);
        assert_eq!((two.usual_period_s, ends(&two)), (Some(180), vec![(2, 8)]));
        // Of two steps the shorter one is usual.
        assert_eq!(
            ends(&watched(&finished([2, 3, 9]), 0, 20)),
            [(2, 4), (9, 10)]
        );
    }
}
