//! Values as somebody declares them: addresses, networks, alias targets, record data, or that there is nothing.
//!
//! Deliberately absent: when they are right.

use serde::{Deserialize, Serialize};

use crate::types::{Expect, NotAValue, Value};

/// The words for a name, or a type, that is to be no more.
const DENIALS: [(&str, Value); 2] = [("NXDOMAIN", Value::Nxdomain), ("NODATA", Value::Nodata)];

/// One value or several, at least one; as JSON a list of texts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<String>", into = "Vec<String>")]
pub struct Values {
    texts: Vec<String>,
    records: Expect,
    denials: Vec<Value>,
}

/// Why a list of texts is no list of values.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ValuesError {
    /// One of them is none.
    #[error(transparent)]
    NotAValue(#[from] NotAValue),
    /// There is none.
    #[error("no value: write an address, an alias's target, NXDOMAIN or NODATA")]
    Empty,
}

impl TryFrom<Vec<String>> for Values {
    type Error = ValuesError;

    fn try_from(texts: Vec<String>) -> Result<Self, ValuesError> {
        let mut values = Self {
            texts: Vec::new(),
            records: Expect::default(),
            denials: Vec::new(),
        };
        for text in texts {
            let denial = DENIALS
                .iter()
                .find(|(word, _)| text.trim().eq_ignore_ascii_case(word));
            let canonical = if let Some((word, denial)) = denial {
                values.denials.push(denial.clone());
                (*word).to_owned()
            } else {
                values.records.declare(text.trim())?
            };
            values.texts.push(canonical);
        }
        if values.texts.is_empty() {
            return Err(ValuesError::Empty);
        }
        Ok(values)
    }
}

impl From<Values> for Vec<String> {
    fn from(values: Values) -> Self {
        values.texts
    }
}

impl Values {
    /// As written, in canonical form.
    pub fn texts(&self) -> &[String] {
        &self.texts
    }

    /// Whether every record of the value is among them; of a denial, whether it is.
    pub fn covers(&self, value: &Value) -> bool {
        self.records.covers(value) || self.denials.contains(value)
    }

    /// Whether one RDATA is among them.
    pub fn contains(&self, rdata: &str) -> bool {
        self.records.contains(rdata)
    }
}
