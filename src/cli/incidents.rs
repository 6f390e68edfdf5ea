//! `incidents`: list them, show one, take it, end it.
//!
//! Deliberately absent: deciding what is one.

use clap::{Args, Subcommand};
use serde::Serialize;
use uuid::Uuid;

use super::{CliError, EXIT_OK, Printed, declarations, explain, history, messages, output::Output};
use crate::{
    audit::{
        declared::Declaration,
        explain::Explanation,
        incident::{Incident, Status},
        ledger::{Ledger, resolve_by_hand},
        verdict::Family,
    },
    clock,
    config::Config,
    evaluator::messages::{for_transitions, told_before},
    replay,
    store::{
        Store, StoreError,
        incidents::{IncidentEvent, IncidentFilter},
        messages::{MessagePage, MessageQuery},
    },
    types::Severity,
};

mod report;

pub(super) use report::{event_text, events, happened, headline};

/// Messages of one incident that are shown.
const MOST_MESSAGES: u32 = 1_000;

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
        #[arg(value_parser = beginning)]
        id: String,
        /// Also the messages of its replies, as they travelled
        #[arg(long)]
        evidence: bool,
    },
    /// Take it: reminders stop, everything else is still told
    Ack {
        /// Its id, or the beginning of it
        #[arg(value_parser = beginning)]
        id: String,
    },
    /// End it by hand: what is still bad opens a new one
    Resolve {
        /// Its id, or the beginning of it
        #[arg(value_parser = beginning)]
        id: String,
    },
}

#[derive(Debug, Args)]
struct ListArgs {
    /// The resolved ones, too
    #[arg(long)]
    all: bool,
    /// At most so many
    #[arg(long, default_value_t = 50, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    limit: u32,
}

impl IncidentsArgs {
    /// What the command has to print.
    pub(super) fn printed(&self) -> Printed {
        match self.command {
            None | Some(IncidentsCommand::List(_)) => Printed::Rows,
            Some(IncidentsCommand::Show { .. }) => Printed::Whole,
            Some(IncidentsCommand::Ack { .. } | IncidentsCommand::Resolve { .. }) => Printed::Words,
        }
    }
}

/// One incident as `incidents show --format json` and the API show it. Stable.
#[derive(Debug, Serialize)]
struct Whole {
    /// The incident.
    incident: Incident,
    /// Everything that happened to it, in the order of recording.
    events: Vec<IncidentEvent>,
    /// The messages of its replies, where they were asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    evidence: Option<MessagePage>,
    /// What people declared of its names meanwhile.
    declarations: Vec<Declaration>,
    /// Why the verdicts that were believed were what they were, where their round can be judged again.
    explanations: Vec<Explanation>,
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
    history::with(config, output, async |store| match command {
        IncidentsCommand::List(args) => list(store, &args, output).await,
        IncidentsCommand::Show { id, evidence } => show(store, &id, evidence, output).await,
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
    output.list(&page, |page| report::list(page, args.all), report::listing)?;
    Ok(EXIT_OK)
}

async fn show(store: &Store, id: &str, evidence: bool, output: Output) -> Result<u8, CliError> {
    let (incident, events) = read(store, id).await?;
    let explanations = explanations(store, &incident).await?;
    let evidence = if evidence {
        let query = MessageQuery::of_incident(&incident);
        Some(store.messages(&query, MOST_MESSAGES).await?)
    } else {
        None
    };
    let names = incident.names.iter().cloned();
    let until = incident.resolved_at.unwrap_or_else(clock::now);
    let declarations = store.declared_of(names, incident.opened_at, until).await?;
    let whole = Whole {
        incident,
        events,
        evidence,
        declarations,
        explanations,
    };
    output.whole(&whole, |whole| {
        let why = explain::sentences(&whole.explanations);
        let text = report::whole(&whole.incident, &why, &whole.events);
        let text = text + &declarations::section(&whole.declarations);
        let evidence = whole.evidence.as_ref();
        text + &evidence.map_or_else(String::new, |page| {
            format!("\nEVIDENCE\n{}", messages::page(page, false))
        })
    })?;
    Ok(EXIT_OK)
}

/// Why resolvers' answers were called wrong or old, by the round that confirmed the incident. Failures and findings say so
/// themselves.
async fn explanations(store: &Store, incident: &Incident) -> Result<Vec<Explanation>, StoreError> {
    let vantage = incident
        .vantages
        .first()
        .filter(|_| incident.key.family == Family::Value);
    let Some(vantage) = vantage else {
        return Ok(Vec::new());
    };
    let query = explain::of_incident(vantage, incident);
    let explained = replay::explain::explain(store, &query).await?;
    let rounds = explained.rounds.into_iter();
    let of_group = rounds.filter(|round| round.group == incident.key.group);
    let told = of_group.flat_map(|round| round.verdicts);
    Ok(told
        .filter(|verdict| verdict.severity > Severity::None)
        .collect())
}

async fn ack(store: &Store, id: &str, output: Output) -> Result<u8, CliError> {
    let id = find(store, id).await?;
    if !store.ack_incident(id, &by_whom(), clock::now()).await? {
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
        ..Ledger::default()
    };
    let step = resolve_by_hand(&mut ledger, id, clock::now()).ok_or_else(over)?;
    let steps = std::slice::from_ref(&step);
    let told = told_before(config, store, steps).await?;
    let messages = group
        .map(|group| for_transitions(config, group, steps, &told))
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

/// Who does something on this command line.
pub(super) fn by_whom() -> String {
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
    let ids = page.incidents.iter().map(|incident| incident.id);
    pick("incident", ids, id).map_err(CliError::Usage)
}

/// The incident whose id is this or begins so, and everything that happened to it.
pub(super) async fn read(
    store: &Store,
    id: &str,
) -> Result<(Incident, Vec<IncidentEvent>), CliError> {
    let id = find(store, id).await?;
    let found = store.incident(id).await?;
    found.ok_or_else(|| CliError::Usage(format!("there is no incident {id}")))
}

/// Reads an argument that is an id or its beginning.
pub(super) fn beginning(text: &str) -> Result<String, &'static str> {
    let belongs = |c: char| c == '-' || c.is_ascii_hexdigit();
    if text.is_empty() || !text.chars().all(belongs) {
        return Err("not an id, nor the beginning of one");
    }
    Ok(text.to_lowercase())
}

/// The one incident, or what else it is called, whose id begins so.
pub(super) fn pick(
    what: &str,
    ids: impl Iterator<Item = Uuid>,
    beginning: &str,
) -> Result<Uuid, String> {
    let found: Vec<_> = ids
        .filter(|id| id.to_string().starts_with(beginning))
        .collect();
    match found[..] {
        [one] => Ok(one),
        [] => Err(format!("no {what} begins with {beginning}")),
        _ => Err(format!(
            "{} {what}s begin with {beginning}: give more of the id",
            found.len()
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_incident_is_found_by_a_beginning_that_only_it_has() {
        let ids = || [0x1a00_u128 << 112, 0x1b00 << 112, 0x2a00 << 112].map(Uuid::from_u128);
        let found = |text: &str| pick("incident", ids().into_iter(), &beginning(text)?);
        assert_eq!(found("2").unwrap(), ids()[2]);
        assert_eq!(found("1B").unwrap(), ids()[1]);
        assert_eq!(found(&ids()[0].to_string()).unwrap(), ids()[0]);
        assert!(found("1").unwrap_err().contains("2 incidents begin with 1"));
        assert!(found("3").unwrap_err().contains("no incident begins"));
        assert!(found("").unwrap_err().contains("not an id"));
        assert!(found("%").unwrap_err().contains("not an id"));
    }
}
