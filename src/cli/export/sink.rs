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

use super::columns::{Column, FIELDS, Kind, Rows};

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
    pub(super) fn write(&mut self, rows: Rows) -> Result<(), ParquetError> {
        let Some(columns) = rows.columns() else {
            return Ok(());
        };
        let mut group = self.0.next_row_group()?;
        for column in columns {
            let Some(mut writer) = group.next_column()? else {
                break;
            };
            values(&mut writer, column)?;
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
    let field = |(name, kind)| match kind {
        Kind::Instant => format!("required int64 {name} (TIMESTAMP(MICROS,true));\n"),
        Kind::Number => format!("optional int64 {name};\n"),
        Kind::Text => format!("optional binary {name} (STRING);\n"),
    };
    let fields = FIELDS.map(field).concat();
    let message = format!("message observation {{\n{fields}}}");
    parse_message_type(&message).map(Arc::new)
}

fn values(writer: &mut SerializedColumnWriter<'_>, column: Column) -> Result<(), ParquetError> {
    match column {
        Column::Instant(micros) => {
            let typed = writer.typed::<Int64Type>();
            typed.write_batch(&micros, None, None).map(drop)
        }
        Column::Number(numbers) => optional::<Int64Type, _>(writer, numbers, |number| number),
        Column::Text(texts) => optional::<ByteArrayType, _>(writer, texts, |text: String| {
            ByteArray::from(text.into_bytes())
        }),
    }
}

/// Values, and for every row whether there is one.
fn optional<T: DataType, V>(
    writer: &mut SerializedColumnWriter<'_>,
    column: Vec<Option<V>>,
    value: impl Fn(V) -> T::T,
) -> Result<(), ParquetError> {
    let levels: Vec<i16> = column.iter().map(|one| i16::from(one.is_some())).collect();
    let values: Vec<T::T> = column.into_iter().flatten().map(value).collect();
    let typed = writer.typed::<T>();
    typed.write_batch(&values, Some(&levels), None).map(drop)
}
