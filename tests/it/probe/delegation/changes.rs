//! What is kept, found again, told apart and let go.

use std::sync::Arc;

use chrono::TimeDelta;
use dns_auditor::types::Listed;

use super::{name, names, now, servers, tree::Tree};

#[tokio::test]
async fn a_zone_is_kept_until_it_is_due_and_then_found_again() {
    let tree = Tree::plant().await;
    let delegations = tree.delegations();
    let first = delegations
        .zone_of(&name("dialer1.example.com"), now())
        .await
        .unwrap();
    let asked = tree.asked();
    let just_before = first.refresh_at - TimeDelta::seconds(1);
    let second = delegations
        .zone_of(&name("dialer1.example.com"), just_before)
        .await
        .unwrap();
    assert!(Arc::ptr_eq(&first, &second));
    assert_eq!(tree.asked(), asked, "nothing was asked");
    let third = delegations
        .zone_of(&name("dialer1.example.com"), first.refresh_at)
        .await
        .unwrap();
    assert_eq!(third.found_at, first.refresh_at);
    assert_eq!(
        tree.tld.received_for("example.com").len(),
        2,
        "the parent was asked again"
    );
}

#[tokio::test]
async fn ns_sets_that_differ_are_kept_apart_and_all_their_servers_are_asked() {
    let tree = Tree::plant().await;
    tree.set_child_ns(&["ns1.example.com.", "ns3.example.com."]);
    for server in [&tree.ns1, &tree.ns2] {
        server.edit(|script| script.set("ns3.example.com", "A", 300, &[&tree.address(5)]));
    }
    let zone = tree
        .delegations()
        .zone_of(&name("dialer1.example.com"), now())
        .await
        .unwrap();
    assert_eq!(
        names(&zone.parent_ns),
        ["ns1.example.com", "ns2.example.net"]
    );
    assert_eq!(
        names(&zone.child_ns),
        ["ns1.example.com", "ns3.example.com"]
    );
    assert_eq!(
        servers(&zone),
        [
            "ns1.example.com 3 both",
            "ns2.example.net 4 parent",
            "ns3.example.com 5 child"
        ]
    );
}

#[tokio::test]
async fn a_server_that_is_listed_no_longer_is_asked_for_one_more_ns_ttl() {
    let tree = Tree::plant().await;
    let delegations = tree.delegations();
    let first = delegations
        .zone_of(&name("dialer1.example.com"), now())
        .await
        .unwrap();
    tree.set_child_ns(&["ns1.example.com."]);
    tree.set_parent_ns(&["ns1.example.com."]);
    let due = first.refresh_at;
    let second = delegations
        .zone_of(&name("dialer1.example.com"), due)
        .await
        .unwrap();
    assert_eq!(
        servers(&second),
        ["ns1.example.com 3 both", "ns2.example.net 4 removed"]
    );
    let until = due + TimeDelta::days(2);
    assert_eq!(second.servers[1].listed, Listed::Removed { until });
    let third = delegations
        .zone_of(&name("dialer1.example.com"), second.refresh_at)
        .await
        .unwrap();
    assert_eq!(
        third.servers[1].listed,
        Listed::Removed { until },
        "the farewell does not begin anew"
    );
    let last = delegations
        .zone_of(&name("dialer1.example.com"), until)
        .await
        .unwrap();
    assert_eq!(servers(&last), ["ns1.example.com 3 both"]);
    tree.set_child_ns(&["ns1.example.com.", "ns2.example.net."]);
    let back = delegations
        .zone_of(&name("dialer1.example.com"), last.refresh_at)
        .await
        .unwrap();
    assert_eq!(
        servers(&back),
        ["ns1.example.com 3 both", "ns2.example.net 4 child"]
    );
}

#[tokio::test]
async fn an_address_that_differs_from_its_glue_is_asked_as_well() {
    let tree = Tree::plant().await;
    tree.ns1
        .edit(|script| script.set("ns1.example.com", "A", 300, &[&tree.address(5)]));
    tree.ns2
        .edit(|script| script.set("ns1.example.com", "A", 300, &[&tree.address(5)]));
    let zone = tree
        .delegations()
        .zone_of(&name("dialer1.example.com"), now())
        .await
        .unwrap();
    assert_eq!(
        servers(&zone),
        [
            "ns1.example.com 3 both",
            "ns1.example.com 5 both",
            "ns2.example.net 4 both"
        ]
    );
}
