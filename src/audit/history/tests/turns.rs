//! Backends that take turns behind one address: when the run of one goes on through its silence, and what is read back of it.

mod kept;

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::{Value as Json, json};

use super::super::{History, SpanChange};
use crate::{
    audit::testing::{
        BAD, GOOD, NAME, Reply, Scene, a, at, nodata, observe, question, resolver, secs, server,
    },
    types::{Question, Rcode, RecordType, SeriesKey, Source, Span},
};

const GAP: Duration = Duration::from_mins(3);

fn asked() -> Question {
    question(NAME, RecordType::A)
}

fn google() -> Source {
    let resolver = resolver("google", "8.8.8.8", None);
    resolver.sources().next().unwrap()
}

fn ns1() -> Source {
    server("ns1", "192.0.2.1").source()
}

fn good(site: &str) -> Reply {
    a(&[GOOD], 300).at_site(site)
}

/// One address as it is heard over time, with every span that was recorded of it.
#[derive(Default)]
struct Heard {
    history: History,
    spans: Vec<Span>,
}

impl Heard {
    /// Takes in a reply; whether it began a run.
    fn hears(&mut self, source: &Source, when: &str, reply: &Reply) -> bool {
        let heard = observe(source, &asked(), at(when), reply);
        let SpanChange { span, opened } = self.history.absorb(&heard, GAP);
        if opened {
            self.spans.push(span);
        } else {
            let begun = (span.site.clone(), span.first_seen);
            let mut own = self.spans.iter_mut().rev();
            let is_it = |own: &&mut Span| (own.site.clone(), own.first_seen) == begun;
            *own.find(is_it).unwrap() = span;
        }
        opened
    }

    fn restarted(&self) -> Self {
        let mut history = History::default();
        history.restore(self.spans.iter().rev().cloned(), GAP);
        Self {
            history,
            spans: self.spans.clone(),
        }
    }
}

/// A backend answers at ten, and again at twenty past; `meanwhile` others reply every two minutes, but for these: whether its
/// second reply begins a run.
fn check(source: &Source, back: &Reply, others: &[(&str, Option<Reply>)], begins: bool) {
    let usual = Reply {
        site: Some("ams1".to_owned()),
        ..back.clone()
    };
    for restarts_at in [None, Some("10:06"), Some("10:18")] {
        let mut heard = Heard::default();
        heard.hears(source, "10:00", back);
        for minute in (2..20).step_by(2) {
            let when = format!("10:{minute:02}");
            if restarts_at == Some(&*when) {
                heard = heard.restarted();
            }
            match others.iter().find(|(other, _)| *other == when) {
                Some((_, Some(other))) => {
                    heard.hears(source, &when, other);
                }
                Some((_, None)) => {}
                None => {
                    heard.hears(source, &when, &usual);
                }
            }
        }
        let opened = heard.hears(source, "10:20", back);
        assert_eq!(opened, begins, "{others:?}, restart at {restarts_at:?}");
        if !begins {
            let run = &heard.spans[0];
            assert_eq!(run.site.as_deref(), back.site.as_deref());
            assert_eq!((run.first_seen, run.last_seen), (at("10:00"), at("10:20")));
            assert_eq!((run.samples, run.longest_silence_s), (2, Some(1_200)));
        }
    }
}

#[test]
fn a_run_goes_on_through_a_silence_in_which_its_address_said_the_same() {
    for source in [google(), ns1()] {
        let silence = Reply::silence();
        let failure = Reply::rcode(Rcode::SERVFAIL).at_site("ams1");
        let other = a(&[BAD], 300).at_site("ams1");
        let third = good("lhr2");
        let back = good("fra3");
        check(&source, &back, &[], false);
        check(&source, &back, &[("10:08", Some(third))], false);
        check(&source, &back, &[("10:08", Some(other))], true);
        check(&source, &back, &[("10:08", Some(failure))], true);
        // Two silent minutes more are a gap, whether nobody asks or nobody answers.
        check(&source, &back, &[("10:08", None)], true);
        check(&source, &back, &[("10:08", Some(silence))], true);
    }
}

#[test]
fn a_timeout_does_not_end_a_run_of_another_site() {
    let silence = Reply::silence();
    for (second, begins) in [("10:07", false), ("10:12", true)] {
        let mut heard = Heard::default();
        heard.hears(&google(), "10:00", &good("fra3"));
        for when in ["10:02", "10:04", "10:06"] {
            heard.hears(&google(), when, &good("ams1"));
        }
        assert!(heard.hears(&google(), "10:06:30", &silence));
        assert_eq!(heard.hears(&google(), second, &good("fra3")), begins);
    }
}

#[test]
fn a_run_of_timeouts_ends_after_three_rounds_whatever_others_say() {
    let mut heard = Heard::default();
    let silence = Reply::silence();
    heard.hears(&google(), "10:00", &good("fra3"));
    assert!(heard.hears(&google(), "10:01", &silence));
    for minute in 2..9 {
        heard.hears(&google(), &format!("10:{minute:02}"), &good("fra3"));
    }
    assert!(heard.hears(&google(), "10:09", &silence));
}

#[test]
fn another_ttl_is_another_word_of_an_authority_and_none_of_a_resolver() {
    let back = good("fra3");
    let shorter = a(&[GOOD], 200).at_site("ams1");
    check(&ns1(), &back, &[("10:08", Some(shorter.clone()))], true);
    check(&google(), &back, &[("10:08", Some(shorter))], false);
    let mut heard = Heard::default();
    heard.hears(&ns1(), "10:00", &back);
    for minute in [2, 4, 6] {
        heard.hears(&ns1(), &format!("10:{minute:02}"), &good("ams1"));
    }
    let longer = a(&[GOOD], 600).at_site("fra3");
    assert!(heard.hears(&ns1(), "10:07", &longer));
}

#[test]
fn what_is_not_an_authoritys_own_word_is_another() {
    let foreign = Reply {
        authoritative: false,
        ..good("ams1")
    };
    check(&ns1(), &good("fra3"), &[("10:08", Some(foreign))], true);
}

#[test]
fn a_denial_goes_on_as_data_does() {
    let back = nodata(300).at_site("fra3");
    check(&google(), &back, &[], false);
    check(&google(), &back, &[("10:12", Some(good("ams1")))], true);
}

#[test]
fn an_overtaken_reply_that_says_otherwise_leaves_nothing_unbroken_before_the_last_word() {
    let mut heard = Heard::default();
    heard.hears(&google(), "10:00", &good("fra3"));
    for minute in [2, 4, 6] {
        heard.hears(&google(), &format!("10:{minute:02}"), &good("ams1"));
    }
    heard.hears(&google(), "10:03", &a(&[BAD], 300).at_site("lhr2"));
    assert!(heard.hears(&google(), "10:07", &good("fra3")));
    for minute in [8, 9] {
        heard.hears(&google(), &format!("10:{minute:02}"), &good("fra3"));
    }
    let begins = heard.hears(&google(), "10:10", &good("ams1"));
    assert!(!begins, "the overtaken reply is not the last word");
}

#[test]
fn an_overtaken_reply_that_says_otherwise_is_no_part_of_its_sites_run() {
    // Also where the run is the one that was heard last.
    for when in ["10:00:30", "10:01"] {
        let mut heard = Heard::default();
        heard.hears(&google(), "10:00", &good("fra3"));
        heard.hears(&google(), "10:01", &good("ams1"));
        assert!(heard.hears(&google(), when, &a(&[BAD], 300).at_site("ams1")));
        assert_eq!(heard.spans[1].samples, 1, "{when}");
    }
}

#[test]
fn the_longest_silence_is_between_two_samples_in_order_of_receipt() {
    let mut heard = Heard::default();
    let receipts = ["10:00", "10:01", "10:03:10", "10:02", "10:04"];
    for when in receipts {
        heard.hears(&google(), when, &good("fra3"));
    }
    assert_eq!(heard.spans.len(), 1);
    assert_eq!(heard.spans[0].longest_silence_s, Some(130));
    let mut again = observe(&google(), &asked(), at("10:06:20"), &good("fra3"));
    again.at += chrono::TimeDelta::milliseconds(1);
    let change = heard.history.absorb(&again, GAP);
    assert_eq!(change.span.longest_silence_s, Some(141), "rounded up");
}

#[test]
fn a_run_of_an_earlier_version_has_no_measured_silence_until_it_goes_on_through_a_long_one() {
    let mut heard = Heard::default();
    heard.hears(&google(), "10:00", &good("fra3"));
    heard.hears(&google(), "10:01", &good("ams1"));
    for span in &mut heard.spans {
        span.longest_silence_s = None;
    }
    let mut heard = heard.restarted();
    heard.hears(&google(), "10:02", &good("fra3"));
    assert_eq!(heard.spans[0].longest_silence_s, None);
    for minute in [3, 5, 7, 9] {
        heard.hears(&google(), &format!("10:{minute:02}"), &good("ams1"));
    }
    assert!(!heard.hears(&google(), "10:10", &good("fra3")));
    assert_eq!(heard.spans[0].longest_silence_s, Some(480));
    assert_eq!(heard.spans[1].longest_silence_s, None);
}

/// As checkpoints held runs before they had a common word.
fn as_before(history: &History) -> Json {
    let mut json = serde_json::to_value(history).unwrap();
    for pair in json["runs"].as_array_mut().unwrap() {
        let series: SeriesKey = serde_json::from_value(pair[0].clone()).unwrap();
        let runs = pair[1]["sites"].as_array().unwrap().iter();
        let spans = runs.map(|run| {
            let mut span = run.clone();
            let expires = span.as_object_mut().unwrap().remove("expires");
            span["series"] = json!(series);
            json!({ "span": span, "expires": expires })
        });
        pair[1] = spans.collect();
    }
    json
}

#[test]
fn a_checkpoint_of_an_earlier_version_goes_on() {
    let mut heard = Heard::default();
    for minute in (0..20).step_by(2) {
        let site = if minute == 0 { "fra3" } else { "ams1" };
        heard.hears(&google(), &format!("10:{minute:02}"), &good(site));
    }
    let before = serde_json::from_value(as_before(&heard.history)).unwrap();
    let mut restored = Heard {
        history: before,
        spans: heard.spans.clone(),
    };
    for one in [&mut heard, &mut restored] {
        assert!(!one.hears(&google(), "10:20", &good("fra3")));
    }
    assert_eq!(heard.spans, restored.spans);
}

/// What an address is known to hold, by backend: whether its TTL is constant, how long it was seen to be kept, and since when.
fn known(history: &History, site: &str) -> (bool, DateTime<Utc>, DateTime<Utc>, DateTime<Utc>) {
    let series = SeriesKey {
        question: asked(),
        source: google().into(),
    };
    let held = history.held(&series).unwrap();
    let (owner, value) = (asked().name, crate::audit::testing::rrset(&[GOOD]));
    let seen = held.at_backend(Some(site), &owner, &value).unwrap();
    (
        held.is_constant(Some(site), &owner, &value),
        seen.first_seen,
        seen.last_seen,
        seen.cached_until,
    )
}

#[test]
fn a_backend_that_is_seldom_heard_is_known_as_well_after_a_restart() {
    // Every third minute, or now and then; with a TTL that stands still, and one that counts down.
    for (turns, ttl) in [(3, 300), (3, 100), (10, 300), (10, 900)] {
        for counts_down in [false, true] {
            let mut heard = Heard::default();
            for minute in 0..60_u32 {
                let site = if minute % turns == 0 { "fra3" } else { "ams1" };
                let gone = if counts_down { minute * 60 % ttl } else { 0 };
                let when = format!("10:{minute:02}");
                heard.hears(&google(), &when, &a(&[GOOD], ttl - gone).at_site(site));
            }
            assert_eq!(heard.spans.len(), 2, "{turns} {ttl} {counts_down}");
            let restarted = heard.restarted();
            for site in ["fra3", "ams1"] {
                assert_eq!(
                    known(&heard.history, site),
                    known(&restarted.history, site),
                    "{site} {turns} {ttl} {counts_down}"
                );
            }
        }
    }
}

#[test]
fn a_restart_changes_no_verdict_of_a_resolver_whose_backends_take_turns() {
    for seed in 0..40 {
        let mut scene = Scene::new();
        let world = move |source: &Source, _: &Question, when: DateTime<Utc>| {
            let minute = (when - at("10:00")).num_minutes();
            let changed = minute >= 20 + seed % 20;
            if source.id != "google" {
                return a(&[if changed { BAD } else { GOOD }], 300);
            }
            let turn = ((minute * 0x9e37_79b9 + seed * 0x85eb_ca6b) >> 7) % 7;
            let site = ["fra3", "ams1", "ams1", "ams1", "ams1", "lhr2", "lhr2"][turn as usize];
            // Each cache holds on to its copy until that expires.
            let fetched = minute - (minute + seed + turn) % 5;
            let value = if fetched >= 20 + seed % 20 { BAD } else { GOOD };
            let left = u32::try_from(300 - 60 * (minute - fetched)).unwrap();
            a(&[value], left).at_site(site)
        };
        for nth in 0..45 {
            scene.round(at("10:00") + secs(60 * nth), &world);
        }
        let mut restarted = scene.restarted();
        for nth in 45..55 {
            let now = at("10:00") + secs(60 * nth);
            let [expected, found] = [&mut scene, &mut restarted].map(|one| one.round(now, &world));
            assert_eq!(expected.verdicts, found.verdicts, "{seed}, round {nth}");
        }
    }
}
