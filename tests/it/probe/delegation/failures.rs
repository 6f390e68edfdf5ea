//! Trees with something broken in them.

use std::sync::Arc;

use chrono::TimeDelta;
use dns_auditor::probe::WalkError;

use super::{
    apex_of, name, names, now, servers,
    tree::{Tree, delegations},
};
use crate::dns::{Fault, closed_address};

#[tokio::test]
async fn a_lame_server_does_not_hide_the_zone() {
    for fault in [Fault::Rcode(5), Fault::Rcode(2), Fault::Undecodable] {
        let tree = Tree::plant().await;
        tree.ns1.edit(|script| script.fault(fault));
        let zone = tree
            .delegations()
            .zone_of(&name("dialer1.example.com"), now())
            .await
            .unwrap();
        assert_eq!(
            servers(&zone),
            ["ns1.example.com 3 both", "ns2.example.net 4 both"]
        );
        assert_eq!(
            names(&zone.child_ns),
            ["ns1.example.com", "ns2.example.net"]
        );
    }
}

#[tokio::test]
async fn a_server_that_refers_upward_is_lame() {
    let tree = Tree::plant().await;
    tree.ns1.edit(|script| {
        script.remove_zone("example.com");
        script.replace_zone(
            ".",
            "@ 86400 SOA a.root. host.root. 1 7200 900 1209600 86400\ncom 172800 NS a.nic.com.",
        );
    });
    let zone = tree
        .delegations()
        .zone_of(&name("dialer1.example.com"), now())
        .await
        .unwrap();
    assert_eq!(zone.apex, name("example.com"));
    assert_eq!(
        names(&zone.child_ns),
        ["ns1.example.com", "ns2.example.net"]
    );
}

#[tokio::test]
async fn a_zone_whose_servers_are_all_dead_is_still_known_by_its_delegation() {
    let tree = Tree::plant().await;
    tree.set_parent_ns(&["ns1.example.com."]);
    let delegations = tree.delegations();
    tree.ns1.stop().await;
    let zone = delegations
        .zone_of(&name("dialer1.example.com"), now())
        .await
        .unwrap();
    assert_eq!(
        (zone.apex.as_str(), servers(&zone)),
        ("example.com", vec!["ns1.example.com 3 parent".to_owned()])
    );
    assert!(zone.child_ns.is_empty());
}

#[tokio::test]
async fn a_child_that_falls_silent_has_not_changed_its_mind() {
    let tree = Tree::plant().await;
    let delegations = tree.delegations();
    let first = delegations
        .zone_of(&name("dialer1.example.com"), now())
        .await
        .unwrap();
    for server in [&tree.ns1, &tree.ns2] {
        server.edit(|script| script.fault(Fault::Rcode(2)));
    }
    let second = delegations
        .zone_of(&name("dialer1.example.com"), first.refresh_at)
        .await
        .unwrap();
    assert_eq!(second.found_at, first.refresh_at);
    assert_eq!(
        (servers(&second), &second.child_ns),
        (servers(&first), &first.child_ns)
    );
}

#[tokio::test]
async fn a_zone_that_cannot_be_found_again_stays_in_use_and_is_tried_after_half_a_minute() {
    let tree = Tree::plant().await;
    let delegations = tree.delegations();
    let first = delegations
        .zone_of(&name("dialer1.example.com"), now())
        .await
        .unwrap();
    tree.tld.edit(|script| script.fault(Fault::Rcode(2)));
    tree.root.edit(|script| script.fault(Fault::Rcode(2)));
    let due = first.refresh_at + TimeDelta::days(3);
    let kept = delegations
        .zone_of(&name("dialer1.example.com"), due)
        .await
        .unwrap();
    assert!(Arc::ptr_eq(&first, &kept));
    let asked = tree.asked();
    let soon = due + TimeDelta::seconds(29);
    assert!(Arc::ptr_eq(
        &first,
        &delegations
            .zone_of(&name("dialer1.example.com"), soon)
            .await
            .unwrap()
    ));
    assert_eq!(tree.asked(), asked, "nobody was asked meanwhile");
    tree.tld.edit(crate::dns::Script::clear_faults);
    tree.root.edit(crate::dns::Script::clear_faults);
    let later = due + TimeDelta::seconds(30);
    let again = delegations
        .zone_of(&name("dialer1.example.com"), later)
        .await
        .unwrap();
    assert_eq!(again.found_at, later);
}

#[tokio::test]
async fn without_a_root_or_a_top_level_domain_nothing_is_found_and_the_failure_is_remembered() {
    let tree = Tree::plant().await;
    tree.tld.edit(|script| script.fault(Fault::Rcode(2)));
    let walker = tree.delegations();
    let lost = walker
        .zone_of(&name("dialer1.example.com"), now())
        .await
        .unwrap_err();
    assert_eq!(
        lost,
        WalkError::NoAnswer {
            zone: name("com"),
            name: name("example.com")
        }
    );
    let asked = tree.asked();
    assert_eq!(
        walker.zone_of(&name("dialer2.example.com"), now()).await,
        Err(lost)
    );
    assert_eq!(tree.asked(), asked);
    tree.tld.edit(crate::dns::Script::clear_faults);
    let later = now() + TimeDelta::seconds(30);
    assert!(
        walker
            .zone_of(&name("dialer2.example.com"), later)
            .await
            .is_ok()
    );

    let rootless = delegations(&[closed_address().await], 53);
    let lost = rootless
        .zone_of(&name("dialer1.example.com"), now())
        .await
        .unwrap_err();
    assert_eq!(lost, WalkError::NoRoot(name("com")));
    assert!(
        delegations(&[], 53)
            .zone_of(&name("dialer1.example.com"), now())
            .await
            .is_err()
    );
}

#[tokio::test]
async fn zones_whose_servers_live_in_each_other_without_glue_come_to_an_end() {
    let tree = Tree::plant().await;
    tree.set_parent_ns(&["ns.example.net."]);
    tree.tld.edit(|script| {
        script.set("example.net", "NS", 172_800, &["ns1.example.com."]);
        script.set("ns1.example.com", "A", 300, &[]);
    });
    let zone = tree
        .delegations()
        .zone_of(&name("dialer1.example.com"), now())
        .await
        .unwrap();
    assert_eq!((zone.apex.as_str(), zone.servers.len()), ("example.com", 0));
    assert_eq!(names(&zone.unresolved_ns), ["ns.example.net"]);
}

#[tokio::test]
async fn a_tree_that_refers_without_end_costs_no_more_than_the_budget() {
    let tree = Tree::plant().await;
    // Every name below `com` is delegated to eight hosts of which each needs a walk of its own.
    let maze = Arc::new(
        |query: &crate::dns::Query, mut message: hickory_proto::op::Message| {
            message.metadata.authoritative = false;
            message.metadata.response_code = hickory_proto::op::ResponseCode::NoError;
            message.answers.clear();
            message.authorities.clear();
            message.additionals.clear();
            let owner = message.queries[0].name.clone();
            for nth in 0..8 {
                let id = query.message.id;
                let host = crate::dns::rdata("NS", &format!("ns{nth}.z{id}x{nth}.com."));
                message.add_authority(hickory_proto::rr::Record::from_rdata(
                    owner.clone(),
                    300,
                    host,
                ));
            }
            vec![crate::dns::Reply::message(&message)]
        },
    );
    tree.tld.edit(|script| script.fault(Fault::Custom(maze)));
    let _ = tree
        .delegations()
        .zone_of(&name("dialer1.example.com"), now())
        .await;
    assert!(tree.asked() <= 300, "{} questions", tree.asked());
    assert!(tree.asked() > 100, "the maze was entered");
}

#[tokio::test]
async fn a_walk_that_is_dropped_half_way_loses_nothing() {
    let tree = Tree::plant().await;
    let delegations = tree.delegations();
    let first = delegations
        .zone_of(&name("dialer1.example.com"), now())
        .await
        .unwrap();
    let due = first.refresh_at;
    tree.tld.edit(|script| script.fault(Fault::Silent));
    let dialer1 = name("dialer1.example.com");
    let call = delegations.zone_of(&dialer1, due);
    assert!(
        tokio::time::timeout(std::time::Duration::from_millis(50), call)
            .await
            .is_err()
    );
    tree.tld.edit(|script| {
        script.clear_faults();
        script.fault(Fault::Rcode(2));
    });
    assert_eq!(
        apex_of(&delegations, "dialer1.example.com").await,
        "example.com"
    );
    let kept = delegations
        .zone_of(&name("dialer1.example.com"), due)
        .await
        .unwrap();
    assert!(Arc::ptr_eq(&first, &kept));
}
