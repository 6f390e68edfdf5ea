//! Octets written and read one after another: varints, and numbers of a fixed width in bits.
//!
//! Deliberately absent: what they mean. Reading never goes past the end, and nothing is reserved that the octets at hand
//! could not fill.

use super::Corrupt;

/// Appends `value` in groups of seven bits, the lowest first.
pub(super) fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Appends a signed number; small ones of either sign are short.
pub(super) fn put_signed(out: &mut Vec<u8>, value: i64) {
    put_varint(out, zigzag(value));
}

/// How many octets [`put_signed`] takes.
pub(super) fn signed_length(value: i64) -> usize {
    (bit_length(zigzag(value)).max(1) as usize).div_ceil(7)
}

/// Bits up to the highest that is set.
pub(super) fn bit_length(value: u64) -> u32 {
    u64::BITS - value.leading_zeros()
}

fn zigzag(value: i64) -> u64 {
    (value << 1 ^ value >> 63).cast_unsigned()
}

/// Appends the low `width` bits of each value, the first value lowest, and fills the last octet with zeros.
pub(super) fn put_bits(out: &mut Vec<u8>, width: u32, values: impl Iterator<Item = u64>) {
    let (mut held, mut bits) = (0_u128, 0);
    for value in values {
        held |= u128::from(value) << bits;
        bits += width;
        while bits >= 8 {
            out.push(held as u8);
            held >>= 8;
            bits -= 8;
        }
    }
    if bits > 0 {
        out.push(held as u8);
    }
}

/// Octets that are still to be read.
pub(super) struct Reader<'a> {
    rest: &'a [u8],
    /// Numbers that may still come out: a short input must not fill the memory.
    budget: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn new(octets: &'a [u8], budget: usize) -> Self {
        Self {
            rest: octets,
            budget,
        }
    }

    /// Octets that are left.
    pub(super) fn left(&self) -> usize {
        self.rest.len()
    }

    /// Notes that `count` numbers come out.
    pub(super) fn spend(&mut self, count: usize) -> Result<(), Corrupt> {
        let left = self.budget.checked_sub(count);
        self.budget = left.ok_or(Corrupt("more numbers than a pack may hold"))?;
        Ok(())
    }

    /// The next octet, which stays.
    pub(super) fn next(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    pub(super) fn octet(&mut self) -> Result<u8, Corrupt> {
        Ok(self.take(1)?[0])
    }

    pub(super) fn take(&mut self, count: usize) -> Result<&'a [u8], Corrupt> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or(Corrupt("short"))?;
        self.rest = rest;
        Ok(taken)
    }

    pub(super) fn varint(&mut self) -> Result<u64, Corrupt> {
        let mut value = 0;
        for shift in (0..u64::BITS).step_by(7) {
            let octet = self.octet()?;
            let bits = u64::from(octet & 0x7f);
            if bits << shift >> shift != bits {
                break;
            }
            value |= bits << shift;
            if octet < 0x80 {
                return Ok(value);
            }
        }
        Err(Corrupt("a number of more than 64 bits"))
    }

    /// A count that is at most `most`.
    pub(super) fn count(&mut self, most: usize) -> Result<usize, Corrupt> {
        let count = usize::try_from(self.varint()?).unwrap_or(usize::MAX);
        if count > most {
            return Err(Corrupt("a count beyond its bound"));
        }
        Ok(count)
    }

    pub(super) fn signed(&mut self) -> Result<i64, Corrupt> {
        let zigzag = self.varint()?;
        Ok((zigzag >> 1).cast_signed() ^ -(zigzag & 1).cast_signed())
    }

    /// `count` numbers of `width` bits.
    pub(super) fn bits(&mut self, width: u32, count: usize) -> Result<Vec<u64>, Corrupt> {
        if width > u64::BITS {
            return Err(Corrupt("numbers wider than 64 bits"));
        }
        let octets = self.take((count * width as usize).div_ceil(8))?;
        let mask = (1_u128 << width) - 1;
        let (mut held, mut bits, mut octets) = (0_u128, 0, octets.iter());
        let mut next = || {
            while bits < width {
                // There are as many octets as all numbers take.
                held |= u128::from(*octets.next().unwrap_or(&0)) << bits;
                bits += 8;
            }
            let value = (held & mask) as u64;
            held >>= width;
            bits -= width;
            value
        };
        Ok((0..count).map(|_| next()).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_every_length_read_back() {
        let numbers = [0, 1, -1, 63, 64, -64, -65, 300, i64::MAX, i64::MIN];
        let mut octets = Vec::new();
        for number in numbers {
            let before = octets.len();
            put_signed(&mut octets, number);
            assert_eq!(octets.len() - before, signed_length(number), "{number}");
        }
        let mut reader = Reader::new(&octets, 0);
        for number in numbers {
            assert_eq!(reader.signed(), Ok(number));
        }
        assert_eq!(reader.left(), 0);
        assert!(reader.varint().is_err());
    }

    #[test]
    fn bits_of_every_width_read_back() {
        for width in 0..=64 {
            let mask = u64::MAX.checked_shr(64 - width).unwrap_or(0);
            let values: Vec<u64> = (1..20_u64)
                .map(|n| n.wrapping_mul(0x9e37_79b9_7f4a_7c15) & mask)
                .collect();
            let mut octets = Vec::new();
            put_bits(&mut octets, width, values.iter().copied());
            let mut reader = Reader::new(&octets, 0);
            assert_eq!(reader.bits(width, values.len()), Ok(values), "{width}");
            assert_eq!(reader.left(), 0);
        }
    }

    #[test]
    fn a_varint_that_is_too_long_is_refused() {
        assert!(Reader::new(&[0x80; 11], 0).varint().is_err());
        let too_much = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02];
        assert!(Reader::new(&too_much, 0).varint().is_err());
        let most = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];
        assert_eq!(Reader::new(&most, 0).varint(), Ok(u64::MAX));
    }
}
