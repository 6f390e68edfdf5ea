use std::time::Duration;

use super::{good, group, read, read_with};
use crate::{
    config::{Config, Receiver, Retention, Secret, Secrets, error::Report},
    types::{Mode, Policy, RecordType, Severity, Transport},
};

#[test]
fn what_is_not_written_has_its_default() {
    let config = read(&group(""), &[("HOME", "/home/ann")]).unwrap();
    assert_eq!(config.http.listen.to_string(), "127.0.0.1:8053");
    assert_eq!(config.database.url, None);
    assert_eq!(config.authority.root_hints.len(), 13);
    assert!(!config.vantage.is_empty());
    assert_eq!(config.retention, Retention::default());
    let group = &config.groups[0];
    assert_eq!(group.types, [RecordType::A, RecordType::AAAA]);
    assert_eq!(group.schedule.to_string(), "0 * * * * *");
    assert_eq!(group.policy, Policy::default());
    let ids: Vec<&str> = group
        .resolvers
        .iter()
        .map(|resolver| resolver.id.as_str())
        .collect();
    assert_eq!(ids, ["quad9", "cloudflare", "google"]);
    assert_eq!((group.samples, group.attempts), (1, 2));
    assert_eq!(group.timeout, Duration::from_secs(1));
    assert!(group.channels.is_empty() && group.tags.is_empty() && group.runbook.is_none());
}

#[test]
fn what_is_kept_is_kept_for_a_time_or_for_ever() {
    let config =
        good("[retention]\nraw = '0s'\npacked = '400d'\nmessages = '30d'\nspans = 'forever'\n");
    let days = |days: u64| Duration::from_hours(24 * days);
    let expected = Retention {
        raw: Duration::ZERO,
        packed: Some(days(400)),
        messages: Some(days(30)),
        spans: None,
    };
    assert_eq!(config.retention, expected);
}

#[test]
fn a_group_overrides_the_defaults_key_by_key() {
    let config = good(
        "[defaults]\nmax_ttl = 60\ntypes = ['TXT']\nmax_delegation_ttl = 3600\nmode = 'pool'\ntags = { a = '1' }\n
         [[group]]\nname = 'a'\nnames = ['a.example']\n
         [[group]]\nname = 'b'\nnames = ['b.example']\nmax_ttl = 600\nmax_delegation_ttl = 'off'\nmode = 'exact'\ntags = { b = '2' }\n",
    );
    let [a, b] = config.groups.as_slice() else {
        panic!("two groups")
    };
    assert_eq!((a.policy.max_ttl, b.policy.max_ttl), (60, 600));
    assert_eq!(a.policy.max_delegation_ttl, Some(3600));
    assert_eq!(b.policy.max_delegation_ttl, None);
    assert_eq!((a.policy.mode, b.policy.mode), (Mode::Pool, Mode::Exact));
    assert_eq!(a.types, b.types);
    assert_eq!(b.tags.keys().collect::<Vec<_>>(), ["b"]);
}

#[test]
fn every_type_that_people_ask_for_has_its_name() {
    let types = "A AAAA CNAME NS SOA MX TXT SRV NAPTR CAA HTTPS SVCB DS DNSKEY PTR TYPE65280";
    let list: Vec<String> = types.split(' ').map(|name| format!("'{name}'")).collect();
    let config = good(&group(&format!("types = [{}]", list.join(", "))));
    let read: Vec<String> = config.groups[0]
        .types
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(read.join(" "), types);
}

#[test]
fn names_are_expanded_in_the_order_written() {
    let config = good("[[group]]\nname='g'\nnames=['d{2..1}.Example.', 'bücher.example']\n");
    let names: Vec<&str> = config.groups[0]
        .names
        .iter()
        .map(crate::names::DnsName::as_str)
        .collect();
    assert_eq!(names, ["d2.example", "d1.example", "xn--bcher-kva.example"]);
    assert_eq!(config.groups[0].questions().count(), 6);
}

#[test]
fn declared_values_are_addresses_networks_names_and_record_data() {
    let config = good(&group(
        "expect = ['192.0.2.1', '192.0.2.77/24', '2001:db8::/32', 'LB.Example.NET.', 'cafe.de', '10 mail.example']",
    ));
    let expect = &config.groups[0].policy.expect;
    let networks: Vec<String> = expect.networks.iter().map(ToString::to_string).collect();
    assert_eq!(networks, ["192.0.2.1/32", "192.0.2.0/24", "2001:db8::/32"]);
    assert_eq!(
        expect.texts,
        ["lb.example.net", "cafe.de", "10 mail.example"]
    );
}

#[test]
fn variables_win_over_the_file_and_the_longer_one_over_database_url() {
    let text =
        group("") + "[http]\nlisten = '127.0.0.1:1'\n[database]\nurl = 'postgres://file/db'\n";
    let url = |variables: &[(&str, &str)]| {
        let config = read(&text, variables).unwrap();
        config.database.url.unwrap().expose_str().into_owned()
    };
    let long = ("DNS_AUDITOR__DATABASE__URL", "postgresql://long/db");
    let short = ("DATABASE_URL", "postgres://short/db");
    assert_eq!(url(&[]), "postgres://file/db");
    assert_eq!(url(&[("DATABASE_URL", "")]), "postgres://file/db");
    assert_eq!(url(&[short]), "postgres://short/db");
    assert_eq!(url(&[short, long]), "postgresql://long/db");

    let config = read(
        &text,
        &[
            ("DNS_AUDITOR__VANTAGE", "office"),
            ("DNS_AUDITOR__HTTP__LISTEN", "[::1]:9"),
            ("DNS_AUDITOR__AUTHORITY__ROOT_HINTS", "127.0.0.1:5300, ::1"),
            ("DNS_AUDITOR__DATABASE__DATA_DIR", "here"),
            ("DNS_AUDITOR__DEFAULTS__TYPES", "A,TXT"),
            ("DNS_AUDITOR__DEFAULTS__MAX_TTL", "60"),
            ("DNS_AUDITOR__DEFAULTS__MAX_DELEGATION_TTL", "off"),
            ("DNS_AUDITOR__DEFAULTS__AXIS_THRESHOLD", "0.5"),
            ("DNS_AUDITOR__DEFAULTS__TIMEOUT", "2s"),
            ("DNS_AUDITOR__DEFAULTS__IPV6", "true"),
        ],
    )
    .unwrap();
    assert_eq!(config.vantage, "office");
    assert_eq!(config.http.listen.to_string(), "[::1]:9");
    assert_eq!(config.authority.root_hints.len(), 2);
    assert_eq!(config.database.data_dir.to_str(), Some("here"));
    let group = &config.groups[0];
    assert_eq!(group.types.len(), 2);
    assert_eq!(group.policy.max_ttl, 60);
    assert!((group.policy.axis_threshold - 0.5).abs() < f64::EPSILON);
    assert_eq!(group.timeout, Duration::from_secs(2));
    assert!(config.ipv6);
}

#[test]
fn presets_are_asked_over_ipv6_only_where_the_vantage_has_it() {
    let addresses = |text: &str, id: &str| good(text).resolver(id).unwrap().addresses.len();
    let own = "[[resolver]]\nid = 'own'\naddresses = ['192.0.2.1', '2001:db8::1']\n";
    assert_eq!(addresses(own, "google"), 2);
    assert_eq!(addresses(own, "own"), 2);
    assert_eq!(addresses("[defaults]\nipv6 = true\n", "google"), 4);
}

#[test]
fn a_resolver_of_ones_own_may_say_all_that_a_preset_says() {
    let config = good(
        "[[resolver]]\nid='own'\noperator='Quad9'\naddress='192.0.2.1:5353'\ntransport='tcp'\nmax_qps=7\nfilters=true\n
         signs_blocks=true\nsingle_cache=true\necs=true\nttl_cap=60\nflush_page='https://flush.example/'\n
         [[resolver]]\nid='plain'\naddress='192.0.2.2'\n",
    );
    let own = config.resolver("own").unwrap();
    assert_eq!(
        (own.operator.as_str(), own.transport, own.max_qps),
        ("Quad9", Transport::Tcp, 7)
    );
    assert_eq!(
        (own.traits.ttl_cap, own.traits.ttl_cap_source.as_deref()),
        (Some(60), Some("configured"))
    );
    assert!(
        own.traits.filters && own.traits.signs_blocks && own.traits.single_cache && own.traits.ecs
    );
    let plain = config.resolver("plain").unwrap();
    assert_eq!(
        (plain.operator.as_str(), plain.transport, plain.max_qps),
        ("plain", Transport::Udp, 100)
    );
    assert_eq!(plain.traits, crate::types::ResolverTraits::default());
}

const HOOK: &str =
    "[[channel]]\nid='hook'\nkind='webhook'\nurl_env='URL'\nsecret_env='KEY'\nfallback='local'\n
    [[channel]]\nid='local'\nkind='slack'\nurl='http://localhost:9/x'\nmin_severity='critical'\n";

#[test]
fn secrets_come_from_variables_and_are_never_printed() {
    let key = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX";
    let config = read(
        HOOK,
        &[("URL", "https://h.example/hunter2\n"), ("KEY", key)],
    )
    .unwrap();
    let [hook, local] = config.channels.as_slice() else {
        panic!("two channels")
    };
    assert_eq!(
        hook.receiver.url().unwrap().expose_str(),
        "https://h.example/hunter2"
    );
    let Receiver::Webhook(webhook) = &hook.receiver else {
        panic!("a webhook")
    };
    assert_eq!(
        webhook.signing_keys,
        [Secret::new((0..24).collect::<Vec<u8>>())]
    );
    assert_eq!(
        (hook.min_severity, local.min_severity),
        (Severity::Warning, Severity::Critical)
    );
    assert_eq!(
        (hook.fallback.as_deref(), local.fallback.as_deref()),
        (Some("local"), None)
    );
    for printed in [format!("{config:?}"), config.show()] {
        assert!(
            !printed.contains("hunter2") && !printed.contains("AAECAwQ"),
            "{printed}"
        );
    }
}

#[test]
fn secrets_come_from_files_beside_the_configuration_without_their_last_newline() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("url"), "https://h.example/x\n").unwrap();
    let file = directory.path().join("auditor.toml");
    std::fs::write(&file, "[[channel]]\nid='c'\nkind='slack'\nurl_file='url'\n").unwrap();
    let config = crate::config::load(Some(&file), &std::collections::BTreeMap::new()).unwrap();
    assert_eq!(
        config.channels[0].receiver.url().unwrap().expose_str(),
        "https://h.example/x"
    );
}

#[test]
fn a_command_that_tells_nobody_needs_no_secrets() {
    let mut report = Report::default();
    let text = HOOK.to_owned() + &group("channels = ['hook', 'local']");
    let config = read_with(&text, &[], Secrets::Optional, &mut report).unwrap();
    assert!(report.is_empty());
    let ids: Vec<&str> = config
        .channels
        .iter()
        .map(|channel| channel.id.as_str())
        .collect();
    assert_eq!(ids, ["local"]);
    assert_eq!(config.groups[0].channels, ["hook", "local"]);
}

#[test]
fn what_is_shown_can_be_loaded_again_and_means_the_same() {
    let text = HOOK.to_owned()
        + "[database]\nurl='postgres://u:hunter2@db/x?password=hunter2'\n[defaults]\nipv6=true\n
           [[resolver]]\nid='own'\naddress='192.0.2.1:5353'\nttl_cap=60\nflush_page='https://f.example/'\ndns64_prefix='2001:db8:64::/64'\n
           recursion_desired=false\nsingle_cache=true\n
           [[resolver]]\nid='secure'\naddress='2001:db8::1'\ntransport='https'\nserver_name='dns.example'\n
           ca_file='ca.pem'\necs='2001:db8::/48'\n"
        + &group(
            "resolvers=['own', 'secure', 'quad9+tls']\nexpect=['192.0.2.0/24','lb.example']\ntags={a='b c'}\nrunbook='https://w.example/'\n
             authorities=['192.0.2.1']\nmax_delegation_ttl=60\ntimeout='1500ms'\ndnssec=true\necs='hidden'\nchannels=['hook']",
        );
    let variables = [
        ("URL", "https://h.example/"),
        ("KEY", "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX"),
        ("DNS_AUDITOR__VANTAGE", "lab"),
        ("DNS_AUDITOR__DATABASE__DATA_DIR", "/data"),
    ];
    let shown = read(&text, &variables).unwrap().show();
    assert!(!shown.contains("hunter2"), "{shown}");
    let again = read(&shown, &variables).unwrap_or_else(|errors| panic!("{errors}\n{shown}"));
    assert_eq!(again.show(), shown);
    insta::assert_snapshot!(shown);
}

#[test]
fn the_bare_configuration_has_the_presets_and_nothing_to_watch() {
    let bare = Config::bare(&super::environment(&[("DNS_AUDITOR__VANTAGE", "x")])).unwrap();
    assert_eq!(bare.resolvers.len(), 7);
    assert!(bare.groups.is_empty() && bare.channels.is_empty());
    assert_eq!(bare.vantage, "x");
}

#[test]
fn the_mode_is_one_of_three_and_a_prefix_of_dns64_has_one_of_six_lengths() {
    let config = good(&group("mode='geo'"));
    assert_eq!(config.groups[0].policy.mode, Mode::Geo);
    let own = |prefix: &str| {
        let resolver =
            format!("[[resolver]]\nid='own'\naddress='192.0.2.1'\ndns64_prefix='{prefix}'\n");
        read(&resolver, &[])
    };
    let config = own("2001:db8:64::/96").unwrap();
    let prefix = config.resolver("own").unwrap().traits.dns64_prefix;
    assert_eq!(prefix, Some("2001:db8:64::/96".parse().unwrap()));
    for wrong in [
        "2001:db8:64::/80",
        "2001:db8:64::1/96",
        "192.0.2.0/24",
        "64",
    ] {
        let error = own(wrong).unwrap_err().to_string();
        assert!(
            error.contains("is no prefix of a DNS64"),
            "{wrong}: {error}"
        );
    }
}
