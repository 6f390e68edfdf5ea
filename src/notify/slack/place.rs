//! How far it reaches: the operators concerned and those that are not, the names, and whom they belong to.
//!
//! Deliberately absent: what is served there, which are the rows of evidence.

use std::{collections::BTreeSet, fmt::Write};

use crate::{
    audit::incident::{Axis, Incident},
    notify::{MessageContext, inert::code, slack::more},
};

/// Most characters of all names together.
const NAMES: usize = 1000;
/// Most operators, and most tags, that are named.
const MOST_WORDS: usize = 8;
/// Most resolvers whose share of bad samples is told.
const MOST_SHARES: usize = 6;

/// `*Where:* 2 of 5 operators: Google, Quad9. Not at: Cloudflare, OpenDNS`; `None` where no resolver is involved.
pub(super) fn operators(incident: &Incident, context: &MessageContext<'_>) -> Option<String> {
    if incident.resolvers.is_empty() {
        return None;
    }
    let of = |id: &str| {
        let resolver = context.resolver(id);
        resolver.map_or_else(|| id.to_owned(), |resolver| resolver.operator.clone())
    };
    let bad: BTreeSet<String> = incident.resolvers.iter().map(|id| of(id)).collect();
    let asked = context.resolvers.iter().map(|one| one.operator.clone());
    let asked: BTreeSet<String> = asked.chain(bad.iter().cloned()).collect();
    let others: BTreeSet<String> = asked.difference(&bad).cloned().collect();
    let (count, total) = (bad.len(), asked.len());
    let word = if total == 1 { "operator" } else { "operators" };
    let mut text = format!("*Where:* {count} of {total} {word}: {}", words(&bad));
    if !others.is_empty() {
        let _ = write!(text, ". Not part of it: {}", words(&others));
    }
    text += &backends(incident);
    text += &shares(incident);
    Some(text)
}

/// How much of what was asked shows it: `google 72 of 120 samples (60 %), 3 of 4 sites`.
fn shares(incident: &Incident) -> String {
    let shares = incident.tallies.iter();
    let shares = shares.map(|(resolver, tally)| (resolver, tally.share(incident.told_at)));
    let all: Vec<_> = shares.filter(|(_, share)| share.all > 0).collect();
    let shown = all.iter().take(MOST_SHARES).map(|(resolver, share)| {
        let (bad, samples) = (u64::from(share.bad), u64::from(share.all));
        let percent = bad * 100 / samples.max(1);
        let sites = match share.sites {
            0 | 1 => String::new(),
            sites => format!(", {} of {sites} sites", share.bad_sites),
        };
        let resolver = code(resolver, 60);
        format!("{resolver} {bad} of {samples} samples ({percent} %){sites}")
    });
    let shown: Vec<_> = shown.collect();
    match all.len() - shown.len() {
        _ if all.is_empty() => String::new(),
        0 => format!("\n*Bad in the last hour:* {}", shown.join("; ")),
        more => format!(
            "\n*Bad in the last hour:* {}; +{more} more",
            shown.join("; ")
        ),
    }
}

/// How many of the backends that were bad are clean again; nothing while none is.
fn backends(incident: &Incident) -> String {
    let sites = incident.backends.iter();
    let sites: Vec<_> = sites.filter(|(name, _)| !name.ends_with(" *")).collect();
    let clean = sites.iter().filter(|(_, track)| track.clean_rounds > 0);
    match (clean.count(), sites.len()) {
        (0, _) => String::new(),
        (clean, all) => format!("\n{clean} of {all} backends that were bad are clean again"),
    }
}

/// The names, how many of those watched they are, and the labels of their group.
pub(super) fn touched(incident: &Incident, context: &MessageContext<'_>) -> Option<String> {
    let lines: Vec<String> = [names(incident, context), tags(context)]
        .into_iter()
        .flatten()
        .collect();
    (!lines.is_empty()).then(|| lines.join("\n"))
}

/// The first names, where there is more than the headline's one.
fn names(incident: &Incident, context: &MessageContext<'_>) -> Option<String> {
    let total = incident.names.len();
    if total < 2 || incident.key.axis == Axis::Vantage {
        return None;
    }
    let mut text = String::new();
    let mut shown = 0;
    for name in &incident.names {
        let item = code(name.as_str(), 100);
        if text.len() + item.len() > NAMES {
            break;
        }
        text.push(' ');
        text.push_str(&item);
        shown += 1;
    }
    let rest =
        more(total - shown, incident, context).map_or_else(String::new, |more| format!(" {more}"));
    // What the incident gathered may have left the group meanwhile.
    let watched = context.group.names.filter(|watched| *watched >= total);
    let of = watched.map_or_else(String::new, |watched| format!(" of {watched} watched"));
    Some(format!("*Names ({total}{of}):*{text}{rest}"))
}

/// `*Tags:* customer=acme, team=voip`
fn tags(context: &MessageContext<'_>) -> Option<String> {
    let tags = context.group.tags.filter(|tags| !tags.is_empty())?;
    let pairs = tags.iter().map(|(key, value)| format!("{key}={value}"));
    Some(format!("*Tags:* {}", words(&pairs.collect())))
}

fn words(all: &BTreeSet<String>) -> String {
    let shown: Vec<String> = all
        .iter()
        .take(MOST_WORDS)
        .map(|word| code(word, 60))
        .collect();
    match all.len() - shown.len() {
        0 => shown.join(", "),
        rest => format!("{} +{rest} more", shown.join(", ")),
    }
}
