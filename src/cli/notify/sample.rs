//! Made-up messages: the arguments that choose one, and `notify preview`, which prints it.
//!
//! Deliberately absent: sending, which is `notify test --sample`, and the incidents themselves, which `notify` makes up.

use chrono::{DateTime, Utc};
use clap::{Args, builder::PossibleValuesParser};
use serde_json::Value;
use uuid::Uuid;

use super::{CliError, EXIT_OK, Output, known};
use crate::{
    clock,
    config::{Channel, Config, Group},
    notify::{
        self, Form, MessageContext,
        sample::{Scene, Step, transition, verdicts},
    },
};

/// What a short word stands for.
const SHORT: [(&str, &str); 2] = [("ttl", "ttl_above_policy"), ("stale", "stale_overdue")];

#[derive(Debug, Args)]
pub(super) struct SampleArgs {
    /// A made-up incident of this verdict instead of a plain test; `ttl` is `ttl_above_policy`, `stale` `stale_overdue`
    #[arg(long, value_name = "VERDICT", value_parser = samples(), hide_possible_values = true)]
    sample: Option<String>,
    /// Which step of its life: opened, updated, reminder, recovering, resolved
    #[arg(long, default_value = "opened", requires = "sample", value_parser = step, hide_default_value = true)]
    pub(super) step: Step,
}

impl SampleArgs {
    /// The verdict that was asked for.
    pub(super) fn verdict(&self) -> Option<&str> {
        self.sample.as_deref().map(in_full)
    }
}

#[derive(Debug, Args)]
pub(super) struct PreviewArgs {
    /// The channel's id
    channel: String,
    /// The verdict; `ttl` is `ttl_above_policy`, `stale` `stale_overdue`
    #[arg(long, value_name = "VERDICT", default_value = "divergent", value_parser = samples(), hide_possible_values = true)]
    sample: String,
    /// Which step of its life: opened, updated, reminder, recovering, resolved
    #[arg(long, default_value = "opened", value_parser = step, hide_default_value = true)]
    step: Step,
}

fn samples() -> PossibleValuesParser {
    PossibleValuesParser::new(SHORT.map(|(short, _)| short).into_iter().chain(verdicts()))
}

fn in_full(verdict: &str) -> &str {
    let short = SHORT.iter().find(|(short, _)| *short == verdict);
    short.map_or(verdict, |(_, full)| full)
}

fn step(text: &str) -> Result<Step, String> {
    let known = Step::ALL.iter().find(|step| step.name() == text);
    known.copied().ok_or_else(|| {
        let names = Step::ALL.map(Step::name).join(", ");
        format!("there are {names}")
    })
}

pub(super) fn preview(args: &PreviewArgs, config: &Config, output: Output) -> Result<u8, CliError> {
    let channel = known(config, &args.channel)?;
    let verdict = in_full(&args.sample);
    let now = clock::now();
    let body = body(verdict, args.step, channel, config, Uuid::nil(), now)?;
    output.text(&notify::shown(channel, &body, Uuid::nil(), now))?;
    Ok(EXIT_OK)
}

/// The body of a made-up message for `channel`, about the first group that it is told of, else the first.
pub(super) fn body(
    verdict: &str,
    step: Step,
    channel: &Channel,
    config: &Config,
    id: Uuid,
    now: DateTime<Utc>,
) -> Result<Value, CliError> {
    let group = group(channel, config)?;
    let name = group.names.first().ok_or_else(nothing_to_name)?;
    let scene = Scene {
        id,
        vantage: &config.vantage,
        group: &group.name,
        name,
        resolvers: &group.resolvers,
        now,
    };
    let base_url = config.http.base_url();
    let context = MessageContext::of(config, &base_url, Some(group));
    let step = transition(verdict, step, &scene);
    let step = step.ok_or_else(|| CliError::Usage(format!("there is no sample of {verdict}")))?;
    Ok(notify::sample_body(
        Form::of(&channel.receiver),
        &step,
        &context,
    ))
}

fn group<'a>(channel: &Channel, config: &'a Config) -> Result<&'a Group, CliError> {
    let mut groups = config.groups.iter();
    let tells = groups.find(|group| group.channels.contains(&channel.id));
    let found = tells.or_else(|| config.groups.first());
    found.map(AsRef::as_ref).ok_or_else(nothing_to_name)
}

fn nothing_to_name() -> CliError {
    CliError::Usage("there is no [[group]] whose names a sample could use".to_owned())
}
