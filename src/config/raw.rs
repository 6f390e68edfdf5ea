//! What was typed: a tree of values, each knowing where it was written, from the file and from the environment.
//!
//! Deliberately absent: which keys exist and what they mean, which is for the readers of `section`.

use std::collections::BTreeMap;

use toml::de::{DeTable, DeValue};

use super::error::{Complaint, Origin, Report};

/// The tables that a file may have more than once: no variable could say which it means.
pub(super) const REPEATED: [&str; 4] = ["resolver", "group", "channel", "maintenance"];
/// Those that it may have once.
pub(super) const SINGLE: [&str; 7] = [
    "database",
    "retention",
    "http",
    "authority",
    "defaults",
    "heartbeat",
    "delivery",
];

/// The prefix of the variables that override keys.
pub(super) const PREFIX: &str = "DNS_AUDITOR__";

/// A value and where it was written.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) at: Origin,
    pub(super) value: Value,
}

/// A table's keys, each with its own place.
pub(super) type Table = BTreeMap<String, (Origin, Node)>;

/// A value as typed.
#[derive(Debug, Clone)]
pub(super) enum Value {
    Text(String),
    Integer(i128),
    Number(f64),
    Flag(bool),
    Date,
    List(Vec<Node>),
    Table(Table),
    /// From a variable: whatever type its key takes.
    Word(String),
}

impl Value {
    /// What this is, for errors.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Text(_) => "text",
            Self::Integer(_) => "a whole number",
            Self::Number(_) => "a number",
            Self::Flag(_) => "true or false",
            Self::Date => "a date",
            Self::List(_) => "a list",
            Self::Table(_) => "a table",
            Self::Word(_) => "a variable's text",
        }
    }
}

/// Reads TOML; every syntax error is noted.
pub(super) fn parse(text: &str, report: &mut Report) -> Table {
    let (document, errors) = DeTable::parse_recoverable(text);
    for error in errors {
        let at = error.span().map_or(text.len(), |span| span.start);
        report.add(&Origin::File(at), Complaint::new(error.message()));
    }
    table(document.into_inner())
}

fn table(document: DeTable<'_>) -> Table {
    document
        .into_iter()
        .map(|(key, value)| {
            let at = Origin::File(key.span().start);
            let node = node(value.span().start, value.into_inner());
            (key.into_inner().into_owned(), (at, node))
        })
        .collect()
}

fn node(start: usize, value: DeValue<'_>) -> Node {
    let value = match value {
        DeValue::String(text) => Value::Text(text.into_owned()),
        DeValue::Integer(digits) => Value::Integer(
            i128::from_str_radix(digits.as_str(), digits.radix()).unwrap_or(i128::MAX),
        ),
        DeValue::Float(digits) => Value::Number(digits.as_str().parse().unwrap_or(f64::NAN)),
        DeValue::Boolean(flag) => Value::Flag(flag),
        DeValue::Datetime(_) => Value::Date,
        DeValue::Array(items) => Value::List(
            items
                .into_iter()
                .map(|item| node(item.span().start, item.into_inner()))
                .collect(),
        ),
        DeValue::Table(inner) => Value::Table(table(inner)),
    };
    Node {
        at: Origin::File(start),
        value,
    }
}

/// Lays the environment over the file: `DATABASE_URL`, then every `DNS_AUDITOR__SECTION__KEY`.
pub(super) fn overlay(
    root: &mut Table,
    environment: &BTreeMap<String, String>,
    report: &mut Report,
) {
    // A variable that is set to nothing is how many shells and unit files unset one.
    let url = environment
        .get("DATABASE_URL")
        .filter(|url| !url.is_empty());
    if let Some(url) = url {
        put(root, &["database", "url"], "DATABASE_URL", url, report);
    }
    for (variable, text) in environment {
        if let Some(path) = variable.strip_prefix(PREFIX) {
            let path = path.to_lowercase();
            let path: Vec<&str> = path.split("__").collect();
            put(root, &path, variable, text, report);
        }
    }
}

fn put(root: &mut Table, path: &[&str], variable: &str, text: &str, report: &mut Report) {
    let at = Origin::Variable(variable.to_owned());
    let entry = |value: Value| {
        let node = Node {
            at: at.clone(),
            value,
        };
        (at.clone(), node)
    };
    let word = Value::Word(text.to_owned());
    match path {
        [section, ..] if REPEATED.contains(section) => report.add(
            &at,
            Complaint::new(format!("no variable can set a key of [[{section}]]"))
                .hint("write it in the file"),
        ),
        [section] if SINGLE.contains(section) => report.add(&at, misnamed()),
        [key] => {
            root.insert((*key).to_owned(), entry(word));
        }
        [section, key] => {
            let (_, node) = root
                .entry((*section).to_owned())
                .or_insert_with(|| entry(Value::Table(Table::new())));
            // Where the file has no table there, that is an error of the file.
            if let Value::Table(table) = &mut node.value {
                table.insert((*key).to_owned(), entry(word));
            }
        }
        _ => report.add(&at, misnamed()),
    }
}

fn misnamed() -> Complaint {
    Complaint::new("a variable names one section and one key").hint(format!(
        "write {PREFIX}SECTION__KEY, such as {PREFIX}HTTP__LISTEN"
    ))
}
