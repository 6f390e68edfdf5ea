//! A list that has one entry most of the time, which then takes no memory of its own.
//!
//! Deliberately absent: lists that change.

use std::ops::Deref;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A list that stays as it was made; what can be asked of it is what can be asked of a slice. In JSON it is a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mostly<T>(Entries<T>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Entries<T> {
    One(T),
    Other(Box<[T]>),
}

impl<T> Deref for Mostly<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        match &self.0 {
            Entries::One(one) => std::slice::from_ref(one),
            Entries::Other(all) => all,
        }
    }
}

impl<T> FromIterator<T> for Mostly<T> {
    fn from_iter<I: IntoIterator<Item = T>>(entries: I) -> Self {
        let mut entries = entries.into_iter();
        Self(match (entries.next(), entries.next()) {
            (Some(only), None) => Entries::One(only),
            (first, second) => {
                Entries::Other(first.into_iter().chain(second).chain(entries).collect())
            }
        })
    }
}

impl<T: Serialize> Serialize for Mostly<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (**self).serialize(serializer)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Mostly<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Vec::deserialize(deserializer)?.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_holds_what_it_was_made_of() {
        for length in 0..4_u8 {
            let list: Mostly<u8> = (0..length).collect();
            assert_eq!(*list, (0..length).collect::<Vec<_>>());
            let text = serde_json::to_string(&list).unwrap();
            assert_eq!(serde_json::from_str::<Mostly<u8>>(&text).unwrap(), list);
        }
    }
}
