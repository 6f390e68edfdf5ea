//! One column of numbers in the shortest of a few forms.
//!
//! A column begins with an octet that says its form. From [`SMALL`] on it is itself the value that all have. Otherwise: one
//! value for all ([`SAME`]); a list of the values there are and the place of each in it ([`LISTED`]), or of the steps from each to
//! the next ([`STEPS`]); or residuals packed into as few bits as most of them take, the others apart — of the values themselves ([`PLAIN`]), of each less the one
//! before ([`PREVIOUS`]), or of each less a straight line ([`LINE`]). Arithmetic wraps, so that all of `i64`
//! reads back.
//!
//! Deliberately absent: how many values there are, which whoever reads must know, and entropy coding, which gains nothing on
//! so few of them.

use super::{
    Corrupt,
    bits::{Reader, bit_length, put_bits, put_signed, put_varint, signed_length},
};

const SAME: u8 = 0;
const LISTED: u8 = 1;
/// Residuals: of values, of each less the one before, of each less a line.
const PLAIN: u8 = 2;
const PREVIOUS: u8 = 3;
const LINE: u8 = 4;
const STEPS: u8 = 5;
/// Not a form of one column: of several in the place of one (`groups`).
pub(super) const GROUPED: u8 = 6;
/// The first of the forms that are values.
const SMALL: u8 = 8;

/// The most values worth a list.
const MOST_LISTED: usize = 256;

/// Clocks go by the second and by the millisecond: what steps are rounded to, microseconds.
const ROUND_STEPS: [i64; 2] = [1_000, 1_000_000];

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
    let steps: Vec<_> = steps(values).collect();
    let bands = [plain(values), previous(*first, &steps)];
    let lines = likely_steps(&steps).map(|step| line(*first, step, values));
    let lists = [listed(values), listed_steps(*first, &steps)];
    let forms = bands.into_iter().chain(lines);
    let shortest = forms
        .chain(lists.into_iter().flatten())
        .min_by_key(Vec::len);
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
        LISTED => read_list(reader, count),
        PLAIN => read_band(reader, count),
        PREVIOUS => Ok(climb(reader.signed()?, read_band(reader, count - 1)?)),
        LINE => {
            let (step, first) = (reader.signed()?, reader.signed()?);
            Ok(along(first, step, read_band(reader, count - 1)?))
        }
        STEPS => Ok(climb(reader.signed()?, read_list(reader, count - 1)?)),
        SMALL.. => Ok(vec![i64::from(form - SMALL); count]),
        _ => Err(Corrupt("an unknown form of column")),
    }
}

/// From each value to the next.
fn steps(values: &[i64]) -> impl Iterator<Item = i64> {
    let pairs = values.iter().zip(values.iter().skip(1));
    pairs.map(|(before, value)| value.wrapping_sub(*before))
}

/// The middle one of all steps, and that as a clock may have meant it.
fn likely_steps(steps: &[i64]) -> impl Iterator<Item = i64> {
    let mut steps = steps.to_vec();
    let middle = steps.len() / 2;
    let usual = match steps.get(middle) {
        Some(_) => *steps.select_nth_unstable(middle).1,
        None => 0,
    };
    let rounded = ROUND_STEPS.map(|unit| {
        let up = usual.saturating_add(unit / 2);
        up.wrapping_sub(up.rem_euclid(unit))
    });
    let others = rounded.into_iter().filter(move |step| *step != usual);
    std::iter::once(usual).chain(others)
}

fn plain(values: &[i64]) -> Vec<u8> {
    let mut out = vec![PLAIN];
    put_band(&mut out, values);
    out
}

fn previous(first: i64, steps: &[i64]) -> Vec<u8> {
    let mut out = vec![PREVIOUS];
    put_signed(&mut out, first);
    put_band(&mut out, steps);
    out
}

/// The values that begin with the first and go on by these steps.
fn climb(first: i64, steps: Vec<i64>) -> Vec<i64> {
    let mut value = first;
    let rest = steps.into_iter().map(|step| {
        value = value.wrapping_add(step);
        value
    });
    std::iter::once(first).chain(rest).collect()
}

/// The first value, and how far each other lies from as many equal steps after it as there are values before.
fn line(first: i64, step: i64, values: &[i64]) -> Vec<u8> {
    let mut out = vec![LINE];
    put_signed(&mut out, step);
    put_signed(&mut out, first);
    let mut line = first;
    let residuals = values.iter().skip(1).map(|value| {
        line = line.wrapping_add(step);
        value.wrapping_sub(line)
    });
    put_band(&mut out, &residuals.collect::<Vec<_>>());
    out
}

/// Reads [`line`] back.
fn along(first: i64, step: i64, residuals: Vec<i64>) -> Vec<i64> {
    let mut line = first;
    let rest = residuals.into_iter().map(|residual| {
        line = line.wrapping_add(step);
        line.wrapping_add(residual)
    });
    std::iter::once(first).chain(rest).collect()
}

fn listed(values: &[i64]) -> Option<Vec<u8>> {
    let mut out = vec![LISTED];
    put_list(&mut out, values)?;
    Some(out)
}

fn listed_steps(first: i64, steps: &[i64]) -> Option<Vec<u8>> {
    let mut out = vec![STEPS];
    put_signed(&mut out, first);
    put_list(&mut out, steps)?;
    Some(out)
}

/// The distinct values in order, and the place of each value among them; `None` where there are too many.
fn put_list(out: &mut Vec<u8>, values: &[i64]) -> Option<()> {
    let mut distinct = values.to_vec();
    distinct.sort_unstable();
    distinct.dedup();
    if distinct.len() > MOST_LISTED {
        return None;
    }
    put_varint(out, distinct.len() as u64);
    let mut before = 0;
    for value in &distinct {
        put_signed(out, value.wrapping_sub(before));
        before = *value;
    }
    let place = |value| distinct.partition_point(|other| other < value) as u64;
    put_bits(out, width_of(distinct.len()), values.iter().map(place));
    Some(())
}

/// Bits that tell so many apart.
fn width_of(distinct: usize) -> u32 {
    bit_length(distinct.saturating_sub(1) as u64)
}

fn read_list(reader: &mut Reader<'_>, count: usize) -> Result<Vec<i64>, Corrupt> {
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
    let width = bit_length(high.wrapping_sub(*low).cast_unsigned());
    let each = 1 + signed_length(high.wrapping_sub(*low));
    let within = |width: u32| (sorted.len() * width as usize).div_ceil(8);
    let (mut best, mut length) = (Band { base: *low, width }, within(width));
    for width in (0..width).rev() {
        let (band, inside) = fullest(&sorted, width);
        let apart = (sorted.len() - inside) * each;
        // The narrower, the more lie apart.
        if apart >= length {
            break;
        }
        if apart + within(width) < length {
            (best, length) = (band, apart + within(width));
        }
    }
    best
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
        // Of the clock's steps, not of what noise makes of them.
        let jitter = |n: i64| 60_000_000 * n + n * n * 7_919 % 512;
        let noisy: Vec<i64> = (0..600).map(jitter).collect();
        assert!(length(&noisy) <= 600 * 9 / 8 + 20, "{}", length(&noisy));
        let refetched: Vec<i64> = (0..600).map(|n| n / 5 * 300 + n / 50).collect();
        assert!(length(&refetched) <= 600 / 4 + 20, "{}", length(&refetched));
        let mut one_is_far = vec![12; 60];
        one_is_far[31] = 1 << 30;
        assert!(length(&one_is_far) <= 16);
    }
}
