//! Writing how a round was judged: ids of documents that many rounds share, and a few numbers.
//!
//! Deliberately absent: the observations, which are recorded as ever.

use std::collections::HashMap;

use serde_json::{Map, Value as Json, json};
use sha2::{Digest as _, Sha256};

use super::NewContext;
use crate::{
    audit::{ENGINE_VERSION, context::RoundContext},
    store::{
        RoundId, Store, StoreError, columns,
        intern::{Digest, interned},
    },
};

/// A context taken apart, so that what stays is stored once: the setting, each zone, and what is left.
pub(super) struct Parts {
    pub(super) setting: Json,
    pub(super) zones: Vec<Json>,
    pub(super) rest: Json,
}

impl Parts {
    pub(super) fn of(context: &RoundContext) -> Result<Self, StoreError> {
        let mut rest = columns::to_json(context)?;
        let mut take = |path: &str| rest.pointer_mut(path).map(Json::take);
        let setting = take("/setting").unwrap_or_default();
        let found = take("/zones/found").unwrap_or_default();
        let zones = match found {
            Json::Object(found) => found.into_iter().map(|(_, zone)| zone).collect(),
            _ => Vec::new(),
        };
        Ok(Self {
            setting,
            zones,
            rest,
        })
    }

    /// Puts together what [`Parts::of`] took apart.
    pub(super) fn join(self) -> Result<RoundContext, StoreError> {
        let mut whole = self.rest;
        let apex = |zone: &Json| zone["apex"].as_str().unwrap_or_default().to_owned();
        let found: Map<String, Json> = self
            .zones
            .into_iter()
            .map(|zone| (apex(&zone), zone))
            .collect();
        if let Json::Object(fields) = &mut whole {
            fields.insert("setting".to_owned(), self.setting);
        }
        if let Some(Json::Object(zones)) = whole.pointer_mut("/zones") {
            zones.insert("found".to_owned(), json!(found));
        }
        columns::from_json("context of a round", whole)
    }
}

impl Store {
    /// Records how a round was judged. The same call again does nothing.
    pub async fn write_context(
        &self,
        round: RoundId,
        new: &NewContext<'_>,
    ) -> Result<(), StoreError> {
        let parts = Parts::of(new.context)?;
        let all = [&parts.setting, &parts.rest]
            .into_iter()
            .chain(&parts.zones);
        let digests: Vec<(Digest, &Json)> =
            all.map(|document| (digest(document), document)).collect();
        let ids = self.intern_documents(&digests).await?;
        let id = |nth: usize| interned(&ids, &digests[nth].0, "document");
        let zone_ids = (2..digests.len()).map(id).collect::<Result<Vec<_>, _>>()?;
        let count = |number: usize| i32::try_from(number).unwrap_or(i32::MAX);
        let ledger = new.ledger.map(columns::to_json).transpose()?;
        let batches = &new.batches;
        sqlx::query!(
            "-- write_context
            insert into round_context (round_id, session_id, engine, heard_step, heard, heard_until, again_step, again,
                judged_step, judged_at, setting_id, zone_ids, rest_id, ledger)
            values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
            on conflict do nothing",
            round.round_id,
            new.session.0,
            i32::try_from(ENGINE_VERSION).unwrap_or(i32::MAX),
            batches.first.0,
            count(batches.first.1),
            batches.until,
            batches.again.map(|(step, _)| step),
            batches.again.map_or(0, |(_, replies)| count(replies)),
            new.judged_step,
            new.judged_at,
            id(0)?,
            &zone_ids,
            id(1)?,
            ledger
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    async fn intern_documents(
        &self,
        documents: &[(Digest, &Json)],
    ) -> Result<HashMap<Digest, i32>, StoreError> {
        let cache = &self.interned.documents;
        let (mut ids, missing) = cache.split(documents.iter().map(|(digest, _)| *digest));
        if missing.is_empty() {
            return Ok(ids);
        }
        let mut new: Vec<_> = documents
            .iter()
            .filter(|(digest, _)| missing.contains(digest))
            .map(|(digest, document)| (digest.to_vec(), (*document).clone()))
            .collect();
        // Always the same order, so that two instances never wait for each other in a circle.
        new.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        new.dedup_by(|(one, _), (other, _)| one == other);
        let (digests, contents): (Vec<_>, Vec<_>) = new.into_iter().unzip();
        sqlx::query!(
            "-- intern_documents
            insert into document (digest, content)
            select * from unnest($1::bytea[], $2::jsonb[]) as given (digest, content)
            where not exists (select from document where document.digest = given.digest)
            order by digest
            on conflict do nothing",
            &digests,
            &contents
        )
        .execute(&self.pool)
        .await?;
        let rows = sqlx::query!(
            "-- find_documents\nselect digest, document_id from document where digest = any($1)",
            &digests
        )
        .fetch_all(&self.pool)
        .await?;
        let mut found = HashMap::new();
        for row in rows {
            let digest = Digest::try_from(row.digest)
                .map_err(|_| StoreError::unreadable("digest", "not 32 octets"))?;
            found.insert(digest, row.document_id);
        }
        cache.learn(&found);
        ids.extend(found);
        Ok(ids)
    }
}

/// SHA-256 over the document's text, whose fields stand in order of name.
fn digest(document: &Json) -> Digest {
    Sha256::digest(document.to_string()).into()
}
