//! Rows 1 to 5, first match wins, and what one operator's or two operators' failures are worth.

use crate::{
    audit::{
        testing::{
            BAD, GOOD, NAME, Reply, Scene, a, at, data, nxdomain, observe, resolver, rrset, says,
            server,
        },
        verdict::State::{
            self, Bogus, Consistent, Divergent, Filtered, Refused, Servfail, Unreachable,
        },
    },
    types::{Expect, Rcode, Severity, Status},
};

fn check(reply: Reply, expected: State) {
    let mut scene = Scene::new();
    scene.run("09:00", "09:03", &says(a(&[GOOD], 60), a(&[GOOD], 60)));
    let shown = format!("{reply:?}");
    let round = scene.round(at("09:03"), &says(a(&[GOOD], 60), reply));
    assert_eq!(round.state("google"), expected, "{shown}");
}

#[test]
fn each_row_wins_over_the_later_ones() {
    let servfail = || Reply::rcode(Rcode::SERVFAIL);
    check(Reply::silence(), Unreachable);
    check(Reply::no_route(), Unreachable);
    for rcode in [Rcode::REFUSED, Rcode::NOTIMP, Rcode::FORMERR] {
        check(Reply::rcode(rcode), Refused);
    }
    for code in [18, 20, 21, 28, 30] {
        check(servfail().with_ede(code), Refused);
    }
    check(nxdomain(60).with_ede(18), Refused);
    for code in [1, 2, 5, 6, 7, 8, 9, 10, 11, 12, 25, 27] {
        check(servfail().with_ede(code), Bogus);
    }
    for code in [0, 13, 14, 22, 23, 24, 15] {
        check(servfail().with_ede(code), Servfail);
    }
    for code in [4, 15, 16, 17] {
        check(a(&[GOOD], 60).with_ede(code), Filtered);
        check(data().with_ede(code), Filtered);
    }
    check(Reply::rcode(Rcode::REFUSED).with_ede(15), Refused);
    check(Reply::rcode(Rcode(9)), Refused);
    check(data(), Refused);
}

#[test]
fn remarks_beside_an_answer_do_not_change_what_it_is() {
    for code in [0, 1, 5, 10, 13, 20, 22, 23, 29, 33, 4_000] {
        check(a(&[GOOD], 60).with_ede(code), Consistent);
        check(a(&[BAD], 60).with_ede(code), Divergent);
    }
}

#[test]
fn sinkholes_that_an_authority_served_or_that_are_declared_are_no_blocks() {
    for address in ["0.0.0.0", "127.0.0.1", "127.0.0.53", "255.255.255.255"] {
        check(data().link(NAME, rrset(&[address]), 60), Filtered);
    }
    let loopback = || a(&["127.0.0.1"], 60);
    let mut scene = Scene::new();
    assert_eq!(
        scene
            .round(at("09:00"), &says(loopback(), loopback()))
            .state("google"),
        Consistent
    );
    let mut scene = Scene::new();
    scene.policy.expect = Expect {
        networks: vec!["127.0.0.0/8".parse().unwrap()],
        texts: Vec::new(),
    };
    let round = scene.round(at("09:00"), &says(a(&[GOOD], 60), loopback()));
    assert_eq!(round.state("google"), Consistent);
}

#[test]
fn only_an_operator_who_signs_blocks_is_believed_to_have_blocked() {
    check(nxdomain(60).signed_as_blocked(), State::NxdomainMismatch);
}

#[test]
fn servfail_at_two_operators_is_critical() {
    let both = [
        resolver("google", "8.8.8.8", None),
        resolver("isp", "192.0.2.53", None),
    ];
    let mut scene = Scene::new().with_resolvers(&both);
    let servfail = says(a(&[GOOD], 60), Reply::rcode(Rcode::SERVFAIL));
    let round = scene.round(at("09:00"), &servfail);
    for id in ["google", "isp"] {
        assert_eq!(
            (round.state(id), round.at(id).severity),
            (Servfail, Severity::Critical)
        );
    }
    let mut alone = Scene::new();
    assert_eq!(
        alone.round(at("09:00"), &servfail).at("google").severity,
        Severity::Warning
    );
}

#[test]
fn a_broken_reply_counts_only_where_nothing_better_came() {
    let mut scene = Scene::new();
    let (source, question) = (
        scene.resolvers[0].sources().next().unwrap(),
        scene.questions[0].clone(),
    );
    let mut broken = data();
    broken.status = Status::Malformed(Rcode::NOERROR);
    let broken = observe(&source, &question, at("09:00"), &broken);
    assert_eq!(
        scene.judge(at("09:01"), std::slice::from_ref(&broken))[0].state,
        Unreachable
    );
    let ns1 = server("ns1", "192.0.2.1").source();
    let round = [
        observe(&ns1, &question, at("09:00"), &a(&[GOOD], 60)),
        broken,
        observe(&source, &question, at("09:00:01"), &a(&[GOOD], 60)),
    ];
    scene.absorb(&round);
    assert_eq!(scene.judge(at("09:01"), &round)[0].state, Consistent);
}
