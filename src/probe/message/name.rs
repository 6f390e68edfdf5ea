//! Names between their canonical text and the wire.
//!
//! A compression pointer must lead backwards, past the header, to labels that end before those that lead there; and a
//! name goes through at most 127 of them: as many as it can have labels. So every name is read in a bounded number of steps, whatever the message holds. Deliberately
//! absent: compression of what is sent; a question needs none.

use std::fmt::Write as _;

use super::HEADER_OCTETS;
use crate::names::DnsName;

/// RFC 1035 section 2.3.4, with the root's octet.
const MOST_OCTETS: usize = 255;
const MOST_POINTERS: usize = 127;

/// The labels of a name in a message, pointers followed.
pub(super) struct Labels<'a> {
    message: &'a [u8],
    at: usize,
    /// Where the part of the name that is being read begins: a pointer must lead further back.
    part: usize,
    /// What the part must not run into: the part before it, which leads here.
    limit: usize,
    end: Option<usize>,
    octets: usize,
    pointers: usize,
}

impl<'a> Labels<'a> {
    pub(super) fn new(message: &'a [u8], at: usize) -> Self {
        Self {
            message,
            at,
            part: at,
            limit: message.len(),
            end: None,
            octets: 0,
            pointers: 0,
        }
    }

    /// The next label; empty at the end of the name; `None` where the octets are no name.
    pub(super) fn next(&mut self) -> Option<&'a [u8]> {
        loop {
            #[cfg(test)]
            steps::count();
            let length = usize::from(*self.message.get(self.at)?);
            match length {
                0..=63 => {
                    let start = self.at + 1;
                    let label = self.message.get(start..start + length)?;
                    self.at = start + length;
                    self.octets += 1 + length;
                    let fits = self.octets <= MOST_OCTETS && self.at <= self.limit;
                    return fits.then_some(label);
                }
                192.. => self.jump(length)?,
                _ => return None,
            }
        }
    }

    fn jump(&mut self, high: usize) -> Option<()> {
        let low = usize::from(*self.message.get(self.at + 1)?);
        let target = (high & 0x3f) << 8 | low;
        self.end.get_or_insert(self.at + 2);
        self.pointers += 1;
        let allowed = (HEADER_OCTETS..self.part).contains(&target) && self.at + 2 <= self.limit;
        (self.at, self.limit, self.part) = (target, self.part, target);
        (allowed && self.pointers <= MOST_POINTERS).then_some(())
    }

    /// Where what follows the name begins, once its end was reached.
    fn end(&self) -> usize {
        self.end.unwrap_or(self.at)
    }
}

/// Where what follows the name at `at` begins; `None` where no name is there.
pub(super) fn skip(message: &[u8], at: usize) -> Option<usize> {
    let mut labels = Labels::new(message, at);
    while !labels.next()?.is_empty() {}
    Some(labels.end())
}

/// A name uncompressed (RFC 1035 section 3.1).
#[derive(Clone)]
pub(in crate::probe) struct Expanded {
    octets: [u8; MOST_OCTETS],
    length: usize,
}

impl Expanded {
    fn empty() -> Self {
        Self {
            octets: [0; MOST_OCTETS],
            length: 0,
        }
    }

    /// The octets of a name in lower case: names that differ only in how they are escaped become equal.
    pub(in crate::probe) fn of(name: &DnsName) -> Self {
        let mut expanded = Self::empty();
        let mut rest = name.as_str().as_bytes();
        if name.is_root() {
            rest = &[];
        }
        // The octet before each label is its length, counted while the label is written.
        let (mut length_at, mut at) = (0, 1);
        loop {
            let (octet, after) = match rest {
                [b'\\', a @ b'0'..=b'9', b, c, after @ ..] => (decimal([*a, *b, *c]), after),
                [b'.', after @ ..] => {
                    (length_at, at, rest) = (at, at + 1, after);
                    continue;
                }
                [b'\\', octet, after @ ..] | [octet, after @ ..] => (*octet, after),
                [] => break,
            };
            if let [length, .., to] = expanded.octets.get_mut(length_at..=at).unwrap_or_default() {
                (*length, *to) = (*length + 1, octet.to_ascii_lowercase());
            }
            (at, rest) = (at + 1, after);
        }
        // The octet after the last label is the root's; the root alone is nothing else.
        expanded.length = if at > 1 { at + 1 } else { 1 };
        expanded
    }

    /// The name at `at` of a message in the case it is in, and where what follows it begins.
    pub(super) fn read(message: &[u8], at: usize) -> Option<(Self, usize)> {
        let mut labels = Labels::new(message, at);
        let mut expanded = Self::empty();
        loop {
            let label = labels.next()?;
            expanded.push(&[label.len() as u8]);
            expanded.push(label);
            if label.is_empty() {
                return Some((expanded, labels.end()));
            }
        }
    }

    /// The same in lower case. The lengths of labels are below every letter.
    pub(super) fn lower(mut self) -> Self {
        self.octets.make_ascii_lowercase();
        self
    }

    /// Past the longest name nothing is taken: a [`DnsName`] never is longer, and a name off the wire was measured.
    fn push(&mut self, octets: &[u8]) {
        let end = self.length + octets.len();
        if let Some(room) = self.octets.get_mut(self.length..end) {
            room.copy_from_slice(octets);
            self.length = end;
        }
    }

    /// The octets, with the root's.
    pub(in crate::probe) fn octets(&self) -> &[u8] {
        self.octets.get(..self.length).unwrap_or_default()
    }

    /// Whether the name at `at` of a message is this one, which is in lower case.
    pub(super) fn is_at(&self, message: &[u8], at: usize) -> bool {
        let (mut labels, mut rest) = (Labels::new(message, at), self.octets());
        while let (Some(label), Some((&length, after))) = (labels.next(), rest.split_first()) {
            if label.is_empty() {
                return length == 0;
            }
            match after.split_at_checked(usize::from(length)) {
                Some((own, after)) if own.eq_ignore_ascii_case(label) => rest = after,
                _ => return false,
            }
        }
        false
    }

    /// Whether this name is `ancestor` or lies below it, both in lower case.
    pub(super) fn is_within(&self, ancestor: &Self) -> bool {
        let mut rest = self.octets();
        loop {
            if rest == ancestor.octets() {
                return true;
            }
            match rest.split_first() {
                Some((&length, after)) if length > 0 => {
                    rest = after.get(usize::from(length)..).unwrap_or_default();
                }
                _ => return false,
            }
        }
    }

    /// The name as text without the trailing dot, case kept.
    pub(super) fn text(&self) -> String {
        let mut text = String::with_capacity(self.length);
        push_text(&mut text, self.octets());
        text
    }

    /// The name as the whole program holds it.
    pub(in crate::probe) fn to_name(&self) -> Option<DnsName> {
        self.text().parse().ok()
    }
}

impl PartialEq for Expanded {
    fn eq(&self, other: &Self) -> bool {
        self.octets() == other.octets()
    }
}

fn decimal(digits: [u8; 3]) -> u8 {
    digits.iter().fold(0_u8, |number, digit| {
        number
            .wrapping_mul(10)
            .wrapping_add(digit.wrapping_sub(b'0'))
    })
}

/// The first name in uncompressed octets as presentation text without the trailing dot, case kept; only what must be
/// escaped is. Gives what follows the name; `None` where no name is there.
pub(super) fn push_text<'a>(text: &mut String, octets: &'a [u8]) -> Option<&'a [u8]> {
    let (mut rest, start) = (octets, text.len());
    loop {
        let (&length, after) = rest.split_first()?;
        let (label, after) = after.split_at_checked(usize::from(length))?;
        if length > 63 {
            return None;
        }
        if label.is_empty() {
            if text.len() == start {
                text.push('.');
            }
            return Some(after);
        }
        if text.len() > start {
            text.push('.');
        }
        push_octets(text, label);
        rest = after;
    }
}

fn push_octets(text: &mut String, label: &[u8]) {
    for &octet in label {
        match octet {
            b'.' | b'\\' => text.extend(['\\', char::from(octet)]),
            b'!'..=b'~' => text.push(char::from(octet)),
            // Writing to a String cannot fail.
            _ => drop(write!(text, "\\{octet:03}")),
        }
    }
}

/// How many steps names have taken, for tests of the bound.
#[cfg(test)]
pub(super) mod steps {
    use std::cell::Cell;

    thread_local!(static TAKEN: Cell<usize> = const { Cell::new(0) });

    pub(super) fn count() {
        TAKEN.set(TAKEN.get() + 1);
    }

    /// The steps since the last call.
    pub(in crate::probe::message) fn take() -> usize {
        TAKEN.replace(0)
    }
}

#[cfg(test)]
mod tests;
