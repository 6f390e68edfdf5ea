//! Rows by COPY in its binary format: where there are thousands, they take a fraction of what they take as rows of a query.
//!
//! The text of such a query is ours, and the values in it are keys and instants, which [`keys`] and [`instant`] write. A
//! connection on which a copy did not end is closed, since what is left on it would be taken for the answer to the next
//! question.
//!
//! Deliberately absent: what the columns are. Whoever asks reads them in their order, each as its type.

use std::sync::Arc;

use chrono::{DateTime, SecondsFormat, Utc};
use sqlx::{PgPool, Postgres, pool::PoolConnection};

use super::{StoreError, streamed, timeline::end_of_time};
use crate::types::Pool;

/// What the first message begins with, before the length of an extension that no version has.
const SIGNATURE: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0";

/// 2000-01-01, from which instants are counted, in microseconds since 1970.
const EPOCH_US: i64 = 946_684_800_000_000;

/// Every row of a query, as `read` makes it of its columns. `name` stands in its first line.
pub(super) async fn rows<T>(
    pool: &PgPool,
    name: &str,
    query: &str,
    mut read: impl FnMut(&mut Columns<'_>) -> Result<T, StoreError>,
) -> Result<Vec<T>, StoreError> {
    let mut copying = Copying {
        connection: pool.acquire().await?,
        has_ended: false,
    };
    let statement = format!("-- {name}\ncopy ({query}) to stdout (format binary)");
    let mut messages = copying.connection.copy_out_raw(&statement).await?;
    let mut rows = Vec::new();
    while let Some(message) = streamed::next(&mut messages).await? {
        if let Some(mut columns) = Columns::of(&message)? {
            rows.push(read(&mut columns)?);
        }
    }
    drop(messages);
    copying.has_ended = true;
    Ok(rows)
}

/// Keys as they stand in a query.
pub(super) fn keys<T: ToString>(keys: &[T]) -> String {
    let keys: Vec<_> = keys.iter().map(ToString::to_string).collect();
    format!("'{{{}}}'", keys.join(","))
}

/// An instant as it stands in a query. Nothing is stored of before 1970, or of after the year 9999.
pub(super) fn instant(at: DateTime<Utc>) -> String {
    let at = at.clamp(DateTime::UNIX_EPOCH, end_of_time());
    format!("'{}'", at.to_rfc3339_opts(SecondsFormat::Micros, true))
}

struct Copying {
    connection: PoolConnection<Postgres>,
    has_ended: bool,
}

impl Drop for Copying {
    fn drop(&mut self) {
        if !self.has_ended {
            self.connection.close_on_drop();
        }
    }
}

/// The columns of a row that are not read yet.
pub(super) struct Columns<'a>(&'a [u8]);

impl<'a> Columns<'a> {
    /// Those of a message, which holds one row; `None` for the end.
    fn of(message: &'a [u8]) -> Result<Option<Self>, StoreError> {
        let row = match message.strip_prefix(SIGNATURE) {
            Some(rest) => rest.get(4..).ok_or_else(cut_short)?,
            None => message,
        };
        let (count, columns) = row.split_first_chunk().ok_or_else(cut_short)?;
        Ok((i16::from_be_bytes(*count) >= 0).then_some(Self(columns)))
    }

    fn octets(&mut self) -> Result<Option<&'a [u8]>, StoreError> {
        let (length, rest) = self.0.split_first_chunk().ok_or_else(cut_short)?;
        // -1 is null.
        let Ok(length) = usize::try_from(i32::from_be_bytes(*length)) else {
            self.0 = rest;
            return Ok(None);
        };
        let (octets, rest) = rest.split_at_checked(length).ok_or_else(cut_short)?;
        self.0 = rest;
        Ok(Some(octets))
    }

    fn fixed<const N: usize>(&mut self) -> Result<Option<[u8; N]>, StoreError> {
        let octets = self.octets()?.map(<[u8; N]>::try_from).transpose();
        octets.map_err(|error| StoreError::unreadable("column", error))
    }

    pub(super) fn integer(&mut self) -> Result<i32, StoreError> {
        there(self.integer_or_null()?)
    }

    pub(super) fn integer_or_null(&mut self) -> Result<Option<i32>, StoreError> {
        Ok(self.fixed()?.map(i32::from_be_bytes))
    }

    pub(super) fn bigint(&mut self) -> Result<i64, StoreError> {
        there(self.bigint_or_null()?)
    }

    pub(super) fn bigint_or_null(&mut self) -> Result<Option<i64>, StoreError> {
        Ok(self.fixed()?.map(i64::from_be_bytes))
    }

    pub(super) fn boolean(&mut self) -> Result<bool, StoreError> {
        let [octet] = there(self.fixed()?)?;
        Ok(octet != 0)
    }

    pub(super) fn text(&mut self) -> Result<&'a str, StoreError> {
        there(self.text_or_null()?)
    }

    pub(super) fn text_or_null(&mut self) -> Result<Option<&'a str>, StoreError> {
        let text = self.octets()?.map(std::str::from_utf8).transpose();
        text.map_err(|error| StoreError::unreadable("text", error))
    }

    /// A list of texts, of which none is null: its dimensions (none where it is empty), whether it may hold nulls, and the type
    /// of its elements stand before them.
    pub(super) fn texts(&mut self) -> Result<Vec<String>, StoreError> {
        let mut list = Self(there(self.octets()?)?);
        let (dimensions, rest) = list.0.split_first_chunk().ok_or_else(cut_short)?;
        if i32::from_be_bytes(*dimensions) == 0 {
            return Ok(Vec::new());
        }
        list.0 = rest.get(16..).ok_or_else(cut_short)?;
        let mut texts = Vec::new();
        while !list.0.is_empty() {
            texts.push(list.text()?.to_owned());
        }
        Ok(texts)
    }

    /// One of few texts: it is kept once.
    pub(super) fn shared(&mut self, known: &mut Pool<str>) -> Result<Arc<str>, StoreError> {
        Ok(known.share(self.text()?, Arc::from))
    }

    pub(super) fn instant(&mut self) -> Result<DateTime<Utc>, StoreError> {
        there(self.instant_or_null()?)
    }

    pub(super) fn instant_or_null(&mut self) -> Result<Option<DateTime<Utc>>, StoreError> {
        let read = |us: i64| {
            let us = us.checked_add(EPOCH_US);
            us.and_then(DateTime::from_timestamp_micros)
                .ok_or_else(|| StoreError::unreadable("instant", "out of range"))
        };
        self.bigint_or_null()?.map(read).transpose()
    }
}

fn there<T>(value: Option<T>) -> Result<T, StoreError> {
    value.ok_or_else(|| StoreError::unreadable("column", "null"))
}

fn cut_short() -> StoreError {
    StoreError::unreadable("row", "cut short")
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROW: &[u8] = b"\0\x03\0\0\0\x04\0\0\0\x07\xff\xff\xff\xff\0\0\0\x02ab";

    fn check(columns: Option<Columns<'_>>) {
        let mut columns = columns.unwrap();
        assert_eq!(columns.integer().unwrap(), 7);
        assert_eq!(columns.bigint_or_null().unwrap(), None);
        assert_eq!(columns.text().unwrap(), "ab");
        assert!(columns.octets().is_err(), "there is no fourth");
    }

    #[test]
    fn the_first_row_comes_with_what_begins_a_copy_and_the_end_is_none() {
        check(Columns::of(ROW).unwrap());
        let first = [SIGNATURE, b"\0\0\0\0", ROW].concat();
        check(Columns::of(&first).unwrap());
        assert!(Columns::of(b"\xff\xff").unwrap().is_none());
    }

    #[test]
    fn what_is_cut_short_or_of_another_type_is_refused() {
        for length in 0..ROW.len() {
            let read = Columns::of(&ROW[..length]).and_then(|columns| {
                let mut columns = columns.unwrap();
                Ok((columns.integer()?, columns.octets()?, columns.text()?.len()))
            });
            assert!(read.is_err(), "{length}");
        }
        let columns = || Columns::of(ROW).unwrap().unwrap();
        assert!(columns().bigint().is_err());
        assert!(columns().boolean().is_err());
        let mut null = columns();
        null.integer().unwrap();
        assert!(null.instant().is_err());
    }

    #[test]
    fn a_list_of_texts_is_read_and_one_that_is_cut_short_is_refused() {
        let head = b"\0\0\0\x01\0\0\0\0\0\0\0\x19\0\0\0\x02\0\0\0\x01";
        let list = [&head[..], b"\0\0\0\x02ab\0\0\0\x01c"].concat();
        let read = |list: &[u8]| {
            let length = i32::try_from(list.len()).unwrap();
            Columns(&[&length.to_be_bytes()[..], list].concat()).texts()
        };
        assert_eq!(read(&list).unwrap(), ["ab", "c"]);
        let none = b"\0\0\0\0\0\0\0\0\0\0\0\x19";
        assert_eq!(read(none).unwrap(), [""; 0]);
        for length in 0..list.len() {
            // Where it ends with an element, nothing is missing.
            let whole = length == head.len() || length == head.len() + 6;
            assert_eq!(read(&list[..length]).is_ok(), whole, "{length}");
        }
    }

    #[test]
    fn an_instant_is_counted_from_2000_and_infinity_is_none() {
        let read = |us: i64| {
            let octets = [&8_i32.to_be_bytes()[..], &us.to_be_bytes()].concat();
            Columns(&octets).instant()
        };
        let begin: DateTime<Utc> = "2000-01-01T00:00:00Z".parse().unwrap();
        assert_eq!(read(0).unwrap(), begin);
        let at: DateTime<Utc> = "1999-12-31T23:59:59.999999Z".parse().unwrap();
        assert_eq!(read(-1).unwrap(), at);
        assert!(read(i64::MAX).is_err());
        assert!(read(i64::MIN).is_err());
        assert_eq!(instant(at), "'1999-12-31T23:59:59.999999Z'");
        let long_ago = "0000-01-01T00:00:00Z".parse().unwrap();
        assert_eq!(instant(long_ago), "'1970-01-01T00:00:00.000000Z'");
        assert_eq!(keys(&[1, -2]), "'{1,-2}'");
        assert_eq!(keys::<i32>(&[]), "'{}'");
    }
}
