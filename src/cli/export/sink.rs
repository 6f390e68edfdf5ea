//! Columns as a Parquet file: a row group for every lot of rows, compressed with Snappy.
//!
//! Deliberately absent: what the columns hold.

use std::{fs::File, sync::Arc};

use parquet::{
    basic::Compression,
    data_type::{ByteArray, ByteArrayType, DataType, Int64Type},
    errors::ParquetError,
    file::{
        properties::WriterProperties,
        writer::{SerializedColumnWriter, SerializedFileWriter},
    },
    schema::{parser::parse_message_type, types::TypePtr},
};

use super::columns::{FIELDS, Field, Row};
use crate::store::observations::RecordedObservation;

/// A file that rows are written to.
pub(super) struct Sink(SerializedFileWriter<File>);

impl Sink {
    /// An empty one.
    pub(super) fn open(file: File) -> Result<Self, ParquetError> {
        let properties = WriterProperties::builder().set_compression(Compression::SNAPPY);
        let writer = SerializedFileWriter::new(file, schema()?, Arc::new(properties.build()))?;
        Ok(Self(writer))
    }

    /// A row group of these; nothing where there are none.
    pub(super) fn write(
        &mut self,
        vantage: &str,
        samples: &[RecordedObservation],
    ) -> Result<(), ParquetError> {
        if samples.is_empty() {
            return Ok(());
        }
        let rows: Vec<Row<'_>> = samples
            .iter()
            .map(|recorded| Row { vantage, recorded })
            .collect();
        let mut group = self.0.next_row_group()?;
        for (_, field) in FIELDS {
            let Some(mut writer) = group.next_column()? else {
                break;
            };
            values(&mut writer, &field, &rows)?;
            writer.close()?;
        }
        group.close()?;
        Ok(())
    }

    /// Writes the end, without which nothing of it can be read.
    pub(super) fn close(self) -> Result<(), ParquetError> {
        self.0.close().map(drop)
    }
}

fn schema() -> Result<TypePtr, ParquetError> {
    let field = |(name, field)| match field {
        Field::Instant(_) => format!("required int64 {name} (TIMESTAMP(MICROS,true));\n"),
        Field::Number(_) => format!("optional int64 {name};\n"),
        Field::Text(_) => format!("optional binary {name} (STRING);\n"),
    };
    let fields = FIELDS.map(field).concat();
    let message = format!("message observation {{\n{fields}}}");
    parse_message_type(&message).map(Arc::new)
}

fn values(
    writer: &mut SerializedColumnWriter<'_>,
    field: &Field,
    rows: &[Row<'_>],
) -> Result<(), ParquetError> {
    match field {
        Field::Instant(get) => {
            let micros: Vec<i64> = rows.iter().map(|row| get(row).timestamp_micros()).collect();
            let typed = writer.typed::<Int64Type>();
            typed.write_batch(&micros, None, None).map(drop)
        }
        Field::Number(get) => optional::<Int64Type>(writer, rows.iter().map(get)),
        Field::Text(get) => {
            let bytes = |text: String| ByteArray::from(text.into_bytes());
            optional::<ByteArrayType>(writer, rows.iter().map(|row| get(row).map(bytes)))
        }
    }
}

/// Values, and for every row whether there is one.
fn optional<T: DataType>(
    writer: &mut SerializedColumnWriter<'_>,
    column: impl Iterator<Item = Option<T::T>>,
) -> Result<(), ParquetError> {
    let column: Vec<Option<T::T>> = column.collect();
    let levels: Vec<i16> = column.iter().map(|one| i16::from(one.is_some())).collect();
    let values: Vec<T::T> = column.into_iter().flatten().collect();
    let typed = writer.typed::<T>();
    typed.write_batch(&values, Some(&levels), None).map(drop)
}
