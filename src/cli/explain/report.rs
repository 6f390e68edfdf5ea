//! An explanation for people: the sentence first, then what it stands on.
//!
//! Deliberately absent: anything that the explanation does not say.

use crate::{
    audit::explain::{EpochAccount, Explanation, Stood},
    cli::{
        evidence,
        instants::{Instants, instant, instant_or_dash},
        output::{inert, wrap},
        table,
        who::{self, Who},
    },
    replay::explain::{Explained, ExplainedRound},
    types::show_address,
};

/// Every verdict that was asked for, with all that it stands on.
pub(crate) fn page(explained: &Explained) -> String {
    let rounds: Vec<String> = explained.rounds.iter().map(round).collect();
    if rounds.is_empty() {
        return format!(
            "from {}, no round that can be judged again was recorded by {}: none asked for this, or only before this version\n",
            explained.vantage,
            instant(explained.at)
        );
    }
    let head = format!(
        "as of {}, from {}\n\n",
        instant(explained.at),
        explained.vantage
    );
    head + &rounds.join("\n")
}

fn round(round: &ExplainedRound) -> String {
    let mut text = format!(
        "round of {} due {}, judged {} by rules {}{}\n",
        round.group,
        instant(round.due_at),
        instant(round.judged_at),
        round.engine,
        if round.is_exact {
            ""
        } else {
            "; something that the service knew then was not recorded, so this may differ from what it said"
        }
    );
    if round.verdicts.is_empty() {
        text += "nothing of this was asked in it\n";
    }
    for verdict in &round.verdicts {
        text += &format!("\n{}", one(verdict));
    }
    text
}

/// One sentence a verdict, with whom it is of: for pages that show more than that.
pub(crate) fn sentences<'a>(verdicts: impl IntoIterator<Item = &'a Explanation>) -> String {
    let verdicts: Vec<&Explanation> = verdicts.into_iter().collect();
    let who = Who::over_sources(verdicts.iter().map(|one| &one.source));
    let line = |one: &&Explanation| {
        let whom = format!(
            "{} {} {}",
            who::question(&one.question),
            who.source(&one.source),
            one.state
        );
        wrap(&inert(&format!("{whom}: {}", one.sentence)), "  ")
    };
    verdicts.iter().map(line).collect()
}

fn one(verdict: &Explanation) -> String {
    let who = Who::over_sources([&verdict.source]);
    let address = show_address(
        verdict.source.address,
        verdict.source.transport.usual_port(),
    );
    let title = format!(
        "{} at {} ({address}, {}): {}{}{}",
        who::question(&verdict.question),
        who.source(&verdict.source),
        verdict.operator,
        verdict.state,
        severity(verdict),
        if verdict.confirmed { ", confirmed" } else { "" },
    );
    let mut text = wrap(&inert(&title), "");
    text += &wrap(&inert(&verdict.sentence), "  ");
    for (label, value) in facts(verdict) {
        text += &wrap(&inert(&value), &format!("  {label:<14} "));
    }
    if let Some(link) = verdict.link.as_ref().filter(|link| !link.epochs.is_empty()) {
        text += &epochs(&link.epochs);
    }
    text + &replies(&verdict.observations)
}

fn severity(verdict: &Explanation) -> String {
    match verdict.severity {
        crate::types::Severity::None => String::new(),
        severity => format!(", {severity}"),
    }
}

fn facts(verdict: &Explanation) -> Vec<(&'static str, String)> {
    let mut facts = vec![("row", verdict.row.to_string())];
    let flags: Vec<String> = verdict
        .flags
        .iter()
        .filter_map(|flag| serde_json::to_value(flag).ok()?.as_str().map(str::to_owned))
        .collect();
    if !flags.is_empty() {
        facts.push(("flags", flags.join(" ")));
    }
    if let Some(baseline) = &verdict.baseline {
        facts.push(("right", evidence::baseline(baseline)));
    }
    if let Some(link) = &verdict.link {
        let zone = link.zone.as_ref().map(|zone| format!(", zone {zone}"));
        let zone = zone.unwrap_or_default();
        facts.push(("link", format!("{} {}{zone}", link.owner, link.rtype)));
        facts.push(("asked since", instant_or_dash(link.since)));
    }
    if let Some(held) = &verdict.inequality {
        facts.push((
            "served until",
            format!("{} (L), TTL {}", instant(held.end), held.theta),
        ));
        facts.push(("deadline", format!("{} (D)", instant(held.deadline))));
    }
    facts.push(("cached until", instant_or_dash(verdict.cached_until)));
    if verdict.worst_case_until.is_some() {
        let cap = verdict
            .ttl_cap
            .map(|cap| format!(" (it keeps nothing longer than {cap} s)"));
        let worst = instant_or_dash(verdict.worst_case_until);
        facts.push(("worst case", worst + &cap.unwrap_or_default()));
    }
    facts.extend(verdict.earlier_rows.iter().map(|why| ("not", why.clone())));
    facts
}

fn epochs(epochs: &[EpochAccount]) -> String {
    let all = epochs
        .iter()
        .flat_map(|epoch| [Some(epoch.from), epoch.end])
        .flatten();
    let instants = Instants::over(all);
    let rows = epochs.iter().map(|epoch| {
        let address = show_address(epoch.address, 53);
        let name = epoch.server.clone().filter(|name| *name != address);
        let server = name.map_or_else(|| address.clone(), |name| format!("{name} ({address})"));
        let end = epoch
            .end
            .map_or_else(|| "serves it".to_owned(), |end| instants.show(end));
        let value = inert(&epoch.value);
        let facts = [
            instants.show(epoch.from),
            end,
            epoch.ttl.to_string(),
            inert(&server),
        ];
        (
            facts,
            [if epoch.is_judged {
                value + " (this)"
            } else {
                value
            }],
        )
    });
    let table = table::render(["FROM", "END", "TTL", "AUTHORITY"], ["VALUE"], rows);
    format!(
        "\n  AUTHORITIES ({})\n{}",
        instants.note(),
        indented(&table)
    )
}

fn replies(stood: &[Stood]) -> String {
    let all = stood
        .iter()
        .flat_map(|one| [Some(one.at), one.expires_at])
        .flatten();
    let instants = Instants::over(all);
    let rows = stood.iter().map(|one| {
        let state = one
            .state
            .map_or_else(|| "-".to_owned(), |state| state.to_string());
        let again = if one.again { " again" } else { "" };
        let over = format!("{}, attempt {}{again}", one.transport, one.attempts);
        let ede: Vec<String> = one.ede.iter().map(|code| format!(", EDE {code}")).collect();
        let facts = [
            instants.show(one.at),
            evidence::ttl(one.ttl),
            instants.show_or_dash(one.expires_at),
            state,
            over,
        ];
        let site = inert(one.site.as_deref().unwrap_or_default());
        (
            facts,
            [site, inert(&format!("{}{}", one.answer, ede.concat()))],
        )
    });
    let head = ["AT", "TTL", "EXPIRES", "STATE", "OVER"];
    let table = table::render(head, ["SITE", "ANSWER"], rows);
    format!("\n  REPLIES ({})\n{}", instants.note(), indented(&table))
}

fn indented(table: &str) -> String {
    let lines: Vec<String> = table.lines().map(|line| format!("  {line}")).collect();
    lines.join("\n") + "\n"
}
