//! Calibrations: what was measured of each address of a resolver, and when.
//!
//! Deliberately absent: deleting any. What a verdict of the past was judged by can be read again.

use chrono::{DateTime, Utc};

use super::{Store, StoreError, columns, intern};
use crate::{
    audit::calibration::{Calibration, Measured, ServeStale},
    names::{DnsName, NameError},
};

impl Store {
    /// Stores one.
    pub async fn add_calibration(
        &self,
        vantage: &str,
        calibration: &Calibration,
    ) -> Result<(), StoreError> {
        let vantage_id = self.intern_vantage(vantage).await?;
        sqlx::query!(
            "-- add_calibration
            insert into calibration
                (vantage_id, source_id, at, zone, token, questions, replies, measures, serve_stale, serve_stale_at)
            values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
            vantage_id,
            intern::source(&self.pool, &calibration.source).await?,
            calibration.at,
            calibration.zone.as_str(),
            calibration.token,
            columns::number::<_, i32>("questions", calibration.questions)?,
            columns::number::<_, i32>("replies", calibration.replies)?,
            columns::to_json(&calibration.measures)?,
            columns::to_json(&calibration.serve_stale)?,
            calibration.serve_stale_at
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Adds to the run of a token what was found out about stale answers later.
    pub async fn set_serve_stale(
        &self,
        token: &str,
        serve_stale: &Measured<ServeStale>,
        at: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        sqlx::query!(
            "-- set_serve_stale
            update calibration set serve_stale = $2, serve_stale_at = $3 where token = $1",
            token,
            columns::to_json(serve_stale)?,
            at
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// The latest calibration of every address that there was at `at`, in order of source.
    pub async fn calibrations(
        &self,
        vantage: &str,
        at: DateTime<Utc>,
    ) -> Result<Vec<Calibration>, StoreError> {
        let rows = sqlx::query!(
            r#"-- calibrations
            select distinct on (source.name, address, port, scope, transport)
                source.kind, source.name as source_name, address as "address: ipnet::IpNet", port, scope, transport,
                at, zone, token, questions, replies, measures, serve_stale, serve_stale_at
            from calibration
            join source using (source_id)
            join vantage using (vantage_id)
            where vantage.name = $1 and at <= $2
            order by source.name, address, port, scope, transport, at desc, calibration_id desc"#,
            vantage,
            at
        )
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter()
            .map(|row| {
                Ok(Calibration {
                    source: columns::source(
                        row.kind,
                        row.source_name,
                        (row.address, row.port, row.scope),
                        row.transport,
                    )?,
                    zone: zone(&row.zone)?,
                    token: row.token,
                    at: row.at,
                    questions: columns::number("questions", row.questions)?,
                    replies: columns::number("replies", row.replies)?,
                    measures: columns::from_json("measures", row.measures)?,
                    serve_stale: columns::from_json("serve_stale", row.serve_stale)?,
                    serve_stale_at: row.serve_stale_at,
                })
            })
            .collect()
    }
}

fn zone(text: &str) -> Result<DnsName, StoreError> {
    text.parse()
        .map_err(|error: NameError| StoreError::unreadable("name", error))
}
