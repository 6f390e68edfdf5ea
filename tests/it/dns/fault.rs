//! Ways to go wrong, and for which queries.

use std::{sync::Arc, time::Duration};

use hickory_proto::{
    op::{Edns, Message, ResponseCode},
    rr::{RData, rdata::opt::EdnsOption},
};

use super::{Query, Reply, script::blank};

/// What a test makes of a reply itself.
pub type Custom = Arc<dyn Fn(&Query, Message) -> Vec<Reply> + Send + Sync>;

/// One way to go wrong.
#[derive(Clone)]
pub enum Fault {
    /// No reply at all.
    Silent,
    /// This RCODE and no records; above 15 it needs the asker's OPT.
    Rcode(u16),
    /// TC=1 and no records.
    Truncated,
    /// The reply under another id.
    WrongId,
    /// The reply to another name.
    WrongQuestion,
    /// A datagram of noise before the reply.
    NoiseFirst,
    /// Noise instead of the reply.
    Garbage,
    /// Header and question fit, the rest does not decode.
    Undecodable,
    /// Twelve octets: id, QR and this RCODE.
    HeaderOnly(u8),
    /// The reply, later.
    Delay(Duration),
    /// An extended error on top.
    ExtendedError(u16, &'static str),
    /// Any EDNS option on top.
    EdnsOption(u16, Vec<u8>),
    /// FORMERR without OPT to a query with OPT; the plain reply to one without.
    NoEdns,
    /// The reply without its authority section.
    NoAuthoritySection,
    /// AA cleared.
    NotAuthoritative,
    /// Every TTL set to this.
    Ttl(u32),
    /// The asked name's letters in upper case, everywhere.
    UpperCase,
    /// Whatever this makes of it.
    Custom(Custom),
}

/// A fault and the queries it strikes.
pub struct Rule {
    fault: Fault,
    name: Option<String>,
    rtype: Option<u16>,
    tcp: Option<bool>,
    first: Option<usize>,
}

impl From<Fault> for Rule {
    fn from(fault: Fault) -> Self {
        Self {
            fault,
            name: None,
            rtype: None,
            tcp: None,
            first: None,
        }
    }
}

/// Narrowing begins at the fault: `Fault::Silent.over_udp().first(1)`.
impl Fault {
    pub fn on(self, name: &str) -> Rule {
        Rule::from(self).on(name)
    }

    pub fn of_type(self, rtype: u16) -> Rule {
        Rule::from(self).of_type(rtype)
    }

    pub fn over_udp(self) -> Rule {
        Rule::from(self).over_udp()
    }

    pub fn over_tcp(self) -> Rule {
        Rule::from(self).over_tcp()
    }

    pub fn first(self, n: usize) -> Rule {
        Rule::from(self).first(n)
    }
}

impl Rule {
    /// Only queries for this name.
    #[must_use]
    pub fn on(mut self, name: &str) -> Self {
        self.name = Some(name.to_owned());
        self
    }

    /// Only queries for this type.
    #[must_use]
    pub fn of_type(mut self, rtype: u16) -> Self {
        self.rtype = Some(rtype);
        self
    }

    /// Only over UDP.
    #[must_use]
    pub fn over_udp(mut self) -> Self {
        self.tcp = Some(false);
        self
    }

    /// Only over TCP.
    #[must_use]
    pub fn over_tcp(mut self) -> Self {
        self.tcp = Some(true);
        self
    }

    /// Only the first `n` queries of each name and type.
    #[must_use]
    pub fn first(mut self, n: usize) -> Self {
        self.first = Some(n);
        self
    }

    pub(super) fn applies(&self, query: &Query) -> bool {
        self.name.as_ref().is_none_or(|name| *name == query.name)
            && self.rtype.is_none_or(|rtype| rtype == query.rtype)
            && self.tcp.is_none_or(|tcp| tcp == query.tcp)
            && self.first.is_none_or(|first| query.nth < first)
    }

    pub(super) fn apply(&self, query: &Query, replies: Vec<Reply>) -> Vec<Reply> {
        replies
            .into_iter()
            .flat_map(|reply| self.fault.strike(query, reply))
            .collect()
    }
}

impl Fault {
    fn strike(&self, query: &Query, mut reply: Reply) -> Vec<Reply> {
        match self {
            Self::Silent => return Vec::new(),
            Self::Garbage => return vec![Reply::raw(vec![0xff; 40])],
            Self::NoiseFirst => return vec![Reply::raw(vec![0xff; 40]), reply],
            Self::Delay(delay) => reply.delay += *delay,
            Self::WrongId => reply.bytes[0] ^= 0xff,
            Self::HeaderOnly(rcode) => {
                reply.bytes.truncate(12);
                reply.bytes[2] |= 0x80;
                reply.bytes[3] = *rcode;
                reply.bytes[4..].fill(0);
            }
            Self::Undecodable => {
                // One answer is promised, and none follows.
                reply.bytes.truncate(question_end(&reply.bytes));
                reply.bytes[6..12].copy_from_slice(&[0, 1, 0, 0, 0, 0]);
            }
            Self::UpperCase => {
                let end = question_end(&reply.bytes) - 4;
                reply.bytes[12..end].make_ascii_uppercase();
            }
            Self::Custom(custom) => return custom(query, Message::from_vec(&reply.bytes).unwrap()),
            _ => {
                let message = self.rewritten(query, Message::from_vec(&reply.bytes).unwrap());
                reply.bytes = message.to_vec().unwrap();
            }
        }
        vec![reply]
    }

    fn rewritten(&self, query: &Query, mut message: Message) -> Message {
        match self {
            Self::Rcode(rcode) => {
                let edns = message.edns.take();
                message = blank(query);
                message.edns = edns;
                message.metadata.response_code =
                    ResponseCode::from((rcode >> 4) as u8, (rcode & 0xf) as u8);
            }
            Self::Truncated => message = message.truncate(),
            Self::WrongQuestion => {
                message.queries[0].name = super::zone::name("elsewhere.example");
            }
            Self::ExtendedError(code, text) => {
                let data = [&code.to_be_bytes(), text.as_bytes()].concat();
                add_option(&mut message, 15, data);
            }
            Self::EdnsOption(code, data) => add_option(&mut message, *code, data.clone()),
            Self::NoEdns => {
                message.edns = None;
                if query.message.edns.is_some() {
                    message = blank(query);
                    message.metadata.response_code = ResponseCode::FormErr;
                }
            }
            Self::NoAuthoritySection => message.authorities.clear(),
            Self::NotAuthoritative => message.metadata.authoritative = false,
            Self::Ttl(ttl) => {
                for record in message.answers.iter_mut().chain(&mut message.authorities) {
                    record.ttl = *ttl;
                    if let RData::SOA(soa) = &mut record.data {
                        soa.minimum = *ttl;
                    }
                }
            }
            _ => unreachable!("struck as octets"),
        }
        message
    }
}

fn add_option(message: &mut Message, code: u16, data: Vec<u8>) {
    let edns = message.edns.get_or_insert_with(Edns::new);
    edns.options_mut()
        .options
        .push((code.into(), EdnsOption::Unknown(code, data)));
}

/// Where the question ends; questions in these tests are never compressed.
fn question_end(bytes: &[u8]) -> usize {
    let mut at = 12;
    while bytes[at] != 0 {
        at += usize::from(bytes[at]) + 1;
    }
    at + 5
}
