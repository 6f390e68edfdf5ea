//! How long past answers would have lasted under another TTL: the spans that it takes, and who keeps what how long.
//!
//! Deliberately absent: the model, which is [`crate::audit::what_if`]'s.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use crate::{
    audit::what_if::{Assumed, WhatIf, what_if as work_out},
    config::calibrated,
    names::DnsName,
    store::{Store, StoreError, replay::HeldQuery},
    types::{Resolver, Span},
};

/// What is asked.
#[derive(Debug, Clone)]
pub struct WhatIfQuery {
    /// Of which answers.
    pub of: HeldQuery,
    /// The TTL that the authority would have served, seconds.
    pub ttl: u32,
}

/// Works it out. `resolvers`: those that are known, for the longest that each keeps anything, as far as that was not measured.
pub async fn what_if(
    store: &Store,
    query: &WhatIfQuery,
    resolvers: &[Arc<Resolver>],
) -> Result<WhatIf, StoreError> {
    let WhatIfQuery { of, ttl } = query;
    let calibrations = store.calibrations(&of.vantage, of.to).await?;
    let known = calibrated(resolvers, &calibrations, of.to);
    let caps: BTreeMap<String, u32> = known
        .iter()
        .filter_map(|one| Some((one.id.clone(), one.traits.ttl_cap?)))
        .collect();
    let held = store.held_spans(of).await?;
    let owners = owners(&held);
    let served = store.served_spans(&of.vantage, &owners, of.to).await?;
    let spans = [held, served].concat();
    let assumed = Assumed {
        ttl: *ttl,
        caps: &caps,
        from: of.from,
        to: of.to,
    };
    Ok(work_out(&spans, &assumed))
}

/// Every name that the answers speak of.
fn owners(spans: &[Span]) -> Vec<DnsName> {
    let asked = spans.iter().map(|span| &span.series.question.name);
    let links = spans.iter().flat_map(|span| &span.answer.links);
    let all = asked.chain(links.map(|link| &link.owner));
    let owners: BTreeSet<&DnsName> = all.collect();
    owners.into_iter().cloned().collect()
}
