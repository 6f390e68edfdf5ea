//! One resolver says what no authority ever said: one incident, told within the round that saw it.

use chrono::{DateTime, TimeDelta, Utc};
use dns_auditor::audit::verdict::State;
use serde_json::{Value, json};

use super::auditor::{Auditor, QUICK, sketch, state_of, states, verdict};
use crate::lab::{self, Lab, LabPlan};

const TEN: &str = r#"["dialer{5..14}.example.com"]"#;

/// A calm round: ten names of two types at four resolvers and two authoritative servers, and the zone's SOA
/// record at both.
const OBSERVATIONS: usize = 10 * 2 * (4 + 2) + 2;

fn instant(value: &Value) -> DateTime<Utc> {
    value.as_str().unwrap().parse().unwrap()
}

#[test]
fn a_wrong_address_in_one_resolver_is_one_incident_told_within_its_round_and_ends_when_it_is_gone()
{
    lab::test(async || {
        let mut lab = Lab::start(LabPlan::default()).await;
        let mut auditor = Auditor::start(&lab, TEN, QUICK).await;
        auditor.settle().await;

        lab.plant("unbound", "dialer7", "198.51.100.66", 8).await;
        let began = Utc::now();
        let report = auditor.round().await;
        let ended = Utc::now();
        let opened = "opened open critical name divergent: dialer7.example.com A at unbound";
        assert_eq!(auditor.lines().await, [opened], "{}", sketch(&report));
        let bad = [(State::Divergent, 1), (State::Consistent, 10 * 2 * 4 - 1)];
        assert_eq!(states(&report), bad, "{}", sketch(&report));
        // Asked again in the same round: the resolver twice, both authoritative servers once.
        assert_eq!(report.observations, OBSERVATIONS + 2 + 2);

        let told = &auditor.told().await[0].incident;
        let right = json!({"kind": "authority", "records": ["192.0.2.7"], "ttl": 300});
        assert_eq!(told["baseline"], right);
        let observed = told["observed"].as_array().unwrap();
        assert_eq!(observed.len(), 1, "{told:#}");
        let seen = &observed[0];
        for (key, value) in [
            ("vantage", json!("lab")),
            ("resolver", json!("unbound")),
            ("name", json!("dialer7.example.com")),
            ("records", json!(["198.51.100.66"])),
            ("rcode", json!("NOERROR")),
            ("ttl", json!(8)),
            ("site", json!("unbound-1")),
        ] {
            assert_eq!(seen[key], value, "{key}");
        }
        assert_eq!(
            instant(&seen["cached_until"]) - instant(&seen["at"]),
            TimeDelta::seconds(8)
        );
        let confirmed = instant(&told["confirmed_at"]);
        assert!(began <= instant(&told["opened_at"]) && confirmed <= ended);
        let slack = &auditor.slack().await[0];
        for part in ["198.51.100.66", "192.0.2.7", "unbound", "Cached until"] {
            assert!(slack.contains(part), "no {part} in {slack}");
        }

        auditor.rounds(2).await;
        assert_eq!(auditor.lines().await, [opened]);
        lab.unplant("unbound", "dialer7").await;
        for report in auditor.rounds(3).await {
            assert_eq!(states(&report), [(State::Consistent, 10 * 2 * 4)]);
        }
        let recovering =
            "updated recovering critical name divergent: dialer7.example.com A at unbound";
        assert_eq!(auditor.lines().await, [opened, recovering]);
        auditor.rounds_until_resolved().await;
        let resolved =
            "resolved resolved critical name divergent: dialer7.example.com A at unbound";
        assert_eq!(auditor.lines().await, [opened, recovering, resolved]);
        assert_eq!(auditor.incidents().await.len(), 1);
    });
}

#[test]
fn a_poisoned_target_of_an_alias_is_divergent_by_that_link_and_cached_until_the_cache_lets_go() {
    lab::test(async || {
        let mut lab = Lab::start(LabPlan::default()).await;
        let names = r#"["dialer{35..39}.example.com"]"#;
        let mut auditor = Auditor::start(&lab, names, QUICK).await;
        auditor.settle().await;

        let poisoned = Utc::now();
        let unbound = lab.resolver("unbound");
        unbound
            .poison("edge36.example.net.", "198.51.100.66", 8)
            .await;
        let report = auditor.round().await;
        let opened = "opened open critical name divergent: dialer36.example.com A at unbound";
        assert_eq!(auditor.lines().await, [opened], "{}", sketch(&report));
        let wrong = verdict(&report, "dialer36.example.com", "unbound");
        assert_eq!(wrong.link.as_ref().unwrap().as_str(), "edge36.example.net");
        assert_eq!(wrong.observed.records, ["198.51.100.66"]);
        let right = wrong.baseline.as_ref().unwrap();
        assert_eq!(right.records, ["203.0.113.36"]);
        let told = &auditor.told().await[0].incident;
        assert_eq!(told["baseline"]["records"], json!(["203.0.113.36"]));
        // A cache counts down: whenever it is asked, the end is the same.
        let cached = instant(&told["observed"][0]["cached_until"]) - poisoned;
        let expected = TimeDelta::seconds(6)..=TimeDelta::seconds(10);
        assert!(expected.contains(&cached), "{cached}");

        auditor.rounds_until_resolved().await;
        assert_eq!(
            auditor.lines().await,
            [
                opened,
                "updated recovering critical name divergent: dialer36.example.com A at unbound",
                "resolved resolved critical name divergent: dialer36.example.com A at unbound",
            ]
        );
    });
}

#[test]
fn a_denial_by_one_resolver_is_a_mismatch_of_its_own_and_a_flushed_one_is_no_incident() {
    lab::test(async || {
        let mut lab = Lab::start(LabPlan::default()).await;
        let settings = format!("{QUICK}types = [\"A\"]");
        let mut auditor = Auditor::start(&lab, TEN, &settings).await;
        auditor.settle().await;

        lab.deny("unbound", "dialer9").await;
        let report = auditor.round().await;
        let state = state_of(&report, "dialer9.example.com", "unbound");
        assert_eq!(state, State::NxdomainMismatch, "{}", sketch(&report));
        let opened =
            "opened open critical name nxdomain_mismatch: dialer9.example.com A at unbound";
        assert_eq!(auditor.lines().await, [opened]);
        lab.unplant("unbound", "dialer9").await;
        auditor.rounds_until_resolved().await;
        assert_eq!(
            auditor.lines().await,
            [
                opened,
                "updated recovering critical name nxdomain_mismatch: dialer9.example.com A at unbound",
                "resolved resolved critical name nxdomain_mismatch: dialer9.example.com A at unbound",
            ]
        );
    });
}

#[test]
fn a_name_deleted_at_its_authorities_is_missing_whether_caches_still_hold_it_or_not() {
    lab::test(async || {
        let mut lab = Lab::start(LabPlan::default()).await;
        let mut auditor = Auditor::start(&lab, TEN, QUICK).await;
        auditor.settle().await;

        let before = lab.authority(0).zone().clone();
        lab.edit(|zone| zone.remove("dialer9")).await;
        let report = auditor.round().await;
        let held = states(&report);
        let expected = [(State::Consistent, 9 * 2 * 4), (State::Propagating, 2 * 4)];
        assert_eq!(held, expected, "{}", sketch(&report));
        let opened = "opened open warning name name_missing: dialer9.example.com A AAAA at ns1.example.com ns2.example.com";
        assert_eq!(auditor.lines().await, [opened], "{}", sketch(&report));
        for (id, ..) in lab.resolvers() {
            lab.flush(id, "dialer9").await;
        }
        for report in auditor.rounds(2).await {
            let all = [(State::Consistent, 10 * 2 * 4)];
            assert_eq!(states(&report), all, "{}", sketch(&report));
        }
        assert_eq!(auditor.lines().await, [opened]);

        lab.edit(|zone| {
            let serial = zone.serial;
            *zone = before.clone();
            zone.serial = serial;
        })
        .await;
        auditor.rounds_until_resolved().await;
        assert_eq!(
            auditor.lines().await,
            [
                opened,
                "updated recovering warning name name_missing: dialer9.example.com A AAAA at ns1.example.com ns2.example.com",
                "resolved resolved warning name name_missing: dialer9.example.com A AAAA at ns1.example.com ns2.example.com",
            ]
        );
    });
}
