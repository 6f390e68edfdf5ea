//! Somebody on the way answers in place of authoritative servers: real packets, as a resolver would send them.

use std::{sync::Arc, time::Duration};

use dns_auditor::{
    audit::{
        finding::FindingKind,
        verdict::{State, VerdictFlag},
    },
    types::Severity,
};

use crate::{
    clocked::{Clocked, Judged},
    dns::{DnsServer, Fault, Reply, Script, Zone},
};

const NAME: &str = "dialer1.example.com";

const RECORDS: &str = "
@       3600 SOA ns1.example.com. host.example.com. 7 7200 900 1209600 60
@       3600 NS  ns1.example.com.
dialer1 60   A   192.0.2.1
";

/// A reply as a resolver gives it: AA=0, RA=1.
fn as_a_resolver() -> Fault {
    Fault::Custom(Arc::new(|_, mut reply| {
        reply.metadata.authoritative = false;
        reply.metadata.recursion_available = true;
        vec![Reply::message(&reply)]
    }))
}

fn kinds(round: &Judged) -> Vec<(FindingKind, Severity)> {
    let findings = round.findings.iter();
    findings.map(|one| (one.kind, one.severity)).collect()
}

#[tokio::test]
async fn a_path_that_somebody_intercepts_is_found_and_what_comes_over_it_is_not_judged() {
    let zone = || Script::authority().zone(Zone::new("example.com", RECORDS));
    let (one, other) = (
        DnsServer::start(zone()).await,
        DnsServer::start(zone()).await,
    );
    let resolver = DnsServer::start(Script::cache(&one)).await;
    let mut group = Clocked::new(&format!(
        "[authority]\nroot_hints = ['{nowhere}']\n\
         [[resolver]]\nid = 'r'\naddress = '{}'\nsingle_cache = true\n\
         [[group]]\nname = 'g'\nnames = ['{NAME}']\ntypes = ['A']\nresolvers = ['r']\n\
         authorities = ['{}', '{}']\ntimeout = '200ms'\n",
        resolver.address(),
        one.address(),
        other.address(),
        nowhere = crate::dns::closed_address().await,
    ));
    let well = group.round().await;
    assert_eq!(well.verdicts[0].state, State::Consistent);
    assert_eq!(kinds(&well), []);

    // One server that answers so has a fault of its own.
    one.edit(|script| script.fault(as_a_resolver()));
    group.advance(Duration::from_mins(1));
    let lame = group.round().await;
    assert_eq!(
        kinds(&lame),
        [(FindingKind::LameAuthority, Severity::Warning)]
    );
    assert_eq!(lame.verdicts[0].state, State::Consistent);

    // All of them: nobody is heard, and a lie is held against nobody.
    other.edit(|script| script.fault(as_a_resolver()));
    resolver.edit(|script| script.plant(NAME, "A", 86_400, &["198.51.100.66"]));
    group.advance(Duration::from_mins(1));
    let taken_over = group.round().await;
    let verdict = &taken_over.verdicts[0];
    assert_eq!(verdict.observed.records, ["198.51.100.66"]);
    assert_eq!(verdict.state, State::Unknown, "{}", verdict.reason);
    assert_eq!(verdict.flags, [VerdictFlag::PathIntercepted]);
    assert_eq!(
        kinds(&taken_over),
        [(FindingKind::PathIntercepted, Severity::Critical)]
    );

    // The path is free again. Nobody knows what was served meanwhile, so that the resolver may have it from there.
    for server in [&one, &other] {
        server.edit(Script::clear_faults);
    }
    group.advance(Duration::from_mins(1));
    let free = group.round().await;
    assert_eq!(kinds(&free), []);
    let verdict = &free.verdicts[0];
    assert_eq!(verdict.state, State::Unexplained, "{}", verdict.reason);
}
