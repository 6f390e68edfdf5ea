//! DNS messages in a stream of octets: two octets of length, then the message (RFC 1035 section 4.2.2, RFC 7766 section 8).
//!
//! Pure: octets in, messages out. Deliberately absent: what a message says. A length of zero gives an empty message, which is
//! nobody's answer.

const LENGTH_OCTETS: usize = 2;

/// Cuts messages out of octets that come in pieces of any size. Holds at most one unfinished message.
#[derive(Debug, Default)]
pub(in crate::probe) struct Frames {
    /// The beginning of a message, its length in front; empty between messages.
    unfinished: Vec<u8>,
}

impl Frames {
    /// Takes the next octets and appends every message that they finish.
    pub(in crate::probe) fn feed(&mut self, mut octets: &[u8], messages: &mut Vec<Vec<u8>>) {
        while !octets.is_empty() {
            let Some((message, rest)) = self.next(octets) else {
                return;
            };
            messages.push(message);
            octets = rest;
        }
    }

    /// The first message that is finished, and what follows it; `None` once every octet is kept.
    fn next<'a>(&mut self, octets: &'a [u8]) -> Option<(Vec<u8>, &'a [u8])> {
        if self.unfinished.is_empty()
            && let Some((length, rest)) = octets.split_first_chunk::<LENGTH_OCTETS>()
            && let Some((message, rest)) =
                rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))
        {
            return Some((message.to_vec(), rest));
        }
        let octets = self.keep(octets, LENGTH_OCTETS);
        let length = self.unfinished.first_chunk::<LENGTH_OCTETS>()?;
        let whole = LENGTH_OCTETS + usize::from(u16::from_be_bytes(*length));
        let octets = self.keep(octets, whole);
        if self.unfinished.len() < whole {
            return None;
        }
        let mut message = std::mem::take(&mut self.unfinished);
        message.drain(..LENGTH_OCTETS);
        Some((message, octets))
    }

    /// Keeps what brings the unfinished message to `wanted` octets, and gives the rest.
    fn keep<'a>(&mut self, octets: &'a [u8], wanted: usize) -> &'a [u8] {
        let missing = wanted.saturating_sub(self.unfinished.len());
        let (kept, rest) = octets.split_at(missing.min(octets.len()));
        self.unfinished.extend_from_slice(kept);
        rest
    }
}

/// Appends a message with its length. `false`, and nothing is appended, where it is longer than a length can say.
pub(super) fn put(message: &[u8], octets: &mut Vec<u8>) -> bool {
    let Ok(length) = u16::try_from(message.len()) else {
        return false;
    };
    octets.extend(length.to_be_bytes());
    octets.extend_from_slice(message);
    true
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;

    fn cut(pieces: &[&[u8]]) -> (Vec<Vec<u8>>, bool) {
        let (mut frames, mut messages) = (Frames::default(), Vec::new());
        for piece in pieces {
            frames.feed(piece, &mut messages);
        }
        (messages, frames.unfinished.is_empty())
    }

    fn check(pieces: &[&[u8]], expected: &[&[u8]], between: bool) {
        let expected: Vec<_> = expected.iter().map(|message| message.to_vec()).collect();
        assert_eq!(cut(pieces), (expected, between), "{pieces:?}");
    }

    #[test]
    fn messages_are_cut_wherever_the_pieces_end() {
        check(&[], &[], true);
        check(&[b"\0\x02ab"], &[b"ab"], true);
        check(&[b"\0\x02ab\0\x01c"], &[b"ab", b"c"], true);
        check(&[b"\0", b"\x02", b"a", b"b"], &[b"ab"], true);
        check(&[b"\0\x02a", b"b\0\x01c\0"], &[b"ab", b"c"], false);
        check(&[b"\0\0\0\x01c"], &[b"", b"c"], true);
        check(&[b"\0", b"\0"], &[b""], true);
        check(&[b"\xff\xff", b"ab"], &[], false);
        check(&[b"", b""], &[], true);
    }

    #[test]
    fn the_longest_message_there_is_passes_and_a_longer_one_is_not_written() {
        let longest = vec![7; 65_535];
        let mut octets = Vec::new();
        assert!(put(&longest, &mut octets));
        assert!(!put(&vec![0; 65_536], &mut octets));
        let pieces: Vec<_> = octets.chunks(1000).collect();
        assert_eq!(cut(&pieces), (vec![longest], true));
    }

    proptest! {
        #[test]
        fn what_is_put_is_cut_again(messages in vec(vec(any::<u8>(), 0..300), 0..8), piece in 1_usize..50) {
            let mut octets = Vec::new();
            for message in &messages {
                put(message, &mut octets);
            }
            let pieces: Vec<_> = octets.chunks(piece).collect();
            prop_assert_eq!(cut(&pieces), (messages, true));
        }

        #[test]
        fn no_octets_are_kept_beyond_one_message(octets in vec(any::<u8>(), 0..2000)) {
            let (mut frames, mut messages) = (Frames::default(), Vec::new());
            frames.feed(&octets, &mut messages);
            let cut: usize = messages.iter().map(|message| message.len() + LENGTH_OCTETS).sum();
            prop_assert_eq!(cut + frames.unfinished.len(), octets.len());
        }
    }
}
