//! TTLs above the policy, which are the authority's: what a cache counts down raises and clears nothing.

use std::time::Duration;

use dns_auditor::audit::verdict::State;

use super::auditor::{Auditor, QUICK, sketch, states, verdict};
use crate::lab::{self, Lab, LabPlan, Zone};

#[test]
fn a_ttl_of_a_day_is_one_finding_that_names_its_link_until_the_authority_lowers_it() {
    lab::test(async || {
        let mut dialers = Zone::dialers(300);
        dialers.set_ttl("edge33", 86400);
        let plan = LabPlan {
            dialers,
            ..LabPlan::default()
        };
        let mut lab = Lab::start(plan).await;
        let names = r#"["dialer{29..38}.example.com"]"#;
        let mut auditor = Auditor::start(&lab, names, QUICK).await;
        let servers = "ns1.example.com ns2.example.com";
        let opened = format!(
            "opened open warning name ttl_above_policy: dialer33.example.com A at {servers}"
        );
        let mut pace = tokio::time::interval(Duration::from_millis(1100));
        let mut reports = Vec::new();
        for _ in 0..3 {
            pace.tick().await;
            let report = auditor.round().await;
            assert_eq!(auditor.lines().await, [&*opened], "{}", sketch(&report));
            assert_eq!(states(&report), [(State::Consistent, 10 * 2 * 4)]);
            reports.push(report);
        }
        for (id, ..) in lab.resolvers() {
            let ttl = |round: usize| {
                let verdict = verdict(&reports[round], "dialer33.example.com", id);
                verdict.observed.ttl.unwrap()
            };
            assert!(
                ttl(0) > ttl(1) && ttl(1) > ttl(2),
                "{id} does not count down"
            );
        }
        let told = &auditor.told().await[0].incident;
        assert_eq!(told["baseline"]["ttl"], 86400);
        let slack = &auditor.slack().await[0];
        let link = "the TTL of the RRset edge33.example.com is 86400 s";
        assert!(slack.contains(link), "{slack}");

        lab.set_ttl("edge33", 300).await;
        for report in auditor.rounds(3).await {
            // Caches hold it for a day all the same, and may: the same address was served with that TTL.
            let calm = [(State::Consistent, 10 * 2 * 4)];
            assert_eq!((&*states(&report), report.findings.len()), (&calm[..], 0));
        }
        auditor.rounds_until_resolved().await;
        let step = |word| {
            format!("{word} warning name ttl_above_policy: dialer33.example.com A at {servers}")
        };
        assert_eq!(
            auditor.lines().await,
            [
                opened,
                step("updated recovering"),
                step("resolved resolved")
            ]
        );
    });
}

#[test]
fn forty_names_with_a_ttl_of_a_day_are_one_incident_of_their_zone() {
    lab::test(async || {
        let plan = LabPlan {
            dialers: Zone::dialers(86400),
            ..LabPlan::default()
        };
        let lab = Lab::start(plan).await;
        let names = r#"["dialer{1..40}.example.com"]"#;
        let mut auditor = Auditor::start(&lab, names, QUICK).await;
        for report in auditor.rounds(3).await {
            assert_eq!(states(&report), [(State::Consistent, 40 * 2 * 4)]);
        }
        let servers = "ns1.example.com ns2.example.com";
        let opened =
            format!("opened open warning authority ttl_above_policy: 40 names A AAAA at {servers}");
        assert_eq!(auditor.lines().await, [opened]);
        let incidents = auditor.incidents().await;
        let subjects: Vec<_> = incidents.iter().map(|one| &*one.subject).collect();
        assert_eq!(subjects, ["example.com"]);
        assert_eq!(auditor.slack().await.len(), 1);
    });
}
