//! The structure of a message, in one pass over its octets.
//!
//! What costs the whole message, so that it is malformed:
//!
//! 1. it is cut short, or longer than 65,535 octets; a name in it is none (see [`super::name`]);
//! 2. RDATA in the answer section, or of an SOA in the authority section, does not fit its type (see
//!    [`super::rdata::fits`]): those are what an answer is made of;
//! 3. two OPT records, one outside the additional section or with an owner, or one whose options run over its end (RFC
//!    6891 section 6.1.1).
//!
//! What does not, and makes it irregular: octets after its end, and other RDATA that does not fit its type. Records of
//! classes other than IN are held to their structure alone. Deliberately absent: what any of it means.

use super::{
    HEADER_OCTETS,
    edns::{OPT, Opt},
    name, rdata,
};

const IN: u16 = 1;
pub(super) const SOA: u16 = 6;
/// The least a record takes: the root, and its fixed fields.
const LEAST_RECORD: usize = 11;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::probe) enum Section {
    Answer,
    Authority,
    Additional,
}

impl Section {
    pub(super) const ALL: [Self; 3] = [Self::Answer, Self::Authority, Self::Additional];

    /// Where the header counts the section's records.
    pub(super) fn count_at(self) -> usize {
        match self {
            Self::Answer => 6,
            Self::Authority => 8,
            Self::Additional => 10,
        }
    }
}

/// A record, as places in its message.
#[derive(Debug, Clone, Copy)]
pub(in crate::probe) struct Record {
    pub(super) section: Section,
    pub(super) owner: u16,
    pub(in crate::probe) rtype: u16,
    pub(super) class: u16,
    pub(in crate::probe) ttl: u32,
    pub(super) data: u16,
    pub(super) length: u16,
    /// Whether the RDATA fits the type.
    pub(super) fits: bool,
}

impl Record {
    /// Reads the record at `at`, and tells where the next begins. Its RDATA is not looked at.
    pub(super) fn read(octets: &[u8], section: Section, at: usize) -> Option<(Self, usize)> {
        let fixed = name::skip(octets, at)?;
        let &[t1, t0, c1, c0, l3, l2, l1, l0, n1, n0] = octets.get(fixed..)?.first_chunk()?;
        let (data, length) = (fixed + 10, u16::from_be_bytes([n1, n0]));
        let end = data + usize::from(length);
        let record = Self {
            section,
            owner: u16::try_from(at).ok()?,
            rtype: u16::from_be_bytes([t1, t0]),
            class: u16::from_be_bytes([c1, c0]),
            ttl: u32::from_be_bytes([l3, l2, l1, l0]),
            data: u16::try_from(data).ok()?,
            length,
            fits: true,
        };
        (end <= octets.len()).then_some((record, end))
    }

    pub(super) fn is_internet(&self) -> bool {
        self.class == IN
    }

    /// Whether an answer is made of it.
    fn is_vital(&self) -> bool {
        match self.section {
            Section::Answer => true,
            Section::Authority => self.rtype == SOA,
            Section::Additional => false,
        }
    }
}

/// A message whose structure is sound.
#[derive(Debug)]
pub(in crate::probe) struct Message<'a> {
    pub(super) octets: &'a [u8],
    /// Every record but OPT, in the order of the message.
    pub(super) records: Vec<Record>,
    pub(super) opt: Option<Opt<'a>>,
    pub(super) is_irregular: bool,
}

impl<'a> Message<'a> {
    /// Reads a message; `None` where it is malformed.
    pub(super) fn decode(octets: &'a [u8]) -> Option<Self> {
        u16::try_from(octets.len()).ok()?;
        let mut at = HEADER_OCTETS;
        for _ in 0..count(octets, 4)? {
            at = name::skip(octets, at)? + 4;
        }
        let mut counts = [0; 3];
        for (to, section) in counts.iter_mut().zip(Section::ALL) {
            *to = count(octets, section.count_at())?;
        }
        let told: usize = counts.iter().map(|count| usize::from(*count)).sum();
        let mut message = Self {
            octets,
            records: Vec::with_capacity(told.min(octets.len() / LEAST_RECORD)),
            opt: None,
            is_irregular: false,
        };
        for (section, count) in Section::ALL.into_iter().zip(counts) {
            for _ in 0..count {
                let (record, next) = Record::read(octets, section, at)?;
                message.take(record)?;
                at = next;
            }
        }
        message.is_irregular |= at < octets.len();
        (at <= octets.len()).then_some(message)
    }

    fn take(&mut self, mut record: Record) -> Option<()> {
        if record.rtype == OPT {
            return self.take_opt(&record);
        }
        record.fits = !record.is_internet() || rdata::fits(self.octets, &record);
        self.is_irregular |= !record.fits;
        self.records.push(record);
        (record.fits || !record.is_vital()).then_some(())
    }

    fn take_opt(&mut self, record: &Record) -> Option<()> {
        let is_rooted = self.octets.get(usize::from(record.owner)) == Some(&0);
        if record.section != Section::Additional || !is_rooted || self.opt.is_some() {
            return None;
        }
        self.opt = Some(Opt::read(record, data(self.octets, record))?);
        Some(())
    }

    /// The records of a section, class IN, RDATA fitting.
    pub(super) fn sound(&self, section: Section) -> impl Iterator<Item = &Record> {
        let sound = move |record: &&Record| {
            record.section == section && record.is_internet() && record.fits
        };
        self.records.iter().filter(sound)
    }

    /// The RDATA of a record, octet by octet.
    pub(super) fn data(&self, record: &Record) -> &'a [u8] {
        data(self.octets, record)
    }
}

/// The RDATA of a record of these octets.
pub(super) fn data<'a>(octets: &'a [u8], record: &Record) -> &'a [u8] {
    let start = usize::from(record.data);
    octets
        .get(start..start + usize::from(record.length))
        .unwrap_or_default()
}

/// A number of the header.
pub(super) fn count(octets: &[u8], at: usize) -> Option<u16> {
    octets
        .get(at..at + 2)?
        .try_into()
        .ok()
        .map(u16::from_be_bytes)
}
