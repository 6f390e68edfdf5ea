//! Stale answers while the zone's servers are stopped.

use chrono::{DateTime, Utc};

use super::{asked, right, run};
use crate::{
    audit::{
        calibration::{
            Again, Calibration, Expiry, Measured, ServeStale, expiry,
            plan::{self, Probe},
            read_again,
        },
        testing::{Reply, at},
    },
    types::{Observation, Rcode},
};

fn earlier() -> Calibration {
    run(|probe, _| right(probe, 0).at_site("fra1"))
}

fn replies(waves: Vec<Vec<Probe>>, reply: impl Fn(Probe) -> Reply) -> Vec<(Probe, Observation)> {
    let probes = waves.into_iter().flatten();
    let replies = probes.map(|probe| asked(probe, at("10:05"), &reply(probe)));
    replies.collect()
}

fn read(
    earlier: &Calibration,
    now: DateTime<Utc>,
    expired: impl Fn(Probe) -> Reply,
) -> Measured<ServeStale> {
    read_again(Again {
        earlier,
        new: &replies(plan::never_asked(), |_| Reply::rcode(Rcode::SERVFAIL)),
        expired: &replies(plan::expired(), expired),
        now,
    })
}

#[test]
fn an_answer_beyond_its_ttl_is_stale() {
    for (codes, declared) in [(&[][..], false), (&[3][..], true)] {
        let measured = read(&earlier(), at("10:05"), |probe| {
            let reply = right(probe, 30);
            codes
                .iter()
                .fold(reply, |reply, code| reply.with_ede(*code))
        });
        let expected = ServeStale {
            serves: true,
            ttl: Some(30),
            declared,
        };
        assert_eq!(measured.value, Some(expected), "{}", measured.how);
    }
}

#[test]
fn a_failure_where_the_name_was_cached_is_no_stale_answer() {
    let failure = |site: &'static str| move |_| Reply::rcode(Rcode::SERVFAIL).at_site(site);
    let none = ServeStale {
        serves: false,
        ttl: None,
        declared: false,
    };
    let here = read(&earlier(), at("10:05"), failure("fra1"));
    assert_eq!(here.value, Some(none));
    let elsewhere = read(&earlier(), at("10:05"), failure("ams2"));
    assert_eq!(elsewhere.value, None);
    let late = read(&earlier(), at("11:00:16"), failure("fra1"));
    assert_eq!(late.value, None);
    assert!(late.how.contains("more than an hour"), "{late:?}");
    let within_the_hour = read(&earlier(), at("11:00:15"), failure("fra1"));
    assert_eq!(within_the_hour.value, Some(none));
}

#[test]
fn an_unnamed_backend_has_cached_it_where_it_is_the_only_one() {
    let one = run(|probe, now| {
        let gone = (now - at("10:00")).num_seconds();
        right(probe, 86_400 - u32::try_from(gone).unwrap())
    });
    let failure = |_| Reply::rcode(Rcode::SERVFAIL);
    let measured = read(&one, at("10:05"), failure);
    assert!(!measured.value.unwrap().serves);
    let mut several = one;
    let backends = several.measures.backends.value.as_mut().unwrap();
    backends.caches = Some(2);
    assert_eq!(read(&several, at("10:05"), failure).value, None);
}

#[test]
fn silence_and_refusals_say_nothing() {
    for reply in [
        Reply::silence(),
        Reply::rcode(Rcode::REFUSED).at_site("fra1"),
        Reply::rcode(Rcode::NXDOMAIN).at_site("fra1"),
    ] {
        assert_eq!(read(&earlier(), at("10:05"), |_| reply.clone()).value, None);
    }
}

#[test]
fn an_authority_that_answers_spoils_it() {
    let measured = read_again(Again {
        earlier: &earlier(),
        new: &replies(plan::never_asked(), |probe| right(probe, 604_800)),
        expired: &replies(plan::expired(), |probe| right(probe, 30)),
        now: at("10:05"),
    });
    assert_eq!(measured.value, None);
    assert!(measured.how.contains("still answer"), "{measured:?}");
}

#[test]
fn names_are_waited_for_as_long_as_the_resolver_keeps_them() {
    let with_floor = |floor| run(|probe, _| right(probe, floor).at_site("fra1"));
    let now = at("10:00:15");
    let waits = |floor, seconds| {
        assert_eq!(expiry(&with_floor(floor), now), Expiry::At(seconds));
    };
    waits(0, at("10:00:48"));
    waits(60, at("10:01:18"));
    // Two minutes, and not a second longer.
    waits(117, at("10:02:15"));
    assert!(matches!(expiry(&with_floor(118), now), Expiry::Never(_)));
    let unknown = run(|_, _| Reply::silence());
    assert!(matches!(expiry(&unknown, now), Expiry::Never(_)));
}
