//! The simulated world: two name servers that say what the story says, and resolvers that remember.
//!
//! Deliberately absent: delegation. The service is told where the name servers are.

use chrono::{DateTime, Utc};

use super::{
    RESOLVERS,
    cache::Cache,
    server::Server,
    story::{Dialer, Story, ZONE},
    wire::{Query, Role, Said},
};
use crate::clock;

/// Two name servers, then the resolvers in their order.
pub(super) async fn start(story: Story) -> std::io::Result<Vec<Server>> {
    let mut servers = Vec::new();
    for site in ["ns1", "ns2"] {
        let answer = move |query: &Query| {
            let said = authoritative(story, query, clock::now());
            query.reply(Role::Authority, said, site)
        };
        servers.push(Server::start(answer).await?);
    }
    for resolver in RESOLVERS {
        let cache = Cache::new(story, resolver.cap);
        let answer = move |query: &Query| {
            let said = resolved(story, &cache, query, clock::now());
            query.reply(Role::Resolver, said, resolver.id)
        };
        servers.push(Server::start(answer).await?);
    }
    Ok(servers)
}

fn authoritative(story: Story, query: &Query, at: DateTime<Utc>) -> Said {
    let served = story.served(at);
    match Dialer::of_name(&query.name) {
        Some(dialer) if query.wants_address() => {
            Said::Address(served.site.address(dialer), served.ttl)
        }
        Some(_) => Said::Nothing(served.serial),
        None if query.name == ZONE => Said::Nothing(served.serial),
        None if query.name.ends_with(&format!(".{ZONE}")) => Said::NoSuchName(served.serial),
        None => Said::Refused,
    }
}

fn resolved(story: Story, cache: &Cache, query: &Query, at: DateTime<Utc>) -> Said {
    match Dialer::of_name(&query.name) {
        Some(dialer) if query.wants_address() => {
            let (site, left) = cache.answer(dialer, at);
            Said::Address(site.address(dialer), left)
        }
        _ => authoritative(story, query, at),
    }
}
