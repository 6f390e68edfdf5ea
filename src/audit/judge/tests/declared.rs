//! Declared changes: the new value is right at once, and the old one goes the way of every old value.

use chrono::{DateTime, Utc};

use crate::{
    audit::{
        declared::{Change, Matter},
        evidence::BaselineKind,
        testing::{
            ALIEN, BAD, GOOD, NAME, Reply, Scene, a, at, data, declared, name, nxdomain, planned,
            question, rrset, says, secs, server, zone,
        },
        verdict::{
            State::{self, Consistent, Divergent, Propagating, StaleOverdue, Unexplained},
            VerdictFlag,
        },
    },
    types::{Expect, Mode, Question, RecordType, Source, SourceKind},
};

/// The authority gave `BAD` for an hour, as the resolver saw.
fn settled(changes: &[Change]) -> Scene {
    let mut scene = Scene::new();
    scene.run("09:00", "10:00", &says(a(&[BAD], 60), a(&[BAD], 60)));
    scene.declared = declared(changes.iter().cloned().map(Matter::Change));
    scene
}

/// What the resolver's `reply` comes to at 10:00 and some seconds, while the authority still says `BAD`.
fn check(changes: &[Change], reply: Reply, expected: State) {
    let round = settled(changes).round(at("10:00"), &says(a(&[BAD], 60), reply));
    let verdict = round.at("google");
    assert_eq!(verdict.state, expected, "{changes:?}: {}", verdict.reason);
}

#[test]
fn a_declared_value_is_right_before_an_authority_was_seen_with_it() {
    let good = || a(&[GOOD], 60);
    check(&[], good(), Divergent);
    check(&[planned(&[GOOD], at("09:59"))], good(), Consistent);
    // Not due yet, something else, something beside it, over, of another type.
    check(&[planned(&[GOOD], at("10:01"))], good(), Divergent);
    check(&[planned(&[ALIEN], at("09:59"))], good(), Divergent);
    check(
        &[planned(&[GOOD], at("09:59"))],
        a(&[GOOD, ALIEN], 60),
        Divergent,
    );
    let over = Change {
        until: at("09:59:59"),
        ..planned(&[GOOD], at("09:00"))
    };
    check(&[over], good(), Divergent);
    let of_type = Change {
        rtype: Some(RecordType::AAAA),
        ..planned(&[GOOD], at("09:59"))
    };
    check(&[of_type], good(), Divergent);
}

#[test]
fn the_verdict_says_on_whose_word_it_stands() {
    let mut scene = settled(&[planned(&[GOOD], at("09:59"))]);
    let round = scene.round(at("10:00"), &says(a(&[BAD], 60), a(&[GOOD], 60)));
    let verdict = round.at("google");
    let baseline = verdict.baseline.as_ref().unwrap();
    assert_eq!(baseline.kind, BaselineKind::Declared);
    assert_eq!(baseline.records, [GOOD]);
    let reason = "a change to this is declared from 2020-08-30T09:59:00Z on";
    assert_eq!(verdict.reason, reason);
}

#[test]
fn the_old_value_is_past_as_always() {
    let mut scene = settled(&[planned(&[GOOD], at("09:59"))]);
    let world = says(a(&[GOOD], 60), a(&[BAD], 60));
    // Its last poll with the old value was at 09:59: with a TTL of 60 s it may be held until a minute after the next.
    assert_eq!(
        scene.round(at("10:00"), &world).state("google"),
        Propagating
    );
    let late = scene.run("10:01", "10:06", &world).unwrap();
    assert_eq!(late.state("google"), StaleOverdue);
}

#[test]
fn what_was_taken_back_after_the_change_is_past_and_what_was_over_before_it_is_right_again() {
    let world = |source: &Source, _: &Question, now: DateTime<Utc>| match source.kind {
        SourceKind::Authority if now >= at("09:10") && now < at("09:20") => a(&[GOOD], 60),
        _ => a(&[BAD], 60),
    };
    for (from, expected) in [("09:05", StaleOverdue), ("09:30", Consistent)] {
        let mut scene = Scene::new();
        scene.run("09:00", "10:00", &world);
        scene.declared = declared([Matter::Change(planned(&[GOOD], at(from)))]);
        let round = scene.round(at("10:00"), &says(a(&[BAD], 60), a(&[GOOD], 60)));
        assert_eq!(round.state("google"), expected, "{from}");
    }
}

#[test]
fn a_declared_address_joins_a_pool_and_an_outsider_does_not() {
    for (reply, expected) in [
        (a(&[BAD, GOOD], 60), Consistent),
        (a(&[BAD, GOOD, ALIEN], 60), Divergent),
    ] {
        let mut scene = Scene::new();
        scene.policy.mode = Mode::Pool;
        scene.run("09:00", "10:00", &says(a(&[BAD], 60), a(&[BAD], 60)));
        scene.declared = declared([Matter::Change(planned(&[GOOD], at("09:59")))]);
        let round = scene.round(at("10:00"), &says(a(&[BAD], 60), reply));
        assert_eq!(round.state("google"), expected);
    }
}

#[test]
fn a_declared_alias_is_right_with_whatever_it_leads_to() {
    let alias = || {
        let target = "lb.example.net";
        data()
            .alias(NAME, target, 60)
            .link(target, rrset(&[GOOD]), 60)
    };
    check(&[], alias(), Divergent);
    check(
        &[planned(&["lb.example.net"], at("09:59"))],
        alias(),
        Consistent,
    );
    check(&[planned(&[GOOD], at("09:59"))], alias(), Consistent);
    check(&[planned(&[ALIEN], at("09:59"))], alias(), Divergent);
}

#[test]
fn a_change_of_an_alias_target_is_declared_by_its_own_name_or_by_the_alias() {
    let target = "lb.example.net";
    for names in [vec![NAME], vec![target]] {
        let mut scene = Scene::new();
        scene
            .zones
            .insert(zone("example.net", vec![server("ns", "192.0.2.9")]));
        scene.targets = vec![question(target, RecordType::A)];
        let says_of = |address: &'static str| {
            move |source: &Source, asked: &Question, _: DateTime<Utc>| {
                let end = |reply: Reply| reply.link(target, rrset(&[address]), 60);
                match source.kind {
                    SourceKind::Authority if asked.name == name(target) => {
                        data().link(target, rrset(&[BAD]), 60)
                    }
                    SourceKind::Authority => data().alias(NAME, target, 60),
                    SourceKind::Resolver => end(data().alias(NAME, target, 60)),
                }
            }
        };
        scene.run("09:00", "10:00", &says_of(BAD));
        let silent = scene.clone().round(at("10:00"), &says_of(GOOD));
        assert_eq!(silent.state("google"), Divergent, "{names:?}");
        let change = Change {
            names: names.iter().map(|text| name(text)).collect(),
            ..planned(&[GOOD], at("09:59"))
        };
        scene.declared = declared([Matter::Change(change)]);
        let round = scene.round(at("10:00"), &says_of(GOOD));
        assert_eq!(round.state("google"), Consistent, "{names:?}");
    }
}

#[test]
fn a_denial_is_declared_in_so_many_words() {
    let gone = || nxdomain(60);
    check(&[planned(&["NXDOMAIN"], at("09:59"))], gone(), Consistent);
    check(
        &[planned(&["NODATA"], at("09:59"))],
        gone(),
        State::NxdomainMismatch,
    );
}

#[test]
fn a_declared_value_is_no_mismatch_beside_what_the_configuration_expects() {
    let mut scene = Scene::new();
    scene.policy.expect = Expect {
        networks: vec![BAD.parse::<std::net::IpAddr>().unwrap().into()],
        texts: Vec::new(),
    };
    let world = says(a(&[GOOD], 60), a(&[GOOD], 60));
    let flagged = |scene: &Scene| {
        let round = scene.clone().round(at("10:00") + secs(60), &world);
        let verdict = round.at("google").clone();
        assert_eq!(verdict.state, Consistent);
        verdict.flags.contains(&VerdictFlag::ExpectedMismatch)
    };
    assert!(flagged(&scene));
    scene.declared = declared([Matter::Change(planned(&[GOOD], at("10:00")))]);
    assert!(!flagged(&scene));
}

#[test]
fn a_declaration_stands_where_no_authority_ever_answered() {
    let mut scene = Scene::new();
    let world = says(Reply::silence(), a(&[GOOD], 60));
    assert_eq!(
        scene.round(at("10:00"), &world).state("google"),
        Unexplained
    );
    scene.declared = declared([Matter::Change(planned(&[GOOD], at("10:00")))]);
    assert_eq!(scene.round(at("10:01"), &world).state("google"), Consistent);
}
