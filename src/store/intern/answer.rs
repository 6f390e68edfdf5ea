//! Interning answers.
//!
//! Deliberately absent: the digest's encoding, which is the answer's own.

use std::collections::HashMap;

use sqlx::PgPool;

use super::Digest;
use crate::{
    store::{StoreError, columns},
    types::Answer,
};

/// Stores what is new of these answers, and returns the key of each.
pub(super) async fn intern(
    pool: &PgPool,
    answers: &[(Digest, &Answer)],
) -> Result<HashMap<Digest, i64>, StoreError> {
    let digests: Vec<_> = answers.iter().map(|(digest, _)| digest.to_vec()).collect();
    let found = find(pool, &digests).await?;
    let new: Vec<_> = answers
        .iter()
        .filter(|(digest, _)| !found.contains_key(digest))
        .collect();
    if new.is_empty() {
        return Ok(found);
    }
    let new_digests: Vec<_> = new.iter().map(|(digest, _)| digest.to_vec()).collect();
    let contents = new
        .iter()
        .map(|(_, answer)| columns::to_json(answer))
        .collect::<Result<Vec<_>, _>>()?;
    let addresses: Vec<_> = new.iter().map(|(_, answer)| addresses(answer)).collect();
    sqlx::query!(
        "-- intern_answers
        insert into answer (digest, content, addresses)
        select digest, content, addresses::inet[]
        from unnest($1::bytea[], $2::jsonb[], $3::text[]) as given (digest, content, addresses)
        order by digest
        on conflict do nothing",
        &new_digests,
        &contents,
        &addresses
    )
    .execute(pool)
    .await?;
    find(pool, &digests).await
}

async fn find(pool: &PgPool, digests: &[Vec<u8>]) -> Result<HashMap<Digest, i64>, StoreError> {
    let rows = sqlx::query!(
        "-- find_answers\nselect digest, answer_id from answer where digest = any($1)",
        digests
    )
    .fetch_all(pool)
    .await?;
    rows.into_iter()
        .map(|row| {
            let digest = Digest::try_from(row.digest)
                .map_err(|_| StoreError::unreadable("digest", "not 32 octets"))?;
            Ok((digest, row.answer_id))
        })
        .collect()
}

/// The addresses an answer hands out, as the text of an array: arrays of unequal length do not nest in `unnest`.
fn addresses(answer: &Answer) -> String {
    let addresses: Vec<_> = answer
        .links
        .iter()
        .flat_map(|link| link.value.addresses())
        .map(|address| address.to_string())
        .collect();
    format!("{{{}}}", addresses.join(","))
}
