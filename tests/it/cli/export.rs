//! `export` over rounds that ran for real, read back with a Parquet reader.

use std::{collections::BTreeMap, fs::File, path::Path};

use parquet::{
    file::reader::{FileReader as _, SerializedFileReader},
    record::Field,
};

use super::{history::over, program::Ran};
use crate::rounds::Watched;
use dns_auditor::store::observations::{ObservationQuery, RecordedObservation};

type Row = BTreeMap<String, Field>;

fn read(file: &Path) -> Vec<Row> {
    let reader = SerializedFileReader::new(File::open(file).unwrap()).unwrap();
    let row = |row: parquet::record::Row| {
        let columns = row.get_column_iter();
        columns
            .map(|(name, field)| (name.clone(), field.clone()))
            .collect()
    };
    let rows = reader.get_row_iter(None).unwrap();
    rows.map(|one| row(one.unwrap())).collect()
}

async fn export(watched: &Watched, file: &Path, more: &[&str]) -> Ran {
    let args = [&["export", file.to_str().unwrap(), "--from", "-1h"], more].concat();
    over(watched, &args).await
}

async fn recorded(watched: &Watched) -> Vec<RecordedObservation> {
    let now = chrono::Utc::now();
    let query = ObservationQuery {
        vantage: watched.config.vantage.clone(),
        from: now - chrono::TimeDelta::hours(1),
        to: now,
        group: None,
        name: None,
    };
    watched.store.observations(&query).await.unwrap()
}

#[tokio::test]
async fn every_sample_comes_back_out_of_the_file() {
    let watched = Watched::start().await.with_a_wrong_address().await;
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("samples.parquet");
    let told = export(&watched, &file, &[]).await;
    let (rows, recorded) = (read(&file), recorded(&watched).await);
    assert!(recorded.len() > 10, "{told:?}");
    assert_eq!((told.code, rows.len()), (0, recorded.len()), "{told:?}");
    for (row, recorded) in rows.iter().zip(&recorded) {
        let one = &recorded.observation;
        let text = |text: String| Field::Str(text);
        let number = |number: i64| Field::Long(number);
        let at = Field::TimestampMicros(one.at.timestamp_micros());
        assert_eq!(row["at"], at);
        assert_eq!(row["name"], text(one.question.name.to_string()));
        assert_eq!(row["source"], text(one.source.id.clone()));
        assert_eq!(row["address"], text(one.source.address.to_string()));
        assert_eq!(row["answer"], text(one.answer.to_string()));
        let ttl = one.ttl().map(i64::from);
        assert_eq!(row["ttl"], ttl.map_or(Field::Null, number));
        let rtt = i64::try_from(one.rtt.as_micros()).unwrap();
        assert_eq!(row["rtt_us"], number(rtt));
        assert_eq!(row["site"], one.site().map_or(Field::Null, text));
    }
    let planted = rows
        .iter()
        .filter(|row| row["answer"] == Field::Str("198.51.100.66".to_owned()));
    assert!(planted.count() >= 1);
}

#[tokio::test]
async fn one_name_alone_and_nothing_at_all_are_files_too() {
    let watched = Watched::start().await.with_a_wrong_address().await;
    let directory = tempfile::tempdir().unwrap();
    let one = directory.path().join("one.parquet");
    let told = export(&watched, &one, &["--name", "dialer1.example.com"]).await;
    let rows = read(&one);
    assert!(!rows.is_empty(), "{told:?}");
    let name = Field::Str("dialer1.example.com".to_owned());
    assert!(rows.iter().all(|row| row["name"] == name));
    let nothing = directory.path().join("nothing.parquet");
    let told = export(&watched, &nothing, &["--group", "nobody"]).await;
    assert_eq!((told.code, read(&nothing).len()), (0, 0), "{told:?}");
}

#[tokio::test]
async fn a_file_that_is_there_stays_as_it_is() {
    let watched = Watched::start().await;
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("mine");
    std::fs::write(&file, "mine").unwrap();
    let refused = export(&watched, &file, &[]).await;
    assert_eq!(refused.code, 2, "{refused:?}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "mine");
}
