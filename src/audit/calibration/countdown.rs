//! How TTLs move between two replies, and how many caches must be behind an address for them to move so.
//!
//! Several caches that fetched a name at different moments count it down side by side: a TTL that did not fall may be
//! another cache's. One that fell by the time gone by can only be a countdown. Deliberately absent: a number of backends
//! beyond those seen.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};

use super::{
    Backends, Decrement, Measured,
    plan::{Kind, Probe},
    samples::{Sample, Samples},
};
use crate::audit::history::{ROUNDING, STEADY_IN_DOUBT, TELLING};

/// Countdowns of one cache end within this time of each other.
const ONE_CACHE: TimeDelta = TimeDelta::milliseconds(1_900);

/// Repeated TTLs that make a site a constant one.
const STEADY: usize = 3;

type Site = Option<String>;

/// How the TTLs of one site moved.
#[derive(Debug, Default, Clone, Copy)]
struct Moves {
    /// Lower by the time gone by.
    fell: usize,
    /// The same after a telling time.
    stayed: usize,
}

impl Moves {
    fn decrement(self, named: bool) -> Option<Decrement> {
        let steady = if named {
            STEADY
        } else {
            STEADY_IN_DOUBT as usize
        };
        match self {
            Self { fell: 1.., .. } => Some(Decrement::CountsDown),
            Self { stayed, .. } if stayed >= steady => Some(Decrement::Constant),
            _ => None,
        }
    }
}

/// Each long-lived name's replies at each site, in order of receipt.
fn runs<'a>(samples: &'a Samples<'_>) -> BTreeMap<(Probe, Site), Vec<&'a Sample>> {
    let mut runs: BTreeMap<_, Vec<&Sample>> = BTreeMap::new();
    for sample in samples.of(Kind::Long) {
        let key = (sample.probe, sample.site.clone());
        runs.entry(key).or_default().push(sample);
    }
    runs
}

fn moves(samples: &Samples<'_>) -> BTreeMap<Site, Moves> {
    let mut moves: BTreeMap<Site, Moves> = BTreeMap::new();
    for ((_, site), run) in runs(samples) {
        let here = moves.entry(site).or_default();
        for (index, sample) in run.iter().enumerate() {
            let earlier = run[..index].iter();
            let earlier: Vec<_> = earlier
                .filter(|earlier| sample.at - earlier.at >= TELLING)
                .collect();
            let fell =
                |earlier: &&&Sample| (sample.expires() - earlier.expires()).abs() <= ROUNDING;
            let stayed = |earlier: &&&Sample| sample.ttl == earlier.ttl;
            if earlier.iter().any(fell) {
                here.fell += 1;
            } else if !earlier.is_empty() && earlier.iter().all(stayed) {
                here.stayed += 1;
            }
        }
    }
    moves
}

/// How TTLs move while an answer stays cached.
pub(super) fn decrement(samples: &Samples<'_>) -> Measured<Decrement> {
    let moves = moves(samples);
    let of_site = |(site, moves): (&Site, &Moves)| moves.decrement(site.is_some());
    let found: BTreeSet<_> = moves.iter().filter_map(of_site).collect();
    let sum = |count: fn(&Moves) -> usize| moves.values().map(count).sum::<usize>();
    let (fell, stayed) = (sum(|moves| moves.fell), sum(|moves| moves.stayed));
    let unnamed = moves.contains_key(&None);
    let seen =
        format!("of repeated TTLs {fell} had fallen by the time gone by, {stayed} had stayed");
    match found.into_iter().collect::<Vec<_>>().as_slice() {
        [] if stayed == 0 => Measured::unknown("no TTL was seen twice at one backend"),
        [] if unnamed => Measured::unknown(format!(
            "{seen}, and no NSID says whether each came from another backend"
        )),
        [] => Measured::unknown(format!("{seen}: too few to tell")),
        [Decrement::Constant] if unnamed => Measured::known(
            Decrement::Constant,
            format!("{seen}; without NSID, more than eight backends could look the same"),
        ),
        [one] => Measured::known(*one, seen),
        _ => Measured::known(Decrement::Mixed, seen),
    }
}

/// What is behind the address, by name and by countdown.
pub(super) fn backends(samples: &Samples<'_>) -> Measured<Backends> {
    let sites: Vec<String> = samples.sites().into_iter().collect();
    let caches = caches(samples);
    let how = match (sites.is_empty(), caches) {
        (true, None) => {
            return Measured::unknown(
                "no reply carried an NSID, and no TTL was seen to count down",
            );
        }
        (true, Some(_)) => "distinct countdowns of one name, without NSID: at least so many",
        (false, None) => "NSID; TTLs do not count down, so that caches cannot be told apart",
        (false, Some(_)) => "NSID, and distinct countdowns of one name: at least so many",
    };
    Measured::known(Backends { sites, caches }, how)
}

/// The most caches that any one name shows.
fn caches(samples: &Samples<'_>) -> Option<usize> {
    let moves = moves(samples);
    let counts_down = |site: &Site| moves.get(site).is_some_and(|moves| moves.fell > 0);
    let mut by_name: BTreeMap<Probe, usize> = BTreeMap::new();
    for ((probe, site), run) in runs(samples) {
        if counts_down(&site) {
            *by_name.entry(probe).or_default() += ends(&run);
        }
    }
    by_name.into_values().max()
}

/// How many countdowns the replies of one name at one site belong to.
fn ends(run: &[&Sample]) -> usize {
    let mut ends: Vec<DateTime<Utc>> = run.iter().map(|sample| sample.expires()).collect();
    ends.sort_unstable();
    let (mut count, mut began) = (0, None);
    for end in ends {
        if began.is_none_or(|began| end - began > ONE_CACHE) {
            count += 1;
            began = Some(end);
        }
    }
    count
}
