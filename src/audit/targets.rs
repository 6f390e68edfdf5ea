//! What the service records of a group lead to, as its authorities serve them: the names whose addresses clients use in the
//! end.
//!
//! SRV (RFC 2782), NAPTR on its way to SRV records or addresses (RFC 3263 section 4), MX (RFC 5321 section 5.1), SVCB and
//! HTTPS (RFC 9460). Deliberately absent: asking, and a choice by priority or weight. A client may be sent to any target.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::Duration,
};

use chrono::{DateTime, Utc};

use crate::{
    audit::history::{History, LinkKey},
    names::DnsName,
    types::{Question, RecordType, Target, Value},
};

/// Names followed from one group: whoever serves the records decides what they lead to, not how much is asked.
pub const MOST_NAMES: usize = 32;

const ADDRESSES: [RecordType; 2] = [RecordType::A, RecordType::AAAA];

/// Everything that the service records among `questions` lead to, as authorities served them within `gap` of their last
/// word, or as caches may hold them at `now` that fetched them before a change; in order of question, each once, and none of
/// `questions` themselves.
pub fn of(
    history: &History,
    questions: &[Question],
    gap: Duration,
    now: DateTime<Utc>,
) -> Vec<Target> {
    let mut walk = Walk {
        history,
        gap,
        now,
        seen: questions.iter().cloned().collect(),
        names: BTreeSet::new(),
        found: BTreeMap::new(),
        next: VecDeque::new(),
        left: Vec::new(),
    };
    for question in questions.iter().filter(|one| one.rtype.is_service()) {
        walk.next.push_back(Step {
            place: question.clone(),
            service: question,
            until: None,
        });
    }
    walk.run();
    let found = walk.found.into_iter();
    found
        .map(|(question, (service, until))| Target {
            question,
            service: service.clone(),
            until,
        })
        .collect()
}

/// Service records to read, and the question of the group that led there.
struct Step<'a> {
    place: Question,
    service: &'a Question,
    /// Until when caches may lead there, where authorities no longer do.
    until: Option<DateTime<Utc>>,
}

struct Walk<'a> {
    history: &'a History,
    gap: Duration,
    now: DateTime<Utc>,
    seen: BTreeSet<Question>,
    names: BTreeSet<DnsName>,
    found: BTreeMap<Question, (&'a Question, Option<DateTime<Utc>>)>,
    next: VecDeque<Step<'a>>,
    /// What stood at a step before.
    left: Vec<(Step<'a>, &'a Value)>,
}

impl<'a> Walk<'a> {
    /// What is served comes first: where there is more than is followed, what was left is left out. Of that the latest
    /// comes first.
    fn run(&mut self) {
        self.drain();
        let mut left = std::mem::take(&mut self.left);
        left.sort_by(|(one, old), (other, older)| {
            (other.until, &one.place, old).cmp(&(one.until, &other.place, older))
        });
        for (step, value) in left {
            self.read(&step, value);
            self.drain();
        }
    }

    fn drain(&mut self) {
        while let Some(step) = self.next.pop_front() {
            self.follow(&step);
        }
    }

    fn follow(&mut self, step: &Step<'a>) {
        let key = LinkKey {
            owner: step.place.name.clone(),
            rtype: step.place.rtype,
        };
        let Some(link) = self.history.link(&key) else {
            return;
        };
        for value in link.served_lately(self.gap) {
            self.read(step, value);
        }
        // What lies behind what was left is followed as it is now.
        if step.until.is_none() {
            for (value, until) in link.held_still(self.now) {
                let before = Step {
                    place: step.place.clone(),
                    service: step.service,
                    until: Some(until),
                };
                self.left.push((before, value));
            }
        }
    }

    fn read(&mut self, step: &Step<'a>, value: &Value) {
        match value {
            // The alias is part of its own question's answer: only what stands at its end is new.
            Value::Cname(target) => self.read_on(target.clone(), step.place.rtype, step),
            Value::Rrset(set) => {
                for rdata in set.iter() {
                    self.take(step, rdata);
                }
            }
            Value::Nodata | Value::Nxdomain => {}
        }
    }

    fn read_on(&mut self, name: DnsName, rtype: RecordType, step: &Step<'a>) {
        let place = Question { name, rtype };
        if self.seen.insert(place.clone()) {
            self.next.push_back(Step {
                place,
                service: step.service,
                until: step.until,
            });
        }
    }

    fn take(&mut self, step: &Step<'a>, rdata: &str) {
        let Some((name, types)) = leads_to(&step.place, rdata) else {
            return;
        };
        if !self.names.contains(&name) && self.names.len() >= MOST_NAMES {
            return;
        }
        self.names.insert(name.clone());
        for rtype in types {
            let question = Question {
                name: name.clone(),
                rtype: *rtype,
            };
            if self.seen.contains(&question) {
                continue;
            }
            let led = (step.service, step.until);
            if rtype.is_service() {
                self.read_on(name.clone(), *rtype, step);
            } else {
                self.seen.insert(question.clone());
            }
            self.found.insert(question, led);
        }
    }
}

/// Where one record leads, and what a client asks there; `None` where it says that there is no such service (`.`), or leads
/// to no name.
fn leads_to(place: &Question, rdata: &str) -> Option<(DnsName, &'static [RecordType])> {
    let mut fields = rdata.split(' ');
    let (name, types) = match place.rtype {
        RecordType::MX => (fields.nth(1)?, ADDRESSES.as_slice()),
        RecordType::SRV => (fields.nth(3)?, ADDRESSES.as_slice()),
        RecordType::NAPTR => (rdata.rsplit(' ').next()?, after_naptr(fields.nth(2)?)?),
        RecordType::SVCB | RecordType::HTTPS => {
            let (priority, target) = (fields.next()?, fields.next()?);
            if target == "." && priority != "0" {
                // The owner itself (RFC 9460 section 2.5.2).
                return Some((place.name.clone(), ADDRESSES.as_slice()));
            }
            (target, ADDRESSES.as_slice())
        }
        _ => return None,
    };
    let name: DnsName = name.parse().ok()?;
    (!name.is_root()).then_some((name, types))
}

/// What a NAPTR record's flag asks for next (RFC 3404 section 4.1): a terminal `u` is a URI, not a name.
fn after_naptr(flags: &str) -> Option<&'static [RecordType]> {
    match flags.trim_matches('"').to_ascii_lowercase().as_str() {
        "" => Some(&[RecordType::NAPTR]),
        "s" => Some(&[RecordType::SRV]),
        "a" => Some(&ADDRESSES),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::testing::{Reply, at, data, observe, question, rrset, server};

    const GAP: Duration = Duration::from_mins(3);

    fn told(
        history: &mut History,
        when: &str,
        (name, rtype): (&str, RecordType),
        records: &[&str],
    ) {
        let reply: Reply = data().link(name, rrset(records), 300);
        let asked = question(name, rtype);
        let source = server("ns1", "192.0.2.1").source();
        history.absorb(&observe(&source, &asked, at(when), &reply), GAP);
    }

    fn found(history: &History, asked: &[Question], now: &str) -> Vec<String> {
        let text = |target: Target| {
            let until = target.until.map(|until| until.format(" until %H:%M"));
            let until = until.map(|until| until.to_string()).unwrap_or_default();
            format!("{} <- {}{until}", target.question, target.service)
        };
        let targets = of(history, asked, GAP, at(now)).into_iter();
        targets.map(text).collect()
    }

    #[test]
    fn a_client_of_sip_walks_from_naptr_to_srv_to_addresses() {
        let mut history = History::default();
        let naptr = r#"10 50 "s" "SIP+D2U" "" _sip._udp.example.com"#;
        let uri = r#"20 50 "u" "E2U+sip" "!^.*$!sip:x@y!" ."#;
        told(
            &mut history,
            "10:00",
            ("example.com", RecordType::NAPTR),
            &[naptr, uri],
        );
        let srv = ["10 0 5060 sip1.example.com", "20 0 5060 sip2.example.com"];
        told(
            &mut history,
            "10:00",
            ("_sip._udp.example.com", RecordType::SRV),
            &srv,
        );
        let asked = [
            question("example.com", RecordType::NAPTR),
            question("sip2.example.com", RecordType::A),
        ];
        assert_eq!(
            found(&history, &asked, "10:00"),
            [
                "_sip._udp.example.com SRV <- example.com NAPTR",
                "sip1.example.com A <- example.com NAPTR",
                "sip1.example.com AAAA <- example.com NAPTR",
                "sip2.example.com AAAA <- example.com NAPTR",
            ]
        );
    }

    #[test]
    fn no_service_leads_nowhere_and_an_owner_may_be_its_own_target() {
        let check = |rtype, record: &str, expected: &[&str]| {
            let mut history = History::default();
            told(&mut history, "10:00", ("x.example.com", rtype), &[record]);
            let asked = [question("x.example.com", rtype)];
            let names: Vec<_> = of(&history, &asked, GAP, at("10:00"))
                .into_iter()
                .map(|target| target.question.to_string())
                .collect();
            assert_eq!(names, expected, "{record}");
        };
        check(RecordType::SRV, "0 0 0 .", &[]);
        check(RecordType::MX, "0 .", &[]);
        check(RecordType::HTTPS, "0 .", &[]);
        let own = ["x.example.com A", "x.example.com AAAA"];
        check(RecordType::HTTPS, r#"1 . alpn="h3""#, &own);
        let cdn = ["cdn.example.net A", "cdn.example.net AAAA"];
        check(RecordType::SVCB, "0 cdn.example.net", &cdn);
        check(RecordType::MX, "10 cdn.example.net", &cdn);
        check(RecordType::TXT, "10 cdn.example.net", &[]);
    }

    #[test]
    fn the_flag_of_a_naptr_record_says_what_its_name_is_asked_for() {
        let check = |flag: &str, expected: &[&str]| {
            let mut history = History::default();
            let asked = question("example.com", RecordType::NAPTR);
            let record = format!(r#"10 50 "{flag}" "SIP+D2U" "" sip.example.com"#);
            let place = ("example.com", RecordType::NAPTR);
            told(&mut history, "10:00", place, &[&record]);
            let found = of(&history, &[asked], GAP, at("10:00")).into_iter();
            let found: Vec<_> = found.map(|one| one.question.to_string()).collect();
            assert_eq!(found, expected, "{flag}");
        };
        // Another NAPTR record (RFC 3403 section 4.1), and the addresses at once.
        check("", &["sip.example.com NAPTR"]);
        check("S", &["sip.example.com SRV"]);
        check("a", &["sip.example.com A", "sip.example.com AAAA"]);
        check("A", &["sip.example.com A", "sip.example.com AAAA"]);
        check("u", &[]);
        check("p", &[]);
    }

    #[test]
    fn what_is_served_no_more_is_followed_while_caches_may_hold_it() {
        let mut history = History::default();
        let srv = ("_sip._udp.example.com", RecordType::SRV);
        let asked = [question(srv.0, srv.1)];
        told(&mut history, "10:00", srv, &["0 0 5060 old.example.com"]);
        told(&mut history, "10:01", srv, &["0 0 5060 new.example.com"]);
        let new = [
            "new.example.com A <- _sip._udp.example.com SRV",
            "new.example.com AAAA <- _sip._udp.example.com SRV",
        ];
        let old = [
            "old.example.com A <- _sip._udp.example.com SRV until 10:06",
            "old.example.com AAAA <- _sip._udp.example.com SRV until 10:06",
        ];
        // Its end is 10:01, its TTL 300 s.
        assert_eq!(found(&history, &asked, "10:06"), [new, old].concat());
        assert_eq!(found(&history, &asked, "10:07"), new);
        // Served again: nobody has to hold it any longer.
        told(&mut history, "10:02", srv, &["0 0 5060 old.example.com"]);
        let served = &found(&history, &asked, "10:03")[2..];
        assert!(
            served.iter().all(|one| !one.contains("until")),
            "{served:?}"
        );
    }

    #[test]
    fn a_chain_that_was_left_is_followed_to_its_end() {
        let mut history = History::default();
        let naptr = ("example.com", RecordType::NAPTR);
        let asked = [question(naptr.0, naptr.1)];
        let leads_to = |service: &str| format!(r#"10 50 "s" "SIP+D2U" "" {service}.example.com"#);
        told(&mut history, "10:00", naptr, &[&leads_to("_sip._udp")]);
        let srv = ("_sip._udp.example.com", RecordType::SRV);
        told(&mut history, "10:00", srv, &["0 0 5060 sip1.example.com"]);
        told(&mut history, "10:01", naptr, &[&leads_to("_sip._tcp")]);
        assert_eq!(
            found(&history, &asked, "10:02"),
            [
                "_sip._tcp.example.com SRV <- example.com NAPTR",
                "_sip._udp.example.com SRV <- example.com NAPTR until 10:06",
                "sip1.example.com A <- example.com NAPTR until 10:06",
                "sip1.example.com AAAA <- example.com NAPTR until 10:06",
            ]
        );
    }

    #[test]
    fn nobody_makes_us_ask_more_than_so_much_and_what_is_served_comes_first() {
        let mut history = History::default();
        let srv = ("_sip._udp.example.com", RecordType::SRV);
        let asked = [question(srv.0, srv.1)];
        let many = |prefix: &str| -> Vec<String> {
            let hosts = (0..100).map(|n| format!("0 0 5060 {prefix}{n}.example.com"));
            hosts.collect()
        };
        for (when, prefix) in [("10:00", "a"), ("10:01", "b")] {
            let many = many(prefix);
            let many: Vec<_> = many.iter().map(String::as_str).collect();
            told(&mut history, when, srv, &many);
        }
        let found = found(&history, &asked, "10:02");
        assert_eq!(found.len(), 2 * MOST_NAMES);
        assert!(found.iter().all(|one| one.starts_with('b')), "{found:?}");
    }
}
