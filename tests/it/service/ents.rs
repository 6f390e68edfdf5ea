//! Names that hold nothing and have names below: right servers, and one that denies them.

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use dns_auditor::{
    audit::{finding::FindingKind, verdict::State},
    metrics::RoundReport,
};
use hickory_proto::{op::ResponseCode, rr::RecordType};

use super::auditor::{Auditor, QUICK, sketch, states, verdict};
use crate::{
    dns::{self, DnsServer, Fault, Reply, Script},
    lab::{self, Lab, LabPlan, Make, Zone, dig},
};

/// Two names below one that is empty, and two that exist by a wildcard alone.
const NAMES: &str = r#"["dialer{1..2}.eu.example.com", "phone{1..2}.any.example.com"]"#;

fn zone() -> Zone {
    let mut zone = Zone::new("example.com");
    zone.negative_ttl = 1;
    for n in 1..=2 {
        zone.add(&format!("dialer{n}.eu"), 1, "A", &format!("192.0.2.{n}"));
    }
    zone.add("*.any", 1, "A", "192.0.2.9");
    zone
}

#[test]
fn servers_that_know_their_empty_names_and_wildcards_are_never_told() {
    lab::test(async || {
        let plan = LabPlan {
            dialers: zone(),
            ..LabPlan::default()
        };
        let lab = Lab::start(plan).await;
        let mut auditor = Auditor::start(&lab, NAMES, QUICK).await;
        for report in auditor.rounds(4).await {
            let calm = [(State::Consistent, 4 * 2 * 4)];
            assert_eq!(states(&report), calm, "{}", sketch(&report));
            assert_eq!(report.findings, []);
            // Four names of two types at four resolvers and two servers; the SOA record, and both empty names, at the latter.
            assert_eq!(report.observations, 4 * 2 * (4 + 2) + 3 * 2);
        }
        assert_eq!(auditor.lines().await, Vec::<String>::new());
    });
}

#[test]
fn a_server_that_denies_an_empty_name_is_told_and_named_as_the_cause_where_a_resolver_believes_it()
{
    lab::test(async || {
        let plan = LabPlan {
            recursors: vec![Make::PdnsRecursor],
            // A denial ends everything below (RFC 8020), in zones that are not signed, too.
            settings: "--nothing-below-nxdomain=yes",
            dialers: zone(),
            ..LabPlan::default()
        };
        let mut lab = Lab::start(plan).await;
        let settings = format!("{QUICK}types = [\"A\"]");
        let names = r#"["dialer{1..2}.eu.example.com"]"#;
        let mut auditor = Auditor::start(&lab, names, &settings).await;
        auditor.settle().await;

        let mut wrong = Vec::new();
        for index in 0..2 {
            let authority = lab.authority(index);
            authority.stop();
            wrong.push(denying(authority.addr()).await);
        }
        // Somebody asks for the name between: by hand, or as a resolver behind it that goes down label by label (RFC 9156).
        let resolver = lab.resolver("pdns-recursor").addr();
        let is_denied = async || {
            let reply = dig::ask(resolver, "eu.example.com.", RecordType::A).await;
            reply.unwrap().rcode == ResponseCode::NXDomain
        };
        let until = Instant::now() + Duration::from_secs(20);
        while !is_denied().await {
            // What the right servers said of it may be kept for a second.
            assert!(Instant::now() < until, "the denial never came through");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let is_lost = |report: &RoundReport| {
            let lost = (State::NxdomainMismatch, 2);
            states(report).contains(&lost)
        };
        let mut reports = auditor.rounds_until("without both names", is_lost).await;
        // The finding is told after three.
        reports.extend(auditor.rounds(2).await);
        let last = &reports[reports.len() - 1];
        let cause = "says NXDOMAIN for eu.example.com above it, and a resolver may believe that of every name below (RFC 8020)";
        let believed = verdict(last, "dialer1.eu.example.com", "pdns-recursor");
        assert!(believed.reason.contains(cause), "{}", believed.reason);
        for report in &reports {
            let kinds: Vec<_> = report.findings.iter().map(|one| one.kind).collect();
            assert_eq!(kinds, [FindingKind::EntNxdomain], "{}", sketch(report));
        }
        let finding = &last.findings[0];
        assert_eq!(finding.authorities, ["ns1.example.com", "ns2.example.com"]);
        // The denial and what is below it, of each server.
        let shown = finding
            .observed
            .iter()
            .map(|one| (&*one.resolver, &*one.rcode));
        let shown: Vec<_> = shown.collect();
        let expected = ["ns1.example.com", "ns2.example.com"];
        let expected = expected.map(|name| [(name, "NXDOMAIN"), (name, "NOERROR")]);
        assert_eq!(shown, expected.concat());
        let found = "opened open warning authority ent_nxdomain: dialer1.eu.example.com dialer2.eu.example.com A at ns1.example.com ns2.example.com";
        let lines = auditor.lines().await;
        assert!(lines.contains(&found.to_owned()), "{lines:#?}");
        for name in ["dialer1", "dialer2"] {
            let opened = format!(
                "opened open critical name nxdomain_mismatch: {name}.eu.example.com A at pdns-recursor"
            );
            assert!(lines.contains(&opened), "{lines:#?}");
        }
        assert_eq!(lines.len(), 3, "{lines:#?}");

        for server in &wrong {
            server.edit(Script::clear_faults);
        }
        for name in ["eu", "dialer1.eu", "dialer2.eu"] {
            lab.flush("pdns-recursor", name).await;
        }
        auditor.rounds_until_resolved().await;
        let lines = auditor.lines().await;
        let ended = lines.iter().filter(|line| line.starts_with("resolved"));
        assert_eq!((lines.len(), ended.count()), (9, 3), "{lines:#?}");
    });
}

/// A server in the place of another that has the same names, and denies the one that is empty.
async fn denying(at: SocketAddr) -> DnsServer {
    let zone = dns::Zone::new(
        "example.com",
        "
        @          3600 SOA ns1.example.com. host.example.com. 1 7200 900 1209600 10
        @          3600 NS  ns1.example.com.
        @          3600 NS  ns2.example.com.
        dialer1.eu 1    A   192.0.2.1
        dialer2.eu 1    A   192.0.2.2
        ",
    );
    let deny = Fault::Custom(Arc::new(|_, mut reply| {
        reply.metadata.response_code = ResponseCode::NXDomain;
        vec![Reply::message(&reply)]
    }));
    let script = Script::authority()
        .zone(zone)
        .with(deny.on("eu.example.com"));
    DnsServer::start_at(&at.to_string(), script).await
}
