//! `resolvers calibrate`: measures resolvers with names of a canary zone, and keeps what came out.
//!
//! Deliberately absent: what the replies mean, which is [`crate::audit::calibration`]'s.

use std::{collections::BTreeSet, sync::Arc};

use clap::Args;
use futures::future::{join_all, try_join_all};

use super::{
    super::{
        CliError, EXIT_OK, EXIT_UNKNOWN,
        check::resolvers::Whom,
        history,
        instants::instant,
        listing::{Listing, exact, exact_or_empty, or_empty},
        output::{Output, count, wrap},
        table,
    },
    words,
};
use crate::{
    audit::calibration::{Calibration, Dated, canary::Canary},
    clock,
    config::Config,
    daemon,
    evaluator::asking::Asker,
    names::DnsName,
    store::Store,
    types::Resolver,
};

#[derive(Debug, Args)]
pub(in crate::cli) struct CalibrateArgs {
    /// Resolver ids and addresses, as `check --resolver` takes them [default: every resolver that a group asks]
    #[arg(value_name = "RESOLVER")]
    resolvers: Vec<String>,
    /// The canary zone, which holds what `resolvers canary-zone` prints
    #[arg(long, value_name = "NAME")]
    zone: DnsName,
    /// The zone's servers are stopped now: find out who gives answers beyond their TTL. After a run without this
    #[arg(long)]
    authority_stopped: bool,
}

pub(in crate::cli) async fn run(
    args: &CalibrateArgs,
    config: &Config,
    output: Output,
) -> Result<u8, CliError> {
    let resolvers = resolvers(args, config)?;
    daemon::check_endpoints(&resolvers)?;
    let canary = Canary::new(args.zone.clone());
    let canary = canary.map_err(|error| CliError::Usage(format!("--zone: {error}")))?;
    let asker = daemon::asker(config)?;
    let measuring = async |store: &Store| {
        let addresses = resolvers.iter().map(|resolver| resolver.addresses.len());
        let addresses = count(addresses.sum(), "address");
        output.progress(&format!("measuring {addresses} with {}…", args.zone));
        let run = Run {
            config,
            asker: &asker,
            canary: &canary,
            store,
        };
        if args.authority_stopped {
            run.again(&resolvers).await
        } else {
            run.measure(&resolvers).await
        }
    };
    let measured = history::with(config, output, measuring).await??;
    let now = clock::now();
    let answered = measured.iter().any(|calibration| calibration.replies > 0);
    let dated: Vec<Dated> = measured.into_iter().map(|one| one.dated(now)).collect();
    output.list(&dated, |dated| render(dated), |dated| listing(dated))?;
    Ok(if answered { EXIT_OK } else { EXIT_UNKNOWN })
}

/// Those named, or those that groups ask.
fn resolvers(args: &CalibrateArgs, config: &Config) -> Result<Vec<Arc<Resolver>>, CliError> {
    if !args.resolvers.is_empty() {
        return Whom::named_only(args.resolvers.clone()).resolvers(config);
    }
    let mut seen = BTreeSet::new();
    let asked = config.groups.iter().flat_map(|group| &group.resolvers);
    let asked: Vec<_> = asked
        .filter(|resolver| seen.insert(&resolver.id))
        .cloned()
        .collect();
    if asked.is_empty() {
        let message = "no group asks any resolver: name those to calibrate";
        return Err(CliError::Usage(message.to_owned()));
    }
    Ok(asked)
}

/// What a run works with.
struct Run<'a> {
    config: &'a Config,
    asker: &'a Asker,
    canary: &'a Canary,
    store: &'a Store,
}

impl Run<'_> {
    /// All at once: each address has a budget of its own.
    async fn measure(&self, resolvers: &[Arc<Resolver>]) -> Result<Vec<Calibration>, CliError> {
        let vantage = &self.config.vantage;
        let earlier = self.store.calibrations(vantage, clock::now()).await?;
        let served = self.asker.served(self.canary).await?;
        let measuring = resolvers
            .iter()
            .map(|resolver| self.asker.calibrate(self.canary, &served, resolver));
        let measured = try_join_all(measuring).await?.into_iter().flatten();
        let mut calibrations = Vec::new();
        for calibration in measured {
            let before = earlier.iter().find(|one| one.source == calibration.source);
            let calibration = calibration.after(before);
            self.store.add_calibration(vantage, &calibration).await?;
            calibrations.push(calibration);
        }
        Ok(calibrations)
    }

    /// The addresses that were measured with this zone before, asked again while its servers are stopped.
    async fn again(&self, resolvers: &[Arc<Resolver>]) -> Result<Vec<Calibration>, CliError> {
        let vantage = &self.config.vantage;
        let earlier = self.store.calibrations(vantage, clock::now()).await?;
        let mut known = Vec::new();
        for resolver in resolvers {
            for source in resolver.sources() {
                let of_it =
                    |one: &&Calibration| one.source == source && one.zone == *self.canary.origin();
                let earlier = earlier.iter().find(of_it).cloned();
                let message = || {
                    format!(
                        "{source} was never calibrated with this zone: do so before its servers are stopped"
                    )
                };
                known.push((resolver, earlier.ok_or_else(|| CliError::Usage(message()))?));
            }
        }
        let asking = known
            .iter()
            .map(async |(resolver, earlier)| self.asker.calibrate_stale(resolver, earlier).await);
        let heard = join_all(asking).await;
        let mut calibrations = Vec::new();
        for ((_, mut calibration), heard) in known.into_iter().zip(heard) {
            let (serve_stale, at) = heard?;
            // What is known stays known where nothing new was found out.
            if serve_stale.value.is_some() {
                let token = &calibration.token;
                self.store.set_serve_stale(token, &serve_stale, at).await?;
                calibration.serve_stale_at = Some(at);
            }
            calibration.serve_stale = serve_stale;
            calibrations.push(calibration);
        }
        Ok(calibrations)
    }
}

fn render(calibrations: &[Dated]) -> String {
    let texts = calibrations.iter().map(|dated| {
        let calibration = &dated.calibration;
        let rows = words::rows(calibration).map(|[what, said, how]| ([what, said], [how]));
        let table = table::render(["WHAT", "MEASURED"], ["HOW"], rows);
        format!("{}{table}", wrap(&headline(dated), ""))
    });
    texts.collect::<Vec<_>>().join("\n")
}

fn headline(dated: &Dated) -> String {
    let Dated { calibration, old } = dated;
    let Calibration {
        source,
        zone,
        at,
        questions,
        replies,
        ..
    } = calibration;
    let age = if *old { ", old" } else { "" };
    format!(
        "{source} over {}, {}{age}: {replies} of {questions} questions below {zone} answered",
        source.transport,
        instant(*at)
    )
}

fn listing(calibrations: &[Dated]) -> Listing {
    let headings = [
        "resolver",
        "address",
        "transport",
        "zone",
        "at",
        "old",
        "questions",
        "replies",
        "ttl_cap",
        "ttl_floor",
        "negative_ttl_cap",
        "decrement",
        "serve_stale",
        "serve_stale_at",
        "ede",
        "backends",
        "sites",
    ];
    let row = |dated: &Dated| {
        let calibration = &dated.calibration;
        let [cap, floor, negative, decrement, stale, ede, backends] =
            words::rows(calibration).map(|[_, said, _]| said);
        let sites = calibration.measures.backends.value.as_ref();
        [
            calibration.source.id.clone(),
            calibration.source.address.to_string(),
            calibration.source.transport.to_string(),
            calibration.zone.to_string(),
            exact(calibration.at),
            dated.old.to_string(),
            calibration.questions.to_string(),
            calibration.replies.to_string(),
            cap,
            floor,
            negative,
            decrement,
            stale,
            exact_or_empty(calibration.serve_stale_at),
            ede,
            backends,
            or_empty(sites.map(|backends| backends.sites.join(" "))),
        ]
    };
    Listing::new(headings, calibrations.iter().map(row))
}
