//! Silences: written, ended before their time, listed, and handed to whoever tells.
//!
//! Deliberately absent: what they cover, which is `audit::quiet`'s rule, and changing one.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{Store, StoreError, columns};
use crate::{audit::quiet::Silence, types::Matchers};

struct Row {
    silence_id: Uuid,
    matchers: Vec<String>,
    comment: String,
    made_by: String,
    made_at: DateTime<Utc>,
    via: String,
    starts_at: DateTime<Utc>,
    ends_at: DateTime<Utc>,
    expired_at: Option<DateTime<Utc>>,
    expired_by: Option<String>,
}

impl Row {
    fn read(self) -> Result<Silence, StoreError> {
        let matchers = columns::to_json(&self.matchers)?;
        let matchers: Matchers = columns::from_json("matchers", matchers)?;
        Ok(Silence {
            id: self.silence_id,
            matchers,
            comment: self.comment,
            made_by: self.made_by,
            made_at: self.made_at,
            via: columns::variant_from_text("via", self.via)?,
            starts_at: self.starts_at,
            ends_at: self.ends_at,
            expired_at: self.expired_at,
            expired_by: self.expired_by,
        })
    }
}

impl Store {
    /// Writes a silence. The same one again changes nothing: whoever lost the answer may repeat the call.
    pub async fn add_silence(&self, silence: &Silence) -> Result<(), StoreError> {
        sqlx::query!(
            "-- add_silence
            insert into silence (silence_id, matchers, comment, made_by, made_at, via, starts_at, ends_at)
            values ($1, $2, $3, $4, $5, $6, $7, $8)
            on conflict do nothing",
            silence.id,
            &silence.matchers.texts(),
            columns::without_nul(&silence.comment),
            columns::without_nul(&silence.made_by),
            silence.made_at,
            columns::variant_to_text(&silence.via)?,
            silence.starts_at,
            silence.ends_at
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Ends a silence before its time, in somebody's name. `false`: there is none with this id, or it is over already.
    pub async fn expire_silence(
        &self,
        id: Uuid,
        by: &str,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let done = sqlx::query!(
            "-- expire_silence
            update silence set expired_at = $2, expired_by = $3
            where silence_id = $1 and expired_at is null and ends_at > $2",
            id,
            now,
            columns::without_nul(by)
        )
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// The silences that end after `since`, or all of them, in order of their beginnings.
    pub async fn silences(&self, since: Option<DateTime<Utc>>) -> Result<Vec<Silence>, StoreError> {
        let rows = sqlx::query_as!(
            Row,
            "-- silences
            select silence_id, matchers, comment, made_by, made_at, via, starts_at, ends_at, expired_at, expired_by
            from silence
            where $1::timestamptz is null or (ends_at > $1 and (expired_at is null or expired_at > $1))
            order by starts_at, made_at, silence_id",
            since
        )
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter().map(Row::read).collect()
    }

    /// One silence.
    pub async fn silence(&self, id: Uuid) -> Result<Option<Silence>, StoreError> {
        let row = sqlx::query_as!(
            Row,
            "-- silence
            select silence_id, matchers, comment, made_by, made_at, via, starts_at, ends_at, expired_at, expired_by
            from silence where silence_id = $1",
            id
        )
        .fetch_optional(&self.pool)
        .await?;
        row.map(Row::read).transpose()
    }
}
