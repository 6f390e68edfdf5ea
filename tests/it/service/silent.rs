//! Servers that stop or fall silent: one incident each, at whoever is at fault.

use dns_auditor::{audit::verdict::State, metrics::RoundReport};

use super::auditor::{Auditor, sketch, states};
use crate::lab::{self, Lab, LabPlan, Zone};

/// Time enough to see three clean rounds before an incident is over, on a slow machine too. A gap is three periods: 30 s.
const SETTINGS: &str = r#"
schedule = "*/10 * * * * *"
recovery_window = "20s"
"#;

/// Attempts that do not take a test's time where a server is frozen.
const IMPATIENT: &str = "timeout = \"500ms\"";

#[test]
fn a_stopped_or_frozen_resolver_is_one_incident_of_that_resolver_until_it_is_back() {
    lab::test(async || {
        let mut lab = Lab::start(LabPlan::default()).await;
        let names = r#"["dialer{1..40}.example.com"]"#;
        let settings = format!("{SETTINGS}{IMPATIENT}");
        let mut auditor = Auditor::start(&lab, names, &settings).await;
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

        let ns2 = |step| {
            format!(
                "{step} warning authority authority_unreachable: 10 names A AAAA at ns2.example.com"
            )
        };
        let zone = |step| {
            format!(
                "{step} critical authority authority_unreachable: 10 names A AAAA at ns1.example.com ns2.example.com"
            )
        };
        lab.authority(1).stop();
        for report in auditor.rounds(4).await {
            let calm = [(State::Consistent, 10 * 2 * 4)];
            assert_eq!(states(&report), calm, "{}", sketch(&report));
        }
        assert_eq!(auditor.lines().await, [ns2("opened open")]);

        lab.authority(0).stop();
        let fails = |report: &RoundReport| count(report, State::Servfail) > 0;
        auditor.rounds_until("without an answer", fails).await;
        let failing = auditor.rounds(4).await;
        assert!(failing.iter().all(fails));
        let both = [
            ns2("opened open"),
            zone("opened open"),
            ns2("resolved resolved"),
        ];
        assert_eq!(auditor.lines().await, both);
        let parts = auditor.incidents().await;
        assert_eq!(parts[1].subject, "example.com");

        lab.authority(0).start().await;
        lab.authority(1).start().await;
        auditor.rounds_until("better", tells).await;
        // A resolver that remembers the failure for a while goes on failing, and is not told of for that.
        auditor.rounds(2).await;
        let [first, second, third] = both;
        let better = [first, second, third, zone("updated recovering")];
        assert_eq!(auditor.lines().await, better);
    });
}

#[test]
fn resolvers_that_wait_for_two_frozen_authorities_are_not_told_of_themselves() {
    lab::test(async || {
        let plan = LabPlan {
            dialers: Zone::dialers(1),
            ..LabPlan::default()
        };
        let mut lab = Lab::start(plan).await;
        let names = r#"["dialer{1..10}.example.com"]"#;
        let settings = format!("{SETTINGS}{IMPATIENT}");
        let mut auditor = Auditor::start(&lab, names, &settings).await;
        auditor.settle().await;

        lab.authority(0).freeze().await;
        lab.authority(1).freeze().await;
        let waits = |report: &RoundReport| count(report, State::Unreachable) > 0;
        auditor.rounds_until("without an answer", waits).await;
        auditor.rounds(4).await;
        let opened = "opened open critical authority authority_unreachable: 10 names A AAAA at ns1.example.com ns2.example.com";
        assert_eq!(auditor.lines().await, [opened]);
        lab.authority(0).thaw().await;
        lab.authority(1).thaw().await;
        auditor.rounds_until("better", tells).await;
        let recovering = opened.replace("opened open", "updated recovering");
        assert_eq!(auditor.lines().await, [opened, &recovering]);
    });
}

fn tells(report: &RoundReport) -> bool {
    !report.transitions.is_empty()
}

fn count(report: &RoundReport, state: State) -> usize {
    let verdicts = report.verdicts.iter();
    verdicts.filter(|verdict| verdict.state == state).count()
}
