//! The resolvers: as a table with what is known of each below it, and as rows.
//!
//! Deliberately absent: what is known, which is [`super::Entry`].

use chrono::{DateTime, Utc};

use super::{Entry, LearnedCap, words};
use crate::{
    audit::calibration::Dated,
    cli::{
        listing::{Listing, exact_or_empty, or_empty},
        output::wrap,
        table,
    },
    config::Config,
    types::{Resolver, show_address},
};

/// For people; what only some of them have stands below the table.
pub(super) fn table(config: &Config, entries: &[Entry]) -> String {
    let head = ["RESOLVER", "ADDRESSES", "BY", "QPS", "MARKS"];
    let rows = entries.iter().zip(&config.resolvers).map(row);
    let mut text = table::render(head, ["OPERATOR", "GROUPS"], rows);
    let endpoints = entries
        .iter()
        .filter_map(|entry| Some([entry.id.clone(), endpoint(entry)?]));
    text += &notes("Whom an encrypted transport must find:", endpoints);
    let said = entries
        .iter()
        .map(|entry| [entry.id.clone(), entry.options.said().join(" ")]);
    text += &notes(
        "What is said beside a question:",
        said.filter(|[_, said]| !said.is_empty()),
    );
    let others = entries.iter().filter(|entry| entry.offers.len() > 1);
    let others = others.map(|entry| [entry.id.clone(), entry.offers.join(" ")]);
    text += &notes(
        "Transports of the presets (`quad9+tls` is quad9 over TLS):",
        others,
    );
    let caps = entries.iter().filter_map(|entry| {
        let cap = humantime::format_duration(std::time::Duration::from_secs(entry.ttl_cap?.into()));
        let source = entry.ttl_cap_source.as_deref().unwrap_or("configured");
        Some([entry.id.clone(), format!("{cap}, {source}")])
    });
    text += &notes("Longest TTL kept:", caps);
    let learned = entries
        .iter()
        .flat_map(|entry| entry.learned_caps.iter().map(|cap| learned(entry, cap)));
    text += &notes("Longest TTL that the service saw kept:", learned);
    text += &calibrated(entries);
    let pages = entries.iter().filter_map(|entry| {
        let page = entry.flush_page.clone()?;
        Some([entry.id.clone(), page])
    });
    text += &notes("Where to flush the cache:", pages);
    text
}

/// `google`, `6h, by fetches at 8.8.8.8:53 until 2026-11-26`.
fn learned(entry: &Entry, cap: &LearnedCap) -> [String; 2] {
    let LearnedCap {
        address,
        ttl_cap,
        at,
    } = cap;
    let length = humantime::format_duration(std::time::Duration::from_secs((*ttl_cap).into()));
    let until = at.map_or_else(String::new, |at| {
        format!(" until {}", at.format("%Y-%m-%d"))
    });
    [
        entry.id.clone(),
        format!("{length}, by fetches at {address}{until}"),
    ]
}

/// What was measured of each address, with its date.
fn calibrated(entries: &[Entry]) -> String {
    let dated = entries.iter().flat_map(|entry| &entry.calibrations);
    let lines = dated.map(|Dated { calibration, old }| {
        let day = calibration.at.format("%Y-%m-%d");
        let age = if *old { ", old: measure again" } else { "" };
        let said = words::line(calibration);
        wrap(
            &format!("{} ({day}{age}): {said}", calibration.source),
            "  ",
        )
    });
    match lines.collect::<String>() {
        none if none.is_empty() => none,
        lines => format!("\nCalibrated:\n{lines}"),
    }
}

/// `dns.example.net/dns-query, trusting /etc/ca.pem`.
fn endpoint(entry: &Entry) -> Option<String> {
    let name = entry.server_name.as_ref()?;
    let path = entry.path.as_deref().unwrap_or_default();
    let file = entry.ca_file.as_ref();
    let file = file
        .map(|file| format!(", trusting {file}"))
        .unwrap_or_default();
    Some(format!("{name}{path}{file}"))
}

/// A heading with one line a resolver; nothing where there are none.
fn notes(heading: &str, notes: impl Iterator<Item = [String; 2]>) -> String {
    let lines: Vec<String> = notes
        .map(|[id, note]| format!("  {id:<20}{note}\n"))
        .collect();
    match lines.as_slice() {
        [] => String::new(),
        lines => format!("\n{heading}\n{}", lines.concat()),
    }
}

/// One row per resolver.
pub(super) fn listing(entries: &[Entry]) -> Listing {
    let headings = [
        "id",
        "operator",
        "preset",
        "addresses",
        "transport",
        "server_name",
        "path",
        "options",
        "max_qps",
        "filters",
        "ecs",
        "ttl_cap",
        "ttl_floor",
        "negative_ttl_cap",
        "constant_ttl",
        "calibrated_at",
        "learned_ttl_cap",
        "flush_page",
        "groups",
    ];
    let row = |entry: &Entry| {
        [
            entry.id.clone(),
            entry.operator.clone(),
            entry.preset.to_string(),
            entry.addresses.join(" "),
            entry.transport.clone(),
            or_empty(entry.server_name.as_deref()),
            or_empty(entry.path.as_deref()),
            entry.options.said().join(" "),
            entry.max_qps.to_string(),
            entry.filters.to_string(),
            entry.ecs.to_string(),
            or_empty(entry.ttl_cap),
            entry.ttl_floor.to_string(),
            or_empty(entry.negative_ttl_cap),
            entry.constant_ttl.to_string(),
            exact_or_empty(oldest(entry)),
            or_empty(entry.learned_caps.iter().map(|cap| cap.ttl_cap).max()),
            or_empty(entry.flush_page.as_deref()),
            entry.groups.join(" "),
        ]
    };
    Listing::new(headings, entries.iter().map(row))
}

fn oldest(entry: &Entry) -> Option<DateTime<Utc>> {
    let at = entry.calibrations.iter().map(|dated| dated.calibration.at);
    at.min()
}

fn row((entry, resolver): (&Entry, &std::sync::Arc<Resolver>)) -> table::Row<5, 2> {
    let addresses = resolver
        .addresses
        .iter()
        .map(|address| show_address(*address, resolver.transport.usual_port()));
    let marks = [
        entry.preset.then_some("preset"),
        entry.filters.then_some("filters"),
        entry.ecs.then_some("ECS"),
    ];
    let facts = [
        entry.id.clone(),
        addresses.collect::<Vec<_>>().join("\n"),
        entry.transport.clone(),
        entry.max_qps.to_string(),
        marks.into_iter().flatten().collect::<Vec<_>>().join(" "),
    ];
    (facts, [entry.operator.clone(), entry.groups.join(" ")])
}
