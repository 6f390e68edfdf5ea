//! How long matters are remembered, how many messages they may cost, and which ones prove them.

use super::*;
use crate::audit::testing::name;

const OTHER: &str = "dialer8.example.com";

impl Lab {
    /// A round of a minute later, as it was heard and judged.
    fn choose(
        &mut self,
        observations: &[Observation],
        verdicts: &[Verdict],
        findings: &[Finding],
    ) -> Choice {
        self.keeper.choose(&JudgedRound {
            number: self.minute,
            observations,
            verdicts,
            findings,
            now: self.now(),
        })
    }

    /// A round in which ns1 serves what policy does not allow.
    fn found(&mut self) -> Choice {
        self.minute += 1;
        let ns1 = server("ns1", "192.0.2.1").source();
        let right = self.observation(&ns1, NAME, &a(&[GOOD], 86_400), 0);
        let finding = Finding {
            kind: FindingKind::TtlAbovePolicy,
            severity: Severity::Warning,
            subject: Subject::Question(right.question.clone()),
            zone: None,
            questions: vec![right.question.clone()],
            resolvers: Vec::new(),
            authorities: Vec::new(),
            baseline: None,
            observed: vec![seen(&right)],
            at: self.now(),
            reason: String::new(),
        };
        self.choose(&[right], &[], &[finding])
    }

    /// Spends all but a thousand octets.
    fn drain(&mut self) {
        while self.keeper.budget.spend(1_000, true) {}
    }
}

#[test]
fn an_observation_costs_its_octets_and_a_row() {
    let lab = Lab::new();
    let heard = lab.observation(&google(), NAME, &a(&[GOOD], 300), 0);
    assert_eq!(budget::octets(&heard), 40 + 60 + 100);
    let silent = lab.observation(&google(), NAME, &Reply::silence(), 0);
    assert_eq!(budget::octets(&silent), 0);
}

#[test]
fn what_lasts_is_proved_by_the_sample_that_decided() {
    let mut lab = Lab::new();
    for _ in 1..=4 {
        lab.minute += 1;
        let samples = [GOOD, BAD, GOOD].into_iter().zip(1..);
        let samples: Vec<_> = samples
            .map(|(address, nth)| lab.observation(&google(), NAME, &a(&[address], 300), nth))
            .collect();
        let verdict = verdict(&samples[1], State::Divergent, Severity::Critical);
        lab.choose(&samples, &[verdict], &[]);
    }
    let kept = lab.good();
    assert_eq!(kept[0], format!("divergent google {BAD} of 4"));
}

/// The names of what is kept for being right, in order.
fn names_of_right(choice: &Choice) -> Vec<&str> {
    let kept = choice.kept.iter();
    let right = kept.filter(|one| one.ground == Ground::Baseline);
    right
        .map(|one| one.observation.question.name.as_str())
        .collect()
}

#[test]
fn each_name_is_held_against_what_was_right_of_it() {
    let mut lab = Lab::new();
    lab.names.push(OTHER.to_owned());
    let choice = lab.round(State::Divergent, Severity::Critical, &a(&[BAD], 300));
    assert_eq!(names_of_right(&choice), [NAME, OTHER]);
}

#[test]
fn what_was_right_of_the_link_that_decided_is_kept_too() {
    for (link, kept) in [
        (None, vec![NAME]),
        (Some(NAME), vec![NAME]),
        (Some("lb.example.net"), vec![NAME, "lb.example.net"]),
    ] {
        let mut lab = Lab::new();
        let ns1 = server("ns1", "192.0.2.1").source();
        let said = |owner, nth| lab.observation(&ns1, owner, &a(&[GOOD], 300), nth);
        let right = [said(NAME, 0), said("lb.example.net", 1), said(OTHER, 2)];
        let sample = lab.observation(&google(), NAME, &a(&[BAD], 300), 3);
        let verdict = Verdict {
            link: link.map(name),
            ..verdict(&sample, State::Divergent, Severity::Critical)
        };
        let choice = lab.choose(&[&right[..], &[sample]].concat(), &[verdict], &[]);
        assert_eq!(names_of_right(&choice), kept);
    }
}

#[test]
fn whom_it_was_held_against_is_kept_and_nobody_else() {
    for (kind, who) in [
        (BaselineKind::Authority, "ns1"),
        (BaselineKind::Quorum, "quad9"),
    ] {
        let mut lab = Lab::new();
        let ns1 = server("ns1", "192.0.2.1").source();
        let quad9 = Source {
            id: "quad9".to_owned(),
            address: "9.9.9.9:53".parse().unwrap(),
            ..google()
        };
        let said = |source, address, nth| lab.observation(source, NAME, &a(&[address], 300), nth);
        let heard = [
            said(&ns1, GOOD, 0),
            said(&quad9, ALIEN, 1),
            said(&google(), BAD, 2),
        ];
        let mut verdict = verdict(&heard[2], State::Divergent, Severity::Critical);
        verdict.baseline.as_mut().unwrap().kind = kind;
        let choice = lab.choose(&heard, &[verdict], &[]);
        let kept = choice.kept.iter();
        let right = kept.filter(|one| one.ground == Ground::Baseline);
        let right: Vec<_> = right.map(|one| &*one.observation.source.id).collect();
        assert_eq!(right, [who]);
    }
}

#[test]
fn of_what_nobody_is_told_of_nothing_is_kept_back() {
    let mut lab = Lab::new();
    for _ in 1..=5 {
        lab.round(State::Propagating, Severity::None, &a(&[BAD], 300));
    }
    let end = [
        format!("consistent google {GOOD} of 6"),
        format!("baseline ns1 {GOOD} of 6"),
    ];
    assert_eq!(lab.good(), end);
}

#[test]
fn an_end_costs_what_was_kept_back_as_well() {
    let mut lab = Lab::new();
    lab.wire = wire(65_000);
    for _ in 1..=5 {
        lab.bad(BAD);
    }
    lab.drain();
    // Three minutes pay for two messages, and not for a third.
    lab.minute += 2;
    let end = |lab: &mut Lab| lab.round(State::Consistent, Severity::None, &a(&[GOOD], 300));
    let refused = end(&mut lab);
    assert_eq!((refused.kept.len(), refused.refused), (0, 1));
    lab.minute += 1;
    let kept = [
        format!("divergent google {BAD} of 5"),
        format!("consistent google {GOOD} of 10"),
        format!("baseline ns1 {GOOD} of 10"),
    ];
    assert_eq!(told(&end(&mut lab)), kept);
}

#[test]
fn a_finding_that_there_is_no_room_for_goes_on() {
    let mut lab = Lab::new();
    lab.wire = wire(65_000);
    let mut choices = Vec::new();
    for minute in 1..=5 {
        if minute == 3 {
            lab.drain();
        }
        let choice = lab.found();
        choices.push((choice.kept.len(), choice.refused));
    }
    // Three rounds are its beginning, and the third of them is the fourth.
    assert_eq!(choices, [(1, 0), (1, 0), (0, 1), (1, 0), (0, 0)]);
}

#[test]
fn the_last_word_of_a_finding_is_refused_where_there_is_no_room_for_it() {
    let mut lab = Lab::new();
    lab.wire = wire(65_000);
    for _ in 1..=5 {
        lab.found();
    }
    lab.drain();
    lab.minute += 1;
    let last = lab.choose(&[], &[], &[]);
    assert_eq!((last.kept.len(), last.refused), (0, 1));
}

#[test]
fn what_is_over_is_forgotten_an_hour_after_it_was_kept() {
    let mut lab = Lab::new();
    lab.bad(BAD);
    for minute in 2..=60 {
        lab.good();
        assert!(!lab.keeper.pairs.is_empty(), "{minute}");
    }
    lab.good();
    assert!(lab.keeper.pairs.is_empty());
}

#[test]
fn what_nobody_judges_any_more_is_forgotten_after_two_hours() {
    let mut lab = Lab::new();
    lab.bad(BAD);
    lab.minute = 2 * 60;
    lab.choose(&[], &[], &[]);
    assert!(!lab.keeper.pairs.is_empty());
    lab.minute += 1;
    lab.choose(&[], &[], &[]);
    assert!(lab.keeper.pairs.is_empty());
}

#[test]
fn twelve_beginnings_and_ends_are_kept_until_the_hour_is_over() {
    let mut lab = Lab::new();
    for minute in 1..=61 {
        let kept = if minute % 2 == 1 {
            lab.bad(BAD)
        } else {
            lab.good()
        };
        let is_kept = minute <= 12 || minute == 61;
        assert_eq!(!kept.is_empty(), is_kept, "{minute}: {kept:?}");
    }
}

#[test]
fn the_first_sixteen_answers_are_kept_and_no_other() {
    let mut lab = Lab::new();
    let mut answer = 0;
    let mut another = |lab: &mut Lab| {
        answer += 1;
        lab.bad(&format!("198.51.100.{answer}")).len()
    };
    // Twelve in the first hour, and four in the next.
    let first: Vec<_> = (1..=12).map(|_| another(&mut lab)).collect();
    lab.minute = 60;
    let second: Vec<_> = (61..=64).map(|_| another(&mut lab)).collect();
    assert_eq!([first, second].concat(), [4; 16]);
    assert_eq!(another(&mut lab), 0);
}
