//! What a verdict's sentence says where several might stand there, and what counts as turned away.

use chrono::TimeDelta;

use crate::{
    audit::{
        judge::is_turned_away,
        testing::{
            BAD, GOOD, NAME, Reply, Scene, a, at, data, nodata, nxdomain, observe, question,
            resolver, rrset, says, secs,
        },
        verdict::State::{self, Consistent, Filtered, Propagating, Refused, Servfail, Unreachable},
    },
    types::{Flags, Question, Rcode, RecordType, Source, SourceKind, Value},
};

/// State and sentence of one reply of a resolver, beside an authority that answers.
fn said(reply: Reply) -> (State, String) {
    let round = Scene::new().round(at("10:00"), &says(a(&[GOOD], 300), reply));
    let verdict = round.at("google");
    (verdict.state, verdict.reason.clone())
}

#[test]
fn a_failure_says_what_is_known_of_its_cause() {
    let servfail = || Reply::rcode(Rcode::SERVFAIL);
    let empty = Reply {
        links: Vec::new(),
        ..data()
    };
    let cases = [
        (servfail(), Servfail, "answered SERVFAIL"),
        (
            servfail().with_ede(22),
            Servfail,
            "answered SERVFAIL: it cannot reach the authority",
        ),
        (
            servfail().with_ede(13),
            Servfail,
            "answered SERVFAIL from its cache of failures, which may last for up to 300 s",
        ),
        (
            servfail().with_ede(18),
            Refused,
            "answered SERVFAIL with EDE 18",
        ),
        (Reply::rcode(Rcode::REFUSED), Refused, "answered REFUSED"),
        (empty, Refused, "answered with neither data nor a denial"),
        (Reply::rcode(Rcode(9)), Refused, "answered NOTAUTH"),
        (
            Reply::silence(),
            Unreachable,
            "did not answer within 1 attempts",
        ),
        (
            Reply::no_route(),
            Unreachable,
            "cannot be reached from here: no route",
        ),
    ];
    for (reply, state, ending) in cases {
        let (found, sentence) = said(reply);
        assert_eq!(found, state, "{sentence}");
        assert!(sentence.ends_with(ending), "{sentence}");
    }
}

#[test]
fn what_leaves_the_question_as_it_was_is_turned_away() {
    let source = resolver("google", "8.8.8.8", None)
        .sources()
        .next()
        .unwrap();
    let is = |reply: &Reply, peeks| {
        let asked = question(NAME, RecordType::A);
        is_turned_away(&observe(&source, &asked, at("10:00"), reply), peeks)
    };
    let servfail = || Reply::rcode(Rcode::SERVFAIL);
    let away = [
        Reply::silence(),
        Reply::rcode(Rcode::REFUSED),
        Reply::rcode(Rcode(9)),
        servfail().with_ede(18),
        nxdomain(60).with_ede(20),
        data(),
    ];
    for reply in away {
        assert!(is(&reply, false), "{reply:?}");
    }
    let answered = [
        a(&[GOOD], 60),
        a(&[GOOD], 60).with_ede(18),
        nxdomain(60),
        nodata(60),
        servfail(),
        data().with_ede(15),
    ];
    for reply in answered {
        assert!(!is(&reply, false), "{reply:?}");
    }
    assert!(!is(&data(), true), "its cache holds nothing");
    assert!(
        !is(&servfail().with_ede(20), true),
        "nobody asked it to be authoritative"
    );
    assert!(is(&nxdomain(60).with_ede(18), true));
    assert!(is(&Reply::rcode(Rcode(9)), true));
}

#[test]
fn a_block_is_known_by_all_of_its_signature() {
    let blocked = || nxdomain(0).signed_as_blocked();
    let state = |reply: Reply| {
        let mut scene = Scene::new().with_resolvers(&[resolver("quad9", "9.9.9.9", None)]);
        scene
            .round(at("10:00"), &says(nxdomain(300), reply))
            .state("quad9")
    };
    assert_eq!(state(blocked()), Filtered);
    let with = |flag| Reply {
        flags: Flags::default().with(flag, true),
        ..blocked()
    };
    assert_eq!(state(with(Flags::RA)), Consistent);
    assert_eq!(state(with(Flags::AUTHORITY_SECTION)), Consistent);
    assert_eq!(
        said(blocked()).0,
        State::Unexplained,
        "nobody else signs so"
    );
}

#[test]
fn an_address_that_leads_nowhere_is_a_sinkhole_in_either_family() {
    for (rtype, good, nowhere) in [
        (
            RecordType::A,
            GOOD,
            ["0.0.0.0", "127.0.0.1", "255.255.255.255"].as_slice(),
        ),
        (RecordType::AAAA, "2001:db8::7", ["::", "::1"].as_slice()),
    ] {
        for address in nowhere {
            let holds = |record: &str| data().link(NAME, rrset(&[record]), 60);
            let mut scene = Scene::new();
            scene.questions = vec![question(NAME, rtype)];
            let round = scene.round(at("10:00"), &says(holds(good), holds(address)));
            assert_eq!(round.state("google"), Filtered, "{address}");
        }
    }
}

/// G since 15:10, B before, with a TTL of 300; the resolver gives B at exactly `when`.
fn late(when: &str, ttl: u32, cap: Option<u32>) -> (State, TimeDelta) {
    let world = |source: &Source, _: &Question, now| match source.kind {
        SourceKind::Authority => a(&[if now < at("15:10") { BAD } else { GOOD }], 300),
        SourceKind::Resolver => Reply {
            late: TimeDelta::milliseconds(-5),
            ..a(&[BAD], ttl)
        },
    };
    let mut scene = Scene::new().with_resolvers(&[resolver("google", "8.8.8.8", cap)]);
    let resolvers = std::mem::take(&mut scene.resolvers);
    scene.run("15:00", when, &world);
    scene.resolvers = resolvers;
    let verdict = scene.round(at(when), &world).at("google").clone();
    (
        verdict.state,
        verdict.worst_case_until.unwrap() - at("15:10"),
    )
}

#[test]
fn the_worst_case_is_the_honest_one_until_more_than_five_seconds_beyond_it_were_seen() {
    // D = 15:15.
    assert_eq!(late("15:11", 244, None), (Propagating, secs(300)));
    assert_eq!(
        late("15:11", 245, None),
        (Propagating, secs(300)),
        "15:15:05"
    );
    assert_eq!(late("15:11", 237, None), (Propagating, secs(300)));
    assert_eq!(
        late("15:11", 100, Some(60)),
        (Propagating, secs(160)),
        "more than its cap"
    );
    assert_eq!(
        late("15:11", 5, Some(60)),
        (Propagating, secs(60)),
        "15:11:05"
    );
    assert_eq!(
        late("15:11", 6, Some(60)),
        (Propagating, secs(66)),
        "15:11:06"
    );
}

#[test]
fn without_an_authority_more_than_half_of_the_operators_must_agree() {
    let states = |good: usize, of: usize| {
        let ids: Vec<_> = (1..=of).map(|nth| format!("r{nth}")).collect();
        let resolvers: Vec<_> = (1..=of)
            .map(|nth| resolver(&ids[nth - 1], &format!("192.0.2.{}", 100 + nth), None))
            .collect();
        let mut scene = Scene::new().with_resolvers(&resolvers);
        let world = |source: &Source, _: &Question, _| {
            let nth = ids.iter().position(|id| *id == source.id);
            match nth {
                None => Reply::silence(),
                Some(nth) if nth < good => nxdomain(60),
                Some(nth) => a(&[&format!("192.0.2.{nth}")], 60),
            }
        };
        let round = scene.round(at("10:00"), &world);
        let verdict = round.at("r1");
        (
            verdict.state,
            verdict.baseline.clone().map(|one| one.answer_text()),
        )
    };
    let agreed = (Consistent, Some("NXDOMAIN".to_owned()));
    assert_eq!(states(2, 3), agreed);
    assert_eq!(states(3, 5), agreed);
    assert_eq!(states(2, 4), (State::Unexplained, None));
    assert_eq!(states(1, 1), (State::Unexplained, None));
    assert_eq!(Value::Nxdomain.records(), Vec::<String>::new());
}

#[test]
fn a_verdict_on_what_a_service_record_leads_to_names_the_service() {
    let service = "_sip._udp.example.com";
    let other = "dialer8.example.com";
    let mut scene = Scene::new();
    scene.questions = vec![question(service, RecordType::SRV)];
    let leading_to = |target: &str| {
        let record = format!("0 0 5060 {target}");
        move |source: &Source, asked: &Question, _| match (source.kind, asked.rtype) {
            (_, RecordType::SRV) => data().link(service, rrset(&[&record]), 300),
            (_, RecordType::AAAA) => data().link(asked.name.as_str(), Value::Nodata, 300),
            (SourceKind::Resolver, _) if asked.name.as_str() == NAME => a(&[BAD], 300),
            _ => data().link(asked.name.as_str(), rrset(&[GOOD]), 300),
        }
    };
    let reasons = |scene: &mut Scene, until: [&str; 2], target: &str| {
        let round = scene.run(until[0], until[1], &leading_to(target)).unwrap();
        ["_sip._udp.example.com SRV", "dialer7.example.com A"].map(|asked| {
            let mut verdicts = round.verdicts.iter();
            let verdict = verdicts.find(|one| one.question.to_string() == asked);
            verdict.unwrap().reason.clone()
        })
    };
    let [own, led_to] = reasons(&mut scene, ["10:00", "10:02"], NAME);
    assert!(!own.contains("it serves"), "{own}");
    let told = "; it serves _sip._udp.example.com SRV";
    assert!(led_to.ends_with(told), "{led_to}");
    let [_, left] = reasons(&mut scene, ["10:02", "10:04"], other);
    let until = format!("{told} in caches until 2020-08-30T10:07:00Z");
    assert!(left.ends_with(&until), "{left}");
}
