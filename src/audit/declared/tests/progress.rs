//! How far a change has come.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use super::{asked, change};
use crate::{
    audit::{
        declared::{Change, Stage, progress},
        testing::{BAD, GOOD, NAME, at, name, resolver, rrset, secs, server, ttls},
    },
    types::{Answer, Link, Rcode, RecordType, SeriesKey, Source, SourceKind, Span, Status},
};

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
            source: source.clone().into(),
        },
        site: Some(site.into()),
        answer: Arc::new(Answer {
            status: Status::Rcode(Rcode::NOERROR),
            links,
        }),
        authoritative: source.kind == SourceKind::Authority,
        first_ttls: ttls(&[&[u32::try_from(ttl).unwrap()]]),
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

fn google() -> Source {
    let google = resolver("google", "8.8.8.8", None);
    google.sources().next().unwrap()
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
    let google = google();
    let old_at_ns1 = span(&ns1, "-", BAD, ("11:00", "12:00"), 600);
    let new_at_ns1 = span(&ns1, "-", GOOD, ("12:01", "12:20"), 600);
    let fra = span(&google, "fra", BAD, ("11:00", "12:04"), 300);
    let ams = span(&google, "ams", BAD, ("11:00", "12:02"), 540);
    check(&[], "12:30", Stage::Unwatched, &[], None);
    let mut spans = vec![old_at_ns1];
    check(&spans, "11:59", Stage::Planned, &[], None);
    check(&spans, "12:00", Stage::Waiting, &[], None);
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
    let google = google();
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
    let gone = google();
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

#[test]
fn a_stage_is_called_the_same_in_words_and_in_json() {
    let stages = [
        Stage::Planned,
        Stage::Waiting,
        Stage::UnderWay,
        Stage::Done,
        Stage::Unwatched,
    ];
    for stage in stages {
        assert_eq!(serde_json::to_value(stage).unwrap(), stage.as_str());
    }
    assert_eq!(Stage::UnderWay.as_str(), "under_way");
}

#[test]
fn what_is_of_another_question_or_no_answer_or_over_before_says_nothing_of_a_change() {
    let of_type = |rtype| Change {
        rtype,
        ..change(&[GOOD], "12:00")
    };
    let ns1 = server("ns1", "192.0.2.1").source();
    let right = || span(&ns1, "-", GOOD, ("12:01", "12:20"), 600);
    let with = |alter: fn(&mut Span)| {
        let mut span = right();
        alter(&mut span);
        span
    };
    let failure = Answer {
        status: Status::Rcode(Rcode::SERVFAIL),
        links: Vec::new(),
    };
    let failed = Span {
        answer: Arc::new(failure),
        ..right()
    };
    let a = Some(RecordType::A);
    for (rtype, span, is_about) in [
        (None, right(), true),
        (a, right(), true),
        (Some(RecordType::AAAA), right(), false),
        (
            None,
            with(|span| span.series.question.name = name("dialer8.example.com")),
            false,
        ),
        (
            a,
            with(|span| span.series.question.rtype = RecordType::AAAA),
            false,
        ),
        (None, failed, false),
        (
            None,
            with(|span| span.cached_until = Some(at("12:00"))),
            true,
        ),
        (
            None,
            with(|span| span.cached_until = Some(at("11:59:59"))),
            false,
        ),
    ] {
        let found = progress(&of_type(rtype), [("here", &span)], at("12:30"));
        assert_eq!(
            found.stage != Stage::Unwatched,
            is_about,
            "{rtype:?} {span:?}"
        );
    }
}

#[test]
fn an_old_value_that_came_back_holds_whatever_its_ttl_says() {
    let ns1 = server("ns1", "192.0.2.1").source();
    let mut spans = vec![
        span(&ns1, "-", GOOD, ("12:01", "12:50"), 600),
        span(&google(), "fra", BAD, ("11:00", "12:04"), 3_600),
        span(&google(), "fra", GOOD, ("12:05", "12:20"), 600),
        // From another cache behind the same site, which keeps it no longer.
        span(&google(), "fra", BAD, ("12:30", "12:50"), 0),
    ];
    check(&spans, "12:51", Stage::UnderWay, &["fra"], None);
    check(&spans, "13:10", Stage::UnderWay, &["fra"], None);
    spans.push(span(&google(), "fra", GOOD, ("12:51", "13:00"), 600));
    check(&spans, "13:04", Stage::UnderWay, &["fra"], None);
    check(&spans, "13:04:01", Stage::Done, &[], Some("13:04"));
}

#[test]
fn of_the_old_runs_of_a_site_the_one_that_lasts_longest_is_told() {
    let ns1 = server("ns1", "192.0.2.1").source();
    let spans = [
        span(&ns1, "-", GOOD, ("12:01", "12:50"), 600),
        span(&google(), "fra", BAD, ("11:00", "12:04"), 3_600),
        span(&google(), "fra", BAD, ("12:30", "12:50"), 60),
    ];
    for order in [[0, 1, 2], [2, 1, 0]] {
        let spans = order.map(|nth| ("here", &spans[nth]));
        let found = progress(&change(&[GOOD], "12:00"), spans, at("12:50"));
        assert_eq!(found.held.len(), 1, "{found:?}");
        assert_eq!(found.held[0].until, at("13:04"));
    }
}

#[test]
fn it_is_done_when_the_last_place_was_first_seen_with_the_new_value() {
    let ns1 = server("ns1", "192.0.2.1").source();
    let spans = [
        span(&ns1, "-", GOOD, ("12:01", "12:50"), 600),
        span(&google(), "fra", BAD, ("11:00", "12:04"), 0),
        span(&google(), "fra", GOOD, ("12:05", "12:50"), 600),
    ];
    check(&spans, "12:51", Stage::Done, &[], Some("12:05"));
}

#[test]
fn an_address_that_gives_both_values_in_one_instant_still_gives_the_old_one() {
    let ns1 = server("ns1", "192.0.2.1").source();
    let mut spans = vec![
        span(&ns1, "-", GOOD, ("12:01", "12:20"), 600),
        span(&google(), "ams", BAD, ("11:00", "12:05"), 0),
        span(&google(), "fra", GOOD, ("12:05", "12:05"), 600),
    ];
    check(&spans, "12:05:30", Stage::UnderWay, &["ams"], None);
    // What was seen no later than the old value does not say that this is over.
    spans.push(span(&google(), "ams", GOOD, ("12:06", "12:20"), 600));
    check(&spans, "12:06:30", Stage::Done, &[], Some("12:06"));
}
