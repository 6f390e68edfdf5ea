//! The configuration in force as TOML: every default filled in, no secret printed.
//!
//! What it prints can be loaded again where the same secrets can be found. Deliberately absent: comments, and the presets, which need no
//! entry.

mod channel;

use std::{collections::BTreeMap, fmt::Write, time::Duration};

use toml::Value;

use super::{
    Config, Group, Maintenance, Secret, SecretSource, presets, retention::FOREVER,
    show_client_subnet,
};
use crate::types::{Expect, Mode, QueryOptions, Resolver, Serials, Severity, Telling};

use channel::channel_table;

/// A key and its value, in the order they are shown.
type Entry = (&'static str, Value);

impl Config {
    /// The configuration in force as TOML.
    pub fn show(&self) -> String {
        let mut text = format!("vantage = {}\n", Value::from(self.vantage.as_str()));
        let mut section = |header: &str, entries: &[Entry]| {
            // Writing to a string cannot fail.
            let _ = write!(text, "\n{header}\n");
            for (key, value) in entries {
                let _ = writeln!(text, "{key} = {value}");
            }
        };
        section("[database]", &self.database());
        section("[retention]", &self.retention());
        let mut http: Vec<Entry> = vec![("listen", self.http.listen.to_string().into())];
        http.extend(
            self.http
                .url
                .as_ref()
                .map(|url| ("url", url.clone().into())),
        );
        section("[http]", &http);
        section(
            "[authority]",
            &[
                ("root_hints", texts(&self.authority.root_hints)),
                ("max_qps", i64::from(self.authority.max_qps).into()),
            ],
        );
        section("[defaults]", &[("ipv6", self.ipv6.into())]);
        let own = self
            .resolvers
            .iter()
            .filter(|resolver| !presets::is_preset(&resolver.id));
        for resolver in own {
            section("[[resolver]]", &resolver_table(resolver));
        }
        for group in &self.groups {
            section("[[group]]", &group_table(group));
        }
        for channel in &self.channels {
            section("[[channel]]", &channel_table(channel));
        }
        if !self.delivery.resolvers.is_empty() {
            let resolvers = ("resolvers", texts(&self.delivery.resolvers));
            section("[delivery]", &[resolvers]);
        }
        if let Some(heartbeat) = &self.heartbeat {
            let url = heartbeat.channel.receiver.url();
            let url = url.map(|url| secret(url, ["url", "url_env", "url_file"]));
            let every = ("every", duration(heartbeat.every));
            section(
                "[heartbeat]",
                &url.into_iter().chain([every]).collect::<Vec<_>>(),
            );
        }
        for window in &self.maintenance {
            section("[[maintenance]]", &maintenance_table(window));
        }
        text
    }

    fn retention(&self) -> Vec<Entry> {
        let kept = &self.retention;
        let limit = |limit: Option<Duration>| limit.map_or_else(|| FOREVER.into(), duration);
        vec![
            ("raw", duration(kept.raw)),
            ("packed", limit(kept.packed)),
            ("messages", limit(kept.messages)),
            ("spans", limit(kept.spans)),
        ]
    }

    fn database(&self) -> Vec<Entry> {
        let mut database = vec![(
            "data_dir",
            self.database.data_dir.to_string_lossy().as_ref().into(),
        )];
        if let Some(url) = &self.database.url {
            database.push(("url", redacted_url(url).into()));
        }
        database
    }
}

fn texts<T: ToString>(values: &[T]) -> Value {
    Value::Array(
        values
            .iter()
            .map(|value| value.to_string().into())
            .collect(),
    )
}

fn duration(duration: Duration) -> Value {
    humantime::format_duration(duration).to_string().into()
}

/// A database's address without its password; without its query, too, which may hold another.
fn redacted_url(url: &Secret) -> String {
    let Ok(mut url) = url::Url::parse(&url.expose_str()) else {
        return "[redacted]".to_owned();
    };
    if url.password().is_some() && url.set_password(Some("redacted")).is_err() {
        return "[redacted]".to_owned();
    }
    if url.query().is_some() {
        url.set_query(Some("redacted"));
    }
    url.into()
}

fn resolver_table(resolver: &Resolver) -> Vec<Entry> {
    let traits = &resolver.traits;
    let mut shown = vec![
        ("id", resolver.id.as_str().into()),
        ("operator", resolver.operator.as_str().into()),
        ("addresses", texts(&resolver.addresses)),
        ("transport", resolver.transport.to_string().into()),
        ("max_qps", i64::from(resolver.max_qps).into()),
        ("filters", traits.filters.into()),
        ("signs_blocks", traits.signs_blocks.into()),
        ("single_cache", traits.single_cache.into()),
    ];
    if let Some(endpoint) = &resolver.endpoint {
        shown.push(("server_name", endpoint.server_name.as_str().into()));
        if resolver.transport.is_http() {
            shown.push(("path", endpoint.path.as_str().into()));
        }
        let file = endpoint.ca_file.as_ref();
        shown.extend(file.map(|file| ("ca_file", file.to_string_lossy().as_ref().into())));
    }
    if resolver.options.ecs.is_none() {
        shown.push(("ecs", traits.ecs.into()));
    }
    shown.extend(options(resolver.options));
    if let Some(cap) = traits.ttl_cap {
        shown.push(("ttl_cap", i64::from(cap).into()));
    }
    if let Some(prefix) = &traits.dns64_prefix {
        shown.push(("dns64_prefix", prefix.to_string().as_str().into()));
    }
    if let Some(page) = &traits.flush_page {
        shown.push(("flush_page", page.as_str().into()));
    }
    shown
}

fn group_table(group: &Group) -> Vec<Entry> {
    let policy = &group.policy;
    let resolvers: Vec<&str> = group
        .resolvers
        .iter()
        .map(|resolver| resolver.id.as_str())
        .collect();
    let delegation = policy.max_delegation_ttl;
    let mut shown = vec![
        ("name", group.name.as_str().into()),
        ("names", texts(&group.names)),
        ("types", texts(&group.types)),
        ("schedule", group.schedule.to_string().into()),
        ("resolvers", texts(&resolvers)),
        ("channels", texts(&group.channels)),
        ("samples", i64::from(group.samples).into()),
        ("timeout", duration(group.timeout)),
        ("attempts", i64::from(group.attempts).into()),
        ("max_ttl", i64::from(policy.max_ttl).into()),
        (
            "max_negative_ttl",
            i64::from(policy.max_negative_ttl).into(),
        ),
        (
            "max_delegation_ttl",
            delegation.map_or_else(|| "off".into(), |ttl| i64::from(ttl).into()),
        ),
        (
            "mode",
            match policy.mode {
                Mode::Exact => "exact",
                Mode::Pool => "pool",
                Mode::Geo => "geo",
            }
            .into(),
        ),
        ("expect", declared(&policy.expect)),
        ("known_bad", declared(&policy.known_bad)),
        (
            "unexpected_change",
            match policy.unexpected_change {
                Severity::None => "off".into(),
                severity => severity.to_string().into(),
            },
        ),
        (
            "serial_mode",
            match policy.serials {
                Serials::Compare => "compare",
                Serials::Ignore => "ignore",
            }
            .into(),
        ),
        ("recovery_window", duration(policy.recovery_window)),
        ("axis_threshold", policy.axis_threshold.into()),
        (
            "authority_blind_limit",
            duration(policy.authority_blind_limit),
        ),
        ("repeat_interval", duration(policy.repeat_interval)),
    ];
    shown.extend(telling(&policy.telling));
    shown.push(("tags", tags(&group.tags)));
    shown.extend(options(group.options));
    if !group.authorities.is_empty() {
        shown.push(("authorities", texts(&group.authorities)));
    }
    if let Some(page) = &group.runbook {
        shown.push(("runbook", page.as_str().into()));
    }
    shown
}

fn telling(telling: &Telling) -> [Entry; 4] {
    let threshold = match telling.flap_threshold {
        0 => "off".into(),
        most => i64::from(most).into(),
    };
    [
        ("group_interval", duration(telling.group_interval)),
        ("update_threshold", telling.update_threshold.into()),
        ("flap_threshold", threshold),
        ("flap_window", duration(telling.flap_window)),
    ]
}

/// Those that are said. What is left open has no word of its own.
fn options(options: QueryOptions) -> impl Iterator<Item = Entry> {
    let flags = [
        ("dnssec", options.dnssec),
        ("checking_disabled", options.checking_disabled),
        ("recursion_desired", options.recursion_desired),
        ("cookies", options.cookies),
        ("case_randomization", options.case_randomization),
    ];
    let flags = flags
        .into_iter()
        .filter_map(|(key, flag)| Some((key, flag?.into())));
    let ecs = options
        .ecs
        .map(|subnet| ("ecs", show_client_subnet(subnet).into()));
    flags.chain(ecs)
}

fn declared(expect: &Expect) -> Value {
    let networks = expect.networks.iter().map(ToString::to_string);
    let all: Vec<String> = networks.chain(expect.texts.iter().cloned()).collect();
    texts(&all)
}

fn tags(tags: &BTreeMap<String, String>) -> Value {
    let tags = tags
        .iter()
        .map(|(key, text)| (key.clone(), text.as_str().into()));
    Value::Table(tags.collect())
}

fn maintenance_table(window: &Maintenance) -> Vec<Entry> {
    let mut shown = vec![
        ("name", window.name.as_str().into()),
        ("matchers", texts(&window.matchers.texts())),
        ("schedule", window.schedule.to_string().into()),
        ("duration", duration(window.duration)),
    ];
    let comment = window.comment.as_deref();
    shown.extend(comment.map(|text| ("comment", text.into())));
    shown
}

/// Where a secret is found. What can stand in the file itself is none.
fn secret(secret: &Secret, [given, in_variable, in_file]: [&'static str; 3]) -> Entry {
    match secret.source() {
        SecretSource::Variable(name) => (in_variable, name.as_str().into()),
        SecretSource::File(path) => (in_file, path.to_string_lossy().as_ref().into()),
        SecretSource::Given => (given, secret.expose_str().as_ref().into()),
    }
}
