//! A timeline counts the same, whichever days are summed up: random rounds, windows and sums against a plain count.

use chrono::{DateTime, TimeDelta, Utc};
use dns_auditor::store::{
    Store,
    timeline::{Coverage, TimelineQuery},
};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};

use super::{GROUPS, Round, SUMS, WRONG, at, judged, next_midnight, number, sum_up, write};
use crate::postgres::execute;

/// Rounds of a week: the usual period and what comes in between, with days on which one group had none.
fn some_rounds(random: &mut StdRng) -> Vec<Round> {
    let mut rounds = Vec::new();
    for group in 0..GROUPS.len() {
        let period = [7_200_000_000, 21_600_000_000, 50_000_000_000][random.random_range(0..3)];
        let mut due_at = at(0) - TimeDelta::hours(3);
        while due_at < at(0) + TimeDelta::days(7) {
            // The instants at which one day becomes the next, and more usual ones.
            let status = match random.random_range(0..12) {
                0 => "missed",
                1 => "abandoned",
                2 if random.random_range(0..4) == 0 => "running",
                _ => "finished",
            };
            rounds.push(Round {
                group,
                due_at,
                status,
            });
            due_at += match random.random_range(0..10) {
                0 => TimeDelta::microseconds(1),
                1 => TimeDelta::hours(random.random_range(1..60)),
                2 => next_midnight(due_at) - due_at,
                3 => {
                    next_midnight(due_at) - due_at + TimeDelta::days(1) - TimeDelta::microseconds(1)
                }
                _ => TimeDelta::microseconds(period),
            };
        }
    }
    rounds
}

/// What one group's rounds of a window come to, counted round by round.
fn counted(rounds: &[Round], group: usize, from: DateTime<Utc>, to: DateTime<Utc>) -> Coverage {
    let within = || {
        let own = rounds.iter().filter(move |round| round.group == group);
        own.filter(|round| from <= round.due_at && round.due_at <= to)
    };
    let of = |status| within().filter(|round| round.status == status).count() as u64;
    let finished: Vec<_> = within()
        .filter(|round| round.status == "finished")
        .map(|round| round.due_at)
        .collect();
    let gaps = finished.windows(2).map(|pair| (pair[0], pair[1]));
    let longest = gaps.reduce(|longest, gap| {
        if gap.1 - gap.0 > longest.1 - longest.0 {
            gap
        } else {
            longest
        }
    });
    let (vantage, group) = GROUPS[group];
    Coverage {
        vantage: vantage.to_owned(),
        group: group.to_owned(),
        finished: of("finished"),
        missed: of("missed"),
        abandoned: of("abandoned"),
        running: of("running"),
        first_at: finished.first().copied(),
        last_at: finished.last().copied(),
        longest_gap_from: longest.map(|gap| gap.0),
        longest_gap_to: longest.map(|gap| gap.1),
    }
}

async fn coverage(
    store: &Store,
    from: Option<DateTime<Utc>>,
    to: Option<DateTime<Utc>>,
) -> Vec<Coverage> {
    let query = TimelineQuery {
        name: "a.example".parse().unwrap(),
        rtype: None,
        from,
        to,
        resolver: None,
    };
    store.timeline(&query).await.unwrap().coverage
}

/// Now and then none at all, an instant at which a round was due, the beginning of a day, and any.
fn some_end(random: &mut StdRng, rounds: &[Round]) -> Option<DateTime<Utc>> {
    let any = at(0) + TimeDelta::minutes(random.random_range(-2_000..13_000));
    match random.random_range(0..5) {
        0 => None,
        1 => Some(rounds[random.random_range(0..rounds.len())].due_at),
        2 => Some(next_midnight(any)),
        3 => Some(next_midnight(any) - TimeDelta::microseconds(1)),
        _ => Some(any),
    }
}

#[tokio::test]
async fn a_timeline_counts_the_same_whichever_days_are_summed_up() {
    let (mut over_sums, mut sums_of_all) = (0, 0);
    for seed in 0..12 {
        let mut random = StdRng::seed_from_u64(seed);
        let (url, store) = judged().await;
        let rounds = some_rounds(&mut random);
        write(&url, &rounds).await;
        let sums = sum_up(&store).await;
        assert_eq!(number(&url, SUMS).await, sums.cast_signed());
        assert_eq!(number(&url, WRONG).await, 0);
        sums_of_all += sums;
        for part in [1_000, 600, 200, 0] {
            // What is not there is counted round by round, and made again.
            let forget = format!(
                "delete from round_day where abs(hashtext(day::text || group_name || vantage_id)) % 1000 >= {part}"
            );
            execute(&url, forget).await;
            over_sums += u32::from(number(&url, SUMS).await > 0);
            for _ in 0..12 {
                let ends = [
                    some_end(&mut random, &rounds),
                    some_end(&mut random, &rounds),
                ];
                let (from, to) = (
                    ends[0].unwrap_or(DateTime::UNIX_EPOCH),
                    ends[1].unwrap_or(at(0) + TimeDelta::days(900)),
                );
                let expected: Vec<_> = (0..GROUPS.len())
                    .map(|group| counted(&rounds, group, from, to))
                    .collect();
                let found = coverage(&store, ends[0], ends[1]).await;
                assert_eq!(found, expected, "{seed}: {part} of 1000, {from} to {to}");
            }
        }
        assert_eq!(sum_up(&store).await, sums);
        assert_eq!(sum_up(&store).await, 0);
    }
    assert!(
        over_sums >= 30 && sums_of_all > 100,
        "{over_sums} {sums_of_all}"
    );
}
