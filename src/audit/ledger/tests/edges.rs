//! Every edge of an incident's life, walked: [`EDGES`] is what the stories below cross, no more and no less.

use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;
use uuid::Uuid;

use super::lab::{Lab, dialer, found_at_server, seen, some};
use crate::{
    audit::{
        declared::{Flush, Matter},
        finding::FindingKind,
        incident::{
            Cause::{
                self, ByHand, Clean, Confirmed, Flaps, Flushed, Grown, Merged, Over, Relapsed,
                Repeated, Throttled, TookIn, Unasked, Worse,
            },
            EDGES, Edge,
            Standing::{self, Candidate, Flapping, Open, Recovering, Resolved},
            Transition, TransitionKind,
        },
        ledger::{resolve_by_hand, retire},
        testing::declared,
        verdict::{State, Verdict},
    },
    types::Severity,
};

/// A story that crosses an edge, among others.
type Story = (Standing, Cause, fn(&mut Lab));

const STORIES: [Story; 31] = [
    (Candidate, Confirmed, |lab| bad(lab, 1)),
    (Candidate, Flaps, |lab| {
        for _ in 0..3 {
            bad(lab, 1);
            clean(lab, 12);
        }
    }),
    (Open, Worse, |lab| {
        old(lab, State::PropagatingLong);
        old(lab, State::StaleOverdue);
    }),
    (Open, Grown, |lab| {
        bad(lab, 1);
        also_elsewhere(lab);
    }),
    (Open, TookIn, |lab| {
        bad(lab, 1);
        all_over(lab);
    }),
    (Open, Throttled, |lab| {
        failing(lab, State::Unreachable, 3);
    }),
    (Open, Repeated, |lab| {
        bad(lab, 1);
        wait_for_a_reminder(lab);
    }),
    (Open, Clean, |lab| {
        bad(lab, 1);
        clean(lab, 3);
    }),
    (Open, Over, |lab| {
        bad(lab, 1);
        for _ in 0..3 {
            lab.now += TimeDelta::minutes(59);
            clean(lab, 1);
        }
    }),
    (Open, Flushed, |lab| {
        long_lived(lab);
        flush(lab);
        clean(lab, 3);
    }),
    (Open, Merged, |lab| {
        bad(lab, 1);
        all_over(lab);
    }),
    (Open, ByHand, |lab| {
        bad(lab, 1);
        by_hand(lab);
    }),
    (Open, Unasked, |lab| {
        bad(lab, 1);
        unasked(lab);
    }),
    (Flapping, Worse, |lab| {
        for _ in 0..3 {
            old(lab, State::PropagatingLong);
            clean(lab, 3);
        }
        old(lab, State::StaleOverdue);
    }),
    (Flapping, Grown, |lab| {
        flap(lab);
        also_elsewhere(lab);
    }),
    (Flapping, TookIn, |lab| {
        for _ in 0..3 {
            zone_dark(lab, 3);
            server_dark(lab, 3);
        }
        zone_dark(lab, 1);
    }),
    (Flapping, Throttled, |lab| {
        for _ in 0..3 {
            clean(lab, 3);
            failing(lab, State::Servfail, 3);
        }
        failing(lab, State::Unreachable, 1);
    }),
    (Flapping, Repeated, |lab| {
        flap(lab);
        wait_for_a_reminder(lab);
    }),
    (Flapping, Over, |lab| {
        flap(lab);
        clean(lab, 62);
    }),
    (Flapping, Flushed, |lab| {
        for _ in 0..3 {
            clean(lab, 3);
            long_lived(lab);
        }
        flush(lab);
        clean(lab, 3);
    }),
    (Flapping, Merged, |lab| {
        flap(lab);
        all_over(lab);
    }),
    (Flapping, ByHand, |lab| {
        flap(lab);
        by_hand(lab);
    }),
    (Flapping, Unasked, |lab| {
        flap(lab);
        unasked(lab);
    }),
    (Recovering, Relapsed, |lab| {
        bad(lab, 1);
        clean(lab, 3);
        bad(lab, 1);
    }),
    (Recovering, Flaps, flap),
    (Recovering, TookIn, |lab| {
        zone_dark(lab, 3);
        server_dark(lab, 3);
        zone_dark(lab, 1);
    }),
    (Recovering, Over, |lab| {
        bad(lab, 1);
        clean(lab, 12);
    }),
    (Recovering, Flushed, |lab| {
        long_lived(lab);
        clean(lab, 3);
        flush(lab);
        clean(lab, 1);
    }),
    (Recovering, Merged, |lab| {
        bad(lab, 1);
        clean(lab, 3);
        all_over(lab);
    }),
    (Recovering, ByHand, |lab| {
        bad(lab, 1);
        clean(lab, 3);
        by_hand(lab);
    }),
    (Recovering, Unasked, |lab| {
        bad(lab, 1);
        clean(lab, 3);
        unasked(lab);
    }),
];

fn at_google(state: State) -> Verdict {
    seen(&dialer(7), "google", state).ttl(30)
}

fn bad(lab: &mut Lab, rounds: usize) {
    lab.rounds(rounds, &[at_google(State::Divergent)]);
}

fn clean(lab: &mut Lab, rounds: usize) {
    lab.rounds(rounds, &[at_google(State::Consistent)]);
}

fn old(lab: &mut Lab, state: State) {
    lab.round(vec![at_google(state)]);
}

fn failing(lab: &mut Lab, state: State, rounds: usize) {
    lab.rounds(rounds, &[at_google(state)]);
}

fn long_lived(lab: &mut Lab) {
    lab.round(vec![at_google(State::Divergent).ttl(36_000)]);
}

fn flap(lab: &mut Lab) {
    bad(lab, 1);
    for _ in 0..2 {
        clean(lab, 3);
        bad(lab, 1);
    }
}

fn also_elsewhere(lab: &mut Lab) {
    let other = seen(&dialer(7), "quad9", State::Divergent).ttl(30);
    lab.round(vec![at_google(State::Divergent), other]);
}

/// The resolver is bad on most names.
fn all_over(lab: &mut Lab) {
    lab.round(some(8, 10, "google", State::Divergent));
}

fn wait_for_a_reminder(lab: &mut Lab) {
    lab.now += TimeDelta::hours(5);
    bad(lab, 1);
}

fn zone_dark(lab: &mut Lab, rounds: usize) {
    for _ in 0..rounds {
        let mut finding = found_at_server(FindingKind::AuthorityUnreachable, 1, 2);
        finding.severity = Severity::Critical;
        lab.round_with(vec![at_google(State::Consistent)], vec![finding]);
    }
}

fn server_dark(lab: &mut Lab, rounds: usize) {
    for _ in 0..rounds {
        let finding = found_at_server(FindingKind::AuthorityUnreachable, 1, 2);
        lab.round_with(vec![at_google(State::Consistent)], vec![finding]);
    }
}

fn flush(lab: &mut Lab) {
    lab.declared = declared([Matter::Flush(Flush {
        resolver: "google".to_owned(),
        names: vec![dialer(7).name],
        rtype: None,
        at: lab.now,
        comment: None,
    })]);
}

fn by_hand(lab: &mut Lab) {
    let (id, now) = (lab.only().id, lab.now);
    let step = resolve_by_hand(&mut lab.ledger, id, now);
    lab.told.extend(step);
}

fn unasked(lab: &mut Lab) {
    let now = lab.now;
    let steps = retire(&mut lab.ledger, &BTreeSet::new(), &[], now);
    lab.told.extend(steps);
}

/// The edges that steps crossed, in order; each must begin where the one before it ended.
pub(super) fn crossed(told: &[Transition]) -> Vec<Edge> {
    let mut standings: BTreeMap<Uuid, Standing> = BTreeMap::new();
    let mut edges = Vec::new();
    for step in told {
        let mut standing = standings.get(&step.incident.id).copied();
        for cause in &step.causes {
            let from = standing.unwrap_or(Candidate);
            let edge = Edge::of(from, *cause);
            let edge = edge.unwrap_or_else(|| panic!("no edge from {from:?} by {cause:?}"));
            edges.push(edge);
            standing = Some(edge.to);
        }
        let standing = standing.unwrap();
        assert_eq!(standing, Standing::of(&step.incident), "{step:#?}");
        standings.insert(step.incident.id, standing);
    }
    edges
}

#[test]
fn every_edge_is_crossed_by_its_story_and_no_story_crosses_another() {
    let mut all = BTreeSet::new();
    for (from, cause, story) in STORIES {
        let mut lab = Lab::new();
        story(&mut lab);
        let crossed = crossed(&lab.told);
        let edge = Edge::of(from, cause).unwrap();
        assert!(crossed.contains(&edge), "{edge:?}\n{crossed:#?}");
        all.extend(crossed);
    }
    let told: BTreeSet<_> = STORIES
        .iter()
        .map(|(from, cause, _)| (*from, *cause))
        .collect();
    let known: BTreeSet<_> = EDGES.iter().map(|edge| (edge.from, edge.cause)).collect();
    assert_eq!(known.len(), EDGES.len(), "one edge for one cause");
    assert_eq!(told, known, "each edge has its story");
    assert_eq!(all, BTreeSet::from(EDGES));
}

#[test]
fn a_step_is_told_as_its_first_edge_unless_it_ends_the_incident() {
    for (_, _, story) in STORIES {
        let mut lab = Lab::new();
        story(&mut lab);
        let edges = crossed(&lab.told);
        let mut edges = edges.iter();
        for step in &lab.told {
            let own: Vec<_> = edges.by_ref().take(step.causes.len()).collect();
            let is_over = own.iter().any(|edge| edge.to == Resolved);
            let expected = if is_over {
                TransitionKind::Resolved
            } else {
                own[0].told
            };
            assert_eq!(step.kind, expected, "{step:#?}");
        }
    }
}

#[test]
fn nothing_leads_out_of_what_is_over_or_back_to_what_was_not_told() {
    for edge in EDGES {
        assert_ne!(edge.from, Resolved, "{edge:?}");
        assert_ne!(edge.to, Candidate, "{edge:?}");
        assert_eq!(edge.from == Candidate, edge.told == TransitionKind::Opened);
        assert_eq!(edge.to == Resolved, edge.told == TransitionKind::Resolved);
    }
    let reached: BTreeSet<_> = EDGES.iter().map(|edge| edge.to).collect();
    assert_eq!(
        reached,
        BTreeSet::from([Open, Flapping, Recovering, Resolved])
    );
}
