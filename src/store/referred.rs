//! What the keys in rows of history stand for: series and answers, each read once, however many rows refer to it.
//!
//! Deliberately absent: caches. Whoever reads the past reads much of it once.

use std::{collections::HashMap, hash::Hash, sync::Arc};

use sqlx::{PgConnection, PgExecutor};

use super::{StoreError, columns, spans::question};
use crate::types::{Answer, Question, SeriesKey, Source};

/// A series, and where it is seen from.
pub(super) struct Series {
    pub(super) vantage: String,
    pub(super) key: SeriesKey,
    /// Where its question and its source come in order, among those read with it.
    pub(super) place: (usize, usize),
}

impl Series {
    /// What it is sorted by: its question, then its source, then where it is seen from. For those that were read together.
    pub(super) fn order(&self) -> (usize, usize, &str) {
        let (question, source) = self.place;
        (question, source, &self.vantage)
    }
}

/// Every key once.
pub(super) fn distinct<T: Ord>(keys: impl Iterator<Item = T>) -> Vec<T> {
    let mut all: Vec<_> = keys.collect();
    all.sort_unstable();
    all.dedup();
    all
}

/// What a key stands for.
pub(super) fn of<'a, K: Eq + Hash, T>(
    known: &'a HashMap<K, T>,
    key: &K,
    what: &'static str,
) -> Result<&'a T, StoreError> {
    let found = known.get(key);
    found.ok_or_else(|| StoreError::unreadable(what, "referred to, and not there"))
}

/// The series with these keys. Questions and sources are read apart: many series share them, and here they share what is read.
pub(super) async fn series(
    connection: &mut PgConnection,
    ids: &[i32],
) -> Result<HashMap<i32, Series>, StoreError> {
    let rows = sqlx::query!(
        "-- referred_series
        select series_id, vantage.name as vantage, question_id, source_id
        from series join vantage using (vantage_id)
        where series_id = any($1)",
        ids
    )
    .fetch_all(&mut *connection)
    .await?;
    let questions = distinct(rows.iter().map(|row| row.question_id));
    let questions = placed(self::questions(connection, &questions).await?);
    let sources = distinct(rows.iter().map(|row| row.source_id));
    let sources = placed(self::sources(connection, &sources).await?);
    let read = rows.into_iter().map(|row| {
        let (by_question, question) = of(&questions, &row.question_id, "question")?;
        let (by_source, source) = of(&sources, &row.source_id, "source")?;
        let series = Series {
            vantage: row.vantage,
            key: SeriesKey {
                question: question.clone(),
                source: source.clone(),
            },
            place: (*by_question, *by_source),
        };
        Ok((row.series_id, series))
    });
    read.collect()
}

async fn questions(
    connection: &mut PgConnection,
    ids: &[i32],
) -> Result<Vec<(Question, i32)>, StoreError> {
    let rows = sqlx::query!(
        "-- referred_questions
        select question_id, name, rtype from question where question_id = any($1)",
        ids
    )
    .fetch_all(connection)
    .await?;
    let read = rows
        .into_iter()
        .map(|row| Ok((question(&row.name, row.rtype)?, row.question_id)));
    read.collect()
}

async fn sources(
    connection: &mut PgConnection,
    ids: &[i32],
) -> Result<Vec<(Source, i32)>, StoreError> {
    let rows = sqlx::query!(
        r#"-- referred_sources
        select source_id, kind, name, address as "address: ipnet::IpNet", port, scope, transport
        from source where source_id = any($1)"#,
        ids
    )
    .fetch_all(connection)
    .await?;
    let read = rows.into_iter().map(|row| {
        let place = (row.address, row.port, row.scope);
        let source = columns::source(row.kind, row.name, place, row.transport)?;
        Ok((source, row.source_id))
    });
    read.collect()
}

/// Each by its key, with its place in order among them.
fn placed<T: Ord>(mut values: Vec<(T, i32)>) -> HashMap<i32, (usize, T)> {
    values.sort_unstable();
    let placed = values.into_iter().enumerate();
    placed
        .map(|(place, (value, key))| (key, (place, value)))
        .collect()
}

pub(super) async fn answers(
    executor: impl PgExecutor<'_>,
    ids: &[i64],
) -> Result<HashMap<i64, Arc<Answer>>, StoreError> {
    let rows = sqlx::query!(
        r#"-- referred_answers
        select answer_id, content::text as "content!" from answer where answer_id = any($1)"#,
        ids
    )
    .fetch_all(executor)
    .await?;
    let read = rows.into_iter().map(|row| {
        let answer = serde_json::from_str(&row.content);
        let answer = answer.map_err(|error| StoreError::unreadable("answer", error))?;
        Ok((row.answer_id, Arc::new(answer)))
    });
    read.collect()
}
