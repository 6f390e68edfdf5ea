//! A map by series that holds each question once, however many sources are asked for it, and each source once.
//!
//! As JSON it is a list of pairs in order of series. Deliberately absent: what is kept of a series.

use std::{collections::HashMap, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::few::Few;
use crate::types::{Pool, Question, SeriesKey, Source};

/// What is known of each series.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct BySeries<V> {
    questions: HashMap<Question, Few<Arc<Source>, V>>,
    sources: Pool<Source>,
}

impl<V> Default for BySeries<V> {
    fn default() -> Self {
        Self {
            questions: HashMap::new(),
            sources: Pool::default(),
        }
    }
}

impl<V: Default> BySeries<V> {
    pub(super) fn get(&self, series: &SeriesKey) -> Option<&V> {
        self.questions.get(&series.question)?.get(&series.source)
    }

    /// What is known of the series, which begins with nothing.
    pub(super) fn get_or_begin(&mut self, series: &SeriesKey) -> &mut V {
        let source = self
            .sources
            .share(&series.source, |_| Arc::clone(&series.source));
        self.questions
            .entry(series.question.clone())
            .or_default()
            .get_or_insert_with(source, V::default)
    }

    pub(super) fn retain(&mut self, mut keep: impl FnMut(&mut V) -> bool) {
        self.questions.retain(|_, sources| {
            sources.retain(|_, value| keep(value));
            !sources.is_empty()
        });
        self.sources.forget();
    }
}

impl<V: Serialize> Serialize for BySeries<V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut questions: Vec<_> = self.questions.iter().collect();
        questions.sort_unstable_by_key(|(question, _)| *question);
        let pairs = questions.into_iter().flat_map(|(question, sources)| {
            sources.iter().map(move |(source, value)| {
                let series = SeriesKey {
                    question: question.clone(),
                    source: Arc::clone(source),
                };
                (series, value)
            })
        });
        serializer.collect_seq(pairs)
    }
}

impl<'de, V: Default + Deserialize<'de>> Deserialize<'de> for BySeries<V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut all = Self::default();
        for (series, value) in Vec::<(SeriesKey, V)>::deserialize(deserializer)? {
            *all.get_or_begin(&series) = value;
        }
        Ok(all)
    }
}
