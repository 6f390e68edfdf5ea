//! What `check` asks: a group made of its arguments.
//!
//! Deliberately absent: the configuration's groups; only its resolvers can be named.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use super::{CheckArgs, CliError, resolvers::address};
use crate::{
    config::{Config, Group, Schedule},
    types::{Policy, QueryOptions, Resolver},
};

/// What one UDP attempt may take, as in the configuration.
const TIMEOUTS: std::ops::RangeInclusive<Duration> =
    Duration::from_millis(50)..=Duration::from_secs(10);

/// The shortest time between two rounds of `--watch`.
const SHORTEST: Duration = Duration::from_secs(1);

/// The group that the arguments describe.
pub(super) fn of(args: &CheckArgs, config: &Config) -> Result<Group, CliError> {
    let names = args.names.iter().flat_map(|pattern| &pattern.names);
    let options = args.options.said();
    let policy = Policy::default();
    Ok(Group {
        name: "check".to_owned(),
        names: each_once(names),
        types: each_once(&args.types),
        targets: Vec::new(),
        schedule: Schedule::parse("0 * * * * *")
            .map_err(|error| CliError::Usage(error.to_string()))?,
        resolvers: asked_so(options, args.whom.resolvers(config)?),
        authorities: args.authorities.clone(),
        policy: Policy {
            max_ttl: args.max_ttl,
            // A round of `--watch` may take longer than the time to the next one.
            period: args.watch.unwrap_or_default().max(policy.period),
            ..policy
        },
        samples: 1,
        timeout: args.timeout,
        attempts: 2,
        options,
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

/// What is typed wins over what a resolver's configuration says.
fn asked_so(options: QueryOptions, resolvers: Vec<Arc<Resolver>>) -> Vec<Arc<Resolver>> {
    let asked = |resolver: Arc<Resolver>| {
        Arc::new(Resolver {
            options: options.over(resolver.options),
            ..(*resolver).clone()
        })
    };
    resolvers.into_iter().map(asked).collect()
}

/// Reads `--authority`.
pub(super) fn authority(text: &str) -> Result<std::net::SocketAddr, &'static str> {
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

/// Reads `--watch`. A name that stands behind it is a likely mistake.
pub(super) fn interval(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(interval) if interval >= SHORTEST => Ok(interval),
        Ok(_) => Err("write a duration of 1s or more".to_owned()),
        Err(_) => Err("write a duration such as 5s, or put the names before --watch".to_owned()),
    }
}
