//! Which names an authority's failure explains the failures of.

use super::lab::{Lab, dialer, found, found_at_server, kinds, name, seen};
use crate::{
    audit::{
        finding::{Finding, FindingKind, Subject},
        incident::{Axis, TransitionKind::Opened},
        verdict::{State, Verdict},
    },
    types::{Question, RecordType, Severity},
};

/// A name outside of example.com.
fn foreign() -> Question {
    Question {
        name: name("www.example.net"),
        rtype: RecordType::A,
    }
}

/// Whether a verdict is told by itself beside a server of example.com that is lame for `questions`.
fn is_told(verdict: &Verdict, finding: &Finding) -> bool {
    let mut lab = Lab::new();
    for _ in 0..3 {
        lab.round_with(vec![verdict.clone()], vec![finding.clone()]);
    }
    let mut incidents = lab.ledger.incidents.iter();
    incidents.any(|one| one.key.axis == Axis::Name)
}

#[test]
fn a_server_explains_the_names_of_its_zone_and_those_that_it_was_asked_for() {
    let lame = found_at_server(FindingKind::LameAuthority, 1, 2);
    let servfail = |question: &Question| seen(question, "google", State::Servfail);
    assert!(
        !is_told(&servfail(&dialer(7)), &lame),
        "in its zone, though it was not asked for it"
    );
    assert!(is_told(&servfail(&foreign()), &lame));
    let asked = Finding {
        questions: vec![foreign()],
        ..lame.clone()
    };
    assert!(!is_told(&servfail(&foreign()), &asked));
    let alias = Verdict {
        link: Some(dialer(7).name),
        ..servfail(&foreign())
    };
    assert!(
        !is_told(&alias, &lame),
        "the link that decided lies in the zone"
    );
    let unplaced = Finding { zone: None, ..lame };
    assert!(is_told(&servfail(&dialer(7)), &unplaced));
    assert!(!is_told(&servfail(&dialer(2)), &unplaced));
}

/// What is told of a verdict in the three rounds after a server was unreachable for three.
fn told_after(severity: Severity, verdict: &Verdict) -> bool {
    let mut lab = Lab::new();
    let silent = Finding {
        severity,
        subject: Subject::Zone(name("example.com")),
        ..found(FindingKind::AuthorityUnreachable, &dialer(7))
    };
    for _ in 0..3 {
        let good = vec![seen(&dialer(7), "google", State::Consistent)];
        lab.round_with(good, vec![silent.clone()]);
    }
    let answers = seen(&dialer(8), "google", State::Consistent);
    let told = lab.rounds(3, &[verdict.clone(), answers]);
    kinds(&told).contains(&Opened)
}

#[test]
fn a_silent_zone_is_remembered_as_silence_and_one_silent_server_as_servfail_alone() {
    let unreachable = seen(&dialer(7), "google", State::Unreachable);
    let servfail = seen(&dialer(7), "google", State::Servfail);
    assert!(!told_after(Severity::Critical, &unreachable));
    assert!(
        told_after(Severity::Warning, &unreachable),
        "the other server could be asked"
    );
    assert!(!told_after(Severity::Warning, &servfail));
    assert!(!told_after(Severity::Critical, &servfail));
    let other = seen(&dialer(9), "google", State::Servfail);
    assert!(
        told_after(Severity::Critical, &other),
        "it was silent about other names"
    );
}
