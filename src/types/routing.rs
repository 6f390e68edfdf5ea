//! Which incidents a channel hears of, by the matchers of silences.
//!
//! A silence must cover every name of an incident, lest it hides a wider one; a channel hears of an incident if one of its
//! names (resolvers, types) is the channel's business. Deliberately absent: how severe it must be, and who asks for it.

use super::{Labelled, Matcher};

/// Conditions that must all hold, each for one at least of an incident's names, resolvers and types; none: every incident.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Routing(Vec<Matcher>);

impl Routing {
    /// Of these conditions.
    pub fn new(matchers: Vec<Matcher>) -> Self {
        Self(matchers)
    }

    /// Whether nothing is asked for.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether an incident is to be told.
    pub fn takes(&self, labelled: &Labelled<'_>) -> bool {
        self.0.iter().all(|matcher| matcher.touches(labelled))
    }

    /// The first condition that none of these fulfils, of all that may come.
    pub fn unfulfilled(&self, all: &[Labelled<'_>]) -> Option<&Matcher> {
        let is_vain = |matcher: &&Matcher| !all.iter().any(|one| matcher.touches(one));
        self.0.iter().find(is_vain)
    }

    /// Each as text.
    pub fn texts(&self) -> Vec<String> {
        self.0.iter().map(ToString::to_string).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::matcher::tests::{labelled, tags};

    fn routing(matchers: &[&str]) -> Routing {
        let matchers = matchers.iter().map(|text| text.parse().unwrap());
        Routing::new(matchers.collect())
    }

    fn takes(matchers: &[&str], names: &[&str], resolvers: &[&str]) -> bool {
        routing(matchers).takes(&labelled(&tags(), names, resolvers))
    }

    #[test]
    fn one_name_that_is_meant_is_enough_and_every_condition_must_hold() {
        let (eu, us) = ("d1.eu.example.com", "d1.us.example.com");
        for (matchers, expected) in [
            (vec![], true),
            (vec!["group=dialers"], true),
            (vec!["group!=dialers"], false),
            (vec![r"name=~.*\.eu\.example\.com"], true),
            (vec![r"name=~.*\.eu\.example\.com", "resolver=google"], true),
            (vec![r"name=~.*\.asia\..*"], false),
            (vec!["name!=d1.eu.example.com"], true),
            (vec!["resolver=quad9"], false),
            (vec!["axis=name", "severity=critical", "type=A"], true),
            (vec!["axis=resolver"], false),
            (vec!["tag.customer=acme"], true),
            (vec!["tag.customer!=acme"], false),
        ] {
            let found = takes(&matchers, &[eu, us], &["google", "cloudflare"]);
            assert_eq!(found, expected, "{matchers:?}");
        }
        assert!(!takes(&["resolver=google"], &[eu], &[]));
        assert!(
            takes(&["resolver=~.*"], &[eu], &[]),
            "findings have no resolver"
        );
    }
    #[test]
    fn the_first_condition_that_nothing_fulfils_is_named() {
        let tags = tags();
        let google = labelled(&tags, &["d1.eu.example.com"], &["google"]);
        let quad9 = labelled(&tags, &["d1.us.example.com"], &["quad9"]);
        let all = [google, quad9];
        for (matchers, vain) in [
            (&[][..], None),
            (&["resolver=google", "resolver=quad9"], None),
            (
                &["resolver=google", "resolver=opendns", "group=others"],
                Some("resolver=opendns"),
            ),
        ] {
            let routing = routing(matchers);
            let found = routing.unfulfilled(&all).map(ToString::to_string);
            assert_eq!(found.as_deref(), vain, "{matchers:?}");
            assert_eq!(routing.texts(), matchers);
            assert_eq!(routing.is_empty(), matchers.is_empty());
        }
    }
}
