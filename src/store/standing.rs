//! Verdicts that stand: what was wrong when the process ended, so that its end can be proved by the next one.
//!
//! Deliberately absent: their evidence, and verdicts that leave no message.

use super::{Store, StoreError, columns, spans::question};
use crate::{audit::verdict::State, types::SeriesKey};

impl Store {
    /// Every series of the group whose standing verdict is a reply that was not consistent, with its state.
    pub async fn standing_replies(
        &self,
        vantage: &str,
        group: &str,
    ) -> Result<Vec<(SeriesKey, State)>, StoreError> {
        let vantage_id = self.intern_vantage(vantage).await?;
        let rows = sqlx::query!(
            r#"-- standing_replies
            select question.name as question_name, rtype, source.kind, source.name as source_name,
                address as "address: ipnet::IpNet", port, scope, transport, state
            from verdict_span
            join series using (series_id)
            join question using (question_id)
            join source using (source_id)
            where series.vantage_id = $1 and group_name = $2 and until is null
                and state not in ('consistent', 'unknown', 'unreachable')"#,
            vantage_id,
            group
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
                let series = SeriesKey {
                    question: question(&row.question_name, row.rtype)?,
                    source: source.into(),
                };
                let state = columns::variant_from_text("state", row.state)?;
                Ok((series, state))
            })
            .collect()
    }
}
