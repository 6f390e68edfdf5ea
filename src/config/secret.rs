//! Values that are never printed, and where they came from.
//!
//! Deliberately absent: `Display`, `Serialize`, and any way to print the bytes by accident.

use std::{borrow::Cow, fmt, path::PathBuf};

/// A value that is never printed.
#[derive(Clone)]
pub struct Secret {
    bytes: Vec<u8>,
    source: SecretSource,
}

/// Where a secret was found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum SecretSource {
    /// Written in the configuration itself, or made by the program.
    #[default]
    Given,
    /// The environment variable of this name.
    Variable(String),
    /// This file.
    File(PathBuf),
}

impl Secret {
    /// Wraps a secret's bytes.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Self {
            bytes: bytes.into(),
            source: SecretSource::Given,
        }
    }

    /// The same secret, found at `source`.
    #[must_use]
    pub fn found_at(self, source: SecretSource) -> Self {
        Self { source, ..self }
    }

    /// Where it was found.
    pub fn source(&self) -> &SecretSource {
        &self.source
    }

    /// The bytes, for the one place that uses them.
    pub fn expose(&self) -> &[u8] {
        &self.bytes
    }

    /// The secret as text, for the one place that uses it; lossy where it is not UTF-8.
    pub fn expose_str(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.bytes)
    }
}

/// Two secrets are equal when their bytes are, wherever they were found.
impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.bytes == other.bytes
    }
}

impl Eq for Secret {}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}
