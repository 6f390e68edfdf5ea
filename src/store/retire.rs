//! Ending what is no longer asked: a verdict of a resolver that left the configuration must not stand for ever.
//!
//! Deliberately absent: deleting anything, and ending incidents, which is the ledger's or a person's business.

use chrono::{DateTime, Utc};

use super::{Store, StoreError};
use crate::types::SeriesKey;

impl Store {
    /// Ends the standing verdicts of a group whose series are not among `asked`: for the start, with everything that the
    /// configuration asks. Returns how many there were.
    pub async fn end_unasked(
        &self,
        vantage: &str,
        group: &str,
        asked: &[SeriesKey],
        now: DateTime<Utc>,
    ) -> Result<u64, StoreError> {
        let vantage_id = self.intern_vantage(vantage).await?;
        let asked = self.intern_series(vantage_id, asked).await?;
        let asked: Vec<_> = asked.into_values().collect();
        let done = sqlx::query!(
            "-- end_unasked
            update verdict_span set until = greatest(since, $4)
            from series
            where series.series_id = verdict_span.series_id and series.vantage_id = $1 and group_name = $2
                and until is null and verdict_span.series_id <> all($3)",
            vantage_id,
            group,
            &asked,
            now
        )
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected())
    }

    /// Ends the standing verdicts and findings of groups that are not among `groups`. Returns how many there were.
    pub async fn end_other_groups(
        &self,
        vantage: &str,
        groups: &[String],
        now: DateTime<Utc>,
    ) -> Result<u64, StoreError> {
        let vantage_id = self.intern_vantage(vantage).await?;
        let verdicts = sqlx::query!(
            "-- end_other_groups
            update verdict_span set until = greatest(since, $3)
            from series
            where series.series_id = verdict_span.series_id and series.vantage_id = $1
                and group_name <> all($2) and until is null",
            vantage_id,
            groups,
            now
        )
        .execute(&self.pool)
        .await?;
        let findings = sqlx::query!(
            "-- end_other_groups
            update finding_span set until = greatest(since, $3)
            where vantage_id = $1 and group_name <> all($2) and until is null",
            vantage_id,
            groups,
            now
        )
        .execute(&self.pool)
        .await?;
        Ok(verdicts.rows_affected() + findings.rows_affected())
    }
}
