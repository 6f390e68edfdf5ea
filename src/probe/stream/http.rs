//! A question as an HTTP request, and what the head of the response says (RFC 8484), for every version of HTTP.
//!
//! POST and not GET: nothing on the way may answer from a cache, though it may say by `Age` that it did. Deliberately absent: redirects, which are told
//! as the status that they are; cookies; and connections.

use http::{
    HeaderMap, HeaderValue, Method, Request, Uri,
    header::{ACCEPT, AGE, CONTENT_LENGTH, CONTENT_TYPE, USER_AGENT},
    response::Parts,
};

use super::Target;
use crate::types::NoReply;

/// The only type of a DNS message over HTTP (RFC 8484 section 6).
const DNS_MESSAGE: &str = "application/dns-message";
/// The path where a target names none.
const PATH: &str = "/dns-query";
const AGENT: &str = concat!("dns-auditor/", env!("CARGO_PKG_VERSION"));
/// The longest DNS message.
pub(super) const LONGEST: usize = u16::MAX as usize;

/// Where a target's questions are posted. A URI template's variables (RFC 8484 section 4.1) are GET's, and are cut off.
pub(super) fn uri(target: &Target) -> Result<Uri, NoReply> {
    let (host, path) = match &target.endpoint {
        Some(endpoint) => (endpoint.server_name.clone(), endpoint.path.as_str()),
        None => (target.address.ip().to_string(), PATH),
    };
    let path = path.split('{').next().unwrap_or(PATH);
    let host = if host.contains(':') {
        format!("[{host}]")
    } else {
        host
    };
    let authority = match target.address.port() {
        443 => host,
        port => format!("{host}:{port}"),
    };
    let uri = Uri::builder()
        .scheme("https")
        .authority(authority)
        .path_and_query(path);
    uri.build().map_err(|error| {
        tracing::warn!(source.address = %target.address, path, %error, "this path cannot be asked for");
        NoReply::NoRoute
    })
}

/// The head of a request whose body is a message of so many octets.
pub(super) fn post(uri: &Uri, octets: usize) -> Request<()> {
    let mut request = Request::new(());
    *request.method_mut() = Method::POST;
    *request.uri_mut() = uri.clone();
    let headers = request.headers_mut();
    headers.insert(ACCEPT, HeaderValue::from_static(DNS_MESSAGE));
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(DNS_MESSAGE));
    headers.insert(CONTENT_LENGTH, HeaderValue::from(octets));
    headers.insert(USER_AGENT, HeaderValue::from_static(AGENT));
    request
}

/// Whether a DNS message follows, and how long a cache held it, in seconds.
pub(super) fn read(head: &Parts) -> Result<u32, NoReply> {
    if !head.status.is_success() {
        return Err(NoReply::Http(head.status.as_u16()));
    }
    if !is_dns_message(&head.headers) {
        return Err(NoReply::Protocol);
    }
    Ok(age(&head.headers))
}

/// Parameters after the type mean nothing to us.
fn is_dns_message(headers: &HeaderMap) -> bool {
    let value = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let essence = value.and_then(|value| value.split(';').next());
    essence.is_some_and(|essence| essence.trim().eq_ignore_ascii_case(DNS_MESSAGE))
}

/// `Age` (RFC 9111 section 5.1); what is no number is none, and what is too large is the largest.
fn age(headers: &HeaderMap) -> u32 {
    let text = headers.get(AGE).and_then(|age| age.to_str().ok());
    let seconds = text.and_then(|text| text.trim().parse::<u64>().ok());
    u32::try_from(seconds.unwrap_or(0)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::types::{Endpoint, Transport};

    fn check(address: &str, endpoint: Option<(&str, &str)>, expected: Option<&str>) {
        let target = Target {
            address: address.parse().unwrap(),
            transport: Transport::Https,
            endpoint: endpoint.map(|(name, path)| {
                Arc::new(Endpoint {
                    server_name: name.to_owned(),
                    path: path.to_owned(),
                    ca_file: None,
                })
            }),
        };
        let uri = uri(&target).ok().map(|uri| uri.to_string());
        assert_eq!(uri.as_deref(), expected);
    }

    #[test]
    fn questions_are_posted_to_the_name_at_the_port_under_the_path() {
        let name = "dns.example.net";
        let expected = Some("https://dns.example.net/dns-query");
        check("192.0.2.1:443", Some((name, "/dns-query")), expected);
        check("192.0.2.1:443", Some((name, "/dns-query{?dns}")), expected);
        let expected = Some("https://dns.example.net:8443/p0");
        check("192.0.2.1:8443", Some((name, "/p0")), expected);
        check("192.0.2.1:443", None, Some("https://192.0.2.1/dns-query"));
        check(
            "[2001:db8::1]:443",
            None,
            Some("https://[2001:db8::1]/dns-query"),
        );
        let expected = Some("https://[2001:db8::1]:444/q");
        check("192.0.2.1:444", Some(("2001:db8::1", "/q")), expected);
        check("192.0.2.1:443", Some((name, "/ ")), None);
    }

    #[test]
    fn age_is_a_number_of_seconds_or_nothing() {
        let check = |value: &str, expected| {
            let mut headers = HeaderMap::new();
            headers.insert(AGE, value.parse().unwrap());
            assert_eq!(age(&headers), expected, "{value}");
        };
        check("0", 0);
        check("17", 17);
        check(" 3600 ", 3600);
        check("4294967296", u32::MAX);
        check("-1", 0);
        check("soon", 0);
        assert_eq!(age(&HeaderMap::new()), 0);
    }
}
