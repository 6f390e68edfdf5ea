//! What the numbers of stored samples stand for: series, answers, annotations, rounds.
//!
//! Deliberately absent: caches. Whoever reads the past reads much of it once.

use std::{collections::HashMap, sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::{RecordedObservation, Stored};
use crate::{
    store::{
        StoreError, columns,
        referred::{self, distinct},
    },
    types::{Answer, Ede, Flags, Observation, SeriesKey},
};

pub(super) struct Known {
    series: HashMap<i32, SeriesKey>,
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
    let samples = || stored.iter().map(|one| &one.sample);
    let series = distinct(stored.iter().map(|one| one.series_id));
    let answer_ids = distinct(samples().map(|one| one.answer_id));
    let annotation_ids = distinct(samples().map(|one| one.annotation_id));
    let round_ids = distinct(samples().map(|one| one.round_id));
    Ok(Known {
        series: referred::series(&mut *connection, &series).await?,
        answers: referred::answers(&mut *connection, &answer_ids).await?,
        annotations: annotations(connection, &annotation_ids).await?,
        rounds: rounds(connection, &round_ids).await?,
    })
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
        let series = referred::of(&self.series, &series_id, "series")?;
        let answer = referred::of(&self.answers, &sample.answer_id, "answer")?;
        let annotation = referred::of(&self.annotations, &sample.annotation_id, "annotation")?;
        let round = referred::of(&self.rounds, &sample.round_id, "round")?;
        let ttls = sample
            .ttls
            .unwrap_or_else(|| columns::uniform_ttls(answer, sample.ttl));
        let at = DateTime::from_timestamp_micros(sample.at);
        let observation = Observation {
            source: series.source.clone(),
            question: series.question.clone(),
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
