//! What is kept in many places, kept once: texts of sites, and sources.
//!
//! Deliberately absent: from JSON and from comparisons, since it says nothing of the history.

use std::{collections::HashSet, hash::Hash, sync::Arc};

/// Everything that was shared and is still kept somewhere.
#[derive(Debug)]
pub(crate) struct Pool<T: ?Sized>(HashSet<Arc<T>>);

impl<T: ?Sized> Default for Pool<T> {
    fn default() -> Self {
        Self(HashSet::new())
    }
}

impl<T: ?Sized> Clone for Pool<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

/// Two histories are equal whatever they share.
impl<T: ?Sized> PartialEq for Pool<T> {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl<T: ?Sized + Eq + Hash> Pool<T> {
    /// The one that is shared by all who keep it.
    pub(crate) fn share<'v>(&mut self, value: &'v T, new: impl FnOnce(&'v T) -> Arc<T>) -> Arc<T> {
        if let Some(known) = self.0.get(value) {
            return Arc::clone(known);
        }
        let new = new(value);
        self.0.insert(Arc::clone(&new));
        new
    }

    /// Drops what nobody keeps any more.
    pub(crate) fn forget(&mut self) {
        self.0.retain(|shared| Arc::strong_count(shared) > 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shared_is_one_and_forgotten_with_its_last_keeper() {
        let mut pool = Pool::<str>::default();
        let first = pool.share("fra3", Arc::from);
        let second = pool.share("fra3", Arc::from);
        assert!(Arc::ptr_eq(&first, &second));
        drop(first);
        pool.forget();
        assert_eq!(pool.0.len(), 1);
        drop(second);
        pool.forget();
        assert!(pool.0.is_empty());
    }

    #[test]
    fn a_copy_shares_what_the_original_does() {
        let mut pool = Pool::<str>::default();
        let first = pool.share("fra3", Arc::from);
        let mut copy = pool.clone();
        assert!(Arc::ptr_eq(&first, &copy.share("fra3", Arc::from)));
    }
}
