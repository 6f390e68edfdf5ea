//! Samples that belong together: those with the same annotation came from the same server behind an address, with a round trip
//! and a cache of its own.
//!
//! What differs from server to server and is steady at each is a column for each of them, where that is shorter than one for
//! all. Deliberately absent: packs of version 1, which know of none: there all samples are one group.

use super::{
    Corrupt,
    bits::Reader,
    column::{self, GROUPED},
};

/// The most groups worth columns of their own.
const MOST_GROUPS: usize = 16;

/// The group of each sample.
pub(super) struct Groups {
    of: Vec<usize>,
    count: usize,
}

impl Groups {
    /// So many samples in one group.
    pub(super) fn one(samples: usize) -> Self {
        Self {
            of: vec![0; samples],
            count: 1,
        }
    }

    /// By the annotations of samples; one group where they are too many.
    pub(super) fn of(annotations: &[i64]) -> Self {
        let mut known = Vec::new();
        let mut of = Vec::with_capacity(annotations.len());
        for annotation in annotations {
            let place = known.iter().position(|one| one == annotation);
            of.push(place.unwrap_or(known.len()));
            if place.is_none() {
                known.push(*annotation);
            }
            if known.len() > MOST_GROUPS {
                return Self::one(annotations.len());
            }
        }
        let count = known.len();
        Self { of, count }
    }

    /// Those of the samples of which something holds.
    pub(super) fn of_those(&self, holds: impl IntoIterator<Item = bool>) -> Self {
        let of = self.of.iter().zip(holds);
        Self {
            of: of.filter(|(_, holds)| *holds).map(|(of, _)| *of).collect(),
            count: self.count,
        }
    }

    /// Appends a column, or one of each group.
    pub(super) fn put(&self, out: &mut Vec<u8>, values: &[i64]) {
        let mut whole = Vec::new();
        column::put(&mut whole, values);
        // No shorter than an octet for each.
        if self.count < 2 || whole.len() <= self.count {
            out.extend(whole);
            return;
        }
        let mut grouped = vec![GROUPED];
        for group in 0..self.count {
            let members = values.iter().zip(&self.of).filter(|(_, of)| **of == group);
            let members: Vec<_> = members.map(|(value, _)| *value).collect();
            column::put(&mut grouped, &members);
        }
        out.extend(if grouped.len() < whole.len() {
            grouped
        } else {
            whole
        });
    }

    /// Reads [`Groups::put`] back.
    pub(super) fn read(&self, reader: &mut Reader<'_>) -> Result<Vec<i64>, Corrupt> {
        if self.of.is_empty() || self.count < 2 || reader.next() != Some(GROUPED) {
            return column::read(reader, self.of.len());
        }
        reader.octet()?;
        let mut sizes = vec![0; self.count];
        for of in &self.of {
            sizes[*of] += 1;
        }
        let columns = sizes.into_iter().map(|size| column::read(reader, size));
        let columns = columns.collect::<Result<Vec<_>, _>>()?;
        let mut columns: Vec<_> = columns.into_iter().map(Vec::into_iter).collect();
        let next = |of: &usize| columns[*of].next().ok_or(Corrupt("short"));
        self.of.iter().map(next).collect()
    }
}
