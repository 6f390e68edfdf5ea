//! Spans as they stand after a chunk, into their rows.
//!
//! Deliberately absent: the transaction, and what is known of rows that were written before, which is [`super::written`]'s.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use crate::{
    store::{StoreError, columns},
    types::Span,
};

/// How a transaction begins that writes spans: their rows are found by their numbers. A plan that was made while the table was
/// small, or not analyzed, would read all of it instead, and stay for as long as the connection.
pub(in crate::store) const BEGIN: &str =
    "begin; set local enable_seqscan = off; set local enable_bitmapscan = off;
    set local enable_hashjoin = off; set local enable_mergejoin = off";

/// A span as it stands, by its keys.
pub(in crate::store) struct Spanned<'a> {
    pub(in crate::store) span: &'a Span,
    /// Whether it began in the chunk at hand.
    pub(in crate::store) opened: bool,
    pub(in crate::store) series_id: i32,
    pub(in crate::store) answer_id: i64,
    /// Where this process has written it before.
    pub(in crate::store) span_id: Option<i64>,
}

/// A row that was looked for by what the table is unique by, or is new.
pub(in crate::store) struct Row {
    pub(super) span_id: i64,
    pub(super) series_id: i32,
    pub(super) site: String,
    pub(super) first_seen: DateTime<Utc>,
    pub(super) answer_id: i64,
}

impl Spanned<'_> {
    /// What the table is unique by.
    pub(super) fn key(&self) -> (i32, &str, i64) {
        let site = self.span.site.as_deref().unwrap_or_default();
        (self.series_id, site, microseconds(self.span.first_seen))
    }
}

impl Row {
    pub(super) fn key(&self) -> (i32, &str, i64) {
        (self.series_id, &self.site, microseconds(self.first_seen))
    }
}

/// As the column keeps it: two instants within a microsecond are one key.
pub(super) fn microseconds(at: DateTime<Utc>) -> i64 {
    at.timestamp_micros()
}

/// The last state of each span of the chunk: one statement must not touch a row twice. Sorted, so that two
/// transactions lock rows in the same order.
pub(in crate::store) fn last_of_each(mut spans: Vec<Spanned<'_>>) -> Vec<Spanned<'_>> {
    spans.sort_by(|one, next| one.key().cmp(&next.key()));
    spans.dedup_by(|next, kept| {
        let is_same = next.key() == kept.key();
        if is_same {
            next.opened |= kept.opened;
            std::mem::swap(next, kept);
        }
        is_same
    });
    spans
}

/// Writes spans, each once and in order. Groups share series: whichever writes last, a span only grows.
///
/// In a transaction that begins with [`BEGIN`]. Where each was written by this process before or began just now, no row is
/// looked for but by its number. Returns the others.
pub(in crate::store) async fn write(
    connection: &mut PgConnection,
    spans: &[Spanned<'_>],
) -> Result<Vec<Row>, StoreError> {
    let (known, others): (Vec<_>, Vec<_>) = spans.iter().partition(|one| one.span_id.is_some());
    // Rows that others may be writing, too, are taken in one order, and so by one statement.
    if others.iter().all(|one| one.opened) && extend(connection, &known).await? {
        return upsert(connection, &others).await;
    }
    upsert(connection, &spans.iter().collect::<Vec<_>>()).await
}

/// Updates the rows of these numbers. `false` where one is no longer what it was: pruned, or of another database.
async fn extend(connection: &mut PgConnection, spans: &[&Spanned<'_>]) -> Result<bool, StoreError> {
    if spans.is_empty() {
        return Ok(true);
    }
    let ids: Vec<_> = spans.iter().filter_map(|one| one.span_id).collect();
    let (keys, tails) = (Keys::of(spans), Tails::of(spans));
    let updated = sqlx::query!(
        "-- extend_spans
        update span
        set last_seen = greatest(span.last_seen, now.last_seen), samples = greatest(span.samples, now.samples),
            ttl_min = least(span.ttl_min, now.ttl_min), ttl_max = greatest(span.ttl_max, now.ttl_max),
            cached_until = greatest(span.cached_until, now.cached_until),
            longest_silence_s = greatest(span.longest_silence_s, now.longest_silence_s)
        from (
            -- Side by side they stream into the join; as a function after `from` they would be stored first.
            select unnest($1::bigint[]) as span_id, unnest($2::integer[]) as series_id,
                unnest($3::timestamptz[]) as first_seen, unnest($4::timestamptz[]) as last_seen,
                unnest($5::bigint[]) as samples, unnest($6::bigint[]) as ttl_min, unnest($7::bigint[]) as ttl_max,
                unnest($8::timestamptz[]) as cached_until, unnest($9::integer[]) as longest_silence_s
        ) as now
        where span.span_id = now.span_id and span.series_id = now.series_id and span.first_seen = now.first_seen",
        &ids,
        &keys.series_ids,
        &keys.first_seen,
        &tails.last_seen,
        &tails.samples,
        &tails.ttl_mins as &[Option<i64>],
        &tails.ttl_maxs as &[Option<i64>],
        &tails.cached_untils as &[Option<DateTime<Utc>>],
        &tails.longest_silences as &[Option<i32>]
    )
    .execute(connection)
    .await?;
    Ok(updated.rows_affected() == spans.len() as u64)
}

/// Updates the rows that are there, whoever wrote them, and inserts the others.
async fn upsert(
    connection: &mut PgConnection,
    spans: &[&Spanned<'_>],
) -> Result<Vec<Row>, StoreError> {
    if spans.is_empty() {
        return Ok(Vec::new());
    }
    let (keys, heads, tails) = (Keys::of(spans), Heads::of(spans), Tails::of(spans));
    let rows = sqlx::query_as!(
        Row,
        "-- upsert_spans
        insert into span (series_id, site, first_seen, answer_id, authoritative, first_ttls, last_seen, samples,
            ttl_min, ttl_max, first_expires_at, cached_until, longest_silence_s)
        select *
        from unnest($1::integer[], $2::text[], $3::timestamptz[], $4::bigint[], $5::boolean[], $6::text[],
            $7::timestamptz[], $8::bigint[], $9::bigint[], $10::bigint[], $11::timestamptz[], $12::timestamptz[],
            $13::integer[])
        on conflict (series_id, site, first_seen) do update
        set last_seen = greatest(span.last_seen, excluded.last_seen),
            samples = greatest(span.samples, excluded.samples),
            ttl_min = least(span.ttl_min, excluded.ttl_min), ttl_max = greatest(span.ttl_max, excluded.ttl_max),
            cached_until = greatest(span.cached_until, excluded.cached_until),
            longest_silence_s = greatest(span.longest_silence_s, excluded.longest_silence_s)
        returning span_id, series_id, site, first_seen, answer_id",
        &keys.series_ids,
        &heads.sites,
        &keys.first_seen,
        &heads.answer_ids,
        &heads.authoritative,
        &heads.first_ttls,
        &tails.last_seen,
        &tails.samples,
        &tails.ttl_mins as &[Option<i64>],
        &tails.ttl_maxs as &[Option<i64>],
        &heads.first_expires as &[Option<DateTime<Utc>>],
        &tails.cached_untils as &[Option<DateTime<Utc>>],
        &tails.longest_silences as &[Option<i32>]
    )
    .fetch_all(connection)
    .await?;
    Ok(rows)
}

/// What tells spans apart but for their sites, column by column, as `unnest` takes it.
struct Keys {
    series_ids: Vec<i32>,
    first_seen: Vec<DateTime<Utc>>,
}

impl Keys {
    fn of(spans: &[&Spanned<'_>]) -> Self {
        Self {
            series_ids: spans.iter().map(|one| one.series_id).collect(),
            first_seen: spans.iter().map(|one| one.span.first_seen).collect(),
        }
    }
}

/// What stays as it was when they began.
#[derive(Default)]
struct Heads {
    sites: Vec<String>,
    answer_ids: Vec<i64>,
    authoritative: Vec<bool>,
    first_ttls: Vec<String>,
    first_expires: Vec<Option<DateTime<Utc>>>,
}

impl Heads {
    fn of(spans: &[&Spanned<'_>]) -> Self {
        let mut heads = Self::default();
        for Spanned {
            span, answer_id, ..
        } in spans
        {
            heads
                .sites
                .push(span.site.as_deref().unwrap_or_default().to_owned());
            heads.answer_ids.push(*answer_id);
            heads.authoritative.push(span.authoritative);
            let ttls = columns::ttls_to_text(&span.first_ttls);
            heads.first_ttls.push(ttls);
            heads.first_expires.push(span.first_expires_at);
        }
        heads
    }
}

/// What moves with every sample.
#[derive(Default)]
struct Tails {
    last_seen: Vec<DateTime<Utc>>,
    samples: Vec<i64>,
    ttl_mins: Vec<Option<i64>>,
    ttl_maxs: Vec<Option<i64>>,
    cached_untils: Vec<Option<DateTime<Utc>>>,
    longest_silences: Vec<Option<i32>>,
}

impl Tails {
    fn of(spans: &[&Spanned<'_>]) -> Self {
        let seconds = |silence| i32::try_from(silence).unwrap_or(i32::MAX);
        let mut tails = Self::default();
        for Spanned { span, .. } in spans {
            tails.last_seen.push(span.last_seen);
            let samples = i64::try_from(span.samples).unwrap_or(i64::MAX);
            tails.samples.push(samples);
            tails.ttl_mins.push(span.ttl_min.map(i64::from));
            tails.ttl_maxs.push(span.ttl_max.map(i64::from));
            tails.cached_untils.push(span.cached_until);
            let silence = span.longest_silence_s.map(seconds);
            tails.longest_silences.push(silence);
        }
        tails
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{
        audit::{
            history::History,
            testing::{BAD, GOOD, NAME, a, at, observe, question, resolver},
        },
        types::RecordType,
    };

    #[test]
    fn each_span_of_a_chunk_is_written_once_as_it_stands_at_its_end() {
        let source = resolver("google", "8.8.8.8", None).sources().next();
        let (source, question) = (source.unwrap(), question(NAME, RecordType::A));
        let mut history = History::default();
        let mut hear = |when: &str, address: &str| {
            let heard = observe(&source, &question, at(when), &a(&[address], 300));
            history.absorb(&heard, Duration::from_mins(3))
        };
        let changes = [
            hear("10:00", GOOD),
            hear("10:01", GOOD),
            hear("10:02", BAD),
            hear("10:03", BAD),
        ];
        let spanned = |(nth, series_id): (usize, i32)| Spanned {
            span: &changes[nth].span,
            opened: changes[nth].opened,
            series_id,
            answer_id: 1,
            span_id: None,
        };
        // The last of another series begins in no chunk of these.
        let given = [(3, 8), (0, 7), (1, 7), (2, 7), (3, 7)].map(spanned);
        let last = last_of_each(given.into());
        let seen = last.iter().map(|one| (one.series_id, one.span, one.opened));
        let (good, bad) = (&changes[1].span, &changes[3].span);
        assert_eq!(
            seen.collect::<Vec<_>>(),
            [(7, good, true), (7, bad, true), (8, bad, false)]
        );
    }
}
