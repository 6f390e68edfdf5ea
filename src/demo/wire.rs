//! DNS messages as the simulated servers read and write them: one question, one address or a denial.
//!
//! Written apart from `probe`'s, so that the prober is not held against itself. Deliberately absent: compression of
//! what is read, and everything that no question of ours needs.

use std::net::Ipv4Addr;

use super::story::ZONE;

const HEADER: usize = 12;
const TYPE_A: u16 = 1;
const TYPE_SOA: u16 = 6;
const TYPE_OPT: u16 = 41;
const OPTION_NSID: u16 = 3;

/// The UDP payload size that servers advertise.
const UDP_PAYLOAD: u16 = 1232;

/// A query, as far as it matters here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Query {
    id: [u8; 2],
    recursion_desired: bool,
    /// The question section as it came: name, type and class.
    question: Vec<u8>,
    /// The name asked, lower case, without the trailing dot.
    pub(super) name: String,
    rtype: u16,
    has_edns: bool,
}

/// What a server has to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Said {
    /// An address, and for how many seconds.
    Address(Ipv4Addr, u32),
    /// No data of that type, by a zone of this serial; asked at its apex for its SOA record, that.
    Nothing(u32),
    /// No such name, by a zone of this serial.
    NoSuchName(u32),
    /// Not one's zone.
    Refused,
}

/// Whose word a reply is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// An authoritative server's: AA.
    Authority,
    /// A resolver's: RA.
    Resolver,
}

impl Query {
    /// Reads a query; `None` where it is none, or not of the usual form.
    pub(super) fn read(octets: &[u8]) -> Option<Self> {
        let header = octets.get(..HEADER)?;
        let is_query = header[2] & 0xf8 == 0 && header[4..6] == [0, 1];
        let (name, end) = read_name(octets, HEADER)?;
        let question = octets.get(HEADER..end + 4)?;
        is_query.then(|| Self {
            id: [header[0], header[1]],
            recursion_desired: header[2] & 1 == 1,
            rtype: u16::from_be_bytes([octets[end], octets[end + 1]]),
            question: question.to_vec(),
            name,
            // The only record that a query of ours carries.
            has_edns: header[10..12] == [0, 1],
        })
    }

    /// Whether an address is asked for.
    pub(super) fn wants_address(&self) -> bool {
        self.rtype == TYPE_A
    }

    /// The reply's octets. `site` names the server, by NSID (RFC 5001).
    pub(super) fn reply(&self, role: Role, said: Said, site: &str) -> Vec<u8> {
        let at_apex = self.name == ZONE && self.rtype == TYPE_SOA;
        let (rcode, answers, authorities) = match said {
            Said::Address(..) => (0, 1_u8, 0_u8),
            Said::Nothing(_) if at_apex => (0, 1, 0),
            Said::Nothing(_) => (0, 0, 1),
            Said::NoSuchName(_) => (3, 0, 1),
            Said::Refused => (5, 0, 0),
        };
        let (aa, ra) = match role {
            Role::Authority => (0x04, 0),
            Role::Resolver => (0, 0x80),
        };
        let mut reply = Vec::with_capacity(128);
        reply.extend(self.id);
        reply.extend([0x80 | aa | u8::from(self.recursion_desired), ra | rcode]);
        reply.extend([0, 1, 0, answers, 0, authorities, 0, u8::from(self.has_edns)]);
        reply.extend(&self.question);
        match said {
            Said::Address(address, ttl) => {
                // The name asked, by a pointer to the question (RFC 1035 section 4.1.4).
                write_record(&mut reply, &[0xc0, 12], TYPE_A, ttl, &address.octets());
            }
            Said::Nothing(serial) | Said::NoSuchName(serial) => {
                write_record(&mut reply, &name(ZONE), TYPE_SOA, DENIAL_TTL, &soa(serial));
            }
            Said::Refused => {}
        }
        if self.has_edns {
            write_opt(&mut reply, site);
        }
        reply
    }
}

/// For how long a denial may be held, seconds: the TTL of the SOA record and its MINIMUM (RFC 2308 section 5).
const DENIAL_TTL: u32 = 300;

fn soa(serial: u32) -> Vec<u8> {
    let mut rdata = [
        name(&format!("ns1.{ZONE}")),
        name(&format!("hostmaster.{ZONE}")),
    ]
    .concat();
    for number in [serial, 7_200, 900, 1_209_600, DENIAL_TTL] {
        rdata.extend(number.to_be_bytes());
    }
    rdata
}

fn write_record(reply: &mut Vec<u8>, owner: &[u8], rtype: u16, ttl: u32, rdata: &[u8]) {
    reply.extend(owner);
    reply.extend(rtype.to_be_bytes());
    reply.extend([0, 1]);
    reply.extend(ttl.to_be_bytes());
    reply.extend((rdata.len() as u16).to_be_bytes());
    reply.extend(rdata);
}

fn write_opt(reply: &mut Vec<u8>, site: &str) {
    let option = [OPTION_NSID.to_be_bytes(), (site.len() as u16).to_be_bytes()].concat();
    reply.push(0);
    reply.extend(TYPE_OPT.to_be_bytes());
    reply.extend(UDP_PAYLOAD.to_be_bytes());
    reply.extend([0; 4]);
    reply.extend(((option.len() + site.len()) as u16).to_be_bytes());
    reply.extend(option);
    reply.extend(site.as_bytes());
}

/// A name uncompressed.
fn name(text: &str) -> Vec<u8> {
    let mut octets = Vec::with_capacity(text.len() + 2);
    for label in text.split('.') {
        octets.push(label.len() as u8);
        octets.extend(label.as_bytes());
    }
    octets.push(0);
    octets
}

/// The name at `at` and where it ends; `None` where it is compressed or not ASCII.
fn read_name(octets: &[u8], mut at: usize) -> Option<(String, usize)> {
    let mut labels = Vec::new();
    loop {
        let length = usize::from(*octets.get(at)?);
        at += 1;
        if length == 0 {
            return Some((labels.join("."), at));
        }
        let label = octets.get(at..at + length).filter(|_| length < 64)?;
        labels.push(std::str::from_utf8(label).ok()?.to_ascii_lowercase());
        at += length;
    }
}

#[cfg(test)]
mod tests {
    use hickory_proto::{
        op::{Edns, Message, MessageType, Query as Asked, ResponseCode},
        rr::{Name, RData, RecordType},
    };

    use super::*;

    fn asked(owner: &str, rtype: RecordType) -> Query {
        let mut message = Message::query();
        message.metadata.recursion_desired = true;
        message.add_query(Asked::query(Name::from_ascii(owner).unwrap(), rtype));
        message.edns.get_or_insert_with(Edns::new);
        Query::read(&message.to_vec().unwrap()).unwrap()
    }

    fn replied(query: &Query, role: Role, said: Said) -> Message {
        Message::from_vec(&query.reply(role, said, "ns1")).unwrap()
    }

    #[test]
    fn another_implementation_reads_an_address() {
        let query = asked("Dialer7.Example.COM.", RecordType::A);
        assert_eq!(query.name, "dialer7.example.com");
        assert!(query.wants_address());
        let address = Ipv4Addr::new(198, 51, 100, 7);
        let reply = replied(&query, Role::Resolver, Said::Address(address, 86_400));
        assert_eq!(reply.metadata.message_type, MessageType::Response);
        assert!(reply.metadata.recursion_available && !reply.metadata.authoritative);
        assert_eq!(reply.answers[0].ttl, 86_400);
        assert_eq!(reply.answers[0].data, RData::A(address.into()));
        assert_eq!(reply.edns.unwrap().max_payload(), UDP_PAYLOAD);
    }

    #[test]
    fn another_implementation_reads_denials_and_a_refusal() {
        let query = asked("dialer7.example.com.", RecordType::AAAA);
        let nothing = replied(&query, Role::Authority, Said::Nothing(7));
        assert!(nothing.metadata.authoritative && nothing.answers.is_empty());
        let RData::SOA(soa) = &nothing.authorities[0].data else {
            panic!("{nothing:?}");
        };
        assert_eq!((soa.serial, soa.minimum), (7, DENIAL_TTL));
        let gone = replied(&query, Role::Authority, Said::NoSuchName(7));
        assert_eq!(gone.metadata.response_code, ResponseCode::NXDomain);
        let refused = replied(&query, Role::Authority, Said::Refused);
        assert_eq!(refused.metadata.response_code, ResponseCode::Refused);
        let apex = asked("example.com.", RecordType::SOA);
        assert_eq!(
            replied(&apex, Role::Authority, Said::Nothing(7))
                .answers
                .len(),
            1
        );
    }

    #[test]
    fn what_is_no_query_is_not_read() {
        let query = [&[0; 4][..], &[0, 1], &[0; 6], &name(ZONE), &[0, 1, 0, 1]].concat();
        assert!(Query::read(&query).is_some());
        for length in 0..query.len() {
            assert_eq!(Query::read(&query[..length]), None, "{length}");
        }
        let mut reply = query.clone();
        reply[2] |= 0x80;
        assert_eq!(Query::read(&reply), None);
    }
}
