//! Zones whose servers are configured: nothing is walked, only the apex is asked for.
//!
//! Deliberately absent: parents. What is configured is taken as the whole authority set.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
};

use chrono::{DateTime, Utc};
use futures::future::join_all;

use super::{Delegations, INSIDE, said::apex_named};
use crate::{
    names::DnsName,
    probe::message::Sections,
    types::{Question, RecordType, Zone},
};

/// The zones found so far, by name and servers.
#[derive(Default)]
pub(super) struct Configured(Mutex<HashMap<Key, Arc<Zone>>>);

type Key = (DnsName, Vec<SocketAddr>);

impl Delegations {
    /// The zone that holds `name` at configured servers, as their SOA records tell; remembered for an hour.
    ///
    /// Where none of them tells, the zone is taken to begin one label above the name, and the next call asks again.
    pub async fn configured_for(
        &self,
        name: &DnsName,
        addresses: &[SocketAddr],
        now: DateTime<Utc>,
    ) -> Arc<Zone> {
        let key = (name.clone(), addresses.to_vec());
        let known = &self.inner.configured.0;
        if let Some(zone) = known
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&key)
            && zone.found_at + INSIDE > now
        {
            return Arc::clone(zone);
        }
        let apex = self.apex_at(name, addresses, now).await;
        let guess = || {
            name.parent()
                .filter(|parent| !parent.is_root())
                .unwrap_or_else(|| name.clone())
        };
        let zone = Arc::new(Self::configured(
            apex.clone().unwrap_or_else(guess),
            addresses,
            now,
        ));
        if apex.is_some() {
            known
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .insert(key, Arc::clone(&zone));
        }
        zone
    }

    /// The deepest apex that any of the servers names.
    async fn apex_at(
        &self,
        name: &DnsName,
        addresses: &[SocketAddr],
        now: DateTime<Utc>,
    ) -> Option<DnsName> {
        let settings = &self.inner.settings;
        let question = Question {
            name: name.clone(),
            rtype: RecordType::SOA,
        };
        let zone = Self::configured(name.clone(), addresses, now);
        let asked = join_all(zone.servers.iter().map(async |server| {
            settings
                .prober
                .ask(&server.source(), &question, &settings.ask)
                .await
        }));
        let replies = asked.await;
        let named = replies
            .iter()
            .filter_map(|seen| apex_named(name, &Sections::of(seen)?));
        named.max_by_key(|apex| apex.labels().count())
    }
}
