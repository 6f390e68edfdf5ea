//! `check --watch`: round after round until somebody ends it.
//!
//! On a terminal each round takes the place of the one before; elsewhere the first is shown whole, and of the others what
//! changed. Deliberately absent: catching up. A round that takes longer than the interval delays the next.

use std::{
    io::{self, IsTerminal},
    time::Duration,
};

use tokio::time::MissedTickBehavior;

use super::{Debug, changes, messages, report, report::Report};
use crate::{
    cli::{
        CliError, EXIT_INTERRUPTED, Format, instants::instant, output::Output,
        signals::stop_on_signal,
    },
    config::Group,
    evaluator::{Watch, asking::Asker},
};

/// Changes that stay on the screen.
const KEPT: usize = 10;

/// Home, and everything below it cleared.
const CLEAR: &str = "\x1b[H\x1b[2J";

/// Rounds until a signal; the exit code of the last whole one.
pub(super) async fn run(
    asker: &Asker,
    group: &Group,
    interval: Duration,
    debug: Option<Debug>,
    output: Output,
) -> Result<u8, CliError> {
    let stop = stop_on_signal()?;
    let mut ticks = tokio::time::interval(interval);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut screen = Screen {
        is_terminal: io::stdout().is_terminal(),
        interval,
        debug,
        changes: Vec::new(),
    };
    let mut watch = Watch::default();
    let mut before: Option<Report> = None;
    loop {
        let round = async {
            ticks.tick().await;
            watch.audit(asker, group).await
        };
        let Some(audit) = stop.run_until_cancelled(round).await else {
            return Ok(before.map_or(EXIT_INTERRUPTED, |report| report.exit_code()));
        };
        let report = Report::of(audit, group, debug);
        match output.format {
            Format::Json => output.json_line(&report)?,
            _ => output.text(&screen.draw(before.as_ref(), &report))?,
        }
        before = Some(report);
    }
}

/// What is shown of each round.
struct Screen {
    is_terminal: bool,
    interval: Duration,
    debug: Option<Debug>,
    /// The latest changes, each with its instant.
    changes: Vec<String>,
}

impl Screen {
    fn draw(&mut self, before: Option<&Report>, report: &Report) -> String {
        let whole = || report::table(report, self.debug);
        let at = instant(report.checked_at);
        let changed = before.map(|before| changes::lines(before, report));
        match changed {
            Some(changed) if !self.is_terminal => {
                let mut text = format!("{at}  {}{}", report::summary(report), changed.concat());
                let exchanges = report.messages.iter().zip(self.debug);
                text.extend(exchanges.map(|(exchanges, how)| messages::text(exchanges, how)));
                text
            }
            None if !self.is_terminal => whole(),
            changed => {
                let every = humantime::format_duration(self.interval);
                let mut text = format!("{CLEAR}every {every}, until Ctrl-C\n{}", whole());
                let changed = changed.into_iter().flatten();
                self.changes
                    .extend(changed.map(|line| format!("{at}\n{line}")));
                let old = self.changes.len().saturating_sub(KEPT);
                self.changes.drain(..old);
                if !self.changes.is_empty() {
                    text += &format!("\nlast changes\n{}", self.changes.concat());
                }
                text
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{audit::verdict::State, cli::samples::history};

    /// A report in which `quad9` says this.
    fn report(at: &str, state: State, answer: &str) -> Report {
        let mut verdict = history::verdicts().remove(0);
        verdict.state = state;
        verdict.observed.records = vec![answer.to_owned()];
        Report {
            checked_at: history::at(at),
            questions: vec![history::question()],
            verdicts: vec![verdict],
            findings: Vec::new(),
            exposures: Vec::new(),
            messages: None,
        }
    }

    fn screen(is_terminal: bool) -> Screen {
        Screen {
            is_terminal,
            interval: Duration::from_secs(5),
            debug: None,
            changes: Vec::new(),
        }
    }

    fn rounds(is_terminal: bool) -> String {
        let mut screen = screen(is_terminal);
        let first = report("2026-11-22T19:05:00Z", State::Consistent, "2001:db8::1");
        let second = report("2026-11-22T19:05:05Z", State::Propagating, "2001:db8::1");
        let third = report("2026-11-22T19:05:10Z", State::Propagating, "2001:db8::1");
        [
            screen.draw(None, &first),
            screen.draw(Some(&first), &second),
            screen.draw(Some(&second), &third),
        ]
        .concat()
    }

    #[test]
    fn off_a_terminal_the_first_round_is_whole_and_the_others_are_what_changed() {
        insta::assert_snapshot!(rounds(false));
    }

    #[test]
    fn on_a_terminal_each_round_takes_the_place_of_the_last_and_the_changes_stay() {
        let shown = rounds(true);
        assert_eq!(shown.matches(CLEAR).count(), 3);
        insta::assert_snapshot!(shown.split(CLEAR).last().unwrap());
    }
}
