//! AAAA records made of A records: as right or wrong as those.

use std::sync::Arc;

use crate::{
    audit::{
        testing::{
            ALIEN, BAD, GOOD, NAME, Reply, Scene, a, at, data, nodata, question, resolver, rrset,
        },
        verdict::{
            State::{Consistent, Divergent, Propagating, Unexplained},
            Verdict, VerdictFlag,
        },
    },
    types::{Question, RecordType, Resolver, Source, SourceKind},
};

/// 198.51.100.7, 203.0.113.7 and 192.0.2.66 behind the well-known prefix.
const MADE_OF: [(&str, &str); 3] = [
    (GOOD, "64:ff9b::c633:6407"),
    (BAD, "64:ff9b::cb00:7107"),
    (ALIEN, "64:ff9b::c000:242"),
];

fn aaaa(address: &str, ttl: u32) -> Reply {
    data().link(NAME, rrset(&[address]), ttl)
}

fn scene(types: &[RecordType]) -> Scene {
    let mut scene = Scene::new();
    scene.questions = types.iter().map(|rtype| question(NAME, *rtype)).collect();
    scene
}

/// The verdict on AAAA after three rounds, where the authority has GOOD and no AAAA, and a DNS64 says this.
fn judged(mut scene: Scene, made: &Reply) -> Verdict {
    let world = |source: &Source, question: &Question, _: chrono::DateTime<chrono::Utc>| match (
        source.kind,
        question.rtype,
    ) {
        (SourceKind::Resolver, RecordType::AAAA) => made.clone(),
        (SourceKind::Authority, RecordType::AAAA) => nodata(60),
        _ => a(&[GOOD], 60),
    };
    let round = scene.run("10:00", "10:03", &world).unwrap();
    let mut verdicts = round.verdicts.into_iter();
    verdicts
        .find(|verdict| verdict.question.rtype == RecordType::AAAA)
        .unwrap()
}

#[test]
fn an_address_that_the_authority_serves_may_be_embedded_and_no_other() {
    for types in [&[RecordType::A, RecordType::AAAA][..], &[RecordType::AAAA]] {
        for (origin, made) in MADE_OF {
            let verdict = judged(scene(types), &aaaa(made, 60));
            let expected = if origin == GOOD {
                Consistent
            } else {
                Divergent
            };
            assert_eq!(
                verdict.state, expected,
                "{types:?} {made}: {}",
                verdict.reason
            );
            assert!(verdict.reason.contains("DNS64"), "{}", verdict.reason);
        }
    }
    // One foreign address beside a right one is as bad.
    let mixed = data().link(NAME, rrset(&[MADE_OF[0].1, MADE_OF[2].1]), 60);
    assert_eq!(judged(scene(&[RecordType::AAAA]), &mixed).state, Divergent);
}

#[test]
fn a_prefix_of_ones_own_must_be_declared_or_the_answer_say_that_it_is_made_up() {
    let own = "2001:db8:64::c633:6407";
    let types = [RecordType::A, RecordType::AAAA];
    assert_eq!(judged(scene(&types), &aaaa(own, 60)).state, Divergent);
    let with_prefix = |prefix: &str| {
        let mut scene = scene(&types);
        let mut google: Resolver = (*resolver("google", "8.8.8.8", None)).clone();
        google.traits.dns64_prefix = Some(prefix.parse().unwrap());
        scene.resolvers = vec![Arc::new(google)];
        scene
    };
    assert_eq!(
        judged(with_prefix("2001:db8:64::/96"), &aaaa(own, 60)).state,
        Consistent
    );
    // 198.51.100.7 behind 64 bits leaves out the ninth octet.
    let short = "2001:db8:64:0:c6:3364:700::";
    assert_eq!(
        judged(with_prefix("2001:db8:64::/64"), &aaaa(short, 60)).state,
        Consistent
    );
    assert_eq!(
        judged(with_prefix("2001:db8:64::/96"), &aaaa(short, 60)).state,
        Divergent
    );
    // EDE 29, under whatever prefix, is believed as far as what it was made of is right.
    for (address, expected) in [
        (own, Consistent),
        (short, Consistent),
        ("2001:db8::7", Divergent),
    ] {
        let said = aaaa(address, 60).with_ede(29);
        assert_eq!(judged(scene(&types), &said).state, expected, "{address}");
    }
}

#[test]
fn a_name_with_aaaa_records_of_its_own_has_nothing_to_be_made() {
    let mut scene = scene(&[RecordType::A, RecordType::AAAA]);
    let world = |source: &Source, question: &Question, _: chrono::DateTime<chrono::Utc>| match (
        source.kind,
        question.rtype,
    ) {
        (SourceKind::Resolver, RecordType::AAAA) => aaaa(MADE_OF[0].1, 60),
        (SourceKind::Authority, RecordType::AAAA) => aaaa("2001:db8::7", 60),
        _ => a(&[GOOD], 60),
    };
    let round = scene.run("10:00", "10:03", &world).unwrap();
    assert!(
        round
            .verdicts
            .iter()
            .any(|verdict| verdict.state == Divergent)
    );
}

#[test]
fn what_was_made_of_a_past_address_propagates_as_that_does() {
    let mut scene = scene(&[RecordType::A, RecordType::AAAA]);
    let world = |source: &Source, question: &Question, now: chrono::DateTime<chrono::Utc>| {
        let old = now < at("10:02");
        match (source.kind, question.rtype) {
            (SourceKind::Resolver, RecordType::AAAA) => aaaa(MADE_OF[1].1, 200),
            (SourceKind::Authority, RecordType::AAAA) => nodata(60),
            (SourceKind::Authority, _) if old => a(&[BAD], 300),
            _ => a(&[GOOD], 60),
        }
    };
    let round = scene.run("10:00", "10:03", &world).unwrap();
    let made = |verdict: &&Verdict| verdict.question.rtype == RecordType::AAAA;
    let verdict = round.verdicts.iter().find(made).unwrap();
    assert_eq!(
        (verdict.state, verdict.deadline),
        (Propagating, Some(at("10:07")))
    );
}

/// The verdict on AAAA at the end of each of two rounds in which a DNS64 says that it made them of `ALIEN`, with AAAA asked
/// alone or beside A; the servers stop answering for A at this instant.
fn unconfirmed(types: &[RecordType], silent_from: &str, rounds: [&str; 2]) -> [Verdict; 2] {
    let (begin, silent_from) = (at(rounds[0]), at(silent_from));
    let world = |source: &Source, asked: &Question, now: chrono::DateTime<chrono::Utc>| match (
        source.kind,
        asked.rtype,
    ) {
        (SourceKind::Resolver, RecordType::AAAA) => {
            let made = MADE_OF[if now < begin { 0 } else { 2 }].1;
            aaaa(made, 60)
        }
        (SourceKind::Authority, RecordType::AAAA) => nodata(60),
        (SourceKind::Authority, _) if now >= silent_from => Reply::silence(),
        _ => a(&[GOOD], 60),
    };
    let mut scene = scene(types);
    scene.run("10:00", rounds[0], &world);
    rounds.map(|when| {
        let round = scene.round(at(when), &world);
        let made = |verdict: &&Verdict| verdict.question.rtype == RecordType::AAAA;
        round.verdicts.iter().find(made).unwrap().clone()
    })
}

#[test]
fn what_was_made_is_not_called_wrong_while_nobody_answers_for_the_a_records() {
    let both = [RecordType::A, RecordType::AAAA];
    // Their silence is older than three rounds, and shorter than the time for which what they said last counts.
    for verdict in unconfirmed(&both, "10:03", ["10:08", "10:09"]) {
        assert_eq!(verdict.state, Unexplained, "{}", verdict.reason);
        assert_eq!(verdict.flags, [VerdictFlag::LowConfidence]);
    }
    let [_, heard] = unconfirmed(&both, "10:30", ["10:08", "10:09"]);
    assert_eq!(heard.state, Divergent);
}

#[test]
fn a_records_that_are_asked_for_the_first_time_when_asked_again_are_an_answer() {
    let [first, second] = unconfirmed(&[RecordType::AAAA], "10:30", ["10:01", "10:02"]);
    assert_eq!((first.state, &*first.flags), (Unexplained, &[][..]));
    assert!(
        first.reason.contains("when its history begins"),
        "{}",
        first.reason
    );
    assert_eq!(second.state, Divergent, "{}", second.reason);
}

#[test]
fn what_was_made_is_not_called_wrong_by_what_was_said_of_the_a_records_before_it() {
    let both = [RecordType::A, RecordType::AAAA];
    // They answer at the beginning of the second round, and no more when they are asked again.
    let [_, unheard] = unconfirmed(&both, "10:09:01", ["10:08", "10:09"]);
    assert_eq!(unheard.state, Unexplained, "{}", unheard.reason);
    assert_eq!(unheard.flags, [VerdictFlag::LowConfidence]);
    let [_, heard] = unconfirmed(&both, "10:09:02", ["10:08", "10:09"]);
    assert_eq!(heard.state, Divergent, "{}", heard.reason);
}
