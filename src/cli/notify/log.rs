//! `notify log` and `notify replay`: what became of messages, and those that were given up sent again.
//!
//! Deliberately absent: sending, which is the service's work.

use clap::{Args, ValueEnum};
use uuid::Uuid;

use crate::{
    audit::short_id,
    cli::{
        CliError, EXIT_BREACH, EXIT_OK, history,
        incidents::{beginning, by_whom, events, happened, pick},
        instants::Instants,
        listing::{Listing, exact, exact_or_empty},
        output::{Output, count, inert},
        table,
    },
    clock,
    config::Config,
    store::{
        Store,
        incidents::IncidentEvent,
        outbox::{LogFilter, LogRow, MessageState},
    },
};

/// Messages among which the beginning of an id is looked for, and most that are replayed at once.
const MOST: u32 = 1_000;

#[derive(Debug, Args)]
pub(super) struct LogArgs {
    /// The id of one message, or its beginning: every attempt to deliver it
    #[arg(value_parser = beginning)]
    message: Option<String>,
    /// Only what was written for this channel
    #[arg(long, value_name = "ID")]
    channel: Option<String>,
    /// Only messages in this state
    #[arg(long, value_enum)]
    state: Option<StateArg>,
    /// At most so many, the newest
    #[arg(long, default_value_t = 50, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    limit: u32,
}

/// What became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum StateArg {
    /// Not yet sent, or to be tried again
    Waiting,
    /// Its channel took it
    Delivered,
    /// Given up
    Buried,
    /// Held back by a silence or by maintenance that lasts
    Held,
    /// Held back until that was over
    Silenced,
}

#[derive(Debug, Args)]
#[group(id = "which", required = true, multiple = false, args = ["messages", "all"])]
pub(super) struct ReplayArgs {
    /// Ids of messages that were given up, or their beginnings
    #[arg(value_name = "MESSAGE", value_parser = beginning)]
    messages: Vec<String>,
    /// The newest thousand that were given up
    #[arg(long)]
    all: bool,
    /// Only those written for this channel
    #[arg(long, value_name = "ID", requires = "all")]
    channel: Option<String>,
}

pub(super) async fn run(args: &LogArgs, config: &Config, output: Output) -> Result<u8, CliError> {
    history::with(config, output, async |store| {
        if let Some(id) = &args.message {
            let id = find(store, config, id).await?;
            let attempts = store.deliveries_of(id).await?;
            output.list(
                &attempts,
                |attempts| attempts_page(attempts),
                |all| attempts_listing(all),
            )?;
            return Ok(EXIT_OK);
        }
        let filter = LogFilter {
            channel: args.channel.as_deref(),
            state: args.state.map(state),
            incident: None,
        };
        let rows = store
            .message_log(&config.vantage, &filter, args.limit)
            .await?;
        output.list(&rows, |rows| page(rows), |rows| listing(rows))?;
        Ok(EXIT_OK)
    })
    .await?
}

/// Has messages sent again. Exits 1 where none of them was given up.
pub(super) async fn replay(
    args: &ReplayArgs,
    config: &Config,
    output: Output,
) -> Result<u8, CliError> {
    history::with(config, output, async |store| {
        let ids = asked(args, config, store).await?;
        let now = clock::now();
        let replayed = store
            .replay_messages(&config.vantage, &ids, &by_whom(), now)
            .await?;
        if replayed.is_empty() {
            output.error("none of these messages was given up");
            return Ok(EXIT_BREACH);
        }
        let replayed = count(replayed.len(), "message");
        output.text(&format!("{replayed} to be sent again by the service"))?;
        Ok(EXIT_OK)
    })
    .await?
}

async fn asked(args: &ReplayArgs, config: &Config, store: &Store) -> Result<Vec<Uuid>, CliError> {
    let mut ids = Vec::new();
    if args.all {
        let filter = LogFilter {
            channel: args.channel.as_deref(),
            state: Some(MessageState::Buried),
            incident: None,
        };
        let rows = store.message_log(&config.vantage, &filter, MOST).await?;
        ids.extend(rows.iter().map(|row| row.id));
    }
    for id in &args.messages {
        ids.push(find(store, config, id).await?);
    }
    Ok(ids)
}

/// A message by its id, or by a beginning that only one of the latest thousand has.
async fn find(store: &Store, config: &Config, id: &str) -> Result<Uuid, CliError> {
    if let Ok(id) = id.parse() {
        return Ok(id);
    }
    let rows = store
        .message_log(&config.vantage, &LogFilter::default(), MOST)
        .await?;
    pick("message", rows.iter().map(|row| row.id), id).map_err(CliError::Usage)
}

fn state(argument: StateArg) -> MessageState {
    match argument {
        StateArg::Waiting => MessageState::Waiting,
        StateArg::Delivered => MessageState::Delivered,
        StateArg::Buried => MessageState::Buried,
        StateArg::Held => MessageState::Held,
        StateArg::Silenced => MessageState::Silenced,
    }
}

fn state_name(state: MessageState) -> &'static str {
    match state {
        MessageState::Waiting => "waiting",
        MessageState::Delivered => "delivered",
        MessageState::Buried => "buried",
        MessageState::Held => "held",
        MessageState::Silenced => "silenced",
    }
}

fn page(rows: &[LogRow]) -> String {
    if rows.is_empty() {
        return "no messages\n".to_owned();
    }
    let instants = Instants::over(rows.iter().map(|row| row.created_at));
    let lines = rows.iter().map(|row| {
        let facts = [
            short_id(row.id),
            instants.show(row.created_at),
            row.channel.clone(),
            row.kind.clone(),
            state_name(row.state).to_owned(),
            row.attempts.to_string(),
        ];
        (facts, [remark(row)])
    });
    format!(
        "{}, newest first ({})\n\n{}",
        count(rows.len(), "message"),
        instants.note(),
        table::render(
            ["ID", "WRITTEN", "CHANNEL", "TELLS", "STATE", "TRIED"],
            ["REMARK"],
            lines
        )
    )
}

/// In whose stead it was told, what held it back, when it is tried again, and why that is necessary.
fn remark(row: &LogRow) -> String {
    let instead = row.instead_of.as_ref().map(|id| format!("instead of {id}"));
    let next = row.next_attempt_at.filter(|_| row.attempts > 0);
    let next = next.map(|at| format!("again at {}", Instants::Any.show(at)));
    let error = row.last_error.as_deref().map(inert);
    let held = row.held_by.as_deref().map(inert);
    let parts = [instead, held, next, error].into_iter().flatten();
    let parts: Vec<String> = parts.collect();
    parts.join("; ")
}

fn listing(rows: &[LogRow]) -> Listing {
    let headings = [
        "id",
        "vantage",
        "incident_id",
        "channel",
        "instead_of",
        "kind",
        "severity",
        "state",
        "created_at",
        "expires_at",
        "next_attempt_at",
        "ended_at",
        "attempts",
        "last_error",
        "held_by",
    ];
    let row = |row: &LogRow| {
        [
            row.id.to_string(),
            row.vantage.clone(),
            row.incident_id.map(|id| id.to_string()).unwrap_or_default(),
            row.channel.clone(),
            row.instead_of.clone().unwrap_or_default(),
            row.kind.clone(),
            row.severity.to_string(),
            state_name(row.state).to_owned(),
            exact(row.created_at),
            exact_or_empty(row.expires_at),
            exact_or_empty(row.next_attempt_at),
            exact_or_empty(row.ended_at),
            row.attempts.to_string(),
            row.last_error.clone().unwrap_or_default(),
            row.held_by.clone().unwrap_or_default(),
        ]
    };
    Listing::new(headings, rows.iter().map(row))
}

fn attempts_page(attempts: &[IncidentEvent]) -> String {
    if attempts.is_empty() {
        return "it was not tried yet\n".to_owned();
    }
    events(attempts, "")
}

fn attempts_listing(attempts: &[IncidentEvent]) -> Listing {
    let headings = ["at", "kind", "channel", "attempt", "detail"];
    let row = |event: &IncidentEvent| {
        [
            exact(event.at),
            happened(event.kind).to_owned(),
            event.channel.clone().unwrap_or_default(),
            event
                .attempt
                .map(|number| number.to_string())
                .unwrap_or_default(),
            event.detail.clone(),
        ]
    };
    Listing::new(headings, attempts.iter().map(row))
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, Utc};

    use super::*;
    use crate::{cli::samples::fits, types::Severity};

    fn at(time: &str) -> DateTime<Utc> {
        format!("2026-11-22T{time}Z").parse().unwrap()
    }

    fn row(number: u128, state: MessageState) -> LogRow {
        LogRow {
            id: Uuid::from_u128(number << 100),
            vantage: "us-west-2".to_owned(),
            incident_id: Some(Uuid::from_u128(1)),
            channel: "voip-ops".to_owned(),
            instead_of: None,
            kind: "incident.opened".to_owned(),
            severity: Severity::Critical,
            state,
            created_at: at("19:05:02"),
            expires_at: Some(at("20:05:02")),
            next_attempt_at: None,
            ended_at: Some(at("19:05:03")),
            attempts: 1,
            last_error: None,
            held_by: None,
        }
    }

    #[test]
    fn the_log_says_what_became_of_each_message() {
        let rows = [
            LogRow {
                ended_at: None,
                attempts: 0,
                held_by: Some(
                    "silence 1f2e3d4c by ann until 2026-11-22T20:00:00Z: new rack".to_owned(),
                ),
                ..row(4, MessageState::Held)
            },
            LogRow {
                ended_at: None,
                attempts: 3,
                next_attempt_at: Some(at("19:08:00")),
                last_error: Some("HTTP 503: upstream\u{1b}[31m is away".to_owned()),
                ..row(3, MessageState::Waiting)
            },
            LogRow {
                channel: "pager".to_owned(),
                instead_of: Some("voip-ops".to_owned()),
                ..row(2, MessageState::Delivered)
            },
            LogRow {
                last_error: Some("HTTP 410: channel_is_archived".to_owned()),
                ..row(1, MessageState::Buried)
            },
        ];
        let text = page(&rows);
        insta::assert_snapshot!(text);
        assert!(fits(&text));
        insta::assert_snapshot!(listing(&rows).csv());
    }
}
