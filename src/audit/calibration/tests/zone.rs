//! The canary zone's file, and what its servers may say.

use super::{TEXT, TOKEN, asked, canary, right, served};
use crate::{
    audit::{
        calibration::{
            canary::{Canary, NameServer, NotServed, Served, ZoneError},
            plan::{Kind, Probe},
        },
        testing::{Reply, at, data, rrset},
    },
    types::{Observation, Rcode},
};

fn server(name: &str, addresses: &[&str]) -> NameServer {
    NameServer {
        name: name.parse().unwrap(),
        addresses: addresses.iter().map(|one| one.parse().unwrap()).collect(),
    }
}

#[test]
fn the_master_file_is_what_it_is() {
    let inside = server("ns1.canary.example.com", &["192.0.2.53", "2001:db8::53"]);
    let outside = server("ns.example.net", &[]);
    let file = canary().master_file(&[inside, outside], 7).unwrap();
    insta::assert_snapshot!(file);
}

#[test]
fn a_name_server_has_an_address_in_the_zone_where_it_lies_in_the_zone() {
    let refused = |one| canary().master_file(&[one], 7).unwrap_err();
    let inside = server("ns1.canary.example.com", &[]);
    assert_eq!(refused(inside.clone()), ZoneError::NoAddress(inside.name));
    let outside = server("ns.example.net", &["192.0.2.53"]);
    assert_eq!(refused(outside.clone()), ZoneError::Outside(outside.name));
}

#[test]
fn a_zone_whose_names_would_be_too_long_is_refused() {
    let origin = |last: usize| format!("{}.{}", "a".repeat(last), [&*"a".repeat(50); 4].join("."));
    let refused = |last| Canary::new(origin(last).parse().unwrap()).is_err();
    assert!(!refused(15));
    assert!(refused(30));
}

#[test]
fn each_kind_of_name_has_its_place_in_the_zone() {
    for (kind, number, place) in [
        (Kind::Long, 7, "c0ffee-7.ttl604800"),
        (Kind::Fading, 3, "c0ffee-3.ttl30"),
        (Kind::Short, 0, "c0ffee-0.ttl1"),
        (Kind::Zero, 2, "c0ffee-2.ttl0"),
        (Kind::Absent, 1, "c0ffee-1"),
        (Kind::Failing, 0, "c0ffee-0.lame"),
        (Kind::Failing, 1, "c0ffee-1.nowhere"),
    ] {
        let asked = canary().question(TOKEN, Probe::new(kind, number)).unwrap();
        assert_eq!(asked.name.as_str(), format!("{place}.canary.example.com"));
    }
}

/// What a server of the zone says of each kind of name.
fn replies(change: impl Fn(Probe, Reply) -> Reply) -> [Observation; 5] {
    Served::PROBES.map(|kind| {
        let probe = Probe::new(kind, 0);
        let ttl = match kind {
            Kind::Long => 604_800,
            Kind::Fading => 30,
            Kind::Short => 1,
            Kind::Zero | Kind::Failing => 0,
            Kind::Absent => 86_400,
        };
        asked(probe, at("10:00"), &change(probe, right(probe, ttl))).1
    })
}

#[test]
fn what_the_zone_serves_is_read_from_its_servers() {
    assert_eq!(Served::read(&replies(|_, reply| reply)), Ok(served()));
    // Some who host zones have limits of their own.
    let limited = Served::read(&replies(|probe, reply| match probe.kind {
        Kind::Long => right(probe, 86_400),
        Kind::Zero | Kind::Short => right(probe, 30),
        _ => reply,
    }));
    let limited = limited.unwrap();
    assert_eq!(
        (limited.long, limited.short, limited.zero),
        (86_400, 30, 30)
    );
}

#[test]
fn a_zone_that_serves_something_else_is_of_no_use() {
    let with = |kind: Kind, other: Reply| {
        let change = |probe: Probe, reply: Reply| {
            if probe.kind == kind {
                other.clone()
            } else {
                reply
            }
        };
        Served::read(&replies(change)).unwrap_err()
    };
    let name = |kind| canary().question(TOKEN, Probe::new(kind, 0)).unwrap().name;
    for kind in [Kind::Long, Kind::Fading, Kind::Short, Kind::Zero] {
        let missing = with(kind, Reply::rcode(Rcode::NXDOMAIN));
        assert_eq!(missing, NotServed::Missing(name(kind)));
        let other = data().link(name(kind).as_str(), rrset(&["\"v=spf1 -all\""]), 1);
        assert_eq!(with(kind, other), NotServed::Missing(name(kind)));
    }
    let denied = right(Probe::new(Kind::Long, 0), 1);
    assert_eq!(
        with(Kind::Absent, denied),
        NotServed::NotDenied(name(Kind::Absent))
    );
    for (kind, ttl) in [
        (Kind::Long, 3_599),
        (Kind::Fading, 31),
        (Kind::Short, 31),
        (Kind::Zero, 300),
    ] {
        let moved = data().link(name(kind).as_str(), rrset(&[TEXT]), ttl);
        assert_eq!(
            with(kind, moved),
            NotServed::OtherTtl {
                name: name(kind),
                ttl
            }
        );
    }
}
