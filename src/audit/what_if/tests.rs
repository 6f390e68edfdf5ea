//! The incident of 2020 under a TTL of five minutes, and what another TTL does not change.

use std::{collections::BTreeMap, sync::Arc};

use super::{Assumed, HeldAnswer, WhatIf, what_if};
use crate::{
    audit::testing::{ALIEN, BAD, GOOD, NAME, at, question, resolver, rrset, secs, server},
    types::{Answer, Link, Rcode, RecordType, SeriesKey, Source, Span, Status},
};

const DAY: u32 = 86_400;

fn span(source: Source, value: &str, ttl: u32, [first, last, until]: [&str; 3]) -> Span {
    let answer = Answer {
        status: Status::Rcode(Rcode::NOERROR),
        links: vec![Link {
            owner: NAME.parse().unwrap(),
            value: rrset(&[value]),
        }],
    };
    Span {
        authoritative: source.kind == crate::types::SourceKind::Authority,
        series: SeriesKey {
            question: question(NAME, RecordType::A),
            source,
        },
        site: None,
        answer: Arc::new(answer),
        first_ttls: vec![vec![ttl]],
        first_seen: at(first),
        last_seen: at(last),
        samples: 9,
        ttl_min: Some(1),
        ttl_max: Some(ttl),
        first_expires_at: Some(at(first) + secs(ttl.into())),
        cached_until: Some(at(until)),
        longest_silence_s: Some(60),
    }
}

fn at_authority(server_name: &str, value: &str, ttl: u32, [first, last]: [&str; 2]) -> Span {
    let ip = if server_name == "ns1" {
        "192.0.2.1"
    } else {
        "192.0.2.2"
    };
    let mut span = span(
        server(server_name, ip).source(),
        value,
        ttl,
        [first, last, last],
    );
    span.cached_until = Some(span.last_seen + secs(ttl.into()));
    span
}

fn at_resolver(id: &str, value: &str, [first, last, until]: [&str; 3]) -> Span {
    let source = resolver(id, "192.0.2.53", None).sources().next().unwrap();
    span(source, value, DAY, [first, last, until])
}

/// G, then B from 10:20, then G from 15:10, at both servers.
fn authorities() -> Vec<Span> {
    let both = ["ns1", "ns2"].into_iter();
    both.flat_map(|ns| {
        [
            at_authority(ns, GOOD, DAY, ["09:00", "10:19"]),
            at_authority(ns, BAD, DAY, ["10:20", "15:09"]),
            at_authority(ns, GOOD, DAY, ["15:10", "31T16:00"]),
        ]
    })
    .collect()
}

fn run(of_resolvers: Vec<Span>, ttl: u32) -> WhatIf {
    let caps = [("opendns", 3_600), ("google", 21_600), ("quad9", 43_200)];
    let caps = caps.map(|(id, cap)| (id.to_owned(), cap));
    let assumed = Assumed {
        ttl,
        caps: &BTreeMap::from(caps),
        from: at("00:00"),
        to: at("31T23:00"),
    };
    what_if(&[authorities(), of_resolvers].concat(), &assumed)
}

fn only(what_if: &WhatIf) -> &HeldAnswer {
    assert_eq!(what_if.held.len(), 1, "{what_if:#?}");
    &what_if.held[0]
}

#[test]
fn the_day_of_2020_would_have_been_five_minutes() {
    let ends = [
        ("opendns", ["16:04", "16:05"], 55 * 60),
        ("google", ["21:04", "21:05"], 5 * 3_600 + 55 * 60),
        ("quad9", ["31T03:04", "31T03:05"], 11 * 3_600 + 55 * 60),
        ("isp", ["31T15:04", "31T15:05"], 23 * 3_600 + 55 * 60),
    ];
    let spans = ends.map(|(id, [last, until], _)| at_resolver(id, BAD, ["12:00", last, until]));
    let told = run(spans.to_vec(), 300);
    for (id, [_, until], lasted) in ends {
        let held = told.held.iter().find(|one| one.resolver == id).unwrap();
        assert_eq!((held.since, held.until), (at("15:10"), at(until)), "{id}");
        assert_eq!(held.fetched_at, Some(at("15:05")), "{id}");
        assert_eq!((held.lasted_s, held.would_last_s), (lasted, 300), "{id}");
        assert_eq!(held.would_until, at("15:15"), "{id}");
    }
    // 23 h 55 min, and 5 min.
    assert_eq!(
        (told.longest_s, told.would_longest_s),
        (Some(86_100), Some(300))
    );
}

#[test]
fn a_longer_ttl_is_kept_as_long_as_the_cap_lets_it() {
    let google = at_resolver("google", BAD, ["12:00", "21:04", "21:05"]);
    // The cap is what ended it.
    assert_eq!(only(&run(vec![google], 2 * DAY)).would_until, at("21:05"));
    let isp = at_resolver("isp", BAD, ["12:00", "31T15:04", "31T15:05"]);
    let would = only(&run(vec![isp], 2 * DAY)).would_until;
    assert_eq!(would, at("31T15:05") + secs(DAY.into()));
}

#[test]
fn it_lasted_no_longer_than_it_did() {
    // Expired two minutes after the end.
    let short = at_resolver("isp", BAD, ["12:00", "15:11", "15:12"]);
    let told = run(vec![short], 300);
    assert_eq!((only(&told).lasted_s, only(&told).would_last_s), (120, 120));
}

#[test]
fn a_value_that_is_served_again_is_right_again() {
    // G from before the failover, still there when the authority came back to it.
    let old = at_resolver("isp", GOOD, ["09:00", "16:00", "31T08:00"]);
    let told = run(vec![old], 300);
    let held = only(&told);
    assert_eq!((held.since, held.until), (at("10:20"), at("15:10")));
    assert_eq!(held.would_until, at("10:25"));
}

#[test]
fn a_copy_made_after_the_return_says_nothing_of_the_one_before() {
    // G throughout, fetched again once the authority had come back to it: one span, whose expiry is the later copy's.
    let old = at_resolver("isp", GOOD, ["09:00", "31T16:00", "31T20:00"]);
    let told = run(vec![old], 300);
    let held = only(&told);
    assert_eq!((held.since, held.until), (at("10:20"), at("15:10")));
    assert_eq!((held.fetched_at, held.would_until), (None, at("10:25")));
}

#[test]
fn what_no_authority_served_had_a_ttl_of_its_own() {
    let alien = at_resolver("isp", ALIEN, ["12:00", "13:00", "31T12:00"]);
    let told = run(vec![alien], 300);
    let held = only(&told);
    assert_eq!(held.authority_ttl, None);
    assert_eq!((held.since, held.until), (at("12:00"), at("31T12:00")));
    assert_eq!(held.would_until, held.until);
}

#[test]
fn what_was_served_all_the_while_or_seen_early_is_not_told() {
    let right = at_resolver("isp", GOOD, ["15:11", "31T16:00", "31T20:00"]);
    // The resolver saw B a moment before our question to the authority did.
    let early = at_resolver("google", BAD, ["10:19", "15:09", "15:20"]);
    assert_eq!(run(vec![right, early], 300).held, []);
}

#[test]
fn the_longest_epoch_of_a_value_decides() {
    let mut spans = vec![
        at_authority("ns1", BAD, DAY, ["09:00", "11:59"]),
        at_authority("ns1", BAD, 300, ["12:00", "15:09"]),
        at_authority("ns1", GOOD, 300, ["15:10", "31T16:00"]),
    ];
    spans.push(at_resolver("isp", BAD, ["09:10", "31T11:00", "31T11:30"]));
    let assumed = Assumed {
        ttl: 300,
        caps: &BTreeMap::new(),
        from: at("00:00"),
        to: at("31T23:00"),
    };
    let told = what_if(&spans, &assumed);
    // 11:59:59 at the latest + a day, counted from 15:10.
    assert_eq!(only(&told).authority_ttl, Some(DAY - 3 * 3_600 - 600));
    assert_eq!(only(&told).would_until, at("15:15"));
}
