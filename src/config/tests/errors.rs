use super::{errors, good, group, read};
use crate::config::{Config, load};

#[test]
fn every_error_of_a_file_is_told_in_one_run_in_the_order_of_the_file() {
    let text = r#"vantge = "us-west-2"

[http]
listen = "localhost:8053"
color = true

[defaults]
schedule = "0 0 30 2 *"
max_tll = 300
samples = 0
types = ["A", "AAAB", "A"]
resolvers = ["quad9", "gogle"]
timeout = 5
names = []

[[resolver]]
id = "quad9"
address = "dns.google"

[[resolver]]
id = "office"
address = "192.0.2.53"
transport = "tls"
server_name = "dns.example.net"
max_qps = "many"

[[resolver]]
id = "office"

[[group]]
name = "dialers"
names = ["dialer{1..40.example.com", "ok.example", "bad name.example"]
expect = ["192.0.2.256", 7]
channels = ["voip-ops", "voip"]
mode = "pol"
tags = { team = 7 }

[[group]]
name = "dialers"
names = []

[[group]]
names = ["d{1..3}.example", "d2.example"]
max_ttl = 99999999999999999999
axis_threshold = 2
repeat_interval = "1s"
authorities = []

[[channel]]
id = "voip-ops"
kind = "slak"
url_env = "SLACK"

[[channel]]
id = "hook"
kind = "webhook"
url = "https://hooks.example.com/T0/secret"
secret_env = "KEY"
min_severity = "warn"
fallback = "hook"

[[channel]]
id = "pager"
kind = "pagerduty"
fallback = "voip-op"
"#;
    insta::assert_snapshot!(errors(text, &[("KEY", "whsec_c2hvcnQ=")]));
}

#[test]
fn every_error_of_the_environment_names_its_variable() {
    insta::assert_snapshot!(errors(
        &group(""),
        &[
            ("DATABASE_URL", "mysql://user:hunter2@db/x"),
            ("DNS_AUDITOR_CONFIG", "is somebody else's"),
            ("DNS_AUDITOR__DEFAULTS__MAX_TLL", "300"),
            ("DNS_AUDITOR__DEFAULTS__MAX_TTL", "five"),
            ("DNS_AUDITOR__DEFAULTS__RESOLVERS", "quad9,gogle"),
            ("DNS_AUDITOR__DEFAULTS__TAGS", "team=voip"),
            ("DNS_AUDITOR__GROUP__NAME", "x"),
            ("DNS_AUDITOR__HTTP", "x"),
            ("DNS_AUDITOR__HTTP__LISTEN", "8053"),
            ("DNS_AUDITOR__HTTP__LISTEN__PORT", "8053"),
            ("DNS_AUDITOR__LISTEN", "127.0.0.1:1"),
        ],
    ));
}

#[test]
fn a_syntax_error_has_its_place_and_nothing_is_guessed_beyond_it() {
    insta::assert_snapshot!(errors(
        "[http]\nlisten = \n\n[defaults\nmax_tll = 3\nmax_tll = 4\n",
        &[]
    ));
}

#[test]
fn one_mistake_gives_one_error() {
    for (text, expected) in [
        (
            "[group]\nname = 'g'\n",
            "auditor.toml:1:1: `group` must be a list of tables: write [[group]]",
        ),
        (
            "http = 7\n",
            "auditor.toml:1:8: `http` must be a table: write [http]",
        ),
        (
            "[retention]\nspans = '1d'\n",
            "auditor.toml:2:9: `spans` must be from 30days to 100years, not 1day",
        ),
        (
            "[retention]\npacked = '6d'\n",
            "auditor.toml:1:1: `packed` is less than `raw`: samples would go before they are packed\n    hint: make `raw` shorter, or keep samples longer",
        ),
        (
            "[retention]\nmessages = 'never'\n",
            "auditor.toml:2:12: `messages` must be a duration, not `never`\n    hint: write it with its unit: \"5s\", \"10m\", \"2h\"",
        ),
        (
            "vantage = \"a\\nb\"\n",
            "auditor.toml:1:11: \"a\\nb\" does not name anything\n    hint: 1 to 64 characters on one line, no spaces around",
        ),
        (
            "[[resolver]]\nid = 'a'\naddress = '192.0.2.1'\naddresses = ['192.0.2.2']\n",
            "auditor.toml:1:1: give either `address` or `addresses`, not both",
        ),
        (
            "[[resolver]]\nid = '192.0.2.1'\naddress = '192.0.2.1'\n",
            "auditor.toml:2:6: `192.0.2.1` is an address, not an id",
        ),
        (
            "[[resolver]]\nid = 'google'\naddress = '192.0.2.1'\n",
            "auditor.toml:2:6: there is already a resolver `google`\n    hint: it is a preset; choose another id, such as `google-own`, and set `operator`",
        ),
        (
            "[[maintenance]]\nname = 'm'\nschedule = '@daily'\nduration = '2h'\n",
            "auditor.toml:1:1: `matchers` is missing",
        ),
        (
            "[[maintenance]]\nname = 'm'\nmatchers = ['nmae=x', 'name=x']\nschedule = '@daily'\nduration = '2h'\n",
            "auditor.toml:3:13: `nmae` cannot be matched: name, group, resolver, axis, state, severity, type, or tag.KEY",
        ),
        (
            "[[maintenance]]\nname = 'm'\nmatchers = ['name=~.*']\nschedule = '@daily'\nduration = '2h'\n",
            "auditor.toml:3:12: this would match everything: one matcher at least must ask for a value, group=~\".+\" say",
        ),
        (
            "[[maintenance]]\nname = 'm'\nmatchers = ['name=x']\nschedule = '@daily'\nduration = '200h'\n",
            "auditor.toml:5:12: `duration` must be from 1m to 7days, not 8days 8h",
        ),
        (
            "[[channel]]\nid = 'c'\nkind = 'slack'\n",
            "auditor.toml:1:1: this channel has no address\n    hint: give `url_env` or `url_file`",
        ),
        (
            "[[channel]]\nid = 'c'\nkind = 'slack'\nurl = 'http://localhost/'\nurl_file = '/etc/hostname'\n",
            "",
        ),
        (
            "[[channel]]\nid = 'c'\nkind = 'slack'\nurl = 'http://127.0.0.1.example.com/'\n",
            "auditor.toml:4:7: `url` must hold an https address: http is allowed for loopback only",
        ),
        (
            "[[channel]]\nid = 'c'\nkind = 'slack'\nurl_file = 'nowhere'\n",
            "auditor.toml:4:12: cannot read the file `/etc/dns-auditor/nowhere`, named by `url_file`: No such file or directory (os error 2)",
        ),
        (
            "[[channel]]\nid = 'c'\nkind = 'slack'\nurl = 'http://127.0.0.1:9/'\nsecret_env = 'HOME'\n",
            "auditor.toml:5:14: a Slack webhook takes no signing key: it is for kind webhook",
        ),
    ] {
        let found = errors(text, &[]);
        if expected.is_empty() {
            assert_eq!(found.matches("auditor.toml:").count(), 2, "{found}");
        } else {
            assert_eq!(found, expected);
        }
    }
}

#[test]
fn one_mistake_in_a_group_gives_one_error() {
    for (line, expected) in [
        (
            "max_ttl = 0",
            "`max_ttl` must be from 1 to 2147483647, not 0",
        ),
        (
            "max_ttl = '5m'",
            "`max_ttl` must be a whole number, not text",
        ),
        (
            "max_delegation_ttl = 'of'",
            "`max_delegation_ttl` must be a whole number, not text",
        ),
        ("samples = 11", "`samples` must be from 1 to 10, not 11"),
        ("attempts = 0", "`attempts` must be from 1 to 5, not 0"),
        (
            "axis_threshold = nan",
            "`axis_threshold` must be from 0.01 to 1, not NaN",
        ),
        (
            "timeout = '1ms'",
            "`timeout` must be from 50ms to 10s, not 1ms",
        ),
        (
            "timeout = '1'",
            "`timeout` must be a duration, not `1`\n    hint: write it with its unit: \"5s\", \"10m\", \"2h\"",
        ),
        (
            "repeat_interval = 2026-11-22",
            "`repeat_interval` must be a duration, not a date\n    hint: write it with its unit: \"5s\", \"10m\", \"2h\"",
        ),
        ("types = []", "`types` must not be empty"),
        ("types = 'A'", "`types` must be a list of texts, not text"),
        ("resolvers = []", "`resolvers` must not be empty"),
        (
            "resolvers = ['google', 'google']",
            "`resolvers` lists `google` twice",
        ),
        (
            "channels = ['ops']",
            "there is no channel `ops`\n    hint: there is no [[channel]] at all",
        ),
        (
            "mode = 'pol'",
            "`pol` is no mode\n    hint: did you mean `pool`?",
        ),
        (
            "expect = ['2001:db8::g1']",
            "`2001:db8::g1` is neither an address, nor a network, nor record data\n    hint: write 192.0.2.1, 192.0.2.0/24 or lb.example.net",
        ),
        (
            "expect = ['192.0.2.0/33']",
            "`192.0.2.0/33` is neither an address, nor a network, nor record data\n    hint: write 192.0.2.1, 192.0.2.0/24 or lb.example.net",
        ),
        (
            "runbook = 'see the wiki'",
            "`see the wiki` is not an http or https address",
        ),
        ("ipv6 = true", "unknown key `ipv6` in [[group]]"),
        (
            "schedule = '0 0 0 1 1 * 2020'",
            "the schedule `0 0 0 1 1 * 2020` of this group never fires again",
        ),
        (
            "authorities = ['ns1.example']",
            "`ns1.example` is not an IP address, with or without a port\n    hint: write it as 192.0.2.1, 192.0.2.1:5353 or [2001:db8::1]:5353; host names are not resolved",
        ),
    ] {
        let found = errors(&group(line), &[]);
        let (_, message) = found.split_once(": ").unwrap();
        assert!(message.starts_with(expected), "{line}:\n{found}");
        assert_eq!(
            found.matches("auditor.toml:").count(),
            1,
            "{line}:\n{found}"
        );
    }
}

#[test]
fn an_error_in_the_defaults_is_told_once_however_many_groups_have_it() {
    let text = "[defaults]\nresolvers = [\"nobody\"]\n[[group]]\nname='a'\nnames=['a.example']\n[[group]]\nname='b'\nnames=['a.example']\n";
    let found = errors(text, &[]);
    assert_eq!(
        found.matches("there is no resolver `nobody`").count(),
        1,
        "{found}"
    );
}

#[test]
fn no_error_ever_holds_a_secret() {
    let channel = "[[channel]]\nid='c'\nkind='webhook'\nurl_env='URL'\nsecret_env='KEY'\n";
    for (url, key) in [
        ("https://ok.example/", "whsec_hunter2"),
        ("http://hunter2.example/", "hunter2"),
        ("hunter2", "whsec_"),
        ("ftp://hunter2/", ""),
    ] {
        let found = errors(
            channel,
            &[("URL", url), ("KEY", key), ("DATABASE_URL", "hunter2")],
        );
        assert!(!found.contains("hunter2"), "{found}");
    }
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let none = std::collections::BTreeMap::new();
    let found = load(Some("/nowhere/auditor.toml".as_ref()), &none).unwrap_err();
    assert_eq!(
        found.to_string(),
        "/nowhere/auditor.toml: cannot be read: No such file or directory (os error 2)"
    );
}

#[test]
fn without_groups_there_is_nothing_to_serve() {
    let bare = Config::bare(&std::collections::BTreeMap::new()).unwrap();
    let refused = bare
        .require_groups(Some("auditor.toml".as_ref()))
        .unwrap_err();
    assert_eq!(
        refused.to_string(),
        "auditor.toml: there is no [[group]]: nothing would be watched"
    );
    assert!(good(&group("")).require_groups(None).is_ok());
    assert!(read("", &[]).is_ok());
}
