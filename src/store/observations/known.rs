//! What the numbers of stored samples stand for: series, answers, annotations, rounds; each is read once.
//!
//! Deliberately absent: caches. Whoever reads the past reads much of it once.

use std::{collections::HashMap, sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::{RecordedObservation, Stored};
use crate::{
    store::{StoreError, columns, spans::question},
    types::{Answer, Ede, Flags, Observation, Question, Source},
};

pub(super) struct Known {
    series: HashMap<i32, (Question, Source)>,
    answers: HashMap<i64, Arc<Answer>>,
    annotations: HashMap<i64, Annotation>,
    rounds: HashMap<i64, (String, DateTime<Utc>)>,
}

struct Annotation {
    nsid: Option<Vec<u8>>,
    ede: Vec<Ede>,
    ecs_scope: Option<u8>,
    edns_size: Option<u16>,
    edns_version: Option<u8>,
    serial: Option<u32>,
}

/// Everything that these samples refer to.
pub(super) async fn read(
    connection: &mut PgConnection,
    stored: &[Stored],
) -> Result<Known, StoreError> {
    Ok(Known {
        series: series(connection, &distinct(stored, |one| one.series_id)).await?,
        answers: answers(connection, &distinct(stored, |one| one.sample.answer_id)).await?,
        annotations: annotations(
            connection,
            &distinct(stored, |one| one.sample.annotation_id),
        )
        .await?,
        rounds: rounds(connection, &distinct(stored, |one| one.sample.round_id)).await?,
    })
}

fn distinct<T: Ord>(stored: &[Stored], of: impl Fn(&Stored) -> T) -> Vec<T> {
    let mut all: Vec<_> = stored.iter().map(of).collect();
    all.sort_unstable();
    all.dedup();
    all
}

async fn series(
    connection: &mut PgConnection,
    ids: &[i32],
) -> Result<HashMap<i32, (Question, Source)>, StoreError> {
    let rows = sqlx::query!(
        r#"-- series_of_observations
        select series_id, question.name as question_name, rtype, kind, source.name as source_name,
            address as "address: ipnet::IpNet", port, scope, transport
        from series join question using (question_id) join source using (source_id)
        where series_id = any($1)"#,
        ids
    )
    .fetch_all(connection)
    .await?;
    let read = rows.into_iter().map(|row| {
        let place = (row.address, row.port, row.scope);
        let source = columns::source(row.kind, row.source_name, place, row.transport)?;
        Ok((
            row.series_id,
            (question(&row.question_name, row.rtype)?, source),
        ))
    });
    read.collect()
}

async fn answers(
    connection: &mut PgConnection,
    ids: &[i64],
) -> Result<HashMap<i64, Arc<Answer>>, StoreError> {
    let rows = sqlx::query!(
        "-- answers_of_observations\nselect answer_id, content from answer where answer_id = any($1)",
        ids
    )
    .fetch_all(connection)
    .await?;
    rows.into_iter()
        .map(|row| {
            let answer = columns::from_json("answer", row.content)?;
            Ok((row.answer_id, Arc::new(answer)))
        })
        .collect()
}

async fn annotations(
    connection: &mut PgConnection,
    ids: &[i64],
) -> Result<HashMap<i64, Annotation>, StoreError> {
    let rows = sqlx::query!(
        "-- annotations_of_observations
        select annotation_id, nsid, ede, ecs_scope, edns_size, edns_version, serial
        from annotation where annotation_id = any($1::bigint[])",
        ids
    )
    .fetch_all(connection)
    .await?;
    let read = rows.into_iter().map(|row| {
        let small = |what, stored: Option<i16>| {
            stored
                .map(|stored| columns::number(what, stored))
                .transpose()
        };
        let size = row.edns_size.map(|size| columns::number("size", size));
        let serial = row.serial.map(|serial| columns::number("serial", serial));
        let annotation = Annotation {
            nsid: row.nsid,
            ede: columns::from_json("list of extended errors", row.ede)?,
            ecs_scope: small("ECS scope", row.ecs_scope)?,
            edns_size: size.transpose()?,
            edns_version: small("EDNS version", row.edns_version)?,
            serial: serial.transpose()?,
        };
        Ok((row.annotation_id.into(), annotation))
    });
    read.collect()
}

async fn rounds(
    connection: &mut PgConnection,
    ids: &[i64],
) -> Result<HashMap<i64, (String, DateTime<Utc>)>, StoreError> {
    let rows = sqlx::query!(
        "-- rounds_of_observations\nselect round_id, group_name, due_at from round where round_id = any($1)",
        ids
    )
    .fetch_all(connection)
    .await?;
    let rounds = rows.into_iter();
    Ok(rounds
        .map(|row| (row.round_id, (row.group_name, row.due_at)))
        .collect())
}

impl Known {
    /// The sample in full.
    pub(super) fn recorded(&self, stored: Stored) -> Result<RecordedObservation, StoreError> {
        let Stored { series_id, sample } = stored;
        let missing = |what| StoreError::unreadable(what, "referred to, and not there");
        let series = self
            .series
            .get(&series_id)
            .ok_or_else(|| missing("series"))?;
        let answer = self
            .answers
            .get(&sample.answer_id)
            .ok_or_else(|| missing("answer"))?;
        let annotation = self.annotations.get(&sample.annotation_id);
        let annotation = annotation.ok_or_else(|| missing("annotation"))?;
        let round = self
            .rounds
            .get(&sample.round_id)
            .ok_or_else(|| missing("round"))?;
        let ttls = sample
            .ttls
            .unwrap_or_else(|| columns::uniform_ttls(answer, sample.ttl));
        let at = DateTime::from_timestamp_micros(sample.at);
        let observation = Observation {
            source: series.1.clone(),
            question: series.0.clone(),
            at: at.ok_or_else(|| StoreError::unreadable("instant", sample.at))?,
            answer: Arc::clone(answer),
            ttls,
            serial: annotation.serial,
            flags: Flags(columns::number("flags", sample.flags)?),
            ede: annotation.ede.clone(),
            nsid: annotation.nsid.clone(),
            ecs_scope: annotation.ecs_scope,
            edns_size: annotation.edns_size,
            edns_version: annotation.edns_version,
            age: columns::age_from_number(sample.age)?,
            wire: None,
            rtt: Duration::from_micros(columns::number("round-trip time", sample.rtt_us)?),
            transport: columns::transport_from_number(columns::number(
                "transport",
                sample.transport,
            )?)?,
            attempts: columns::number("attempts", sample.attempts)?,
            mismatched: columns::number("count", sample.mismatched)?,
            size: columns::number("size", sample.size)?,
        };
        Ok(RecordedObservation {
            group: round.0.clone(),
            due_at: round.1,
            observation,
        })
    }
}
