//! Things under short keys that are never taken for a later thing in the same place.
//!
//! Deliberately absent: iteration in any order that means something.

/// Names one thing for as long as it is there; afterwards it names nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Key {
    index: u32,
    generation: u32,
}

impl From<Key> for u64 {
    fn from(key: Key) -> Self {
        Self::from(key.generation) << 32 | Self::from(key.index)
    }
}

impl From<u64> for Key {
    fn from(number: u64) -> Self {
        Self {
            index: number as u32,
            generation: (number >> 32) as u32,
        }
    }
}

struct Place<T> {
    generation: u32,
    thing: Option<T>,
}

/// See the module.
pub(super) struct Slab<T> {
    places: Vec<Place<T>>,
    free: Vec<u32>,
}

impl<T> Slab<T> {
    pub(super) fn new() -> Self {
        Self {
            places: Vec::new(),
            free: Vec::new(),
        }
    }

    pub(super) fn insert(&mut self, thing: T) -> Key {
        let index = self.free.pop().unwrap_or_else(|| {
            self.places.push(Place {
                generation: 0,
                thing: None,
            });
            self.places.len() as u32 - 1
        });
        let mut key = Key {
            index,
            generation: 0,
        };
        if let Some(place) = self.places.get_mut(index as usize) {
            key.generation = place.generation;
            place.thing = Some(thing);
        }
        key
    }

    pub(super) fn get(&self, key: Key) -> Option<&T> {
        let place = self.places.get(key.index as usize)?;
        place
            .thing
            .as_ref()
            .filter(|_| place.generation == key.generation)
    }

    pub(super) fn get_mut(&mut self, key: Key) -> Option<&mut T> {
        let place = self.places.get_mut(key.index as usize)?;
        let current = place.generation == key.generation;
        place.thing.as_mut().filter(|_| current)
    }

    pub(super) fn remove(&mut self, key: Key) -> Option<T> {
        let place = self.places.get_mut(key.index as usize)?;
        if place.generation != key.generation {
            return None;
        }
        let thing = place.thing.take()?;
        place.generation = place.generation.wrapping_add(1);
        self.free.push(key.index);
        Some(thing)
    }

    pub(super) fn len(&self) -> usize {
        self.places.len() - self.free.len()
    }

    /// The keys of everything there is.
    pub(super) fn keys(&self) -> impl Iterator<Item = Key> + '_ {
        self.places
            .iter()
            .enumerate()
            .filter(|(_, place)| place.thing.is_some())
            .map(|(index, place)| Key {
                index: index as u32,
                generation: place.generation,
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_outlives_its_thing_without_naming_the_next() {
        let mut slab = Slab::new();
        let first = slab.insert("first");
        assert_eq!(slab.remove(first), Some("first"));
        let second = slab.insert("second");
        assert_eq!(u64::from(first) as u32, u64::from(second) as u32);
        assert_eq!(slab.get(first), None);
        assert_eq!(slab.remove(first), None);
        assert_eq!(slab.get(second), Some(&"second"));
        assert_eq!(Key::from(u64::from(second)), second);
        assert_eq!(
            (slab.len(), slab.keys().collect::<Vec<_>>()),
            (1, vec![second])
        );
    }
}
