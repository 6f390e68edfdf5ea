use std::collections::BTreeMap;

use clap::Parser;

use super::*;

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    whom: Whom,
}

/// The resolvers that these options stand for.
fn asked(options: &str) -> Result<Vec<Arc<Resolver>>, String> {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("auditor.toml");
    let text = "[[resolver]]\nid='office'\naddress='192.0.2.9'\n\
                [[resolver]]\nid='branch'\naddresses=['192.0.2.7', '192.0.2.8']\n\
                [[resolver]]\nid='secure'\naddress='192.0.2.6'\ntransport='tls'\nserver_name='dns.example'\n";
    std::fs::write(&file, text).unwrap();
    let config = crate::config::load(Some(&file), &BTreeMap::new()).unwrap();
    let line = std::iter::once("check").chain(options.split_whitespace());
    let line = Line::try_parse_from(line).map_err(|error| error.to_string())?;
    line.whom
        .resolvers(&config)
        .map_err(|error| error.to_string())
}

/// Their ids.
fn ids(options: &str) -> String {
    let asked = asked(options).unwrap();
    let ids: Vec<_> = asked.iter().map(|resolver| resolver.id.as_str()).collect();
    ids.join(" ")
}

/// The first of them: where it is asked, and whom it must find there.
fn first(options: &str) -> String {
    let asked = asked(options).unwrap();
    let endpoint = asked[0].endpoint.as_deref();
    let endpoint = endpoint.map(|endpoint| {
        let file = endpoint
            .ca_file
            .as_ref()
            .map(|file| file.display().to_string());
        format!(
            " {}{} {}",
            endpoint.server_name,
            endpoint.path,
            file.unwrap_or_default()
        )
    });
    format!("{}{}", asked[0].addresses[0], endpoint.unwrap_or_default())
        .trim_end()
        .to_owned()
}

#[test]
fn addresses_have_port_53_unless_they_say_otherwise() {
    for (text, expected) in [
        ("192.0.2.1", Some("192.0.2.1:53")),
        ("192.0.2.1:5353", Some("192.0.2.1:5353")),
        ("2001:db8::1", Some("[2001:db8::1]:53")),
        ("[2001:db8::1]", Some("[2001:db8::1]:53")),
        ("[2001:db8::1]:5353", Some("[2001:db8::1]:5353")),
        ("192.0.2.1:0", None),
        ("quad8", None),
    ] {
        let expected = expected.map(|text| text.parse().unwrap());
        assert_eq!(address(text), expected, "{text}");
    }
}

#[test]
fn each_resolver_is_asked_once_over_each_transport() {
    assert_eq!(ids(""), "quad9 cloudflare google");
    assert_eq!(ids("--resolver google,google"), "google");
    assert_eq!(ids("--resolver 192.0.2.1,192.0.2.1"), "192.0.2.1");
    assert_eq!(
        ids("--resolver google --transport tcp,tls,tcp"),
        "google+tcp google+tls"
    );
    assert_eq!(
        ids("--resolver google+tls,192.0.2.1 --transport udp,tcp"),
        "google+tls 192.0.2.1+udp 192.0.2.1+tcp"
    );
}

#[test]
fn all_is_what_a_preset_is_known_to_offer_and_everything_elsewhere() {
    assert_eq!(
        ids("--resolver google,192.0.2.1 --transport all"),
        "google+udp google+tcp google+tls google+https 192.0.2.1+udp 192.0.2.1+tcp 192.0.2.1+tls \
         192.0.2.1+https 192.0.2.1+quic 192.0.2.1+h3"
    );
    assert_eq!(ids("--resolver office+all").split(' ').count(), 6);
}

#[test]
fn a_transport_has_its_port_and_its_endpoint() {
    for (options, expected) in [
        (
            "--resolver google --transport https",
            "8.8.8.8:443 dns.google/dns-query",
        ),
        ("--resolver google+tcp", "8.8.8.8:53"),
        (
            "--resolver 192.0.2.1 --transport tls",
            "192.0.2.1:853 192.0.2.1/dns-query",
        ),
        (
            "--resolver 192.0.2.1:53 --transport tls",
            "192.0.2.1:53 192.0.2.1/dns-query",
        ),
        (
            "--resolver [2001:db8::1]:8853+quic",
            "[2001:db8::1]:8853 2001:db8::1/dns-query",
        ),
        (
            "--resolver 192.0.2.1 --transport h3 --server-name dns.example --path /q --ca-file ca.pem",
            "192.0.2.1:443 dns.example/q ca.pem",
        ),
        (
            "--resolver office --transport tls",
            "192.0.2.9:853 192.0.2.9/dns-query",
        ),
        (
            "--resolver branch --transport tls --server-name a.example",
            "192.0.2.7:853 a.example/dns-query",
        ),
        ("--resolver secure", "192.0.2.6:853 dns.example/dns-query"),
        (
            "--resolver secure --ca-file ca.pem",
            "192.0.2.6:853 dns.example/dns-query ca.pem",
        ),
        (
            "--resolver secure --transport https",
            "192.0.2.6:443 dns.example/dns-query",
        ),
        ("--resolver secure --transport udp", "192.0.2.6:53"),
    ] {
        assert_eq!(first(options), expected, "{options}");
    }
}

#[test]
fn what_cannot_be_asked_is_refused_with_what_can() {
    for (options, expected) in [
        (
            "--resolver google,8.8.8.8",
            "--resolver 8.8.8.8: `google` is asked at the same address; name one of them",
        ),
        (
            "--resolver google,google+udp",
            "--resolver google+udp: `google` is asked at the same address; name one of them",
        ),
        (
            "--resolver google+quic",
            "--resolver google+quic: `google` is not known to offer quic; it offers udp, tcp, tls, https",
        ),
        (
            "--resolver google+dot",
            "--resolver google+dot: write udp, tcp, tls, https, quic, h3 or all",
        ),
        (
            "--resolver branch+tls",
            "--resolver branch+tls: `branch` has several addresses: give --server-name",
        ),
        (
            "--server-name a.example",
            "--server-name: nobody is asked over tls, https, quic or h3; name one of them with --transport",
        ),
        (
            "--resolver google+tls --path /q",
            "--path: nobody is asked over https or h3; name one of them with --transport",
        ),
    ] {
        assert_eq!(asked(options).unwrap_err(), expected);
    }
    for (options, part) in [
        (
            "--resolver gogle",
            "neither an address nor a known id; known are quad9,",
        ),
        (
            "--transport dot",
            "write udp, tcp, tls, https, quic, h3 or all",
        ),
        ("--server-name a:b", "is no server name"),
        ("--path dns-query", "is no path"),
    ] {
        let told = asked(options).unwrap_err();
        assert!(told.contains(part), "{told}");
    }
}
