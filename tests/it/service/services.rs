//! A service record: what it leads to is watched as names of their own.

use dns_auditor::{audit::verdict::State, metrics::RoundReport};

use super::auditor::{Auditor, QUICK, sketch, state_of, states};
use crate::lab::{self, Lab, LabPlan, Zone};

const SERVICE: &str = r#"["_sip._udp.example.com"]"#;

#[test]
fn an_address_behind_a_service_record_is_watched_from_the_next_round_and_told_with_its_service() {
    lab::test(async || {
        let mut dialers = Zone::dialers(300);
        for (priority, host) in [(10, "dialer7"), (20, "dialer8")] {
            let data = format!("{priority} 0 5060 {host}.example.com.");
            dialers.add("_sip._udp", 2, "SRV", &data);
        }
        let plan = LabPlan {
            dialers,
            ..LabPlan::default()
        };
        let mut lab = Lab::start(plan).await;
        let settings = format!("{QUICK}types = [\"SRV\"]\n");
        let mut auditor = Auditor::start(&lab, SERVICE, &settings).await;
        let first = auditor.round().await;
        assert_eq!(
            states(&first),
            [(State::Consistent, 4)],
            "{}",
            sketch(&first)
        );
        // The record at four resolvers, and two hosts of two types.
        let second = auditor.round().await;
        let all = [(State::Consistent, 4 + 2 * 2 * 4)];
        assert_eq!(states(&second), all, "{}", sketch(&second));

        lab.plant("unbound", "dialer7", "198.51.100.66", 8).await;
        let report = auditor.round().await;
        let opened = "opened open critical name divergent: dialer7.example.com A at unbound";
        assert_eq!(auditor.lines().await, [opened], "{}", sketch(&report));
        let found = report
            .verdicts
            .iter()
            .find(|one| one.state == State::Divergent);
        let reason = &found.unwrap().reason;
        assert!(
            reason.ends_with("; it serves _sip._udp.example.com SRV"),
            "{reason}"
        );

        // The inventory shows them, each with what led there.
        let names = auditor.command(&["names", "--format", "csv"]).await;
        for host in ["dialer7", "dialer8"] {
            let line = names.lines().find(|line| line.starts_with(host));
            let line = line.unwrap_or_else(|| panic!("{host} is not shown:\n{names}"));
            assert!(line.ends_with(",_sip._udp.example.com SRV"), "{line}");
            assert!(line.contains(",A AAAA,"), "{line}");
        }

        // The record moves away from the host: nobody asks for it any more once no cache holds the record as it was.
        lab.edit(|zone| {
            zone.remove("_sip._udp");
            zone.add("_sip._udp", 2, "SRV", "10 0 5060 dialer8.example.com.");
        })
        .await;
        let asks_for = |report: &RoundReport, name: &str| {
            let mut verdicts = report.verdicts.iter();
            verdicts.any(|one| one.question.name.as_str() == name)
        };
        let is_left = |report: &RoundReport| !asks_for(report, "dialer7.example.com");
        let reports = auditor
            .rounds_until("without the host that was left", is_left)
            .await;
        let last = reports.last().unwrap();
        assert_eq!(
            state_of(last, "dialer8.example.com", "unbound"),
            State::Consistent
        );
    });
}
