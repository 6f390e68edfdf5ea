//! The records of an `RRset`, each once, in order: shared by whoever keeps them, since a history keeps the same ones many times.
//!
//! Deliberately absent: any change of one.

use std::{fmt, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// RDATA in canonical presentation form, sorted, each once. Cheap to clone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Rrset(Arc<[Box<str>]>);

impl Rrset {
    /// How many records.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Every record, in order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(AsRef::as_ref)
    }

    /// Whether the record is in it.
    pub fn contains(&self, rdata: &str) -> bool {
        self.0.binary_search_by(|own| (**own).cmp(rdata)).is_ok()
    }
}

impl fmt::Debug for Rrset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

impl FromIterator<String> for Rrset {
    fn from_iter<I: IntoIterator<Item = String>>(records: I) -> Self {
        let mut all: Vec<_> = records.into_iter().map(String::into_boxed_str).collect();
        all.sort_unstable();
        all.dedup();
        Self(all.into())
    }
}

impl<const N: usize> From<[String; N]> for Rrset {
    fn from(records: [String; N]) -> Self {
        records.into_iter().collect()
    }
}

impl Serialize for Rrset {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

impl<'de> Deserialize<'de> for Rrset {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Vec::<String>::deserialize(deserializer)?
            .into_iter()
            .collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_kept_in_order_and_once_however_they_come() {
        let texts = ["192.0.2.2", "192.0.2.10", "192.0.2.2"];
        let set: Rrset = texts.map(str::to_owned).into();
        assert_eq!(set.iter().collect::<Vec<_>>(), ["192.0.2.10", "192.0.2.2"]);
        assert!(set.contains("192.0.2.2") && !set.contains("192.0.2.1"));
        assert_eq!((set.len(), set.is_empty()), (2, false));
        let none = Rrset::default();
        assert_eq!((none.len(), none.is_empty()), (0, true));
        assert_eq!(format!("{set:?}"), r#"{"192.0.2.10", "192.0.2.2"}"#);
        let read: Rrset = serde_json::from_value(serde_json::json!(texts)).unwrap();
        assert_eq!(read, set);
        assert_eq!(
            serde_json::to_value(&set).unwrap(),
            serde_json::json!(["192.0.2.10", "192.0.2.2"])
        );
    }
}
