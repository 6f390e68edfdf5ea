//! The file that is shipped documents what the readers really know.

use std::collections::BTreeSet;

use super::{good, read, read_with};
use crate::{
    config::{Secrets, error::Report, presets},
    types::{ClientSubnet, QueryOptions},
};

const SHIPPED: &str = include_str!("../../../config/dns-auditor.toml");
const SECRETS: [(&str, &str); 8] = [
    ("SLACK_BOT_TOKEN", "xoxb-1-2-x"),
    ("SLACK_WEBHOOK_URL", "https://hooks.example.com/"),
    ("HOOK_URL", "https://hooks.example.com/"),
    ("HOOK_SECRET", "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX"),
    (
        "HOOK_SECRET_BEFORE",
        "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYY",
    ),
    ("HOOK_AUTHORIZATION", "Bearer x"),
    ("PAGERDUTY_ROUTING_KEY", "0123456789abcdef0123456789ABCDEF"),
    ("HOME", "/home/ann"),
];

/// The shipped file with every commented-out key in force.
fn uncommented() -> String {
    let lines = SHIPPED.lines().map(|line| match line.strip_prefix('#') {
        Some(key) if key.starts_with(|c: char| c.is_ascii_lowercase() || c == '[') => key,
        _ => line,
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn it_works_as_it_is_shipped() {
    let config = good(SHIPPED);
    assert_eq!(config.groups.len(), 1);
    assert!(config.require_groups(None).is_ok());
    assert!(config.channels.is_empty());
}

#[test]
fn every_key_in_it_is_valid_and_shows_its_default() {
    let mut all = read(&uncommented(), &SECRETS).unwrap_or_else(|errors| panic!("{errors}"));
    assert_eq!(
        (all.channels.len(), all.resolvers.len()),
        (7, presets::all().len() + 2)
    );
    let every = all.heartbeat.map(|heartbeat| heartbeat.every);
    assert_eq!(every, Some(std::time::Duration::from_mins(5)));
    let windows: Vec<_> = all.maintenance.iter().map(|one| &*one.name).collect();
    assert_eq!(windows, ["weekly push"]);
    // Examples, where the default is that there is none.
    let group = std::sync::Arc::make_mut(&mut all.groups[0]);
    assert_eq!(group.authorities.len(), 2);
    group.authorities.clear();
    assert!(group.runbook.take().is_some());
    group.tags.clear();
    // What is usual is not the same as what is said: a resolver may still say otherwise.
    let said = std::mem::take(&mut group.options);
    assert_eq!(
        said,
        QueryOptions {
            dnssec: Some(false),
            checking_disabled: Some(false),
            recursion_desired: Some(true),
            ecs: Some(ClientSubnet::Unsaid),
            cookies: Some(true),
            case_randomization: Some(false),
        }
    );
    assert_eq!(
        format!("{:?}", all.groups),
        format!("{:?}", good(SHIPPED).groups)
    );
    assert_eq!(all.http.listen, good(SHIPPED).http.listen);
    assert_eq!(all.authority.max_qps, good(SHIPPED).authority.max_qps);
    assert_eq!(all.ipv6, good(SHIPPED).ipv6);
}

#[test]
fn every_alternative_in_it_is_valid() {
    let text = uncommented();
    let mut tried = 0;
    for line in text.lines() {
        let Some(alternative) = line.strip_prefix("# or: ") else {
            continue;
        };
        // It stands in for the last key that was written before it.
        let (before, after) = text.split_once(line).unwrap();
        let kept: Vec<&str> = before.lines().collect();
        let replaced = kept
            .iter()
            .rposition(|line| !line.starts_with('#'))
            .unwrap();
        let text = [&kept[..replaced], &[alternative], &kept[replaced + 1..]]
            .concat()
            .join("\n")
            + after;
        let mut report = Report::default();
        read_with(&text, &SECRETS, Secrets::Optional, &mut report);
        assert!(report.is_empty(), "{}", report.into_errors(None, &text));
        tried += 1;
    }
    assert_eq!(tried, 9);
}

#[test]
fn every_known_key_and_preset_is_in_it() {
    let text = uncommented();
    let mut report = Report::default();
    read_with(&text, &SECRETS, Secrets::Required, &mut report);
    let mentioned: BTreeSet<&str> = text
        .split(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '-'))
        .collect();
    let sections = report.known();
    assert_eq!(sections.len(), 12, "{sections:?}");
    for (section, keys) in sections {
        assert!(!keys.is_empty());
        for key in keys {
            assert!(
                mentioned.contains(key),
                "`{key}` {section} is not documented"
            );
        }
    }
    for preset in presets::all() {
        assert!(mentioned.contains(preset.id.as_str()), "{}", preset.id);
    }
}

proptest::proptest! {
    /// Whatever is cut out of the file or written into it, the answer is a configuration or errors with places.
    #[test]
    fn no_damage_to_it_makes_loading_panic(
        from in 0..SHIPPED.len(),
        length in 0_usize..40,
        scrap in "[\\[\\]{}=\"'#.,:/a-z0-9é\n-]{0,6}",
    ) {
        let text = uncommented();
        let start = text.floor_char_boundary(from);
        let end = text.floor_char_boundary((start + length).min(text.len()));
        let damaged = [&text[..start], &scrap, &text[end..]].concat();
        if let Err(errors) = read(&damaged, &SECRETS) {
            proptest::prop_assert!(errors.iter().all(|error| error.place.starts_with("auditor.toml:")));
        }
    }
}
