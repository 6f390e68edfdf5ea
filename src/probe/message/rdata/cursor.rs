//! A reading position in uncompressed RDATA; every read is `None` past the end.
//!
//! Deliberately absent: compression pointers, which the decoder has resolved.

use super::quoted;
use crate::probe::message::name;

pub(super) struct Cursor<'a> {
    rest: &'a [u8],
}

impl<'a> Cursor<'a> {
    pub(super) fn new(rest: &'a [u8]) -> Self {
        Self { rest }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub(super) fn remainder(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.rest)
    }

    pub(super) fn take(&mut self, octets: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(octets)?;
        self.rest = rest;
        Some(taken)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    pub(super) fn u8(&mut self) -> Option<u8> {
        self.array().map(u8::from_be_bytes)
    }

    pub(super) fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_be_bytes)
    }

    pub(super) fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_be_bytes)
    }

    /// A character string (RFC 1035 section 3.3), quoted.
    pub(super) fn string(&mut self) -> Option<String> {
        let length = self.u8()?;
        self.take(usize::from(length)).map(quoted)
    }

    /// A name as text without the trailing dot, case kept.
    pub(super) fn name(&mut self) -> Option<String> {
        let mut labels = Vec::new();
        loop {
            match self.u8()? {
                0 => return Some(name::text(labels.into_iter())),
                length @ 1..=63 => labels.push(self.take(usize::from(length))?),
                _ => return None,
            }
        }
    }
}
