//! What the fetches of resolver addresses have shown of their caps: written with a round, read at start.
//!
//! Deliberately absent: learning, and what a person measured, which is [`super::calibrations`]'s.

use std::net::IpAddr;

use sqlx::PgConnection;

use super::{Store, StoreError, columns, finish::Place};
use crate::{audit::history::Cap, types::Source};

impl Store {
    /// What is known of each resolver address, in order of source.
    pub async fn learned_caps(&self, vantage: &str) -> Result<Vec<(Source, Cap)>, StoreError> {
        let rows = sqlx::query!(
            r#"-- learned_caps
            select source.kind, source.name as source_name, address as "address: ipnet::IpNet", port, scope, transport,
                state
            from learned_cap
            join source using (source_id)
            join vantage using (vantage_id)
            where vantage.name = $1
            order by source.name, address, port, scope, transport"#,
            vantage
        )
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter()
            .map(|row| {
                let source = columns::source(
                    row.kind,
                    row.source_name,
                    (row.address, row.port, row.scope),
                    row.transport,
                )?;
                Ok((source, columns::from_json("state", row.state)?))
            })
            .collect()
    }
}

/// Writes what was learned, in order of source: two rounds that end at once never wait for each other in a circle. What a
/// later fetch has taught stays. The sources are interned, since they were observed.
pub(super) async fn write(
    connection: &mut PgConnection,
    place: &Place,
    caps: &[(Source, Cap)],
) -> Result<(), StoreError> {
    for (source, cap) in caps {
        let Some(at) = cap.at() else { continue };
        sqlx::query!(
            "-- write_learned_cap
            insert into learned_cap (vantage_id, source_id, at, state)
            select $1, source_id, $2, $3
            from source
            where kind = $4 and name = $5 and address = $6 and port = $7 and scope = $8 and transport = $9
            on conflict on constraint learned_cap_pk do update set at = excluded.at, state = excluded.state
            where learned_cap.at <= excluded.at",
            place.vantage_id,
            at,
            columns::to_json(cap)?,
            columns::variant_to_text(&source.kind)?,
            source.id,
            source.address.ip() as IpAddr,
            i32::from(source.address.port()),
            columns::scope_of(source.address),
            columns::variant_to_text(&source.transport)?
        )
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}
