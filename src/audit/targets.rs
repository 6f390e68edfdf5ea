//! What the service records of a group lead to, as its authorities serve them: the names whose addresses clients use in the
//! end.
//!
//! SRV (RFC 2782), NAPTR on its way to SRV records or addresses (RFC 3263 section 4), MX (RFC 5321 section 5.1), SVCB and
//! HTTPS (RFC 9460). Deliberately absent: asking, and a choice by priority or weight. A client may be sent to any target.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::Duration,
};

use crate::{
    audit::history::{History, LinkKey},
    names::DnsName,
    types::{Question, RecordType, Target, Value},
};

/// Names followed from one group: whoever serves the records decides what they lead to, not how much is asked.
pub const MOST_NAMES: usize = 32;

const ADDRESSES: [RecordType; 2] = [RecordType::A, RecordType::AAAA];

/// Everything that the service records among `questions` lead to, as authorities served them within `gap` of their last
/// word; in order of question, each once, and none of `questions` themselves.
pub fn of(history: &History, questions: &[Question], gap: Duration) -> Vec<Target> {
    let mut walk = Walk {
        history,
        gap,
        seen: questions.iter().cloned().collect(),
        names: BTreeSet::new(),
        found: BTreeMap::new(),
        next: VecDeque::new(),
    };
    for question in questions.iter().filter(|one| is_service(one.rtype)) {
        walk.next.push_back((question.clone(), question));
    }
    while let Some((place, service)) = walk.next.pop_front() {
        walk.follow(&place, service);
    }
    let found = walk.found.into_iter();
    found
        .map(|(question, service)| Target {
            question,
            service: service.clone(),
        })
        .collect()
}

struct Walk<'a> {
    history: &'a History,
    gap: Duration,
    seen: BTreeSet<Question>,
    names: BTreeSet<DnsName>,
    found: BTreeMap<Question, &'a Question>,
    /// Service records to read, and the question of the group that led there.
    next: VecDeque<(Question, &'a Question)>,
}

impl<'a> Walk<'a> {
    fn follow(&mut self, place: &Question, service: &'a Question) {
        let key = LinkKey {
            owner: place.name.clone(),
            rtype: place.rtype,
        };
        let Some(link) = self.history.link(&key) else {
            return;
        };
        for value in link.served_lately(self.gap) {
            match value {
                // The alias is part of its own question's answer: only what stands at its end is new.
                Value::Cname(target) => self.read_on(target, place.rtype, service),
                Value::Rrset(set) => {
                    for rdata in set {
                        self.take(place, rdata, service);
                    }
                }
                Value::Nodata | Value::Nxdomain => {}
            }
        }
    }

    fn read_on(&mut self, name: &DnsName, rtype: RecordType, service: &'a Question) {
        let place = Question {
            name: name.clone(),
            rtype,
        };
        if self.seen.insert(place.clone()) {
            self.next.push_back((place, service));
        }
    }

    fn take(&mut self, place: &Question, rdata: &str, service: &'a Question) {
        let Some((name, types)) = leads_to(place, rdata) else {
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
            if !self.seen.insert(question.clone()) {
                continue;
            }
            if is_service(*rtype) {
                self.next.push_back((question.clone(), service));
            }
            self.found.insert(question, service);
        }
    }
}

fn is_service(rtype: RecordType) -> bool {
    use RecordType as Type;
    [Type::MX, Type::SRV, Type::NAPTR, Type::SVCB, Type::HTTPS].contains(&rtype)
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

    fn found(history: &History, asked: &[Question]) -> Vec<String> {
        let targets = of(history, asked, GAP).into_iter();
        let text = |target: Target| format!("{} <- {}", target.question, target.service);
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
            found(&history, &asked),
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
            let names: Vec<_> = of(&history, &asked, GAP)
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
    fn what_is_served_no_more_is_not_followed_and_nobody_makes_us_ask_more_than_so_much() {
        let mut history = History::default();
        let srv = ("_sip._udp.example.com", RecordType::SRV);
        let asked = [question(srv.0, srv.1)];
        told(&mut history, "10:00", srv, &["0 0 5060 old.example.com"]);
        told(&mut history, "10:01", srv, &["0 0 5060 new.example.com"]);
        assert_eq!(
            found(&history, &asked),
            [
                "new.example.com A <- _sip._udp.example.com SRV",
                "new.example.com AAAA <- _sip._udp.example.com SRV",
            ]
        );
        let many: Vec<_> = (0..100)
            .map(|n| format!("0 0 5060 h{n}.example.com"))
            .collect();
        let many: Vec<_> = many.iter().map(String::as_str).collect();
        told(&mut history, "10:02", srv, &many);
        assert_eq!(found(&history, &asked).len(), 2 * MOST_NAMES);
    }
}
