//! Many rounds of ordinary life on a network that loses packets, none of which may be told; then each fault, which must be,
//! once and rightly.
//!
//! `make soak` runs it, `ROUNDS=300 SEED=7 make soak` as long and as that. The seed decides what is changed and restarted
//! and when; which packets are lost, and how long everything takes, is the machine's. Ordinary is what an owner of names
//! and an operator of resolvers do every day: see [`life`]. A silent or failing answer in single rounds belongs to it.
//! Nothing at all may be told in those rounds.

mod faults;
mod life;

use std::{
    collections::BTreeMap,
    env, fmt,
    time::{Duration, SystemTime},
};

use dns_auditor::{
    audit::{incident::TransitionKind, verdict::State},
    metrics::RoundReport,
};
use tokio::time::timeout;

use self::life::{Deeds, Life};
use super::auditor::{Auditor, sketch};
use crate::lab::{self, Lab, Loss};

/// Attempts that a lost packet does not make long; an end that comes soon. A gap is three periods: 30 s.
const SETTINGS: &str = r#"
schedule = "*/10 * * * * *"
timeout = "500ms"
recovery_window = "3s"
"#;

/// From one round to the next, at least.
const PACE: Duration = Duration::from_millis(700);
/// Of a hundred packets.
const LOSS: u8 = 2;

#[test]
fn ordinary_life_is_never_told_and_each_fault_is_told_once() {
    lab::test_apart(async || {
        let (rounds, seed) = (setting("ROUNDS", 20), setting("SEED", clock()));
        let all = run(usize::try_from(rounds).unwrap(), seed);
        let limit = Duration::from_secs(10) * u32::try_from(rounds).unwrap();
        timeout(limit + Duration::from_mins(10), Box::pin(all))
            .await
            .expect("it takes for ever");
    });
}

async fn run(rounds: usize, seed: u64) {
    println!("soak: {rounds} rounds, SEED={seed}");
    let mut life = Life::new(seed);
    let mut lab = Lab::start(life.plan()).await;
    let lossy = Loss::begin(LOSS).await;
    if let Err(why) = &lossy {
        println!("soak: no packets are lost: {why}");
    }
    let names = [life.names(), faults::names()].concat();
    let mut auditor = Auditor::start(&lab, &format!("{names:?}"), SETTINGS).await;
    auditor.rounds(2).await;

    let mut tally = Tally::default();
    let mut pace = tokio::time::interval(PACE);
    for round in 0..rounds {
        pace.tick().await;
        let deeds = life.deeds(round);
        let report = if life.at_once() {
            tokio::join!(auditor.round(), deeds.apply(&mut lab)).0
        } else {
            deeds.apply(&mut lab).await;
            auditor.round().await
        };
        tally.note(round, &deeds, &report);
        if round % 50 == 49 {
            println!("soak: {tally}");
        }
    }
    // Whatever was told, by whatever step.
    tally.false_alerts = tally.false_alerts.max(auditor.lines().await.len());
    println!("soak: {tally}");

    let told = faults::tell_each(&mut lab, &mut auditor, names.len()).await;
    let failed: Vec<_> = told.iter().filter_map(|one| one.as_ref().err()).collect();
    for why in &failed {
        println!("soak: {why}");
    }
    let loss = match &lossy {
        Ok(lossy) => {
            let (came, lost) = lossy.counts().await;
            format!("{lost} of {came} packets lost")
        }
        Err(_) => "no packets lost".to_owned(),
    };
    let right = told.len() - failed.len();
    let faults = format!("{right} of {} faults told once", told.len());
    println!("soak: {tally}; {loss}; {faults}; SEED={seed}");
    assert_eq!((tally.false_alerts, failed.len()), (0, 0), "see above");
}

/// A number from the environment.
fn setting(name: &str, default: u64) -> u64 {
    match env::var(name) {
        Ok(text) if !text.is_empty() => text.parse().unwrap_or_else(|_| panic!("{name}={text}")),
        _ => default,
    }
}

fn clock() -> u64 {
    let since = SystemTime::UNIX_EPOCH.elapsed();
    since.unwrap().as_secs()
}

/// What was done, and what came of it.
#[derive(Default)]
struct Tally {
    rounds: usize,
    changes: usize,
    ttls: usize,
    restarts: usize,
    flushes: usize,
    false_alerts: usize,
    states: BTreeMap<State, usize>,
}

impl Tally {
    fn note(&mut self, round: usize, deeds: &Deeds, report: &RoundReport) {
        self.rounds += 1;
        self.changes += deeds.changes;
        self.ttls += deeds.ttls;
        self.restarts += usize::from(deeds.restart.is_some());
        self.flushes += usize::from(deeds.flush.is_some());
        for verdict in &report.verdicts {
            *self.states.entry(verdict.state).or_default() += 1;
        }
        let steps = report.transitions.iter();
        let opened = steps.filter(|step| step.kind == TransitionKind::Opened);
        let opened: Vec<_> = opened.map(|step| &step.incident).collect();
        if !opened.is_empty() {
            self.false_alerts += opened.len();
            let round_at_large = sketch(report);
            println!("soak: told in round {round}, after {deeds:?}: {opened:#?}{round_at_large}");
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let states = self.states.iter();
        let states: Vec<_> = states
            .map(|(state, times)| format!("{times} {state}"))
            .collect();
        write!(
            f,
            "{} rounds, {} changes, {} TTL changes, {} restarts, {} flushes; {}; {} false alerts",
            self.rounds,
            self.changes,
            self.ttls,
            self.restarts,
            self.flushes,
            states.join(", "),
            self.false_alerts
        )
    }
}
