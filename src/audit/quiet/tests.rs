//! Which silences make sense, what is kept quiet by what, and which matchers mean an incident.

use super::*;
use crate::audit::testing;

fn at(minutes: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::minutes(minutes)
}

fn silence() -> Silence {
    let texts = vec!["group=dialers".to_owned()];
    Silence {
        id: Uuid::from_u128(1 << 100),
        matchers: texts.try_into().unwrap(),
        comment: "moving the dialers".to_owned(),
        made_by: "ann".to_owned(),
        made_at: at(0),
        via: Via::Cli,
        starts_at: at(0),
        ends_at: at(60),
        expired_at: None,
        expired_by: None,
    }
}

#[test]
fn a_silence_holds_from_its_beginning_up_to_its_end_or_till_somebody_ends_it() {
    let phases = [-1, 0, 59, 60].map(|minute| silence().phase(at(minute)).as_str());
    assert_eq!(phases, ["pending", "active", "active", "expired"]);
    let ended = Silence {
        expired_at: Some(at(10)),
        ..silence()
    };
    let phases = [9, 10].map(|minute| ended.phase(at(minute)).as_str());
    assert_eq!(phases, ["active", "expired"]);
}

#[test]
fn a_silence_that_makes_no_sense_is_refused_with_the_reason() {
    let with = |change: fn(&mut Silence)| {
        let mut silence = silence();
        change(&mut silence);
        silence.check()
    };
    assert_eq!(with(|_| {}), Ok(()));
    let reversed = with(|one| one.ends_at = one.starts_at);
    assert_eq!(reversed, Err(NoSilence::Reversed));
    assert_eq!(with(|one| one.made_at = at(60)), Err(NoSilence::Over));
    let month = with(|one| one.ends_at = at(60 * 24 * 30 + 1));
    assert_eq!(month, Err(NoSilence::TooLong));
    assert_eq!(with(|one| one.ends_at = at(60 * 24 * 30)), Ok(()));
    let no_comment = with(|one| one.comment = " ".to_owned());
    assert_eq!(no_comment, Err(NoSilence::NoComment));
}

fn window(matcher: &str) -> Window {
    Window {
        name: "weekly push".to_owned(),
        matchers: vec![matcher.to_owned()].try_into().unwrap(),
        until: at(60),
    }
}

#[test]
fn nothing_keeps_quiet_but_what_holds_now() {
    let during = |minute| Quiet::at(at(minute), vec![silence()], Vec::new()).is_empty();
    assert_eq!([-1, 0, 59, 60].map(during), [true, false, false, true]);
    assert!(Quiet::default().is_empty());
    assert!(!Quiet::at(at(0), Vec::new(), vec![window("group=sip")]).is_empty());
}

#[test]
fn an_incident_is_kept_quiet_by_what_matches_it_a_silence_before_a_window() {
    let (incident, tags) = (testing::incident(), BTreeMap::new());
    let of_sip = Silence {
        matchers: vec!["group=sip".to_owned()].try_into().unwrap(),
        ..silence()
    };
    let over = Silence {
        ends_at: at(10),
        ..silence()
    };
    let (dialers, all) = (
        window("group=dialers"),
        vec![window("group=sip"), window("group=dialers")],
    );
    let reason = |silences: &[&Silence], windows: &[Window]| {
        let silences = silences.iter().copied().cloned().collect();
        let quiet = Quiet::at(at(30), silences, windows.to_vec());
        quiet
            .reason(&incident, &tags)
            .map(|reason| reason.to_string())
    };
    let (silent, open) = (
        Some(Reason::Silence(&silence()).to_string()),
        Some(Reason::Window(&dialers).to_string()),
    );
    assert_eq!(reason(&[], &[]), None);
    assert_eq!(reason(&[&of_sip, &over], &[]), None);
    assert_eq!(reason(&[&of_sip, &silence()], &all), silent);
    assert_eq!(reason(&[&of_sip, &over], &all), open);
}

#[test]
fn a_reason_says_who_until_when_and_why() {
    let silence = silence();
    assert_eq!(
        Reason::Silence(&silence).to_string(),
        "silence 00000010 by ann until 1970-01-01T01:00:00Z: moving the dialers"
    );
    assert_eq!(
        Reason::Window(&window("group=dialers")).to_string(),
        "maintenance weekly push until 1970-01-01T01:00:00Z"
    );
}

#[test]
fn matchers_mean_an_incident_as_it_is_and_a_star_in_it_is_a_star() {
    let mut incident = testing::incident();
    incident.key.group = "dialers".into();
    incident.key.axis = Axis::Name;
    incident.key.subject = "*.example.com A".into();
    incident.verdict = "divergent".into();
    let begin = ["group=dialers", "axis=name", "state=divergent"];
    let matchers = matchers_of(&incident);
    assert_eq!(matchers[..3], begin);
    assert_eq!(matchers[3..], [r"name=~\*\.example\.com", "type=A"]);
    incident.key.axis = Axis::Resolver;
    incident.key.subject = "quad9".into();
    assert_eq!(matchers_of(&incident)[3..], ["resolver=quad9"]);
    incident.key.axis = Axis::Vantage;
    assert_eq!(matchers_of(&incident).len(), 3);
}
