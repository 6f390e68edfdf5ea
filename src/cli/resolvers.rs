//! `resolvers`: every resolver that can be named, and what is known of it; measuring them.
//!
//! Deliberately absent: verdicts.

mod calibrate;
mod canary_zone;
mod report;
mod words;

use std::net::SocketAddr;

use chrono::{DateTime, Utc};
use clap::{Args, Subcommand};
use serde::Serialize;

use super::{CliError, EXIT_OK, Printed, history, output::Output, source};
use crate::{
    audit::{
        calibration::{Calibration, Dated},
        history::Cap,
    },
    clock,
    config::{Config, presets, show_client_subnet},
    types::{QueryOptions, Resolver, Source},
};

#[derive(Debug, Args)]
pub(super) struct ResolversArgs {
    #[command(subcommand)]
    command: Option<ResolversCommand>,
}

#[derive(Debug, Subcommand)]
enum ResolversCommand {
    /// Each with what is known of it; also without any of these words
    List,
    /// Measure caps, floors, countdowns, stale answers, extended errors and backends
    Calibrate(calibrate::CalibrateArgs),
    /// The zone to measure with, as a master file
    CanaryZone(canary_zone::CanaryZoneArgs),
}

impl ResolversArgs {
    /// What the command has to print.
    pub(super) fn printed(&self) -> Printed {
        match self.command {
            None | Some(ResolversCommand::List | ResolversCommand::Calibrate(_)) => Printed::Rows,
            Some(ResolversCommand::CanaryZone(_)) => Printed::Words,
        }
    }
}

pub(super) async fn run(
    args: ResolversArgs,
    source: &source::Source,
    output: Output,
) -> Result<u8, CliError> {
    match args.command.unwrap_or(ResolversCommand::List) {
        ResolversCommand::List => list(&source.load()?, output).await,
        ResolversCommand::Calibrate(args) => calibrate::run(&args, &source.load()?, output).await,
        ResolversCommand::CanaryZone(args) => canary_zone::run(args, output),
    }
}

async fn list(config: &Config, output: Output) -> Result<u8, CliError> {
    let now = clock::now();
    let without = "nothing that was measured is shown";
    let known = history::read_if_any(config, output, without, async |store| {
        Ok(Known {
            calibrations: store.calibrations(&config.vantage, now).await?,
            learned: store.learned_caps(&config.vantage).await?,
        })
    });
    let known = known.await?;
    let config = config.calibrated(&known.calibrations, now);
    output.list(
        &entries(&config, &known),
        |entries| report::table(&config, entries),
        |entries| report::listing(entries),
    )?;
    Ok(EXIT_OK)
}

/// What the history knows of resolvers.
#[derive(Debug, Default)]
pub(crate) struct Known {
    /// What a person measured, the latest of each address.
    calibrations: Vec<Calibration>,
    /// What the service learned of caps.
    learned: Vec<(Source, Cap)>,
}

/// One resolver as `resolvers --format json` shows it. Stable.
#[expect(clippy::struct_excessive_bools, reason = "each is a trait of its own")]
#[derive(Debug, Serialize)]
pub(crate) struct Entry {
    /// What groups and `--resolver` call it.
    pub(crate) id: String,
    /// Who runs it: one voice in a quorum.
    pub(crate) operator: String,
    /// Whether it is built in.
    pub(crate) preset: bool,
    /// Where it is asked, each with its port.
    pub(crate) addresses: Vec<String>,
    /// How it is asked: `udp`, `tcp`, `tls`, `https`, `quic` or `h3`.
    pub(crate) transport: String,
    /// Every transport that it can be asked over by name, as in `quad9+tls`; its own alone where it is no preset.
    pub(crate) offers: Vec<String>,
    /// The name that its certificate must be for; null where it shows none.
    pub(crate) server_name: Option<String>,
    /// Where questions go over HTTP; null over other transports.
    pub(crate) path: Option<String>,
    /// The certificate authorities that are trusted beside the system's.
    pub(crate) ca_file: Option<String>,
    /// What it says itself beside a question; the group says the rest.
    pub(crate) options: Options,
    /// Most questions a second to one address.
    pub(crate) max_qps: u32,
    /// Whether it blocks names on purpose.
    pub(crate) filters: bool,
    /// Whether it passes client subnets on (RFC 7871).
    pub(crate) ecs: bool,
    /// The highest TTL it keeps, seconds; null where that is not known.
    pub(crate) ttl_cap: Option<u32>,
    /// When and by whom the cap was measured.
    pub(crate) ttl_cap_source: Option<String>,
    /// The lowest TTL it keeps, seconds; 0 where nothing is lifted, or nobody has measured.
    pub(crate) ttl_floor: u32,
    /// How long it keeps a denial at most, seconds; null where that is not known.
    pub(crate) negative_ttl_cap: Option<u32>,
    /// Whether it was measured to repeat TTLs instead of counting them down.
    pub(crate) constant_ttl: bool,
    /// Where a person can flush its cache.
    pub(crate) flush_page: Option<String>,
    /// The groups that ask it.
    pub(crate) groups: Vec<String>,
    /// The latest calibration of each of its addresses.
    pub(crate) calibrations: Vec<Dated>,
    /// The longest TTL that the service has seen each of its addresses keep, where fetch after fetch agreed on one.
    pub(crate) learned_caps: Vec<LearnedCap>,
}

/// A cap that was learned from what an address answered.
#[derive(Debug, Serialize)]
pub(crate) struct LearnedCap {
    /// With its port.
    address: SocketAddr,
    /// Seconds.
    ttl_cap: u32,
    /// The last fetch that it stands on.
    at: Option<DateTime<Utc>>,
}

/// What is said beside a question; null: whatever the group says, or the usual.
#[derive(Debug, Serialize)]
pub(crate) struct Options {
    dnssec: Option<bool>,
    checking_disabled: Option<bool>,
    recursion_desired: Option<bool>,
    /// `unsaid`, `hidden` or a network.
    ecs: Option<String>,
    cookies: Option<bool>,
    case_randomization: Option<bool>,
}

impl From<QueryOptions> for Options {
    fn from(options: QueryOptions) -> Self {
        Self {
            dnssec: options.dnssec,
            checking_disabled: options.checking_disabled,
            recursion_desired: options.recursion_desired,
            ecs: options.ecs.map(show_client_subnet),
            cookies: options.cookies,
            case_randomization: options.case_randomization,
        }
    }
}

impl Options {
    /// Those that are said, as the configuration has them.
    fn said(&self) -> Vec<String> {
        let flags = [
            ("dnssec", self.dnssec),
            ("checking_disabled", self.checking_disabled),
            ("recursion_desired", self.recursion_desired),
            ("cookies", self.cookies),
            ("case_randomization", self.case_randomization),
        ];
        let flags = flags
            .into_iter()
            .filter_map(|(key, flag)| Some(format!("{key}={}", flag?)));
        flags
            .chain(self.ecs.iter().map(|ecs| format!("ecs={ecs}")))
            .collect()
    }
}

/// Every resolver: presets first, then those of the file.
pub(crate) fn entries(config: &Config, known: &Known) -> Vec<Entry> {
    let resolvers = config.resolvers.iter();
    resolvers
        .map(|resolver| entry(resolver, config, known))
        .collect()
}

fn entry(resolver: &Resolver, config: &Config, known: &Known) -> Entry {
    let asks = |group: &&std::sync::Arc<crate::config::Group>| {
        group.resolvers.iter().any(|asked| asked.id == resolver.id)
    };
    let traits = resolver.traits.clone();
    let endpoint = resolver.endpoint.as_deref();
    let file = endpoint.and_then(|endpoint| endpoint.ca_file.as_ref());
    Entry {
        id: resolver.id.clone(),
        operator: resolver.operator.clone(),
        preset: presets::is_preset(&resolver.id),
        addresses: resolver.addresses.iter().map(ToString::to_string).collect(),
        transport: resolver.transport.to_string(),
        offers: offers(resolver),
        server_name: endpoint.map(|endpoint| endpoint.server_name.clone()),
        path: endpoint
            .filter(|_| resolver.transport.is_http())
            .map(|endpoint| endpoint.path.clone()),
        ca_file: file.map(|file| file.display().to_string()),
        options: resolver.options.into(),
        max_qps: resolver.max_qps,
        filters: traits.filters,
        ecs: traits.ecs,
        ttl_cap: traits.ttl_cap,
        ttl_cap_source: traits.ttl_cap_source,
        ttl_floor: traits.ttl_floor,
        negative_ttl_cap: traits.negative_ttl_cap,
        constant_ttl: traits.constant_ttl,
        flush_page: traits.flush_page,
        calibrations: calibrations_of(resolver, &known.calibrations),
        learned_caps: learned_of(resolver, &known.learned),
        groups: config
            .groups
            .iter()
            .filter(asks)
            .map(|group| group.name.clone())
            .collect(),
    }
}

fn calibrations_of(resolver: &Resolver, calibrations: &[Calibration]) -> Vec<Dated> {
    let now = clock::now();
    let of_it = resolver.sources().filter_map(|source| {
        let mut all = calibrations.iter();
        all.find(|one| one.source == source).cloned()
    });
    of_it.map(|one| one.dated(now)).collect()
}

fn learned_of(resolver: &Resolver, learned: &[(Source, Cap)]) -> Vec<LearnedCap> {
    let of_it = resolver.sources().filter_map(|source| {
        let (_, cap) = learned.iter().find(|(of, _)| *of == source)?;
        Some(LearnedCap {
            address: source.address,
            ttl_cap: cap.learned()?,
            at: cap.at(),
        })
    });
    of_it.collect()
}

/// A preset over another transport has been named already, and offers no more.
fn offers(resolver: &Resolver) -> Vec<String> {
    let offered = match presets::transports(&resolver.id) {
        none if none.is_empty() => vec![resolver.transport],
        offered => offered,
    };
    offered.iter().map(ToString::to_string).collect()
}

#[cfg(test)]
mod tests {
    use super::Known;
    use crate::cli::samples::config;

    #[test]
    fn every_resolver_is_listed_with_what_is_known_of_it() {
        let text = super::report::table(&config(), &super::entries(&config(), &Known::default()));
        assert!(text.lines().all(|line| line.chars().count() <= 100));
        insta::assert_snapshot!(text);
    }

    #[test]
    fn the_json_has_every_field() {
        let entries = super::entries(&config(), &Known::default());
        let (first, last) = (entries.first(), entries.last());
        insta::assert_json_snapshot!([first, last]);
    }
}
