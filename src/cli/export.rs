//! `export`: samples as they were recorded, one row each, as a Parquet file for other tools.
//!
//! The history is read in short steps and written in groups of rows, so that the memory it takes does not grow with the
//! time that is exported. Deliberately absent: what was made of the samples, which the other commands list.

mod columns;
mod sink;

use std::{
    fs::{self, File},
    path::PathBuf,
};

use chrono::{DateTime, TimeDelta, Utc};
use clap::Args;

use super::{
    CliError, EXIT_OK, history,
    output::{Output, count},
};
use crate::{
    clock,
    config::Config,
    names::DnsName,
    store::{Store, StoreError, observations::ObservationQuery},
};
use parquet::errors::ParquetError;
use sink::Sink;

/// How much of the history is held at once.
const STEP: TimeDelta = TimeDelta::minutes(10);
/// Samples that are held before they are written.
const ENOUGH: usize = 50_000;

#[derive(Debug, Args)]
pub(super) struct ExportArgs {
    /// The Parquet file to write; it must not be there yet
    file: PathBuf,
    /// From this instant on: RFC 3339, or relative such as -2h
    #[arg(long, value_name = "INSTANT", allow_hyphen_values = true, value_parser = history::instant)]
    from: DateTime<Utc>,
    /// Before this instant [default: now]
    #[arg(long, value_name = "INSTANT", allow_hyphen_values = true, value_parser = history::instant)]
    to: Option<DateTime<Utc>>,
    /// Only the rounds of this group
    #[arg(long, value_name = "NAME")]
    group: Option<String>,
    /// Only this name
    #[arg(long, value_name = "NAME")]
    name: Option<DnsName>,
}

/// Why an export failed.
#[derive(Debug, thiserror::Error)]
enum ExportError {
    /// The history.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The file.
    #[error(transparent)]
    Sink(#[from] ParquetError),
}

pub(super) async fn run(
    args: &ExportArgs,
    config: &Config,
    output: Output,
) -> Result<u8, CliError> {
    history::in_order(Some(args.from), args.to)?;
    let wrong = |error: std::io::Error| {
        CliError::Usage(format!("{} cannot be made: {error}", args.file.display()))
    };
    let file = File::create_new(&args.file).map_err(wrong)?;
    let whole = ObservationQuery {
        vantage: config.vantage.clone(),
        from: args.from,
        to: args.to.unwrap_or_else(clock::now),
        group: args.group.clone(),
        name: args.name.clone(),
    };
    let written = history::with(config, output, async |store| {
        write(store, &whole, file).await
    });
    let written = match written.await {
        Ok(Ok(written)) => Ok(written),
        Ok(Err(ExportError::Store(error))) => Err(CliError::from(error)),
        Ok(Err(ExportError::Sink(error))) => Err(CliError::Usage(format!(
            "{} cannot be written: {error}",
            args.file.display()
        ))),
        Err(error) => Err(error),
    };
    if written.is_err() {
        // Half a file is none: its end is what makes it readable.
        let _ = fs::remove_file(&args.file);
    }
    let told = count(written?, "sample");
    output.error(&format!("{told} written to {}", args.file.display()));
    Ok(EXIT_OK)
}

/// Writes everything that is asked for; how many samples that were.
async fn write(store: &Store, whole: &ObservationQuery, file: File) -> Result<usize, ExportError> {
    let mut sink = Sink::open(file)?;
    let mut samples = Vec::new();
    let (mut from, mut written) = (whole.from, 0);
    while from < whole.to {
        let step = ObservationQuery {
            from,
            to: whole.to.min(from + STEP),
            ..whole.clone()
        };
        for recorded in store.observations(&step).await? {
            samples.push(recorded);
            written += 1;
            if samples.len() >= ENOUGH {
                sink.write(&whole.vantage, &samples)?;
                samples.clear();
            }
        }
        from = step.to;
    }
    sink.write(&whole.vantage, &samples)?;
    sink.close()?;
    Ok(written)
}
