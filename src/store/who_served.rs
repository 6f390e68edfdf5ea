//! Who handed out an address, for which names, when.
//!
//! Deliberately absent: whether it was right to.

use chrono::{DateTime, Utc};
use ipnet::IpNet;

use super::{RecordedSpan, Store, StoreError, copied, spans::read, timeline::end_of_time};

impl Store {
    /// Every run of answers that held the address, or any address of the network, within the window; in order of first
    /// sight.
    pub async fn who_served(
        &self,
        addresses: IpNet,
        from: Option<DateTime<Utc>>,
        to: Option<DateTime<Utc>>,
    ) -> Result<Vec<RecordedSpan>, StoreError> {
        let answers = self.answers_holding(addresses).await?;
        let from_rows = format!(
            "span where answer_id = any({}) and first_seen <= {} and last_seen >= {}",
            copied::keys(&answers),
            copied::instant(to.unwrap_or(end_of_time())),
            copied::instant(from.unwrap_or(DateTime::UNIX_EPOCH))
        );
        let rows = read::rows(&self.pool, "who_served", ["", &from_rows]).await?;
        self.spans_of_rows(rows).await
    }

    /// One address is found by the index; for a network every answer is looked at, which are few.
    async fn answers_holding(&self, addresses: IpNet) -> Result<Vec<i64>, StoreError> {
        let single = addresses.prefix_len() == addresses.max_prefix_len();
        let ids = if single {
            sqlx::query_scalar!(
                "-- answers_holding_address\nselect answer_id from answer where addresses @> array[$1::inet]",
                addresses as IpNet
            )
            .fetch_all(&self.pool)
            .await?
        } else {
            sqlx::query_scalar!(
                "-- answers_holding_network
                select answer_id from answer where exists (select from unnest(addresses) as one where one <<= $1::inet)",
                addresses as IpNet
            )
            .fetch_all(&self.pool)
            .await?
        };
        Ok(ids)
    }
}
