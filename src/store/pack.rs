//! The samples of one series over some hours as a few hundred octets, and back.
//!
//! A pack is a version, columns, and the first four octets of the SHA-256 over both. Every column takes the shortest form
//! it can have (`column`); instants are packed as the instants of sending, which are regular where those of receipt are
//! not, and TTLs as instants of expiry (`ttls`). Servers behind one address differ in round trips and in what their caches hold,
//! so these columns are packed server by server where that is shorter (`groups`). Everything comes back as it was: instants to
//! the microsecond.
//!
//! Octets that are no pack are refused, with little memory spent on them. Deliberately absent: the database, and the
//! keys' meaning. Packs live for ever: what reads version 1, which had round trips first and no groups, stays.

mod bits;
mod column;
pub mod fuzzing;
mod groups;
mod ttls;

use sha2::{Digest as _, Sha256};

use bits::{Reader, put_varint};
use groups::Groups;

/// The most samples in a pack.
pub const MOST_SAMPLES: usize = 1 << 17;

/// The most numbers that come out of a pack.
const MOST_NUMBERS: usize = 1 << 23;

const VERSION: u8 = 2;

/// As released with 0.1.0.
const FIRST_VERSION: u8 = 1;

/// Octets of the checksum.
const CHECKSUM: usize = 4;

/// How an instant is packed.
const RECEIVED: u8 = 0;
const SENT: u8 = 1;

/// A row of `observation` but for its series: numbers as they stand there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sample {
    /// Microseconds since 1970.
    pub at: i64,
    /// The round.
    pub round_id: i64,
    /// The answer.
    pub answer_id: i64,
    /// The annotation.
    pub annotation_id: i64,
    /// The lowest TTL.
    pub ttl: Option<i64>,
    /// All TTLs link by link, where they are not all `ttl`.
    pub ttls: Option<Vec<Vec<u32>>>,
    /// Microseconds.
    pub rtt_us: i64,
    /// Octets of the reply.
    pub size: i64,
    /// Datagrams that did not match.
    pub mismatched: i64,
    /// Header flags.
    pub flags: i64,
    /// Datagrams and connections spent.
    pub attempts: i64,
    /// The transport's number.
    pub transport: i64,
    /// Seconds in an HTTP cache; `None` where none held it.
    pub age: Option<i64>,
}

/// Octets that are no pack, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no pack of samples: {0}")]
pub struct Corrupt(&'static str);

/// A column of plain numbers.
type Column = (fn(&Sample) -> i64, fn(&mut Sample, i64));

/// Those that need nothing but themselves, in their order.
const PLAIN: [Column; 8] = [
    (|one| one.round_id, |one, round| one.round_id = round),
    (|one| one.answer_id, |one, answer| one.answer_id = answer),
    (
        |one| one.annotation_id,
        |one, annotation| one.annotation_id = annotation,
    ),
    (|one| one.size, |one, size| one.size = size),
    (|one| one.mismatched, |one, count| one.mismatched = count),
    (|one| one.flags, |one, flags| one.flags = flags),
    (|one| one.attempts, |one, attempts| one.attempts = attempts),
    (
        |one| one.transport,
        |one, transport| one.transport = transport,
    ),
];

/// Packs samples in their order; `None` where they are more than [`MOST_SAMPLES`].
pub fn pack(samples: &[Sample]) -> Option<Vec<u8>> {
    if samples.len() > MOST_SAMPLES {
        return None;
    }
    let mut out = vec![VERSION];
    put_varint(&mut out, samples.len() as u64);
    for (of, _) in PLAIN {
        let values: Vec<_> = samples.iter().map(of).collect();
        column::put(&mut out, &values);
    }
    let groups = groups_of(samples);
    let round_trips: Vec<_> = samples.iter().map(|one| one.rtt_us).collect();
    groups.put(&mut out, &round_trips);
    put_instants(&mut out, samples);
    let ages: Vec<_> = samples.iter().filter_map(|one| one.age).collect();
    column::put(&mut out, &ttls::flags(samples, |one| one.age.is_some()));
    column::put(&mut out, &ages);
    ttls::put(&mut out, samples, &groups);
    out.extend(checksum(&out));
    Some(out)
}

/// Reads a pack.
///
/// # Errors
///
/// The octets are no pack, or are not those that were written.
pub fn unpack(octets: &[u8]) -> Result<Vec<Sample>, Corrupt> {
    let (body, sum) = octets
        .split_last_chunk::<CHECKSUM>()
        .ok_or(Corrupt("short"))?;
    if checksum(body) != *sum {
        return Err(Corrupt("its checksum does not match"));
    }
    read(body)
}

fn checksum(body: &[u8]) -> [u8; CHECKSUM] {
    let digest = Sha256::digest(body);
    digest.first_chunk().copied().unwrap_or_default()
}

/// Reads a pack but for its checksum.
fn read(body: &[u8]) -> Result<Vec<Sample>, Corrupt> {
    let mut reader = Reader::new(body, MOST_NUMBERS);
    let version = reader.octet()?;
    let count = reader.count(MOST_SAMPLES)?;
    let (mut samples, round_trips, groups);
    match version {
        FIRST_VERSION => {
            round_trips = column::read(&mut reader, count)?;
            samples = read_plain(&mut reader, count)?;
            groups = Groups::one(count);
        }
        VERSION => {
            samples = read_plain(&mut reader, count)?;
            groups = groups_of(&samples);
            round_trips = groups.read(&mut reader)?;
        }
        _ => return Err(Corrupt("of another version")),
    }
    for (sample, rtt_us) in samples.iter_mut().zip(round_trips) {
        sample.rtt_us = rtt_us;
    }
    read_instants(&mut reader, &mut samples)?;
    let has_age = ttls::read_flags(&mut reader, count)?;
    let mut ages =
        column::read(&mut reader, has_age.iter().filter(|has| **has).count())?.into_iter();
    for (sample, _) in samples.iter_mut().zip(&has_age).filter(|(_, has)| **has) {
        sample.age = ages.next();
    }
    ttls::read(&mut reader, &mut samples, &groups)?;
    if reader.left() > 0 {
        return Err(Corrupt("octets after its end"));
    }
    Ok(samples)
}

/// Samples that have nothing yet but what [`PLAIN`] says.
fn read_plain(reader: &mut Reader<'_>, count: usize) -> Result<Vec<Sample>, Corrupt> {
    let mut columns = Vec::with_capacity(PLAIN.len());
    for _ in PLAIN {
        columns.push(column::read(reader, count)?);
    }
    let mut samples = vec![Sample::default(); count];
    for ((_, set), column) in PLAIN.iter().zip(columns) {
        for (sample, value) in samples.iter_mut().zip(column) {
            set(sample, value);
        }
    }
    Ok(samples)
}

fn groups_of(samples: &[Sample]) -> Groups {
    let annotations: Vec<_> = samples.iter().map(|one| one.annotation_id).collect();
    Groups::of(&annotations)
}

/// A reply is received when it was sent for plus the time it took: the shorter column of both instants.
fn put_instants(out: &mut Vec<u8>, samples: &[Sample]) {
    if samples.is_empty() {
        return;
    }
    let (mut received, mut sent) = (vec![RECEIVED], vec![SENT]);
    let ats: Vec<_> = samples.iter().map(|one| one.at).collect();
    column::put(&mut received, &ats);
    let ats = samples.iter().map(|one| one.at.wrapping_sub(one.rtt_us));
    column::put(&mut sent, &ats.collect::<Vec<_>>());
    out.extend(if sent.len() < received.len() {
        sent
    } else {
        received
    });
}

fn read_instants(reader: &mut Reader<'_>, samples: &mut [Sample]) -> Result<(), Corrupt> {
    if samples.is_empty() {
        return Ok(());
    }
    let is_sent = match reader.octet()? {
        RECEIVED => false,
        SENT => true,
        _ => return Err(Corrupt("an unknown form of instants")),
    };
    let instants = column::read(reader, samples.len())?;
    for (sample, instant) in samples.iter_mut().zip(instants) {
        let took = if is_sent { sample.rtt_us } else { 0 };
        sample.at = instant.wrapping_add(took);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
