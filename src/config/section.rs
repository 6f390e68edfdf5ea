//! Reads one table key by key: types, ranges, and at the end every key that nobody asked for.
//!
//! Deliberately absent: defaults. A key that is absent or wrong reads as `None`; what is wrong stands in the report.

mod lists;
mod scalars;

use std::{fmt::Display, ops::RangeInclusive};

use super::{
    error::{Complaint, Origin, Report, suggestion},
    raw::{Node, Table, Value},
};

/// A value with the place it was written at.
#[derive(Debug, Clone)]
pub(super) struct Located<T> {
    pub(super) at: Origin,
    pub(super) value: T,
}

/// One table while it is read.
pub(super) struct Section<'t, 'r> {
    /// As shown in errors: `in [http]`, `at the top level`.
    label: &'static str,
    /// Where the table stands.
    at: Origin,
    table: &'t Table,
    asked: Vec<&'static str>,
    pub(super) report: &'r mut Report,
}

impl<'t, 'r> Section<'t, 'r> {
    /// Opens a table for reading.
    pub(super) fn new(
        label: &'static str,
        at: Origin,
        table: &'t Table,
        report: &'r mut Report,
    ) -> Self {
        Self {
            label,
            at,
            table,
            asked: Vec::new(),
            report,
        }
    }

    /// Where the table stands.
    pub(super) fn place(&self) -> &Origin {
        &self.at
    }

    /// Notes an error at a place.
    pub(super) fn complain(&mut self, at: &Origin, complaint: Complaint) {
        self.report.add(at, complaint);
    }

    /// Notes an error of the whole table.
    pub(super) fn complain_here(&mut self, complaint: Complaint) {
        self.report.add(&self.at, complaint);
    }

    fn ask(&mut self, key: &'static str) {
        if !self.asked.contains(&key) {
            self.asked.push(key);
        }
    }

    /// The node of a key; asking makes the key a known one.
    pub(super) fn node(&mut self, key: &'static str) -> Option<&'t Node> {
        self.ask(key);
        self.table.get(key).map(|(_, node)| node)
    }

    /// The table under a key, and where it stands.
    pub(super) fn table(&mut self, key: &'static str) -> Option<(Origin, &'t Table)> {
        let node = self.node(key)?;
        if let Value::Table(table) = &node.value {
            return Some((node.at.clone(), table));
        }
        let message = format!("`{key}` must be a table: write [{key}]");
        self.report.add(&node.at, Complaint::new(message));
        None
    }

    /// The tables of a list under a key, and where each stands.
    pub(super) fn tables(&mut self, key: &'static str) -> Vec<(Origin, &'t Table)> {
        self.ask(key);
        let mut tables = Vec::new();
        let mut wrong = |at: &Origin| {
            let message = format!("`{key}` must be a list of tables: write [[{key}]]");
            self.report.add(at, Complaint::new(message));
        };
        match self.table.get(key) {
            None => {}
            Some((
                _,
                Node {
                    value: Value::List(items),
                    ..
                },
            )) => {
                for item in items {
                    match &item.value {
                        Value::Table(table) => tables.push((item.at.clone(), table)),
                        _ => wrong(&item.at),
                    }
                }
            }
            Some((_, node)) => wrong(&node.at),
        }
        tables
    }

    /// A value that `read` makes of the node.
    fn read<T>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(&Value) -> Result<T, Complaint>,
    ) -> Option<Located<T>> {
        let node = self.node(key)?;
        match read(&node.value) {
            Ok(value) => Some(Located {
                at: node.at.clone(),
                value,
            }),
            Err(complaint) => {
                let message = format!("`{key}` {}", complaint.message);
                self.report.add(
                    &node.at,
                    Complaint {
                        message,
                        ..complaint
                    },
                );
                None
            }
        }
    }

    /// Notes every key that was never asked for, and remembers those that were.
    pub(super) fn finish(self) {
        for (key, (at, _)) in self.table {
            let known = self.asked.iter().any(|known| known == key);
            if !known {
                let complaint = Complaint::new(format!("unknown key `{key}` {}", self.label));
                self.report
                    .add(at, complaint.hint(suggestion(key, &self.asked)));
            }
        }
        self.report.remember(self.label, self.asked);
    }
}

fn wrong_type(wanted: &str, value: &Value) -> Complaint {
    match value {
        Value::Word(text) => Complaint::new(format!("must be {wanted}, not `{text}`")),
        other => Complaint::new(format!("must be {wanted}, not {}", other.kind())),
    }
}

fn within<T: PartialOrd + Display>(number: T, range: &RangeInclusive<T>) -> Result<T, Complaint> {
    if range.contains(&number) {
        return Ok(number);
    }
    let (low, high) = (range.start(), range.end());
    Err(Complaint::new(format!(
        "must be from {low} to {high}, not {number}"
    )))
}
