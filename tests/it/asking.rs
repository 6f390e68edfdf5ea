//! One audit of a group as `check` makes it, on scripted servers: what is asked, whom, and what is asked again.
//!
//! Deliberately absent: incidents and history over rounds.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use hickory_proto::rr::rdata::opt::EdnsCode;

use crate::dns::{DnsServer, Fault, Query, Reply, Script, Zone};
use dns_auditor::{
    audit::verdict::{State, Verdict},
    config::{Group, load},
    daemon,
    evaluator::{Audit, audit_once},
    types::Severity,
};

const RECORDS: &str = "
@       3600 SOA ns1.example.com. host.example.com. 7 7200 900 1209600 300
@       3600 NS  ns1.example.com.
dialer1 300  A   192.0.2.1
dialer2 300  CNAME lb.example.com.
lb      300  A   192.0.2.9
";

/// Audits `name` A with these servers; the root hints lead nowhere.
async fn audit(name: &str, authority: &DnsServer, resolver: &DnsServer) -> Vec<Verdict> {
    let one = [("", resolver)];
    audit_with(name, authority, &one, "").await
}

/// Audits these names' A with these servers, each resolver under its own keys, and keys of the group.
async fn audit_with(
    names: &str,
    authority: &DnsServer,
    resolvers: &[(&str, &DnsServer)],
    settings: &str,
) -> Vec<Verdict> {
    audit_group(names, authority, resolvers, settings)
        .await
        .verdicts
}

/// [`audit_with`], and everything else that was found.
async fn audit_group(
    names: &str,
    authority: &DnsServer,
    resolvers: &[(&str, &DnsServer)],
    settings: &str,
) -> Audit {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("auditor.toml");
    let ids: Vec<_> = (0..resolvers.len()).map(|nth| format!("r{nth}")).collect();
    let tables = ids.iter().zip(resolvers).map(|(id, (keys, server))| {
        format!(
            "[[resolver]]\nid = '{id}'\naddress = '{}'\nsingle_cache = true\n{keys}\n",
            server.address()
        )
    });
    let text = format!(
        "[authority]\nroot_hints = ['{nowhere}']\n{tables}\
         [[group]]\nname = 'g'\nnames = ['{names}']\ntypes = ['A']\nresolvers = {ids:?}\n\
         authorities = ['{authority}']\ntimeout = '200ms'\n{settings}\n",
        nowhere = crate::dns::closed_address().await,
        tables = tables.collect::<String>(),
        authority = authority.address(),
    );
    std::fs::write(&file, text).unwrap();
    let config = load(Some(&file), &BTreeMap::new()).unwrap();
    let group: &Arc<Group> = &config.groups[0];
    audit_once(&daemon::asker(&config).unwrap(), group).await
}

async fn authority() -> DnsServer {
    DnsServer::start(Script::authority().zone(Zone::new("example.com", RECORDS))).await
}

fn states(verdicts: &[Verdict]) -> Vec<(State, Severity)> {
    verdicts
        .iter()
        .map(|verdict| (verdict.state, verdict.severity))
        .collect()
}

#[tokio::test]
async fn an_alias_within_the_configured_servers_zone_is_asked_of_them_and_not_of_the_root() {
    let authority = authority().await;
    // As an authority that follows no alias: the target must be asked for by itself.
    authority.edit(|script| {
        script.fault(
            Fault::Custom(Arc::new(|query, mut reply| {
                reply
                    .answers
                    .retain(|record| record.name.to_ascii().starts_with(&query.name));
                vec![Reply::message(&reply)]
            }))
            .on("dialer2.example.com"),
        );
    });
    let resolver = DnsServer::start(Script::cache(&authority)).await;
    let verdicts = audit("dialer2.example.com", &authority, &resolver).await;
    assert_eq!(states(&verdicts), [(State::Consistent, Severity::None)]);
    assert_eq!(verdicts[0].observed.records, ["192.0.2.9"]);
    assert!(!authority.received_for("lb.example.com").is_empty());
}

#[tokio::test]
async fn the_questions_of_one_name_leave_at_one_moment_however_tight_a_limit_is() {
    let records = ["d1", "d2", "d3", "d4", "d5"].map(|name| format!("{name} 300 A 192.0.2.1"));
    let records = records.join("\n");
    let zone = Zone::new("example.com", &format!("{RECORDS}{records}"));
    let authority = DnsServer::start(Script::authority().zone(zone)).await;
    let slow = DnsServer::start(Script::cache(&authority)).await;
    let fast = DnsServer::start(Script::cache(&authority)).await;
    let resolvers = [("max_qps = 4", &slow), ("max_qps = 1000", &fast)];
    let verdicts = audit_with("d{1..5}.example.com", &authority, &resolvers, "").await;
    assert!(
        verdicts.iter().all(|one| one.state == State::Consistent),
        "{verdicts:?}"
    );
    let mut moments = Vec::new();
    for nth in 1..=5 {
        let name = format!("d{nth}.example.com");
        let sources = [&slow, &fast, &authority].map(|server| server.received_for(&name));
        // The walk to the zone asks for other types, before.
        let asked =
            |queries: &Vec<Query>| queries.iter().find(|query| query.rtype == 1).unwrap().at;
        let at: Vec<_> = sources.iter().map(asked).collect();
        let (first, last) = (*at.iter().min().unwrap(), *at.iter().max().unwrap());
        assert!(
            last - first < Duration::from_millis(100),
            "{name}: {:?}",
            last - first
        );
        moments.push(first);
    }
    moments.sort();
    for pair in moments.windows(2) {
        // A quarter of a second, less jitter.
        assert!(
            pair[1] - pair[0] > Duration::from_millis(150),
            "{:?}",
            pair[1] - pair[0]
        );
    }
    assert!(
        moments[4] - moments[0] < Duration::from_millis(1_400),
        "slower than it must be"
    );
}

#[tokio::test]
async fn what_is_said_beside_a_question_is_the_resolvers_own_word_before_its_groups() {
    let authority = authority().await;
    let resolver = DnsServer::start(Script::cache(&authority)).await;
    let other = DnsServer::start(Script::cache(&authority)).await;
    let resolvers = [
        (
            "checking_disabled = true\nrecursion_desired = true\necs = true",
            &resolver,
        ),
        ("", &other),
    ];
    audit_with(
        "dialer1.example.com",
        &authority,
        &resolvers,
        "recursion_desired = false\ndnssec = true",
    )
    .await;
    let said = |server: &DnsServer| {
        let queries = server.received_for("dialer1.example.com");
        let query = queries.iter().find(|query| query.rtype == 1).unwrap();
        let (header, edns) = (&query.message.metadata, query.message.edns.clone().unwrap());
        let octets = |code| Some(Vec::<u8>::try_from(edns.option(code)?).unwrap());
        (
            [header.recursion_desired, header.checking_disabled],
            edns.flags().dnssec_ok,
            octets(EdnsCode::Subnet),
            octets(EdnsCode::Cookie).is_some(),
        )
    };
    // Family IPv4, SOURCE PREFIX-LENGTH 0: whoever passes subnets on is told to hide ours.
    let hidden = Some(vec![0, 1, 0, 0]);
    assert_eq!(said(&resolver), ([true, true], true, hidden, false));
    assert_eq!(said(&other), ([false, false], true, None, false));
    assert_eq!(said(&authority), ([false, false], true, None, true));
}

#[tokio::test]
async fn a_cache_that_is_only_looked_at_and_holds_nothing_is_unknown() {
    let authority = authority().await;
    let resolver = DnsServer::start(Script::cache(&authority).with(Fault::Rcode(2))).await;
    let looked_at = [("recursion_desired = false", &resolver)];
    let verdicts = audit_with("dialer1.example.com", &authority, &looked_at, "").await;
    assert_eq!(states(&verdicts), [(State::Unknown, Severity::None)]);
    let received = resolver.received();
    assert_eq!(received.len(), 1, "nothing to be asked again");
    assert!(!received[0].message.metadata.recursion_desired);
}

/// SERVFAIL unless CD=1 is asked for: a validating resolver without extended errors.
fn validation_failure() -> Fault {
    Fault::Custom(Arc::new(|query, mut reply| {
        if !query.message.metadata.checking_disabled {
            reply.metadata.response_code = hickory_proto::op::ResponseCode::ServFail;
            reply.answers.clear();
        }
        vec![Reply::message(&reply)]
    }))
}

#[tokio::test]
async fn a_failure_is_asked_once_with_cd_1_and_that_reply_is_no_sample() {
    let authority = authority().await;
    let failing = DnsServer::start(Script::cache(&authority).with(validation_failure())).await;
    let audit = audit_group("dialer1.example.com", &authority, &[("", &failing)], "").await;
    // Nobody can tell it from a failure that is remembered, yet.
    assert_eq!(
        states(&audit.verdicts),
        [(State::Servfail, Severity::Warning)]
    );
    assert_eq!(audit.verdicts[0].samples.len(), 1);
    let asked: Vec<_> = failing.received();
    let checking: Vec<_> = asked
        .iter()
        .map(|query| query.message.metadata.checking_disabled)
        .collect();
    assert_eq!(checking, [false, true]);
    assert_eq!(
        audit
            .observations
            .iter()
            .filter(|one| one.source.id == "r0" && !one.is_aside())
            .count(),
        1
    );
}
