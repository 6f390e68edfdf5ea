//! The command line: what can be asked for, and which part answers.
//!
//! Data goes to stdout, logs to stderr. Deliberately absent: any rule; every command calls the same code as the
//! service.

mod backtest;
mod check;
mod config;
mod coverage;
mod db;
mod declarations;
mod demo;
mod denials;
mod diff;
mod evidence;
pub(crate) mod explain;
mod export;
mod exposure;
mod findings;
mod history;
mod incidents;
mod instants;
mod length;
mod listing;
mod messages;
mod names;
mod notify;
mod output;
mod pattern;
mod propagation;
mod replay;
pub(crate) mod report;
mod resolvers;
#[cfg(test)]
mod samples;
mod serve;
mod signals;
mod silences;
mod sli;
mod source;
mod spans;
mod state;
mod table;
mod timeline;
pub(crate) mod what_if;
mod who;
mod who_served;
mod window;

use std::{path::PathBuf, process::ExitCode};

use clap::{Args, Parser, Subcommand, ValueEnum, error::ErrorKind};

use crate::{
    clock,
    config::ConfigErrors,
    daemon::{self, DaemonError},
    demo::DemoError,
};
use output::Output;
use source::Source;

/// Watches what public resolvers and authoritative servers really answer.
#[derive(Debug, Parser)]
#[command(
    name = "dns-auditor",
    version,
    max_term_width = 100,
    disable_help_subcommand = true
)]
pub struct Cli {
    /// The configuration file [default: config/dns-auditor.toml when it exists]
    #[arg(
        long,
        global = true,
        env = "DNS_AUDITOR_CONFIG",
        hide_env_values = true,
        value_name = "FILE",
        help_heading = "Everywhere"
    )]
    config: Option<PathBuf>,
    /// How to print: table or json; csv, jsonl or markdown where a command lists; html of a report
    #[arg(
        long,
        global = true,
        value_enum,
        default_value_t = Format::Table,
        hide_possible_values = true,
        help_heading = "Everywhere"
    )]
    format: Format,
    #[command(subcommand)]
    command: Command,
}

/// How lists and reports are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people: at most 100 columns, readable without colour.
    Table,
    /// For programs: documented, stable.
    Json,
    /// For spreadsheets, where a command lists; no cell can be taken for a formula.
    Csv,
    /// The rows of csv as JSON, one object a line, where a command lists.
    Jsonl,
    /// For tickets and documents, where a command lists.
    Markdown,
    /// One page that needs nothing else, of a report.
    Html,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// One audit now; needs neither configuration nor database
    Check(check::CheckArgs),
    /// The service: rounds by schedule, incidents, alerts, HTTP
    Serve,
    /// Who served what, from when until when
    Timeline(timeline::TimelineArgs),
    /// Every resolver's answer as of an instant
    State(state::StateArgs),
    /// What changed between two instants
    Diff(diff::DiffArgs),
    /// Which source handed out an address, for which names, when
    WhoServed(who_served::WhoServedArgs),
    /// Who saw a change when, and who saw it last
    Propagation(propagation::PropagationArgs),
    /// Bad seconds per resolver and month
    Sli(sli::SliArgs),
    /// Who said NXDOMAIN or NODATA, and until when that could be cached
    Denials(denials::DenialsArgs),
    /// What was wrong at the authorities, TTLs too long among it, since when
    Findings(findings::FindingsArgs),
    /// When anything was watched: rounds run, missed and late, and the gaps
    Coverage(coverage::CoverageArgs),
    /// The postmortem of an incident or of a window, as a document
    Report(report::ReportArgs),
    /// Every sample of a time, as a Parquet file
    Export(export::ExportArgs),
    /// The messages that prove what was wrong, as they travelled
    Evidence(messages::EvidenceArgs),
    /// Why a verdict is what it was: the inequality, and what it stands on
    Explain(explain::ExplainArgs),
    /// How long old answers would have lasted under another TTL
    WhatIf(what_if::WhatIfArgs),
    /// Judges recorded rounds again: does that give what was stored
    Replay(window::RoundsArgs),
    /// What a changed configuration (--config) would have fired on the stored history
    Backtest(window::RoundsArgs),
    /// Incidents: list them, show one, take it, end it
    Incidents(incidents::IncidentsArgs),
    /// Planned changes: declare one, see how far each has come
    Change(declarations::ChangeArgs),
    /// Flushes of resolvers' caches: note that one was done
    Flush(declarations::FlushArgs),
    /// Incidents that are not told for a while: silence some, see what is silent
    Silence(silences::SilenceArgs),
    /// The resolvers that can be named, presets included; measuring them
    Resolvers(resolvers::ResolversArgs),
    /// The names that are watched, ranges expanded
    Names,
    /// The configuration: is it right, and what does it come to
    Config(ConfigArgs),
    /// The database: its state; migrating, packing and pruning it by hand
    Db(db::DbArgs),
    /// The channels
    Notify(notify::NotifyArgs),
    /// The incident of 2020 in a minute: offline, nothing to set up, nothing left behind
    Demo(demo::DemoArgs),
}

#[derive(Debug, Args)]
struct ConfigArgs {
    #[command(subcommand)]
    command: ConfigCommand,
}

#[derive(Debug, Clone, Copy, Subcommand)]
enum ConfigCommand {
    /// Every error with its place, or the next runs of every group
    Check,
    /// The effective configuration with every default, secrets redacted
    Show,
}

/// What a command has to print.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Printed {
    /// Rows: every format but HTML.
    Rows,
    /// A document: Markdown where nothing is said, HTML, or JSON.
    Document,
    /// One thing with parts: a table, or JSON.
    Whole,
    /// Words for people, or a file's own format.
    Words,
}

impl Printed {
    fn takes(self, format: Format) -> bool {
        match self {
            Self::Rows => format != Format::Html,
            Self::Document => !matches!(format, Format::Csv | Format::Jsonl),
            Self::Whole => matches!(format, Format::Table | Format::Json),
            Self::Words => format == Format::Table,
        }
    }
}

impl Command {
    fn printed(&self) -> Printed {
        match self {
            Self::Check(_)
            | Self::Timeline(_)
            | Self::State(_)
            | Self::Diff(_)
            | Self::WhoServed(_)
            | Self::Propagation(_)
            | Self::Sli(_)
            | Self::Denials(_)
            | Self::Findings(_)
            | Self::Coverage(_)
            | Self::WhatIf(_)
            | Self::Backtest(_)
            | Self::Names => Printed::Rows,
            Self::Report(_) => Printed::Document,
            Self::Evidence(_) | Self::Explain(_) | Self::Replay(_) | Self::Db(_) => Printed::Whole,
            Self::Incidents(args) => args.printed(),
            Self::Change(args) => args.printed(),
            Self::Flush(args) => args.printed(),
            Self::Silence(args) => args.printed(),
            Self::Resolvers(args) => args.printed(),
            Self::Notify(args) => args.printed(),
            Self::Serve | Self::Config(_) | Self::Demo(_) | Self::Export(_) => Printed::Words,
        }
    }
}

/// Why a command could not do its work. The exit code is 2 for what the user can mend in words, 3 otherwise.
#[derive(Debug, thiserror::Error)]
enum CliError {
    #[error(transparent)]
    Config(#[from] ConfigErrors),
    #[error("{0}")]
    Usage(String),
    #[error(transparent)]
    Daemon(#[from] DaemonError),
    #[error(transparent)]
    Demo(#[from] DemoError),
    #[error(transparent)]
    Store(#[from] crate::store::StoreError),
    #[error(transparent)]
    Canary(#[from] crate::evaluator::asking::CanaryError),
    #[error("writing the output: {0}")]
    Output(#[from] std::io::Error),
}

/// All consistent, or done.
const EXIT_OK: u8 = 0;
/// A breach.
const EXIT_BREACH: u8 = 1;
/// Usage or configuration.
const EXIT_USAGE: u8 = 2;
/// Could not tell.
const EXIT_UNKNOWN: u8 = 3;
/// Ended by a signal, as shells say it of SIGINT.
const EXIT_INTERRUPTED: u8 = 130;

impl CliError {
    fn exit_code(&self) -> u8 {
        match self {
            Self::Config(_) | Self::Usage(_) | Self::Daemon(DaemonError::Endpoint { .. }) => {
                EXIT_USAGE
            }
            Self::Daemon(DaemonError::Interrupted) => EXIT_INTERRUPTED,
            _ => EXIT_UNKNOWN,
        }
    }

    /// As it is printed. Errors of a configuration begin with their places, as editors expect.
    fn told(&self) -> String {
        match self {
            Self::Config(errors) => errors.to_string(),
            other => format!("error: {other}"),
        }
    }
}

/// Reads the command line of this process, or ends it: with help, or with what is wrong and exit code 2.
pub fn parse() -> Cli {
    Cli::try_parse().unwrap_or_else(|error| {
        if !matches!(
            error.kind(),
            ErrorKind::ValueValidation | ErrorKind::InvalidValue
        ) {
            error.exit();
        }
        // The value's own parser has said it all; clap's pointer to --help would only hide it.
        let text = error.render().to_string();
        let said = text.split("\n\n").next().unwrap_or_default();
        let words: Vec<&str> = said.lines().map(str::trim).collect();
        let format = Format::Table;
        Output { format }.error(&words.join(" "));
        std::process::exit(EXIT_USAGE.into())
    })
}

/// Runs one command line; the exit code says how it went.
pub async fn run(cli: Cli) -> ExitCode {
    let output = Output { format: cli.format };
    match Box::pin(dispatch(cli, output)).await {
        Ok(code) => ExitCode::from(code),
        // A closed pipe is the reader's way to say that it has enough.
        Err(CliError::Output(error)) if error.kind() == std::io::ErrorKind::BrokenPipe => {
            ExitCode::SUCCESS
        }
        Err(error) => {
            output.error(&error.told());
            ExitCode::from(error.exit_code())
        }
    }
}

async fn dispatch(mut cli: Cli, output: Output) -> Result<u8, CliError> {
    let source = Source::new(cli.config.take());
    obey(cli, &source, output).await
}

/// Does what a command line says under the configuration of `source`.
async fn obey(cli: Cli, source: &Source, output: Output) -> Result<u8, CliError> {
    let printed = cli.command.printed();
    if !printed.takes(cli.format) {
        let refused = match printed {
            Printed::Rows => {
                "this command makes no document: --format takes table, json, csv, jsonl or markdown here"
            }
            Printed::Document => {
                "this command does not list: --format takes markdown, html or json here"
            }
            Printed::Whole => "this command does not list: --format takes a table or json here",
            Printed::Words => "this command does not list: --format takes text only here",
        };
        return Err(CliError::Usage(refused.to_owned()));
    }
    match cli.command {
        Command::Check(args) => check::run(&args, &source.load()?, output).await,
        Command::Serve => serve::run(source.require_with_secrets()?, source.file()?, output).await,
        Command::Timeline(args) => timeline::run(&args, &source.load()?, output).await,
        Command::State(args) => state::run(&args, &source.load()?, output).await,
        Command::Diff(args) => diff::run(&args, &source.load()?, output).await,
        Command::WhoServed(args) => who_served::run(&args, &source.load()?, output).await,
        Command::Propagation(args) => propagation::run(&args, &source.load()?, output).await,
        Command::Sli(args) => sli::run(&args, &source.load()?, output).await,
        Command::Denials(args) => denials::run(&args, &source.load()?, output).await,
        Command::Findings(args) => findings::run(&args, &source.load()?, output).await,
        Command::Coverage(args) => coverage::run(&args, &source.load()?, output).await,
        Command::Export(args) => export::run(&args, &source.load()?, output).await,
        Command::Report(args) => report::run(&args, &source.load()?, output).await,
        Command::Evidence(args) => messages::run(&args, &source.load()?, output).await,
        Command::Explain(args) => explain::run(&args, &source.load()?, output).await,
        Command::Replay(args) => replay::run(&args, &source.load()?, output).await,
        Command::Backtest(args) => backtest::run(&args, &source.require()?, output).await,
        Command::WhatIf(args) => what_if::run(&args, &source.load()?, output).await,
        Command::Incidents(args) => incidents::run(args, &source.load()?, output).await,
        Command::Change(args) => declarations::change(args, &source.load()?, output).await,
        Command::Flush(args) => declarations::flush(args, &source.load()?, output).await,
        Command::Silence(args) => silences::run(args, &source.load()?, output).await,
        Command::Resolvers(args) => resolvers::run(args, source, output).await,
        Command::Names => names::run(&source.require()?, output).await,
        Command::Config(ConfigArgs {
            command: ConfigCommand::Check,
        }) => {
            let config = source.require_with_secrets()?;
            daemon::check_endpoints(&config.resolvers)?;
            output.text(&config::check_report(&config, clock::now()))?;
            Ok(EXIT_OK)
        }
        Command::Config(ConfigArgs {
            command: ConfigCommand::Show,
        }) => {
            output.text(&source.require()?.show())?;
            Ok(EXIT_OK)
        }
        Command::Db(args) => db::run(&args, &source.load()?, output).await,
        Command::Notify(args) => {
            Box::pin(notify::run(args, &source.require_with_secrets()?, output)).await
        }
        Command::Demo(args) => demo::run(&args, output).await,
    }
}

/// Where logs go: stderr, `info` unless `RUST_LOG` says otherwise.
pub fn start_logging(cli: &Cli) {
    let default = if matches!(cli.command, Command::Serve) {
        "info,sqlx=warn,hickory_proto=warn,rustls_platform_verifier=off"
    } else {
        // What became of a message, `notify test` says itself.
        "error,dns_auditor::dispatcher=off,rustls_platform_verifier=off"
    };
    let filter =
        tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| default.into());
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()))
        .init();
}
