//! What is expected, what is excused, and how far a change has come.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use super::{Change, Declared, Flush, Matter, Stage, progress};
use crate::{
    audit::testing::{
        ALIEN, BAD, GOOD, NAME, at, declared, name, planned, question, resolver, rrset, secs,
        server,
    },
    types::{
        Answer, Link, Question, Rcode, RecordType, SeriesKey, Source, SourceKind, Span, Status,
        Value,
    },
};

fn values(texts: &[&str]) -> super::Values {
    let texts: Vec<String> = texts.iter().map(ToString::to_string).collect();
    texts.try_into().unwrap()
}

fn change(to: &[&str], from: &str) -> Change {
    planned(to, at(from))
}

fn changes(all: &[Change]) -> Declared {
    declared(all.iter().cloned().map(Matter::Change))
}

fn asked() -> Question {
    question(NAME, RecordType::A)
}

#[test]
fn a_declaration_reads_back_as_it_was_written() {
    let flush = Flush {
        resolver: "quad9".to_owned(),
        names: vec![name(NAME)],
        rtype: Some(RecordType::A),
        at: at("15:00"),
        comment: None,
    };
    let planned = change(
        &["192.0.2.9", "lb.example.net.", "NXDOMAIN", "2001:DB8::1"],
        "14:00",
    );
    let declared = declared([Matter::Change(planned), Matter::Flush(flush)]);
    let json = serde_json::to_value(&declared).unwrap();
    assert_eq!(json[0]["kind"], "change");
    let to = ["192.0.2.9", "lb.example.net", "NXDOMAIN", "2001:db8::1"];
    assert_eq!(json[0]["to"], serde_json::json!(to));
    assert_eq!(serde_json::from_value::<Declared>(json).unwrap(), declared);
}

#[test]
fn what_is_no_value_is_refused() {
    for (texts, told) in [
        (vec!["192.0.2.300"], "`192.0.2.300` is neither"),
        (vec!["192.0.2.1", ""], "`` is neither"),
        (vec![], "no value"),
    ] {
        let texts: Vec<String> = texts.into_iter().map(str::to_owned).collect();
        let error = super::Values::try_from(texts).unwrap_err().to_string();
        assert!(error.contains(told), "{error}");
    }
}

#[test]
fn what_makes_no_sense_is_refused() {
    let told = |change: Change| {
        let error = Matter::Change(change).check().err();
        error.map_or_else(String::new, |error| error.to_string())
    };
    let sound = change(&[GOOD], "15:00");
    let far = DateTime::<Utc>::MAX_UTC;
    assert_eq!(told(sound.clone()), "");
    for (senseless, why) in [
        (
            Change {
                names: Vec::new(),
                ..sound.clone()
            },
            "no name is given",
        ),
        (
            Change {
                until: at("14:59"),
                ..sound.clone()
            },
            "before it is due at",
        ),
        (
            Change {
                at: far,
                until: Change::usual_end(far),
                ..sound.clone()
            },
            "outside the years",
        ),
        (
            Change {
                until: far,
                ..sound
            },
            "outside the years",
        ),
    ] {
        let told = told(senseless);
        assert!(told.contains(why), "{why}: {told}");
    }
    assert_eq!(Change::usual_end(at("15:00")), at("31T15:00"));
}

/// Whether `value` is expected of a resolver at `seen`; `ended` as in [`Declared::expects`].
fn is_expected(declared: &Declared, value: &Value, seen: &str, ended: Option<&str>) -> bool {
    let asked = asked();
    let ended = ended.map(at);
    let covers = |values: &super::Values| values.covers(value);
    let expected = declared.expects((&asked, &name(NAME)), covers, at(seen), ended);
    expected.is_some()
}

#[test]
fn a_declared_value_is_expected_from_its_instant_until_its_window_is_over() {
    let declared = changes(&[change(&[GOOD], "15:00")]);
    let good = rrset(&[GOOD]);
    for (value, seen, ended, expected) in [
        (&good, "14:59:54", None, false),
        (&good, "14:59:55", None, true),
        (&good, "15:00", None, true),
        (&good, "31T15:00", None, true),
        (&good, "31T15:00:01", None, false),
        // Served once, and over before the change: expected again. Served after it and taken back: past.
        (&good, "15:01", Some("12:00"), true),
        (&good, "15:09", Some("15:05"), false),
        // An outsider beside a declared record.
        (&rrset(&[GOOD, ALIEN]), "15:01", None, false),
        (&rrset(&[BAD]), "15:01", None, false),
        (&Value::Nxdomain, "15:01", None, false),
    ] {
        let told = is_expected(&declared, value, seen, ended);
        assert_eq!(told, expected, "{value} {seen} {ended:?}");
    }
}

#[test]
fn a_change_of_another_type_or_name_says_nothing() {
    let of_type = Change {
        rtype: Some(RecordType::AAAA),
        ..change(&[GOOD], "15:00")
    };
    let of_name = Change {
        names: vec![name("dialer8.example.com")],
        ..change(&[GOOD], "15:00")
    };
    let declared = changes(&[of_type, of_name]);
    assert!(!is_expected(&declared, &rrset(&[GOOD]), "15:01", None));
}

#[test]
fn a_withdrawn_declaration_holds_no_more() {
    let mut one = changes(&[change(&[GOOD], "15:00")]).all()[0].clone();
    one.withdrawn_at = Some(at("15:30"));
    for (when, holds) in [
        ("14:59", false),
        ("15:00", true),
        ("15:29", true),
        ("15:30", false),
    ] {
        let declared = Declared::holding([one.clone()], at(when));
        assert_eq!(!declared.all().is_empty(), holds, "{when}");
    }
}

fn is_excused(declared: &Declared, value: &Value, when: &str, before: Option<&Value>) -> bool {
    declared.excuses((&asked(), &name(NAME)), value, at(when), before)
}

#[test]
fn the_latest_change_is_right_for_ever_and_an_earlier_one_for_its_window() {
    let declared = changes(&[change(&[GOOD], "10:00"), change(&[BAD], "11:00")]);
    let (first, second) = (rrset(&[GOOD]), rrset(&[BAD]));
    for (value, when, excused) in [
        (&first, "09:59", false),
        (&first, "10:30", true),
        (&second, "10:30", false),
        // The second is due and not done yet.
        (&first, "11:30", true),
        (&second, "11:30", true),
        (&first, "31T10:00:01", false),
        (&second, "31T12:00", true),
    ] {
        assert_eq!(
            is_excused(&declared, value, when, None),
            excused,
            "{value} {when}"
        );
    }
}

#[test]
fn a_change_from_something_else_is_not_the_declared_one() {
    let mut one = change(&[GOOD], "10:00");
    one.from = Some(values(&[BAD]));
    let declared = changes(&[one]);
    let good = rrset(&[GOOD]);
    assert!(is_excused(&declared, &good, "10:01", Some(&rrset(&[BAD]))));
    assert!(!is_excused(
        &declared,
        &good,
        "10:01",
        Some(&rrset(&[ALIEN]))
    ));
    assert!(is_excused(&declared, &good, "10:01", None));
}

#[test]
fn a_flush_is_of_the_cache_behind_every_transport() {
    let flush = Flush {
        resolver: "quad9".to_owned(),
        names: vec![name(NAME)],
        rtype: None,
        at: at("15:00"),
        comment: None,
    };
    let declared = declared([Matter::Flush(flush)]);
    for (resolver, flushes) in [
        ("quad9", 1),
        ("quad9+tls", 1),
        ("quad9-ecs", 0),
        ("google", 0),
    ] {
        assert_eq!(
            declared.flushes(resolver, &asked()).count(),
            flushes,
            "{resolver}"
        );
    }
    let other = question("dialer8.example.com", RecordType::A);
    assert_eq!(declared.flushes("quad9", &other).count(), 0);
}

/// A run of an answer, seen from `first` to `last`, each sample with this TTL.
fn span(source: &Source, site: &str, address: &str, (first, last): (&str, &str), ttl: i64) -> Span {
    let links = vec![Link {
        owner: name(NAME),
        value: rrset(&[address]),
    }];
    let until: DateTime<Utc> = at(last) + TimeDelta::seconds(ttl);
    Span {
        series: SeriesKey {
            question: asked(),
            source: source.clone(),
        },
        site: Some(site.to_owned()),
        answer: Arc::new(Answer {
            status: Status::Rcode(Rcode::NOERROR),
            links,
        }),
        authoritative: source.kind == SourceKind::Authority,
        first_ttls: vec![vec![u32::try_from(ttl).unwrap()]],
        first_seen: at(first),
        last_seen: at(last),
        samples: 2,
        ttl_min: None,
        ttl_max: None,
        first_expires_at: None,
        cached_until: Some(until),
        longest_silence_s: Some(60),
    }
}

/// The stage at `now`, the sites that hold, and when it was done.
fn check(spans: &[Span], now: &str, stage: Stage, held: &[&str], done_at: Option<&str>) {
    let spans = spans.iter().map(|span| ("here", span));
    let found = progress(&change(&[GOOD], "12:00"), spans, at(now));
    let sites: Vec<_> = found
        .held
        .iter()
        .filter_map(|one| one.site.as_deref())
        .collect();
    assert_eq!((found.stage, &*sites), (stage, held), "{now}: {found:?}");
    assert_eq!(found.done_at, done_at.map(at), "{now}");
}

#[test]
fn a_change_is_done_when_every_backend_gives_it_and_no_cache_can_hold_the_old_value() {
    let ns1 = server("ns1", "192.0.2.1").source();
    let google = resolver("google", "8.8.8.8", None)
        .sources()
        .next()
        .unwrap();
    let old_at_ns1 = span(&ns1, "-", BAD, ("11:00", "12:00"), 600);
    let new_at_ns1 = span(&ns1, "-", GOOD, ("12:01", "12:20"), 600);
    let fra = span(&google, "fra", BAD, ("11:00", "12:04"), 300);
    let ams = span(&google, "ams", BAD, ("11:00", "12:02"), 540);
    check(&[], "12:30", Stage::Unwatched, &[], None);
    let mut spans = vec![old_at_ns1];
    check(&spans, "11:59", Stage::Planned, &[], None);
    check(&spans, "12:01", Stage::Waiting, &[], None);
    spans.extend([new_at_ns1, fra, ams]);
    check(&spans, "12:05", Stage::UnderWay, &["fra", "ams"], None);
    // Fra has moved on; ams was not sampled since, and may hold the old value until 12:11.
    spans.push(span(&google, "fra", GOOD, ("12:05", "12:20"), 300));
    check(&spans, "12:10", Stage::UnderWay, &["ams"], None);
    check(&spans, "12:11:01", Stage::Done, &[], Some("12:11"));
}

#[test]
fn an_old_value_that_is_still_given_holds_whatever_its_ttl_says() {
    let ns1 = server("ns1", "192.0.2.1").source();
    let google = resolver("google", "8.8.8.8", None)
        .sources()
        .next()
        .unwrap();
    let spans = [
        span(&ns1, "-", GOOD, ("12:01", "12:40"), 600),
        span(&google, "fra", BAD, ("11:00", "12:40"), 0),
    ];
    check(&spans, "12:41", Stage::UnderWay, &["fra"], None);
}

#[test]
fn an_authority_that_lags_behind_holds() {
    let [ns1, ns2] = ["192.0.2.1", "192.0.2.2"].map(|ip| server("ns", ip).source());
    let spans = [
        span(&ns1, "ns1", GOOD, ("12:01", "12:40"), 600),
        span(&ns2, "ns2", BAD, ("11:00", "12:40"), 600),
    ];
    check(&spans, "12:41", Stage::UnderWay, &["ns2"], None);
}

#[test]
fn a_resolver_that_is_asked_no_more_holds_until_its_answer_expires() {
    let ns1 = server("ns1", "192.0.2.1").source();
    let gone = resolver("google", "8.8.8.8", None)
        .sources()
        .next()
        .unwrap();
    let spans = [
        span(&ns1, "-", GOOD, ("12:01", "14:00"), 600),
        span(&gone, "fra", BAD, ("11:00", "12:10"), 3_600),
    ];
    check(&spans, "13:00", Stage::UnderWay, &["fra"], None);
    let done = at("13:10") + secs(1);
    let found = progress(
        &change(&[GOOD], "12:00"),
        spans.iter().map(|one| ("here", one)),
        done,
    );
    assert_eq!(
        (found.stage, found.done_at),
        (Stage::Done, Some(at("13:10")))
    );
}
