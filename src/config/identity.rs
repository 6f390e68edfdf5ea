//! Ids, labels and pages: the texts that name things and are shown to people.
//!
//! Deliberately absent: domain names, which are [`crate::names`]'s business.

use std::net::IpAddr;

use super::{error::Complaint, section::Section};

/// Reads the `id` of a table, which must be there, and free: `taken` says what is wrong where it is not.
pub(super) fn id(
    section: &mut Section<'_, '_>,
    taken: impl FnOnce(&str) -> Option<Complaint>,
) -> Option<String> {
    unique(section, "id", id_text, taken)
}

/// Reads a key that names the table it stands in.
pub(super) fn unique(
    section: &mut Section<'_, '_>,
    key: &'static str,
    parse: impl FnOnce(&str) -> Result<String, Complaint>,
    taken: impl FnOnce(&str) -> Option<Complaint>,
) -> Option<String> {
    if section.node(key).is_none() {
        section.complain_here(Complaint::new(format!("`{key}` is missing")));
        return None;
    }
    let name = section.parsed(key, parse)?;
    if let Some(complaint) = taken(&name.value) {
        section.complain(&name.at, complaint);
        return None;
    }
    Some(name.value)
}

/// An id can be told from an address and from its neighbours in a list: `--resolver office,192.0.2.1`.
fn id_text(text: &str) -> Result<String, Complaint> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if text.is_empty() || text.len() > 64 || !text.chars().all(plain) {
        let message = format!("`{text}` is no id");
        return Err(Complaint::new(message).hint("1 to 64 letters, digits, `-`, `_` and `.`"));
    }
    if text.parse::<IpAddr>().is_ok() {
        return Err(Complaint::new(format!("`{text}` is an address, not an id")));
    }
    Ok(text.to_owned())
}

/// Text that is shown beside others on one line: a vantage, a group, an operator.
pub(super) fn label(text: &str) -> Result<String, Complaint> {
    let shown = text.trim() == text && !text.is_empty() && !text.contains(char::is_control);
    if shown && text.chars().count() <= 64 {
        return Ok(text.to_owned());
    }
    let message = format!("{text:?} does not name anything");
    Err(Complaint::new(message).hint("1 to 64 characters on one line, no spaces around"))
}

/// A page that a person can open.
pub(super) fn page(text: &str) -> Result<String, Complaint> {
    match url::Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") => Ok(text.to_owned()),
        _ => Err(Complaint::new(format!(
            "`{text}` is not an http or https address"
        ))),
    }
}
