//! Messages that wait to be told: enqueued with what they tell of, leased for some seconds, delivered or buried.
//!
//! Within one (incident, channel) the order of writing is the order of telling: a message that waits for its next
//! attempt holds back the younger ones, one that is buried or kept quiet does not. Messages of no incident wait for nobody. A lease is a
//! claim with an end, never an open transaction; delivery is at least once, with a stable id.
//!
//! Deliberately absent: sending, and how long to wait between attempts.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use sqlx::{PgConnection, postgres::PgListener};
use uuid::Uuid;

use super::{
    Store, StoreError, columns,
    incidents::{EventKind, append},
};
use crate::types::Severity;

mod disabled;
mod displaced;
mod ending;
mod held;
mod log;
mod standing;
mod threads;
mod waiting;

pub use disabled::DisabledChannel;
pub(super) use displaced::displace;
pub use ending::Again;
pub(super) use ending::{bury, count_attempt, delivered, retry};
pub(super) use held::hold;
pub use held::{HeldBack, Settling};
pub use log::{LogFilter, LogRow, MessageState};
pub use standing::StandingMessage;
pub use threads::SlackThread;

/// The notification channel that is signalled when messages are written.
const CHANNEL: &str = "dns_auditor_outbox";

/// A message to be told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NewMessage {
    /// Stable: derived from what it tells and where, so that writing it twice keeps one.
    pub id: Uuid,
    /// Whose it is: it is sent from this vantage only, which knows the channel.
    pub vantage: String,
    /// The incident it tells of; `None` for the test of a channel.
    pub incident_id: Option<Uuid>,
    /// The channel's id.
    pub channel: String,
    /// `incident.opened`, `incident.updated`, `incident.reminder`, `incident.resolved` or `test`.
    pub kind: String,
    /// The severity of what it tells.
    pub severity: Severity,
    /// What is sent. Holds no secret.
    pub body: Json,
    /// When it was written; it may be sent from then on.
    pub created_at: DateTime<Utc>,
    /// Until when it is news: sent later, it is history. `None`: for ever.
    pub expires_at: Option<DateTime<Utc>>,
    /// Who tells it where its own channel does not take it.
    pub fallback: Option<Fallback>,
}

/// Another channel that tells a message where the one it was written for does not take it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Fallback {
    /// The other channel's id.
    pub channel: String,
    /// What is sent there.
    pub body: Json,
}

/// Which message an instance wants to send next.
#[derive(Debug, Clone, Copy)]
pub struct Claim<'a> {
    /// Who holds the lease.
    pub instance: &'a str,
    /// Whose messages.
    pub vantage: &'a str,
    /// For how long.
    pub lease_for: Duration,
    /// No message to these channels: one that takes nothing now must not hold up the others.
    pub except: &'a [String],
    /// The oldest message of these channels may be sent before its time, to see whether they take messages again.
    pub probe: &'a [String],
    /// This message and no other.
    pub only: Option<Uuid>,
}

/// A message that this instance may send until the lease ends.
#[derive(Debug, Clone, PartialEq)]
pub struct LeasedMessage {
    /// The stable id.
    pub id: Uuid,
    /// The incident it tells of.
    pub incident_id: Option<Uuid>,
    /// The channel's id.
    pub channel: String,
    /// As in [`NewMessage::kind`].
    pub kind: String,
    /// The severity of what it tells.
    pub severity: Severity,
    /// What is sent.
    pub body: Json,
    /// When it was written.
    pub created_at: DateTime<Utc>,
    /// Until when it is news.
    pub expires_at: Option<DateTime<Utc>>,
    /// The channel that was meant, where this one tells it instead.
    pub instead_of: Option<String>,
    /// Which attempt this is, from 1. An attempt that a crash cut off counts.
    pub attempt: u32,
    /// How many of these attempts were made before their time, this one included where it is.
    pub probes: u32,
    /// When it would have been its time; `None`: it is.
    pub ahead_of: Option<DateTime<Utc>>,
}

impl LeasedMessage {
    /// How many of the attempts that it has this one and those before it have used up.
    pub fn used_up(&self) -> u32 {
        self.attempt.saturating_sub(self.probes)
    }
}

/// How full the outbox is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct OutboxDepth {
    /// Messages neither delivered, nor buried, nor held back.
    pub waiting: u64,
    /// Messages given up.
    pub buried: u64,
    /// Messages held back by a silence or by maintenance that lasts.
    pub held: u64,
    /// When the oldest waiting one was written.
    pub oldest_waiting: Option<DateTime<Utc>>,
}

/// Writes messages in their order; those whose id is known already are left as they are.
pub(super) async fn enqueue(
    connection: &mut PgConnection,
    messages: &[NewMessage],
) -> Result<(), StoreError> {
    if messages.is_empty() {
        return Ok(());
    }
    let ids: Vec<_> = messages.iter().map(|one| one.id).collect();
    let vantages: Vec<_> = messages.iter().map(|one| one.vantage.clone()).collect();
    let incidents: Vec<_> = messages.iter().map(|one| one.incident_id).collect();
    let channels: Vec<_> = messages.iter().map(|one| one.channel.clone()).collect();
    let kinds: Vec<_> = messages.iter().map(|one| one.kind.clone()).collect();
    let severities: Vec<_> = messages
        .iter()
        .map(|one| one.severity.to_string())
        .collect();
    let bodies = messages
        .iter()
        .map(|one| columns::to_json(&one.body))
        .collect::<Result<Vec<_>, _>>()?;
    let created: Vec<_> = messages.iter().map(|one| one.created_at).collect();
    let expires: Vec<_> = messages.iter().map(|one| one.expires_at).collect();
    let fallbacks = messages.iter().map(|one| one.fallback.as_ref());
    let others: Vec<_> = fallbacks
        .clone()
        .map(|one| one.map(|fallback| fallback.channel.clone()))
        .collect();
    let other_bodies = fallbacks
        .map(|one| {
            one.map(|fallback| columns::to_json(&fallback.body))
                .transpose()
        })
        .collect::<Result<Vec<_>, _>>()?;
    sqlx::query!(
        "-- enqueue
        insert into outbox (message_id, vantage, incident_id, channel, kind, severity, body, created_at, available_at,
            expires_at, fallback, fallback_body)
        select message_id, vantage, incident_id, channel, kind, severity, body, created_at, created_at, expires_at,
            fallback, fallback_body
        from unnest($1::uuid[], $2::text[], $3::uuid[], $4::text[], $5::text[], $6::text[], $7::jsonb[],
            $8::timestamptz[], $9::timestamptz[], $10::text[], $11::jsonb[])
            with ordinality as given (message_id, vantage, incident_id, channel, kind, severity, body, created_at,
                expires_at, fallback, fallback_body, n)
        order by n
        on conflict (message_id) do nothing",
        &ids,
        &vantages,
        &incidents as &[Option<Uuid>],
        &channels,
        &kinds,
        &severities,
        &bodies,
        &created,
        &expires as &[Option<DateTime<Utc>>],
        &others as &[Option<String>],
        &other_bodies as &[Option<Json>]
    )
    .execute(&mut *connection)
    .await?;
    ring(connection).await
}

/// Tells every dispatcher that there is something to send.
async fn ring(connection: &mut PgConnection) -> Result<(), StoreError> {
    sqlx::query!("-- ring\nselect pg_notify($1, '')", CHANNEL)
        .execute(connection)
        .await?;
    Ok(())
}

impl Store {
    /// Writes messages outside any round: the test of a channel, or what a journal kept while the database was away.
    pub async fn enqueue(&self, messages: &[NewMessage]) -> Result<(), StoreError> {
        let mut transaction = self.pool.begin().await?;
        enqueue(&mut transaction, messages).await?;
        transaction.commit().await?;
        Ok(())
    }

    /// Leases the message that has been available longest, among the oldest of every (incident, channel).
    /// `None`: nothing may be sent now.
    pub async fn lease(
        &self,
        claim: &Claim<'_>,
        now: DateTime<Utc>,
    ) -> Result<Option<LeasedMessage>, StoreError> {
        let until = TimeDelta::from_std(claim.lease_for)
            .ok()
            .and_then(|lease| now.checked_add_signed(lease))
            .unwrap_or(DateTime::<Utc>::MAX_UTC);
        let row = sqlx::query!(
            "-- lease
            update outbox set lease_until = $3, leased_by = $1, attempts = attempts + 1, woken = false,
                probes = probes + (available_at > $2)::integer
            where message_id = (
                select message_id from outbox as one
                where delivered_at is null and buried_at is null and held_at is null
                    and (available_at <= $2 or woken or channel = any($7) and not exists (
                        select from outbox as older
                        where older.vantage = one.vantage and older.channel = one.channel and older.position < one.position
                            and older.delivered_at is null and older.buried_at is null and older.held_at is null
                    ))
                    and (lease_until is null or lease_until <= $2)
                    and vantage = $4 and channel <> all($5) and ($6::uuid is null or message_id = $6)
                    and not exists (
                        select from outbox as older
                        where older.incident_id = one.incident_id and older.channel = one.channel
                            and older.position < one.position
                            and older.delivered_at is null and older.buried_at is null and older.held_at is null
                    )
                order by available_at, position
                limit 1
                for update skip locked
            )
            returning message_id, incident_id, channel, kind, severity, body, created_at, expires_at, instead_of, attempts, probes,
                case when available_at > $2 then available_at end as ahead_of",
            claim.instance,
            now,
            until,
            claim.vantage,
            claim.except,
            claim.only,
            claim.probe
        )
        .fetch_optional(&self.pool)
        .await?;
        row.map(|row| {
            Ok(LeasedMessage {
                id: row.message_id,
                incident_id: row.incident_id,
                channel: row.channel,
                kind: row.kind,
                severity: columns::variant_from_text("severity", row.severity)?,
                body: row.body,
                created_at: row.created_at,
                expires_at: row.expires_at,
                instead_of: row.instead_of,
                attempt: columns::number("attempt", row.attempts)?,
                probes: columns::number("attempt", row.probes)?,
                ahead_of: row.ahead_of,
            })
        })
        .transpose()
    }

    /// Gives back what this instance had leased: for its start, after a crash. Returns how many there were.
    pub async fn release_leases(&self, instance: &str) -> Result<u64, StoreError> {
        let done = sqlx::query!(
            "-- release_leases
            update outbox set lease_until = null, leased_by = null
            where leased_by = $1 and delivered_at is null and buried_at is null",
            instance
        )
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected())
    }

    /// How full the outbox is with the messages of one vantage.
    pub async fn outbox_depth(&self, vantage: &str) -> Result<OutboxDepth, StoreError> {
        let row = sqlx::query!(
            r#"-- outbox_depth
            select count(*) filter (where buried_at is null and held_at is null) as "waiting!", count(buried_at) as "buried!",
                count(held_at) as "held!", min(created_at) filter (where buried_at is null and held_at is null) as oldest_waiting
            from outbox where delivered_at is null and settled_at is null and vantage = $1"#,
            vantage
        )
        .fetch_one(&self.pool)
        .await?;
        Ok(OutboxDepth {
            waiting: columns::number("count", row.waiting)?,
            buried: columns::number("count", row.buried)?,
            held: columns::number("count", row.held)?,
            oldest_waiting: row.oldest_waiting,
        })
    }

    /// A connection that hears when messages are written.
    pub async fn outbox_listener(&self) -> Result<OutboxListener, StoreError> {
        let mut listener = PgListener::connect_with(&self.pool).await?;
        listener.listen(CHANNEL).await?;
        Ok(OutboxListener(listener))
    }
}

/// Hears when messages are written, by any process. A signal can be lost with its connection: poll beside it.
#[derive(Debug)]
pub struct OutboxListener(PgListener);

impl OutboxListener {
    /// Waits until messages are written, or until the connection was lost and is back. Safe to cancel.
    pub async fn changed(&mut self) -> Result<(), StoreError> {
        self.0.try_recv().await?;
        Ok(())
    }
}
