//! Fetches a channel's secrets from the environment or from files.
//!
//! No message here ever holds a secret's value. Deliberately absent: what each is for, but for the shape of a signing key.

use std::{collections::BTreeMap, path::PathBuf};

use base64::{Engine, prelude::BASE64_STANDARD};

use crate::config::{
    Secret, SecretSource, Secrets,
    error::Complaint,
    section::{Located, Section},
};

/// Where secrets are looked for.
pub(in crate::config) struct Vault<'a> {
    pub(in crate::config) environment: &'a BTreeMap<String, String>,
    /// Relative paths of files start here.
    pub(in crate::config) directory: PathBuf,
    pub(in crate::config) secrets: Secrets,
}

/// At most one secret, in a variable or a file. The inner value is `None` where it was not found.
pub(super) fn at_most_one(
    section: &mut Section<'_, '_>,
    keys: [&'static str; 2],
    vault: &Vault<'_>,
    parse: impl Fn(&str, &str) -> Result<Vec<u8>, Complaint>,
) -> Option<Located<Option<Secret>>> {
    let [in_variable, in_file] = keys;
    if section.node(in_variable).is_some() && section.node(in_file).is_some() {
        let complaint = format!("give either `{in_variable}` or `{in_file}`, not both");
        section.complain_here(Complaint::new(complaint));
    }
    stored(section, keys, vault, parse)
}

/// A secret that must be given, in a variable or a file. `None`: it was not, or not found, and that is noted.
pub(super) fn required(
    section: &mut Section<'_, '_>,
    keys: [&'static str; 2],
    vault: &Vault<'_>,
    parse: impl Fn(&str, &str) -> Result<Vec<u8>, Complaint>,
) -> Option<Secret> {
    let found = at_most_one(section, keys, vault, parse);
    if found.is_none() {
        let [in_variable, in_file] = keys;
        let complaint = format!("give `{in_variable}`, the name of a variable, or `{in_file}`");
        section.complain_here(Complaint::new(complaint));
    }
    found?.value
}

/// A secret in a variable or a file, made sense of by `parse`, which is told what to call it.
pub(super) fn stored(
    section: &mut Section<'_, '_>,
    [in_variable, in_file]: [&'static str; 2],
    vault: &Vault<'_>,
    parse: impl Fn(&str, &str) -> Result<Vec<u8>, Complaint>,
) -> Option<Located<Option<Secret>>> {
    let variable = section.text(in_variable).map(|name| Located {
        value: vault.variable(&name.value, in_variable),
        at: name.at,
    });
    let file = section.text(in_file).map(|path| Located {
        value: vault.file(&path.value, in_file),
        at: path.at,
    });
    let Located { at, value: found } = variable.or(file)?;
    let read = found.and_then(|(text, source)| {
        let origin = match &source {
            SecretSource::Variable(name) => format!("the variable `{name}`"),
            SecretSource::File(path) => format!("the file `{}`", path.display()),
            SecretSource::Given => "it".to_owned(),
        };
        Ok(Secret::new(parse(&text, &origin)?).found_at(source))
    });
    let value = match read {
        Ok(secret) => Some(secret),
        Err(complaint) => {
            if vault.secrets == Secrets::Required {
                section.complain(&at, complaint);
            }
            None
        }
    };
    Some(Located { at, value })
}

impl Vault<'_> {
    pub(super) fn variable(
        &self,
        name: &str,
        key: &str,
    ) -> Result<(String, SecretSource), Complaint> {
        match self.environment.get(name).map(|text| text.trim()) {
            Some("") => Err(Complaint::new(format!("the variable `{name}` is empty"))),
            Some(text) => Ok((text.to_owned(), SecretSource::Variable(name.to_owned()))),
            None => Err(Complaint::new(format!(
                "the variable `{name}`, named by `{key}`, is not set"
            ))),
        }
    }

    fn file(&self, path: &str, key: &str) -> Result<(String, SecretSource), Complaint> {
        let path = self.directory.join(path);
        let shown = path.display();
        match std::fs::read_to_string(&path) {
            Ok(text) if text.trim().is_empty() => {
                Err(Complaint::new(format!("the file `{shown}` is empty")))
            }
            Ok(text) => Ok((text.trim().to_owned(), SecretSource::File(path))),
            Err(error) => Err(Complaint::new(format!(
                "cannot read the file `{shown}`, named by `{key}`: {error}"
            ))),
        }
    }
}

/// The key of Standard Webhooks: `whsec_` and 24 to 64 bytes in base64.
pub(super) fn key_bytes(text: &str, origin: &str) -> Result<Vec<u8>, Complaint> {
    let bytes = text
        .strip_prefix("whsec_")
        .and_then(|encoded| BASE64_STANDARD.decode(encoded).ok());
    match bytes {
        Some(bytes) if (24..=64).contains(&bytes.len()) => Ok(bytes),
        _ => Err(Complaint::new(format!(
            "{origin} must hold `whsec_` and 24 to 64 bytes in base64"
        ))
        .hint("make one: echo whsec_$(openssl rand -base64 32)")),
    }
}
