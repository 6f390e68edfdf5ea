//! What a server does with a query: its role, its zones, and the faults laid over them.

use hickory_proto::{
    op::{Edns, Message, ResponseCode},
    rr::{
        Name, RecordType,
        rdata::opt::{EdnsCode, EdnsOption, NSIDPayload},
    },
};
use std::time::Duration;

use super::{DnsServer, Query, Reply, Zone, cache::Cache, fault::Rule, zone};

/// The NSID of a cache that is given no other.
const SITE: &[u8] = b"fra3";

/// A server's whole behaviour; see [`super`].
#[derive(Default)]
pub struct Script {
    zones: Vec<Zone>,
    cache: Option<Cache>,
    rules: Vec<Rule>,
    nsid: Option<Vec<u8>>,
}

impl Script {
    /// Serves its zones with AA=1, refers below its cuts, and refuses everything else.
    pub fn authority() -> Self {
        Self::default()
    }

    /// Answers with RA=1 from what the upstream says, holding each answer for its TTL, which counts down. It names itself by
    /// [`SITE`]: of a cache without an NSID nobody knows at first whether it is one.
    pub fn cache(upstream: &DnsServer) -> Self {
        Self {
            cache: Some(Cache::over(upstream.script())),
            nsid: Some(SITE.to_vec()),
            ..Self::default()
        }
    }

    #[must_use]
    pub fn zone(mut self, zone: Zone) -> Self {
        self.zones.push(zone);
        self
    }

    #[must_use]
    pub fn nsid(mut self, id: &[u8]) -> Self {
        self.nsid = Some(id.to_vec());
        self
    }

    #[must_use]
    pub fn with(mut self, fault: impl Into<Rule>) -> Self {
        self.fault(fault);
        self
    }

    /// Lays a fault over every answer, or over those that [`Rule::on`] and its like leave. Later faults are applied to
    /// what earlier ones left.
    pub fn fault(&mut self, fault: impl Into<Rule>) {
        self.rules.push(fault.into());
    }

    pub fn clear_faults(&mut self) {
        self.rules.clear();
    }

    /// Replaces the records of an owner and type in the zone that holds it; no values remove them.
    pub fn set(&mut self, owner: &str, rtype: &str, ttl: u32, values: &[&str]) {
        let owner = zone::name(owner);
        let zone = self.zones.iter_mut().filter(|zone| zone.encloses(&owner));
        let zone = zone
            .max_by_key(|zone| zone.depth())
            .expect("no zone holds the owner");
        zone.set(&owner, rtype, ttl, values);
        zone.bump_serial(1);
    }

    /// Replaces a whole zone, or adds it.
    pub fn replace_zone(&mut self, origin: &str, lines: &str) {
        self.zones.retain(|zone| !zone.is_at(&zone::name(origin)));
        self.zones.push(Zone::new(origin, lines));
    }

    pub fn remove_zone(&mut self, origin: &str) {
        self.zones.retain(|zone| !zone.is_at(&zone::name(origin)));
    }

    /// Puts an answer into the cache, as if fetched now.
    pub fn plant(&mut self, owner: &str, rtype: &str, ttl: u32, values: &[&str]) {
        self.cache
            .as_mut()
            .expect("not a cache")
            .plant(owner, rtype, ttl, values);
    }

    /// Lets the cache's clock run ahead.
    pub fn advance(&mut self, by: Duration) {
        self.cache.as_mut().expect("not a cache").advance(by);
    }

    /// Empties the cache.
    pub fn flush(&mut self) {
        self.cache.as_mut().expect("not a cache").flush();
    }

    /// What goes back for a query.
    pub fn replies(&mut self, query: &Query) -> Vec<Reply> {
        let message = match &mut self.cache {
            Some(cache) => cache.answer(query),
            None => self.authoritative(query),
        };
        let message = self.dressed(query, message);
        let mut replies = vec![Reply::message(&fitted(query, message))];
        for rule in self.rules.iter().filter(|rule| rule.applies(query)) {
            replies = rule.apply(query, replies);
        }
        replies
    }

    /// What the zones say, without EDNS.
    pub fn authoritative(&self, query: &Query) -> Message {
        let mut reply = blank(query);
        let mut owner = zone::name(&query.name);
        for hop in 0..16 {
            let Some(zone) = self.zone_of(&owner) else {
                if hop == 0 {
                    reply.metadata.response_code = ResponseCode::Refused;
                }
                break;
            };
            match zone.say(&owner, RecordType::from(query.rtype), &mut reply) {
                Some(target) => owner = target,
                None => break,
            }
        }
        reply
    }

    fn zone_of(&self, owner: &Name) -> Option<&Zone> {
        let zones = self.zones.iter().filter(|zone| zone.encloses(owner));
        zones.max_by_key(|zone| zone.depth())
    }

    fn dressed(&self, query: &Query, mut message: Message) -> Message {
        if let Some(asked) = &query.message.edns {
            let mut edns = Edns::new();
            edns.set_max_payload(1232);
            if let (Some(id), Some(_)) = (&self.nsid, asked.option(EdnsCode::NSID)) {
                let id = NSIDPayload::new(id.clone()).unwrap();
                edns.options_mut().insert(EdnsOption::NSID(id));
            }
            message.set_edns(edns);
        }
        message
    }
}

/// A reply to the query that says nothing yet.
pub(super) fn blank(query: &Query) -> Message {
    let mut reply = Message::response(query.message.id, query.message.op_code);
    reply.metadata.recursion_desired = query.message.recursion_desired;
    reply.metadata.checking_disabled = query.message.checking_disabled;
    reply.add_queries(query.message.queries.clone());
    reply
}

/// Cut down to TC=1 and no records where it is too long for the asker's UDP.
fn fitted(query: &Query, message: Message) -> Message {
    let room = usize::from(query.message.max_payload());
    if query.tcp || message.to_vec().unwrap().len() <= room {
        message
    } else {
        message.truncate()
    }
}
