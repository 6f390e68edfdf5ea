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
    pub(super) from: Option<DateTime<Utc>>,
    /// Up to this instant [default: now]
    #[arg(long, value_name = "INSTANT", allow_hyphen_values = true, value_parser = history::instant)]
    pub(super) to: Option<DateTime<Utc>>,
}

impl WindowArgs {
    /// Both ends.
    pub(super) fn ends(&self) -> Result<(DateTime<Utc>, DateTime<Utc>), CliError> {
        history::in_order(self.from, self.to)?;
        let to = self.to.unwrap_or_else(clock::now);
        Ok((self.from.unwrap_or(DateTime::UNIX_EPOCH), to))
    }
}

/// The names of an optional pattern; none stands for all.
pub(super) fn names(pattern: Option<&Pattern>) -> Vec<DnsName> {
    pattern.map_or_else(Vec::new, |pattern| pattern.names.clone())
}
