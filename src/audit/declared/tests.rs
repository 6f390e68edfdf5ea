//! What is expected, and what is excused.

mod progress;

use chrono::{DateTime, Utc};

use super::{Change, Declared, Flush, Matter};
use crate::{
    audit::testing::{ALIEN, BAD, GOOD, NAME, at, declared, name, planned, question, rrset},
    types::{Question, RecordType, Value},
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
    for (one, json) in declared.all().iter().zip(json.as_array().unwrap()) {
        assert_eq!(json["kind"], one.matter.kind().as_str());
    }
    let to = ["192.0.2.9", "lb.example.net", "NXDOMAIN", "2001:db8::1"];
    assert_eq!(json[0]["to"], serde_json::json!(to));
    assert_eq!(declared.all()[0].change().unwrap().to.texts(), to);
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
    let at_once = Change {
        until: at("15:00"),
        ..sound.clone()
    };
    assert_eq!(told(at_once), "");
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

#[test]
fn a_matter_concerns_the_time_from_its_instant_to_its_end() {
    let change = Change {
        until: at("16:00"),
        ..change(&[GOOD], "15:00")
    };
    let flush = Flush {
        at: at("15:59"),
        ..flush()
    };
    for matter in [Matter::Change(change), Matter::Flush(flush)] {
        let begins = matter.at().format("%H:%M").to_string();
        for (from, to, concerned) in [
            ("14:00", "14:59:59", false),
            ("14:00", &*begins, true),
            (&*begins, &*begins, true),
            ("12:00", "31T12:00", true),
            // A flush takes a minute.
            ("16:00", "17:00", true),
            ("16:00:01", "17:00", false),
        ] {
            let told = matter.concerns(at(from), at(to));
            assert_eq!(told, concerned, "{matter:?} {from} {to}");
        }
    }
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

/// Somebody had Quad9 forget the name at 15:00.
fn flush() -> Flush {
    Flush {
        resolver: "quad9".to_owned(),
        names: vec![name(NAME)],
        rtype: None,
        at: at("15:00"),
        comment: None,
    }
}

#[test]
fn a_flush_is_of_the_cache_behind_every_transport() {
    let declared = declared([Matter::Flush(flush())]);
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
        let others = ["opendns", resolver].into_iter();
        assert_eq!(flush().is_of_any(others), flushes == 1, "{resolver}");
    }
    assert!(!flush().is_of_any(["opendns"].into_iter()));
    let other = question("dialer8.example.com", RecordType::A);
    assert_eq!(declared.flushes("quad9", &other).count(), 0);
}

#[test]
fn a_flush_of_one_type_leaves_the_others_where_they_are() {
    let of_type = Flush {
        rtype: Some(RecordType::A),
        ..flush()
    };
    let declared = declared([Matter::Flush(of_type)]);
    for (rtype, flushes) in [(RecordType::A, 1), (RecordType::AAAA, 0)] {
        let asked = question(NAME, rtype);
        assert_eq!(
            declared.flushes("quad9", &asked).count(),
            flushes,
            "{rtype}"
        );
    }
}
