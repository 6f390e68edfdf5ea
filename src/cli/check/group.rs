//! What `check` asks: a group made of its arguments.
//!
//! Deliberately absent: the configuration's groups; only its resolvers can be named.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    sync::Arc,
    time::Duration,
};

use super::{CheckArgs, CliError};
use crate::{
    config::{Config, Group, Schedule},
    types::{Policy, QueryOptions, Resolver, ResolverTraits, Transport},
};

/// Resolvers asked when none are named.
const USUAL: [&str; 3] = ["quad9", "cloudflare", "google"];

/// What one UDP attempt may take, as in the configuration.
const TIMEOUTS: std::ops::RangeInclusive<Duration> =
    Duration::from_millis(50)..=Duration::from_secs(10);

/// The group that the arguments describe.
pub(super) fn of(args: &CheckArgs, config: &Config) -> Result<Group, CliError> {
    let names = args.names.iter().flat_map(|pattern| &pattern.names);
    Ok(Group {
        name: "check".to_owned(),
        names: each_once(names),
        types: each_once(&args.types),
        schedule: Schedule::parse("0 * * * * *")
            .map_err(|error| CliError::Usage(error.to_string()))?,
        resolvers: resolvers(&args.resolvers, config)?,
        authorities: args.authorities.clone(),
        policy: Policy {
            max_ttl: args.max_ttl,
            ..Policy::default()
        },
        samples: 1,
        timeout: args.timeout,
        attempts: 2,
        options: QueryOptions::default(),
        channels: Vec::new(),
        runbook: None,
        tags: BTreeMap::new(),
    })
}

/// Each of them once, in the order they were given.
fn each_once<'a, T: Ord + Clone + 'a>(given: impl IntoIterator<Item = &'a T>) -> Vec<T> {
    let mut seen = BTreeSet::new();
    let new = given.into_iter().filter(|item| seen.insert(*item));
    new.cloned().collect()
}

/// Each resolver once. An address that two of them share would be asked for both at once: that is refused.
fn resolvers(wanted: &[String], config: &Config) -> Result<Vec<Arc<Resolver>>, CliError> {
    let usual: Vec<String> = USUAL.iter().map(ToString::to_string).collect();
    let wanted = if wanted.is_empty() { &usual } else { wanted };
    let mut asked: Vec<Arc<Resolver>> = Vec::new();
    for text in wanted {
        let resolver = resolver(text, config)?;
        if asked.iter().any(|known| known.id == resolver.id) {
            continue;
        }
        let shares = |known: &&Arc<Resolver>| {
            let mut addresses = known.addresses.iter();
            addresses.any(|address| resolver.addresses.contains(address))
        };
        if let Some(other) = asked.iter().find(shares) {
            return Err(CliError::Usage(format!(
                "--resolver {text}: `{}` is asked at the same address; name one of them",
                other.id
            )));
        }
        asked.push(resolver);
    }
    Ok(asked)
}

/// A configured resolver by id, or any address.
fn resolver(text: &str, config: &Config) -> Result<Arc<Resolver>, CliError> {
    if let Some(known) = config.resolvers.iter().find(|resolver| resolver.id == text) {
        return Ok(known.clone());
    }
    let Some(address) = address(text) else {
        let known: Vec<_> = config
            .resolvers
            .iter()
            .map(|resolver| resolver.id.as_str())
            .collect();
        return Err(CliError::Usage(format!(
            "--resolver {text}: neither an address nor a known id; known are {}",
            known.join(", ")
        )));
    };
    Ok(Arc::new(Resolver {
        id: text.to_owned(),
        operator: text.to_owned(),
        addresses: vec![address],
        transport: Transport::Udp,
        endpoint: None,
        options: QueryOptions::default(),
        max_qps: 100,
        traits: ResolverTraits::default(),
    }))
}

fn address(text: &str) -> Option<SocketAddr> {
    let host = text
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    text.parse()
        .ok()
        .or_else(|| Some(SocketAddr::new(host.unwrap_or(text).parse().ok()?, 53)))
        .filter(|address| address.port() != 0)
}

/// Reads `--authority`.
pub(super) fn authority(text: &str) -> Result<SocketAddr, &'static str> {
    address(text).ok_or("write an address, or address:port")
}

/// Reads `--timeout`.
pub(super) fn timeout(text: &str) -> Result<Duration, String> {
    let timeout = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    if TIMEOUTS.contains(&timeout) {
        Ok(timeout)
    } else {
        Err("write a duration between 50ms and 10s".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_have_port_53_unless_they_say_otherwise() {
        for (text, expected) in [
            ("192.0.2.1", Some("192.0.2.1:53")),
            ("192.0.2.1:5353", Some("192.0.2.1:5353")),
            ("2001:db8::1", Some("[2001:db8::1]:53")),
            ("[2001:db8::1]", Some("[2001:db8::1]:53")),
            ("[2001:db8::1]:5353", Some("[2001:db8::1]:5353")),
            ("192.0.2.1:0", None),
            ("quad8", None),
        ] {
            let expected = expected.map(|text| text.parse().unwrap());
            assert_eq!(address(text), expected, "{text}");
        }
    }

    fn named(wanted: &[&str]) -> Result<String, String> {
        let config = Config::bare(&BTreeMap::new()).unwrap();
        let wanted: Vec<String> = wanted.iter().map(ToString::to_string).collect();
        let asked = resolvers(&wanted, &config).map_err(|error| error.to_string())?;
        let ids: Vec<_> = asked.iter().map(|resolver| resolver.id.as_str()).collect();
        Ok(ids.join(" "))
    }

    #[test]
    fn each_resolver_is_asked_once() {
        assert_eq!(named(&[]).unwrap(), "quad9 cloudflare google");
        assert_eq!(named(&["google", "google"]).unwrap(), "google");
        assert_eq!(named(&["192.0.2.1", "192.0.2.1"]).unwrap(), "192.0.2.1");
        let twice = named(&["google", "8.8.8.8"]).unwrap_err();
        assert!(
            twice.contains("`google` is asked at the same address"),
            "{twice}"
        );
        let unknown = named(&["gogle"]).unwrap_err();
        assert!(
            unknown.contains("neither an address nor a known id"),
            "{unknown}"
        );
    }
}
