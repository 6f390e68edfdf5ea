//! What the keys in rows of history stand for: series and answers, each read once, however many rows refer to it.
//!
//! Deliberately absent: caches. Whoever reads the past reads much of it once.

use std::{collections::HashMap, hash::Hash, sync::Arc};

use sqlx::PgExecutor;

use super::{StoreError, columns, spans::question};
use crate::types::{Answer, SeriesKey};

/// A series, and where it is seen from.
pub(super) struct Series {
    pub(super) vantage: String,
    pub(super) key: SeriesKey,
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

pub(super) async fn series(
    executor: impl PgExecutor<'_>,
    ids: &[i32],
) -> Result<HashMap<i32, Series>, StoreError> {
    let rows = sqlx::query!(
        r#"-- referred_series
        select series_id, vantage.name as vantage, question.name as question_name, rtype, kind,
            source.name as source_name, address as "address: ipnet::IpNet", port, scope, transport
        from series join vantage using (vantage_id) join question using (question_id) join source using (source_id)
        where series_id = any($1)"#,
        ids
    )
    .fetch_all(executor)
    .await?;
    let read = rows.into_iter().map(|row| {
        let place = (row.address, row.port, row.scope);
        let key = SeriesKey {
            question: question(&row.question_name, row.rtype)?,
            source: columns::source(row.kind, row.source_name, place, row.transport)?,
        };
        let vantage = row.vantage;
        Ok((row.series_id, Series { vantage, key }))
    });
    read.collect()
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
