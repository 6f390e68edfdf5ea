//! Single samples read back, for evidence and for judging the past again.
//!
//! Deliberately absent: samples older than the raw partitions that are kept.

use std::{collections::HashMap, sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use serde_json::Value as Json;

use super::{Store, StoreError, columns, spans::question};
use crate::{
    names::DnsName,
    types::{Answer, Flags, Observation},
};

/// Which samples of one vantage.
#[derive(Debug, Clone)]
pub struct ObservationQuery {
    /// Seen from here.
    pub vantage: String,
    /// From this instant on.
    pub from: DateTime<Utc>,
    /// Before this one.
    pub to: DateTime<Utc>,
    /// Of this group's rounds; `None`: of all.
    pub group: Option<String>,
    /// Of this name; `None`: of all.
    pub name: Option<DnsName>,
}

/// A sample and the round it was taken in.
#[derive(Debug, Clone, PartialEq)]
pub struct RecordedObservation {
    /// The group of the round.
    pub group: String,
    /// When the round was due: with the group it names the round.
    pub due_at: DateTime<Utc>,
    /// The sample.
    pub observation: Observation,
}

impl Store {
    /// Every sample in order of receipt. Keep the window short: all of it is held in memory.
    pub async fn observations(
        &self,
        query: &ObservationQuery,
    ) -> Result<Vec<RecordedObservation>, StoreError> {
        let vantage_id = self.intern_vantage(&query.vantage).await?;
        let rows = sqlx::query_as!(
            Row,
            r#"-- observations
            select at, round.group_name, round.due_at, answer_id, content, ttl, ttls, rtt_us, size, mismatched, flags,
                attempts, observation.transport, nsid, ede, ecs_scope, edns_size, edns_version, serial, age,
                question.name as question_name, rtype, source.kind, source.name as source_name,
                address as "address: ipnet::IpNet", port, scope, source.transport as source_transport
            from observation
            join series using (series_id)
            join question using (question_id)
            join source using (source_id)
            join answer using (answer_id)
            join annotation using (annotation_id)
            join round using (round_id)
            where at >= $2 and at < $3 and series.vantage_id = $1
                and ($4::text is null or round.group_name = $4)
                and ($5::text is null or question.name = $5)
            order by at, round_id, series_id"#,
            vantage_id,
            query.from,
            query.to,
            query.group,
            query.name.as_ref().map(ToString::to_string)
        )
        .fetch_all(&self.pool)
        .await?;
        let mut answers = HashMap::new();
        rows.into_iter()
            .map(|mut row| {
                let answer: Arc<Answer> = match answers.get(&row.answer_id) {
                    Some(answer) => Arc::clone(answer),
                    None => Arc::new(columns::from_json("answer", row.content.take())?),
                };
                answers.insert(row.answer_id, Arc::clone(&answer));
                row.into_observation(answer)
            })
            .collect()
    }
}

struct Row {
    at: DateTime<Utc>,
    group_name: String,
    due_at: DateTime<Utc>,
    answer_id: i64,
    content: Json,
    ttl: Option<i64>,
    ttls: Option<String>,
    rtt_us: i32,
    size: i32,
    mismatched: i32,
    flags: i16,
    attempts: i16,
    transport: i16,
    nsid: Option<Vec<u8>>,
    ede: Json,
    ecs_scope: Option<i16>,
    edns_size: Option<i32>,
    edns_version: Option<i16>,
    age: Option<i64>,
    serial: Option<i64>,
    question_name: String,
    rtype: i32,
    kind: String,
    source_name: String,
    address: ipnet::IpNet,
    port: i32,
    scope: i64,
    source_transport: String,
}

impl Row {
    fn into_observation(self, answer: Arc<Answer>) -> Result<RecordedObservation, StoreError> {
        let ttls = match &self.ttls {
            Some(text) => columns::ttls_from_text(text)?,
            None => columns::uniform_ttls(&answer, self.ttl),
        };
        let small = |what, stored: Option<i16>| {
            stored
                .map(|stored| columns::number(what, stored))
                .transpose()
        };
        let size = self.edns_size.map(|size| columns::number("size", size));
        let serial = self.serial.map(|serial| columns::number("serial", serial));
        let observation = Observation {
            source: columns::source(
                self.kind,
                self.source_name,
                (self.address, self.port, self.scope),
                self.source_transport,
            )?,
            question: question(&self.question_name, self.rtype)?,
            at: self.at,
            answer,
            ttls,
            serial: serial.transpose()?,
            flags: Flags(columns::number("flags", self.flags)?),
            ede: columns::from_json("list of extended errors", self.ede)?,
            nsid: self.nsid,
            ecs_scope: small("ECS scope", self.ecs_scope)?,
            edns_size: size.transpose()?,
            edns_version: small("EDNS version", self.edns_version)?,
            age: columns::age_from_number(self.age)?,
            wire: None,
            rtt: Duration::from_micros(columns::number("round-trip time", self.rtt_us)?),
            transport: columns::transport_from_number(self.transport)?,
            attempts: columns::number("attempts", self.attempts)?,
            mismatched: columns::number("count", self.mismatched)?,
            size: columns::number("size", self.size)?,
        };
        Ok(RecordedObservation {
            group: self.group_name,
            due_at: self.due_at,
            observation,
        })
    }
}
