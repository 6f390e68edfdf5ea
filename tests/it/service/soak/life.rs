//! Ordinary life, by a seed: what an owner of names changes on purpose, and what happens to a resolver.
//!
//! Addresses come, go and come back, one or several, of both families; aliases move between targets at home and in a
//! foreign zone, whose own addresses change, too; TTLs go from a second to 300; resolvers are restarted, and names flushed
//! out of them. All of it before a round or in the middle of it. Deliberately absent: a value of an asked name that no round
//! can see. What was changed stays as it is in the round after. A target changes only while an alias leads there, and an
//! alias stays where it leads until that has been seen: caches find the way by an old alias for longer than anybody watches.

use rand::{RngExt as _, SeedableRng as _, rngs::StdRng, seq::IndexedRandom as _};

use super::faults;
use crate::lab::{Lab, LabPlan, Make, Zone};

const TTLS: [u32; 8] = [1, 2, 5, 10, 30, 60, 120, 300];
/// How many rounds pass before a name is changed again.
const PAUSE: usize = 2;

/// The names, as they are now.
pub(super) struct Life {
    random: StdRng,
    names: Vec<Name>,
}

/// One name of either zone.
#[derive(Debug, Clone)]
struct Name {
    owner: String,
    /// In the dialers' zone, not in the foreign one.
    at_home: bool,
    ttl: u32,
    data: Vec<(&'static str, String)>,
    changed: Option<usize>,
}

/// What is done in one round.
#[derive(Debug, Default)]
pub(super) struct Deeds {
    names: Vec<Name>,
    pub(super) changes: usize,
    pub(super) ttls: usize,
    pub(super) restart: Option<&'static str>,
    pub(super) flush: Option<(&'static str, String)>,
}

impl Life {
    pub(super) fn new(seed: u64) -> Self {
        let dialers = (1..=6).chain(21..=23).map(|n| (format!("dialer{n}"), true));
        let home = (31..=33).map(|n| (format!("edge{n}"), true));
        let foreign = (36..=38).map(|n| (format!("edge{n}"), false));
        let aliases = ["dialer31", "dialer32", "dialer36", "dialer37"];
        let aliases = aliases.map(|owner| (owner.to_owned(), true));
        let mut life = Self {
            random: StdRng::seed_from_u64(seed),
            names: Vec::new(),
        };
        for (owner, at_home) in dialers.chain(home).chain(foreign).chain(aliases) {
            let (ttl, data) = (life.ttl(), life.data(&owner));
            life.names.push(Name {
                owner,
                at_home,
                ttl,
                data,
                changed: None,
            });
        }
        life
    }

    /// The names that are asked for. Targets of aliases are not: nobody sees them change while no alias leads there.
    pub(super) fn names(&self) -> Vec<String> {
        let owners = self.names.iter().map(|name| &name.owner);
        let asked = owners.filter(|owner| owner.starts_with("dialer"));
        asked.map(|owner| format!("{owner}.example.com")).collect()
    }

    /// The lab as it is before anything is changed. A "no" is cached for a few seconds, like everything here.
    pub(super) fn plan(&self) -> LabPlan {
        let (mut dialers, mut cdn) = (Zone::dialers(300), Zone::cdn(300));
        dialers.negative_ttl = 5;
        cdn.negative_ttl = 5;
        faults::prepare(&mut dialers);
        for name in &self.names {
            name.write(if name.at_home { &mut dialers } else { &mut cdn });
        }
        LabPlan {
            dialers,
            cdn,
            ..LabPlan::default()
        }
    }

    /// Whether what is done happens while the round asks.
    pub(super) fn at_once(&mut self) -> bool {
        self.random.random_bool(0.5)
    }

    /// What is done in this round.
    pub(super) fn deeds(&mut self, round: usize) -> Deeds {
        let mut deeds = Deeds::default();
        for _ in 0..self.random.random_range(0..=3) {
            let Some(index) = self.idle(round) else {
                break;
            };
            if self.random.random_bool(0.25) {
                self.names[index].ttl = self.ttl();
                deeds.ttls += 1;
            } else {
                let owner = self.names[index].owner.clone();
                self.names[index].data = self.data(&owner);
                deeds.changes += 1;
            }
            self.names[index].changed = Some(round);
            deeds.names.push(self.names[index].clone());
        }
        if self.random.random_bool(0.15) {
            deeds.restart = Some(self.resolver());
        }
        if self.random.random_bool(0.2) {
            let name = self.random.random_range(0..self.names.len());
            deeds.flush = Some((self.resolver(), self.names[name].owner.clone()));
        }
        deeds
    }

    /// A name that may be changed.
    fn idle(&mut self, round: usize) -> Option<usize> {
        let names = self.names.iter().enumerate();
        let is_idle = |name: &Name| name.rests(round) && self.is_seen(name, round);
        let idle: Vec<_> = names.filter(|(_, name)| is_idle(name)).collect();
        idle.choose(&mut self.random).map(|(index, _)| *index)
    }

    /// Whether rounds see what the name is and becomes, and have seen what an alias leads to.
    fn is_seen(&self, name: &Name, round: usize) -> bool {
        let mut names = self.names.iter();
        match name.leads_to() {
            Some(target) => names.any(|one| one.owner == target && one.rests(round)),
            None if name.owner.starts_with("dialer") => true,
            None => names.any(|one| one.leads_to() == Some(&name.owner) && one.rests(round)),
        }
    }

    fn ttl(&mut self) -> u32 {
        *TTLS.choose(&mut self.random).unwrap()
    }

    fn resolver(&mut self) -> &'static str {
        Make::ALL.choose(&mut self.random).unwrap().id()
    }

    /// New data of a name: few values, so that old ones come back.
    fn data(&mut self, owner: &str) -> Vec<(&'static str, String)> {
        let number: u16 = owner
            .trim_start_matches(char::is_alphabetic)
            .parse()
            .unwrap();
        match owner {
            "dialer31" | "dialer32" => self.alias(31, "example.com"),
            "dialer36" | "dialer37" => self.alias(36, "example.net"),
            _ => self.addresses(number),
        }
    }

    fn alias(&mut self, first: u16, zone: &str) -> Vec<(&'static str, String)> {
        let number = first + self.random.random_range(0..3);
        vec![("CNAME", format!("edge{number}.{zone}."))]
    }

    fn addresses(&mut self, number: u16) -> Vec<(&'static str, String)> {
        let mut data = Vec::new();
        for network in ["192.0.2", "198.51.100", "203.0.113"] {
            if data.is_empty() || self.random.random_bool(0.3) {
                let host = number + 100 * self.random.random_range(0..2);
                data.push(("A", format!("{network}.{host}")));
            }
        }
        if self.random.random_bool(0.5) {
            let host = self.random.random_range(1..3);
            data.push(("AAAA", format!("2001:db8:{host}::{number:x}")));
        }
        data
    }
}

impl Name {
    /// Whether it was left alone for long enough.
    fn rests(&self, round: usize) -> bool {
        self.changed.is_none_or(|before| round > before + PAUSE)
    }

    /// The owner that an alias leads to.
    fn leads_to(&self) -> Option<&str> {
        let mut aliases = self.data.iter().filter(|(rtype, _)| *rtype == "CNAME");
        let (_, target) = aliases.next()?;
        target.split('.').next()
    }

    fn write(&self, zone: &mut Zone) {
        zone.remove(&self.owner);
        for (rtype, data) in &self.data {
            zone.add(&self.owner, self.ttl, rtype, data);
        }
    }
}

impl Deeds {
    /// Does all of it, and waits until it is done.
    pub(super) async fn apply(&self, lab: &mut Lab) {
        let (home, foreign): (Vec<_>, Vec<_>) = self.names.iter().partition(|name| name.at_home);
        if !home.is_empty() {
            lab.edit(|zone| home.iter().for_each(|name| name.write(zone)))
                .await;
        }
        if !foreign.is_empty() {
            lab.cdn()
                .edit(|zone| foreign.iter().for_each(|name| name.write(zone)))
                .await;
        }
        if let Some(resolver) = self.restart {
            lab.resolver(resolver).stop();
            lab.resolver(resolver).start().await;
        }
        if let Some((resolver, name)) = &self.flush {
            lab.flush(resolver, name).await;
        }
    }
}
