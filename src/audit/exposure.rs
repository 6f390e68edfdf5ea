//! Standing exposure: for how long each operator could hold a bad answer that it fetched now.
//!
//! A cache may keep each link of a chain for its authoritative TTL, and a wrong one is as likely to be the longest: the
//! worst case is the highest TTL of the chain, and for a denial min(SOA TTL, SOA MINIMUM) (RFC 2308 section 5). An operator
//! known to keep nothing longer than a cap keeps it no longer than that. Deliberately absent: answers that are bad
//! already; an incident says of those until when they are cached.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;

use crate::{
    audit::history::is_authoritative,
    names::DnsName,
    types::{Link, Observation, Question, RecordType, Resolver, Span, Value},
};

/// Aliases followed from one name.
const LONGEST_CHAIN: usize = 12;

/// How long an authoritative server's word counts beside a later one of another.
const OUTDATED: TimeDelta = TimeDelta::hours(1);

/// For how long a bad answer to a question could be held.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Exposure {
    /// The question.
    #[serde(flatten)]
    pub question: Question,
    /// The highest TTL at the authority of any link of its chain, seconds.
    pub ttl: u32,
    /// The owner of that link.
    pub link: DnsName,
    /// Each operator that is asked, in the order of the configuration.
    pub operators: Vec<OperatorExposure>,
}

/// For how long one operator could hold it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OperatorExposure {
    /// Who runs the resolver.
    pub operator: String,
    /// Its resolvers that are asked.
    pub resolvers: Vec<String>,
    /// The longest that it is known to keep anything, seconds; null where that is not known.
    pub ttl_cap: Option<u32>,
    /// The longest that a bad answer fetched now could live, seconds.
    pub seconds: u32,
}

/// What one authoritative server said last of one question, link by link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    question: Question,
    at: DateTime<Utc>,
    links: Vec<(DnsName, u32)>,
    /// Where an alias at the end of the answer leads to.
    leads_to: Option<DnsName>,
}

impl Said {
    /// What an authority's reply says; `None` for anything else.
    pub fn in_reply(reply: &Observation) -> Option<Self> {
        let ttl = |index| reply.link_ttl(index);
        let said = || Self::of(&reply.question, &reply.answer.links, ttl, reply.at);
        is_authoritative(reply).then(said)
    }

    /// What an authority said throughout a run; `None` for anything else.
    pub fn in_span(span: &Span) -> Option<Self> {
        let ttl = |index| span.first_link_ttl(index);
        let (question, links) = (&span.series.question, &span.answer.links);
        let said = || Self::of(question, links, ttl, span.last_seen);
        span.authoritative.then(said)
    }

    fn of(
        question: &Question,
        links: &[Link],
        ttl: impl Fn(usize) -> u32,
        at: DateTime<Utc>,
    ) -> Self {
        let leads_to = match links.last().map(|link| &link.value) {
            Some(Value::Cname(target)) if question.rtype != RecordType::CNAME => {
                Some(target.clone())
            }
            _ => None,
        };
        let links = links.iter().enumerate();
        Self {
            question: question.clone(),
            at,
            links: links
                .map(|(index, link)| (link.owner.clone(), ttl(index)))
                .collect(),
            leads_to,
        }
    }
}

/// The exposure of every question that authorities have answered, in order. What a server said last an hour or more
/// before another's last word on the same question counts no more: it has left, or nobody knows what it says today.
pub fn exposures<'a>(
    questions: impl IntoIterator<Item = Question>,
    resolvers: impl IntoIterator<Item = &'a Resolver>,
    said: &[Said],
) -> Vec<Exposure> {
    let mut by_question: BTreeMap<&Question, Vec<&Said>> = BTreeMap::new();
    for one in said {
        by_question.entry(&one.question).or_default().push(one);
    }
    for of_one in by_question.values_mut() {
        let latest = of_one.iter().map(|one| one.at).max();
        of_one.retain(|one| latest.is_some_and(|latest| latest - one.at < OUTDATED));
    }
    let operators = operators(resolvers);
    let exposure = |question: Question| {
        let (link, ttl) = longest_link(&question, &by_question)?;
        let operators = operators.iter().cloned();
        let operators = operators.map(|operator| OperatorExposure {
            seconds: operator.ttl_cap.map_or(ttl, |cap| cap.min(ttl)),
            ..operator
        });
        Some(Exposure {
            operators: operators.collect(),
            question,
            ttl,
            link,
        })
    };
    questions.into_iter().filter_map(exposure).collect()
}

/// The operators of some resolvers. One whose resolvers differ is as bad as the worst: a cap that any lacks is none.
fn operators<'a>(resolvers: impl IntoIterator<Item = &'a Resolver>) -> Vec<OperatorExposure> {
    let mut operators: Vec<OperatorExposure> = Vec::new();
    for resolver in resolvers {
        let cap = resolver.traits.ttl_cap;
        let known = operators
            .iter_mut()
            .find(|one| one.operator == resolver.operator);
        match known {
            Some(operator) => {
                operator.resolvers.push(resolver.id.clone());
                operator.ttl_cap = operator.ttl_cap.zip(cap).map(|(one, other)| one.max(other));
            }
            None => operators.push(OperatorExposure {
                operator: resolver.operator.clone(),
                resolvers: vec![resolver.id.clone()],
                ttl_cap: cap,
                seconds: 0,
            }),
        }
    }
    operators
}

/// The link of the highest TTL on a question's chain, at whichever server says the highest; of equal ones the first.
fn longest_link(
    question: &Question,
    said: &BTreeMap<&Question, Vec<&Said>>,
) -> Option<(DnsName, u32)> {
    let mut longest: Option<(DnsName, u32)> = None;
    let (mut here, mut seen) = (BTreeSet::from([question.name.clone()]), BTreeSet::new());
    for _ in 0..LONGEST_CHAIN {
        let mut next = BTreeSet::new();
        for name in &here {
            let asked = Question {
                name: name.clone(),
                rtype: question.rtype,
            };
            let answers = said.get(&asked).into_iter().flatten();
            for answer in answers {
                for (owner, ttl) in &answer.links {
                    if longest.as_ref().is_none_or(|(_, highest)| ttl > highest) {
                        longest = Some((owner.clone(), *ttl));
                    }
                }
                next.extend(answer.leads_to.clone());
            }
        }
        seen.append(&mut here);
        here = next.difference(&seen).cloned().collect();
    }
    longest
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, time::Duration};

    use super::*;
    use crate::{
        audit::{
            history::History,
            testing::{self, NAME, Reply, a, at, data, nodata, nxdomain, resolver, server},
        },
        types::SourceKind,
    };

    const LB: &str = "lb.example.net";

    fn question() -> Question {
        testing::question(NAME, RecordType::A)
    }

    fn authority(owner: &str, reply: &Reply) -> Said {
        authority_at("10:00", owner, reply)
    }

    fn authority_at(time: &str, owner: &str, reply: &Reply) -> Said {
        let source = server("ns1.example.com", "192.0.2.53").source();
        let asked = testing::question(owner, RecordType::A);
        Said::in_reply(&testing::observe(&source, &asked, at(time), reply)).unwrap()
    }

    fn operators_of_2020() -> Vec<Arc<Resolver>> {
        vec![
            resolver("opendns", "208.67.222.222", Some(3_600)),
            resolver("google", "8.8.8.8", Some(21_600)),
            resolver("quad9", "9.9.9.9", Some(43_200)),
            resolver("isp-a", "192.0.2.1", None),
        ]
    }

    /// The highest TTL, its link, and the seconds of each operator of 2020.
    fn check(said: &[Said], expected: Option<(u32, &str, [u32; 4])>) {
        let resolvers = operators_of_2020();
        let found = exposures([question()], resolvers.iter().map(AsRef::as_ref), said);
        let found = found.first().map(|one| {
            let seconds: Vec<u32> = one.operators.iter().map(|one| one.seconds).collect();
            (one.ttl, one.link.to_string(), seconds)
        });
        let expected =
            expected.map(|(ttl, link, seconds)| (ttl, link.to_owned(), seconds.to_vec()));
        assert_eq!(found, expected, "{said:?}");
    }

    #[test]
    fn a_cap_bounds_what_the_ttl_allows() {
        let day = authority(NAME, &a(&["198.51.100.7"], 86_400));
        check(
            &[day],
            Some((86_400, NAME, [3_600, 21_600, 43_200, 86_400])),
        );
        let short = authority(NAME, &a(&["198.51.100.7"], 300));
        check(&[short], Some((300, NAME, [300; 4])));
    }

    #[test]
    fn the_worst_link_of_a_chain_decides_in_whatever_zone_it_lies() {
        let alias = authority(NAME, &data().alias(NAME, LB, 300));
        check(std::slice::from_ref(&alias), Some((300, NAME, [300; 4])));
        let target = authority(LB, &a_of(LB, 7_200));
        check(
            &[alias, target],
            Some((7_200, LB, [3_600, 7_200, 7_200, 7_200])),
        );
    }

    #[test]
    fn of_links_that_last_as_long_the_first_is_named() {
        let alias = authority(NAME, &data().alias(NAME, LB, 300));
        check(
            &[alias, authority(LB, &a_of(LB, 300))],
            Some((300, NAME, [300; 4])),
        );
    }

    #[test]
    fn whoever_asks_for_an_alias_is_led_no_further() {
        let source = server("ns1.example.com", "192.0.2.53").source();
        let alias = |owner, target, ttl| {
            let asked = testing::question(owner, RecordType::CNAME);
            let reply = data().alias(owner, target, ttl);
            Said::in_reply(&testing::observe(&source, &asked, at("10:00"), &reply)).unwrap()
        };
        let said = [alias(NAME, LB, 60), alias(LB, "pop.example.net", 7_200)];
        let asked = testing::question(NAME, RecordType::CNAME);
        let found = exposures([asked], [], &said).remove(0);
        assert_eq!((found.ttl, found.link.as_str()), (60, NAME));
    }

    #[test]
    fn a_run_says_what_its_replies_say() {
        let reply = a(&["198.51.100.7"], 86_400);
        let of_source = |source| {
            let heard = testing::observe(&source, &question(), at("10:00"), &reply);
            let mut history = History::default();
            let change = history.absorb(&heard, Duration::from_mins(3));
            (Said::in_reply(&heard), Said::in_span(&change.span))
        };
        let (reply, run) = of_source(server("ns1.example.com", "192.0.2.53").source());
        assert!(reply.is_some());
        assert_eq!(run, reply);
        let google = resolver("google", "8.8.8.8", None).sources().next();
        assert_eq!(of_source(google.unwrap()), (None, None));
    }

    fn a_of(owner: &str, ttl: u32) -> Reply {
        data().link(owner, testing::rrset(&["192.0.2.80"]), ttl)
    }

    #[test]
    fn the_server_with_the_highest_ttl_decides() {
        let said = [300, 600, 60].map(|ttl| authority(NAME, &a(&["198.51.100.7"], ttl)));
        check(&said, Some((600, NAME, [600; 4])));
    }

    #[test]
    fn a_server_that_left_long_ago_counts_no_more() {
        let said = |time| authority_at(time, NAME, &a(&["198.51.100.7"], 86_400));
        let now = authority_at("12:00", NAME, &a(&["198.51.100.7"], 60));
        check(&[said("11:00"), now.clone()], Some((60, NAME, [60; 4])));
        check(
            &[said("11:01"), now],
            Some((86_400, NAME, [3_600, 21_600, 43_200, 86_400])),
        );
    }

    #[test]
    fn a_denial_lives_for_its_negative_ttl() {
        check(
            &[authority(NAME, &nxdomain(900))],
            Some((900, NAME, [900; 4])),
        );
        check(&[authority(NAME, &nodata(60))], Some((60, NAME, [60; 4])));
    }

    #[test]
    fn nothing_is_said_of_what_no_authority_answered() {
        check(&[], None);
        let other = authority("other.example.com", &a_of("other.example.com", 300));
        check(&[other], None);
    }

    #[test]
    fn a_chain_that_bites_its_tail_has_an_end() {
        let there = authority(NAME, &data().alias(NAME, LB, 60));
        let back = authority(LB, &data().alias(LB, NAME, 120));
        check(&[there, back], Some((120, LB, [120; 4])));
    }

    #[test]
    fn one_operator_is_one_line_and_as_bad_as_its_worst_resolver() {
        let own = |id: &str, cap| {
            let mut one = (*resolver(id, "192.0.2.1", cap)).clone();
            one.operator = "ACME".to_owned();
            one
        };
        let operators = |caps: [Option<u32>; 2]| {
            let resolvers = [own("udp", caps[0]), own("tls", caps[1])];
            let said = [authority(NAME, &a(&["198.51.100.7"], 900))];
            exposures([question()], &resolvers, &said)
                .remove(0)
                .operators
        };
        let seconds = |caps| {
            operators(caps)
                .iter()
                .map(|one| one.seconds)
                .collect::<Vec<_>>()
        };
        assert_eq!(
            operators([Some(60), Some(120)])[0].resolvers,
            ["udp", "tls"]
        );
        assert_eq!(seconds([Some(60), Some(120)]), [120]);
        assert_eq!(seconds([Some(60), None]), [900]);
    }

    #[test]
    fn a_resolvers_word_is_no_measure() {
        let source = resolver("google", "8.8.8.8", None)
            .sources()
            .next()
            .unwrap();
        assert_eq!(source.kind, SourceKind::Resolver);
        let reply = testing::observe(
            &source,
            &question(),
            at("10:00"),
            &a(&["198.51.100.7"], 86_400),
        );
        assert_eq!(Said::in_reply(&reply), None);
    }
}
