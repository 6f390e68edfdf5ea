//! Interning: from series, answers and annotations to their small keys, by batch and with a cache in memory.
//!
//! Interned rows are committed before the transaction that refers to them: they are true by themselves, and holding
//! their unique keys through a long transaction would let two instances wait for each other.
//!
//! Deliberately absent: deletion. A row once interned keeps its key.

use std::{
    collections::{HashMap, HashSet},
    hash::Hash,
    sync::{Arc, Mutex, PoisonError},
};

use super::{Store, StoreError};
use crate::types::{Answer, SeriesKey};

mod annotation;
mod answer;
mod series;
mod source;

pub(super) use annotation::Annotation;
pub(super) use source::intern as source;

/// A digest, as interned rows are found by.
pub(super) type Digest = [u8; 32];

/// Entries one cache may hold before it is emptied; a miss costs one lookup a batch, never a wrong key.
const MOST_CACHED: usize = 200_000;

/// What this process knows of the interned rows.
#[derive(Debug, Default)]
pub(super) struct Interned {
    vantages: Cache<String, i16>,
    series: Mutex<HashMap<i16, Arc<Cache<SeriesKey, i32>>>>,
    answers: Cache<Digest, i64>,
    annotations: Cache<Digest, i32>,
    /// Documents that rounds share.
    pub(super) documents: Cache<Digest, i32>,
}

/// A map that forgets everything when it grows too large.
#[derive(Debug)]
pub(super) struct Cache<K, V>(Mutex<HashMap<K, V>>);

impl<K, V> Default for Cache<K, V> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Eq + Hash + Clone, V: Copy> Cache<K, V> {
    /// Splits the keys into known ones with their value and unknown ones, each once.
    pub(super) fn split(&self, keys: impl IntoIterator<Item = K>) -> (HashMap<K, V>, Vec<K>) {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut found, mut missing) = (HashMap::new(), HashSet::new());
        for key in keys {
            if let Some(value) = known.get(&key) {
                found.insert(key, *value);
            } else {
                missing.insert(key);
            }
        }
        (found, missing.into_iter().collect())
    }

    /// The value of each key in their order; `None` where any is unknown.
    fn all<'a>(&self, keys: impl IntoIterator<Item = &'a K>) -> Option<Vec<V>>
    where
        K: 'a,
    {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        keys.into_iter()
            .map(|key| known.get(key).copied())
            .collect()
    }

    pub(super) fn learn(&self, rows: &HashMap<K, V>) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() + rows.len() > MOST_CACHED {
            known.clear();
        }
        known.extend(rows.iter().map(|(key, value)| (key.clone(), *value)));
    }
}

impl Interned {
    /// The series of a vantage.
    fn series(&self, vantage_id: i16) -> Arc<Cache<SeriesKey, i32>> {
        let mut of_each = self.series.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(of_each.entry(vantage_id).or_default())
    }
}

impl Store {
    /// The key of a vantage.
    pub(super) async fn intern_vantage(&self, name: &str) -> Result<i16, StoreError> {
        let cache = &self.interned.vantages;
        let (found, _) = cache.split([name.to_owned()]);
        if let Some(id) = found.into_values().next() {
            return Ok(id);
        }
        sqlx::query!(
            "-- intern_vantage
            insert into vantage (name)
            select $1 where not exists (select from vantage where name = $1)
            on conflict do nothing",
            name
        )
        .execute(&self.pool)
        .await?;
        let id = sqlx::query_scalar!(
            "-- intern_vantage\nselect vantage_id from vantage where name = $1",
            name
        )
        .fetch_one(&self.pool)
        .await?;
        cache.learn(&HashMap::from([(name.to_owned(), id)]));
        Ok(id)
    }

    /// The keys of series at one vantage.
    pub(super) async fn intern_series<'a>(
        &self,
        vantage_id: i16,
        keys: impl IntoIterator<Item = &'a SeriesKey>,
    ) -> Result<HashMap<SeriesKey, i32>, StoreError> {
        let cache = self.interned.series(vantage_id);
        let (mut found, mut missing) = cache.split(keys.into_iter().cloned());
        if !missing.is_empty() {
            // Always the same order, so that two instances never wait for each other in a circle.
            missing.sort_unstable();
            let rows = series::intern(&self.pool, vantage_id, &missing).await?;
            cache.learn(&rows);
            found.extend(rows);
        }
        Ok(found)
    }

    /// The keys of series at one vantage, in their order.
    pub(super) async fn series_ids(
        &self,
        vantage_id: i16,
        keys: &[&SeriesKey],
    ) -> Result<Vec<i32>, StoreError> {
        if let Some(known) = self.interned.series(vantage_id).all(keys.iter().copied()) {
            return Ok(known);
        }
        let ids = self.intern_series(vantage_id, keys.iter().copied()).await?;
        let ids = keys.iter().map(|key| interned(&ids, key, "series"));
        ids.collect()
    }

    /// The keys of answers, each by itself.
    pub(super) async fn answer_ids<'a>(
        &self,
        answers: impl IntoIterator<Item = &'a Answer>,
    ) -> Result<HashMap<&'a Answer, i64>, StoreError> {
        let distinct: HashSet<_> = answers.into_iter().collect();
        let digests: Vec<_> = distinct.iter().map(|one| (one.digest(), *one)).collect();
        let ids = self.intern_answers(digests.iter().copied()).await?;
        let id = |(digest, answer)| Ok((answer, interned(&ids, &digest, "answer")?));
        digests.into_iter().map(id).collect()
    }

    /// The keys of answers, by digest.
    pub(super) async fn intern_answers<'a>(
        &self,
        answers: impl IntoIterator<Item = (Digest, &'a Answer)>,
    ) -> Result<HashMap<Digest, i64>, StoreError> {
        let answers: HashMap<_, _> = answers.into_iter().collect();
        let (mut found, mut missing) = self.interned.answers.split(answers.keys().copied());
        if !missing.is_empty() {
            missing.sort_unstable();
            let missing: Vec<_> = missing
                .into_iter()
                .filter_map(|digest| Some((digest, *answers.get(&digest)?)))
                .collect();
            let rows = answer::intern(&self.pool, &missing).await?;
            self.interned.answers.learn(&rows);
            found.extend(rows);
        }
        Ok(found)
    }

    /// The keys of annotations, by digest.
    pub(super) async fn intern_annotations(
        &self,
        annotations: &HashMap<Digest, &Annotation<'_>>,
    ) -> Result<HashMap<Digest, i32>, StoreError> {
        let (mut found, mut missing) = self.interned.annotations.split(annotations.keys().copied());
        if !missing.is_empty() {
            missing.sort_unstable();
            let missing: Vec<_> = missing
                .into_iter()
                .filter_map(|digest| Some((digest, *annotations.get(&digest)?)))
                .collect();
            let rows = annotation::intern(&self.pool, &missing).await?;
            self.interned.annotations.learn(&rows);
            found.extend(rows);
        }
        Ok(found)
    }
}

/// A key that must be there, since it was just interned.
pub(super) fn interned<K: Eq + Hash, V: Copy>(
    ids: &HashMap<K, V>,
    key: &K,
    what: &'static str,
) -> Result<V, StoreError> {
    ids.get(key)
        .copied()
        .ok_or_else(|| StoreError::unreadable(what, "interned, and yet not found"))
}
