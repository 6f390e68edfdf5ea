//! SOA records: servers that lag behind, and what a denial will cost.

use chrono::{DateTime, Utc};

use crate::{
    audit::{
        finding::{FindingKind, Subject},
        testing::{GOOD, NAME, Reply, Scene, a, at, data, question, rrset, says},
    },
    types::{Question, RecordType, Serials, Severity, Source, SourceKind},
};

const APEX: &str = "example.com";

/// The record with this serial, which says 300 s of denials.
fn soa(primary: &str, serial: u32) -> Reply {
    let record = format!("{primary} host.example.com {serial} 7200 300 1209600 300");
    data().link(APEX, rrset(&[&record]), 3_600)
}

fn scene() -> Scene {
    let mut scene = Scene::new();
    scene.targets = vec![question(APEX, RecordType::SOA)];
    scene
}

/// The servers' replies for the SOA record, by server and instant; every other answer is right.
fn zone_with(
    of: impl Fn(&str, DateTime<Utc>) -> Reply,
) -> impl Fn(&Source, &Question, DateTime<Utc>) -> Reply {
    move |source, asked, now| match (source.kind, asked.rtype) {
        (SourceKind::Authority, RecordType::SOA) => of(&source.id, now),
        _ => a(&[GOOD], 60),
    }
}

/// The minutes from 10:00 to 10:29 whose rounds tell of a lag, and of whom; after a restart likewise.
fn lagging(scene: &mut Scene, of: impl Fn(&str, DateTime<Utc>) -> Reply) -> Vec<(i64, String)> {
    let world = zone_with(of);
    let mut told = Vec::new();
    for minute in 0..30 {
        let now = at("10:00") + chrono::TimeDelta::minutes(minute);
        let findings = scene.round(now, &world).findings;
        let lags = findings
            .iter()
            .filter(|one| one.kind == FindingKind::SerialLag);
        told.extend(lags.map(|one| (minute, one.authorities.join(" "))));
        *scene = scene.restarted();
    }
    told
}

/// From this minute on, until the last.
fn from(minute: i64, server: &str) -> Vec<(i64, String)> {
    (minute..30).map(|one| (one, server.to_owned())).collect()
}

#[test]
fn a_server_behind_for_more_than_300_s_is_told() {
    let of = |server: &str, now: DateTime<Utc>| match server {
        "ns1" if now >= at("10:02") => soa("ns1", 8),
        _ => soa("ns1", 7),
    };
    assert_eq!(lagging(&mut scene(), of), from(7, "ns2"));
    let mut ignoring = scene();
    ignoring.policy.serials = Serials::Ignore;
    assert_eq!(lagging(&mut ignoring, of), []);
    // A round is judged two seconds after its beginning.
    for (begins, told) in [("10:06:58", 0), ("10:06:59", 1)] {
        let mut scene = scene();
        scene.run("10:00", "10:06", &zone_with(of));
        let round = scene.round(at(begins), &zone_with(of));
        assert_eq!(round.findings.len(), told, "{begins}");
    }
}

#[test]
fn the_finding_names_server_serials_and_since_when() {
    let mut scene = scene();
    let of =
        |server: &str, _: DateTime<Utc>| soa("ns1", if server == "ns1" { u32::MAX } else { 0 });
    let round = scene.run("10:00", "10:07", &zone_with(of)).unwrap();
    let finding = round.finding(FindingKind::SerialLag);
    // Past the end of the circle 0 is the newer one (RFC 1982).
    let reason = "ns1 (192.0.2.1) serves example.com with serial 4294967295; another server has 0, and something newer \
                  since 2020-08-30T10:00:00Z, more than 300 s ago";
    assert_eq!(finding.reason, reason);
    assert_eq!(finding.severity, Severity::Warning);
    assert!(matches!(&finding.subject, Subject::Server { name, .. } if name == "ns1"));
    assert_eq!(finding.questions, [question(NAME, RecordType::A)]);
    assert_eq!(finding.observed.len(), 2);
}

#[test]
fn a_server_that_is_always_a_little_late_is_fine_and_one_that_is_always_very_late_is_not() {
    let late = |minutes: u32| {
        move |server: &str, now: DateTime<Utc>| {
            let minute = u32::try_from((now - at("09:00")).num_minutes()).unwrap();
            soa(
                "ns1",
                if server == "ns1" {
                    minute
                } else {
                    minute - minutes
                },
            )
        }
    };
    assert_eq!(lagging(&mut scene(), late(2)), []);
    // It moves on every minute, and has never had what is older than 300 s.
    assert_eq!(lagging(&mut scene(), late(8)), from(5, "ns2"));
}

#[test]
fn a_zone_that_begins_its_serials_anew_is_behind_nobody() {
    let both =
        |_: &str, now: DateTime<Utc>| soa("ns1", if now < at("10:05") { 2_026_112_601 } else { 1 });
    assert_eq!(lagging(&mut scene(), both), []);
    // One server alone: it is behind since it stepped back.
    let one = |server: &str, now: DateTime<Utc>| {
        let is_back = server == "ns1" && now >= at("10:05");
        soa("ns1", if is_back { 1 } else { 2_026_112_601 })
    };
    assert_eq!(lagging(&mut scene(), one), from(10, "ns1"));
}

#[test]
fn servers_of_different_primaries_have_nothing_to_compare() {
    let of = |server: &str, _: DateTime<Utc>| soa(server, if server == "ns1" { 9 } else { 1 });
    assert_eq!(lagging(&mut scene(), of), []);
}

#[test]
fn a_server_without_an_soa_record_or_without_an_answer_lags_behind_nobody() {
    for reply in [Reply::silence(), data()] {
        let of = |server: &str, _: DateTime<Utc>| match server {
            "ns1" => soa("ns1", 9),
            _ => reply.clone(),
        };
        assert_eq!(lagging(&mut scene(), of), []);
    }
}

#[test]
fn one_that_falls_silent_is_told_as_that_alone() {
    let of = |server: &str, now: DateTime<Utc>| match server {
        "ns1" => soa("ns1", 9),
        _ if now < at("10:08") => soa("ns1", 8),
        _ => Reply::silence(),
    };
    let told: Vec<_> = lagging(&mut scene(), of)
        .into_iter()
        .map(|(minute, _)| minute)
        .collect();
    assert_eq!(told, [5, 6, 7]);
}

#[test]
fn a_server_that_knows_its_soa_and_no_name_is_as_lame_as_before() {
    let world = |source: &Source, asked: &Question, now: DateTime<Utc>| match &*source.id {
        "ns2" if asked.rtype != RecordType::SOA => Reply::rcode(crate::types::Rcode::REFUSED),
        _ => zone_with(|_, _| soa("ns1", 7))(source, asked, now),
    };
    let round = scene().round(at("10:00"), &world);
    assert_eq!(round.kinds(), [FindingKind::LameAuthority]);
}

/// The TTL that the SOA record promises of denials is `ttl` and `minimum` at most.
fn promises(ttl: u32, minimum: u32) -> Vec<FindingKind> {
    let record = format!("ns1 host.example.com 7 7200 300 1209600 {minimum}");
    let of = move |_: &str, _: DateTime<Utc>| data().link(APEX, rrset(&[&record]), ttl);
    scene().round(at("10:00"), &zone_with(of)).kinds()
}

#[test]
fn a_long_denial_is_told_before_there_is_one() {
    let told = [FindingKind::NegativeTtlAbovePolicy];
    assert_eq!(promises(301, 301), told);
    assert_eq!(promises(3_600, 300), []);
    assert_eq!(promises(300, 3_600), []);
}

#[test]
fn the_finding_of_a_long_denial_says_what_the_soa_record_says() {
    let of = |_: &str, _: DateTime<Utc>| {
        let record = "ns1 host.example.com 7 7200 300 1209600 900";
        data().link(APEX, rrset(&[record]), 3_600)
    };
    let round = scene().round(at("10:00"), &zone_with(of));
    let finding = round.finding(FindingKind::NegativeTtlAbovePolicy);
    let reason = "zone example.com: a denial may be cached for 900 s, min(SOA TTL, SOA MINIMUM); the limit is 300 s";
    assert_eq!(finding.reason, reason);
    assert_eq!(finding.questions, [question(NAME, RecordType::A)]);
    assert_eq!(finding.authorities, ["ns1", "ns2"]);
    // Without the SOA record nothing is known.
    let silent = Scene::new().round(at("10:00"), &says(a(&[GOOD], 60), a(&[GOOD], 60)));
    assert_eq!(silent.findings, []);
}
