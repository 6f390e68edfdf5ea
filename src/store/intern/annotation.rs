//! Interning annotations: what a reply said beside its answer.
//!
//! Deliberately absent: anything that differs from sample to sample, such as TTLs and round-trip times.

use std::collections::HashMap;

use serde::Serialize;
use sha2::{Digest as _, Sha256};
use sqlx::PgPool;

use super::Digest;
use crate::{
    store::{StoreError, columns},
    types::{Ede, Observation, site_of},
};

/// What a reply said beside its answer.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub(in crate::store) struct Annotation<'a> {
    nsid: Option<&'a [u8]>,
    ede: &'a [Ede],
    ecs_scope: Option<u8>,
    edns_size: Option<u16>,
    serial: Option<u32>,
    /// Younger than the digests of its fellows: without it, theirs stay what they were.
    #[serde(skip_serializing_if = "Option::is_none")]
    edns_version: Option<u8>,
}

impl<'a> Annotation<'a> {
    /// The annotation of an observation.
    pub(in crate::store) fn of(observation: &'a Observation) -> Self {
        Self {
            nsid: observation.nsid.as_deref(),
            ede: &observation.ede,
            ecs_scope: observation.ecs_scope,
            edns_size: observation.edns_size,
            serial: observation.serial,
            edns_version: observation.edns_version,
        }
    }

    /// SHA-256 over the JSON of the fields in this order. Fixed for ever, since digests are stored.
    pub(in crate::store) fn digest(&self) -> Result<Digest, StoreError> {
        let bytes = serde_json::to_vec(self)
            .map_err(|error| StoreError::unreadable("annotation", error))?;
        Ok(Sha256::digest(bytes).into())
    }
}

/// Stores what is new of these annotations, and returns the key of each.
pub(super) async fn intern(
    pool: &PgPool,
    annotations: &[(Digest, &Annotation<'_>)],
) -> Result<HashMap<Digest, i32>, StoreError> {
    let digests: Vec<_> = annotations
        .iter()
        .map(|(digest, _)| digest.to_vec())
        .collect();
    let found = find(pool, &digests).await?;
    let new: Vec<_> = annotations
        .iter()
        .filter(|(digest, _)| !found.contains_key(digest))
        .collect();
    if new.is_empty() {
        return Ok(found);
    }
    insert(pool, &new).await?;
    find(pool, &digests).await
}

async fn insert(pool: &PgPool, new: &[&(Digest, &Annotation<'_>)]) -> Result<(), StoreError> {
    let digests: Vec<_> = new.iter().map(|(digest, _)| digest.to_vec()).collect();
    let nsids: Vec<_> = new
        .iter()
        .map(|(_, one)| one.nsid.map(<[u8]>::to_vec))
        .collect();
    let sites: Vec<_> = new
        .iter()
        .map(|(_, one)| one.nsid.and_then(site_of))
        .collect();
    let edes = new
        .iter()
        .map(|(_, one)| columns::to_json(&one.ede))
        .collect::<Result<Vec<_>, _>>()?;
    let scopes: Vec<_> = new
        .iter()
        .map(|(_, one)| one.ecs_scope.map(i16::from))
        .collect();
    let edns_sizes: Vec<_> = new
        .iter()
        .map(|(_, one)| one.edns_size.map(i32::from))
        .collect();
    let serials: Vec<_> = new
        .iter()
        .map(|(_, one)| one.serial.map(i64::from))
        .collect();
    let edns_versions: Vec<_> = new
        .iter()
        .map(|(_, one)| one.edns_version.map(i16::from))
        .collect();
    sqlx::query!(
        "-- intern_annotations
        insert into annotation (digest, nsid, site, ede, ecs_scope, edns_size, serial, edns_version)
        select *
        from unnest($1::bytea[], $2::bytea[], $3::text[], $4::jsonb[], $5::smallint[], $6::integer[], $7::bigint[],
            $8::smallint[]) as given (digest, nsid, site, ede, ecs_scope, edns_size, serial, edns_version)
        order by digest
        on conflict do nothing",
        &digests,
        &nsids as &[Option<Vec<u8>>],
        &sites as &[Option<String>],
        &edes,
        &scopes as &[Option<i16>],
        &edns_sizes as &[Option<i32>],
        &serials as &[Option<i64>],
        &edns_versions as &[Option<i16>]
    )
    .execute(pool)
    .await?;
    Ok(())
}

async fn find(pool: &PgPool, digests: &[Vec<u8>]) -> Result<HashMap<Digest, i32>, StoreError> {
    let rows = sqlx::query!(
        "-- find_annotations\nselect digest, annotation_id from annotation where digest = any($1)",
        digests
    )
    .fetch_all(pool)
    .await?;
    rows.into_iter()
        .map(|row| {
            let digest = Digest::try_from(row.digest)
                .map_err(|_| StoreError::unreadable("digest", "not 32 octets"))?;
            Ok((digest, row.annotation_id))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(annotation: &Annotation<'_>) -> String {
        let digest = annotation.digest().unwrap();
        let digits = |hex: String, octet: &u8| hex + &format!("{octet:02x}");
        digest.iter().fold(String::new(), digits)
    }

    #[test]
    fn what_was_said_before_there_were_edns_versions_keeps_its_digest() {
        let ede = [Ede {
            code: 3,
            text: "stale".to_owned(),
        }];
        let old = Annotation {
            nsid: Some(b"fra3"),
            ede: &ede,
            ecs_scope: Some(24),
            edns_size: Some(1232),
            serial: Some(7),
            edns_version: None,
        };
        // As 0.1.0 computed them.
        assert_eq!(
            digest(&old),
            "3be133a3ef8491ac5a2a3f22359f1c15a033c8b1c41a53e6d9e96c23990c9366"
        );
        let bare = Annotation {
            nsid: None,
            ede: &[],
            ecs_scope: None,
            edns_size: None,
            serial: None,
            ..old.clone()
        };
        assert_eq!(
            digest(&bare),
            "a282922f7cacf0eb0f9a97a960a5b63459d044897388ddbe3b65b0afe4afd01a"
        );
        let newer = Annotation {
            edns_version: Some(0),
            ..old.clone()
        };
        assert_ne!(digest(&newer), digest(&old));
    }
}
