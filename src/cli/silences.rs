//! `silence`: incidents that are not told for a while.
//!
//! Deliberately absent: what a silence covers, which is `audit::quiet`'s rule, and windows of maintenance, which the
//! configuration makes. The API takes the same silences.

mod report;

use chrono::{DateTime, TimeDelta, Utc};
use clap::{Args, Subcommand};
use uuid::Uuid;

use super::{
    CliError, EXIT_OK, Printed, history,
    incidents::{beginning, by_whom, pick},
    output::Output,
};
use crate::{
    audit::{
        declared::Via,
        incident::Incident,
        quiet::{QuietAt, Silence, labelled},
    },
    clock,
    config::Config,
    store::{Store, StoreError},
    types::{Matcher, Matchers},
};

#[derive(Debug, Args)]
pub(super) struct SilenceArgs {
    #[command(subcommand)]
    command: SilenceCommand,
}

#[derive(Debug, Subcommand)]
enum SilenceCommand {
    /// Keep some incidents quiet for a while; what is held back is told once afterwards, if it is still so
    Add(AddArgs),
    /// Silences that hold or will, and windows of maintenance
    List(ListArgs),
    /// End one now
    Expire {
        /// Its id, or the beginning of it
        #[arg(value_parser = beginning)]
        id: String,
    },
}

#[derive(Debug, Args)]
#[command(
    after_help = "Matchers are those of Alertmanager: = != =~ !~ on name, group, resolver, axis, state, severity, type \
                  and tag.KEY. All must hold, for each of an incident's names, resolvers and types. Regular \
                  expressions match whole texts."
)]
struct AddArgs {
    /// Which incidents: group=dialers, 'name=~dialer.*', severity!=critical, tag.customer=acme
    #[arg(required = true, value_name = "MATCHER")]
    matchers: Vec<Matcher>,
    /// For how long: 30m, 2h
    #[arg(long = "for", value_name = "DURATION", default_value = "1h", conflicts_with = "until", value_parser = duration)]
    length: TimeDelta,
    /// Until this instant: RFC 3339, or relative such as +2h
    #[arg(long, value_name = "INSTANT", value_parser = history::instant)]
    until: Option<DateTime<Utc>>,
    /// From this instant on [default: now]
    #[arg(long, value_name = "INSTANT", allow_hyphen_values = true, value_parser = history::instant)]
    from: Option<DateTime<Utc>>,
    /// Who wants it [default: $USER]
    #[arg(long, visible_alias = "author", value_name = "WHO")]
    by: Option<String>,
    /// Why
    #[arg(long, value_name = "TEXT")]
    comment: String,
}

#[derive(Debug, Args)]
struct ListArgs {
    /// The expired ones, too
    #[arg(long)]
    all: bool,
}

impl SilenceArgs {
    /// What the command has to print.
    pub(super) fn printed(&self) -> Printed {
        match self.command {
            SilenceCommand::List(_) => Printed::Rows,
            SilenceCommand::Add(_) | SilenceCommand::Expire { .. } => Printed::Words,
        }
    }
}

pub(super) async fn run(
    args: SilenceArgs,
    config: &Config,
    output: Output,
) -> Result<u8, CliError> {
    match args.command {
        SilenceCommand::Add(args) => add(args, config, output).await,
        SilenceCommand::List(args) => list(&args, config, output).await,
        SilenceCommand::Expire { id } => expire(&id, config, output).await,
    }
}

async fn add(args: AddArgs, config: &Config, output: Output) -> Result<u8, CliError> {
    let now = clock::now();
    let starts_at = args.from.unwrap_or(now);
    let ends_at = args.until.or(starts_at.checked_add_signed(args.length));
    let silence = Silence {
        id: Uuid::new_v4(),
        matchers: Matchers::try_from(args.matchers).map_err(usage)?,
        comment: args.comment,
        made_by: args.by.unwrap_or_else(by_whom),
        made_at: now,
        via: Via::Cli,
        starts_at,
        ends_at: ends_at.unwrap_or(DateTime::<Utc>::MAX_UTC),
        expired_at: None,
        expired_by: None,
    };
    silence.check().map_err(usage)?;
    let write = async |store: &Store| {
        store.add_silence(&silence).await?;
        covered(&silence, config, store).await
    };
    let covered = history::read(config, output, write).await?;
    output.text(&report::added(&silence, &covered))?;
    Ok(EXIT_OK)
}

fn usage(error: impl std::error::Error) -> CliError {
    CliError::Usage(error.to_string())
}

/// The open incidents of the configured groups that a silence covers: who wrote it sees whether it is what was meant.
async fn covered(
    silence: &Silence,
    config: &Config,
    store: &Store,
) -> Result<Vec<Incident>, StoreError> {
    let mut covered = Vec::new();
    for group in &config.groups {
        let ledger = store.load_ledger(&config.vantage, &group.name).await?;
        let meant = |incident: &Incident| silence.matchers.cover(&labelled(incident, &group.tags));
        covered.extend(ledger.incidents.into_iter().filter(meant));
    }
    Ok(covered)
}

async fn list(args: &ListArgs, config: &Config, output: Output) -> Result<u8, CliError> {
    let now = clock::now();
    let since = (!args.all).then_some(now);
    let read = async |store: &Store| store.silences(since).await;
    let silences = history::read(config, output, read).await?;
    let windows = config.maintenance.iter().map(|window| window.at(now));
    let quiet = QuietAt::new(silences, windows.collect(), now);
    output.list(&quiet, report::page, report::listing)?;
    Ok(EXIT_OK)
}

async fn expire(id: &str, config: &Config, output: Output) -> Result<u8, CliError> {
    history::with(config, output, async |store: &Store| {
        let id = find(store, id).await?;
        if !store.expire_silence(id, &by_whom(), clock::now()).await? {
            let over = format!("there is no silence {id}, or it is over already");
            return Err(CliError::Usage(over));
        }
        output.text(&format!("expired {id}"))?;
        Ok(EXIT_OK)
    })
    .await?
}

/// A silence by its id, or by a beginning that only it has.
async fn find(store: &Store, id: &str) -> Result<Uuid, CliError> {
    if let Ok(id) = id.parse() {
        return Ok(id);
    }
    let all = store.silences(None).await?;
    pick("silence", all.iter().map(|one| one.id), id).map_err(CliError::Usage)
}

fn duration(text: &str) -> Result<TimeDelta, String> {
    let read = humantime::parse_duration(text).ok();
    let length = read.and_then(|length| TimeDelta::from_std(length).ok());
    length.ok_or_else(|| format!("`{text}` is no length of time: write 30m or 2h"))
}
