//! Queries and replies as they travelled: written by the round that proves something by them, read as evidence.
//!
//! A message stands for itself: it says when, over what and how it came, so that it may outlive its observation. The same
//! message twice is never unlike by id or TTL alone, so none is stored by digest: how many are kept is bounded by
//! [`crate::audit::keep`]. Deliberately absent: what the octets mean, and deletion, which goes by the day.

mod body;

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Serialize, Serializer};
use sha2::{Digest as _, Sha256};

use super::{RoundId, Store, StoreError, columns, intern::interned, spans::question, timeline};
use crate::{
    audit::{incident::Incident, keep::Kept},
    names::DnsName,
    types::{Flags, Question, RecordType, SeriesKey, Source, Transport},
};

/// Rows one statement carries.
const ROWS_PER_STATEMENT: usize = 2_000;

/// The longest time between the first reply of a round and its judgement.
const ROUND: TimeDelta = TimeDelta::minutes(1);

/// Which messages.
#[derive(Debug, Clone, Default)]
pub struct MessageQuery {
    /// Of these names.
    pub names: Vec<DnsName>,
    /// Of these types; none: of all.
    pub types: Vec<RecordType>,
    /// Of these resolvers, and of authorities all the same; none: of all.
    pub resolvers: Vec<String>,
    /// Received at or after this.
    pub from: Option<DateTime<Utc>>,
    /// Received at or before this.
    pub to: Option<DateTime<Utc>>,
    /// Only those of the last round that kept any, of each question and source.
    pub last_only: bool,
}

impl MessageQuery {
    /// Every message of an incident's questions at its resolvers and at authorities, from its first round to its end.
    pub fn of_incident(incident: &Incident) -> Self {
        let first = incident.observed.iter().map(|seen| seen.at);
        let first = first.fold(incident.opened_at, DateTime::min);
        let questions = incident.observed.iter().map(|seen| &seen.question.name);
        let names: BTreeSet<_> = incident.names.iter().chain(questions).cloned().collect();
        Self {
            names: names.into_iter().collect(),
            types: incident.types.iter().copied().collect(),
            resolvers: if incident.resolvers.is_empty() {
                // Of authorities alone: no resolver is called so.
                vec![String::new()]
            } else {
                incident.resolvers.iter().cloned().collect()
            },
            from: Some(first - ROUND),
            to: incident.resolved_at,
            last_only: false,
        }
    }
}

/// Messages in order of receipt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MessagePage {
    /// The latest that were asked for.
    pub messages: Vec<KeptMessage>,
    /// Whether there are earlier ones.
    pub earlier: bool,
}

/// A query, its reply, and how they travelled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KeptMessage {
    /// Seen from here.
    pub vantage: String,
    /// The group of the round.
    pub group: String,
    /// When the round was due.
    pub due_at: DateTime<Utc>,
    /// What was asked.
    pub question: Question,
    /// Who was asked.
    pub source: Source,
    /// When the reply was received.
    pub at: DateTime<Utc>,
    /// What it proves: the state of a verdict, the kind of a finding, or `baseline`.
    pub kept_for: String,
    /// The transport that brought the reply.
    pub transport: Transport,
    /// Datagrams and connections spent, from 1.
    pub attempts: u8,
    /// From the send of the attempt that was answered to its receipt, microseconds.
    pub rtt_us: u32,
    /// Datagrams that came to our port and did not match peer, id and question.
    pub mismatched: u16,
    /// Seconds that an HTTP cache had held the reply.
    pub age: u32,
    /// Whether the reply decodes, and breaks a rule that no client minds.
    pub irregular: bool,
    /// Octets of the reply.
    pub size: usize,
    /// SHA-256 of the reply, in hexadecimal.
    pub reply_sha256: String,
    /// The query, octet by octet; base64 in JSON.
    #[serde(serialize_with = "base64")]
    pub query: Vec<u8>,
    /// The reply, octet by octet; base64 in JSON.
    #[serde(serialize_with = "base64")]
    pub reply: Vec<u8>,
}

fn hex(octets: &[u8]) -> String {
    let digits = |hex: String, octet: &u8| hex + &format!("{octet:02x}");
    octets.iter().fold(String::new(), digits)
}

fn base64<S: Serializer>(octets: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    serializer.serialize_str(&STANDARD.encode(octets))
}

impl Store {
    /// Keeps the messages of these observations. Again does nothing: whoever lost the answer may repeat the call.
    pub async fn keep_messages(&self, round: RoundId, kept: &[Kept]) -> Result<(), StoreError> {
        let keys: Vec<_> = kept.iter().map(series_of).collect();
        let series = self.intern_series(round.vantage_id, &keys).await?;
        let days = kept.iter().map(|one| one.observation.at.date_naive());
        self.ensure_days(days.collect()).await?;
        for (part, keys) in kept
            .chunks(ROWS_PER_STATEMENT)
            .zip(keys.chunks(ROWS_PER_STATEMENT))
        {
            let mut columns = Columns::default();
            for (one, key) in part.iter().zip(keys) {
                columns.push(one, interned(&series, key, "series")?)?;
            }
            let inserted = columns.insert(self).await;
            self.noticing_lost_partitions(inserted)?;
        }
        Ok(())
    }

    /// The latest `limit` messages of those asked for.
    pub async fn messages(
        &self,
        query: &MessageQuery,
        limit: u32,
    ) -> Result<MessagePage, StoreError> {
        let names = columns::texts(&query.names);
        let types: Vec<_> = query.types.iter().map(|one| i32::from(one.0)).collect();
        let rows = sqlx::query_as!(
            Row,
            r#"-- messages
            select vantage.name as vantage, round.group_name, round.due_at, question.name as question_name, rtype,
                source.kind, source.name as source_name, address as "address: ipnet::IpNet", port, scope,
                source.transport as source_transport, at, kept_for, message.transport, attempts, rtt_us, mismatched, age,
                flags, body
            from message
            join round using (round_id)
            join series using (series_id)
            join vantage on vantage.vantage_id = series.vantage_id
            join question using (question_id)
            join source using (source_id)
            where question.name = any($1) and ($2::integer[] = '{}' or rtype = any($2))
                and ($3::text[] = '{}' or source.kind = 'authority' or source.name = any($3))
                and at between $4 and $5
                and not ($6 and exists (
                    select from message as later
                    where later.series_id = message.series_id and later.at > message.at and later.at <= $5
                        and later.round_id <> message.round_id))
            order by at desc, series_id desc
            limit $7"#,
            &names,
            &types,
            &query.resolvers,
            query.from.unwrap_or(DateTime::UNIX_EPOCH),
            query.to.unwrap_or(timeline::end_of_time()),
            query.last_only,
            i64::from(limit) + 1
        )
        .fetch_all(&self.pool)
        .await?;
        let earlier = rows.len() > limit as usize;
        let mut messages = rows
            .into_iter()
            .take(limit as usize)
            .map(Row::into_message)
            .collect::<Result<Vec<_>, _>>()?;
        messages.reverse();
        Ok(MessagePage { messages, earlier })
    }
}

fn series_of(kept: &Kept) -> SeriesKey {
    SeriesKey {
        question: kept.observation.question.clone(),
        source: kept.observation.source.clone(),
    }
}

/// Messages column by column, as `unnest` takes them.
#[derive(Default)]
struct Columns {
    ats: Vec<DateTime<Utc>>,
    round_ids: Vec<i64>,
    ages: Vec<Option<i64>>,
    series_ids: Vec<i32>,
    rtts: Vec<i32>,
    mismatches: Vec<i32>,
    flags: Vec<i16>,
    attempts: Vec<i16>,
    transports: Vec<i16>,
    kept_for: Vec<String>,
    bodies: Vec<Vec<u8>>,
}

impl Columns {
    /// One more row; what has no messages has none.
    fn push(&mut self, kept: &Kept, series_id: i32) -> Result<(), StoreError> {
        let observation = &kept.observation;
        let Some(wire) = &observation.wire else {
            return Ok(());
        };
        let rtt = i32::try_from(observation.rtt.as_micros()).unwrap_or(i32::MAX);
        self.ats.push(observation.at);
        self.round_ids.push(kept.round);
        self.ages.push(columns::age_to_number(observation.age));
        self.series_ids.push(series_id);
        self.rtts.push(rtt);
        self.mismatches.push(observation.mismatched.into());
        self.flags.push(observation.flags.0.cast_signed());
        self.attempts.push(observation.attempts.into());
        self.transports
            .push(columns::transport_to_number(observation.transport));
        self.kept_for.push(kept.ground.to_string());
        self.bodies.push(body::pack(wire)?);
        Ok(())
    }

    async fn insert(&self, store: &Store) -> Result<(), StoreError> {
        sqlx::query!(
            "-- insert_messages
            insert into message (at, round_id, age, series_id, rtt_us, mismatched, flags, attempts, transport, kept_for,
                body)
            select *
            from unnest($1::timestamptz[], $2::bigint[], $3::bigint[], $4::integer[], $5::integer[], $6::integer[],
                $7::smallint[], $8::smallint[], $9::smallint[], $10::text[], $11::bytea[])
            on conflict do nothing",
            &self.ats,
            &self.round_ids,
            &self.ages as &[Option<i64>],
            &self.series_ids,
            &self.rtts,
            &self.mismatches,
            &self.flags,
            &self.attempts,
            &self.transports,
            &self.kept_for,
            &self.bodies
        )
        .execute(&store.pool)
        .await?;
        Ok(())
    }
}

struct Row {
    vantage: String,
    group_name: String,
    due_at: DateTime<Utc>,
    question_name: String,
    rtype: i32,
    kind: String,
    source_name: String,
    address: ipnet::IpNet,
    port: i32,
    scope: i64,
    source_transport: String,
    at: DateTime<Utc>,
    kept_for: String,
    transport: i16,
    attempts: i16,
    rtt_us: i32,
    mismatched: i32,
    age: Option<i64>,
    flags: i16,
    body: Vec<u8>,
}

impl Row {
    fn into_message(self) -> Result<KeptMessage, StoreError> {
        let flags = Flags(columns::number("flags", self.flags)?);
        let (query, reply) = body::unpack(&self.body)?;
        Ok(KeptMessage {
            vantage: self.vantage,
            group: self.group_name,
            due_at: self.due_at,
            question: question(&self.question_name, self.rtype)?,
            source: columns::source(
                self.kind,
                self.source_name,
                (self.address, self.port, self.scope),
                self.source_transport,
            )?,
            at: self.at,
            kept_for: self.kept_for,
            transport: columns::transport_from_number(self.transport)?,
            attempts: columns::number("attempts", self.attempts)?,
            rtt_us: columns::number("round-trip time", self.rtt_us)?,
            mismatched: columns::number("count", self.mismatched)?,
            age: columns::age_from_number(self.age)?,
            irregular: flags.has(Flags::IRREGULAR),
            size: reply.len(),
            reply_sha256: hex(&Sha256::digest(&reply)),
            query,
            reply,
        })
    }
}
