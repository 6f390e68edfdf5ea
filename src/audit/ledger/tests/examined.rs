//! Where the absence of a finding is clean, and where nobody looked.

use super::lab::{Lab, dialer, found, found_at_server, name, seen};
use crate::{
    audit::{
        finding::{Finding, FindingKind, Subject},
        ledger::AuthorityReach,
        verdict::{State, Verdict},
    },
    types::Severity,
};

fn good() -> Vec<Verdict> {
    vec![seen(&dialer(7), "google", State::Consistent)]
}

/// How many rounds the first incident counts as clean, after three that show `first` and one that shows `then`.
fn clean_after(first: &Finding, then: Vec<Finding>) -> u32 {
    let mut lab = Lab::new();
    for _ in 0..3 {
        lab.round_with(good(), vec![first.clone()]);
    }
    let id = lab.only().id;
    lab.round_with(good(), then);
    let incidents = &lab.ledger.incidents;
    incidents
        .iter()
        .find(|one| one.id == id)
        .unwrap()
        .clean_rounds
}

fn critical(finding: Finding) -> Finding {
    Finding {
        severity: Severity::Critical,
        ..finding
    }
}

#[test]
fn a_finding_is_not_clean_while_no_server_answers_for_its_names() {
    let high = found(FindingKind::TtlAbovePolicy, &dialer(7));
    let silent = |number| Finding {
        subject: Subject::Zone(name("example.com")),
        ..found(FindingKind::AuthorityUnreachable, &dialer(number))
    };
    assert_eq!(clean_after(&high, vec![]), 1);
    assert_eq!(clean_after(&high, vec![critical(silent(7))]), 0);
    assert_eq!(
        clean_after(&high, vec![critical(silent(8))]),
        1,
        "another name's"
    );
    assert_eq!(
        clean_after(&high, vec![silent(7)]),
        1,
        "one server of several"
    );
    let other = critical(found(FindingKind::ExpectedMismatch, &dialer(7)));
    assert_eq!(
        clean_after(&high, vec![other]),
        1,
        "it answered, and wrongly"
    );
}

#[test]
fn a_server_that_is_down_in_another_way_is_not_clean_and_what_others_do_is_no_matter() {
    let lame = found_at_server(FindingKind::LameAuthority, 1, 40);
    let silent = |server| found_at_server(FindingKind::AuthorityUnreachable, server, 40);
    assert_eq!(clean_after(&lame, vec![]), 1);
    assert_eq!(clean_after(&lame, vec![silent(1)]), 0);
    assert_eq!(clean_after(&lame, vec![silent(2)]), 1);
    let high = Finding {
        authorities: lame.authorities.clone(),
        ..found(FindingKind::TtlAbovePolicy, &dialer(7))
    };
    assert_eq!(clean_after(&lame, vec![high]), 1, "it serves");
    let lags = found_at_server(FindingKind::SerialLag, 1, 40);
    assert_eq!(clean_after(&lags, vec![silent(1)]), 0);
    assert_eq!(clean_after(&lags, vec![silent(2)]), 1);
}

#[test]
fn a_server_is_not_clean_in_a_round_that_asked_none() {
    let mut lab = Lab::new();
    for _ in 0..3 {
        lab.round_with(
            good(),
            vec![found_at_server(FindingKind::LameAuthority, 1, 1)],
        );
    }
    lab.authorities = AuthorityReach {
        asked: 0,
        answered: 0,
        lame: 0,
    };
    lab.round(good());
    assert_eq!(lab.only().clean_rounds, 0);
    lab.authorities = AuthorityReach {
        asked: 1,
        answered: 0,
        lame: 0,
    };
    lab.round(good());
    assert_eq!(lab.only().clean_rounds, 1);
}

#[test]
fn a_resolvers_own_finding_is_clean_only_where_that_resolver_answered() {
    let stretched = Finding {
        resolvers: vec!["google".to_owned()],
        ..found(FindingKind::TtlStretched, &dialer(7))
    };
    let clean = |state| {
        let mut lab = Lab::new();
        for _ in 0..2 {
            lab.round_with(good(), vec![stretched.clone()]);
        }
        lab.round(vec![
            seen(&dialer(7), "google", state),
            seen(&dialer(7), "quad9", State::Consistent),
        ]);
        let mut incidents = lab.ledger.incidents.iter();
        let own = incidents.find(|one| one.verdict == "ttl_stretched");
        own.unwrap().clean_rounds
    };
    assert_eq!(clean(State::Consistent), 1);
    assert_eq!(
        clean(State::Divergent),
        1,
        "a wrong answer has its TTL, too"
    );
    assert_eq!(clean(State::Unreachable), 0);
    assert_eq!(clean(State::Servfail), 0);
}
