//! `change` and `flush`: what people declare, and how far a change has come.
//!
//! Deliberately absent: what a declaration means for a verdict or an incident. The API takes the same ones.

mod report;

use chrono::{DateTime, Utc};
use clap::{Args, Subcommand};
use uuid::Uuid;

use super::{
    CliError, EXIT_OK, Printed, history,
    incidents::{beginning, by_whom, pick},
    output::Output,
    pattern::Pattern,
};
use crate::{
    audit::declared::{Change, Declaration, Flush, Kind, Matter, Senseless, Values, Via},
    clock,
    config::Config,
    names::{DnsName, braces},
    store::{Store, declarations::DeclarationFilter},
    types::RecordType,
};

pub(super) use report::{matter, section};

#[derive(Debug, Args)]
pub(super) struct ChangeArgs {
    #[command(subcommand)]
    command: ChangeCommand,
}

#[derive(Debug, Subcommand)]
enum ChangeCommand {
    /// Announce one: the new value is right from its instant on
    Declare(Box<DeclareArgs>),
    /// Those that stand, and how far each has come
    List(ListArgs),
    /// Take one back: it counts no more
    Withdraw {
        /// Its id, or the beginning of it
        #[arg(value_parser = beginning)]
        id: String,
    },
}

#[derive(Debug, Args)]
struct DeclareArgs {
    /// The names; `dialer{1..40}.example.com` stands for forty
    #[arg(required = true)]
    names: Vec<Pattern>,
    /// What is right afterwards: addresses, networks, an alias's target, NXDOMAIN, NODATA
    #[arg(long, value_name = "VALUE,…", value_parser = values)]
    to: Values,
    /// What was right before
    #[arg(long, value_name = "VALUE,…", value_parser = values)]
    from: Option<Values>,
    /// Only this type
    #[arg(long = "type", value_name = "TYPE")]
    rtype: Option<RecordType>,
    /// From this instant on: RFC 3339, or relative such as +2h [default: now]
    #[arg(long, value_name = "INSTANT", allow_hyphen_values = true, value_parser = history::instant)]
    at: Option<DateTime<Utc>>,
    /// Until when it must have happened [default: a day after --at]
    #[arg(long, value_name = "INSTANT", allow_hyphen_values = true, value_parser = history::instant)]
    until: Option<DateTime<Utc>>,
    #[command(flatten)]
    note: NoteArgs,
}

#[derive(Debug, Args)]
struct NoteArgs {
    /// Who says so [default: $USER]
    #[arg(long, value_name = "WHO")]
    by: Option<String>,
    /// Why
    #[arg(long, value_name = "TEXT")]
    comment: Option<String>,
}

#[derive(Debug, Args)]
struct ListArgs {
    /// The withdrawn ones, too
    #[arg(long)]
    all: bool,
}

#[derive(Debug, Args)]
pub(super) struct FlushArgs {
    #[command(subcommand)]
    command: FlushCommand,
}

#[derive(Debug, Subcommand)]
enum FlushCommand {
    /// Note that a resolver's cache was flushed: clean samples since end its incidents
    Note(FlushNoteArgs),
    /// Those that stand
    List(ListArgs),
    /// Take one back: it counts no more
    Withdraw {
        /// Its id, or the beginning of it
        #[arg(value_parser = beginning)]
        id: String,
    },
}

#[derive(Debug, Args)]
struct FlushNoteArgs {
    /// The resolver's id
    resolver: String,
    /// The names; `dialer{1..40}.example.com` stands for forty
    #[arg(required = true)]
    names: Vec<Pattern>,
    /// Only this type
    #[arg(long = "type", value_name = "TYPE")]
    rtype: Option<RecordType>,
    /// When: RFC 3339, or relative such as -5m [default: now]
    #[arg(long, value_name = "INSTANT", allow_hyphen_values = true, value_parser = history::instant)]
    at: Option<DateTime<Utc>>,
    #[command(flatten)]
    note: NoteArgs,
}

impl ChangeArgs {
    /// What the command has to print.
    pub(super) fn printed(&self) -> Printed {
        match self.command {
            ChangeCommand::List(_) => Printed::Rows,
            ChangeCommand::Declare(_) | ChangeCommand::Withdraw { .. } => Printed::Words,
        }
    }
}

impl FlushArgs {
    /// What the command has to print.
    pub(super) fn printed(&self) -> Printed {
        match self.command {
            FlushCommand::List(_) => Printed::Rows,
            FlushCommand::Note(_) | FlushCommand::Withdraw { .. } => Printed::Words,
        }
    }
}

pub(super) async fn change(
    args: ChangeArgs,
    config: &Config,
    output: Output,
) -> Result<u8, CliError> {
    match args.command {
        ChangeCommand::Declare(args) => {
            let by = args.note.by.clone().unwrap_or_else(by_whom);
            declare(declared_change(*args), by, config, output).await
        }
        ChangeCommand::List(args) => list_changes(&args, config, output).await,
        ChangeCommand::Withdraw { id } => withdraw(Kind::Change, &id, config, output).await,
    }
}

pub(super) async fn flush(
    args: FlushArgs,
    config: &Config,
    output: Output,
) -> Result<u8, CliError> {
    match args.command {
        FlushCommand::Note(args) => {
            let by = args.note.by.unwrap_or_else(by_whom);
            let matter = Matter::Flush(Flush {
                resolver: args.resolver,
                names: all_names(&args.names),
                rtype: args.rtype,
                at: args.at.unwrap_or_else(clock::now),
                comment: args.note.comment,
            });
            declare(matter, by, config, output).await
        }
        FlushCommand::List(args) => {
            let filter = filter(Kind::Flush, args.all);
            let read = async |store: &Store| store.declarations(&filter).await;
            let flushes = history::read(config, output, read).await?;
            output.list(
                &flushes,
                |all| report::flushes(all),
                |all| report::flush_listing(all),
            )?;
            Ok(EXIT_OK)
        }
        FlushCommand::Withdraw { id } => withdraw(Kind::Flush, &id, config, output).await,
    }
}

fn declared_change(args: DeclareArgs) -> Matter {
    let at = args.at.unwrap_or_else(clock::now);
    Matter::Change(Change {
        names: all_names(&args.names),
        rtype: args.rtype,
        to: args.to,
        from: args.from,
        at,
        until: args.until.unwrap_or_else(|| Change::usual_end(at)),
        comment: args.note.comment,
    })
}

async fn declare(
    matter: Matter,
    by: String,
    config: &Config,
    output: Output,
) -> Result<u8, CliError> {
    let senseless = |wrong: Senseless| CliError::Usage(wrong.to_string());
    matter.check().map_err(senseless)?;
    let known = config.resolvers.iter().map(|resolver| resolver.id.as_str());
    if let Matter::Flush(flush) = &matter
        && !flush.is_of_any(known)
    {
        let unknown = format!(
            "there is no resolver `{}`: `dns-auditor resolvers` lists them",
            flush.resolver
        );
        return Err(CliError::Usage(unknown));
    }
    let declaration = Declaration::new(Uuid::new_v4(), matter, by, Via::Cli, clock::now());
    let write = async |store: &Store| store.declare(&declaration).await;
    history::read(config, output, write).await?;
    output.text(&report::declared(&declaration))?;
    Ok(EXIT_OK)
}

async fn list_changes(args: &ListArgs, config: &Config, output: Output) -> Result<u8, CliError> {
    let filter = filter(Kind::Change, args.all);
    let now = clock::now();
    let read = async |store: &Store| store.followed_changes(&filter, now).await;
    let rows = history::read(config, output, read).await?;
    output.list(
        &rows,
        |rows| report::changes(rows),
        |rows| report::change_listing(rows),
    )?;
    Ok(EXIT_OK)
}

fn filter(kind: Kind, withdrawn: bool) -> DeclarationFilter {
    DeclarationFilter {
        kind: Some(kind),
        withdrawn,
        ..DeclarationFilter::default()
    }
}

async fn withdraw(kind: Kind, id: &str, config: &Config, output: Output) -> Result<u8, CliError> {
    history::with(config, output, async |store: &Store| {
        let id = find(store, kind, id).await?;
        if !store.withdraw(kind, id, &by_whom(), clock::now()).await? {
            let what = kind.as_str();
            let over = format!("there is no {what} {id}, or it is withdrawn already");
            return Err(CliError::Usage(over));
        }
        output.text(&format!("withdrawn {id}"))?;
        Ok(EXIT_OK)
    })
    .await?
}

/// A declaration by its id, or by a beginning that only it has.
async fn find(store: &Store, kind: Kind, id: &str) -> Result<Uuid, CliError> {
    if let Ok(id) = id.parse() {
        return Ok(id);
    }
    let all = store.declarations(&filter(kind, true)).await?;
    pick(kind.as_str(), all.iter().map(|one| one.id), id).map_err(CliError::Usage)
}

fn all_names(patterns: &[Pattern]) -> Vec<DnsName> {
    let names = patterns.iter().flat_map(|pattern| &pattern.names);
    braces::unique(names.cloned().collect())
}

/// Reads values with commas between them.
fn values(text: &str) -> Result<Values, String> {
    let texts: Vec<String> = text.split(',').map(|text| text.trim().to_owned()).collect();
    Values::try_from(texts).map_err(|error| error.to_string())
}
