//! `notify`: what a message looks like, a test through the real path, what became of messages, and those that were given
//! up sent again.
//!
//! A test goes into the outbox and out through the dispatcher, as any other. Deliberately absent: a short cut.

mod log;
mod sample;

use clap::{Args, Subcommand};
use tokio::time::{Duration, Instant, sleep};
use uuid::Uuid;

use super::{CliError, EXIT_BREACH, EXIT_OK, Printed, history, output::Output};
use crate::{
    clock,
    config::{Channel, Config, Receiver},
    dispatcher::Dispatcher,
    notify::{self, Form, Notifier, sample::Step},
    store::{NewMessage, Store, incidents::EventKind},
    types::Severity,
};

/// How long the message may take.
const PATIENCE: Duration = Duration::from_secs(20);

#[derive(Debug, Args)]
pub(super) struct NotifyArgs {
    #[command(subcommand)]
    command: NotifyCommand,
}

#[derive(Debug, Subcommand)]
enum NotifyCommand {
    /// Sends a test message and says how that went
    Test {
        /// The channel's id
        channel: String,
        #[command(flatten)]
        sample: sample::SampleArgs,
        /// The end of an earlier test, by the id it was sent with: what it opened at the receiver is closed
        #[arg(long, value_name = "ID", conflicts_with = "step")]
        end: Option<Uuid>,
    },
    /// The body of a made-up message for a channel, as it would be sent
    Preview(sample::PreviewArgs),
    /// The messages written for channels and what became of them; of one message every attempt
    Log(log::LogArgs),
    /// Sends messages again that were given up
    Replay(log::ReplayArgs),
}

impl NotifyArgs {
    /// What the command has to print.
    pub(super) fn printed(&self) -> Printed {
        match self.command {
            NotifyCommand::Log(_) => Printed::Rows,
            NotifyCommand::Test { .. } | NotifyCommand::Preview(_) | NotifyCommand::Replay(_) => {
                Printed::Words
            }
        }
    }
}

pub(super) async fn run(args: NotifyArgs, config: &Config, output: Output) -> Result<u8, CliError> {
    match args.command {
        NotifyCommand::Test {
            channel,
            sample,
            end,
        } => test(&channel, &sample, end, config, output).await,
        NotifyCommand::Preview(args) => sample::preview(&args, config, output),
        NotifyCommand::Log(args) => log::run(&args, config, output).await,
        NotifyCommand::Replay(args) => log::replay(&args, config, output).await,
    }
}

fn known<'a>(config: &'a Config, id: &str) -> Result<&'a Channel, CliError> {
    let channels = &config.channels;
    if let Some(channel) = channels.iter().find(|known| known.id == id) {
        return Ok(channel);
    }
    let known: Vec<_> = channels.iter().map(|one| one.id.as_str()).collect();
    let known = if known.is_empty() {
        "none is configured".to_owned()
    } else {
        known.join(", ")
    };
    Err(CliError::Usage(format!(
        "there is no channel {id}; known: {known}"
    )))
}

async fn test(
    channel: &str,
    sample: &sample::SampleArgs,
    end: Option<Uuid>,
    config: &Config,
    output: Output,
) -> Result<u8, CliError> {
    let channel = known(config, channel)?;
    let (id, now) = (Uuid::new_v4(), clock::now());
    let (form, vantage) = (Form::of(&channel.receiver), &config.vantage);
    let body = match (sample.verdict(), end) {
        (Some(verdict), None) => sample::body(verdict, sample.step, channel, config, id, now)?,
        (Some(verdict), Some(of)) => {
            sample::body(verdict, Step::Resolved, channel, config, of, now)?
        }
        (None, None) => notify::test_body(form, vantage, now),
        (None, Some(of)) => notify::test_end_body(form, vantage, of, now),
    };
    let message = NewMessage {
        id,
        vantage: config.vantage.clone(),
        incident_id: None,
        channel: channel.id.clone(),
        kind: "test".to_owned(),
        severity: Severity::Info,
        body,
        created_at: now,
        expires_at: None,
        fallback: None,
    };
    let code = history::with(config, output, async |store| {
        send(store, channel, &message, config, output).await
    })
    .await??;
    if let (EXIT_OK, None) = (code, end)
        && let Some(command) = ending(channel, sample, id)
    {
        output.text(&format!("it stays open there; to end it: {command}"))?;
    }
    Ok(code)
}

/// The command that ends a test at a receiver which keeps it open; `None` where there is nothing to end.
fn ending(channel: &Channel, sample: &sample::SampleArgs, id: Uuid) -> Option<String> {
    let keeps = matches!(
        channel.receiver,
        Receiver::PagerDuty { .. } | Receiver::Alertmanager { .. }
    );
    let sample = match sample.verdict() {
        Some(_) if sample.step == Step::Resolved => return None,
        Some(verdict) => format!(" --sample {verdict}"),
        None if keeps => String::new(),
        None => return None,
    };
    let channel = &channel.id;
    Some(format!(
        "dns-auditor notify test {channel}{sample} --end {id}"
    ))
}

async fn send(
    store: &Store,
    channel: &Channel,
    message: &NewMessage,
    config: &Config,
    output: Output,
) -> Result<u8, CliError> {
    store.enqueue(std::slice::from_ref(message)).await?;
    let instance = format!("notify-test/{}", message.id);
    let dispatcher = Dispatcher::new(
        store.clone(),
        Notifier::of(config),
        config.channels.iter().cloned(),
        &config.vantage,
        &instance,
    );
    let until = Instant::now() + PATIENCE;
    while Instant::now() < until {
        // A running service may take the message first: either way the log says how it went.
        let busy = dispatcher.step_for(message.id, clock::now()).await?;
        if let Some(event) = store.deliveries_of(message.id).await?.first() {
            let delivered = event.kind == EventKind::Delivered;
            if delivered {
                output.text(&format!("delivered to {}: {}", channel.id, event.detail))?;
            } else {
                output.error(&format!(
                    "not delivered to {}: {}",
                    channel.id, event.detail
                ));
            }
            return Ok(if delivered { EXIT_OK } else { EXIT_BREACH });
        }
        if !busy {
            sleep(Duration::from_millis(100)).await;
        }
    }
    output.error(&format!(
        "nothing came of it within {} s; the service goes on trying",
        PATIENCE.as_secs()
    ));
    Ok(EXIT_BREACH)
}
