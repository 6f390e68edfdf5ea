//! When a round's questions leave: all of one name at one moment, the moments spread over the round.
//!
//! Pure: the seed is an argument. Deliberately absent: sockets, and the limits that hold whatever is planned here.

use std::time::Duration;

use rand::{RngExt as _, SeedableRng as _, rngs::StdRng, seq::SliceRandom as _};

/// The part of a period that a round's questions may be spread over: the slowest reply must come before the next round.
const SPREAD: f64 = 0.8;

/// How far from its even place a moment may lie, as a part of the distance to the next.
const JITTER: f64 = 0.1;

/// How fast one address may be asked, and how much one name costs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Load {
    /// Questions that leave to the address at a name's moment.
    pub(super) questions: u32,
    /// Most questions a second to the address.
    pub(super) max_qps: u32,
}

/// The names of a round in the order they are asked, and when, counted from its beginning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Moments {
    /// Indices of names, each once, with offsets that never fall.
    pub(super) order: Vec<(usize, Duration)>,
}

impl Moments {
    /// Spreads `names` names at the pace of the slowest address, in an order of `seed`'s, within four fifths of `period`.
    /// The names of which `first` says so go before all others. The first moment is the beginning.
    ///
    /// A round that would take longer at that pace goes faster here, and is held up by the limits of each address.
    pub(super) fn plan(
        names: usize,
        loads: &[Load],
        period: Duration,
        seed: u64,
        first: impl Fn(usize) -> bool,
    ) -> Self {
        let mut random = StdRng::seed_from_u64(seed);
        let mut order: Vec<usize> = (0..names).collect();
        order.shuffle(&mut random);
        order.sort_by_key(|name| !first(*name));
        let even = distance(names, loads, period);
        let moments = order.into_iter().enumerate().map(|(nth, name)| {
            let early = if nth == 0 {
                0.0
            } else {
                random.random_range(-JITTER..=JITTER)
            };
            // Neighbours stay in order: each moves by less than half of what parts them.
            (name, even.mul_f64(nth as f64 + early))
        });
        Self {
            order: moments.collect(),
        }
    }
}

/// What parts two moments before jitter.
fn distance(names: usize, loads: &[Load], period: Duration) -> Duration {
    let slowest = loads
        .iter()
        .map(|load| Duration::from_secs(1).mul_f64(f64::from(load.questions)) / load.max_qps.max(1))
        .max()
        .unwrap_or_default();
    // Room for the last moment's jitter, too.
    let gaps = names.saturating_sub(1) as f64 + JITTER;
    slowest.min(period.mul_f64(SPREAD / gaps))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn loads() -> impl Strategy<Value = Vec<Load>> {
        let load = (0..20_u32, 1..2_000_u32);
        let load = load.prop_map(|(questions, max_qps)| Load { questions, max_qps });
        prop::collection::vec(load, 0..6)
    }

    fn seconds(duration: Duration) -> f64 {
        duration.as_secs_f64()
    }

    proptest! {
        #[test]
        fn every_name_has_one_moment_in_order_within_four_fifths_of_the_period(
            names in 0..400_usize, loads in loads(), period in 1..4_000_u64, seed: u64,
        ) {
            let period = Duration::from_secs(period);
            let plan = Moments::plan(names, &loads, period, seed, |_| false).order;
            let asked: BTreeSet<_> = plan.iter().map(|(name, _)| *name).collect();
            prop_assert_eq!((plan.len(), asked.len()), (names, names));
            prop_assert!(plan.is_sorted_by_key(|(_, offset)| *offset));
            prop_assert!(plan.iter().all(|(_, offset)| seconds(*offset) <= seconds(period) * 0.8 + 1e-6));
            prop_assert_eq!(plan.first().map_or(Duration::ZERO, |(_, offset)| *offset), Duration::ZERO);
            prop_assert_eq!(&plan, &Moments::plan(names, &loads, period, seed, |_| false).order);
        }

        #[test]
        fn no_address_is_asked_faster_than_its_pace_but_for_the_jitter_and_none_slower_than_it_must_be(
            names in 2..400_usize, loads in loads(), seed: u64,
        ) {
            // A day: nothing is pressed together.
            let plan = Moments::plan(names, &loads, Duration::from_hours(24), seed, |_| false).order;
            let slowest = loads.iter().map(|load| f64::from(load.questions) / f64::from(load.max_qps));
            let slowest = slowest.fold(0.0, f64::max);
            for pair in plan.windows(2) {
                let apart = seconds(pair[1].1) - seconds(pair[0].1);
                prop_assert!((slowest * 0.8 - 1e-6..=slowest * 1.2 + 1e-6).contains(&apart), "{apart} of {slowest}");
            }
            let last = seconds(plan[names - 1].1);
            prop_assert!((last - slowest * (names - 1) as f64).abs() <= slowest * 0.1 + 1e-6);
        }

        #[test]
        fn what_must_go_first_goes_first(names in 1..50_usize, chosen in any::<prop::sample::Index>(), seed: u64) {
            let chosen = chosen.index(names);
            let plan = Moments::plan(names, &[], Duration::from_mins(1), seed, |name| name == chosen).order;
            prop_assert_eq!(plan[0], (chosen, Duration::ZERO));
        }
    }

    #[test]
    fn a_round_takes_no_longer_than_its_limits_do_and_its_order_changes_from_round_to_round() {
        // 82 questions at each address, a hundred a second.
        let load = Load {
            questions: 2,
            max_qps: 100,
        };
        let plan = |seed| Moments::plan(41, &[load], Duration::from_mins(1), seed, |_| false);
        let (_, last) = plan(1).order[40];
        assert!((0.79..0.81).contains(&seconds(last)), "{last:?}");
        assert_ne!(plan(1), plan(2));
    }
}
