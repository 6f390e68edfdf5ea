//! One honest cache: it keeps what an authority gave it for as long as it was told to, and counts down.
//!
//! Caps, floors, prefetch, constant TTLs and stale answers are what real caches do, too. Deliberately absent: lies.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};

use crate::{
    names::DnsName,
    types::{RecordType, Value},
};

/// What is kept: of which owner, under which type asked.
pub(crate) type Key = (DnsName, RecordType);

/// For how long and how a cache hands out what has expired, while it cannot fetch (RFC 8767).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stale {
    /// Seconds past expiry.
    pub(crate) window: u32,
    /// Whether it says so (EDE 3 and 19).
    pub(crate) ede: bool,
}

/// How a cache keeps things.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Habits {
    /// Nothing is kept longer, seconds.
    pub(crate) cap: u32,
    /// Nothing is kept shorter, seconds.
    pub(crate) floor: u32,
    /// The TTL is shown as it was at first (`serve-original-ttl`).
    pub(crate) constant: bool,
    /// Others ask for everything all the time: what expires is fetched anew in that instant.
    pub(crate) busy: bool,
    /// Asked within this last part of a copy's life, percent, it fetches anew for the next one to ask.
    pub(crate) prefetch: u32,
    /// The TTL is rounded up by so much, seconds.
    pub(crate) rounding: u32,
    pub(crate) stale: Option<Stale>,
}

impl Default for Habits {
    fn default() -> Self {
        Self {
            cap: u32::MAX,
            floor: 0,
            constant: false,
            busy: false,
            prefetch: 0,
            rounding: 0,
            stale: None,
        }
    }
}

/// The TTL of a stale answer, seconds (RFC 8767 section 4).
const STALE_TTL: u32 = 30;

#[derive(Debug, Clone)]
struct Copy {
    value: Value,
    ttl: u32,
    fetched: DateTime<Utc>,
}

/// What a cache answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Found {
    /// A copy, and its TTL; stale or not.
    Copy(Value, u32, bool),
    /// Nothing, and no authority answers.
    Nothing,
}

/// One backend of a resolver.
#[derive(Debug, Clone, Default)]
pub(crate) struct Cache {
    /// Its NSID.
    pub(crate) site: Option<String>,
    pub(crate) habits: Habits,
    held: HashMap<Key, Copy>,
}

impl Copy {
    fn expires(&self) -> DateTime<Utc> {
        self.fetched + TimeDelta::seconds(i64::from(self.ttl))
    }
}

impl Cache {
    pub(crate) fn new(site: Option<String>, habits: Habits) -> Self {
        Self {
            site,
            habits,
            held: HashMap::new(),
        }
    }

    /// Puts a copy in, as if it had been fetched at `at`.
    pub(crate) fn plant(&mut self, key: &Key, (value, ttl): (Value, u32), at: DateTime<Utc>) {
        let ttl = ttl.min(self.habits.cap).max(self.habits.floor);
        let fetched = at;
        self.held.insert(
            key.clone(),
            Copy {
                value,
                ttl,
                fetched,
            },
        );
    }

    /// What it answers at `now`. `fetch` asks the authorities as they are at an instant; `None`: nobody answers.
    pub(crate) fn look(
        &mut self,
        key: &Key,
        now: DateTime<Utc>,
        mut fetch: impl FnMut(DateTime<Utc>) -> Option<(Value, u32)>,
    ) -> Found {
        self.renew(key, now, &mut fetch);
        let Some(copy) = self.held.get(key) else {
            return Found::Nothing;
        };
        let left = copy.expires() - now;
        let is_fresh = left > TimeDelta::zero() || copy.fetched == now;
        let value = copy.value.clone();
        if is_fresh {
            let ttl = self.shown_ttl(copy, left);
            let lifetime = i64::from(copy.ttl) * 1_000;
            if left.num_milliseconds() * 100 < lifetime * i64::from(self.habits.prefetch)
                && let Some(fresh) = fetch(now)
            {
                self.plant(key, fresh, now);
            }
            return Found::Copy(value, ttl, false);
        }
        match self.habits.stale {
            Some(stale) if -left <= TimeDelta::seconds(i64::from(stale.window)) => {
                Found::Copy(value, STALE_TTL, true)
            }
            _ => Found::Nothing,
        }
    }

    /// Fetches what has expired: one after another where others ask all the time, else now.
    fn renew(
        &mut self,
        key: &Key,
        now: DateTime<Utc>,
        fetch: &mut impl FnMut(DateTime<Utc>) -> Option<(Value, u32)>,
    ) {
        loop {
            let at = match self.held.get(key).map(Copy::expires) {
                Some(expires) if expires > now => return,
                Some(expires) if self.habits.busy => expires,
                _ => now,
            };
            let (at, fresh) = match fetch(at) {
                Some(fresh) => (at, fresh),
                None if at == now => return,
                None => match fetch(now) {
                    Some(fresh) => (now, fresh),
                    None => return,
                },
            };
            let nothing_is_kept = fresh.1.max(self.habits.floor) == 0;
            self.plant(key, fresh, at);
            if at == now {
                return;
            }
            if nothing_is_kept {
                // Each question is a fetch of its own.
                self.held.remove(key);
            }
        }
    }

    /// Forgets what `which` says; gives its keys.
    pub(crate) fn forget(&mut self, which: impl Fn(&Key) -> bool) -> Vec<Key> {
        let out = self.held.extract_if(|key, _| which(key));
        let mut keys: Vec<_> = out.map(|(key, _)| key).collect();
        keys.sort();
        keys
    }

    fn shown_ttl(&self, copy: &Copy, left: TimeDelta) -> u32 {
        if self.habits.constant {
            return copy.ttl;
        }
        let whole = u32::try_from(left.num_seconds().max(0)).unwrap();
        (whole + self.habits.rounding).min(copy.ttl)
    }
}
