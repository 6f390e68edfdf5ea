//! Incidents of two runs, side by side.

use uuid::Uuid;

use super::{Outcome, Told, compare};
use crate::{
    audit::{
        incident::{Incident, Status},
        ledger::Ledger,
        testing::{at, incident},
    },
    types::Severity,
};

/// One that began then, and ended then.
fn lasting(id: u128, begin: &str, end: Option<&str>) -> Incident {
    Incident {
        id: Uuid::from_u128(id),
        opened_at: at(begin),
        resolved_at: end.map(at),
        status: end.map_or(Status::Open, |_| Status::Resolved),
        ..incident()
    }
}

fn told(incidents: &[Incident]) -> Told {
    Told::standing(&Ledger {
        incidents: incidents.to_vec(),
        ..Ledger::default()
    })
}

fn outcomes(did: &[Incident], would: &[Incident]) -> Vec<Outcome> {
    let compared = compare(&told(did), &told(would));
    compared.iter().map(|one| one.outcome).collect()
}

#[test]
fn incidents_of_one_subject_are_one_where_they_overlap_in_time() {
    let did = lasting(1, "10:00", Some("10:10"));
    let check = |begin, end, expected: &[Outcome]| {
        let would = lasting(2, begin, end);
        let outcomes = outcomes(std::slice::from_ref(&did), &[would]);
        assert_eq!(outcomes, expected, "{begin} {end:?}");
    };
    let apart = [Outcome::New, Outcome::Gone];
    check("10:05", None, &[Outcome::Changed]);
    check("10:10", Some("10:20"), &[Outcome::Changed]);
    check("10:10:01", Some("10:20"), &apart);
    check("09:00", Some("10:00"), &[Outcome::Changed]);
    check("09:00", Some("09:59:59"), &apart);
    check("09:00", Some("10:20"), &[Outcome::Changed]);
}

#[test]
fn what_is_told_alike_is_the_same_and_all_else_is_changed() {
    let open = lasting(1, "10:00", None);
    let ended = lasting(1, "10:00", Some("10:10"));
    let milder = Incident {
        severity: Severity::Warning,
        ..open.clone()
    };
    let same = std::slice::from_ref(&open);
    assert_eq!(outcomes(same, same), [Outcome::Same]);
    assert_eq!(outcomes(same, &[milder]), [Outcome::Changed]);
    assert_eq!(
        outcomes(same, std::slice::from_ref(&ended)),
        [Outcome::Changed]
    );
    let [compared] = compare(&told(same), &told(&[ended])).try_into().unwrap();
    let ends = [compared.did, compared.would].map(|one| one.unwrap().resolved_at);
    assert_eq!(ends, [None, Some(at("10:10"))]);
}

#[test]
fn of_one_outcome_the_earliest_comes_first_whatever_it_is_about() {
    let about = |subject: &str, mut incident: Incident| {
        incident.key.subject = subject.to_owned();
        incident
    };
    let would = [
        about("a.example A", lasting(1, "12:00", None)),
        about("b.example A", lasting(2, "11:00", None)),
        about("c.example A", lasting(3, "11:30", None)),
    ];
    let compared = compare(&Told::default(), &told(&would));
    let subjects: Vec<_> = compared.iter().map(|one| &*one.subject).collect();
    assert_eq!(subjects, ["b.example A", "c.example A", "a.example A"]);
}
