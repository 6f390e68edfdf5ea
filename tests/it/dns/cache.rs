//! A cache as resolvers have one: an answer is held for its TTL and handed out with what is left of it.

use std::{
    collections::HashMap,
    str::FromStr as _,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use hickory_proto::{
    op::Message,
    rr::{RData, Record, RecordType},
};

use super::{Query, Script, script::blank, zone};

pub(super) struct Cache {
    upstream: Arc<Mutex<Script>>,
    held: HashMap<(String, u16), Held>,
    ahead: Duration,
}

struct Held {
    since: Instant,
    ttl: u32,
    message: Message,
}

impl Cache {
    pub(super) fn over(upstream: Arc<Mutex<Script>>) -> Self {
        Self {
            upstream,
            held: HashMap::new(),
            ahead: Duration::ZERO,
        }
    }

    pub(super) fn advance(&mut self, by: Duration) {
        self.ahead += by;
    }

    pub(super) fn flush(&mut self) {
        self.held.clear();
    }

    pub(super) fn plant(&mut self, owner: &str, rtype: &str, ttl: u32, values: &[&str]) {
        let mut message = Message::query();
        for value in values {
            let rdata = zone::rdata(rtype, value);
            message.add_answer(Record::from_rdata(zone::name(owner), ttl, rdata));
        }
        let rtype = RecordType::from_str(rtype).unwrap().into();
        self.hold((owner.to_owned(), rtype), message);
    }

    fn now(&self) -> Instant {
        Instant::now() + self.ahead
    }

    fn hold(&mut self, key: (String, u16), message: Message) {
        let held = Held {
            since: self.now(),
            ttl: lifetime(&message),
            message,
        };
        self.held.insert(key, held);
    }

    pub(super) fn answer(&mut self, query: &Query) -> Message {
        let key = (query.name.clone(), query.rtype);
        let now = self.now();
        let is_fresh = |held: &Held| (now - held.since).as_secs() < u64::from(held.ttl);
        if !self.held.get(&key).is_some_and(is_fresh) {
            let fetched = self.upstream.lock().unwrap().authoritative(query);
            self.hold(key.clone(), fetched);
        }
        let held = &self.held[&key];
        let spent = (now - held.since).as_secs() as u32;
        let mut reply = blank(query);
        reply.metadata.recursion_available = true;
        reply.metadata.response_code = held.message.response_code;
        reply.add_answers(held.message.answers.clone());
        reply.add_authorities(held.message.authorities.clone());
        for record in reply.answers.iter_mut().chain(&mut reply.authorities) {
            record.ttl = record.ttl.saturating_sub(spent);
        }
        reply
    }
}

/// How long a message may be held: its lowest TTL; for a denial min(SOA TTL, MINIMUM).
fn lifetime(message: &Message) -> u32 {
    let answers = message.answers.iter().map(|record| record.ttl);
    let denial = message.authorities.iter().map(|record| match &record.data {
        RData::SOA(soa) => record.ttl.min(soa.minimum),
        _ => record.ttl,
    });
    answers.chain(denial).min().unwrap_or(0)
}
