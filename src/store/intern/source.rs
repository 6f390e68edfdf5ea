//! Interning sources: many at once for series, or one.
//!
//! Deliberately absent: a cache. They are needed only where what refers to them is new.

use std::net::IpAddr;

use sqlx::{PgExecutor, PgPool};

use crate::{
    store::{StoreError, columns},
    types::Source,
};

/// Sources column by column, as `unnest` takes them.
#[derive(Default)]
pub(super) struct Sources {
    pub(super) kinds: Vec<String>,
    pub(super) names: Vec<String>,
    pub(super) addresses: Vec<IpAddr>,
    pub(super) ports: Vec<i32>,
    pub(super) scopes: Vec<i64>,
    pub(super) transports: Vec<String>,
}

impl Sources {
    pub(super) fn push(&mut self, source: &Source) -> Result<(), StoreError> {
        self.kinds.push(columns::variant_to_text(&source.kind)?);
        self.names.push(source.id.clone());
        self.addresses.push(source.address.ip());
        self.ports.push(source.address.port().into());
        self.scopes.push(columns::scope_of(source.address));
        self.transports
            .push(columns::variant_to_text(&source.transport)?);
        Ok(())
    }

    /// Stores what is new of them.
    pub(super) async fn insert(&self, executor: impl PgExecutor<'_>) -> Result<(), StoreError> {
        sqlx::query!(
            "-- insert_sources
            insert into source (kind, name, address, port, scope, transport)
            select distinct *
            from unnest($1::text[], $2::text[], $3::inet[], $4::integer[], $5::bigint[], $6::text[])
                as given (kind, name, address, port, scope, transport)
            order by kind, name, address, port, scope, transport
            on conflict do nothing",
            &self.kinds,
            &self.names,
            &self.addresses as &[IpAddr],
            &self.ports,
            &self.scopes,
            &self.transports
        )
        .execute(executor)
        .await?;
        Ok(())
    }
}

/// Stores a source if it is new, and returns its key.
pub(in crate::store) async fn intern(pool: &PgPool, source: &Source) -> Result<i32, StoreError> {
    let mut one = Sources::default();
    one.push(source)?;
    one.insert(pool).await?;
    let id = sqlx::query_scalar!(
        "-- intern_source
            select source_id from source
            where kind = $1 and name = $2 and address = $3 and port = $4 and scope = $5 and transport = $6",
        one.kinds[0],
        source.id,
        source.address.ip() as IpAddr,
        one.ports[0],
        one.scopes[0],
        one.transports[0]
    )
    .fetch_one(pool)
    .await?;
    Ok(id)
}
