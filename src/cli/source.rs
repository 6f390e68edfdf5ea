//! Which configuration a command reads, and with what it must come.
//!
//! Deliberately absent: reading it, which is `config`'s.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use super::CliError;
use crate::config::{Config, Secrets};

/// Where the configuration is, and the environment it is read with.
pub(super) struct Source {
    file: Option<PathBuf>,
    environment: BTreeMap<String, String>,
}

impl Source {
    pub(super) fn new(file: Option<PathBuf>) -> Self {
        let shipped = PathBuf::from("config/dns-auditor.toml");
        let file = file.or_else(|| shipped.exists().then_some(shipped));
        // A variable that is no text is none of ours; `vars` would panic at it.
        let texts = std::env::vars_os().filter_map(|(name, value)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        });
        Self {
            file,
            environment: texts.collect(),
        }
    }

    /// This file, whatever the environment says.
    pub(super) fn alone(file: PathBuf) -> Self {
        Self {
            file: Some(file),
            environment: BTreeMap::new(),
        }
    }

    /// The configuration; without a file, the defaults. For commands that tell nobody anything, and so need no secrets.
    pub(super) fn load(&self) -> Result<Config, CliError> {
        Ok(crate::config::load_with(
            self.file.as_deref(),
            &self.environment,
            Secrets::Optional,
        )?)
    }

    /// As [`Source::load`], of a file that must be there.
    pub(super) fn require(&self) -> Result<Config, CliError> {
        self.file()?;
        self.load()
    }

    /// The configuration of a file that must be there, with every channel's secrets.
    pub(super) fn require_with_secrets(&self) -> Result<Config, CliError> {
        Ok(crate::config::load_with(
            Some(self.file()?),
            &self.environment,
            Secrets::Required,
        )?)
    }

    pub(super) fn file(&self) -> Result<&Path, CliError> {
        let hint = "no configuration: give --config FILE, set DNS_AUDITOR_CONFIG, or run where \
                    config/dns-auditor.toml is";
        self.file
            .as_deref()
            .ok_or_else(|| CliError::Usage(hint.to_owned()))
    }
}
