//! Zones and their authority sets, found by walking the delegations down from the root.
//!
//! Names are looked at label by label from the top, one SOA question each (the minimised walk of RFC 9156): a
//! referral, or the SOA of a deeper zone, marks a cut; everything else leaves the name where its parent is. Names below
//! one zone share what is known above them. Deliberately absent: DNSSEC, and any use of a resolver: the auditor must
//! see the delegation as it is, not as a cache remembers it.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
};

use chrono::{DateTime, TimeDelta, Utc};
use futures::{FutureExt as _, future::BoxFuture};

use super::{Ask, Prober};
use crate::{
    names::DnsName,
    types::{AuthorityServer, Listed, Zone},
};

mod configured;
mod cut;
mod hosts;
mod known;
mod said;
mod survey;
mod walk;

use cut::Cut;
use known::Known;
use walk::{Located, Settings, Walk};

/// How long it is before a failed walk is tried again.
const RETRY: TimeDelta = TimeDelta::seconds(30);
/// The same for a name that lies in a zone whose servers are dead: every name of the zone would wait for them again.
const UNSURE: TimeDelta = TimeDelta::minutes(5);
/// How long a name is taken to have no cut of its own.
const INSIDE: TimeDelta = TimeDelta::hours(1);

/// Why a zone was not found. Trying again later may help: the failure is remembered for 30 seconds.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WalkError {
    /// None of the root hints said anything usable.
    #[error(
        "no root server told where `{0}` is delegated: check `authority.root_hints` and the way out"
    )]
    NoRoot(DnsName),
    /// The servers of a top-level domain said nothing usable.
    #[error("no server of `{zone}` told where `{name}` is delegated")]
    NoAnswer {
        /// The zone whose servers were asked.
        zone: DnsName,
        /// The name they were asked about.
        name: DnsName,
    },
}

impl WalkError {
    /// The zone whose servers did not say where the name is delegated.
    pub fn silent_zone(&self) -> DnsName {
        match self {
            Self::NoRoot(_) => DnsName::root(),
            Self::NoAnswer { zone, .. } => zone.clone(),
        }
    }
}

/// Finds zones and keeps them, each until its NS TTL has passed. Cheap to clone; clones share what they know.
#[derive(Clone)]
pub struct Delegations {
    inner: Arc<Inner>,
}

struct Inner {
    settings: Settings,
    places: Slots<Placed>,
    zones: Slots<Known>,
    configured: configured::Configured,
}

type Slot<T> = Arc<tokio::sync::Mutex<Option<T>>>;
/// One lock for each name: whoever comes first finds out, the others wait for it.
type Slots<T> = Mutex<HashMap<DnsName, Slot<T>>>;

fn slot<T>(slots: &Slots<T>, name: &DnsName) -> Slot<T> {
    let mut slots = slots.lock().unwrap_or_else(PoisonError::into_inner);
    Arc::clone(slots.entry(name.clone()).or_default())
}

/// Where a name lies, and until when that is taken for granted.
#[derive(Clone)]
struct Placed {
    place: Result<Place, WalkError>,
    until: DateTime<Utc>,
}

#[derive(Clone)]
enum Place {
    /// The name is the apex of a zone.
    Apex(Arc<Cut>),
    /// The name lies inside the zone of this apex.
    Inside(DnsName),
}

impl Delegations {
    /// Walks from these root servers. Servers below the root are asked on port 53, over IPv4.
    pub fn new(prober: Prober, root_hints: Vec<SocketAddr>) -> Self {
        Self::of(Settings {
            prober,
            root_hints,
            port: 53,
            ipv6: false,
            ask: Ask::default(),
            cuts: Arc::default(),
        })
    }

    fn of(settings: Settings) -> Self {
        Self {
            inner: Arc::new(Inner {
                settings,
                places: Slots::default(),
                zones: Slots::default(),
                configured: configured::Configured::default(),
            }),
        }
    }

    /// Asks servers below the root on another port. Delegations carry none, so this is for trees of one's own: tests,
    /// and the demonstration. Forgets what is known.
    #[must_use]
    pub fn with_port(self, port: u16) -> Self {
        let settings = self.inner.settings.clone();
        Self::of(Settings { port, ..settings })
    }

    /// Counts the IPv6 addresses of servers, too. Forgets what is known.
    #[must_use]
    pub fn with_ipv6(self, ipv6: bool) -> Self {
        let settings = self.inner.settings.clone();
        Self::of(Settings { ipv6, ..settings })
    }

    /// Walks with other patience than [`Ask::default`]. Forgets what is known.
    #[must_use]
    pub fn with_patience(self, ask: Ask) -> Self {
        let settings = self.inner.settings.clone();
        Self::of(Settings { ask, ..settings })
    }

    /// A zone whose servers were configured instead of found. Never found again.
    pub fn configured(apex: DnsName, addresses: &[SocketAddr], now: DateTime<Utc>) -> Zone {
        let server = |address: &SocketAddr| AuthorityServer {
            name: match address.port() {
                53 => address.ip().to_string(),
                _ => address.to_string(),
            },
            address: *address,
            listed: Listed::Configured,
        };
        Zone {
            apex,
            servers: addresses.iter().map(server).collect(),
            parent_ns: [].into(),
            child_ns: [].into(),
            unresolved_ns: [].into(),
            delegation_ttl: None,
            found_at: now,
            // Not the end of time itself: an instant that every database can hold.
            refresh_at: now + TimeDelta::days(36_500),
        }
    }

    /// The zone that holds `name`, at most as old as [`Zone::refresh_at`] allows.
    ///
    /// When finding it again fails, the zone as last found stays in use and 30 seconds pass before the next try. Where
    /// no server of a zone below the top-level domains says anything, its names are taken to lie in that zone: a
    /// dead zone must be watched, not lost.
    ///
    /// # Errors
    ///
    /// Nothing is known of the name, and the root or its top-level domain could not be asked.
    pub async fn zone_of(
        &self,
        name: &DnsName,
        now: DateTime<Utc>,
    ) -> Result<Arc<Zone>, WalkError> {
        let walk = Walk::new(&self.inner.settings, now);
        let cut = self.inner.cut_of(&walk, name).await?;
        Ok(self.inner.zone_at(&walk, cut).await)
    }
}

impl Inner {
    /// The cut of the zone that holds `name`. Locks are taken from the name upward, and never the other way.
    fn cut_of<'a>(
        &'a self,
        walk: &'a Walk<'_>,
        name: &'a DnsName,
    ) -> BoxFuture<'a, Result<Arc<Cut>, WalkError>> {
        async move {
            let Some(parent) = name.parent() else {
                return Ok(walk.root());
            };
            let slot = slot(&self.places, name);
            let mut placed = slot.lock().await;
            // What is known stays in the slot while it is looked up again: a walk may be dropped half-way.
            let fresh = match placed.clone() {
                Some(known) if known.until > walk.now => known,
                known => {
                    let above = self.cut_of(walk, &parent).await;
                    place(walk, above, name, known).await
                }
            };
            match placed.insert(fresh).place.clone()? {
                Place::Apex(cut) => Ok(cut),
                Place::Inside(apex) => self.cut_of(walk, &apex).await,
            }
        }
        .boxed()
    }

    /// The zone below a cut, found again when it is due.
    async fn zone_at(&self, walk: &Walk<'_>, cut: Arc<Cut>) -> Arc<Zone> {
        let slot = slot(&self.zones, &cut.apex);
        let mut known = slot.lock().await;
        if let Some(known) = known.as_ref().filter(|known| known.is_fresh(walk.now)) {
            return Arc::clone(&known.zone);
        }
        let cut = self.renewed(walk, cut).await;
        let fresh = survey::survey(walk, &cut, known.clone()).await;
        Arc::clone(&known.insert(fresh).zone)
    }

    /// The cut as its parent gives it now, or as it was where the parent does not say.
    async fn renewed(&self, walk: &Walk<'_>, cut: Arc<Cut>) -> Arc<Cut> {
        if cut.is_new(walk.now) {
            return cut;
        }
        if let Some(placed) = &mut *slot(&self.places, &cut.apex).lock().await {
            placed.until = walk.now;
        }
        match self.cut_of(walk, &cut.apex).await {
            Ok(renewed) if renewed.apex == cut.apex => renewed,
            _ => cut,
        }
    }
}

/// Finds out where `name` lies below `above`; falls back to what was known.
async fn place(
    walk: &Walk<'_>,
    above: Result<Arc<Cut>, WalkError>,
    name: &DnsName,
    known: Option<Placed>,
) -> Placed {
    let located = match &above {
        Ok(above) => walk.locate(above, name).await,
        Err(_) => None,
    };
    let inside = |above: &Cut| Place::Inside(above.apex.clone());
    let (place, lasts) = match (located, above, known.map(|known| known.place)) {
        (Some(Located::Cut(cut)), ..) => {
            let lasts = cut.lasts();
            (Ok(Place::Apex(cut)), lasts)
        }
        (Some(Located::Inside), Ok(above), _) => (Ok(inside(&above)), INSIDE),
        (_, _, Some(Ok(place))) => {
            tracing::warn!(dns.name = %name, "its delegation could not be looked at again; the last one found stays in use");
            let lasts = match place {
                Place::Apex(_) => RETRY,
                Place::Inside(_) => UNSURE,
            };
            (Ok(place), lasts)
        }
        (_, Err(error), _) => (Err(error), RETRY),
        (_, Ok(above), _) if above.apex.is_root() => (Err(WalkError::NoRoot(name.clone())), RETRY),
        (_, Ok(above), _) if above.apex.labels().count() == 1 => {
            let zone = above.apex.clone();
            let name = name.clone();
            (Err(WalkError::NoAnswer { zone, name }), RETRY)
        }
        (_, Ok(above), _) => (Ok(inside(&above)), UNSURE),
    };
    Placed {
        place,
        until: walk.now + lasts,
    }
}
