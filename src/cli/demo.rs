//! `demo`: the incident of 2020, played and told.
//!
//! What is shown comes out of the service's own history and messages. Deliberately absent: the world it plays in and the
//! clock it plays by, which are [`crate::demo`]'s.

mod grid;
mod held;
mod keepsake;
mod slack;
mod words;

use std::{collections::VecDeque, time::Duration};

use chrono::{DateTime, Utc};
use clap::{Args, Parser as _};
use serde_json::Value as Json;
use tokio::task::LocalSet;

use super::{
    Cli, CliError, EXIT_INTERRUPTED, EXIT_OK,
    output::{Output, wrap},
    signals::stop_on_signal,
    source::Source,
};
use crate::{
    clock,
    demo::{
        Round, Stage,
        story::{Happening, Site, Story, TTL_OF_2020},
    },
};
use grid::Grid;
use keepsake::Keepsake;

/// Minutes between two rounds.
const PERIOD: u32 = 5;
/// The same with `--fast`.
const FAST_PERIOD: u32 = 10;

/// How long a reader is given for a line, and for whatever is printed at once at most.
const TO_READ: Duration = Duration::from_millis(100);
const TO_READ_AT_MOST: Duration = Duration::from_secs(3);

/// The resolver whose messages are shown in full: the one that holds on for longest.
const CULPRIT: &str = "isp-a:";

#[derive(Debug, Args)]
pub(super) struct DemoArgs {
    /// No time to read, and a round every ten minutes instead of five
    #[arg(long)]
    fast: bool,
    /// The TTL that the vendor had on that day, seconds
    #[arg(long, default_value_t = TTL_OF_2020, value_name = "SECONDS",
        value_parser = clap::value_parser!(u32).range(60..=i64::from(TTL_OF_2020)))]
    ttl: u32,
    /// Write the postmortem of the day here, in the form that the name ends with: .html, .md or .json
    #[arg(long, value_name = "FILE")]
    report: Option<Keepsake>,
}

pub(super) async fn run(args: &DemoArgs, output: Output) -> Result<u8, CliError> {
    let performance = Box::pin(perform(args, output));
    LocalSet::new().run_until(performance).await
}

async fn perform(args: &DemoArgs, output: Output) -> Result<u8, CliError> {
    let stop = stop_on_signal()?;
    let story = Story { ttl: args.ttl };
    let period = if args.fast { FAST_PERIOD } else { PERIOD };
    output.text(&words::opening(story, period))?;
    output.progress("starting the service and its database…");
    let mut stage = Stage::open(story, period).await?;
    let mut show = Show {
        story,
        output,
        to_read: if args.fast { Duration::ZERO } else { TO_READ },
        happenings: story.happenings().into(),
        happened: None,
        is_first: true,
        grid: Grid::default(),
        keepsake: args.report.clone(),
    };
    let played = stop.run_until_cancelled(show.play(&mut stage)).await;
    output.progress("");
    let closed = stage.close().await;
    match played {
        Some(played) => played?,
        None => return closed.map(|()| EXIT_INTERRUPTED).map_err(CliError::from),
    }
    closed.map(|()| EXIT_OK).map_err(CliError::from)
}

/// The demonstration as it is told.
struct Show {
    story: Story,
    output: Output,
    /// For each line.
    to_read: Duration,
    /// Those still to come.
    happenings: VecDeque<(DateTime<Utc>, Happening)>,
    /// What happened with the last round.
    happened: Option<Happening>,
    /// No message was shown yet.
    is_first: bool,
    /// Who served what after the last round.
    grid: Grid,
    /// What is left of it.
    keepsake: Option<Keepsake>,
}

impl Show {
    async fn play(&mut self, stage: &mut Stage) -> Result<(), CliError> {
        while let Some(round) = stage.advance().await? {
            let states = stage.store().state_at(clock::now(), None).await?;
            let grid = Grid::of(&states, round.at);
            self.tell(&round, &grid).await?;
            self.grid = grid;
            if let Some(Happening::Calm | Happening::Lowered) = self.happened {
                self.command("names", stage).await?;
            }
        }
        self.postmortem(stage).await
    }

    /// What is new with this round: what happened, who let go of what, and what Slack was sent.
    async fn tell(&mut self, round: &Round, grid: &Grid) -> Result<(), CliError> {
        let face = words::clock_face(round.at);
        self.output.progress(&face);
        let due = |(at, _): &mut (DateTime<Utc>, Happening)| *at <= round.at;
        self.happened = self
            .happenings
            .pop_front_if(due)
            .map(|(_, happening)| happening);
        let happened = self
            .happened
            .map(|happening| words::happening(happening, self.story));
        let mut told = happened.unwrap_or_default();
        told.extend(grid.let_go(&self.grid).map(words::let_go));
        if !told.is_empty() {
            told = format!("\n{face}\n{told}\n{}\n", grid.text());
            self.say(&told).await?;
        }
        for message in &round.messages {
            let text = self.alert(message, round.at);
            self.say(&text).await?;
        }
        Ok(())
    }

    /// The first message in full, and those that tell the worst of it and its end; of the others the title.
    fn alert(&mut self, message: &Json, at: DateTime<Utc>) -> String {
        let title = slack::title(message);
        let label = title.split(']').next().unwrap_or_default();
        let turns = ["[CRITICAL", "[CRITICAL, UPDATE", "[RESOLVED"].contains(&label);
        let is_told = self.is_first || (turns && title.contains(CULPRIT));
        self.is_first = false;
        let heading = words::slack_heading(at);
        if is_told {
            format!("{}\n{}\n", heading.trim_end(), slack::message(message))
        } else {
            wrap(&title, &heading)
        }
    }

    async fn say(&self, text: &str) -> Result<(), CliError> {
        self.output.progress("");
        self.output.text(text)?;
        let lines = u32::try_from(text.lines().count()).unwrap_or(u32::MAX);
        let to_read = self.to_read.saturating_mul(lines).min(TO_READ_AT_MOST);
        tokio::time::sleep(to_read).await;
        Ok(())
    }

    /// The commands that answer afterwards, each as it is typed, on the history that was just made.
    async fn postmortem(&self, stage: &Stage) -> Result<(), CliError> {
        let since = self.story.moved_back();
        let network = Site::B.network();
        let spans = stage.store().who_served(network, Some(since), None).await?;
        self.say(&format!(
            "\n{}\n{}",
            words::AFTERWARDS,
            held::table(&spans, since)
        ))
        .await?;
        for command in words::commands(self.story) {
            self.command(&command, stage).await?;
        }
        if let Some(keepsake) = &self.keepsake {
            keepsake.write(self.story, stage).await?;
        }
        self.say(&words::ending(self.story)).await
    }

    /// A command as it is typed, and what it prints of the service's history.
    async fn command(&self, command: &str, stage: &Stage) -> Result<(), CliError> {
        self.say(&format!("\n$ dns-auditor {command}\n")).await?;
        let typed = ["dns-auditor"]
            .into_iter()
            .chain(command.split_whitespace());
        let cli = Cli::try_parse_from(typed).map_err(|error| CliError::Usage(error.to_string()))?;
        let source = Source::alone(stage.config_file());
        Box::pin(super::obey(cli, &source, self.output)).await?;
        Ok(())
    }
}
