mod channels;
mod errors;
mod resolvers;
mod shipped;
mod values;

use std::collections::BTreeMap;

use super::{Config, ConfigErrors, Secrets, channels::Vault, error::Report, load};

/// 22 November 2026.
const NOW: &str = "2026-11-22T19:05:00Z";

fn environment(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    let pairs = pairs
        .iter()
        .map(|(name, text)| ((*name).to_owned(), (*text).to_owned()));
    pairs.collect()
}

fn read_with(
    text: &str,
    variables: &[(&str, &str)],
    secrets: Secrets,
    report: &mut Report,
) -> Option<Config> {
    let vault = Vault {
        environment: &environment(variables),
        directory: "/etc/dns-auditor".into(),
        secrets,
    };
    load::read(text, &vault, NOW.parse().unwrap(), report)
}

fn read(text: &str, variables: &[(&str, &str)]) -> Result<Config, ConfigErrors> {
    let mut report = Report::default();
    match read_with(text, variables, Secrets::Required, &mut report) {
        Some(config) if report.is_empty() => Ok(config),
        _ => Err(report.into_errors(Some("auditor.toml".as_ref()), text)),
    }
}

pub(super) fn good(text: &str) -> Config {
    read(text, &[]).unwrap_or_else(|errors| panic!("{errors}"))
}

fn errors(text: &str, variables: &[(&str, &str)]) -> String {
    read(text, variables).unwrap_err().to_string()
}

/// One group with these further lines.
fn group(lines: &str) -> String {
    format!("[[group]]\nname = \"g\"\nnames = [\"a.example\"]\n{lines}\n")
}
