//! `db`: the state of the database, and by hand what the service does by itself.
//!
//! Deliberately absent: what is due, and a change of the schema back. Every command that opens the database migrates it;
//! `db migrate` does no more than that, and says so. `db grants` prints what it does not do.

use clap::{Args, Subcommand};

use super::{
    CliError, EXIT_OK, EXIT_UNKNOWN, history,
    output::{Output, count},
    table,
};
use crate::{
    clock,
    config::Config,
    store::{
        Schema,
        closing::{Closed, Pace},
        retention::{Gone, Prune},
        status::{KindStatus, Status},
        views::Grants,
    },
};

#[derive(Debug, Args)]
pub(super) struct DbArgs {
    #[command(subcommand)]
    command: DbCommand,
}

#[derive(Debug, Subcommand)]
enum DbCommand {
    /// Brings the schema up to date; a newer one is refused
    Migrate,
    /// What the history takes, kind by kind, and what waits to be packed
    Status,
    /// Packs the closed days that are due, and sums up their rounds; the service does so every hour
    Pack,
    /// Lets go what [retention] no longer keeps; the service does so every day
    Prune {
        /// Say what would go, and change nothing
        #[arg(long)]
        dry_run: bool,
        /// Let it go although no rounds have run for the last day: the clock is right
        #[arg(long, conflicts_with = "dry_run")]
        trust_clock: bool,
    },
    /// The SQL that lets a role read the views (docs/sql.md), and nothing else; whoever owns the database runs it
    Grants {
        /// The role, there or not
        #[arg(long, value_name = "NAME")]
        role: String,
    },
}

pub(super) async fn run(args: &DbArgs, config: &Config, output: Output) -> Result<u8, CliError> {
    let (kept, now) = (&config.retention, clock::now());
    match &args.command {
        DbCommand::Migrate => {
            let schema = history::with(config, output, async |store| store.schema()).await?;
            output.whole(&schema, migrated)?;
        }
        DbCommand::Status => {
            let status = history::read(config, output, async |store| {
                store.status(kept.raw, now).await
            });
            output.whole(&status.await?, status_page)?;
        }
        DbCommand::Pack => {
            let closed = history::read(config, output, async |store| {
                store.sum_up_days(now, Pace::Full).await?;
                store.pack_due(kept.raw, now, Pace::Full).await
            });
            let Some(closed) = closed.await? else {
                output.error("another process is packing this database: it does the work");
                return Ok(EXIT_UNKNOWN);
            };
            output.whole(&closed, closed_page)?;
            for one in &closed.failed {
                let told = format!(
                    "{} is not packed, and stays as it is: {}",
                    one.day, one.error
                );
                output.error(&told);
            }
            if !closed.failed.is_empty() {
                return Ok(EXIT_UNKNOWN);
            }
        }
        DbCommand::Prune {
            dry_run,
            trust_clock,
        } => {
            let how = match (dry_run, trust_clock) {
                (true, _) => Prune::DryRun,
                (false, true) => Prune::TrustingTheClock,
                (false, false) => Prune::Really,
            };
            let gone = history::read(config, output, async |store| {
                store.prune(kept, now, how).await
            });
            output.whole(&gone.await?, |gone| gone_page(gone, how))?;
        }
        DbCommand::Grants { role } => {
            let grants = history::read(config, output, async |store| store.grants_for(role).await);
            output.whole(&grants.await?, grants_page)?;
        }
    }
    Ok(EXIT_OK)
}

fn migrated(schema: &Schema) -> String {
    match schema.before {
        Some(before) if before == schema.now => {
            format!("the schema is up to date: version {before}")
        }
        Some(before) => format!("migrated from version {before} to {}", schema.now),
        None => format!("created with version {}", schema.now),
    }
}

fn status_page(status: &Status) -> String {
    let head = format!(
        "PostgreSQL {}, schema version {}, {} in all\n\n",
        status.server,
        status.schema,
        size(status.octets)
    );
    let table = table::render(
        ["KIND", "SIZE", "ROWS", "OCTETS A ROW", "OLDEST"],
        [],
        status.kinds.iter().map(|kind| (cells(kind), [])),
    );
    let waiting = match status.days_to_pack.as_slice() {
        [] => "\nno closed day waits to be packed".to_owned(),
        [first, ..] => format!(
            "\n{} to be packed, from {first} on: `dns-auditor db pack`, or wait for the service",
            count(status.days_to_pack.len(), "day")
        ),
    };
    head + &table + &waiting
}

fn cells(kind: &KindStatus) -> [String; 5] {
    let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    [
        kind.kind.to_owned(),
        size(kind.octets),
        or_dash(kind.rows.map(|rows| rows.to_string())),
        or_dash(kind.octets_per_row.map(|octets| format!("{octets:.1}"))),
        or_dash(kind.oldest.map(|day| day.to_string())),
    ]
}

fn closed_page(closed: &Closed) -> String {
    let packed = &closed.packed;
    if packed.samples == 0 && packed.days == 0 {
        return if closed.failed.is_empty() {
            "nothing is due to be packed".to_owned()
        } else {
            "nothing is packed".to_owned()
        };
    }
    let each = packed.octets as f64 / packed.samples.max(1) as f64;
    format!(
        "{} packed, {} into {}: {}, {each:.1} octets a sample",
        count(packed.days as usize, "day"),
        count(packed.samples as usize, "sample"),
        count(packed.packs as usize, "pack"),
        size(packed.octets)
    )
}

fn gone_page(gone: &[Gone], how: Prune) -> String {
    if gone.is_empty() {
        return "nothing was kept longer than [retention] says".to_owned();
    }
    let head = match how {
        Prune::DryRun => "this would go; nothing was changed\n",
        Prune::Really | Prune::TrustingTheClock => "gone\n",
    };
    let rows = gone.iter().map(|one| {
        let much = match (one.octets, one.rows) {
            (Some(octets), _) => size(octets),
            (None, rows) => count(rows.unwrap_or(0) as usize, "row"),
        };
        let before = one.before.format("%Y-%m-%d %H:%M:%S").to_string();
        ([one.kind.to_owned(), one.table.clone(), much, before], [])
    });
    head.to_owned() + &table::render(["KIND", "TABLE", "HOW MUCH", "BEFORE"], [], rows)
}

/// SQL to be run as it stands.
fn grants_page(grants: &Grants) -> String {
    let statements: Vec<_> = grants.sql.iter().map(|one| format!("{one};")).collect();
    statements.join("\n")
}

/// `812 B`, `14.2 MB`: powers of a thousand.
fn size(octets: u64) -> String {
    let mut size = octets as f64;
    for unit in ["B", "kB", "MB", "GB"] {
        if size < 1_000.0 {
            return match unit {
                "B" => format!("{octets} B"),
                unit => format!("{size:.1} {unit}"),
            };
        }
        size /= 1_000.0;
    }
    format!("{size:.1} TB")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::samples::fits;

    #[test]
    fn sizes_have_the_unit_that_leaves_few_digits() {
        for (octets, expected) in [
            (0, "0 B"),
            (999, "999 B"),
            (1_000, "1.0 kB"),
            (14_234_567, "14.2 MB"),
            (5_400_000_000_000, "5.4 TB"),
        ] {
            assert_eq!(size(octets), expected);
        }
    }

    #[test]
    fn the_state_of_a_large_database_has_room() {
        let day = chrono::NaiveDate::from_ymd_opt(2026, 11, 22);
        let status = Status {
            server: "15.18 (Debian 15.18-0+deb12u1)".to_owned(),
            schema: 10,
            octets: 123_456_789_012,
            kinds: vec![
                KindStatus {
                    kind: "packed samples",
                    octets: 98_765_432_109,
                    rows: Some(15_000_000_000),
                    octets_per_row: Some(6.58),
                    oldest: day,
                },
                KindStatus {
                    kind: "messages",
                    octets: 0,
                    rows: None,
                    octets_per_row: None,
                    oldest: None,
                },
            ],
            days_to_pack: day.into_iter().collect(),
        };
        let page = status_page(&status);
        assert!(fits(&page), "{page}");
        insta::assert_snapshot!(page);
    }
}
