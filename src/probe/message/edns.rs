//! The OPT record: what is sent, and what is read from a reply's.
//!
//! Deliberately absent: cookies, padding and client subnets in queries.

use hickory_proto::{
    op::Edns,
    rr::rdata::opt::{EdnsCode, EdnsOption},
};

use crate::types::Ede;

const OPT: u16 = 41;
const NSID: u16 = 3;
const EXTENDED_ERROR: u16 = 15;

/// The OPT record of a query: version 0, DO clear, one empty NSID option (RFC 6891 section 6.1, RFC 5001 section 2.1).
pub(super) fn opt_record(payload: u16) -> Vec<u8> {
    let (extended_ttl, options_octets, nsid_octets) = ([0_u16; 2], 4, 0);
    let [ttl_high, ttl_low] = extended_ttl;
    let fields = [
        OPT,
        payload,
        ttl_high,
        ttl_low,
        options_octets,
        NSID,
        nsid_octets,
    ];
    let root = std::iter::once(0);
    root.chain(fields.into_iter().flat_map(u16::to_be_bytes))
        .collect()
}

/// Every extended error, in the order received (RFC 8914).
pub(super) fn extended_errors(opt: &Edns) -> Vec<Ede> {
    let options = opt.options().options.iter();
    options
        .filter_map(|(_, option)| match option {
            EdnsOption::Unknown(EXTENDED_ERROR, data) => {
                let (code, text) = data.split_first_chunk::<2>()?;
                let text = String::from_utf8_lossy(text);
                Some(Ede {
                    code: u16::from_be_bytes(*code),
                    text: text.trim_end_matches('\0').to_owned(),
                })
            }
            _ => None,
        })
        .collect()
}

/// The name server identifier (RFC 5001).
pub(super) fn server_id(opt: &Edns) -> Option<Vec<u8>> {
    match opt.option(EdnsCode::NSID)? {
        EdnsOption::NSID(id) => Some(id.as_ref().to_vec()),
        _ => None,
    }
}

/// SCOPE PREFIX-LENGTH of a client subnet option (RFC 7871 section 6).
pub(super) fn subnet_scope(opt: &Edns) -> Option<u8> {
    match opt.option(EdnsCode::Subnet)? {
        EdnsOption::Subnet(subnet) => Some(subnet.scope_prefix()),
        _ => None,
    }
}
