//! Walks down scripted trees: a root, top-level domains and zones on loopback addresses of their own.

mod changes;
mod failures;
mod tree;

use std::{collections::HashSet, sync::Arc, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use dns_auditor::{
    names::DnsName,
    probe::Delegations,
    types::{Listed, Zone},
};
use futures::future::join_all;

use crate::dns::{DnsServer, Fault, Script};
use tree::{Tree, delegations};

fn now() -> DateTime<Utc> {
    "2026-11-22T12:00:00Z".parse().unwrap()
}

fn name(text: &str) -> DnsName {
    text.parse().unwrap()
}

fn names(set: &std::collections::BTreeSet<DnsName>) -> Vec<&str> {
    set.iter().map(DnsName::as_str).collect()
}

/// Servers as `name last-octet how`.
fn servers(zone: &Zone) -> Vec<String> {
    let shown = |server: &dns_auditor::types::AuthorityServer| {
        let address = server.address.ip().to_string();
        let octet = address.rsplit('.').next().unwrap();
        let listed = match server.listed {
            Listed::Configured => "configured",
            Listed::Delegated {
                parent: true,
                child: true,
            } => "both",
            Listed::Delegated { parent: true, .. } => "parent",
            Listed::Delegated { .. } => "child",
            Listed::Removed { .. } => "removed",
        };
        format!("{} {octet} {listed}", server.name)
    };
    zone.servers.iter().map(shown).collect()
}

async fn apex_of(delegations: &Delegations, text: &str) -> String {
    delegations
        .zone_of(&name(text), now())
        .await
        .unwrap()
        .apex
        .to_string()
}

#[tokio::test]
async fn a_zone_is_found_with_every_server_of_both_ns_sets() {
    let tree = Tree::plant().await;
    let zone = tree
        .delegations()
        .zone_of(&name("dialer1.example.com"), now())
        .await
        .unwrap();
    assert_eq!(zone.apex, name("example.com"));
    assert_eq!(
        servers(&zone),
        ["ns1.example.com 3 both", "ns2.example.net 4 both"]
    );
    assert_eq!(
        names(&zone.parent_ns),
        ["ns1.example.com", "ns2.example.net"]
    );
    assert_eq!(zone.parent_ns, zone.child_ns);
    assert!(zone.unresolved_ns.is_empty());
    assert_eq!(zone.delegation_ttl, Some(Duration::from_hours(48)));
    assert_eq!(
        (zone.found_at, zone.refresh_at),
        (now(), now() + TimeDelta::minutes(30))
    );
    let recursive = |server: &DnsServer| {
        server
            .received()
            .iter()
            .any(|query| query.message.recursion_desired)
    };
    assert!(
        ![&tree.root, &tree.tld, &tree.ns1, &tree.ns2]
            .into_iter()
            .any(recursive)
    );
}

#[tokio::test]
async fn names_without_a_cut_of_their_own_lie_in_the_zone_above() {
    let tree = Tree::plant().await;
    let delegations = tree.delegations();
    for text in [
        "example.com",
        "dialer1.eu.example.com",
        "eu.example.com",
        "gone.example.com",
        "alias.example.com",
        "below.alias.example.com",
    ] {
        assert_eq!(apex_of(&delegations, text).await, "example.com", "{text}");
    }
    assert_eq!(apex_of(&delegations, "com").await, "com");
    assert_eq!(apex_of(&delegations, "no-such-tld").await, ".");
    assert_eq!(apex_of(&delegations, ".").await, ".");
}

#[tokio::test]
async fn a_deeper_cut_is_a_zone_of_its_own() {
    let tree = Tree::plant().await;
    tree.delegate_eu();
    let delegations = tree.delegations();
    let zone = delegations
        .zone_of(&name("dialer1.eu.example.com"), now())
        .await
        .unwrap();
    assert_eq!(
        (zone.apex.as_str(), servers(&zone)),
        ("eu.example.com", vec!["ns.eu.example.com 4 both".into()])
    );
    assert_eq!(
        apex_of(&delegations, "dialer1.example.com").await,
        "example.com"
    );
}

#[tokio::test]
async fn forty_names_at_once_walk_once() {
    let tree = Tree::plant().await;
    let delegations = tree.delegations();
    let calls = (0..40).map(|host| {
        let delegations = delegations.clone();
        // Spawned: what the service does needs futures that may move between threads.
        tokio::spawn(async move {
            delegations
                .zone_of(&name(&format!("dialer{host}.example.com")), now())
                .await
        })
    });
    let zones: Vec<_> = join_all(calls)
        .await
        .into_iter()
        .map(|zone| zone.unwrap().unwrap())
        .collect();
    assert!(
        zones.iter().all(|zone| Arc::ptr_eq(zone, &zones[0])),
        "one zone, found once"
    );
    assert_eq!(tree.root.received_for("com").len(), 1);
    assert_eq!(tree.tld.received_for("example.com").len(), 1);
    assert!(
        tree.root.received().len() <= 4,
        "{:?}",
        tree.root.received().len()
    );
}

#[tokio::test]
async fn glue_for_hosts_outside_the_referring_zone_is_not_believed() {
    let tree = Tree::plant().await;
    let foreign = tree.address(9);
    let lies = Arc::new(
        move |_: &crate::dns::Query, mut message: hickory_proto::op::Message| {
            let host = hickory_proto::rr::Name::from_ascii("ns2.example.net.").unwrap();
            let rdata = crate::dns::rdata("A", &foreign);
            message.add_additional(hickory_proto::rr::Record::from_rdata(host, 300, rdata));
            vec![crate::dns::Reply::message(&message)]
        },
    );
    tree.tld
        .edit(|script| script.fault(Fault::Custom(lies).on("example.com")));
    let zone = tree
        .delegations()
        .zone_of(&name("dialer1.example.com"), now())
        .await
        .unwrap();
    assert_eq!(
        servers(&zone),
        ["ns1.example.com 3 both", "ns2.example.net 4 both"]
    );
}

#[tokio::test]
async fn ipv6_addresses_count_where_they_are_wanted() {
    let tree = Tree::plant().await;
    for server in [&tree.ns1, &tree.ns2] {
        server.edit(|script| script.set("ns1.example.com", "AAAA", 300, &["::1"]));
    }
    let without = tree
        .delegations()
        .zone_of(&name("example.com"), now())
        .await
        .unwrap();
    assert!(
        without
            .servers
            .iter()
            .all(|server| server.address.is_ipv4())
    );
    let with = tree
        .delegations()
        .with_ipv6(true)
        .zone_of(&name("example.com"), now())
        .await
        .unwrap();
    let sixes: Vec<_> = with
        .servers
        .iter()
        .filter(|server| server.address.is_ipv6())
        .collect();
    assert_eq!(sixes.len(), 1);
    assert_eq!(
        (sixes[0].name.as_str(), sixes[0].address.port()),
        ("ns1.example.com", tree.port)
    );
}

#[tokio::test]
async fn a_private_tree_may_be_a_root_zone_and_nothing_else() {
    let root = DnsServer::start(Script::authority().zone(crate::dns::Zone::new(
        ".",
        "
        @            86400 SOA ns. host. 1 7200 900 1209600 300
        @            86400 NS  ns.
        ns           86400 A   127.0.0.1
        dialer1.corp 300   A   192.0.2.1
    ",
    )))
    .await;
    let zone = delegations(&[root.address()], 53)
        .zone_of(&name("dialer1.corp"), now())
        .await
        .unwrap();
    assert!(zone.apex.is_root());
    assert_eq!(servers(&zone), ["ns 1 both"]);
    assert_eq!(
        zone.servers[0].address,
        root.address(),
        "with the port of the hint"
    );
    assert_eq!(
        (names(&zone.parent_ns), names(&zone.child_ns)),
        (vec!["ns"], vec!["ns"])
    );
}

#[tokio::test]
async fn parent_and_child_on_one_server_are_told_apart() {
    let tree = Tree::plant().await;
    tree.tld
        .edit(|script| script.replace_zone("example.com", &tree.example_com()));
    let zone = tree
        .delegations()
        .zone_of(&name("dialer1.example.com"), now())
        .await
        .unwrap();
    assert_eq!(zone.apex, name("example.com"));
    assert_eq!(
        servers(&zone),
        ["ns1.example.com 3 both", "ns2.example.net 4 both"]
    );
}

#[tokio::test]
async fn configured_servers_are_taken_as_they_are() {
    let addresses = [
        "192.0.2.1:53".parse().unwrap(),
        "192.0.2.2:5353".parse().unwrap(),
    ];
    let zone = Delegations::configured(name("example.com"), &addresses, now());
    let named: HashSet<_> = zone
        .servers
        .iter()
        .map(|server| server.name.as_str())
        .collect();
    assert_eq!(named, ["192.0.2.1", "192.0.2.2:5353"].into());
    assert!(
        zone.servers
            .iter()
            .all(|server| server.listed == Listed::Configured)
    );
    assert!(zone.refresh_at > now() + TimeDelta::days(365));
}
