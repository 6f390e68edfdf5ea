//! In whose zone a name lies, and whose word on it counts.

use crate::audit::{
    history::Membership,
    judge::{Unplaced, Zones},
    testing::{NAME, name, server, zone},
};

fn zones() -> Zones {
    let mut zones = Zones::default();
    zones.insert(zone("example.com", vec![server("ns1", "192.0.2.1")]));
    zones.insert(zone("cdn.net", vec![server("ns.cdn.net", "192.0.2.40")]));
    zones
}

#[test]
fn what_is_found_later_is_added_and_wins() {
    let mut zones = zones();
    let mut later = Zones::default();
    later.insert(zone("eu.example.com", vec![server("ns3", "192.0.2.3")]));
    later.insert(zone("cdn.net", vec![server("ns2.cdn.net", "192.0.2.41")]));
    let lost = Unplaced {
        silent: name("org"),
        why: "org did not say; ask again".to_owned(),
    };
    later.insert_unplaced(name("lost.org"), lost.clone());
    zones.extend(later);
    let apices: Vec<_> = zones.iter().map(|zone| zone.apex.as_str()).collect();
    assert_eq!(apices, ["cdn.net", "eu.example.com", "example.com"]);
    let apex = |of: &str| zones.zone_of(&name(of)).map(|zone| zone.apex.as_str());
    assert_eq!(apex("d7.eu.example.com"), Some("eu.example.com"));
    assert_eq!(apex(NAME), Some("example.com"));
    assert_eq!(apex("lost.org"), None);
    let cdn = zones.zone_of(&name("cdn.net")).unwrap();
    assert_eq!(cdn.servers[0].name, "ns2.cdn.net");
    assert_eq!(zones.unplaced(&name("lost.org")), Some(&lost));
    assert_eq!(zones.unplaced(&name(NAME)), None);
}

#[test]
fn a_server_has_its_say_on_its_own_zone_and_everybody_where_none_is_known() {
    let zones = zones();
    let own = "192.0.2.1:53".parse().unwrap();
    let others = "192.0.2.40:53".parse().unwrap();
    for (owner, address, told_for, expected) in [
        (NAME, own, NAME, Membership::Listed),
        // A server that has left the zone.
        (NAME, others, NAME, Membership::Left),
        // A server that adds what it believes of an alias's target.
        ("lb.cdn.net", own, NAME, Membership::Stranger),
        ("lb.cdn.net", own, "lost.org", Membership::Left),
        ("lb.cdn.net", others, NAME, Membership::Listed),
        ("lost.org", own, "lost.org", Membership::Listed),
    ] {
        let owner = name(owner);
        let membership = zones.membership(&owner, address, &name(told_for));
        assert_eq!(membership, expected, "{owner} at {address}");
        let lists = membership == Membership::Listed;
        assert_eq!(zones.lists(&owner, address), lists, "{owner} at {address}");
    }
}
