//! `[[resolver]]` over every transport, presets by `+`, and what is said beside a question.

use super::{errors, good, group};
use crate::types::{ClientSubnet, QueryOptions, Resolver, Transport};

fn own(lines: &str) -> Resolver {
    let text = format!("[[resolver]]\nid = 'own'\naddress = '192.0.2.53'\n{lines}\n");
    (**good(&text).resolver("own").unwrap()).clone()
}

#[test]
fn every_transport_has_its_port_unless_an_address_says_otherwise() {
    for (transport, port) in [
        ("udp", 53),
        ("tcp", 53),
        ("tls", 853),
        ("https", 443),
        ("quic", 853),
        ("h3", 443),
    ] {
        let name = match transport {
            "udp" | "tcp" => "",
            _ => "server_name = 'dns.example.net'",
        };
        let resolver = own(&format!("transport = '{transport}'\n{name}"));
        assert_eq!(resolver.transport.as_str(), transport);
        assert_eq!(resolver.addresses[0].port(), port, "{transport}");
        assert_eq!(resolver.endpoint.is_some(), port != 53, "{transport}");
    }
    let text = "[[resolver]]\nid='own'\ntransport='tls'\nserver_name='a.example'\naddresses=['192.0.2.1', '[2001:db8::1]:8853']\n";
    let config = good(text);
    let addresses: Vec<String> = config
        .resolver("own")
        .unwrap()
        .addresses
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(addresses, ["192.0.2.1:853", "[2001:db8::1]:8853"]);
}

#[test]
fn an_endpoint_has_its_usual_path_and_a_file_beside_the_configuration() {
    let endpoint = own("transport='https'\nserver_name='DNS.example.net'\nca_file='ca.pem'")
        .endpoint
        .unwrap();
    assert_eq!(
        (&*endpoint.server_name, &*endpoint.path),
        ("dns.example.net", "/dns-query")
    );
    assert_eq!(
        endpoint.ca_file.as_deref(),
        Some("/etc/dns-auditor/ca.pem".as_ref())
    );
    let endpoint = own("transport='h3'\nserver_name='192.0.2.53'\npath='/p0'\nca_file='/ca.pem'")
        .endpoint
        .unwrap();
    assert_eq!(
        (&*endpoint.server_name, &*endpoint.path),
        ("192.0.2.53", "/p0")
    );
    assert_eq!(endpoint.ca_file.as_deref(), Some("/ca.pem".as_ref()));
}

#[test]
fn options_of_a_resolver_and_of_a_group_are_kept_apart_and_the_groups_are_completed_by_the_defaults()
 {
    let config = good(
        "[defaults]\ndnssec=true\ncookies=false\necs='192.0.2.77/24'\n
         [[resolver]]\nid='own'\naddress='192.0.2.53'\ndnssec=false\nrecursion_desired=false\necs='hidden'\n
         [[group]]\nname='g'\nnames=['a.example']\ndnssec=false\ncase_randomization=true\nresolvers=['own']\n",
    );
    assert_eq!(
        config.groups[0].options,
        QueryOptions {
            dnssec: Some(false),
            cookies: Some(false),
            ecs: Some(ClientSubnet::Of("192.0.2.0/24".parse().unwrap())),
            case_randomization: Some(true),
            ..QueryOptions::default()
        }
    );
    let own = config.resolver("own").unwrap();
    assert_eq!(
        own.options,
        QueryOptions {
            dnssec: Some(false),
            recursion_desired: Some(false),
            ecs: Some(ClientSubnet::Hidden),
            ..QueryOptions::default()
        }
    );
}

#[test]
fn a_resolver_that_is_told_a_subnet_is_one_that_passes_it_on() {
    for (line, passes_on, said) in [
        ("", false, None),
        ("ecs = false", false, None),
        ("ecs = true", true, None),
        ("ecs = 'unsaid'", true, Some(ClientSubnet::Unsaid)),
        ("ecs = 'hidden'", true, Some(ClientSubnet::Hidden)),
        (
            "ecs = '2001:db8::/48'",
            true,
            Some(ClientSubnet::Of("2001:db8::/48".parse().unwrap())),
        ),
        (
            "ecs = '192.0.2.1'",
            true,
            Some(ClientSubnet::Of("192.0.2.1/32".parse().unwrap())),
        ),
    ] {
        let resolver = own(line);
        assert_eq!(
            (resolver.traits.ecs, resolver.options.ecs),
            (passes_on, said),
            "{line}"
        );
    }
}

#[test]
fn a_preset_is_asked_over_another_transport_by_name() {
    let config = good(&group(
        "resolvers = ['quad9+tls', 'quad9', 'google+tcp', 'cloudflare+udp']",
    ));
    let resolvers: Vec<(&str, &str, Transport)> = config.groups[0]
        .resolvers
        .iter()
        .map(|resolver| (&*resolver.id, &*resolver.operator, resolver.transport))
        .collect();
    assert_eq!(
        resolvers,
        [
            ("quad9+tls", "Quad9", Transport::Tls),
            ("quad9", "Quad9", Transport::Udp),
            ("google+tcp", "Google", Transport::Tcp),
            ("cloudflare", "Cloudflare", Transport::Udp),
        ]
    );
    // IPv6 was left out of the preset before, and stays so.
    let secure = config.resolver("quad9+tls").unwrap();
    assert_eq!(
        secure
            .addresses
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>(),
        ["9.9.9.9:853", "149.112.112.112:853"]
    );
    assert!(config.resolver("google+https").is_none());
    assert_eq!(config.named("google+https").unwrap().id, "google+https");
}

#[test]
fn a_name_that_nobody_has_is_told_with_what_there_is() {
    for (name, expected) in [
        (
            "quad+tls",
            "there is no resolver `quad`\n    hint: did you mean `quad9`?",
        ),
        (
            "quad9+tsl",
            "`tsl` is no transport\n    hint: did you mean `tls`?",
        ),
        (
            "quad9+",
            "`` is no transport\n    hint: known: udp, tcp, tls, https, quic, h3",
        ),
        (
            "google+quic",
            "`google` is not known to offer quic\n    hint: it offers udp, tcp, tls, https; where you know better, write a [[resolver]]",
        ),
        (
            "own+tls",
            "only presets can be asked over another transport by name, and `own` is none\n    hint: write another [[resolver]] with `transport = \"tls\"`",
        ),
    ] {
        let text = format!(
            "[[resolver]]\nid = 'own'\naddress = '192.0.2.53'\n[[group]]\nname = 'g'\nnames = ['a.example']\nresolvers = ['{name}']\n"
        );
        assert_eq!(
            errors(&text, &[]),
            format!("auditor.toml:7:14: {expected}"),
            "{name}"
        );
    }
    let twice = errors(&group("resolvers = ['quad9', 'quad9+udp']"), &[]);
    assert_eq!(twice, "auditor.toml:4:23: `resolvers` lists `quad9` twice");
}

#[test]
fn one_mistake_in_a_resolver_gives_one_error_with_its_mend() {
    for (lines, expected) in [
        (
            "address = 'dns.google'",
            "3:11: `dns.google` is not an IP address, with or without a port\n    hint: host names are not resolved: give `address`, and the name as `server_name` where the transport is encrypted",
        ),
        (
            "address = 'dns.google:853'\ntransport = 'tls'\nserver_name = 'dns.google'",
            "3:11: `dns.google:853` is not an IP address, with or without a port\n    hint: host names are not resolved: give `address`, and the name as `server_name` where the transport is encrypted",
        ),
        (
            "address = 'https://dns.google/dns-query'",
            "3:11: `https://dns.google/dns-query` is not an IP address, with or without a port\n    hint: no URL stands here: give `transport`, `address`, `server_name` and `path`",
        ),
        (
            "address = '192.0.2.256'",
            "3:11: `192.0.2.256` is not an IP address, with or without a port\n    hint: write it as 192.0.2.1, 192.0.2.1:5353 or [2001:db8::1]:5353; host names are not resolved",
        ),
        (
            "address = '192.0.2.1'\ntransport = 'dot'",
            "4:13: `dot` is no transport\n    hint: known: udp, tcp, tls, https, quic, h3",
        ),
        (
            "address = '192.0.2.1'\ntransport = 'tls'",
            "1:1: `server_name` is missing: over tls a server shows a certificate\n    hint: give the name that the certificate is for, or the address itself where it is for that",
        ),
        (
            "address = '192.0.2.1'\ntransport = 'tls'\nserver_name = 'a b'",
            "5:15: `a b` is no server name: write dns.example.net, or an address without a port",
        ),
        (
            "address = '192.0.2.1'\nserver_name = 'a.example'",
            "4:15: `server_name` says nothing over udp: no server shows a certificate\n    hint: set `transport` to tls, https, quic or h3, or take `server_name` away",
        ),
        (
            "address = '192.0.2.1'\ntransport = 'tcp'\nca_file = 'ca.pem'",
            "5:11: `ca_file` says nothing over tcp: no server shows a certificate\n    hint: set `transport` to tls, https, quic or h3, or take `ca_file` away",
        ),
        (
            "address = '192.0.2.1'\ntransport = 'quic'\nserver_name = 'a.example'\npath = '/dns-query'",
            "6:8: `path` says nothing over quic: there is no path\n    hint: set `transport` to https or h3, or take `path` away",
        ),
        (
            "address = '192.0.2.1'\ntransport = 'https'\nserver_name = 'a.example'\npath = 'dns-query'",
            "6:8: `dns-query` is no path: write /dns-query",
        ),
        (
            "address = '192.0.2.1'\ntransport = 'https'\nserver_name = 'a.example'\npath = '/dns-query{?dns}'",
            "6:8: `/dns-query{?dns}` is a template: questions are POSTed, so write it without its braces",
        ),
        (
            "address = '192.0.2.1'\ntransport = 'tls'\nserver_name = 'a.example'\nca_file = ''",
            "6:11: `ca_file` must not be empty",
        ),
        (
            "address = '192.0.2.1'\necs = 'some'",
            "4:7: `some` is no client subnet: write \"unsaid\", \"hidden\" or a network such as \"192.0.2.0/24\"",
        ),
        (
            "address = '192.0.2.1'\necs = 7",
            "4:7: `ecs` must be true or false, not a whole number",
        ),
        (
            "address = '192.0.2.1'\ndnssec = 'yes'",
            "4:10: `dnssec` must be true or false, not text",
        ),
    ] {
        let found = errors(&format!("[[resolver]]\nid = 'own'\n{lines}\n"), &[]);
        assert_eq!(found, format!("auditor.toml:{expected}"));
    }
}

#[test]
fn one_mistake_in_the_options_of_a_group_gives_one_error() {
    for (line, expected) in [
        ("ecs = true", "`ecs` must be text, not true or false"),
        (
            "ecs = '192.0.2.0/33'",
            "`192.0.2.0/33` is no client subnet: write \"unsaid\", \"hidden\" or a network such as \"192.0.2.0/24\"",
        ),
        (
            "cookies = 1",
            "`cookies` must be true or false, not a whole number",
        ),
        (
            "case_randomisation = true",
            "unknown key `case_randomisation` in [[group]]\n    hint: did you mean `case_randomization`?",
        ),
    ] {
        let found = errors(&group(line), &[]);
        let (_, told) = found.split_once(": ").unwrap();
        assert_eq!(told, expected);
    }
    let found = errors("[authority]\nmax_qps = 0\n", &[]);
    assert_eq!(
        found,
        "auditor.toml:2:11: `max_qps` must be from 1 to 10000, not 0"
    );
}

#[test]
fn variables_set_options_and_the_authorities_budget() {
    let config = super::read(
        &group("resolvers = ['quad9']"),
        &[
            ("DNS_AUDITOR__AUTHORITY__MAX_QPS", "7"),
            ("DNS_AUDITOR__DEFAULTS__DNSSEC", "true"),
            ("DNS_AUDITOR__DEFAULTS__ECS", "hidden"),
            ("DNS_AUDITOR__DEFAULTS__RECURSION_DESIRED", "false"),
        ],
    )
    .unwrap();
    assert_eq!(config.authority.max_qps, 7);
    let options = config.groups[0].options;
    assert_eq!(
        (options.dnssec, options.ecs, options.recursion_desired),
        (Some(true), Some(ClientSubnet::Hidden), Some(false))
    );
    let found = errors(
        &group(""),
        &[("DNS_AUDITOR__DEFAULTS__RESOLVERS", "quad9+tsl")],
    );
    assert_eq!(
        found,
        "DNS_AUDITOR__DEFAULTS__RESOLVERS: `tsl` is no transport\n    hint: did you mean `tls`?"
    );
}
