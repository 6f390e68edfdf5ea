//! One column of numbers in the shortest of a few forms.
//!
//! A column begins with an octet that says its form. From [`SMALL`] on it is itself the value that all have. Otherwise: one
//! value for all ([`SAME`]); a list of the values there are and the place of each in it ([`LISTED`]); or residuals packed
//! into as few bits as most of them take, the others apart ([`BANDS`]) — of the values themselves, of each less the one
//! before, or of each less a straight line. Arithmetic wraps, so that all of `i64` reads back.
//!
//! Deliberately absent: how many values there are, which whoever reads must know, and entropy coding, which gains nothing on
//! so few of them.

use super::{
    Corrupt,
    bits::{Reader, bit_length, put_bits, put_signed, put_varint, signed_length},
};

const SAME: u8 = 0;
const LISTED: u8 = 1;
/// The first of [`BANDS`].
const BAND: u8 = 2;
/// The first of the forms that are values.
const SMALL: u8 = 8;

/// What is taken off values before their residuals are packed, in the order of the forms.
const BANDS: [Trend; 3] = [Trend::None, Trend::Previous, Trend::Line];

/// The most values worth a list.
const MOST_LISTED: usize = 256;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trend {
    None,
    /// The value before.
    Previous,
    /// The first value plus as many equal steps as there are values before.
    Line,
}

/// Appends the column.
pub(super) fn put(out: &mut Vec<u8>, values: &[i64]) {
    let Some(first) = values.first() else {
        return;
    };
    if values.iter().all(|value| value == first) {
        let small = u8::try_from(*first).ok();
        if let Some(form) = small.and_then(|small| small.checked_add(SMALL)) {
            out.push(form);
        } else {
            out.push(SAME);
            put_signed(out, *first);
        }
        return;
    }
    let banded = (BAND..)
        .zip(BANDS)
        .map(|(form, trend)| banded(form, trend, values));
    let shortest = banded.chain(listed(values)).min_by_key(Vec::len);
    out.extend(shortest.unwrap_or_default());
}

/// Reads `count` values back.
pub(super) fn read(reader: &mut Reader<'_>, count: usize) -> Result<Vec<i64>, Corrupt> {
    if count == 0 {
        return Ok(Vec::new());
    }
    reader.spend(count)?;
    let form = reader.octet()?;
    match form {
        SAME => Ok(vec![reader.signed()?; count]),
        LISTED => read_listed(reader, count),
        SMALL.. => Ok(vec![i64::from(form - SMALL); count]),
        _ => match BANDS.get(usize::from(form - BAND)) {
            Some(trend) => read_banded(reader, *trend, count),
            None => Err(Corrupt("an unknown form of column")),
        },
    }
}

/// The distinct values in order, and the place of each value among them; `None` where there are too many.
fn listed(values: &[i64]) -> Option<Vec<u8>> {
    let mut distinct = values.to_vec();
    distinct.sort_unstable();
    distinct.dedup();
    if distinct.len() > MOST_LISTED {
        return None;
    }
    let mut out = vec![LISTED];
    put_varint(&mut out, distinct.len() as u64);
    let mut before = 0;
    for value in &distinct {
        put_signed(&mut out, value.wrapping_sub(before));
        before = *value;
    }
    let place = |value| distinct.partition_point(|other| other < value) as u64;
    put_bits(&mut out, width_of(distinct.len()), values.iter().map(place));
    Some(out)
}

/// Bits that tell so many apart.
fn width_of(distinct: usize) -> u32 {
    bit_length(distinct.saturating_sub(1) as u64)
}

fn read_listed(reader: &mut Reader<'_>, count: usize) -> Result<Vec<i64>, Corrupt> {
    let distinct = reader.count(MOST_LISTED.min(reader.left()))?;
    let (mut list, mut value) = (Vec::with_capacity(distinct), 0_i64);
    for _ in 0..distinct {
        value = value.wrapping_add(reader.signed()?);
        list.push(value);
    }
    let places = reader.bits(width_of(distinct), count)?;
    let value = |place: u64| list.get(place as usize).copied();
    let values = places.into_iter().map(value).collect::<Option<_>>();
    values.ok_or(Corrupt("a place beyond its list"))
}

fn banded(form: u8, trend: Trend, values: &[i64]) -> Vec<u8> {
    let mut out = vec![form];
    let step = match trend {
        Trend::Line => {
            let step = usual_step(values);
            put_signed(&mut out, step);
            step
        }
        Trend::None | Trend::Previous => 0,
    };
    let mut residuals = values.to_vec();
    let first = values.first().copied().unwrap_or_default();
    match trend {
        Trend::None => {}
        Trend::Previous => {
            let pairs = values.iter().zip(values.iter().skip(1));
            let steps = pairs.map(|(before, value)| value.wrapping_sub(*before));
            residuals = std::iter::once(first).chain(steps).collect();
        }
        Trend::Line => {
            let mut line = first;
            for residual in &mut residuals {
                *residual = residual.wrapping_sub(line);
                line = line.wrapping_add(step);
            }
        }
    }
    if trend != Trend::None {
        // It says where all begin, and is no residual.
        put_signed(&mut out, first);
        residuals.remove(0);
    }
    put_band(&mut out, &residuals);
    out
}

fn read_banded(reader: &mut Reader<'_>, trend: Trend, count: usize) -> Result<Vec<i64>, Corrupt> {
    if trend == Trend::None {
        return read_band(reader, count);
    }
    let step = match trend {
        Trend::Line => reader.signed()?,
        Trend::None | Trend::Previous => 0,
    };
    let first = reader.signed()?;
    let residuals = read_band(reader, count - 1)?;
    let mut trail = first;
    let value = |residual: i64| match trend {
        Trend::Line => {
            trail = trail.wrapping_add(step);
            trail.wrapping_add(residual)
        }
        Trend::None | Trend::Previous => {
            trail = trail.wrapping_add(residual);
            trail
        }
    };
    Ok(std::iter::once(first)
        .chain(residuals.into_iter().map(value))
        .collect())
}

/// The middle one of all steps from value to value.
fn usual_step(values: &[i64]) -> i64 {
    let pairs = values.iter().zip(values.iter().skip(1));
    let mut steps: Vec<_> = pairs
        .map(|(before, value)| value.wrapping_sub(*before))
        .collect();
    let middle = steps.len() / 2;
    match steps.get(middle) {
        Some(_) => *steps.select_nth_unstable(middle).1,
        None => 0,
    }
}

/// Where most residuals lie: from `base` on, `2^width` values.
struct Band {
    base: i64,
    width: u32,
}

impl Band {
    /// The place within; `None` outside.
    fn place(&self, residual: i64) -> Option<u64> {
        let place = residual.wrapping_sub(self.base).cast_unsigned();
        (residual >= self.base && bit_length(place) <= self.width).then_some(place)
    }
}

/// The width, the base, those outside with their places, then all within.
fn put_band(out: &mut Vec<u8>, residuals: &[i64]) {
    let band = best_band(residuals);
    out.push(band.width as u8);
    put_signed(out, band.base);
    let is_outside = |residual: &i64| band.place(*residual).is_none();
    let outside = || {
        residuals
            .iter()
            .enumerate()
            .filter(|(_, one)| is_outside(one))
    };
    put_varint(out, outside().count() as u64);
    let mut next = 0;
    for (at, residual) in outside() {
        put_varint(out, (at - next) as u64);
        put_signed(out, residual.wrapping_sub(band.base));
        next = at + 1;
    }
    let places = residuals.iter().map(|one| band.place(*one).unwrap_or(0));
    put_bits(out, band.width, places);
}

fn read_band(reader: &mut Reader<'_>, count: usize) -> Result<Vec<i64>, Corrupt> {
    let width = u32::from(reader.octet()?);
    let base = reader.signed()?;
    let outside = reader.count(count.min(reader.left()))?;
    let (mut apart, mut next) = (Vec::with_capacity(outside), 0);
    for _ in 0..outside {
        let at = next + reader.count(count)?;
        apart.push((at, base.wrapping_add(reader.signed()?)));
        next = at + 1;
    }
    let places = reader.bits(width, count)?;
    let mut residuals: Vec<i64> = places
        .into_iter()
        .map(|place| base.wrapping_add(place.cast_signed()))
        .collect();
    for (at, residual) in apart {
        *residuals
            .get_mut(at)
            .ok_or(Corrupt("a place beyond the column"))? = residual;
    }
    Ok(residuals)
}

/// The band that makes the column shortest: for each width, the one that most residuals lie in.
fn best_band(residuals: &[i64]) -> Band {
    let mut sorted = residuals.to_vec();
    sorted.sort_unstable();
    let (Some(low), Some(high)) = (sorted.first(), sorted.last()) else {
        return Band { base: 0, width: 0 };
    };
    let widest = bit_length(high.wrapping_sub(*low).cast_unsigned());
    // Half the values apart is never worth it; wider bands are tried first, and win where they cost the same.
    let bands = (0..=widest).rev().map(|width| fullest(&sorted, width));
    let best = bands.min_by_key(|(band, inside)| {
        let apart = sorted.len() - inside;
        let each = 1 + signed_length(high.wrapping_sub(*low));
        apart * each + (sorted.len() * band.width as usize).div_ceil(8)
    });
    best.map_or(
        Band {
            base: *low,
            width: widest,
        },
        |(band, _)| band,
    )
}

/// The band of a width that most of the sorted residuals lie in, and how many.
fn fullest(sorted: &[i64], width: u32) -> (Band, usize) {
    let (mut from, mut best) = (0, (0, 0));
    for (to, high) in sorted.iter().enumerate() {
        let is_inside = |low: &i64| bit_length(high.wrapping_sub(*low).cast_unsigned()) <= width;
        while sorted.get(from).is_some_and(|low| !is_inside(low)) {
            from += 1;
        }
        if to + 1 - from > best.1 {
            best = (from, to + 1 - from);
        }
    }
    let base = sorted.get(best.0).copied().unwrap_or_default();
    (Band { base, width }, best.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn length(values: &[i64]) -> usize {
        let mut octets = Vec::new();
        put(&mut octets, values);
        let mut reader = Reader::new(&octets, 1 << 20);
        assert_eq!(read(&mut reader, values.len()).as_deref(), Ok(values));
        assert_eq!(reader.left(), 0);
        octets.len()
    }

    #[test]
    fn extremes_read_back() {
        length(&[]);
        length(&[0]);
        length(&[i64::MIN]);
        length(&[i64::MIN, i64::MAX]);
        length(&[i64::MAX, i64::MIN, 0, -1, 1]);
        length(&[0, i64::MAX, i64::MIN, i64::MAX, 7, 7, 7, 7, 7, 7, 7, 7]);
    }

    #[test]
    fn what_is_regular_takes_little() {
        let steady: Vec<i64> = (0..60).map(|n| 1_700_000_000_000 + n * 60_000).collect();
        assert_eq!(length(&[1; 60]), 1);
        assert_eq!(length(&[1_000_000; 60]), 4);
        assert!(length(&steady) <= 15, "{}", length(&steady));
        let mut with_a_gap = steady;
        for late in &mut with_a_gap[30..] {
            *late += 7_200_000;
        }
        assert!(length(&with_a_gap) <= 20, "{}", length(&with_a_gap));
        let alternating: Vec<i64> = (0..60).map(|n| [7, 1 << 40][n % 2]).collect();
        assert!(length(&alternating) <= 20);
        let mut one_is_far = vec![12; 60];
        one_is_far[31] = 1 << 30;
        assert!(length(&one_is_far) <= 16);
    }
}
