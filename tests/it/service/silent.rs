//! Servers that stop or fall silent: one incident each, at whoever is at fault.

use dns_auditor::audit::verdict::State;

use super::auditor::{Auditor, sketch, states};
use crate::lab::{self, Lab, LabPlan, Zone};

/// Time enough to see three clean rounds before an incident is over, and attempts that do not take a test's time.
const SETTINGS: &str = r#"
schedule = "*/10 * * * * *"
recovery_window = "8s"
timeout = "300ms"
"#;

#[test]
fn a_stopped_or_frozen_resolver_is_one_incident_of_that_resolver_until_it_is_back() {
    lab::test(async || {
        let mut lab = Lab::start(LabPlan::default()).await;
        let names = r#"["dialer{1..40}.example.com"]"#;
        let mut auditor = Auditor::start(&lab, names, SETTINGS).await;
        auditor.settle().await;

        let unreachable = [
            (State::Unreachable, 40 * 2),
            (State::Consistent, 40 * 2 * 3),
        ];
        let step = |step: &str, resolver: &str| {
            format!("{step} warning resolver unreachable: 40 names A AAAA at {resolver}")
        };
        let mut expected = Vec::new();
        for resolver in ["pdns-recursor", "knot-resolver"] {
            if resolver == "pdns-recursor" {
                lab.resolver(resolver).stop();
            } else {
                lab.resolver(resolver).freeze().await;
            }
            for report in auditor.rounds(2).await {
                assert_eq!(states(&report), unreachable, "{}", sketch(&report));
            }
            assert_eq!(auditor.lines().await, expected, "told before three rounds");
            auditor.rounds(2).await;
            expected.push(step("opened open", resolver));
            assert_eq!(auditor.lines().await, expected);

            lab.resolver(resolver).start().await;
            auditor.rounds_until_resolved().await;
            expected.push(step("updated recovering", resolver));
            expected.push(step("resolved resolved", resolver));
            assert_eq!(auditor.lines().await, expected);
        }
        assert_eq!(auditor.incidents().await.len(), 2);
    });
}

#[test]
fn one_stopped_authority_is_said_to_be_that_and_both_are_one_incident_of_their_zone() {
    lab::test(async || {
        let plan = LabPlan {
            dialers: Zone::dialers(1),
            ..LabPlan::default()
        };
        let mut lab = Lab::start(plan).await;
        let names = r#"["dialer{1..10}.example.com"]"#;
        let mut auditor = Auditor::start(&lab, names, SETTINGS).await;
        auditor.settle().await;

        lab.authority(1).stop();
        for report in auditor.rounds(4).await {
            println!("{:?}{}", states(&report), sketch(&report));
        }
        println!("{:#?}", auditor.lines().await);
        lab.authority(0).stop();
        for report in auditor.rounds(4).await {
            println!("{:?}{}", states(&report), sketch(&report));
            tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        }
        println!("{:#?}", auditor.lines().await);
        lab.authority(0).start().await;
        lab.authority(1).start().await;
        auditor.rounds_until_resolved().await;
        println!("{:#?}", auditor.lines().await);
        panic!();
    });
}

#[test]
fn two_frozen() {
    lab::test(async || {
        let plan = LabPlan {
            dialers: Zone::dialers(1),
            ..LabPlan::default()
        };
        let mut lab = Lab::start(plan).await;
        let names = r#"["dialer{1..10}.example.com"]"#;
        let mut auditor = Auditor::start(&lab, names, r#"
schedule = "*/10 * * * * *"
recovery_window = "8s"
"#).await;
        auditor.settle().await;

        lab.authority(1).freeze().await;
        lab.authority(0).freeze().await;
        for _ in 0..6 {
            let s = std::time::Instant::now();
            let report = auditor.round().await;
            println!("{:?} {:?}{}", s.elapsed(), states(&report), sketch(&report));
            tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        }
        println!("{:#?}", auditor.lines().await);
        lab.authority(0).thaw().await;
        lab.authority(1).thaw().await;
        auditor.rounds_until_resolved().await;
        println!("{:#?}", auditor.lines().await);
        panic!();
    });
}
