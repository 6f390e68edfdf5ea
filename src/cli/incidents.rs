//! `incidents`: list them, show one, take it, end it.
//!
//! Deliberately absent: deciding what is one.

use chrono::Utc;
use clap::{Args, Subcommand};
use serde::Serialize;
use uuid::Uuid;

use super::{
    CliError, EXIT_OK, history,
    output::{Output, inert, instant, instant_or_dash, wrap},
    over_history, table,
};
use crate::{
    audit::{
        evidence::Observed,
        incident::{Incident, Status},
        ledger::{Ledger, resolve_by_hand},
    },
    config::Config,
    evaluator::messages::for_transitions,
    store::{
        Store,
        incidents::{IncidentEvent, IncidentFilter, IncidentPage, IncidentRow},
    },
};

#[derive(Debug, Args)]
pub(super) struct IncidentsArgs {
    #[command(subcommand)]
    command: Option<IncidentsCommand>,
}

#[derive(Debug, Subcommand)]
enum IncidentsCommand {
    /// Open and recovering ones; with --all the resolved ones, too
    List(ListArgs),
    /// One, with its evidence and everything that happened to it
    Show {
        /// Its id, or the beginning of it
        id: String,
    },
    /// Take it: reminders stop, everything else is still told
    Ack {
        /// Its id, or the beginning of it
        id: String,
    },
    /// End it by hand: what is still bad opens a new one
    Resolve {
        /// Its id, or the beginning of it
        id: String,
    },
}

#[derive(Debug, Args)]
struct ListArgs {
    /// The resolved ones, too
    #[arg(long)]
    all: bool,
    /// At most so many
    #[arg(long, default_value_t = 50)]
    limit: u32,
}

/// The JSON shape of `incidents show`.
#[derive(Debug, Serialize)]
struct Whole {
    incident: Incident,
    events: Vec<IncidentEvent>,
}

pub(super) async fn run(
    args: IncidentsArgs,
    config: &Config,
    output: Output,
) -> Result<u8, CliError> {
    let command = args.command.unwrap_or(IncidentsCommand::List(ListArgs {
        all: false,
        limit: 50,
    }));
    over_history(config, async |store| match command {
        IncidentsCommand::List(args) => list(store, &args, output).await,
        IncidentsCommand::Show { id } => show(store, &id, output).await,
        IncidentsCommand::Ack { id } => ack(store, &id, output).await,
        IncidentsCommand::Resolve { id } => resolve(store, &id, config, output).await,
    })
    .await?
}

async fn list(store: &Store, args: &ListArgs, output: Output) -> Result<u8, CliError> {
    let statuses = if args.all {
        Vec::new()
    } else {
        vec![Status::Open, Status::Recovering]
    };
    let filter = IncidentFilter {
        statuses,
        ..IncidentFilter::default()
    };
    let page = store.incidents(&filter, None, args.limit).await?;
    output.print(&page, render_list)?;
    Ok(EXIT_OK)
}

fn render_list(page: &IncidentPage) -> String {
    if page.incidents.is_empty() {
        return "no incidents\n".to_owned();
    }
    let rows = page.incidents.iter().map(|incident| {
        [
            incident.id.to_string().chars().take(8).collect(),
            status(incident.status).to_owned(),
            incident.severity.to_string(),
            incident.verdict.clone(),
            incident.subject.clone(),
            incident.resolvers.join(" "),
            instant(incident.opened_at),
        ]
    });
    table::render(
        [
            "ID",
            "STATUS",
            "SEVERITY",
            "VERDICT",
            "ABOUT",
            "RESOLVERS",
            "SINCE",
        ],
        rows,
    )
}

async fn show(store: &Store, id: &str, output: Output) -> Result<u8, CliError> {
    let id = find(store, id).await?;
    let Some((incident, events)) = store.incident(id).await? else {
        return Err(CliError::Usage(format!("there is no incident {id}")));
    };
    output.print(&Whole { incident, events }, render_whole)?;
    Ok(EXIT_OK)
}

async fn ack(store: &Store, id: &str, output: Output) -> Result<u8, CliError> {
    let id = find(store, id).await?;
    if !store.ack_incident(id, &by_whom(), Utc::now()).await? {
        return Err(CliError::Usage(format!(
            "incident {id} is acknowledged or resolved already"
        )));
    }
    output.text(&format!("acknowledged {id}"))?;
    Ok(EXIT_OK)
}

/// Ends an incident as the ledger ends it, with a message to every channel that heard of it.
async fn resolve(store: &Store, id: &str, config: &Config, output: Output) -> Result<u8, CliError> {
    let id = find(store, id).await?;
    let over = || CliError::Usage(format!("incident {id} is resolved already"));
    let Some((incident, _)) = store
        .incident(id)
        .await?
        .filter(|(known, _)| known.status != Status::Resolved)
    else {
        return Err(over());
    };
    let group = config
        .groups
        .iter()
        .find(|group| group.name == incident.key.group);
    let mut ledger = Ledger {
        incidents: vec![incident],
        candidates: Vec::new(),
    };
    let step = resolve_by_hand(&mut ledger, id, Utc::now()).ok_or_else(over)?;
    let steps = std::slice::from_ref(&step);
    let messages = group
        .map(|group| for_transitions(config, group, steps))
        .unwrap_or_default();
    if !store
        .record_steps(steps, Some(&by_whom()), &messages)
        .await?
    {
        let moved =
            format!("incident {id} has just taken another step: look at it and say it again");
        return Err(CliError::Usage(moved));
    }
    output.text(&format!("resolved {id}"))?;
    Ok(EXIT_OK)
}

fn by_whom() -> String {
    std::env::var("USER").unwrap_or_else(|_| "somebody".to_owned())
}

/// An incident by its id, or by a beginning that only one of the latest thousand has.
async fn find(store: &Store, id: &str) -> Result<Uuid, CliError> {
    if let Ok(id) = id.parse() {
        return Ok(id);
    }
    let page = store
        .incidents(&IncidentFilter::default(), None, 1_000)
        .await?;
    let found: Vec<_> = page
        .incidents
        .iter()
        .map(|incident| incident.id)
        .filter(|known| known.to_string().starts_with(id))
        .collect();
    match found[..] {
        [one] => Ok(one),
        [] => Err(CliError::Usage(format!("no incident begins with {id}"))),
        _ => Err(CliError::Usage(format!(
            "{} incidents begin with {id}: give more of the id",
            found.len()
        ))),
    }
}

/// One line for a list of incidents within another page.
pub(super) fn headline(incident: &IncidentRow) -> String {
    let line = format!(
        "{}  {} {} {}, {}",
        incident.id,
        incident.severity,
        incident.verdict,
        incident.subject,
        status(incident.status)
    );
    format!("{line}\n{}\n", wrap(&inert(&incident.reason), "    ", 100))
}

fn status(status: Status) -> &'static str {
    match status {
        Status::Open => "open",
        Status::Recovering => "recovering",
        Status::Resolved => "resolved",
    }
}

fn render_whole(whole: &Whole) -> String {
    let incident = &whole.incident;
    let mut text = format!(
        "{} {} ({})\n{}\n\n",
        incident.severity,
        incident.verdict,
        status(incident.status),
        wrap(&inert(&incident.reason), "", 100)
    );
    for (label, value) in facts(incident) {
        text += &format!("{label:<17} {value}\n");
    }
    if !incident.observed.is_empty() {
        text += "\nSEEN\n";
        text += &observed(&incident.observed);
    }
    text += "\nWHAT HAPPENED\n";
    text + &history::events(&whole.events, incident.id)
}

fn facts(incident: &Incident) -> Vec<(&'static str, String)> {
    let list = |items: Vec<String>| {
        if items.is_empty() {
            "-".to_owned()
        } else {
            items.join(" ")
        }
    };
    let right = incident.baseline.as_ref().map_or_else(
        || "-".to_owned(),
        |right| {
            let records = right.answer_text();
            inert(
                &right
                    .ttl
                    .map_or_else(|| records.clone(), |ttl| format!("{records} (TTL {ttl})")),
            )
        },
    );
    vec![
        ("id", incident.id.to_string()),
        ("about", incident.key.subject.clone()),
        (
            "names",
            list(
                incident
                    .names
                    .iter()
                    .take(20)
                    .map(ToString::to_string)
                    .collect(),
            ),
        ),
        (
            "resolvers",
            list(incident.resolvers.iter().cloned().collect()),
        ),
        (
            "authorities",
            list(incident.authorities.iter().cloned().collect()),
        ),
        ("right", right),
        ("first bad", instant(incident.opened_at)),
        ("last bad", instant(incident.last_bad_at)),
        ("cached until", instant_or_dash(incident.cached_until)),
        (
            "worst case until",
            instant_or_dash(incident.worst_case_until),
        ),
        ("resolved", instant_or_dash(incident.resolved_at)),
        ("acknowledged", instant_or_dash(incident.acked_at)),
    ]
}

fn observed(observed: &[Observed]) -> String {
    let rows = observed.iter().map(|seen| {
        [
            instant(seen.at),
            seen.source.to_string(),
            seen.question.to_string(),
            inert(&seen.answer_text()),
            seen.ttl
                .map_or_else(|| "-".to_owned(), |ttl| ttl.to_string()),
            instant_or_dash(seen.cached_until),
        ]
    });
    table::render(
        ["AT", "WHO", "QUESTION", "ANSWER", "TTL", "CACHED UNTIL"],
        rows,
    )
}
