//! Interning series, with the sources and questions they are made of.
//!
//! Deliberately absent: a cache of sources and questions. They are needed only where a series is new.

use std::{collections::HashMap, net::IpAddr};

use sqlx::{PgConnection, PgPool};

use super::source::Sources;
use crate::{
    store::{StoreError, columns},
    types::SeriesKey,
};

/// How series are interned. When everything is new, the tables grow a thousandfold within seconds: a plan that was made while
/// they were empty, and kept, goes through all sources' series for each one (40,000 took most of a minute).
const BEGIN: &str = "begin; set local plan_cache_mode = force_custom_plan";

/// Stores what is new of these series, and returns the key of each.
pub(super) async fn intern(
    pool: &PgPool,
    vantage_id: i16,
    keys: &[SeriesKey],
) -> Result<HashMap<SeriesKey, i32>, StoreError> {
    let columns = Columns::of(keys)?;
    let mut transaction = pool.begin_with(BEGIN).await?;
    let mut found = columns.find(&mut transaction, vantage_id).await?;
    if found.len() < keys.len() {
        columns.sources.insert(&mut *transaction).await?;
        columns.insert_questions(&mut transaction).await?;
        columns.insert_series(&mut transaction, vantage_id).await?;
        found = columns.find(&mut transaction, vantage_id).await?;
    }
    transaction.commit().await?;
    let keyed = found
        .into_iter()
        .filter_map(|(index, id)| Some((keys.get(index)?.clone(), id)));
    Ok(keyed.collect())
}

/// Series column by column, as `unnest` takes them.
#[derive(Default)]
struct Columns {
    question_names: Vec<String>,
    rtypes: Vec<i32>,
    sources: Sources,
}

impl Columns {
    fn of(keys: &[SeriesKey]) -> Result<Self, StoreError> {
        let mut columns = Self::default();
        for SeriesKey { question, source } in keys {
            columns.question_names.push(question.name.to_string());
            columns.rtypes.push(question.rtype.0.into());
            columns.sources.push(source)?;
        }
        Ok(columns)
    }

    /// The keys of those that are there, by index.
    async fn find(
        &self,
        connection: &mut PgConnection,
        vantage_id: i16,
    ) -> Result<Vec<(usize, i32)>, StoreError> {
        let rows = sqlx::query!(
            r#"-- find_series
            select given.n as "n!", series_id
            from unnest($2::text[], $3::integer[], $4::text[], $5::text[], $6::inet[], $7::integer[], $8::bigint[], $9::text[])
                with ordinality as given (question_name, rtype, kind, source_name, address, port, scope, transport, n)
            join question on question.name = given.question_name and question.rtype = given.rtype
            join source on source.kind = given.kind and source.name = given.source_name
                and source.address = given.address and source.port = given.port
                and source.scope = given.scope and source.transport = given.transport
            join series using (question_id, source_id)
            where series.vantage_id = $1"#,
            vantage_id,
            &self.question_names,
            &self.rtypes,
            &self.sources.kinds,
            &self.sources.names,
            &self.sources.addresses as &[IpAddr],
            &self.sources.ports,
            &self.sources.scopes,
            &self.sources.transports
        )
        .fetch_all(connection)
        .await?;
        rows.into_iter()
            .map(|row| {
                Ok((
                    columns::number::<_, usize>("index", row.n - 1)?,
                    row.series_id,
                ))
            })
            .collect()
    }

    async fn insert_questions(&self, connection: &mut PgConnection) -> Result<(), StoreError> {
        sqlx::query!(
            "-- insert_questions
            insert into question (name, rtype)
            select distinct * from unnest($1::text[], $2::integer[]) as given (name, rtype)
            order by name, rtype
            on conflict do nothing",
            &self.question_names,
            &self.rtypes
        )
        .execute(connection)
        .await?;
        Ok(())
    }

    async fn insert_series(
        &self,
        connection: &mut PgConnection,
        vantage_id: i16,
    ) -> Result<(), StoreError> {
        sqlx::query!(
            "-- insert_series
            insert into series (vantage_id, question_id, source_id)
            select distinct $1::smallint, question_id, source_id
            from unnest($2::text[], $3::integer[], $4::text[], $5::text[], $6::inet[], $7::integer[], $8::bigint[], $9::text[])
                as given (question_name, rtype, kind, source_name, address, port, scope, transport)
            join question on question.name = given.question_name and question.rtype = given.rtype
            join source on source.kind = given.kind and source.name = given.source_name
                and source.address = given.address and source.port = given.port
                and source.scope = given.scope and source.transport = given.transport
            order by question_id, source_id
            on conflict do nothing",
            vantage_id,
            &self.question_names,
            &self.rtypes,
            &self.sources.kinds,
            &self.sources.names,
            &self.sources.addresses as &[IpAddr],
            &self.sources.ports,
            &self.sources.scopes,
            &self.sources.transports
        )
        .execute(connection)
        .await?;
        Ok(())
    }
}
