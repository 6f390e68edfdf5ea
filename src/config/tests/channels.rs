//! Channels of every kind: what each asks for, what it refuses, and that what is shown can be loaded again.

use super::{read, read_with};
use crate::config::{Config, PAGERDUTY, Receiver, Secret, Secrets, WebhookBody, error::Report};

const KEY: &str = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX";
const BEFORE: &str = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYY";
const ENVIRONMENT: [(&str, &str); 7] = [
    ("BOT", "xoxb-1-2-hunter2"),
    ("URL", "https://hooks.example.com/hunter2"),
    ("MAIL", "smtps://ann:hunter2@mail.example.com"),
    ("KEY", KEY),
    ("BEFORE", BEFORE),
    ("ROUTING", "0123456789abcdefhunter2hunter234"),
    ("AUTH", "Bearer hunter2"),
];

/// Channel `c` with these keys.
fn channel(keys: &str) -> String {
    format!("[[channel]]\nid = 'c'\n{keys}\n")
}

fn one(keys: &str) -> Config {
    let read = read(&channel(keys), &ENVIRONMENT);
    let config = read.unwrap_or_else(|errors| panic!("{errors}"));
    assert_eq!(config.channels.len(), 1);
    config
}

const KINDS: [&str; 9] = [
    "kind = 'slack'\nurl_env = 'URL'",
    "kind = 'webhook'\nurl_env = 'URL'\nsecret_env = 'KEY'\nprevious_secret_env = 'BEFORE'\nbody = 'cloudevents'\n\
        headers = { X-Team = 'voip' }\nheaders_env = { Authorization = 'AUTH' }\nallow_cidrs = ['10.0.0.0/8']",
    "kind = 'pagerduty'\nrouting_key_env = 'ROUTING'",
    "kind = 'alertmanager'\nurl = 'http://alerts.example.com:9093/prefix'\nallow_plaintext = true",
    "kind = 'email'\nurl_env = 'MAIL'\nfrom = 'a@example.com'\nto = ['Ann <ann@example.com>', 'b@example.com']",
    "kind = 'email'\nurl = 'smtp://127.0.0.1:2525'\nfrom = 'a@example.com'\nto = ['b@example.com']",
    "kind = 'exec'\nallow_exec = true\ncommand = ['/usr/local/bin/page', '--urgent']",
    "kind = 'slack_bot'\ntoken_env = 'BOT'\nslack_channel = 'C0123ABCDEF'",
    "kind = 'slack_bot'\nurl = 'https://slack-gov.com/api'\ntoken_env = 'BOT'\nslack_channel = 'C0123ABCDEF'\nbroadcast = []",
];

#[test]
fn every_kind_is_read_and_shown_and_read_again_without_its_secrets() {
    for keys in KINDS {
        let config = one(keys);
        let shown = config.show();
        for printed in [&shown, &format!("{config:?}")] {
            assert!(!printed.contains("hunter2"), "{printed}");
        }
        let again = read(&shown, &ENVIRONMENT).unwrap_or_else(|errors| panic!("{errors}"));
        assert_eq!(again.show(), shown);
        assert_eq!(
            format!("{:?}", again.channels),
            format!("{:?}", config.channels)
        );
    }
}

#[test]
fn both_keys_sign_while_one_is_replaced_the_current_one_first() {
    let config = one(KINDS[1]);
    let Receiver::Webhook(hook) = &config.channels[0].receiver else {
        panic!("a webhook")
    };
    let last = |secret: &Secret| secret.expose().last().copied();
    let keys: Vec<_> = hook.signing_keys.iter().map(last).collect();
    assert_eq!(keys, [Some(0x17), Some(0x18)]);
    assert_eq!(hook.body, WebhookBody::CloudEvents);
    let headers: Vec<_> = hook.headers.iter().map(|one| one.name.as_str()).collect();
    assert_eq!(headers, ["authorization", "x-team"]);
}

#[test]
fn what_is_not_written_has_its_default() {
    let pager = one(KINDS[2]);
    let url = pager.channels[0].receiver.url().unwrap();
    assert_eq!(url.expose_str(), PAGERDUTY);
    let mail = |keys| match &one(keys).channels[0].receiver {
        Receiver::Email(email) => email.plaintext,
        _ => panic!("mail"),
    };
    // This machine's own mail server needs no TLS.
    assert_eq!((mail(KINDS[4]), mail(KINDS[5])), (false, true));
}

#[test]
fn each_kind_refuses_what_it_cannot_use() {
    let hook = "kind = 'webhook'\nurl_env = 'URL'\n";
    let mail = "kind = 'email'\nurl = 'smtp://mail.example.com'\n";
    for (keys, expected) in [
        (
            "kind = 'pagerduty'",
            "1:1: give `routing_key_env`, the name of a variable, or `routing_key_file`",
        ),
        (
            "kind = 'pagerduty'\nrouting_key_env = 'AUTH'",
            "the variable `AUTH` must hold 32 letters and digits",
        ),
        (
            "kind = 'exec'\ncommand = ['/bin/true']",
            "1:1: running programs is off",
        ),
        (
            "kind = 'exec'\nallow_exec = true\ncommand = ['true']",
            "the program's path from the root first",
        ),
        (
            "kind = 'exec'\nallow_exec = true",
            "1:1: `command` is missing",
        ),
        (
            "kind = 'alertmanager'\nurl = 'http://am.example:9093'",
            "`url` must hold an https address: http is allowed for loopback only",
        ),
        (
            "kind = 'alertmanager'\nurl = 'https://ann:x@am.example'",
            "a literal `url` must hold no user and no password",
        ),
        (
            "kind = 'alertmanager'\nurl = 'https://am.example'\nsecret_env = 'KEY'",
            "unknown key `secret_env` in [[channel]]",
        ),
        (
            &format!("{hook}headers = {{ Authorization = 'x' }}"),
            "the header `authorization` holds a secret, by its name",
        ),
        (
            &format!("{hook}headers = {{ Webhook-Id = 'x' }}"),
            "the header `webhook-id` is the message's own",
        ),
        (
            &format!("{hook}headers = {{ 'X Y' = 'x' }}"),
            "`x y` is no header's name",
        ),
        (
            &format!("{hook}headers = {{ X = \"a\\nb\" }}"),
            "the value of the header `x` must be one line of plain text",
        ),
        (
            &format!("{hook}headers_env = {{ X = 'NOBODY' }}"),
            "the variable `NOBODY`, named by `headers_env`, is not set",
        ),
        (
            &format!("{hook}previous_secret_env = 'BEFORE'"),
            "there is no current key",
        ),
        (&format!("{hook}body = 'xml'"), "`xml` is no body"),
        (
            &format!("{hook}allow_cidrs = ['10.0.0.0']"),
            "`10.0.0.0` is no network",
        ),
        (
            &format!("{mail}to = ['b@example.com']"),
            "1:1: `from` is missing",
        ),
        (
            &format!("{mail}from = 'a@example.com'"),
            "1:1: `to` is missing",
        ),
        (
            &format!("{mail}from = 'a@example.com'\nto = []"),
            "`to` must not be empty",
        ),
        (
            &format!("{mail}from = 'nobody'\nto = ['b@example.com']"),
            "\"nobody\" is no mail address",
        ),
        (
            "kind = 'email'\nurl = 'https://mail.example.com'\nfrom = 'a@b.c'\nto = ['a@b.c']",
            "`url` must hold an smtps address",
        ),
    ] {
        refuses(keys, expected);
    }
}

/// That a channel with these keys has one error, which says so.
fn refuses(keys: &str, expected: &str) {
    let errors = read(&channel(keys), &ENVIRONMENT).unwrap_err().to_string();
    assert!(errors.contains(expected), "{keys}: {errors}");
    assert_eq!(
        errors.matches("auditor.toml:").count(),
        1,
        "{keys}: {errors}"
    );
    assert!(!errors.contains("hunter2"), "{errors}");
}

#[test]
fn an_app_needs_a_bots_token_and_the_id_of_a_conversation() {
    for (keys, expected) in [
        (
            "kind = 'slack_bot'\ntoken_env = 'BOT'",
            "1:1: `slack_channel` is missing",
        ),
        (
            "kind = 'slack_bot'\ntoken_env = 'BOT'\nslack_channel = '#voip'",
            "\"#voip\" is no ID of a Slack conversation",
        ),
        (
            "kind = 'slack_bot'\ntoken_env = 'AUTH'\nslack_channel = 'C0123ABCDEF'",
            "the variable `AUTH` must hold a bot's token",
        ),
        (
            "kind = 'slack_bot'\nslack_channel = 'C0123ABCDEF'",
            "1:1: give `token_env`, the name of a variable, or `token_file`",
        ),
        (
            "kind = 'slack_bot'\ntoken_env = 'BOT'\nslack_channel = 'C0123ABCDEF'\nbroadcast = ['all']",
            "`all` is not broadcast",
        ),
        (
            "kind = 'slack_bot'\ntoken_env = 'BOT'\nslack_channel = 'C0123ABCDEF'\nurl = 'http://slack.com/api'",
            "`url` must hold an https address",
        ),
    ] {
        refuses(keys, expected);
    }
}

#[test]
fn a_mistyped_kind_hides_no_other_error_of_its_channel() {
    for (keys, expected) in [
        (
            "kind = 'slak'\nurl = 'http://hooks.example/'\nheaders = {}\nmin_severity = 'bad'",
            vec![
                "`slak` is no kind",
                "did you mean `slack`?",
                "`url` must hold",
                "unknown key `headers`",
                "no min_severity",
            ],
        ),
        (
            "kind = 'pager'\nrouting_key = 'x'",
            vec![
                "`pager` is no kind",
                "unknown key `routing_key`",
                "give `routing_key_env`",
            ],
        ),
        // Of what may be meant by it nothing can be said.
        (
            "kind = 'carrier pigeon'\nurl = 'http://hooks.example/'\nlof = 7",
            vec![
                "`carrier pigeon` is no kind",
                "known: slack, slack_bot",
                "unknown key `lof`",
            ],
        ),
    ] {
        let errors = read(&channel(keys), &ENVIRONMENT).unwrap_err().to_string();
        for expected in expected {
            assert!(errors.contains(expected), "{expected} of {keys}: {errors}");
        }
    }
}

#[test]
fn a_channel_whose_secret_is_missing_is_left_out_where_nobody_is_told() {
    for keys in [KINDS[0], KINDS[1], KINDS[2], KINDS[4]] {
        let mut report = Report::default();
        let config = read_with(&channel(keys), &[], Secrets::Optional, &mut report).unwrap();
        assert!(report.is_empty(), "{keys}");
        assert!(config.channels.is_empty(), "{keys}");
    }
}

#[test]
fn a_literal_address_is_this_machines_own_however_it_is_spelt() {
    let errors = |host: &str| {
        let url = format!("kind = 'slack'\nurl = 'http://{host}:9/hook'");
        let read = read(&channel(&url), &ENVIRONMENT);
        read.err().map(|errors| errors.to_string())
    };
    for host in [
        "127.0.0.1.",
        "127.1",
        "2130706433",
        "0x7f.1",
        "0177.0.0.1",
        "[0::1]",
    ] {
        assert_eq!(errors(host), None, "{host}");
    }
    for host in ["10.1", "0251.0376.0251.0376", "0x7e.1", "127.0.0.1.example"] {
        let said = errors(host).unwrap_or_default();
        assert!(said.contains("allowed for loopback"), "{host}: {said}");
    }
}

#[test]
fn matchers_and_waits_are_read_shown_and_read_again() {
    let keys = "kind = 'slack'\nurl_env = 'URL'\nmatchers = ['axis=resolver', 'severity!=warning']\ngroup_wait = '30s'\n\
        repeat_interval = '12h'";
    let config = one(keys);
    let route = &config.channels[0].route;
    assert_eq!(
        route.matchers.texts(),
        ["axis=resolver", "severity!=warning"]
    );
    assert_eq!(route.group_wait, std::time::Duration::from_secs(30));
    assert_eq!(
        route.repeat_interval,
        Some(std::time::Duration::from_hours(12))
    );
    let shown = config.show();
    let again = read(&shown, &ENVIRONMENT).unwrap_or_else(|errors| panic!("{errors}"));
    assert_eq!(again.channels[0].route, *route);
    let errors = read(
        &channel("kind = 'slack'\nurl_env = 'URL'\nmatchers = ['nonsense=1', 'name=~(']"),
        &ENVIRONMENT,
    );
    let errors = errors.unwrap_err().to_string();
    assert!(errors.contains("`nonsense` cannot be matched"), "{errors}");
    assert!(errors.contains("no regular expression"), "{errors}");
}

#[test]
fn a_pace_of_reminders_that_changes_nothing_is_found() {
    let idle = |every: &str| {
        let text = format!(
            "{}[[group]]\nname = 'g'\nnames = ['a.example']\nresolvers = ['google']\nchannels = ['c']\n",
            channel(&format!("kind = 'slack'\nurl_env = 'URL'\n{every}"))
        );
        let config = read(&text, &ENVIRONMENT).unwrap_or_else(|errors| panic!("{errors}"));
        config.idle_interval(&config.channels[0])
    };
    assert_eq!(idle(""), None);
    assert_eq!(idle("repeat_interval = '5h'"), None);
    let why = idle("repeat_interval = '30m'").unwrap();
    assert!(why.contains("its groups remind every 4h at most"), "{why}");
}

#[test]
fn a_channel_that_no_incident_can_reach_is_found() {
    let deaf = |keys: &str| {
        let text = format!(
            "{}[[group]]\nname = 'g'\nnames = ['a.example', 'b.example']\nresolvers = ['google']\n\
             tags = {{ customer = 'acme' }}\nchannels = ['c']\n",
            channel(&format!("kind = 'slack'\nurl_env = 'URL'\n{keys}"))
        );
        let config = read(&text, &ENVIRONMENT).unwrap_or_else(|errors| panic!("{errors}"));
        config.deaf(&config.channels[0])
    };
    for keys in [
        "",
        "matchers = ['group=g', 'name=b.example', 'resolver=google', 'type=A']",
        "matchers = ['axis=vantage', 'state=blind']",
        "matchers = ['severity=warning']",
        "matchers = ['state=ttl_above_policy', 'resolver!=google']",
        "matchers = ['tag.customer=acme', 'tag.team!=voip']",
    ] {
        assert_eq!(deaf(keys), None, "{keys}");
    }
    for (keys, vain) in [
        ("matchers = ['group=h']", "group=h"),
        ("matchers = ['group=g', 'name=~c\\..*']", r"name=~c\..*"),
        ("matchers = ['resolver=quad9']", "resolver=quad9"),
        (
            "matchers = ['severity=warning']\nmin_severity = 'critical'",
            "severity=warning",
        ),
        ("matchers = ['state=nonsense']", "state=nonsense"),
        ("matchers = ['type=MX']", "type=MX"),
        ("matchers = ['tag.customer=other']", "tag.customer=other"),
    ] {
        let why = deaf(keys).unwrap_or_default();
        assert!(why.contains(&format!("`{vain}`")), "{keys}: {why}");
    }
}
