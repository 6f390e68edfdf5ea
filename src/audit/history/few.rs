//! A map for the few entries that most maps of a history have: a sorted list of just the size, which becomes a tree where there
//! are many.
//!
//! Of a hundred thousand hash tables with one entry each, nine tenths are empty places. As JSON it is a list of pairs in order of
//! key, since keys are no texts. Deliberately absent: removal by key; what a horizon leaves behind is dropped together.

use std::{
    borrow::Borrow,
    collections::{BTreeMap, btree_map},
    fmt, slice,
};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Entries of a list: to insert one moves so many at most.
const MOST_LISTED: usize = 32;

/// A map in order of key.
#[expect(
    clippy::box_collection,
    reason = "a tree beside the list would make all of them larger, and most are lists"
)]
#[derive(Clone)]
pub(super) enum Few<K, V> {
    Listed(Vec<(K, V)>),
    Mapped(Box<BTreeMap<K, V>>),
}

impl<K, V> Default for Few<K, V> {
    fn default() -> Self {
        Self::Listed(Vec::new())
    }
}

impl<K: Ord, V> Few<K, V> {
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Listed(list) => list.len(),
            Self::Mapped(map) => map.len(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(super) fn get<Q: Ord + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        match self {
            Self::Listed(list) => {
                let place = place(list, key).ok()?;
                list.get(place).map(|(_, value)| value)
            }
            Self::Mapped(map) => map.get(key),
        }
    }

    pub(super) fn get_mut<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        match self {
            Self::Listed(list) => {
                let place = place(list, key).ok()?;
                list.get_mut(place).map(|(_, value)| value)
            }
            Self::Mapped(map) => map.get_mut(key),
        }
    }

    pub(super) fn contains_key<Q: Ord + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.get(key).is_some()
    }

    /// The value of a key, which is inserted where there is none.
    pub(super) fn get_or_insert_with(&mut self, key: K, new: impl FnOnce() -> V) -> &mut V {
        self.grow();
        match self {
            Self::Listed(list) => {
                let place = place(list, &key).unwrap_or_else(|place| {
                    list.reserve_exact(1);
                    list.insert(place, (key, new()));
                    place
                });
                &mut list[place].1
            }
            Self::Mapped(map) => map.entry(key).or_insert_with(new),
        }
    }

    pub(super) fn insert(&mut self, key: K, value: V) {
        match self.get_mut(&key) {
            Some(known) => *known = value,
            None => {
                self.get_or_insert_with(key, || value);
            }
        }
    }

    /// A tree, where the next entry might be one too many for a list.
    fn grow(&mut self) {
        if let Self::Listed(list) = self
            && list.len() >= MOST_LISTED
        {
            let map = std::mem::take(list).into_iter().collect();
            *self = Self::Mapped(Box::new(map));
        }
    }

    pub(super) fn retain(&mut self, mut keep: impl FnMut(&K, &mut V) -> bool) {
        match self {
            Self::Listed(list) => {
                list.retain_mut(|(key, value)| keep(key, value));
                list.shrink_to_fit();
            }
            Self::Mapped(map) => map.retain(keep),
        }
    }

    pub(super) fn iter(&self) -> Iter<'_, K, V> {
        match self {
            Self::Listed(list) => Iter::Listed(list.iter()),
            Self::Mapped(map) => Iter::Mapped(map.iter()),
        }
    }

    pub(super) fn keys(&self) -> impl Iterator<Item = &K> + Clone {
        self.iter().map(|(key, _)| key)
    }

    pub(super) fn values(&self) -> impl Iterator<Item = &V> + Clone {
        self.iter().map(|(_, value)| value)
    }
}

fn place<K: Borrow<Q>, V, Q: Ord + ?Sized>(list: &[(K, V)], key: &Q) -> Result<usize, usize> {
    list.binary_search_by(|(own, _)| own.borrow().cmp(key))
}

/// The entries in order of key.
pub(super) enum Iter<'f, K, V> {
    Listed(slice::Iter<'f, (K, V)>),
    Mapped(btree_map::Iter<'f, K, V>),
}

impl<K, V> Clone for Iter<'_, K, V> {
    fn clone(&self) -> Self {
        match self {
            Self::Listed(list) => Self::Listed(list.clone()),
            Self::Mapped(map) => Self::Mapped(map.clone()),
        }
    }
}

impl<'f, K, V> Iterator for Iter<'f, K, V> {
    type Item = (&'f K, &'f V);

    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Self::Listed(list) => list.next().map(|(key, value)| (key, value)),
            Self::Mapped(map) => map.next(),
        }
    }
}

impl<'f, K: Ord, V> IntoIterator for &'f Few<K, V> {
    type Item = (&'f K, &'f V);
    type IntoIter = Iter<'f, K, V>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<K: Ord, V> FromIterator<(K, V)> for Few<K, V> {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        let mut all = Self::default();
        for (key, value) in entries {
            all.insert(key, value);
        }
        all
    }
}

impl<K: Ord, V: PartialEq> PartialEq for Few<K, V> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl<K: Ord, V: Eq> Eq for Few<K, V> {}

impl<K: Ord + fmt::Debug, V: fmt::Debug> fmt::Debug for Few<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self).finish()
    }
}

impl<K: Ord + Serialize, V: Serialize> Serialize for Few<K, V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self)
    }
}

impl<'de, K: Ord + Deserialize<'de>, V: Deserialize<'de>> Deserialize<'de> for Few<K, V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Vec::<(K, V)>::deserialize(deserializer)?
            .into_iter()
            .collect())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_holds_what_a_tree_holds_however_many_there_are(
            entries in prop::collection::vec((0_u8..80, any::<u16>()), 0..120),
            kept in 0_u8..80,
        ) {
            let (mut few, mut tree) = (Few::default(), BTreeMap::new());
            for (key, value) in entries {
                few.insert(key, value);
                tree.insert(key, value);
                prop_assert_eq!(few.get(&key), Some(&value));
            }
            let same = |few: &Few<u8, u16>, tree: &BTreeMap<u8, u16>| {
                few.iter().eq(tree) && few.len() == tree.len() && few.is_empty() == tree.is_empty()
            };
            prop_assert!(same(&few, &tree));
            few.retain(|key, value| *key < kept && *value > 9);
            tree.retain(|key, value| *key < kept && *value > 9);
            prop_assert!(same(&few, &tree));
            for key in 0..80 {
                prop_assert_eq!(few.get_mut(&key), tree.get_mut(&key));
                prop_assert_eq!(few.contains_key(&key), tree.contains_key(&key));
            }
            let read: Few<u8, u16> = serde_json::from_str(&serde_json::to_string(&few).unwrap()).unwrap();
            prop_assert_eq!(read, few);
        }
    }

    #[test]
    fn it_is_like_another_with_the_same_entries_and_shown_as_they_are() {
        let few = |entries: &[(u8, u8)]| entries.iter().copied().collect::<Few<_, _>>();
        assert_eq!(few(&[(1, 2), (3, 4)]), few(&[(3, 4), (1, 2)]));
        assert_ne!(few(&[(1, 2)]), few(&[(1, 3)]));
        assert_ne!(few(&[(1, 2)]), few(&[(1, 2), (3, 4)]));
        assert_eq!(format!("{:?}", few(&[(3, 4), (1, 2)])), "{1: 2, 3: 4}");
    }

    #[test]
    fn it_is_a_list_of_as_many_as_are_moved_quickly_and_beyond_that_a_tree() {
        let few = |entries| (0..entries).map(|key| (key, ())).collect::<Few<_, _>>();
        assert!(matches!(few(MOST_LISTED), Few::Listed(_)));
        assert!(matches!(few(MOST_LISTED + 1), Few::Mapped(_)));
    }

    #[test]
    fn an_empty_one_is_three_words() {
        assert_eq!(size_of::<Few<u64, u64>>(), 24);
    }
}
