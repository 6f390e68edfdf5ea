//! A reply is judged by what was asked for: with CD=1 by configuration, or with RD=0, which only looks at a cache.

use crate::{
    audit::{
        testing::{
            BAD, GOOD, NAME, Reply, Scene, a, at, data, nodata, nxdomain, observe, resolver, says,
        },
        verdict::State::{
            self, Bogus, Consistent, Divergent, Filtered, NodataMismatch, NxdomainMismatch,
            Refused, Unknown, Unreachable,
        },
    },
    types::{Flags, QueryOptions, Rcode, Severity},
};

fn peeking() -> QueryOptions {
    QueryOptions {
        recursion_desired: Some(false),
        ..QueryOptions::default()
    }
}

/// What a resolver that refers, or holds nothing, says of `NAME`: NOERROR, and no SOA.
fn empty() -> Reply {
    let mut reply = nodata(60);
    for (_, ttls) in &mut reply.links {
        ttls.clear();
    }
    reply
}

#[track_caller]
fn check(options: QueryOptions, reply: &Reply, expected: State) {
    let mut scene = Scene::new();
    scene.options = options;
    scene.run("09:00", "09:03", &says(a(&[GOOD], 60), a(&[GOOD], 60)));
    let round = scene.round(at("09:03"), &says(a(&[GOOD], 60), reply.clone()));
    let verdict = round.at("google");
    assert_eq!(verdict.state, expected, "{reply:?}");
    if expected == Unknown {
        assert_eq!(verdict.severity, Severity::None);
        assert!(verdict.reason.contains("RD=0"), "{}", verdict.reason);
    }
}

#[test]
fn a_cache_that_holds_nothing_is_no_mismatch_and_no_failure() {
    let servfail = || Reply::rcode(Rcode::SERVFAIL);
    // A referral, an empty answer, and what some resolvers say to RD=0.
    for reply in [
        data(),
        empty(),
        servfail(),
        servfail().with_ede(20),
        data().with_ede(20),
    ] {
        check(peeking(), &reply, Unknown);
    }
    // What is in the cache is judged like anything else.
    check(peeking(), &a(&[GOOD], 30), Consistent);
    check(peeking(), &a(&[BAD], 30), Divergent);
    check(peeking(), &nxdomain(30), NxdomainMismatch);
    check(peeking(), &nodata(30), NodataMismatch);
    check(peeking(), &servfail().with_ede(6), Bogus);
    check(peeking(), &data().with_ede(15), Filtered);
    check(peeking(), &Reply::rcode(Rcode::REFUSED), Refused);
    check(peeking(), &Reply::silence(), Unreachable);
    // An alias whose target is not held says nothing of the target.
    let alias = data().alias(NAME, "lb.example.com", 30);
    let mut scene = Scene::new();
    scene.options = peeking();
    let whole = || {
        alias
            .clone()
            .link("lb.example.com", crate::audit::testing::rrset(&[GOOD]), 60)
    };
    scene.run("09:00", "09:03", &says(whole(), whole()));
    let round = scene.round(at("09:03"), &says(whole(), alias.clone()));
    assert_eq!(round.state("google"), Consistent);
}

#[test]
fn who_is_asked_with_recursion_is_held_to_an_answer() {
    let recursing = QueryOptions::default();
    check(recursing, &data(), Refused);
    check(recursing, &empty(), NodataMismatch);
    check(recursing, &Reply::rcode(Rcode::SERVFAIL), State::Servfail);
}

#[test]
fn a_resolvers_own_word_wins_over_its_groups() {
    let mut own = (*resolver("google", "8.8.8.8", None)).clone();
    own.options.recursion_desired = Some(true);
    let mut scene = Scene::new().with_resolvers(&[own.into()]);
    scene.options = peeking();
    scene.run("09:00", "09:03", &says(a(&[GOOD], 60), a(&[GOOD], 60)));
    let servfail = says(a(&[GOOD], 60), Reply::rcode(Rcode::SERVFAIL));
    assert_eq!(
        scene.round(at("09:03"), &servfail).state("google"),
        State::Servfail
    );
}

#[test]
fn what_a_cache_does_not_hold_is_no_voice_in_a_quorum() {
    let resolvers = [
        resolver("google", "8.8.8.8", None),
        resolver("quad9", "9.9.9.9", None),
        resolver("opendns", "208.67.222.222", None),
    ];
    let mut scene = Scene::new().with_resolvers(&resolvers);
    scene.options = peeking();
    let world = |source: &crate::types::Source, _: &_, _| match source.id.as_str() {
        "google" => empty(),
        "quad9" | "opendns" => a(&[GOOD], 60),
        _ => Reply::silence(),
    };
    let round = scene.round(at("09:00"), &world);
    assert_eq!(round.state("google"), Unknown);
    assert_eq!(round.state("quad9"), Consistent);
}

#[test]
fn with_cd_by_configuration_a_reply_that_echoes_it_is_a_sample_like_any_other() {
    let unchecked = |mut reply: Reply| {
        reply.flags = reply.flags.with(Flags::CD, true);
        reply
    };
    let asked = QueryOptions {
        checking_disabled: Some(true),
        ..QueryOptions::default()
    };
    let mut scene = Scene::new();
    scene.run("09:00", "09:03", &says(a(&[GOOD], 60), a(&[GOOD], 60)));
    let google = scene.resolvers[0].sources().next().unwrap();
    let question = scene.questions[0].clone();
    let one = |reply: &Reply| observe(&google, &question, at("09:03"), reply);
    // Loss beside an answer says nothing, whatever flags the answer carries.
    let samples = [one(&Reply::silence()), one(&unchecked(a(&[GOOD], 60)))];
    let failing = [
        one(&Reply::rcode(Rcode::SERVFAIL)),
        one(&unchecked(a(&[GOOD], 60))),
    ];
    for options in [asked, QueryOptions::default()] {
        scene.options = options;
        let verdicts = scene.judge(at("09:03:01"), &samples);
        assert_eq!(verdicts[0].state, Consistent, "{options:?}");
        let verdicts = scene.judge(at("09:03:01"), &failing);
        assert_eq!(verdicts[0].state, State::Servfail, "{options:?}");
    }
}

#[test]
fn that_one_backend_holds_nothing_is_less_than_what_another_holds() {
    let mut scene = Scene::new();
    scene.options = peeking();
    scene.run("09:00", "09:03", &says(a(&[GOOD], 60), a(&[GOOD], 60)));
    let google = scene.resolvers[0].sources().next().unwrap();
    let asked = scene.questions[0].clone();
    let samples = [
        observe(&google, &asked, at("09:03"), &a(&[GOOD], 30).at_site("fra")),
        observe(&google, &asked, at("09:03:01"), &empty().at_site("ams")),
    ];
    let verdicts = scene.judge(at("09:03:02"), &samples);
    assert_eq!(verdicts[0].state, Consistent);
    assert_eq!(verdicts[0].observed.site.as_deref(), Some("fra"));
}
