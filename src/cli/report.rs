//! `report`: the postmortem of an incident or of a window, as a document to be handed on.
//!
//! It is made of recorded data alone, so that two runs over the same data are the same octet by octet: when it was printed
//! stands nowhere in it. Deliberately absent: queries and judgement, which are [`crate::replay::postmortem`]'s.

mod document;
mod html;
mod lanes;
mod markdown;
mod sections;

pub(crate) use html::escape;

use chrono::{DateTime, Utc};
use clap::Args;

use super::{
    CliError, EXIT_OK, Format, history, incidents, output::Output, pattern::Pattern, window,
};
use crate::{
    clock,
    config::Config,
    replay::postmortem::{Postmortem, PostmortemQuery, Subject, postmortem},
};

#[derive(Debug, Args)]
pub(super) struct ReportArgs {
    /// Of an incident: its id, or the beginning of it
    #[arg(long, value_name = "ID", conflicts_with_all = ["from", "to", "name"],
        required_unless_present = "from", value_parser = incidents::beginning)]
    incident: Option<String>,
    /// Of a window, from this instant: RFC 3339, or relative such as -2h
    #[arg(long, value_name = "INSTANT", allow_hyphen_values = true, value_parser = history::instant)]
    from: Option<DateTime<Utc>>,
    /// Up to this instant [default: now]
    #[arg(long, value_name = "INSTANT", allow_hyphen_values = true, value_parser = history::instant,
        requires = "from")]
    to: Option<DateTime<Utc>>,
    /// Of a window: only this name; `dialer{1..40}.example.com` stands for forty
    #[arg(long, value_name = "NAME")]
    name: Option<Pattern>,
    /// The TTL that the authority is assumed to have had in the what-if, seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 300)]
    ttl: u32,
}

pub(super) async fn run(
    args: &ReportArgs,
    config: &Config,
    output: Output,
) -> Result<u8, CliError> {
    history::in_order(args.from, args.to)?;
    let made = history::with(config, output, async |store| {
        let subject = match &args.incident {
            Some(id) => Subject::Incident(incidents::read(store, id).await?.0.id),
            None => Subject::Window {
                from: args.from.unwrap_or(DateTime::UNIX_EPOCH),
                to: args.to.unwrap_or_else(clock::now),
                names: window::names(args.name.as_ref()),
            },
        };
        let query = PostmortemQuery {
            subject,
            ttl: args.ttl,
        };
        Ok::<_, CliError>(Box::pin(postmortem(store, &query, &config.resolvers)).await?)
    });
    let gone = || CliError::Usage("the incident is gone meanwhile".to_owned());
    print(&made.await??.ok_or_else(gone)?, output)?;
    Ok(EXIT_OK)
}

fn print(postmortem: &Postmortem, output: Output) -> std::io::Result<()> {
    match output.format {
        Format::Html => output.text(&Form::Html.page(postmortem)),
        _ => output.whole(postmortem, |postmortem| Form::Markdown.page(postmortem)),
    }
}

/// The forms of the document. As JSON a postmortem is what it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    Markdown,
    Html,
}

impl Form {
    /// The whole document.
    pub(crate) fn page(self, postmortem: &Postmortem) -> String {
        let document = sections::document(postmortem);
        match self {
            Self::Markdown => markdown::page(&document),
            Self::Html => html::page(&document),
        }
    }
}
