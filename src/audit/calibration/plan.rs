//! What is asked of one address, and in which order: waves that begin a telling time apart.
//!
//! Deliberately absent: a clock and a pace, which are the asker's.

use std::time::Duration;

/// The least time from the beginning of one wave to that of the next. Caches that fetched in different waves have
/// countdowns that differ by more than the rounding of TTLs.
pub const APART: Duration = Duration::from_millis(2_500);

/// Waves.
const WAVES: u8 = 5;
/// Long-lived names, each asked in every wave.
const LONG: u8 = 6;
/// Long-lived names that are first asked in the last wave, and as many that are never asked while the authority answers.
const LATE: u8 = 2;
/// Names below `ttl30`.
const FADING: u8 = 4;
/// Names whose resolution fails.
const FAILING: u8 = 2;

/// What a name of the canary zone is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A TTL of a week: caps, countdowns, caches.
    Long,
    /// A TTL of half a minute: stale answers.
    Fading,
    /// A TTL of a second: floors, and stale answers that hide a fetch.
    Short,
    /// A TTL of zero: floors.
    Zero,
    /// Does not exist: caps on denials.
    Absent,
    /// Delegated to a server that does not have it, or does not exist: extended errors.
    Failing,
}

/// One name of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Probe {
    /// What it is for.
    pub kind: Kind,
    /// Which of its kind.
    pub number: u8,
}

impl Probe {
    /// One of a kind.
    pub fn new(kind: Kind, number: u8) -> Self {
        Self { kind, number }
    }

    /// Where in the zone the name lies; `None`: right below its apex.
    pub(super) fn subtree(self) -> Option<&'static str> {
        match self.kind {
            Kind::Long => Some("ttl604800"),
            Kind::Fading => Some("ttl30"),
            Kind::Short => Some("ttl1"),
            Kind::Zero => Some("ttl0"),
            // A denial just below the apex covers nothing but itself (RFC 8020).
            Kind::Absent => None,
            Kind::Failing if self.number == 0 => Some("lame"),
            Kind::Failing => Some("nowhere"),
        }
    }

    /// Whether the name is first asked in the last wave.
    pub(super) fn is_late(self) -> bool {
        self.kind == Kind::Long && self.number >= LONG
    }
}

fn some(kind: Kind, count: u8) -> impl Iterator<Item = Probe> {
    (0..count).map(move |number| Probe::new(kind, number))
}

/// The whole run at one address: 70 questions.
pub fn waves() -> Vec<Vec<Probe>> {
    (0..WAVES).map(wave).collect()
}

/// Waves are of odd sizes or follow such: whoever hands questions to backends in turn must not give each name to the same
/// one for ever.
fn wave(number: u8) -> Vec<Probe> {
    let mut wave: Vec<Probe> = some(Kind::Long, LONG).collect();
    if number > 0 {
        wave.push(Probe::new(Kind::Short, number - 1));
    }
    if number + 1 < WAVES {
        // A second reply at once is what the cache says just after the fetch.
        let new = [Kind::Short, Kind::Zero, Kind::Absent].map(|kind| Probe::new(kind, number));
        wave.extend(new.into_iter().flat_map(|probe| [probe, probe]));
    } else {
        wave.extend((LONG..LONG + LATE).map(|number| Probe::new(Kind::Long, number)));
        wave.extend(some(Kind::Failing, FAILING));
        wave.extend(some(Kind::Fading, FADING));
        wave.extend(some(Kind::Fading, FADING));
    }
    wave
}

/// Names that a run under a new token begins with while the zone's servers are stopped: nobody can have cached them.
pub fn never_asked() -> Vec<Vec<Probe>> {
    vec![some(Kind::Long, LATE).collect()]
}

/// What an earlier run has asked, and is asked again while the zone's servers are stopped.
pub fn expired() -> Vec<Vec<Probe>> {
    let wave = || some(Kind::Fading, FADING).collect();
    vec![wave(), wave()]
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_run_has_the_size_that_is_promised() {
        let waves = waves();
        assert_eq!(waves.iter().map(Vec::len).sum::<usize>(), 70);
        assert_eq!(waves.len(), usize::from(WAVES));
        let late = |wave: &Vec<Probe>| wave.iter().any(|probe| probe.is_late());
        assert_eq!(waves.iter().position(late), Some(waves.len() - 1));
    }

    #[test]
    fn a_name_of_a_second_is_asked_again_in_the_wave_after_its_first() {
        for number in 0..WAVES - 1 {
            let probe = Probe::new(Kind::Short, number);
            let asked: Vec<_> = (0..WAVES)
                .filter(|nth| wave(*nth).contains(&probe))
                .collect();
            assert_eq!(asked, [number, number + 1]);
        }
    }

    #[test]
    fn what_is_asked_again_was_asked_and_has_a_ttl_that_ends() {
        let asked: BTreeSet<Probe> = waves().into_iter().flatten().collect();
        let expired: BTreeSet<Probe> = expired().into_iter().flatten().collect();
        assert!(!expired.is_empty() && expired.is_subset(&asked));
        assert!(expired.iter().all(|probe| probe.kind == Kind::Fading));
    }
}
