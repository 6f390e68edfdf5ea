//! A reading position in uncompressed RDATA; every read is `None` past the end.
//!
//! Deliberately absent: compression pointers, which the canonical form has no more.

use crate::probe::message::name;

pub(in crate::probe::message) struct Cursor<'a> {
    rest: &'a [u8],
}

impl<'a> Cursor<'a> {
    pub(in crate::probe::message) fn new(rest: &'a [u8]) -> Self {
        Self { rest }
    }

    pub(in crate::probe::message) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub(in crate::probe::message) fn remainder(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.rest)
    }

    pub(in crate::probe::message) fn take(&mut self, octets: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(octets)?;
        self.rest = rest;
        Some(taken)
    }

    pub(in crate::probe::message) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    pub(in crate::probe::message) fn u8(&mut self) -> Option<u8> {
        self.array().map(u8::from_be_bytes)
    }

    pub(in crate::probe::message) fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_be_bytes)
    }

    pub(in crate::probe::message) fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_be_bytes)
    }

    /// The octets of a character string (RFC 1035 section 3.3).
    pub(in crate::probe::message) fn string(&mut self) -> Option<&'a [u8]> {
        let length = self.u8()?;
        self.take(usize::from(length))
    }

    /// Writes a name without its trailing dot, case kept.
    pub(in crate::probe::message) fn name(&mut self, text: &mut String) -> Option<()> {
        self.rest = name::push_text(text, self.rest)?;
        Some(())
    }
}
