//! Two messages that claim one id: a person ended an incident in the database while its service, cut off from there, took a
//! step of its own with the same number.
//!
//! Deliberately absent: which of the two was right. Both are told.

use sqlx::PgConnection;

use super::{NewMessage, StoreError};
use crate::audit::ledger::released_id;

/// Gives another id to every message that waits in the outbox under the id of one of these and says something else: these may
/// have been told under theirs.
pub(in crate::store) async fn displace(
    connection: &mut PgConnection,
    messages: &[NewMessage],
) -> Result<(), StoreError> {
    let ids: Vec<_> = messages.iter().map(|one| one.id).collect();
    let others: Vec<_> = ids.iter().map(|id| released_id(*id)).collect();
    let kinds: Vec<_> = messages.iter().map(|one| one.kind.clone()).collect();
    let written: Vec<_> = messages.iter().map(|one| one.created_at).collect();
    sqlx::query!(
        "-- displace
        update outbox set message_id = given.other_id
        from unnest($1::uuid[], $2::uuid[], $3::text[], $4::timestamptz[]) as given (message_id, other_id, kind, created_at)
        where outbox.message_id = given.message_id and outbox.delivered_at is null and outbox.buried_at is null
            and (outbox.kind, outbox.created_at) is distinct from (given.kind, given.created_at)",
        &ids,
        &others,
        &kinds,
        &written
    )
    .execute(connection)
    .await?;
    Ok(())
}
