//! Reading recorded rounds back, with their contexts and observations, in the order they were judged.
//!
//! Deliberately absent: judging them again.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value as Json;

use super::{Batches, Session, SessionId, context::Parts};
use crate::{
    audit::{
        context::{self, RoundContext},
        ledger::Ledger,
    },
    names::DnsName,
    store::{Store, StoreError, columns, observations::ObservationQuery},
    types::Observation,
};

/// How far the clock that stamps rounds and the one that stamps replies may lie apart.
const SLACK: TimeDelta = TimeDelta::seconds(5);

/// How a recorded round was judged.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredRound {
    /// Its number in the database.
    pub number: i64,
    /// The group.
    pub group: String,
    /// When it was due.
    pub due_at: DateTime<Utc>,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// Whether what it came to was recorded; of one that was not, what it took in is in the history all the same.
    pub is_finished: bool,
    /// The version of the rules then.
    pub engine: u32,
    /// When its replies were taken in.
    pub batches: Batches,
    /// The step at which it was judged.
    pub judged_step: i64,
    /// The instant of judgement.
    pub judged_at: DateTime<Utc>,
    /// By what.
    pub context: RoundContext,
    /// The ledger as it was read, where the group's round before did not leave it so.
    pub ledger: Option<Ledger>,
}

/// Where a finished round stands in the steps of its session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JudgedAt {
    /// The session.
    pub session: Session,
    /// The group.
    pub group: String,
    /// The step at which its first replies were taken in.
    pub heard_step: i64,
    /// The step at which it was judged.
    pub judged_step: i64,
}

/// A recorded round with what it heard.
#[derive(Debug, Clone, PartialEq)]
pub struct HeardRound {
    /// How it was judged.
    pub round: StoredRound,
    /// The replies to the first asking, in order.
    pub first: Vec<Observation>,
    /// The replies to asking again, in order.
    pub again: Vec<Observation>,
}

impl HeardRound {
    /// Whether every reply that the round took in was recorded, and can be told apart by its instant.
    pub fn is_whole(&self) -> bool {
        let batches = &self.round.batches;
        self.first.len() == batches.first.1
            && self.again.len() == batches.again.map_or(0, |(_, replies)| replies)
    }
}

impl Store {
    /// The rounds of a session that were first heard after step `heard_after` and judged after step `judged_after`: at
    /// most `limit`, in the order they were first heard. With all of those up to a step, every step up to it is known.
    pub async fn rounds_after(
        &self,
        session: SessionId,
        [heard_after, judged_after]: [i64; 2],
        limit: i64,
    ) -> Result<Vec<StoredRound>, StoreError> {
        let rows = sqlx::query_as!(
            Row,
            r#"-- rounds_after
            select round_id, group_name, due_at, coalesce(started_at, due_at) as "started_at!", status, engine,
                heard_step, heard, heard_until, again_step, again, judged_step, judged_at, setting_id, zone_ids, rest_id,
                ledger
            from round_context join round using (round_id)
            where session_id = $1 and heard_step > $2 and judged_step > $3
            order by heard_step limit $4"#,
            session.0,
            heard_after,
            judged_after,
            limit
        )
        .fetch_all(&self.pool)
        .await?;
        let documents = self.documents_of(&rows).await?;
        rows.into_iter()
            .map(|row| row.into_round(&documents))
            .collect()
    }

    /// The last finished round at or before `at` of every group that has given any of the names a verdict, in order of
    /// group.
    pub async fn last_judged(
        &self,
        vantage: &str,
        names: &[DnsName],
        at: DateTime<Utc>,
    ) -> Result<Vec<JudgedAt>, StoreError> {
        let names = columns::texts(names);
        let rows = sqlx::query!(
            "-- last_judged
            select distinct on (round.group_name) round.group_name, session_id, session.started_at, heard_step, judged_step
            from round_context
            join round using (round_id)
            join session using (session_id)
            join vantage on vantage.vantage_id = round.vantage_id
            where vantage.name = $1 and round.status = 'finished' and judged_at <= $3
                and round.group_name in (
                    select verdict_span.group_name
                    from verdict_span join series using (series_id) join question using (question_id)
                    where question.name = any($2)
                )
            order by round.group_name, judged_at desc, judged_step desc",
            vantage,
            &names,
            at
        )
        .fetch_all(&self.pool)
        .await?;
        let rounds = rows.into_iter().map(|row| JudgedAt {
            session: Session {
                id: SessionId(row.session_id),
                started_at: row.started_at,
            },
            group: row.group_name,
            heard_step: row.heard_step,
            judged_step: row.judged_step,
        });
        Ok(rounds.collect())
    }

    async fn documents_of(&self, rows: &[Row]) -> Result<HashMap<i32, Json>, StoreError> {
        let mut ids: Vec<i32> = rows
            .iter()
            .flat_map(|row| {
                row.zone_ids
                    .iter()
                    .copied()
                    .chain([row.setting_id, row.rest_id])
            })
            .collect();
        ids.sort_unstable();
        ids.dedup();
        let rows = sqlx::query!(
            "-- documents\nselect document_id, content from document where document_id = any($1)",
            &ids
        )
        .fetch_all(&self.pool)
        .await?;
        let documents = rows.into_iter().map(|row| (row.document_id, row.content));
        Ok(documents.collect())
    }

    /// The same rounds with what they heard. Keep them few: all of it is held in memory.
    pub async fn heard(
        &self,
        vantage: &str,
        rounds: Vec<StoredRound>,
    ) -> Result<Vec<HeardRound>, StoreError> {
        let begins = rounds.iter().map(|round| round.started_at).min();
        let ends = rounds.iter().map(|round| round.judged_at).max();
        let (Some(begins), Some(ends)) = (begins, ends) else {
            return Ok(Vec::new());
        };
        let query = ObservationQuery {
            vantage: vantage.to_owned(),
            from: begins - SLACK,
            to: ends + SLACK,
            group: None,
            name: None,
        };
        let mut by_round: HashMap<(String, DateTime<Utc>), Vec<Observation>> = HashMap::new();
        for recorded in self.observations(&query).await? {
            let key = (recorded.group, recorded.due_at);
            by_round.entry(key).or_default().push(recorded.observation);
        }
        let heard = rounds.into_iter().map(|round| {
            let key = (round.group.clone(), round.due_at);
            let all = by_round.remove(&key).unwrap_or_default();
            let is_first =
                |one: &Observation| round.batches.until.is_some_and(|until| one.at <= until);
            let (mut first, mut again): (Vec<_>, Vec<_>) = all.into_iter().partition(is_first);
            context::as_stored(&mut first);
            context::as_stored(&mut again);
            HeardRound {
                round,
                first,
                again,
            }
        });
        Ok(heard.collect())
    }
}

struct Row {
    round_id: i64,
    group_name: String,
    due_at: DateTime<Utc>,
    started_at: DateTime<Utc>,
    status: String,
    engine: i32,
    heard_step: i64,
    heard: i32,
    heard_until: Option<DateTime<Utc>>,
    again_step: Option<i64>,
    again: i32,
    judged_step: i64,
    judged_at: DateTime<Utc>,
    setting_id: i32,
    zone_ids: Vec<i32>,
    rest_id: i32,
    ledger: Option<Json>,
}

impl Row {
    fn into_round(self, documents: &HashMap<i32, Json>) -> Result<StoredRound, StoreError> {
        let document = |id: i32| {
            let known = documents.get(&id).cloned();
            known.ok_or_else(|| StoreError::unreadable("document", "it is not there"))
        };
        let zones = self.zone_ids.iter().map(|id| document(*id));
        let parts = Parts {
            setting: document(self.setting_id)?,
            zones: zones.collect::<Result<_, _>>()?,
            rest: document(self.rest_id)?,
        };
        let read_ledger = |ledger| columns::from_json("ledger", ledger);
        let again: usize = columns::number("count", self.again)?;
        Ok(StoredRound {
            number: self.round_id,
            group: self.group_name,
            due_at: self.due_at,
            started_at: self.started_at,
            is_finished: self.status == "finished",
            engine: columns::number("engine version", self.engine)?,
            batches: Batches {
                first: (self.heard_step, columns::number("count", self.heard)?),
                until: self.heard_until,
                again: self.again_step.map(|step| (step, again)),
            },
            judged_step: self.judged_step,
            judged_at: self.judged_at,
            context: parts.join()?,
            ledger: self.ledger.map(read_ledger).transpose()?,
        })
    }
}
