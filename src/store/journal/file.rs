//! The journal's file: records that are on the disk before anybody is told that they are written.
//!
//! Deliberately absent: what a record means.

use std::{
    fs::{self, File, TryLockError},
    io,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};

use crate::store::own_file;

/// What a file begins with.
const MAGIC: &[u8; 8] = b"dnsaudj1";
/// Length and checksum of a record.
const HEAD: usize = 4 + 8;
/// The most octets that a file may have: a disk that fills up takes more down than a journal.
pub(super) const MOST_OCTETS: u64 = 256 * 1024 * 1024;

/// Why the journal takes nothing, or cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// Another process has it.
    #[error(
        "{path} is in use by another process: give each instance a vantage or a data_dir of its own"
    )]
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// Something else lies there.
    #[error("{path} is no journal of this program: move it away, or set another data_dir")]
    NotOurs {
        /// The file.
        path: PathBuf,
    },
    /// It has all that it may hold.
    #[error("{path} is full: it holds {} MiB that the database has not taken yet", MOST_OCTETS >> 20)]
    Full {
        /// The file.
        path: PathBuf,
    },
    /// The disk, or the rights to it.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A record that cannot be written as JSON, or read from it.
    #[error("a record of the journal does not fit its form: {0}")]
    Form(#[from] serde_json::Error),
    /// There is none.
    #[error("there is no journal: data_dir cannot be written to")]
    Absent,
}

/// An append-only file of records, open for this process alone (an advisory lock of the kernel, which ends with the process).
///
/// ```text
/// 8 octets   "dnsaudj1"
/// then, for each record:
/// 4 octets   n, the length of what it says, most significant octet first
/// 8 octets   the first of SHA-256 over (the record's offset in the file as 8 octets, the 4 octets of n, what it says)
/// n octets   what it says: JSON, as [`super::Record`] has it
/// ```
///
/// A record is written and flushed to the disk (`fdatasync`) before [`JournalFile::append`] returns. What does not verify
/// when the file is opened is what a crash cut off in the middle of writing; it and all behind it was never acknowledged,
/// and is cut off. If more than one record's worth of octets goes by that, a copy is left beside the file as `*.damaged`.
#[derive(Debug)]
pub(super) struct JournalFile {
    file: File,
    path: PathBuf,
    end: u64,
}

impl JournalFile {
    /// Opens or makes the file, takes its lock, and reads every whole record in it, in order.
    pub(super) fn open(path: &Path) -> Result<(Self, Vec<Vec<u8>>), JournalError> {
        let io = |source| JournalError::Io {
            path: path.to_owned(),
            source,
        };
        let file = own_file::open(path).map_err(io)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let path = path.to_owned();
                return Err(JournalError::InUse { path });
            }
            Err(TryLockError::Error(error)) => return Err(io(error)),
        }
        let octets = fs::read(path).map_err(io)?;
        if !octets.starts_with(MAGIC) && !MAGIC.starts_with(&octets) {
            let path = path.to_owned();
            return Err(JournalError::NotOurs { path });
        }
        let mut journal = Self {
            file,
            path: path.to_owned(),
            end: MAGIC.len() as u64,
        };
        let records = journal.read(&octets);
        journal.mend(&octets).map_err(io)?;
        Ok((journal, records))
    }

    /// Every record from the beginning that verifies; leaves the end behind the last of them.
    fn read(&mut self, octets: &[u8]) -> Vec<Vec<u8>> {
        let mut records = Vec::new();
        while let Some(said) = record_at(octets, self.end) {
            self.end += (HEAD + said.len()) as u64;
            records.push(said.to_vec());
        }
        records
    }

    /// Writes the beginning of a new file, or cuts off what a crash left half written.
    fn mend(&self, octets: &[u8]) -> io::Result<()> {
        if octets.len() < MAGIC.len() {
            self.file.write_all_at(MAGIC, 0)?;
            self.file.sync_all()?;
            let directory = self.path.parent().unwrap_or(Path::new("."));
            return File::open(directory)?.sync_all();
        }
        let surplus = (octets.len() as u64).saturating_sub(self.end);
        if surplus == 0 {
            return Ok(());
        }
        let path = self.path.display();
        if is_torn(octets, self.end) {
            tracing::warn!(%path, octets = surplus, "the journal's last record was cut off while it was written; it was never told");
        } else {
            let copy = self.path.with_extension("damaged");
            fs::write(&copy, octets)?;
            tracing::error!(%path, octets = surplus, copy = %copy.display(), "the journal is damaged; what follows is not read, a copy is kept");
        }
        self.file.set_len(self.end)?;
        self.file.sync_all()
    }

    /// Writes a record and waits until the disk has it. After an error the file is as it was before.
    pub(super) fn append(&mut self, said: &[u8]) -> Result<(), JournalError> {
        let length = u32::try_from(said.len()).unwrap_or(u32::MAX);
        let end = self.end + (HEAD + said.len()) as u64;
        if end > MOST_OCTETS || length == u32::MAX {
            return Err(JournalError::Full {
                path: self.path.clone(),
            });
        }
        let mut record = Vec::with_capacity(HEAD + said.len());
        record.extend(length.to_be_bytes());
        record.extend(checksum(self.end, length, said));
        record.extend(said);
        let written = self.file.write_all_at(&record, self.end);
        if let Err(source) = written.and_then(|()| self.file.sync_data()) {
            // If that fails, too, the next record is written over it, and a reader stops before it.
            let _ = self.file.set_len(self.end);
            return Err(self.io(source));
        }
        self.end = end;
        Ok(())
    }

    /// Forgets every record.
    pub(super) fn clear(&mut self) -> Result<(), JournalError> {
        let end = MAGIC.len() as u64;
        let cleared = self.file.set_len(end);
        cleared
            .and_then(|()| self.file.sync_all())
            .map_err(|source| self.io(source))?;
        self.end = end;
        Ok(())
    }

    /// How many octets it has.
    pub(super) fn octets(&self) -> u64 {
        self.end
    }

    fn io(&self, source: io::Error) -> JournalError {
        JournalError::Io {
            path: self.path.clone(),
            source,
        }
    }
}

/// What the record at this offset says, if there is a whole one.
fn record_at(octets: &[u8], offset: u64) -> Option<&[u8]> {
    let rest = octets.get(usize::try_from(offset).ok()?..)?;
    let (length, rest) = rest.split_first_chunk::<4>()?;
    let (sum, rest) = rest.split_first_chunk::<8>()?;
    let length = u32::from_be_bytes(*length);
    let said = rest.get(..usize::try_from(length).ok()?)?;
    (checksum(offset, length, said) == *sum).then_some(said)
}

/// Whether the file ends within the record that begins at this offset, or is nothing but zeros from there on.
fn is_torn(octets: &[u8], offset: u64) -> bool {
    let offset = usize::try_from(offset).unwrap_or(usize::MAX);
    let rest = octets.get(offset..).unwrap_or_default();
    let Some(length) = rest.first_chunk::<4>() else {
        return true;
    };
    let whole = HEAD + u32::from_be_bytes(*length) as usize;
    rest.len() <= whole || rest.iter().all(|octet| *octet == 0)
}

fn checksum(offset: u64, length: u32, said: &[u8]) -> [u8; 8] {
    let mut hash = Sha256::new();
    hash.update(offset.to_be_bytes());
    hash.update(length.to_be_bytes());
    hash.update(said);
    let digest: [u8; 32] = hash.finalize().into();
    let mut sum = [0; 8];
    sum.copy_from_slice(&digest[..8]);
    sum
}

#[cfg(test)]
mod tests {
    use std::fs::OpenOptions;

    use super::*;

    const SAID: [&[u8]; 3] = [b"{\"one\":1}", b"{}", b"{\"three\":[3,3,3]}"];

    fn written() -> (tempfile::TempDir, PathBuf) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("here.journal");
        let (mut journal, records) = JournalFile::open(&path).unwrap();
        assert!(records.is_empty());
        for said in SAID {
            journal.append(said).unwrap();
        }
        (directory, path)
    }

    #[test]
    fn wherever_a_crash_cuts_the_file_every_whole_record_is_read_and_the_next_follows_it() {
        let (_directory, path) = written();
        let whole = fs::read(&path).unwrap();
        let ends: Vec<usize> = SAID
            .iter()
            .scan(MAGIC.len(), |end, said| {
                *end += HEAD + said.len();
                Some(*end)
            })
            .collect();
        for cut in 0..=whole.len() {
            fs::write(&path, &whole[..cut]).unwrap();
            let left = ends.iter().filter(|end| **end <= cut).count();
            let (mut journal, records) = JournalFile::open(&path).unwrap();
            assert_eq!(records, SAID[..left], "cut at {cut}");
            journal.append(b"next").unwrap();
            drop(journal);
            let (_, records) = JournalFile::open(&path).unwrap();
            assert_eq!(records.len(), left + 1, "cut at {cut}");
            assert!(!path.with_extension("damaged").exists(), "cut at {cut}");
        }
    }

    #[test]
    fn one_octet_that_turned_ends_the_reading_before_it_and_a_copy_is_kept() {
        let (_directory, path) = written();
        let whole = fs::read(&path).unwrap();
        for at in MAGIC.len()..MAGIC.len() + HEAD + SAID[0].len() {
            let mut turned = whole.clone();
            turned[at] ^= 1;
            fs::write(&path, &turned).unwrap();
            let (_, records) = JournalFile::open(&path).unwrap();
            assert!(records.is_empty(), "octet {at}");
        }
        assert!(path.with_extension("damaged").exists());
    }

    #[test]
    fn records_of_an_earlier_life_are_not_read_as_new_ones() {
        let (_directory, path) = written();
        let whole = fs::read(&path).unwrap();
        let (mut journal, _) = JournalFile::open(&path).unwrap();
        journal.clear().unwrap();
        journal.append(b"new").unwrap();
        drop(journal);
        // What stood behind it, as a file system may show it again after a crash.
        let mut octets = fs::read(&path).unwrap();
        octets.extend(&whole[MAGIC.len() + HEAD + SAID[0].len()..]);
        fs::write(&path, &octets).unwrap();
        let (_, records) = JournalFile::open(&path).unwrap();
        assert_eq!(records, [b"new"]);
    }

    #[test]
    fn a_second_owner_and_a_file_of_somebody_else_are_refused() {
        let (directory, path) = written();
        let (_held, _) = JournalFile::open(&path).unwrap();
        let refused = JournalFile::open(&path);
        assert!(matches!(refused, Err(JournalError::InUse { .. })));
        let other = directory.path().join("other");
        fs::write(&other, "something else").unwrap();
        let refused = JournalFile::open(&other);
        assert!(matches!(refused, Err(JournalError::NotOurs { .. })));
    }

    #[test]
    fn a_disk_that_takes_nothing_is_told_and_leaves_the_file_as_it_was() {
        let full = PathBuf::from("/dev/full");
        let mut journal = JournalFile {
            file: OpenOptions::new().write(true).open(&full).unwrap(),
            path: full,
            end: 8,
        };
        let refused = journal.append(b"{}").unwrap_err();
        assert!(refused.to_string().contains("No space left"), "{refused}");
        assert_eq!(journal.octets(), 8);
    }
}
