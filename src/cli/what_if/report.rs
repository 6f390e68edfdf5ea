//! A what-if for people: as it was beside as it would have been.
//!
//! Deliberately absent: any reckoning.

use std::time::Duration;

use crate::{
    audit::what_if::{HeldAnswer, WhatIf},
    cli::{
        instants::{Instants, instant},
        listing::{Listing, exact, exact_or_empty, or_empty},
        output::{inert, wrap},
        table as columns,
        who::{self, Who},
    },
};

/// The whole, for people.
pub(crate) fn table(what_if: &WhatIf) -> String {
    let mut text = wrap(&what_if.model, "model: ");
    let (Some(longest), Some(would)) = (what_if.longest_s, what_if.would_longest_s) else {
        let nothing = format!(
            "no resolver was seen to hand out what no authority served, from {} to {}",
            instant(what_if.from),
            instant(what_if.to)
        );
        return text + "\n" + &wrap(&nothing, "");
    };
    text += &format!(
        "\nthe longest lasted {}; with a TTL of {} s: {}\n",
        lasting(longest),
        what_if.ttl,
        lasting(would)
    );
    let same = |one: &HeldAnswer, other: &HeldAnswer| one.question == other.question;
    for held in what_if.held.chunk_by(same) {
        text += &of_question(held, what_if.ttl);
    }
    text
}

fn of_question(held: &[HeldAnswer], ttl: u32) -> String {
    let who = Who::over(held.iter().map(|one| (one.resolver.as_str(), one.address)));
    let all = held
        .iter()
        .flat_map(|one| [one.since, one.until, one.would_until]);
    let instants = Instants::over(all);
    let rows = held.iter().map(|one| {
        let facts = [
            who.label(&one.resolver, one.address),
            instants.show(one.since),
            instants.show(one.until),
            lasting(one.lasted_s),
            instants.show(one.would_until),
            lasting(one.would_last_s),
        ];
        let ttl = one
            .authority_ttl
            .map_or_else(|| "never served".to_owned(), |ttl| format!("TTL {ttl}"));
        let cap = one.ttl_cap.map(|cap| format!(", cap {cap}"));
        let owner = (one.owner != one.question.name).then(|| format!("{} ", one.owner));
        let value = format!("{}{}", owner.unwrap_or_default(), one.value);
        (facts, [ttl + &cap.unwrap_or_default(), inert(&value)])
    });
    let with = format!("WITH {ttl}");
    let headings = [
        "WHO",
        "SINCE",
        "UNTIL",
        "LASTED",
        with.as_str(),
        "WOULD LAST",
    ];
    let table = columns::render(headings, ["AUTHORITY", "VALUE"], rows);
    let question = held.first().map(|one| who::question(&one.question));
    let question = question.unwrap_or_default();
    format!("\n{question} ({})\n{table}", instants.note())
}

/// `23 h 55 min`, `5 min`, `42 s`, `1 d 2 h`: the two largest units.
fn lasting(seconds: i64) -> String {
    let seconds = Duration::from_secs(seconds.max(0).unsigned_abs()).as_secs();
    let units = [("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1)];
    let mut left = seconds;
    let mut parts: Vec<String> = Vec::new();
    for (unit, length) in units {
        let count = left / length;
        left %= length;
        if count > 0 || (!parts.is_empty() && parts.len() < 2) {
            parts.push(format!("{count} {unit}"));
        }
    }
    parts.truncate(2);
    parts.retain(|part| !part.starts_with("0 "));
    if parts.is_empty() {
        "0 s".to_owned()
    } else {
        parts.join(" ")
    }
}

/// The same as rows.
pub(super) fn listing(what_if: &WhatIf) -> Listing {
    let headings = [
        "name",
        "type",
        "owner",
        "value",
        "resolver",
        "address",
        "sites",
        "since",
        "authority_ttl",
        "ttl_cap",
        "fetched_at",
        "last_seen",
        "until",
        "would_until",
        "lasted_s",
        "would_last_s",
    ];
    let row = |one: &HeldAnswer| {
        let sites: Vec<&str> = one.sites.iter().map(String::as_str).collect();
        [
            one.question.name.to_string(),
            one.question.rtype.to_string(),
            one.owner.to_string(),
            one.value.clone(),
            one.resolver.clone(),
            one.address.to_string(),
            sites.join(" "),
            exact(one.since),
            or_empty(one.authority_ttl),
            or_empty(one.ttl_cap),
            exact_or_empty(one.fetched_at),
            exact(one.last_seen),
            exact(one.until),
            exact(one.would_until),
            one.lasted_s.to_string(),
            one.would_last_s.to_string(),
        ]
    };
    Listing::new(headings, what_if.held.iter().map(row))
}

#[cfg(test)]
mod tests {
    use super::lasting;

    #[test]
    fn a_length_is_told_in_its_two_largest_units() {
        for (seconds, expected) in [
            (0, "0 s"),
            (42, "42 s"),
            (300, "5 min"),
            (3_600, "1 h"),
            (86_100, "23 h 55 min"),
            (93_600, "1 d 2 h"),
            (90_001, "1 d 1 h"),
            (86_460, "1 d"),
        ] {
            assert_eq!(lasting(seconds), expected);
        }
    }
}
