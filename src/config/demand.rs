//! What the groups ask of each resolver address, and where that is more than is allowed.
//!
//! Deliberately absent: refusing it. Rounds then take longer than they should, and nothing else is wrong. What service
//! records lead to is not counted either: nobody knows it before they are asked for.

use std::{collections::BTreeMap, fmt, net::SocketAddr, time::Duration};

use super::{Config, Group};
use crate::types::{Resolver, show_address};

/// A resolver of which more is asked than its `max_qps` allows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Excess {
    /// The group that asks; `None`: all of them together, where none does it alone.
    pub group: Option<String>,
    /// The resolver's id.
    pub resolver: String,
    /// The addresses that this is asked of, each.
    pub addresses: Vec<SocketAddr>,
    /// Questions a second that would keep the schedule, rounded up.
    pub needed: u64,
    /// Questions a second that are allowed.
    pub allowed: u32,
    /// How long a round takes, each group's questions one after another.
    pub takes: Duration,
    port: u16,
}

impl fmt::Display for Excess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let who = match &self.group {
            Some(group) => format!("group `{group}` needs"),
            None => "all groups together need".to_owned(),
        };
        write!(f, "{who} {}", self.needs())
    }
}

impl Excess {
    /// What is needed and what comes of it, without whose need it is.
    pub fn needs(&self) -> String {
        let addresses = self.addresses.iter();
        let addresses = addresses.map(|address| show_address(*address, self.port));
        format!(
            "{} questions a second of {} ({}), allowed are {}: rounds will take {}",
            self.needed,
            self.resolver,
            addresses.collect::<Vec<_>>().join(", "),
            self.allowed,
            humantime::format_duration(self.takes)
        )
    }
}

/// What is asked of one address.
struct Demand<'a> {
    resolver: &'a Resolver,
    /// Questions a round of every group that asks it.
    questions: u64,
    /// Questions a second.
    rate: f64,
}

impl Demand<'_> {
    fn excess(&self, group: Option<&Group>, address: SocketAddr) -> Option<Excess> {
        let allowed = self.resolver.max_qps;
        (self.rate > f64::from(allowed)).then(|| Excess {
            group: group.map(|group| group.name.clone()),
            resolver: self.resolver.id.clone(),
            addresses: vec![address],
            needed: self.rate.ceil() as u64,
            allowed,
            takes: Duration::from_secs(self.questions.div_ceil(u64::from(allowed))),
            port: self.resolver.transport.usual_port(),
        })
    }
}

impl Config {
    /// Every resolver of which more is asked than is allowed: by one group, or by all together.
    pub fn excesses(&self) -> Vec<Excess> {
        let mut excesses = Vec::new();
        for group in &self.groups {
            let over = demands([&**group]).into_iter();
            excesses
                .extend(over.filter_map(|(address, demand)| demand.excess(Some(group), address)));
        }
        let told: Vec<SocketAddr> = excesses
            .iter()
            .flat_map(|excess| excess.addresses.clone())
            .collect();
        let together = demands(self.groups.iter().map(|group| &**group)).into_iter();
        let untold = together.filter(|(address, _)| !told.contains(address));
        excesses.extend(untold.filter_map(|(address, demand)| demand.excess(None, address)));
        one_for_each_resolver(excesses)
    }
}

/// The addresses of one resolver, of which the same is asked, told in one.
fn one_for_each_resolver(excesses: Vec<Excess>) -> Vec<Excess> {
    let mut told: Vec<Excess> = Vec::new();
    for excess in excesses {
        let same = |other: &&mut Excess| {
            (&other.group, &other.resolver, other.needed)
                == (&excess.group, &excess.resolver, excess.needed)
        };
        match told.iter_mut().find(same) {
            Some(other) => other.addresses.extend(excess.addresses),
            None => told.push(excess),
        }
    }
    told
}

/// What these groups ask of each address. Where two resolvers share one, the stricter is obeyed.
fn demands<'a>(groups: impl IntoIterator<Item = &'a Group>) -> BTreeMap<SocketAddr, Demand<'a>> {
    let mut demands = BTreeMap::new();
    for group in groups {
        let questions = group.questions().count() as u64 * u64::from(group.samples);
        let period = group.policy.period.as_secs_f64().max(1.0);
        for resolver in &group.resolvers {
            for address in &resolver.addresses {
                let demand = demands.entry(*address).or_insert(Demand {
                    resolver,
                    questions: 0,
                    rate: 0.0,
                });
                demand.questions += questions;
                demand.rate += questions as f64 / period;
                if resolver.max_qps < demand.resolver.max_qps {
                    demand.resolver = resolver;
                }
            }
        }
    }
    demands
}

#[cfg(test)]
mod tests {
    use crate::config::tests::good;

    /// The excesses of two groups of so many names each, asked once a minute.
    fn excesses(names: [usize; 2], resolvers: [&str; 2]) -> Vec<String> {
        let group = |name: &str, names: usize, resolvers: &str| {
            format!(
                "[[group]]\nname='{name}'\nnames=['n{{1..{names}}}.example']\ntypes=['A']\nresolvers=[{resolvers}]\n"
            )
        };
        let config =
            good(&(group("a", names[0], resolvers[0]) + &group("b", names[1], resolvers[1])));
        config.excesses().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_is_allowed_is_no_excess() {
        assert!(excesses([600, 1], ["'quad9'", "'google'"]).is_empty());
        assert!(excesses([600, 600], ["'quad9'", "'google'"]).is_empty());
    }

    #[test]
    fn a_group_that_asks_too_much_of_a_resolver_is_told_how_long_its_rounds_take() {
        assert_eq!(
            excesses([820, 1], ["'quad9'", "'google'"]),
            [
                "group `a` needs 14 questions a second of quad9 (9.9.9.9, 149.112.112.112), allowed are 10: \
              rounds will take 1m 22s"
            ]
        );
        assert_eq!(
            excesses([820, 1], ["'google+tls'", "'quad9'"]),
            [
                "group `a` needs 14 questions a second of google+tls (8.8.4.4, 8.8.8.8), allowed are 10: \
              rounds will take 1m 22s"
            ]
        );
    }

    #[test]
    fn groups_that_only_together_ask_too_much_are_told_so() {
        assert_eq!(
            excesses([400, 300], ["'quad9'", "'quad9', 'google'"]),
            [
                "all groups together need 12 questions a second of quad9 (9.9.9.9, 149.112.112.112), allowed are 10: \
              rounds will take 1m 10s"
            ]
        );
    }

    #[test]
    fn udp_and_tcp_of_one_address_have_one_budget() {
        let told = excesses([400, 1], ["'quad9', 'quad9+tcp'", "'google'"]);
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(excesses([400, 1], ["'quad9', 'quad9+tls'", "'google'"]).is_empty());
    }
}
