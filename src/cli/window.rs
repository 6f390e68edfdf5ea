//! `--from` and `--to`, and names, as the commands about the past take them.
//!
//! Deliberately absent: what is looked for within them.

use chrono::{DateTime, Utc};
use clap::Args;

use super::{CliError, history, pattern::Pattern};
use crate::{clock, names::DnsName};

/// A window of time; without bounds it is everything until now.
#[derive(Debug, Args)]
pub(super) struct WindowArgs {
    /// From this instant: RFC 3339, or relative such as -2h
    #[arg(long, value_name = "INSTANT", allow_hyphen_values = true, value_parser = history::instant)]
    from: Option<DateTime<Utc>>,
    /// Up to this instant [default: now]
    #[arg(long, value_name = "INSTANT", allow_hyphen_values = true, value_parser = history::instant)]
    to: Option<DateTime<Utc>>,
}

impl WindowArgs {
    /// Both ends.
    pub(super) fn ends(&self) -> Result<(DateTime<Utc>, DateTime<Utc>), CliError> {
        ends(self.from, self.to)
    }
}

/// Which recorded rounds.
#[derive(Debug, Args)]
pub(super) struct RoundsArgs {
    /// Rounds from this instant on: RFC 3339, or relative such as -2d [default: all that can be judged again]
    #[arg(long, value_name = "INSTANT", allow_hyphen_values = true, value_parser = history::instant)]
    from: Option<DateTime<Utc>>,
    /// Up to this instant
    #[arg(long, value_name = "INSTANT", allow_hyphen_values = true, value_parser = history::instant)]
    to: Option<DateTime<Utc>>,
}

impl RoundsArgs {
    /// Both ends.
    pub(super) fn ends(&self) -> Result<(DateTime<Utc>, DateTime<Utc>), CliError> {
        ends(self.from, self.to)
    }
}

fn ends(
    from: Option<DateTime<Utc>>,
    to: Option<DateTime<Utc>>,
) -> Result<(DateTime<Utc>, DateTime<Utc>), CliError> {
    history::in_order(from, to)?;
    let to = to.unwrap_or_else(clock::now);
    Ok((from.unwrap_or(DateTime::UNIX_EPOCH), to))
}

/// The names of an optional pattern; none stands for all.
pub(super) fn names(pattern: Option<&Pattern>) -> Vec<DnsName> {
    pattern.map_or_else(Vec::new, |pattern| pattern.names.clone())
}
