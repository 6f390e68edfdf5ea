//! Scenarios: scripts of what happened to names, caches and the auditor itself, and everything that must be said of it.
//!
//! They are the files of `tests/scenarios`, which read like a postmortem: the actors first, then a line for each instant at
//! which something happens (`10:20  dialer7.example.com A = 203.0.113.7`), then, behind `>`, every change of a verdict or a
//! finding, and behind `!` every message. What is said and not written fails, and so does what is written and not said.
//!
//! `SCENARIOS=write cargo test --lib scenarios` writes what is said into every file, for a new one to begin with; read it
//! before you believe it. Deliberately absent: a judgement of its own. The rounds are those of [`super::round`].

mod data;
mod file;
mod hours;
mod outcome;
mod play;
mod resolvers;
mod stage;
mod words;

use std::{fs, path::PathBuf};

use file::File;

/// What must be there at least, lest a run over an empty directory passes.
const LEAST: usize = 40;

fn paths() -> Vec<PathBuf> {
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/scenarios");
    let files = fs::read_dir(directory).unwrap();
    let mut paths: Vec<_> = files.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

/// What differs between a file and its play, where anything does.
fn check(path: &PathBuf) -> Option<String> {
    let name = path.file_name().unwrap().to_string_lossy().into_owned();
    let text = fs::read_to_string(path).unwrap();
    let told = File::read(&text).and_then(|file| Ok((play::play(&file)?, file)));
    let (said, file) = match told {
        Ok(told) => told,
        Err(error) => return Some(format!("{name}:{error}")),
    };
    if std::env::var("SCENARIOS").is_ok_and(|what| what == "write") {
        fs::write(path, file.with(&said)).unwrap();
        return None;
    }
    let differences = file.differences(&said);
    (!differences.is_empty()).then(|| format!("{name}:\n{differences}"))
}

#[test]
fn everything_is_said_that_is_written_and_nothing_else() {
    let paths = paths();
    assert!(paths.len() >= LEAST, "only {} scenarios", paths.len());
    let failed: Vec<_> = paths.iter().filter_map(check).collect();
    assert!(
        failed.is_empty(),
        "{} of {} scenarios; `-` is written and not said, `+` said and not written:\n\n{}",
        failed.len(),
        paths.len(),
        failed.join("\n")
    );
}

#[test]
fn an_error_names_its_line() {
    let errors = [
        ("names dialer7.example.com\nresolver google", "2: "),
        (
            "names dialer7.example.com\nresolvers google 8.8.8.8",
            "2: `resolvers`",
        ),
        ("rounds 10:00 to 11:00 every 1m\n10:00  google sings", "2: "),
        (
            "rounds 10:00 to 11:00 every 1m\n10:61  auditor restarts",
            "2: `10:61`",
        ),
    ];
    for (text, expected) in errors {
        let error = File::read(text).and_then(|file| play::play(&file));
        let error = error.err().unwrap_or_default();
        assert!(error.starts_with(expected), "{text}: {error}");
    }
}

#[test]
fn what_is_not_said_and_what_is_not_written_both_differ() {
    let script = "names dialer7.example.com\nzone example.com ns1 192.0.2.1\n\
        resolver google 8.8.8.8\nrounds 10:00 to 10:02 every 1m\n\
        09:00  dialer7.example.com A = 198.51.100.7 ttl 300\n10:01  google is silent\n";
    let differ = |text: &str| {
        let file = File::read(text).unwrap();
        file.differences(&play::play(&file).unwrap())
    };
    let unwritten = differ(script);
    assert!(unwritten.starts_with("  + 10:01  > google"), "{unwritten}");
    let file = File::read(script).unwrap();
    let written = file.with(&play::play(&file).unwrap());
    assert_eq!(differ(&written), "");
    let wrong = differ(&written.replace("unreachable", "refused"));
    assert!(
        wrong.contains("  - 10:01") && wrong.contains("  + 10:01"),
        "{wrong}"
    );
}
