//! Lists and free tables of a section.
//!
//! Deliberately absent: lists of anything but texts and tables, which no key takes.

use std::{collections::BTreeMap, fmt::Display};

use super::{Located, Section, wrong_type};
use crate::config::{
    error::{Complaint, Origin},
    raw::{Node, Value},
};

impl<'t> Section<'t, '_> {
    /// A list of texts; from a variable, separated by commas. What `parse` refuses is noted and left out.
    pub(in crate::config) fn list<T>(
        &mut self,
        key: &'static str,
        mut parse: impl FnMut(&str) -> Result<T, Complaint>,
    ) -> Option<Vec<Located<T>>> {
        let texts = match self.node(key)? {
            Node {
                at,
                value: Value::Word(text),
            } => text
                .split(',')
                .map(|item| (at, item.trim()))
                .filter(|(_, item)| !item.is_empty())
                .collect(),
            Node {
                value: Value::List(items),
                ..
            } => self.texts(key, items),
            Node { at, value } => {
                let complaint = wrong_type("a list of texts", value);
                let message = format!("`{key}` {}", complaint.message);
                self.report.add(at, Complaint::new(message));
                return None;
            }
        };
        let mut list = Vec::new();
        for (at, text) in texts {
            match parse(text) {
                Ok(value) => list.push(Located {
                    at: at.clone(),
                    value,
                }),
                Err(complaint) => self.report.add(at, complaint),
            }
        }
        Some(list)
    }

    /// Notes an empty list.
    pub(in crate::config) fn refuse_empty(&mut self, key: &'static str) {
        let Some((_, Node { at, value })) = self.table.get(key) else {
            return;
        };
        let empty = match value {
            Value::List(items) => items.is_empty(),
            Value::Word(text) => text.trim().is_empty(),
            _ => false,
        };
        if empty {
            let message = format!("`{key}` must not be empty");
            self.report.add(at, Complaint::new(message));
        }
    }

    /// A list's values, each once: a repeated one is noted, and so is an empty list.
    pub(in crate::config) fn distinct<T: PartialEq + Display>(
        &mut self,
        key: &'static str,
        list: Vec<Located<T>>,
    ) -> Vec<T> {
        self.refuse_empty(key);
        self.without_repeats(key, list)
    }

    /// A list's values, each once: a repeated one is noted.
    pub(in crate::config) fn without_repeats<T: PartialEq + Display>(
        &mut self,
        key: &'static str,
        list: Vec<Located<T>>,
    ) -> Vec<T> {
        let mut values = Vec::new();
        for Located { at, value } in list {
            if values.contains(&value) {
                let message = format!("`{key}` lists `{value}` twice");
                self.report.add(&at, Complaint::new(message));
            } else {
                values.push(value);
            }
        }
        values
    }

    fn texts(&mut self, key: &str, items: &'t [Node]) -> Vec<(&'t Origin, &'t str)> {
        let mut texts = Vec::new();
        for item in items {
            match &item.value {
                Value::Text(text) => texts.push((&item.at, text.as_str())),
                other => {
                    let message = format!("`{key}` holds texts, not {}", other.kind());
                    self.report.add(&item.at, Complaint::new(message));
                }
            }
        }
        texts
    }

    /// A table of texts with free keys.
    pub(in crate::config) fn texts_by_key(
        &mut self,
        key: &'static str,
    ) -> Option<BTreeMap<String, String>> {
        let located = self.read(key, |value| match value {
            Value::Table(table) => table
                .iter()
                .map(|(name, (_, node))| match &node.value {
                    Value::Text(text) => Ok((name.clone(), text.clone())),
                    _ => Err(Complaint::new(format!(
                        "must hold texts, and `{name}` is none"
                    ))),
                })
                .collect(),
            other => Err(wrong_type("a table such as { team = \"voip\" }", other)),
        })?;
        Some(located.value)
    }
}
