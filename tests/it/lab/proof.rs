//! The lab itself does what the other tests rely on.

use std::{io::ErrorKind, net::SocketAddr};

use hickory_proto::{op::ResponseCode, rr::RecordType};

use super::{Lab, LabPlan, Make, dig, dig::Reply, test};

async fn a(server: SocketAddr, name: &str) -> Reply {
    dig::ask(server, &format!("{name}.example.com."), RecordType::A)
        .await
        .unwrap()
}

fn one(make: Make) -> LabPlan {
    LabPlan {
        recursors: vec![make],
        ..LabPlan::default()
    }
}

#[test]
fn every_recursor_resolves_every_kind_of_dialer_through_the_private_tree() {
    test(async || {
        let lab = Lab::start(LabPlan::default()).await;
        assert_eq!(lab.resolvers().len(), 4);
        for (id, _, resolver) in lab.resolvers() {
            for (name, expected) in [
                ("dialer1", vec!["192.0.2.1"]),
                (
                    "dialer21",
                    vec!["192.0.2.21", "198.51.100.21", "203.0.113.21"],
                ),
                ("dialer31", vec!["192.0.2.31"]),
                ("dialer36", vec!["203.0.113.36"]),
            ] {
                let reply = a(resolver, name).await;
                assert_eq!(
                    (reply.rcode, reply.addresses),
                    (ResponseCode::NoError, to_strings(&expected)),
                    "{name} at {id}"
                );
                assert!(!reply.authoritative, "{name} at {id}");
            }
            assert_eq!(
                a(resolver, "nobody").await.rcode,
                ResponseCode::NXDomain,
                "{id}"
            );
        }
    });
}

#[test]
fn a_planted_address_is_served_by_unbound_only_and_only_until_it_is_taken_back() {
    test(async || {
        let mut lab = Lab::start(LabPlan::default()).await;
        lab.plant("unbound", "dialer7", "198.51.100.66", 86400)
            .await;
        for (id, _, resolver) in lab.resolvers() {
            let expected = if id == "unbound" {
                ["198.51.100.66"]
            } else {
                ["192.0.2.7"]
            };
            assert_eq!(a(resolver, "dialer7").await.addresses, expected, "{id}");
            let other_type = dig::ask(resolver, "dialer7.example.com.", RecordType::AAAA)
                .await
                .unwrap();
            assert_eq!(other_type.addresses, ["2001:db8::7"], "{id}");
        }
        let unbound = lab.resolver("unbound").addr();
        assert_eq!(a(unbound, "dialer7").await.ttl, Some(86400));
        lab.unplant("unbound", "dialer7").await;
        assert_eq!(a(unbound, "dialer7").await.addresses, ["192.0.2.7"]);
    });
}

#[test]
fn a_change_is_served_by_both_authorities_and_by_a_flushed_cache_at_once() {
    test(async || {
        let mut lab = Lab::start(LabPlan::default()).await;
        for (_, _, resolver) in lab.resolvers() {
            assert_eq!(a(resolver, "dialer3").await.addresses, ["192.0.2.3"]);
        }
        lab.change("dialer3", &["192.0.2.99"]).await;
        for index in [0, 1] {
            let authority = lab.authority(index).addr();
            let reply = a(authority, "dialer3").await;
            assert_eq!(
                (reply.addresses, reply.authoritative),
                (vec!["192.0.2.99".to_owned()], true),
                "ns{}",
                index + 1
            );
        }
        for (id, _, resolver) in lab.resolvers() {
            assert_eq!(
                a(resolver, "dialer3").await.addresses,
                ["192.0.2.3"],
                "{id} caches"
            );
            lab.flush(id, "dialer3").await;
            assert_eq!(
                a(resolver, "dialer3").await.addresses,
                ["192.0.2.99"],
                "{id} was flushed"
            );
        }
    });
}

#[test]
fn one_authority_can_lag_behind_the_other() {
    test(async || {
        let mut lab = Lab::start(one(Make::Unbound)).await;
        lab.authority(0)
            .edit(|zone| zone.set_ttl("dialer5", 86400))
            .await;
        let (ahead, behind) = (lab.authority(0).addr(), lab.authority(1).addr());
        assert_eq!(a(ahead, "dialer5").await.ttl, Some(86400));
        assert_eq!(a(behind, "dialer5").await.ttl, Some(300));
        lab.set_ttl("dialer6", 60).await;
        let serials = [
            lab.authority(0).zone().serial,
            lab.authority(1).zone().serial,
        ];
        assert_eq!(serials, [3, 3]);
    });
}

#[test]
fn the_foreign_zone_changes_by_itself() {
    test(async || {
        let mut lab = Lab::start(one(Make::KnotResolver)).await;
        let target = ["203.0.113.99".parse().unwrap()];
        lab.cdn()
            .edit(|zone| zone.set_addresses("edge36", &target))
            .await;
        let resolver = lab.resolver("knot-resolver").addr();
        assert_eq!(a(resolver, "dialer36").await.addresses, ["203.0.113.99"]);
        assert_eq!(a(resolver, "dialer37").await.addresses, ["203.0.113.37"]);
    });
}

#[test]
fn a_stopped_server_refuses_a_frozen_one_is_silent_and_both_come_back() {
    test(async || {
        let mut lab = Lab::start(one(Make::PdnsRecursor)).await;
        let (ns1, ns2) = (lab.authority(0).addr(), lab.authority(1).addr());
        let resolver = lab.resolver("pdns-recursor").addr();
        let silence = async |server| {
            dig::ask(server, "dialer1.example.com.", RecordType::A)
                .await
                .unwrap_err()
                .kind()
        };

        lab.authority(0).stop();
        assert_eq!(silence(ns1).await, ErrorKind::ConnectionRefused);
        assert_eq!(a(ns2, "dialer1").await.addresses, ["192.0.2.1"]);
        lab.change("dialer1", &["192.0.2.99"]).await;
        lab.authority(0).start().await;
        assert_eq!(a(ns1, "dialer1").await.addresses, ["192.0.2.99"]);

        lab.authority(1).freeze().await;
        assert_eq!(silence(ns2).await, ErrorKind::TimedOut);
        lab.authority(1).thaw().await;
        assert_eq!(a(ns2, "dialer1").await.addresses, ["192.0.2.99"]);

        lab.resolver("pdns-recursor").freeze().await;
        assert_eq!(silence(resolver).await, ErrorKind::TimedOut);
        lab.resolver("pdns-recursor").stop();
        assert_eq!(silence(resolver).await, ErrorKind::ConnectionRefused);
        lab.resolver("pdns-recursor").start().await;
        assert_eq!(a(resolver, "dialer1").await.addresses, ["192.0.2.99"]);
    });
}

#[test]
fn two_labs_stand_side_by_side() {
    test(async || {
        let mut first = Lab::start(one(Make::Bind)).await;
        let mut second = Lab::start(one(Make::Bind)).await;
        assert_ne!(first.root_hint(), second.root_hint());
        first.change("dialer2", &["192.0.2.99"]).await;
        let (here, there) = (
            first.resolver("bind").addr(),
            second.resolver("bind").addr(),
        );
        assert_eq!(a(here, "dialer2").await.addresses, ["192.0.2.99"]);
        assert_eq!(a(there, "dialer2").await.addresses, ["192.0.2.2"]);
    });
}

fn to_strings(addresses: &[&str]) -> Vec<String> {
    addresses
        .iter()
        .map(|&address| address.to_owned())
        .collect()
}
