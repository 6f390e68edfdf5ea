//! Answers that are made for the asker: by a DNS64, and by authorities that look at client subnets. Scripted servers.

use std::{sync::Arc, time::Duration};

use dns_auditor::{
    audit::verdict::{State, Verdict},
    types::RecordType,
};
use hickory_proto::rr::{RData, Record, rdata::AAAA};

use crate::{
    clocked::Clocked,
    dns::{DnsServer, Fault, Reply, Script, Zone},
};

const RECORDS: &str = "
@       3600 SOA ns1.example.com. host.example.com. 7 7200 900 1209600 60
@       3600 NS  ns1.example.com.
dialer1 60   A   192.0.2.1
";

async fn group(authority: &DnsServer, resolver: &DnsServer, settings: &str) -> Clocked {
    Clocked::new(&format!(
        "[authority]\nroot_hints = ['{nowhere}']\n\
         [[resolver]]\nid = 'r'\naddress = '{}'\nsingle_cache = true\n\
         [[group]]\nname = 'g'\nnames = ['dialer1.example.com']\nresolvers = ['r']\nauthorities = ['{}']\n\
         timeout = '200ms'\n{settings}\n",
        resolver.address(),
        authority.address(),
        nowhere = crate::dns::closed_address().await,
    ))
}

/// Whatever AAAA is asked for is this address.
fn makes(address: &str) -> Fault {
    let address: AAAA = address.parse().unwrap();
    Fault::Custom(Arc::new(move |query, mut reply| {
        if query.rtype == u16::from(hickory_proto::rr::RecordType::AAAA) {
            let name = reply.queries[0].name().clone();
            reply.answers = vec![Record::from_rdata(name, 60, RData::AAAA(address))];
            reply.authorities.clear();
        }
        vec![Reply::message(&reply)]
    }))
}

fn of(rtype: RecordType, verdicts: &[Verdict]) -> &Verdict {
    let mut verdicts = verdicts.iter();
    verdicts.find(|one| one.question.rtype == rtype).unwrap()
}

#[tokio::test]
async fn what_a_dns64_makes_is_right_if_it_was_made_of_what_the_authority_serves() {
    for (address, types, expected) in [
        ("64:ff9b::192.0.2.1", "['A', 'AAAA']", State::Consistent),
        ("64:ff9b::192.0.2.1", "['AAAA']", State::Consistent),
        ("64:ff9b::192.0.2.66", "['A', 'AAAA']", State::Divergent),
        ("64:ff9b::192.0.2.66", "['AAAA']", State::Divergent),
    ] {
        let zone = Zone::new("example.com", RECORDS);
        let authority = DnsServer::start(Script::authority().zone(zone)).await;
        let resolver = DnsServer::start(Script::cache(&authority).with(makes(address))).await;
        let mut group = group(&authority, &resolver, &format!("types = {types}")).await;
        group.round().await;
        // By then a cache that is older than our history would have fetched anew.
        group.advance(Duration::from_mins(2));
        let round = group.round().await;
        let verdict = of(RecordType::AAAA, &round.verdicts);
        assert_eq!(
            verdict.state, expected,
            "{address} {types}: {}",
            verdict.reason
        );
    }
}

/// The authority's word for a client network: another address for each SCOPE that it was told to answer for.
fn for_scope(scope: u8) -> Fault {
    // Family IPv4, 24 bits of 203.0.113.0 (RFC 7871 section 6).
    Fault::EdnsOption(8, vec![0, 1, 24, scope, 203, 0, 113])
}

#[tokio::test]
async fn with_geo_an_answer_for_a_client_subnet_is_held_against_what_was_said_for_its_scope() {
    let zone = Zone::new("example.com", RECORDS);
    let authority = DnsServer::start(Script::authority().zone(zone).with(for_scope(24))).await;
    let resolver = DnsServer::start(Script::cache(&authority).with(for_scope(24))).await;
    let settings = "types = ['A']\nmode = 'geo'\necs = '203.0.113.0/24'";
    let mut group = group(&authority, &resolver, settings).await;
    let first = group.round().await;
    assert_eq!(first.verdicts[0].state, State::Consistent);

    // Now the authority has another address for wider networks, and the resolver hands that to everybody.
    authority.edit(|script| {
        script.clear_faults();
        script.fault(for_scope(20));
        script.set("dialer1.example.com", "A", 60, &["192.0.2.2"]);
    });
    resolver.edit(Script::flush);
    for _ in 0..2 {
        group.advance(Duration::from_secs(50));
        let round = group.round().await;
        let verdict = &round.verdicts[0];
        assert_eq!(verdict.observed.records, ["192.0.2.2"]);
        // In a pool that has just shown a new member there may be more: not believed, and not told yet.
        assert_eq!(verdict.state, State::Unexplained, "{}", verdict.reason);
    }
    resolver.edit(|script| {
        script.clear_faults();
        script.fault(for_scope(20));
    });
    group.advance(Duration::from_secs(50));
    let round = group.round().await;
    assert_eq!(round.verdicts[0].state, State::Consistent);
}
