//! What is open, counted: for metrics, and for what the configuration has dropped.
//!
//! Deliberately absent: the incidents themselves.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::{
    store::{Store, StoreError, columns},
    types::Severity,
};

/// The channels that were told of an incident, and when the last message for each was written.
pub type Told = BTreeMap<String, DateTime<Utc>>;

impl Store {
    /// How many incidents of a vantage are open or recovering, by severity; severities without one are left out.
    pub async fn live_incidents(&self, vantage: &str) -> Result<Vec<(Severity, u64)>, StoreError> {
        let vantage_id = self.intern_vantage(vantage).await?;
        let rows = sqlx::query!(
            r#"-- live_incidents
            select severity, count(*) as "count!" from incident
            where vantage_id = $1 and status <> 'resolved'
            group by severity order by severity"#,
            vantage_id
        )
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter()
            .map(|row| {
                let severity = columns::variant_from_text("severity", row.severity)?;
                Ok((severity, columns::number("count", row.count)?))
            })
            .collect()
    }

    /// The groups of a vantage that have an incident that is open or recovering.
    pub async fn live_groups(&self, vantage: &str) -> Result<Vec<String>, StoreError> {
        let vantage_id = self.intern_vantage(vantage).await?;
        let groups = sqlx::query_scalar!(
            "-- live_groups
            select distinct group_name from incident
            where vantage_id = $1 and status <> 'resolved' order by group_name",
            vantage_id
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(groups)
    }

    /// The channels that an incident was told on, or is about to be.
    pub async fn channels_told(&self, id: Uuid) -> Result<Told, StoreError> {
        let rows = sqlx::query!(
            r#"-- channels_told
            select channel, max(created_at) as "last!" from outbox where incident_id = $1 group by channel"#,
            id
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(rows
            .into_iter()
            .map(|row| (row.channel, row.last))
            .collect())
    }
}
