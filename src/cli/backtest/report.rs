//! A backtest for people: what changes, then what would have fired beside what fired.
//!
//! Deliberately absent: any judgement of the change.

use chrono::{DateTime, Utc};

use crate::{
    audit::backtest::{Change, Compared, Fired, Outcome},
    cli::{
        instants::{Instants, instant},
        listing::{Listing, exact, exact_or_empty},
        output::{count, inert, wrap},
        table as columns,
    },
    replay::backtest::Backtest,
};

/// The whole, for people.
pub(super) fn table(told: &Backtest) -> String {
    let Some([first, last]) = told.window else {
        let nothing = "no round that can be judged again was recorded then";
        return wrap(&format!("from {}, {nothing}", told.vantage), "") + &not_held(told);
    };
    let mut text = wrap(
        &format!(
            "{} from {}, judged {} to {}, once by what they were judged by and once by the changed configuration",
            count(told.rounds, "round"),
            told.vantage,
            instant(first),
            instant(last)
        ),
        "",
    );
    text += &provisos(told);
    text += &not_held(told);
    for (group, change) in &told.changes {
        text += &of_group(group, change);
    }
    text + &incidents(&told.incidents)
}

fn provisos(told: &Backtest) -> String {
    let mut text = String::new();
    if told.inexact_rounds > 0 {
        let rounds = count(told.inexact_rounds, "round");
        let what = "before which the service knew something that was not recorded";
        text += &wrap(
            &format!("{rounds} {what}: both sides may differ from what happened"),
            "note: ",
        );
    }
    if told.engines.iter().any(|engine| *engine != told.engine) {
        let what = "the rules have changed since some of these rounds ran: both sides are judged by today's";
        text += &wrap(what, "note: ");
    }
    if told.repeated > 0 {
        let replies = told.repeated;
        let what =
            "were taken to have been given again, where the changed policy would have asked again";
        text += &wrap(&format!("{replies} replies {what}"), "note: ");
    }
    text
}

fn not_held(told: &Backtest) -> String {
    let said = |groups: &[String], what: &str| {
        let line = |group: &String| wrap(&inert(&format!("group {group} {what}")), "");
        groups.iter().map(line).collect::<String>()
    };
    said(
        &told.groups_not_held,
        "is not in these rounds: nothing can be said of it",
    ) + &said(
        &told.groups_dropped,
        "is not in the changed configuration: nothing of it would have fired",
    )
}

fn of_group(group: &str, change: &Change) -> String {
    let mut lines: Vec<String> = change
        .policy
        .iter()
        .map(|(key, [before, after])| format!("{key}: {before} becomes {after}"))
        .collect();
    let lists = [
        (&change.questions_dropped, "questions no longer asked"),
        (
            &change.questions_not_held,
            "questions that are not in these rounds, so that nothing can be said of them",
        ),
        (&change.resolvers_dropped, "resolvers no longer asked"),
        (
            &change.resolvers_not_held,
            "resolvers that are not in these rounds, so that nothing can be said of them",
        ),
    ];
    for (items, what) in lists.iter().filter(|(items, _)| !items.is_empty()) {
        lines.push(format!("{what}: {}", items.join(", ")));
    }
    if lines.is_empty() {
        lines.push("nothing of it changes".to_owned());
    }
    let lines = lines.iter().map(|line| wrap(&inert(line), "  "));
    format!("\ngroup {group}\n{}", lines.collect::<String>())
}

fn incidents(compared: &[Compared]) -> String {
    if compared.is_empty() {
        return "\nno incident on either side\n".to_owned();
    }
    let of = |outcome| compared.iter().filter(|one| one.outcome == outcome).count();
    let mut text = format!(
        "\n{} would be new, {} would not have fired, {} would be told otherwise, {} are the same\n\n",
        of(Outcome::New),
        of(Outcome::Gone),
        of(Outcome::Changed),
        of(Outcome::Same)
    );
    let all = compared
        .iter()
        .flat_map(|one| [&one.did, &one.would])
        .flatten();
    let instants = Instants::over(
        all.flat_map(|one| [Some(one.opened_at), one.resolved_at])
            .flatten(),
    );
    let rows = compared.iter().map(|one| {
        let facts = [
            word(one.outcome).to_owned(),
            side(one.did.as_ref(), instants),
            side(one.would.as_ref(), instants),
        ];
        (
            facts,
            [inert(&format!("{} {}", one.axis.as_str(), one.subject))],
        )
    });
    text += &columns::render(["", "DID", "WOULD"], ["ABOUT"], rows);
    text + &format!("({})\n", instants.note())
}

fn word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::New => "new",
        Outcome::Gone => "gone",
        Outcome::Changed => "changed",
        Outcome::Same => "same",
    }
}

/// `critical divergent 19:05:00Z to 19:20:00Z`.
fn side(fired: Option<&Fired>, instants: Instants) -> String {
    let Some(fired) = fired else {
        return "-".to_owned();
    };
    let end = |at: DateTime<Utc>| format!(" to {}", instants.show(at));
    format!(
        "{} {}\n{}{}",
        fired.severity,
        fired.verdict,
        instants.show(fired.opened_at),
        fired.resolved_at.map_or_else(|| ", open".to_owned(), end)
    )
}

/// The same as rows.
pub(super) fn listing(told: &Backtest) -> Listing {
    let headings = [
        "outcome",
        "group",
        "axis",
        "subject",
        "did_verdict",
        "did_severity",
        "did_opened_at",
        "did_resolved_at",
        "would_verdict",
        "would_severity",
        "would_opened_at",
        "would_resolved_at",
    ];
    let sides = |fired: Option<&Fired>| match fired {
        Some(fired) => [
            fired.verdict.clone(),
            fired.severity.to_string(),
            exact(fired.opened_at),
            exact_or_empty(fired.resolved_at),
        ],
        None => [const { String::new() }; 4],
    };
    let row = |one: &Compared| {
        let [verdict, severity, opened, resolved] = sides(one.did.as_ref());
        let would = sides(one.would.as_ref());
        let [would_verdict, would_severity, would_opened, would_resolved] = would;
        [
            word(one.outcome).to_owned(),
            one.group.clone(),
            one.axis.as_str().to_owned(),
            one.subject.clone(),
            verdict,
            severity,
            opened,
            resolved,
            would_verdict,
            would_severity,
            would_opened,
            would_resolved,
        ]
    };
    Listing::new(headings, told.incidents.iter().map(row))
}
