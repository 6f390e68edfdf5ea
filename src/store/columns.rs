//! How values stand in columns: TTL lists, small enumerations, JSON documents.
//!
//! Deliberately absent: queries.

use std::{
    net::{IpAddr, SocketAddr, SocketAddrV6},
    ops::Deref,
};

use ipnet::IpNet;
use serde::{
    Serialize,
    de::{DeserializeOwned, IntoDeserializer as _},
};
use serde_json::Value as Json;

use super::StoreError;
use crate::{
    names::DnsName,
    types::{Answer, Source, Transport, Value},
};

/// TTLs as text: links end in `;`, TTLs within a link are parted by `,`. `[[60, 60], [300]]` is `60,60;300;`.
pub(super) fn ttls_to_text(ttls: &[impl Deref<Target = [u32]>]) -> String {
    let mut text = String::new();
    for link in ttls {
        let link: Vec<_> = link.iter().map(u32::to_string).collect();
        text += &link.join(",");
        text.push(';');
    }
    text
}

/// Reads [`ttls_to_text`] back.
pub(super) fn ttls_from_text<All, Link>(text: &str) -> Result<All, StoreError>
where
    All: FromIterator<Link>,
    Link: FromIterator<u32>,
{
    text.split_terminator(';')
        .map(|link| match link {
            "" => Ok(Link::from_iter([])),
            link => link.split(',').map(str::parse).collect(),
        })
        .collect::<Result<_, _>>()
        .map_err(|error| StoreError::unreadable("list of TTLs", error))
}

/// The list of TTLs that an answer has where all are the same: one per record, one per alias, two per denial.
pub(super) fn uniform_ttls(answer: &Answer, ttl: Option<i64>) -> Vec<Vec<u32>> {
    let ttl = ttl.unwrap_or(0) as u32;
    let links = answer.links.iter();
    links
        .map(|link| vec![ttl; count_ttls(&link.value)])
        .collect()
}

fn count_ttls(value: &Value) -> usize {
    match value {
        Value::Cname(_) => 1,
        Value::Rrset(set) => set.len(),
        Value::Nodata | Value::Nxdomain => 2,
    }
}

/// What becomes of the TTLs in `observation.ttls`: nothing where they are those of [`uniform_ttls`].
pub(super) fn unequal_ttls(
    answer: &Answer,
    ttl: Option<u32>,
    ttls: &[Vec<u32>],
) -> Option<Vec<Vec<u32>>> {
    let ttl = ttl.unwrap_or(0);
    let are_uniform = ttls.len() == answer.links.len()
        && answer.links.iter().zip(ttls).all(|(link, ttls)| {
            ttls.len() == count_ttls(&link.value) && ttls.iter().all(|one| *one == ttl)
        });
    (!are_uniform).then(|| ttls.to_vec())
}

/// A document for a `jsonb` column. `PostgreSQL` holds no NUL in text, so each becomes U+FFFD.
pub(super) fn to_json<T: Serialize>(value: &T) -> Result<Json, StoreError> {
    let mut json =
        serde_json::to_value(value).map_err(|error| StoreError::unreadable("document", error))?;
    replace_nul(&mut json);
    Ok(json)
}

/// A document of each of these, in their order.
pub(super) fn all_to_json<'a, T: Serialize + 'a>(
    values: impl IntoIterator<Item = &'a T>,
) -> Result<Vec<Json>, StoreError> {
    values.into_iter().map(to_json).collect()
}

fn replace_nul(json: &mut Json) {
    match json {
        Json::String(text) if text.contains('\0') => *text = without_nul(text),
        Json::Array(items) => items.iter_mut().for_each(replace_nul),
        Json::Object(fields) => fields.values_mut().for_each(replace_nul),
        _ => {}
    }
}

/// Text for a `text` column, each NUL replaced by U+FFFD.
pub(super) fn without_nul(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

/// A document read back.
pub(super) fn from_json<T: DeserializeOwned>(
    what: &'static str,
    json: Json,
) -> Result<T, StoreError> {
    serde_json::from_value(json).map_err(|error| StoreError::unreadable(what, error))
}

/// The name of a variant without fields, as serde writes it.
pub(super) fn variant_to_text<T: Serialize>(variant: &T) -> Result<String, StoreError> {
    match to_json(variant)? {
        Json::String(name) => Ok(name),
        other => Err(StoreError::unreadable("variant", other)),
    }
}

/// A variant read back by its name.
pub(super) fn variant_from_text<T: DeserializeOwned>(
    what: &'static str,
    name: impl AsRef<str>,
) -> Result<T, StoreError> {
    let read = T::deserialize(name.as_ref().into_deserializer());
    read.map_err(|error: serde::de::value::Error| StoreError::unreadable(what, error))
}

/// The number a transport has in `observation`.
pub(super) fn transport_to_number(transport: Transport) -> i16 {
    match transport {
        Transport::Udp => 0,
        Transport::Tcp => 1,
        Transport::Tls => 2,
        Transport::Https => 3,
        Transport::Quic => 4,
        Transport::H3 => 5,
    }
}

/// A transport read back.
pub(super) fn transport_from_number(number: i16) -> Result<Transport, StoreError> {
    match number {
        0 => Ok(Transport::Udp),
        1 => Ok(Transport::Tcp),
        2 => Ok(Transport::Tls),
        3 => Ok(Transport::Https),
        4 => Ok(Transport::Quic),
        5 => Ok(Transport::H3),
        other => Err(StoreError::unreadable("transport", other)),
    }
}

/// The age of a reply from an HTTP cache: null for the usual none.
pub(super) fn age_to_number(age: u32) -> Option<i64> {
    (age > 0).then(|| age.into())
}

/// An age read back.
pub(super) fn age_from_number(stored: Option<i64>) -> Result<u32, StoreError> {
    stored.map_or(Ok(0), |age| number("age", age))
}

/// The zone index of a link-local address (RFC 4007), 0 for any other.
pub(super) fn scope_of(address: SocketAddr) -> i64 {
    match address {
        SocketAddr::V4(_) => 0,
        SocketAddr::V6(v6) => i64::from(v6.scope_id()),
    }
}

/// An address read back from its three columns.
pub(super) fn socket_address(
    address: IpNet,
    port: i32,
    scope: i64,
) -> Result<SocketAddr, StoreError> {
    let port = number("port", port)?;
    Ok(match address.addr() {
        IpAddr::V4(v4) => SocketAddr::from((v4, port)),
        IpAddr::V6(v6) => SocketAddrV6::new(v6, port, 0, number("zone index", scope)?).into(),
    })
}

/// Names as a `text[]`.
pub(super) fn texts<'a>(names: impl IntoIterator<Item = &'a DnsName>) -> Vec<String> {
    names.into_iter().map(ToString::to_string).collect()
}

/// A source read back from its row; `(address, port, scope)` as [`socket_address`] takes them.
pub(super) fn source(
    kind: String,
    id: String,
    (address, port, scope): (IpNet, i32, i64),
    transport: String,
) -> Result<Source, StoreError> {
    Ok(Source {
        kind: variant_from_text("kind of source", kind)?,
        id,
        address: socket_address(address, port, scope)?,
        transport: variant_from_text("transport", transport)?,
    })
}

/// A number read back into the type it was written from.
pub(super) fn number<N, T>(what: &'static str, stored: N) -> Result<T, StoreError>
where
    N: Copy + ToString,
    T: TryFrom<N>,
{
    T::try_from(stored).map_err(|_| StoreError::unreadable(what, stored.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Ttls;

    fn check(ttls: &[Vec<u32>], text: &str) {
        assert_eq!(ttls_to_text(ttls), text);
        assert_eq!(ttls_from_text::<Vec<Vec<u32>>, _>(text).unwrap(), ttls);
    }

    #[test]
    fn ttl_lists_of_every_shape_read_back() {
        check(&[], "");
        check(&[vec![]], ";");
        check(&[vec![300]], "300;");
        check(
            &[vec![60, 61], vec![], vec![u32::MAX]],
            "60,61;;4294967295;",
        );
        for wrong in ["60;x;", "4294967296;"] {
            assert!(ttls_from_text::<Ttls, _>(wrong).is_err());
        }
    }

    #[test]
    fn no_nul_reaches_a_document() {
        let json = to_json(&serde_json::json!({"a": ["x\0y"], "b": 1})).unwrap();
        assert_eq!(json, serde_json::json!({"a": ["x\u{fffd}y"], "b": 1}));
    }
}
