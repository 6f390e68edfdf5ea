//! The incident of 2020 under a TTL of five minutes, and what another TTL does not change.

use std::{collections::BTreeMap, sync::Arc};

use super::{Assumed, HeldAnswer, WhatIf, what_if};
use crate::{
    audit::testing::{ALIEN, BAD, GOOD, NAME, at, question, resolver, rrset, secs, server, ttls},
    types::{Answer, Link, Rcode, RecordType, SeriesKey, Source, Span, Status, Value},
};

const DAY: u32 = 86_400;
static NO_CAPS: BTreeMap<String, u32> = BTreeMap::new();

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
            source: source.into(),
        },
        site: None,
        answer: Arc::new(answer),
        first_ttls: ttls(&[&[ttl]]),
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

/// The same span, where the name is an alias.
fn with_alias(mut span: Span, target: &str, ttl: u32) -> Span {
    let links = &mut Arc::make_mut(&mut span.answer).links;
    links[0].value = Value::Cname(target.parse().unwrap());
    span.first_ttls = ttls(&[&[ttl]]);
    span
}

fn assumed(ttl: u32, [from, to]: [&str; 2]) -> Assumed<'static> {
    Assumed {
        ttl,
        caps: &NO_CAPS,
        from: at(from),
        to: at(to),
    }
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
    assert_eq!(held.fetched_at, Some(at("08:00")));
    assert_eq!(held.would_until, at("10:25"));
}

#[test]
fn a_copy_made_after_the_return_says_nothing_of_the_one_before() {
    // G throughout, fetched again once the authority had come back to it: one span, whose expiry is the later copy's.
    for [last, until] in [["31T16:00", "31T20:00"], ["31T15:00", "31T15:10"]] {
        let old = at_resolver("isp", GOOD, ["09:00", last, until]);
        let told = run(vec![old], 300);
        let held = only(&told);
        assert_eq!((held.since, held.until), (at("10:20"), at("15:10")));
        assert_eq!((held.fetched_at, held.would_until), (None, at("10:25")));
    }
}

#[test]
fn a_ttl_as_long_as_it_was_or_longer_shortens_nothing() {
    let times = [
        ["09:00", "10:19"],
        ["10:20", "15:09"],
        ["15:10", "31T16:00"],
    ];
    let values = [GOOD, BAD, GOOD].into_iter().zip(times);
    let mut spans: Vec<_> = values
        .map(|(value, times)| at_authority("ns1", value, 300, times))
        .collect();
    // Stale from 10:25 on, until the authority came back to it.
    spans.push(at_resolver("isp", GOOD, ["09:00", "16:00", "16:05"]));
    for (ttl, would_until) in [(120, "10:22"), (300, "15:10"), (600, "15:10")] {
        let told = what_if(&spans, &assumed(ttl, ["00:00", "31T23:00"]));
        let held = only(&told);
        assert_eq!((held.until, held.fetched_at), (at("15:10"), None));
        assert_eq!(held.would_until, at(would_until), "{ttl}");
    }
}

#[test]
fn only_what_was_held_within_the_time_asked_for_is_told() {
    let old = at_resolver("isp", BAD, ["12:00", "16:04", "16:05"]);
    let spans = [authorities(), vec![old]].concat();
    // From 15:10 to 16:05.
    for (times, told) in [
        (["00:00", "15:09:59"], 0),
        (["00:00", "15:10"], 1),
        (["15:20", "15:30"], 1),
        (["16:05", "31T23:00"], 1),
        (["16:05:01", "31T23:00"], 0),
    ] {
        assert_eq!(
            what_if(&spans, &assumed(300, times)).held.len(),
            told,
            "{times:?}"
        );
    }
}

#[test]
fn a_link_lasts_until_the_latest_expiry_and_in_a_chain_no_longer_than_its_own_ttl() {
    let mut alone = at_resolver("isp", BAD, ["12:00", "15:30", "16:05"]);
    // What was left of it when it was first seen.
    alone.first_ttls = ttls(&[&[30]]);
    assert_eq!(only(&run(vec![alone], 300)).until, at("16:05"));

    let old = |span| with_alias(span, "old.example.net", 60);
    let new = |span| with_alias(span, "new.example.net", 60);
    let (before, after) = (["09:00", "15:09"], ["15:10", "31T16:00"]);
    let mut chain = old(at_resolver("isp", BAD, ["12:00", "15:11", "31T15:00"]));
    let end = Link {
        owner: "old.example.net".parse().unwrap(),
        value: rrset(&[BAD]),
    };
    Arc::make_mut(&mut chain.answer).links.push(end);
    chain.first_ttls = ttls(&[&[60], &[DAY]]);
    let spans = [
        old(at_authority("ns1", BAD, 60, before)),
        new(at_authority("ns1", BAD, 60, after)),
        chain,
    ];
    let told = what_if(&spans, &assumed(30, ["00:00", "31T23:00"]));
    let held = only(&told);
    assert_eq!((held.owner.as_str(), held.since), (NAME, at("15:10")));
    assert_eq!((held.until, held.last_seen), (at("15:12"), at("15:11")));
}

#[test]
fn what_is_seen_at_the_moment_of_a_change_is_not_old() {
    let before = at_resolver("isp", BAD, ["12:00", "15:10", "15:11"]);
    let after = at_resolver("google", GOOD, ["15:10", "16:00", "16:05"]);
    assert_eq!(run(vec![before, after], 300).held, []);
}

#[test]
fn a_value_ends_where_the_last_server_leaves_it() {
    let spans = [
        at_authority("ns1", BAD, 300, ["10:20", "15:11"]),
        at_authority("ns1", GOOD, 300, ["15:12", "16:00"]),
        at_authority("ns2", BAD, 300, ["10:21", "15:09"]),
        at_authority("ns2", GOOD, 300, ["15:10", "16:00"]),
        at_resolver("isp", BAD, ["12:00", "15:14", "15:15"]),
    ];
    let told = what_if(&spans, &assumed(60, ["00:00", "31T23:00"]));
    assert_eq!(only(&told).since, at("15:12"));
}

#[test]
fn a_server_that_fell_silent_serves_its_value_for_an_hour() {
    let since = |others_seen_until: &str| {
        let spans = [
            at_authority("ns1", GOOD, 300, ["09:00", others_seen_until]),
            at_authority("ns2", BAD, 300, ["09:00", "12:00"]),
            at_resolver("isp", BAD, ["10:00", "20:00", "20:05"]),
        ];
        let told = what_if(&spans, &assumed(60, ["00:00", "31T23:00"]));
        told.held.iter().map(|one| one.since).next()
    };
    assert_eq!(since("13:00"), None);
    assert_eq!(since("13:00:01"), Some(at("13:00")));
    assert_eq!(since("16:00"), Some(at("13:00")));
}

#[test]
fn what_a_lame_server_says_was_served_by_nobody() {
    let mut lame = at_authority("ns2", ALIEN, DAY, ["12:00", "13:00"]);
    lame.authoritative = false;
    let alien = at_resolver("isp", ALIEN, ["12:30", "14:00", "31T12:00"]);
    let told = run(vec![lame, alien], 300);
    assert_eq!(
        (only(&told).authority_ttl, only(&told).since),
        (None, at("12:30"))
    );
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
    let told = what_if(&spans, &assumed(300, ["00:00", "31T23:00"]));
    // 11:59:59 at the latest + a day, counted from 15:10.
    assert_eq!(only(&told).authority_ttl, Some(DAY - 3 * 3_600 - 600));
    assert_eq!(only(&told).would_until, at("15:15"));
}
