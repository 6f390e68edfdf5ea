//! What the keys in rows of history stand for: series and answers, each read once, however many rows refer to it.
//!
//! Deliberately absent: caches. Whoever reads the past reads much of it once.

use std::{collections::HashMap, hash::Hash, sync::Arc};

use sqlx::{PgConnection, PgExecutor, PgPool};

use super::{StoreError, columns, copied, spans::question};
use crate::types::{Answer, Question, SeriesKey, Source};

/// Series that were read together: each is three numbers, since many have their question or their source in common.
#[derive(Default)]
pub(super) struct SeriesTable {
    places: HashMap<i32, Place>,
    questions: Vec<Question>,
    sources: Vec<Arc<Source>>,
    vantages: Vec<Arc<str>>,
}

/// Where the question, the source and the vantage of a series come in order, each among those read with it: what series are
/// sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    question: u32,
    source: u32,
    vantage: u32,
}

impl SeriesTable {
    pub(super) fn holds(&self, id: i32) -> bool {
        self.places.contains_key(&id)
    }

    pub(super) fn place(&self, id: i32) -> Result<Place, StoreError> {
        of(&self.places, &id, "series").copied()
    }

    /// The series at a place, and where it is seen from.
    pub(super) fn at(&self, place: Place) -> (SeriesKey, &Arc<str>) {
        let key = SeriesKey {
            question: self.questions[place.question as usize].clone(),
            source: self.sources[place.source as usize].clone(),
        };
        (key, &self.vantages[place.vantage as usize])
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

/// The series with these keys.
pub(super) async fn series(
    connection: &mut PgConnection,
    ids: &[i32],
) -> Result<HashMap<i32, SeriesKey>, StoreError> {
    let table = some_series(connection, ids).await?;
    let series = table.places.iter();
    Ok(series
        .map(|(id, place)| (*id, table.at(*place).0))
        .collect())
}

/// The series with these keys. Questions and sources are read apart: many series share them.
pub(super) async fn some_series(
    connection: &mut PgConnection,
    ids: &[i32],
) -> Result<SeriesTable, StoreError> {
    let rows = sqlx::query!(
        "-- referred_series
        select series_id, vantage.name as vantage, question_id, source_id
        from series join vantage using (vantage_id)
        where series_id = any($1)",
        ids
    )
    .fetch_all(&mut *connection)
    .await?;
    let mut read = Rows::default();
    for row in rows {
        let ids = [row.series_id, row.question_id, row.source_id];
        read.push(ids, &row.vantage);
    }
    let questions = self::questions(connection, &read.questions()).await?;
    let sources = self::sources(connection, &read.sources()).await?;
    read.table(questions, sources)
}

/// Every series there is.
pub(super) async fn all_series(pool: &PgPool) -> Result<SeriesTable, StoreError> {
    let mut read = Rows::default();
    let query = "select series_id, question_id, source_id, vantage_id::integer from series";
    let series = copied::rows(pool, "all_series", query, |columns| {
        let ids = [columns.integer()?, columns.integer()?, columns.integer()?];
        Ok((ids, columns.integer()?))
    })
    .await?;
    // After the series: whatever they refer to is there by then.
    let query = "select vantage_id::integer, name from vantage";
    let vantages = copied::rows(pool, "all_vantages", query, |columns| {
        Ok((columns.integer()?, columns.text()?.to_owned()))
    });
    let vantages: HashMap<_, _> = vantages.await?.into_iter().collect();
    for (ids, vantage) in series {
        read.push(ids, of(&vantages, &vantage, "vantage")?);
    }
    let query = "select question_id, name, rtype from question";
    let questions = copied::rows(pool, "all_questions", query, |columns| {
        let key = columns.integer()?;
        Ok((question(columns.text()?, columns.integer()?)?, key))
    })
    .await?;
    let mut connection = pool.acquire().await?;
    let sources = self::sources(&mut connection, &read.sources()).await?;
    read.table(questions, sources)
}

/// Series as they are stored.
#[derive(Default)]
struct Rows {
    /// The keys of series, question and source, and which of the vantages.
    rows: Vec<([i32; 3], usize)>,
    /// A few, in no order.
    vantages: Vec<Arc<str>>,
}

impl Rows {
    fn push(&mut self, ids: [i32; 3], vantage: &str) {
        let known = self.vantages.iter().position(|one| **one == *vantage);
        let vantage = known.unwrap_or_else(|| {
            self.vantages.push(vantage.into());
            self.vantages.len() - 1
        });
        self.rows.push((ids, vantage));
    }

    fn questions(&self) -> Vec<i32> {
        distinct(self.rows.iter().map(|([_, question, _], _)| *question))
    }

    fn sources(&self) -> Vec<i32> {
        distinct(self.rows.iter().map(|([_, _, source], _)| *source))
    }

    fn table(
        self,
        questions: Vec<(Question, i32)>,
        sources: Vec<(Arc<Source>, i32)>,
    ) -> Result<SeriesTable, StoreError> {
        let (questions, by_question) = placed(questions);
        let (sources, by_source) = placed(sources);
        let vantages = self.vantages.into_iter().zip(0..).collect();
        let (vantages, by_vantage) = placed::<Arc<str>, usize>(vantages);
        let places = self
            .rows
            .into_iter()
            .map(|([id, question, source], vantage)| {
                let place = Place {
                    question: *of(&by_question, &question, "question")?,
                    source: *of(&by_source, &source, "source")?,
                    vantage: *of(&by_vantage, &vantage, "vantage")?,
                };
                Ok((id, place))
            });
        Ok(SeriesTable {
            places: places.collect::<Result<_, StoreError>>()?,
            questions,
            sources,
            vantages,
        })
    }
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
) -> Result<Vec<(Arc<Source>, i32)>, StoreError> {
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
        Ok((Arc::new(source), row.source_id))
    });
    read.collect()
}

/// All in order, and by key where each stands among them.
fn placed<T: Ord, K: Ord + Eq + Hash>(mut values: Vec<(T, K)>) -> (Vec<T>, HashMap<K, u32>) {
    values.sort_unstable();
    let mut places = HashMap::with_capacity(values.len());
    let mut sorted = Vec::with_capacity(values.len());
    for (place, (value, key)) in (0..).zip(values) {
        places.insert(key, place);
        sorted.push(value);
    }
    (sorted, places)
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
    let read = rows
        .into_iter()
        .map(|row| Ok((row.answer_id, answer(&row.content)?)));
    read.collect()
}

/// The same where there may be many.
pub(super) async fn many_answers(
    pool: &PgPool,
    ids: &[i64],
) -> Result<Vec<(i64, Arc<Answer>)>, StoreError> {
    let which = format!("where answer_id = any({})", copied::keys(ids));
    copied_answers(pool, "many_answers", &which).await
}

/// Every answer there is.
pub(super) async fn all_answers(pool: &PgPool) -> Result<Vec<(i64, Arc<Answer>)>, StoreError> {
    copied_answers(pool, "all_answers", "").await
}

async fn copied_answers(
    pool: &PgPool,
    name: &str,
    which: &str,
) -> Result<Vec<(i64, Arc<Answer>)>, StoreError> {
    let query = format!("select answer_id, content::text from answer {which}");
    let read =
        |columns: &mut copied::Columns<'_>| Ok((columns.bigint()?, answer(columns.text()?)?));
    copied::rows(pool, name, &query, read).await
}

fn answer(content: &str) -> Result<Arc<Answer>, StoreError> {
    let answer = serde_json::from_str(content);
    answer
        .map(Arc::new)
        .map_err(|error| StoreError::unreadable("answer", error))
}
