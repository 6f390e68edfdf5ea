//! What it is held against: one wide table with the texts in it and two indexes, as one would begin.
//!
//! Deliberately absent: tuning. Its rows say the same as ours.

use dns_auditor::types::Observation;
use sqlx::{Connection as _, PgConnection};

/// The most rows that it gets.
pub const MOST: usize = 1_000_000;

/// Rows that are inserted one by one.
pub const MOST_SINGLY: usize = 30_000;

const TABLE: &str = "
    create table plain (
        at timestamptz not null, vantage text not null, name text not null, type text not null, resolver text not null,
        address text not null, site text, rcode text not null, records text not null, ttl bigint, rtt_us integer not null,
        size integer not null, flags integer not null, attempts integer not null, transport text not null
    );
    create index plain_name on plain (name, at);
    create index plain_at on plain (at)";

pub async fn create(connection: &mut PgConnection) {
    sqlx::raw_sql(TABLE).execute(connection).await.unwrap();
}

struct Texts {
    name: String,
    rtype: String,
    address: String,
    site: Option<String>,
    rcode: String,
    records: String,
    ttl: Option<i64>,
}

impl Texts {
    fn of(one: &Observation) -> Self {
        Self {
            name: one.question.name.to_string(),
            rtype: one.question.rtype.to_string(),
            address: one.source.address.to_string(),
            site: one.site(),
            rcode: one.answer.rcode_text(),
            records: records(one).join(" "),
            ttl: one.ttl().map(i64::from),
        }
    }
}

/// What every link says, in order.
pub fn records(one: &Observation) -> Vec<String> {
    let links = one.answer.links.iter();
    links.flat_map(|link| link.value.records()).collect()
}

/// One statement and one commit a row.
pub async fn insert(connection: &mut PgConnection, observations: &[Observation]) {
    for one in observations {
        let texts = Texts::of(one);
        let statement = "insert into plain values ($1, 'here', $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, 'udp')";
        sqlx::query(statement)
            .bind(one.at)
            .bind(texts.name)
            .bind(texts.rtype)
            .bind(&one.source.id)
            .bind(texts.address)
            .bind(texts.site)
            .bind(texts.rcode)
            .bind(texts.records)
            .bind(texts.ttl)
            .bind(i32::try_from(one.rtt.as_micros()).unwrap())
            .bind(i32::from(one.size))
            .bind(i32::from(one.flags.0))
            .bind(i32::from(one.attempts))
            .execute(&mut *connection)
            .await
            .unwrap();
    }
}

/// COPY of all of them at once, as text.
pub async fn copy(connection: &mut PgConnection, observations: &[Observation]) {
    let mut rows = String::new();
    for one in observations {
        let texts = Texts::of(one);
        let or_null = |text: Option<String>| text.unwrap_or_else(|| "\\N".to_owned());
        let Observation {
            at,
            rtt,
            size,
            flags,
            attempts,
            ..
        } = one;
        rows += &format!(
            "{at}\there\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{size}\t{}\t{attempts}\tudp\n",
            texts.name,
            texts.rtype,
            one.source.id,
            texts.address,
            or_null(texts.site),
            texts.rcode,
            texts.records,
            or_null(texts.ttl.map(|ttl| ttl.to_string())),
            rtt.as_micros(),
            flags.0
        );
    }
    let mut transaction = connection.begin().await.unwrap();
    let mut copy = transaction
        .copy_in_raw("copy plain from stdin")
        .await
        .unwrap();
    copy.send(rows.into_bytes()).await.unwrap();
    copy.finish().await.unwrap();
    transaction.commit().await.unwrap();
}
