//! What the first verdicts of a round leave in doubt, and is asked for.

use std::{slice, sync::Arc};

use crate::{
    audit::{
        judge::Again,
        testing::{
            ALIEN, GOOD, NAME, Reply, Scene, a, at, data, nodata, observe, question, resolver,
            rrset,
        },
    },
    types::{Question, RecordType, Resolver},
};

/// 198.51.100.7 behind the well-known prefix.
const MADE: &str = "64:ff9b::c633:6407";

/// What is asked again of a round in which ns1 says the first of a question and google the second.
fn again(asked: &Question, said: &Reply, answered: &Reply) -> Again {
    again_at(&Scene::new().resolvers, asked, said, answered)
}

/// The same of the first of these resolvers.
fn again_at(
    resolvers: &[Arc<Resolver>],
    asked: &Question,
    said: &Reply,
    answered: &Reply,
) -> Again {
    let mut scene = Scene::new().with_resolvers(resolvers);
    scene.questions = vec![asked.clone()];
    let zone = scene.zones.zone_of(&asked.name).unwrap();
    let authority = zone.servers[0].source();
    let first = scene.resolvers[0].sources().next().unwrap();
    let observations = [
        observe(&authority, asked, at("10:00"), said),
        observe(&first, asked, at("10:00"), answered),
    ];
    scene.absorb(&observations);
    let now = at("10:00:01");
    let verdicts = scene.judge(now, &observations);
    Again::of(&scene.input(now, &observations), &verdicts)
}

#[test]
fn nothing_is_asked_again_where_nothing_is_in_doubt() {
    let right = again(
        &question(NAME, RecordType::A),
        &a(&[GOOD], 60),
        &a(&[GOOD], 60),
    );
    assert!(right.is_empty(), "{right:?}");
    let wrong = again(
        &question(NAME, RecordType::A),
        &a(&[GOOD], 60),
        &a(&[ALIEN], 60),
    );
    assert!(!wrong.is_empty(), "{wrong:?}");
    // Whether a failure is one of validation is a doubt by itself.
    let unchecked = Again {
        plain: Vec::new(),
        ..wrong.clone()
    };
    assert!(unchecked.is_empty(), "{unchecked:?}");
    let unchecked = Again {
        unchecked: wrong.plain,
        ..unchecked
    };
    assert!(!unchecked.is_empty(), "{unchecked:?}");
}

#[test]
fn the_a_records_are_asked_for_only_where_aaaa_records_may_be_made_of_them() {
    let six = question(NAME, RecordType::AAAA);
    let records = |records: &[&str]| data().link(NAME, rrset(records), 60);
    let origins = |asked: &Question, answered: &Reply| again(asked, &nodata(60), answered).origins;
    let four = question(NAME, RecordType::A);
    assert_eq!(origins(&six, &records(&[MADE])), slice::from_ref(&four));
    assert_eq!(origins(&six, &records(&["2001:db8::7"])), []);
    assert_eq!(
        origins(&six, &records(&["2001:db8::7"]).with_ede(29)),
        slice::from_ref(&four)
    );
    assert_eq!(origins(&four, &records(&[GOOD]).with_ede(29)), []);
    assert_eq!(origins(&four, &records(&[GOOD])), []);
}

#[test]
fn the_a_records_are_asked_for_where_an_alias_leads() {
    let six = question(NAME, RecordType::AAAA);
    let target = "lb.example.com";
    let chain = data().alias(NAME, target, 60);
    let said = chain.clone().link(target, crate::types::Value::Nodata, 60);
    let made = chain.link(target, rrset(&[MADE]), 60);
    assert_eq!(
        again(&six, &said, &made).origins,
        [question(target, RecordType::A)]
    );
}

#[test]
fn a_prefix_of_ones_own_is_that_of_the_resolver_it_is_declared_of() {
    let google = resolver("google", "8.8.8.8", None);
    let mut office = Resolver::clone(&resolver("office", "192.0.2.53", None));
    office.traits.dns64_prefix = Some("2001:db8:64::/96".parse().unwrap());
    let office = Arc::new(office);
    let six = question(NAME, RecordType::AAAA);
    let made = data().link(NAME, rrset(&["2001:db8:64::c633:6407"]), 60);
    let origins = |first: &Arc<Resolver>, second: &Arc<Resolver>| {
        let resolvers = [first.clone(), second.clone()];
        again_at(&resolvers, &six, &nodata(60), &made).origins
    };
    let four = question(NAME, RecordType::A);
    assert_eq!(origins(&office, &google), [four]);
    assert_eq!(origins(&google, &office), []);
}
