//! Recorded rounds judged again: the same verdicts, findings and steps, octet by octet.
//!
//! Deliberately absent: what a changed policy would have made of them.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use dns_auditor::{
    metrics::RoundReport,
    replay::verify::{Verified, verify},
    store::closing::Pace,
};

use crate::{
    dns::{Fault, Script},
    rounds::Watched,
    sink::Sink,
};

async fn verified(watched: &Watched) -> Verified {
    let (from, to) = (DateTime::UNIX_EPOCH, Utc::now() + TimeDelta::days(1));
    let vantage = &watched.config.vantage;
    verify(&watched.store, vantage, from, to).await.unwrap()
}

fn assert_same(verified: &Verified, rounds: &[RoundReport]) {
    assert!(verified.told.is_empty(), "{verified:#?}");
    let verdicts: usize = rounds.iter().map(|round| round.verdicts.len()).sum();
    let findings: usize = rounds.iter().map(|round| round.findings.len()).sum();
    let steps: usize = rounds.iter().map(|round| round.transitions.len()).sum();
    let replayed = (
        verified.rounds,
        verified.inexact_rounds,
        verified.verdicts,
        verified.findings,
        verified.steps,
    );
    assert_eq!(replayed, (rounds.len(), 0, verdicts, findings, steps));
}

#[tokio::test]
async fn a_replay_gives_what_was_stored_through_changes_faults_people_and_restarts() {
    let settings = "schedule = \"*/5 * * * * *\"\ntimeout = \"200ms\"\nattempts = 1";
    let mut watched = Watched::with(Sink::start([]).await, settings).await;
    let mut rounds = Vec::new();
    let authority = |watched: &Watched, ttl, address: &str| {
        let set = |script: &mut Script| {
            script.set("dialer2.example.com", "A", ttl, &[address]);
        };
        watched.servers.authority.edit(set);
    };
    for nth in 0..26 {
        let beta = &watched.servers.beta;
        match nth {
            2 => watched.plant("dialer1.example.com", "198.51.100.66"),
            4 => authority(&watched, 86_400, "192.0.2.22"),
            6 | 18 => watched.restart().await,
            7 => authority(&watched, 2, "192.0.2.23"),
            9 => beta.edit(|script| script.fault(Fault::Rcode(2).on("dialer3.example.com"))),
            11 => {
                let open = rounds
                    .iter()
                    .flat_map(|round: &RoundReport| &round.transitions);
                let id = open.map(|step| step.incident.id).next().unwrap();
                let acked = watched.store.ack_incident(id, "somebody", Utc::now()).await;
                assert!(acked.unwrap());
            }
            12 => beta.edit(Script::flush),
            14 => beta.edit(Script::clear_faults),
            15 => watched
                .servers
                .authority
                .edit(|script| script.fault(Fault::Silent)),
            19 => watched.servers.authority.edit(Script::clear_faults),
            21 => beta.edit(|script| script.fault(Fault::ExtendedError(3, "stale"))),
            23 => beta.edit(|script| script.fault(Fault::Silent)),
            _ => {}
        }
        rounds.push(watched.round().await);
    }
    let verified = verified(&watched).await;
    assert_same(&verified, &rounds);
    assert!(
        verified.verdicts_begun > 20 && verified.steps > 4,
        "{verified:#?}"
    );
    // Out of packs as out of rows.
    let tomorrow = Utc::now() + TimeDelta::days(2);
    let packed = watched
        .store
        .pack_due(Duration::ZERO, tomorrow, Pace::Full)
        .await;
    let samples = packed.unwrap().unwrap().packed.samples;
    assert!(samples > 200, "{samples}");
    assert_eq!(self::verified(&watched).await, verified);
}
