//! What is packed comes back, whatever it is; what was not packed is refused.

use proptest::{collection::vec, option, prelude::*};

use super::*;

/// A minute of an ordinary cache: TTLs count down, the round trip varies, answers are few.
fn ordinary(minute: i64) -> Sample {
    let noise = (minute * 7_919) % 911;
    let rtt_us = 11_000 + (minute * 104_729) % 1_733;
    Sample {
        at: 1_795_000_000_000_000 + minute * 60_000_000 + noise + rtt_us,
        round_id: 70_000 + 3 * minute,
        answer_id: if minute < 40 { 17 } else { 390 },
        annotation_id: [4, 9, 4, 4][minute as usize % 4],
        ttl: Some(300 - (minute * 60) % 300),
        ttls: None,
        rtt_us,
        size: 64,
        mismatched: 0,
        flags: 12,
        attempts: 1,
        transport: 0,
        age: None,
    }
}

fn check(samples: &[Sample]) -> Vec<u8> {
    let octets = pack(samples).unwrap();
    assert_eq!(unpack(&octets).as_deref(), Ok(samples));
    octets
}

#[test]
fn an_ordinary_hour_takes_less_than_five_octets_a_sample() {
    let hour: Vec<_> = (0..60).map(ordinary).collect();
    let octets = check(&hour).len();
    assert!(octets < 60 * 5, "{octets}");
    let aliased: Vec<_> = hour
        .iter()
        .map(|one| Sample {
            ttls: one
                .ttl
                .map(|ttl| vec![vec![ttl as u32 + 3_000], vec![ttl as u32; 3]]),
            ..one.clone()
        })
        .collect();
    let with_aliases = check(&aliased).len();
    assert!(with_aliases < octets + 60, "{with_aliases} after {octets}");
}

#[test]
fn nothing_and_the_most_there_can_be_read_back() {
    check(&[]);
    check(&vec![ordinary(0); MOST_SAMPLES]);
    assert_eq!(pack(&vec![ordinary(0); MOST_SAMPLES + 1]), None);
}

#[test]
fn a_single_changed_bit_is_told() {
    let octets = check(&(0..9).map(ordinary).collect::<Vec<_>>());
    for bit in 0..octets.len() * 8 {
        let mut changed = octets.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        assert!(unpack(&changed).is_err(), "bit {bit}");
    }
    for length in 0..octets.len() {
        assert!(unpack(&octets[..length]).is_err());
    }
}

/// A minute at one of three servers behind an address, with caches and a way of their own.
fn anycast(minute: i64) -> Sample {
    let server = [0, 1, 0, 0, 2, 0, 1][minute as usize % 7];
    let one = ordinary(minute);
    let rtt_us = one.rtt_us + 9_000 * server;
    let at = one.at - one.rtt_us + rtt_us;
    Sample {
        at,
        annotation_id: 4 + server,
        ttl: Some(300 - (at.div_euclid(1_000_000) + 77 * server) % 300),
        rtt_us,
        ..one
    }
}

#[test]
fn servers_behind_one_address_take_little_more_than_one_by_itself() {
    let alone: Vec<_> = (0..360).map(ordinary).collect();
    let together: Vec<_> = (0..360).map(anycast).collect();
    let (alone, together) = (check(&alone).len(), check(&together).len());
    // Which of them it was takes two bits.
    assert!(together < alone + 360 / 4 + 60, "{together} and {alone}");
}

/// Two dozen minutes with whatever there can be in them, as version 1 has them.
const FIRST: &str = "\
    0118020bf0ab010103efab010068977601f0ce8b1090051933b08b363a141862a16832d6d251dfc24542c4cdcb03e0c508000600190103\
    080aeeffffffff3f0404840404040200800101037f0802001801030f020002010304080003f0ebfa95e0a2b0060ca0889c3902088abbba\
    d23500e191bad235545a6c0040a500506c8f536c000000c50600c5f638c5566c8f536c0040a500506c540a020000010702440102010202\
    0100006000000100d8e5f6af0d0003d80400770003b50400780002000201030100010578787878789ca08053c029e01403b604007700b6\
    7f7711";

#[test]
fn packs_of_version_1_are_read() {
    let mut minutes: Vec<_> = (0..24).map(ordinary).collect();
    minutes[3] = Sample {
        ttl: None,
        rtt_us: 0,
        flags: 4,
        attempts: 3,
        size: 0,
        ..minutes[3].clone()
    };
    minutes[5].ttls = Some(vec![vec![86_400], vec![300, 17]]);
    minutes[6].ttls = Some(vec![vec![86_340], vec![240, 17]]);
    minutes[7].age = Some(60);
    minutes[9].at += 7_200_000_000;
    minutes[11].annotation_id = 1 << 40;
    let digits = FIRST.as_bytes().chunks(2);
    let octets =
        digits.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap());
    assert_eq!(unpack(&octets.collect::<Vec<_>>()), Ok(minutes.clone()));
    assert_eq!(check(&minutes)[0], VERSION);
}

#[test]
fn packs_of_a_version_to_come_are_refused() {
    let mut octets = pack(&[ordinary(0)]).unwrap();
    octets[0] = VERSION + 1;
    octets.truncate(octets.len() - CHECKSUM);
    octets.extend(checksum(&octets.clone()));
    assert_eq!(unpack(&octets), Err(Corrupt("of another version")));
}

/// As many octets as samples are asked for, and little else.
#[test]
fn a_few_octets_cannot_ask_for_much_memory() {
    let mut shapes = vec![VERSION];
    put_varint(&mut shapes, MOST_SAMPLES as u64);
    shapes.extend([8; 9]);
    shapes.extend([RECEIVED, 8, 8]);
    let head = shapes.clone();
    // One shape of many empty links, which every sample has.
    put_varint(&mut shapes, 1);
    put_varint(&mut shapes, 100_000);
    shapes.resize(shapes.len() + 100_000, 0);
    shapes.push(9);
    assert_eq!(
        read(&shapes),
        Err(Corrupt("more numbers than a pack may hold"))
    );
    let mut count = head;
    put_varint(&mut count, u64::MAX);
    assert_eq!(read(&count), Err(Corrupt("a count beyond its bound")));
}

fn extreme() -> impl Strategy<Value = i64> {
    prop_oneof![
        4 => 0_i64..400,
        1 => Just(i64::MIN),
        1 => Just(i64::MAX),
        2 => Just(i64::from(u32::MAX)),
        2 => Just(i64::from(i32::MIN)),
        1 => any::<i64>(),
    ]
}

fn links() -> impl Strategy<Value = Vec<Vec<u32>>> {
    let ttl = prop_oneof![Just(0), Just(300), Just(u32::MAX), any::<u32>()];
    vec(vec(ttl, 0..4), 0..4)
}

fn arbitrary() -> impl Strategy<Value = Sample> {
    let numbers = [(); PLAIN.len()].map(|()| extreme());
    let ttl = option::of(extreme());
    let age = option::weighted(0.2, extreme());
    let instants = (extreme(), extreme());
    (instants, numbers, ttl, option::weighted(0.3, links()), age).prop_map(
        |((at, rtt_us), numbers, ttl, ttls, age)| {
            let mut sample = Sample {
                at,
                ttl,
                ttls,
                rtt_us,
                age,
                ..Sample::default()
            };
            for ((_, set), number) in PLAIN.iter().zip(numbers) {
                set(&mut sample, number);
            }
            sample
        },
    )
}

/// Minutes with gaps, out of order, with TTLs that jump.
fn lifelike() -> impl Strategy<Value = Vec<Sample>> {
    let sample = (
        0_i64..60,
        -90_000_000_i64..90_000_000,
        0_i64..100_000,
        0_u8..9,
    );
    vec(sample, 0..90).prop_map(|samples| {
        let lived = samples.into_iter().map(|(minute, jump, ttl, kind)| {
            let mut sample = ordinary(minute);
            match kind {
                0 => sample.at += jump,
                1 => sample.ttl = Some(ttl),
                2 => (sample.ttl, sample.rtt_us) = (None, 0),
                3 => sample.ttls = Some(vec![vec![86_400], vec![ttl as u32, 17]]),
                5 => sample = anycast(minute),
                4 => sample.attempts = 3,
                _ => {}
            }
            sample
        });
        lived.collect()
    })
}

proptest! {
    #[test]
    fn every_sample_comes_back(samples in vec(arbitrary(), 0..40)) {
        let octets = pack(&samples).unwrap();
        prop_assert_eq!(unpack(&octets), Ok(samples));
    }

    #[test]
    fn lives_with_gaps_and_jumps_come_back(samples in lifelike()) {
        let octets = pack(&samples).unwrap();
        prop_assert_eq!(unpack(&octets), Ok(samples));
    }

    #[test]
    fn octets_of_any_kind_are_read_or_refused(octets in vec(any::<u8>(), 0..200)) {
        fuzzing::unpacked(&octets);
    }

    #[test]
    fn packs_with_a_fault_are_read_or_refused(
        samples in lifelike(), at in any::<prop::sample::Index>(), octet in any::<u8>()
    ) {
        let mut octets = pack(&samples).unwrap();
        octets.truncate(octets.len() - CHECKSUM);
        let at = at.index(octets.len());
        octets[at] = octet;
        fuzzing::unpacked(&octets);
    }
}
