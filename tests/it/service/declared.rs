//! What people declare, on a lab of real servers: a planned change is silent, one that nobody declared is told, a bad push
//! is told although everything agrees, and a noted flush ends an incident before its instant.

use chrono::{DateTime, Utc};
use dns_auditor::audit::verdict::State;

use super::auditor::{Auditor, QUICK, assert_calm, sketch, states};
use crate::lab::{self, Lab, LabPlan, Zone};

const TEN: &str = r#"["dialer{5..14}.example.com"]"#;

/// The steps of a finding on a name's A record at both name servers.
fn told(step: &str, severity: &str, finding: &str) -> String {
    format!(
        "{step} {severity} name {finding}: dialer7.example.com A at ns1.example.com ns2.example.com"
    )
}

#[test]
fn a_declared_change_is_silent_and_one_that_nobody_declared_is_told() {
    lab::test(async || {
        let mut lab = Lab::start(LabPlan {
            dialers: Zone::dialers(5),
            ..LabPlan::default()
        })
        .await;
        let settings = format!("{QUICK}types = [\"A\"]\nunexpected_change = \"warning\"\n");
        let mut auditor = Auditor::start(&lab, TEN, &settings).await;
        auditor.settle().await;

        let change = ["change", "declare", "dialer7.example.com"];
        let to = ["--type", "A", "--to", "192.0.2.77", "--by", "anna"];
        auditor.command(&[&change[..], &to].concat()).await;
        lab.change("dialer7", &["192.0.2.77"]).await;
        let done = auditor
            .rounds_until("all new", |report| {
                states(report) == [(State::Consistent, 10 * 4)]
            })
            .await;
        for report in &done {
            assert!(report.findings.is_empty(), "{}", sketch(report));
        }
        assert_eq!(auditor.lines().await, Vec::<String>::new());
        let listed = auditor.command(&["change", "list"]).await;
        assert!(listed.contains("at the authority since"), "{listed}");

        lab.change("dialer7", &["192.0.2.78"]).await;
        auditor
            .rounds_until("told", |report| !report.transitions.is_empty())
            .await;
        let opened = told("opened open", "warning", "unexpected_change");
        assert_eq!(auditor.lines().await, [opened]);
    });
}

#[test]
fn a_bad_push_is_one_critical_incident_although_every_resolver_agrees() {
    lab::test(async || {
        let mut lab = Lab::start(LabPlan {
            dialers: Zone::dialers(5),
            ..LabPlan::default()
        })
        .await;
        let settings = format!("{QUICK}types = [\"A\"]\nexpect = [\"192.0.2.0/24\"]\n");
        let mut auditor = Auditor::start(&lab, TEN, &settings).await;
        auditor.settle().await;

        lab.change("dialer7", &["198.51.100.7"]).await;
        let reports = auditor
            .rounds_until("all wrong", |report| {
                states(report) == [(State::Consistent, 10 * 4)] && !report.findings.is_empty()
            })
            .await;
        let opened = told("opened open", "critical", "expected_mismatch");
        assert_eq!(auditor.lines().await, [opened.as_str()]);
        let last = &reports[reports.len() - 1].findings;
        assert_eq!(last.len(), 1, "{last:?}");
        assert_eq!(
            last[0].reason,
            "dialer7.example.com A: the authority itself serves 198.51.100.7 at dialer7.example.com, which `expect` does \
             not declare"
        );

        lab.change("dialer7", &["192.0.2.7"]).await;
        auditor.rounds_until_resolved().await;
        let recovering = told("updated recovering", "critical", "expected_mismatch");
        let resolved = told("resolved resolved", "critical", "expected_mismatch");
        assert_eq!(auditor.lines().await, [opened, recovering, resolved]);
        let calm = auditor.round().await;
        assert_calm(&calm);
    });
}

#[test]
fn a_noted_flush_ends_an_incident_that_would_have_lasted_for_a_day() {
    lab::test(async || {
        let mut lab = Lab::start(LabPlan::default()).await;
        let mut auditor = Auditor::start(&lab, TEN, QUICK).await;
        auditor.settle().await;
        lab.plant("unbound", "dialer7", "198.51.100.66", 86_400)
            .await;
        auditor.round().await;
        let line = |step: &str| {
            format!("{step} critical name divergent: dialer7.example.com A at unbound")
        };
        assert_eq!(auditor.lines().await, [line("opened open")]);

        lab.unplant("unbound", "dialer7").await;
        lab.flush("unbound", "dialer7").await;
        // Clean samples alone end nothing that may be cached for a day: another backend may hold it still.
        auditor.rounds(4).await;
        let recovering = [line("opened open"), line("updated recovering")];
        assert_eq!(auditor.lines().await, recovering);

        let note = [
            "flush",
            "note",
            "unbound",
            "dialer7.example.com",
            "--at=-2s",
        ];
        auditor.command(&note).await;
        auditor.rounds_until_resolved().await;
        let told = auditor.told().await;
        let resolved = &told[told.len() - 1];
        assert_eq!(resolved.line(), line("resolved resolved"));
        let until = resolved.incident["observed"][0]["cached_until"].as_str();
        let until: DateTime<Utc> = until.unwrap().parse().unwrap();
        assert!(Utc::now() < until, "over at {until} anyhow");
        let id = resolved.incident["id"].as_str().unwrap();
        let shown = auditor.command(&["incidents", "show", id]).await;
        assert!(
            shown.contains("and clean since wherever it was bad"),
            "{shown}"
        );
        assert!(
            shown.contains("flush of dialer7.example.com at unbound"),
            "{shown}"
        );
    });
}
