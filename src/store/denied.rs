//! Who denied a name or its data, when, and for how long such a denial could be kept.
//!
//! `cached_until` of a run is its deadline: the last sample plus the negative TTL, the lower of the SOA's TTL and its MINIMUM
//! (RFC 2308 section 5). Deliberately absent: whether a denial was right.

use chrono::{DateTime, Utc};

use super::{RecordedSpan, Store, StoreError, columns};
use crate::names::DnsName;

impl Store {
    /// Every run of NXDOMAIN or NODATA within the window, in order of first sight. `names`: of these; of all where none is
    /// given.
    pub async fn denials(
        &self,
        names: &[DnsName],
        from: DateTime<Utc>,
        to: DateTime<Utc>,
    ) -> Result<Vec<RecordedSpan>, StoreError> {
        let names = columns::texts(names);
        let ids = sqlx::query_scalar!(
            "-- denials
            select span_id
            from answer join span using (answer_id) join series using (series_id) join question using (question_id)
            where content #>> '{links,-1,value}' in ('nxdomain', 'nodata')
                and ($1::text[] = '{}' or question.name = any($1))
                and first_seen <= $3 and last_seen >= $2",
            &names,
            from,
            to
        )
        .fetch_all(&self.pool)
        .await?;
        self.read_spans(&ids).await
    }
}
