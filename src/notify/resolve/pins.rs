//! The last good addresses of receivers' hosts, kept in a file, for when their names do not resolve.
//!
//! An address that a receiver answered at over TLS is *proven*: its certificate was the host's. Nothing but another proof takes
//! its place, so that a resolver that lies cannot have its lie remembered instead. Deliberately absent: whether an
//! address may be written to, which is asked again each time.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, OpenOptions},
    io::{self, Write},
    net::IpAddr,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

/// How long an address may stand in: whoever had it may have given it up.
const MOST_AGE: TimeDelta = TimeDelta::days(30);
/// How old a proof gets before another one is written down that says the same.
const REFRESH: TimeDelta = TimeDelta::hours(1);

/// Where a host was found last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Pin {
    addresses: BTreeSet<IpAddr>,
    at: DateTime<Utc>,
    proven: bool,
}

/// The pins of all hosts. Cheap to clone; clones are one.
#[derive(Debug, Clone, Default)]
pub(super) struct Pins(Arc<Mutex<Kept>>);

#[derive(Debug, Default)]
struct Kept {
    /// Where they are kept; `None`: in memory only.
    file: Option<PathBuf>,
    pins: BTreeMap<String, Pin>,
    /// What each host's name resolved to last.
    found: BTreeMap<String, BTreeSet<IpAddr>>,
    /// Why a host's pin stands in, as of its last connection.
    standing_in: BTreeMap<String, String>,
    /// Hosts that could not be connected to where their name led, unlike before.
    doubted: BTreeSet<String>,
}

impl Pins {
    /// The pins in `file`, where they are kept from now on. One that cannot be read is begun anew.
    pub(super) fn kept_in(file: PathBuf) -> Self {
        let pins = match read(&file) {
            Ok(pins) => pins,
            Err(error) if error.kind() == io::ErrorKind::NotFound => BTreeMap::new(),
            Err(error) => {
                tracing::warn!(file = %file.display(), %error, "the addresses of receivers that were good before cannot be read; they are gathered anew");
                BTreeMap::new()
            }
        };
        Self(Arc::new(Mutex::new(Kept {
            file: Some(file),
            pins,
            ..Kept::default()
        })))
    }

    /// The host's name leads to these addresses at `now`.
    pub(super) fn found(&self, host: &str, addresses: &[IpAddr], now: DateTime<Utc>) {
        let mut kept = self.lock();
        let addresses: BTreeSet<IpAddr> = addresses.iter().copied().collect();
        kept.standing_in.remove(host);
        kept.found.insert(host.to_owned(), addresses.clone());
        let is_proven = kept
            .pins
            .get(host)
            .is_some_and(|pin| pin.proven && pin.is_fresh(now));
        if !is_proven {
            kept.pin(host, addresses, now, false);
        }
    }

    /// The host showed its certificate where its name led.
    pub(super) fn prove(&self, host: &str, now: DateTime<Utc>) {
        let mut kept = self.lock();
        kept.doubted.remove(host);
        if kept.standing_in.contains_key(host) {
            return;
        }
        if let Some(addresses) = kept.found.get(host).cloned() {
            kept.pin(host, addresses, now, true);
        }
    }

    /// The host could not be connected to. If its name leads elsewhere than where it was proven to be, it is tried
    /// there next; then again where its name leads.
    pub(super) fn doubt(&self, host: &str) {
        let mut kept = self.lock();
        let (found, pin) = (kept.found.get(host), kept.pins.get(host));
        let elsewhere = found
            .zip(pin)
            .is_some_and(|(found, pin)| pin.proven && pin.addresses.is_disjoint(found));
        if kept.standing_in.contains_key(host) || !elsewhere {
            kept.doubted.remove(host);
        } else {
            kept.doubted.insert(host.to_owned());
        }
    }

    /// Whether the host is to be tried where it was before.
    pub(super) fn is_doubted(&self, host: &str) -> bool {
        self.lock().doubted.contains(host)
    }

    /// The addresses that stand in for those of `host`, because of `why`; `None` where there are none, they are too old, or
    /// one of them is not `allowed`.
    pub(super) fn stand_in(
        &self,
        host: &str,
        why: &str,
        allowed: impl Fn(IpAddr) -> bool,
        now: DateTime<Utc>,
    ) -> Option<Vec<IpAddr>> {
        let mut kept = self.lock();
        let pin = kept.pins.get(host).filter(|pin| pin.is_fresh(now))?;
        if !pin.addresses.iter().copied().all(allowed) {
            return None;
        }
        let addresses = pin.addresses.iter().copied().collect();
        let age = (now - pin.at).num_seconds().unsigned_abs();
        let age = humantime::format_duration(Duration::from_secs(age));
        let remark = format!("sent to the address of {age} ago: {why}");
        tracing::warn!(%host, why, %age, "the last good addresses of a receiver stand in");
        kept.standing_in.insert(host.to_owned(), remark);
        Some(addresses)
    }

    /// That the host's pin stands in, and why; `None` where it does not.
    pub(super) fn remark(&self, host: &str) -> Option<String> {
        self.lock().standing_in.get(host).cloned()
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pin {
    fn is_fresh(&self, now: DateTime<Utc>) -> bool {
        now - self.at < MOST_AGE
    }
}

impl Kept {
    fn pin(&mut self, host: &str, addresses: BTreeSet<IpAddr>, at: DateTime<Utc>, proven: bool) {
        let pin = Pin {
            addresses,
            at,
            proven,
        };
        let says_the_same = self.pins.get(host).is_some_and(|known| {
            let is_recent = at - known.at < REFRESH;
            is_recent && known.proven == proven && known.addresses == pin.addresses
        });
        if says_the_same {
            return;
        }
        self.pins.insert(host.to_owned(), pin);
        let Some(file) = &self.file else { return };
        if let Err(error) = write(file, &self.pins) {
            tracing::warn!(file = %file.display(), %error, "the addresses of receivers cannot be kept: after a restart none stands in");
        }
    }
}

fn read(file: &Path) -> io::Result<BTreeMap<String, Pin>> {
    Ok(serde_json::from_slice(&fs::read(file)?)?)
}

/// Writes the file anew beside the old one and puts it in its place: a crash leaves one of the two.
fn write(file: &Path, pins: &BTreeMap<String, Pin>) -> io::Result<()> {
    if let Some(directory) = file.parent() {
        fs::create_dir_all(directory)?;
    }
    let beside = file.with_extension("new");
    let mut new = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&beside)?;
    new.write_all(&serde_json::to_vec_pretty(pins)?)?;
    new.sync_all()?;
    fs::rename(beside, file)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOST: &str = "hooks.example.com";

    fn at(days: i64) -> DateTime<Utc> {
        let start: DateTime<Utc> = "2026-11-22T19:05:00Z".parse().unwrap();
        start + TimeDelta::days(days)
    }

    fn one(text: &str) -> Vec<IpAddr> {
        vec![text.parse().unwrap()]
    }

    fn instead(pins: &Pins, now: DateTime<Utc>) -> Option<Vec<IpAddr>> {
        pins.stand_in(HOST, "no answer", |_| true, now)
    }

    #[test]
    fn a_proven_address_gives_way_to_another_proof_only() {
        let pins = Pins::default();
        pins.found(HOST, &one("192.0.2.1"), at(0));
        pins.found(HOST, &one("192.0.2.2"), at(0));
        assert_eq!(instead(&pins, at(0)), Some(one("192.0.2.2")));
        pins.found(HOST, &one("192.0.2.2"), at(0));
        pins.prove(HOST, at(0));
        // Somebody lies: nothing shows the certificate there.
        pins.found(HOST, &one("192.0.2.66"), at(1));
        assert_eq!(instead(&pins, at(1)), Some(one("192.0.2.2")));
        pins.found(HOST, &one("192.0.2.3"), at(1));
        pins.prove(HOST, at(1));
        assert_eq!(instead(&pins, at(1)), Some(one("192.0.2.3")));
    }

    #[test]
    fn what_cannot_be_connected_to_is_tried_where_it_was_proven_in_turn() {
        let pins = Pins::default();
        pins.found(HOST, &one("192.0.2.1"), at(0));
        pins.doubt(HOST);
        assert!(!pins.is_doubted(HOST), "there is nothing else to try");
        pins.prove(HOST, at(0));
        pins.found(HOST, &one("192.0.2.66"), at(0));
        pins.doubt(HOST);
        assert!(pins.is_doubted(HOST));
        assert_eq!(instead(&pins, at(0)), Some(one("192.0.2.1")));
        assert!(pins.remark(HOST).unwrap().contains("no answer"));
        // Not there either: then again where its name leads.
        pins.doubt(HOST);
        assert!(!pins.is_doubted(HOST));
        pins.found(HOST, &one("192.0.2.66"), at(0));
        assert_eq!(pins.remark(HOST), None);
    }

    #[test]
    fn an_old_or_forbidden_address_stands_in_for_nothing() {
        let pins = Pins::default();
        pins.found(HOST, &one("192.0.2.1"), at(0));
        assert_eq!(instead(&pins, at(29)), Some(one("192.0.2.1")));
        assert_eq!(instead(&pins, at(30)), None);
        assert_eq!(pins.stand_in(HOST, "no answer", |_| false, at(1)), None);
        assert_eq!(pins.stand_in("other.example", "", |_| true, at(1)), None);
    }

    #[test]
    fn a_restart_keeps_the_pins_and_a_broken_file_is_begun_anew() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("below/receivers.json");
        let pins = Pins::kept_in(file.clone());
        pins.found(HOST, &one("192.0.2.1"), at(0));
        pins.prove(HOST, at(0));
        let again = Pins::kept_in(file.clone());
        again.found(HOST, &one("192.0.2.66"), at(1));
        assert_eq!(instead(&again, at(1)), Some(one("192.0.2.1")));
        fs::write(&file, "{").unwrap();
        assert_eq!(instead(&Pins::kept_in(file), at(1)), None);
    }
}
