//! `explain`: why each resolver's verdict was what it was at an instant.
//!
//! Deliberately absent: the explanation, which the API reads, too.

mod report;

use chrono::{DateTime, Utc};
use clap::Args;

use super::{
    CliError, EXIT_OK, EXIT_UNKNOWN, history, incidents, output::Output, pattern::Pattern,
};
use crate::{
    clock,
    config::Config,
    replay::explain::{ExplainQuery, Explained, explain},
    types::RecordType,
};

pub(crate) use report::{page, sentences};

#[derive(Debug, Args)]
pub(super) struct ExplainArgs {
    /// The name; `dialer{1..40}.example.com` stands for forty
    #[arg(required_unless_present = "incident")]
    name: Option<Pattern>,
    /// Of an incident's names, when it was believed: its id, or the beginning of it
    #[arg(long, value_name = "ID", conflicts_with = "name", value_parser = incidents::beginning)]
    incident: Option<String>,
    /// Only this type
    #[arg(long = "type", value_name = "TYPE")]
    rtype: Option<RecordType>,
    /// Only this resolver
    #[arg(long, value_name = "ID")]
    resolver: Option<String>,
    /// As of this instant: RFC 3339, or relative such as -2h [default: now]
    #[arg(long, value_name = "INSTANT", allow_hyphen_values = true, value_parser = history::instant)]
    at: Option<DateTime<Utc>>,
}

pub(super) async fn run(
    args: &ExplainArgs,
    config: &Config,
    output: Output,
) -> Result<u8, CliError> {
    let explained = history::with(config, output, async |store| {
        let query = match &args.incident {
            Some(id) => {
                let (incident, _) = incidents::read(store, id).await?;
                of_incident(&config.vantage, &incident)
            }
            None => ExplainQuery {
                vantage: config.vantage.clone(),
                names: args
                    .name
                    .iter()
                    .flat_map(|name| name.names.clone())
                    .collect(),
                types: Vec::new(),
                resolvers: Vec::new(),
                at: clock::now(),
            },
        };
        Ok::<_, CliError>(explain(store, &narrowed(query, args)).await?)
    });
    let explained: Explained = explained.await??;
    output.whole(&explained, page)?;
    let is_told = explained
        .rounds
        .iter()
        .any(|round| !round.verdicts.is_empty());
    Ok(if is_told { EXIT_OK } else { EXIT_UNKNOWN })
}

/// Of what an incident concerns, as of the round that confirmed it.
pub(super) fn of_incident(
    vantage: &str,
    incident: &crate::audit::incident::Incident,
) -> ExplainQuery {
    ExplainQuery {
        vantage: incident
            .vantages
            .first()
            .map_or(vantage, String::as_str)
            .to_owned(),
        names: incident.names.iter().cloned().collect(),
        types: incident.types.iter().copied().collect(),
        resolvers: incident.resolvers.iter().cloned().collect(),
        at: incident.confirmed_at,
    }
}

fn narrowed(mut query: ExplainQuery, args: &ExplainArgs) -> ExplainQuery {
    if let Some(rtype) = args.rtype {
        query.types = vec![rtype];
    }
    if let Some(resolver) = &args.resolver {
        query.resolvers = vec![resolver.clone()];
    }
    query.at = args.at.unwrap_or(query.at);
    query
}
