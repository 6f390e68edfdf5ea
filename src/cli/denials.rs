//! `denials`: who said NXDOMAIN or NODATA of which names, when, and until when that could be cached.
//!
//! Deliberately absent: whether a denial was right.

use clap::Args;

use super::{
    CliError, EXIT_OK, history,
    instants::instant,
    output::Output,
    pattern::Pattern,
    spans,
    window::{self, WindowArgs},
};
use crate::{
    config::Config,
    store::{RecordedSpan, Within},
};

#[derive(Debug, Args)]
pub(super) struct DenialsArgs {
    /// Only this name; `dialer{1..40}.example.com` stands for forty [default: every name]
    name: Option<Pattern>,
    #[command(flatten)]
    window: WindowArgs,
}

pub(super) async fn run(
    args: &DenialsArgs,
    config: &Config,
    output: Output,
) -> Result<u8, CliError> {
    let (from, to) = args.window.ends()?;
    let names = window::names(args.name.as_ref());
    let items = history::read(config, output, async |store| {
        store.denials(&names, from, to).await
    });
    let items = items.await?;
    output.list(&Within { from, to, items }, table, |found| {
        spans::listing(&found.items)
    })?;
    Ok(EXIT_OK)
}

fn table(found: &Within<RecordedSpan>) -> String {
    if found.items.is_empty() {
        let to = instant(found.to);
        return format!(
            "no denial was recorded by {to}; `coverage` says when anything was watched\n"
        );
    }
    spans::table(found)
}
