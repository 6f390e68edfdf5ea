//! Answers beyond their TTL, while the zone's servers are stopped and while they are not.

use dns_auditor::{
    audit::calibration::{Calibration, Measured, ServeStale},
    types::Source,
};
use futures::future::join_all;

use super::canary::{CanaryLab, resolver};
use crate::lab::{self, Make};

const STOPPED: [(Make, u8, &str); 6] = [
    (Make::Unbound, 100, ""),
    (
        Make::Unbound,
        101,
        "serve-expired: yes\n serve-expired-client-timeout: 1800\n ede: yes\n ede-serve-expired: yes",
    ),
    (Make::PdnsRecursor, 120, "--serve-stale-extensions=10"),
    (Make::PdnsRecursor, 121, ""),
    (Make::Bind, 140, ""),
    (
        Make::Bind,
        141,
        "stale-answer-enable yes; stale-answer-client-timeout 0; stale-cache-enable yes;",
    ),
];

async fn again(canary: &CanaryLab, earlier: &Calibration) -> Measured<ServeStale> {
    let Source { address, .. } = earlier.source;
    let resolver = resolver(address);
    let asking = canary.asker.calibrate_stale(&resolver, earlier);
    asking.await.unwrap().0
}

#[test]
fn who_serves_stale_answers_shows_when_the_authority_is_stopped() {
    lab::test(async || {
        let mut canary = CanaryLab::start().await;
        let started = STOPPED.map(|(make, host, settings)| canary.lab.add(make, host, settings));
        let recursors = join_all(started).await;
        let measuring = recursors.iter().map(|one| canary.calibrate(one.addr()));
        let measured = join_all(measuring).await;

        let early = again(&canary, &measured[0]).await;
        assert_eq!(early.value, None);
        assert!(early.how.contains("still answer"), "{early:?}");

        canary.authority.stop();
        let asking = measured.iter().map(|earlier| again(&canary, earlier));
        let heard = join_all(asking).await;
        for (plan, heard) in STOPPED.iter().zip(&heard) {
            println!("{plan:?}: {heard:?}");
        }
    });
}

#[test]
fn stale_answers_while_a_fetch_is_under_way_are_seen_without_stopping_anything() {
    lab::test(async || {
        let canary = CanaryLab::start().await;
        let plan = [
            ("serve-expired: yes", false),
            (
                "serve-expired: yes\n ede: yes\n ede-serve-expired: yes",
                true,
            ),
        ];
        for (host, (settings, declared)) in (100..).zip(plan) {
            let unbound = canary.lab.add(Make::Unbound, host, settings).await;
            let calibration = canary.calibrate(unbound.addr()).await;
            let stale = ServeStale {
                serves: true,
                ttl: Some(30),
                declared,
            };
            assert_eq!(
                calibration.serve_stale.value,
                Some(stale),
                "{calibration:#?}"
            );
            assert_eq!(calibration.serve_stale_at, Some(calibration.at));
            // The 30 s of a stale answer are no floor.
            let floor = calibration.measures.ttl_floor.value.unwrap();
            assert_eq!(floor.seconds, None);
            let codes: &[u16] = if declared { &[3] } else { &[] };
            assert_eq!(calibration.measures.ede.value.unwrap(), codes);
        }
    });
}
