//! What servers really sent, the fuzzer's seeds, as it is and changed: nothing panics, and what must hold holds.
//!
//! The loop is bounded by count and begins at a fixed seed, so that a failure repeats.

use std::{fs, path::Path};

use proptest::prelude::*;
use rand::{SeedableRng as _, rngs::StdRng};

use super::*;
use crate::probe::fuzzing;

fn seeds() -> Vec<Vec<u8>> {
    seeds_of("reply")
}

fn seeds_of(target: &str) -> Vec<Vec<u8>> {
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fuzz/seeds")
        .join(target);
    let mut paths: Vec<_> = fs::read_dir(seeds)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    paths.iter().map(|path| fs::read(path).unwrap()).collect()
}

#[test]
fn what_servers_really_sent_is_read_whole() {
    let seeds = seeds();
    assert!(seeds.len() > 40, "{} seeds", seeds.len());
    for seed in seeds {
        fuzzing::reply(&seed);
        let text = describe(&seed);
        assert!(!text.contains("does not decode"), "{text}");
        for question in asked(&seed) {
            let reading = Reply::decode(&seed).read(&question);
            let is_regular = !reading.flags.has(Flags::IRREGULAR);
            let is_whole = matches!(reading.answer.status, Status::Rcode(_));
            assert!(is_whole && is_regular, "{text}");
        }
    }
}

#[test]
fn what_servers_sent_can_be_changed_anyhow() {
    let mut random = StdRng::seed_from_u64(9);
    let small: Vec<_> = seeds()
        .into_iter()
        .filter(|seed| seed.len() < 1000)
        .collect();
    for _ in 0..20_000 {
        let mut octets = small[random.random_range(0..small.len())].clone();
        for _ in 0..random.random_range(1..6) {
            let at = random.random_range(0..octets.len());
            match random.random_range(0..5) {
                0 => octets[at] = random.random(),
                1 => octets[at] ^= 1 << random.random_range(0..8),
                2 => octets[at] = [0, 0xc0, 0xff, 0x3f][random.random_range(0..4)],
                3 => octets.insert(at, random.random()),
                _ if octets.len() > 1 => octets.truncate(at.max(1)),
                _ => {}
            }
        }
        fuzzing::reply(&octets);
    }
}

proptest! {
    #[test]
    fn any_octets_can_come(octets in prop::collection::vec(any::<u8>(), 0..600)) {
        fuzzing::reply(&octets);
    }

    #[test]
    fn any_octets_can_follow_a_header(
        counts in prop::array::uniform8(0_u8..3),
        octets in prop::collection::vec(prop_oneof![Just(0), Just(0xc0), Just(12), 0_u8..64, any::<u8>()], 0..200),
    ) {
        let [q, an, ns, ar, ..] = counts;
        let header = [0, 7, 0x84, 0, 0, q, 0, an, 0, ns, 0, ar];
        fuzzing::reply(&[&header[..], &octets].concat());
    }
}

#[test]
fn streams_are_cut_the_same_in_pieces_of_any_size() {
    let whole = seeds_of("framing");
    assert!(!whole.is_empty());
    for seed in whole {
        for piece in 0..=u8::MAX {
            fuzzing::frames(&[&[piece], &seed[1..]].concat());
        }
    }
}
