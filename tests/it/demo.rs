//! The demonstration, run as a person runs it: the whole service, a day of 2020, and the end it must come to.
//!
//! Deliberately absent: pauses. `--fast` asks every ten minutes instead of five, and waits for no reader.

use std::{
    io::{BufRead as _, BufReader},
    path::Path,
    process::Stdio,
};

use rustix::process::{Pid, Signal, kill_process};

use crate::cli::program::{Ran, finish, program};

/// The program, with a directory of its own for temporary files; nothing may be left there.
async fn demo(args: &[&str]) -> Ran {
    let directory = crate::postgres::open_dir();
    let mut command = program(directory.path());
    command
        .env("TMPDIR", directory.path())
        .arg("demo")
        .args(args);
    let ran = finish(command).await;
    assert_eq!(left_in(directory.path()), 0, "files are left: {ran:?}");
    ran
}

fn left_in(directory: &Path) -> usize {
    std::fs::read_dir(directory).unwrap().count()
}

/// The lines that begin with this word.
fn lines<'a>(text: &'a str, word: &str) -> Vec<&'a str> {
    let lines = text.lines();
    lines
        .filter(|line| line.split_whitespace().next() == Some(word))
        .collect()
}

/// Who held B after the authority was right again, and until when: `cap-1h 4 5 … 30 Aug 16:05`.
fn held_until<'a>(text: &'a str, resolver: &str) -> &'a str {
    let (_, table) = text
        .split_once("Who handed out B after the authority was right again")
        .unwrap();
    let (table, _) = table.split_once('$').unwrap();
    let line = lines(table, resolver);
    line.first().copied().unwrap_or_default()
}

#[tokio::test]
async fn the_day_of_2020_ends_as_it_must() {
    let ran = demo(&["--fast"]).await;
    let text = &ran.stdout;
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{text}");
    for (resolver, dialers, last_seen, until) in [
        (
            "cap-1h",
            "4 5 6 7 8 9",
            "Sun 30 Aug 16:00",
            "Sun 30 Aug 16:05",
        ),
        (
            "cap-6h",
            "4 5 7 8 9",
            "Sun 30 Aug 21:00",
            "Sun 30 Aug 21:05",
        ),
        ("cap-12h", "4 5 7", "Mon 31 Aug 03:00", "Mon 31 Aug 03:05"),
        ("isp-a", "4 5 7", "Mon 31 Aug 15:00", "Mon 31 Aug 15:05"),
    ] {
        let line = held_until(text, resolver);
        for part in [dialers, last_seen, until] {
            assert!(
                line.contains(&format!(" {part} ")),
                "{resolver}: {part} in {line}"
            );
        }
    }
    let (_, list) = text
        .split_once("$ dns-auditor incidents list --all")
        .unwrap();
    let (list, timeline) = list.split_once("$ dns-auditor timeline").unwrap();
    let incidents = |parts: &[&str]| {
        let lines = list
            .lines()
            .filter(|line| parts.iter().all(|part| line.contains(part)));
        lines.count()
    };
    assert_eq!(
        (incidents(&["resolved"]), incidents(&["open"])),
        (7, 0),
        "{list}"
    );
    assert_eq!(incidents(&["critical", "propagating_long"]), 4, "{list}");
    assert_eq!(
        incidents(&["warning", "propagating_long", "cap-1h"]),
        1,
        "{list}"
    );
    assert_eq!(
        incidents(&["critical", "expected_mismatch", "example.com"]),
        1,
        "{list}"
    );
    assert_eq!(
        incidents(&["warning", "ttl_above_policy", "example.com"]),
        1,
        "{list}"
    );
    assert!(
        timeline.contains("08-30 15:10:00Z  08-31 15:00:00Z  08-31 15:05:00Z"),
        "{timeline}"
    );
    for sentence in [
        "15:10:00 + 86100 s = 31 Aug 15:05 ≤ 15:10 + 86400 s: legal",
        "the longest lasted 23 h 55 min; with a TTL of 300 s: 5 min",
    ] {
        assert!(timeline.contains(sentence), "{sentence}: {timeline}");
    }
    for message in [
        "Sun 15:10  Slack  [CRITICAL] cap-1h:",
        "Sun 15:10  Slack  [CRITICAL, UPDATE] cap-6h:",
        "| [CRITICAL, UPDATE] isp-a:",
        "| [RESOLVED] isp-a:",
        "Mon 15:40  Slack  [RESOLVED] example.com: TTL above policy",
    ] {
        assert!(text.contains(message), "{message}: {text}");
    }
    let (told, _) = text.split_once("$ dns-auditor").unwrap();
    assert!(
        told.lines().all(|line| line.chars().count() <= 100),
        "{told}"
    );
}

#[tokio::test]
async fn what_is_left_of_the_day_is_a_postmortem_that_can_be_handed_on() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("day.md");
    let ran = demo(&["--fast", "--report", file.to_str().unwrap()]).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    let text = std::fs::read_to_string(&file).unwrap();
    for part in [
        "Summary",
        "What happened",
        "Who was told",
        "What was watched",
        "Open questions",
    ] {
        assert!(text.contains(&format!("\n## {part}\n")), "{part}: {text}");
    }
    assert!(
        text.starts_with("# Postmortem: 7 incidents, 2020-08-30 10:00:00Z to 2020-08-31 16:00:00Z"),
        "{text}"
    );
    for (proves, least) in [
        ("the last wrong reply", 24),
        ("the authority in the same round", 6),
        ("the first right reply after it", 20),
    ] {
        let rows = text.lines().filter(|line| line.contains(proves));
        assert!(rows.count() >= least, "{proves}: {text}");
    }
    let refused = demo(&["--report", "day.pdf"]).await;
    assert_eq!(refused.code, 2, "{refused:?}");
    assert!(
        refused.stderr.contains(".html, .md or .json"),
        "{refused:?}"
    );
}

#[tokio::test]
async fn with_a_ttl_of_five_minutes_it_is_over_in_five_minutes() {
    let ran = demo(&["--fast", "--ttl", "300"]).await;
    let text = &ran.stdout;
    assert_eq!(ran.code, 0, "{ran:?}");
    let (_, table) = text
        .split_once("Who handed out B after the authority was right again")
        .unwrap();
    let (table, list) = table.split_once("$ dns-auditor incidents").unwrap();
    let late = table.lines().filter(|line| line.contains("30 Aug"));
    assert!(late.clone().count() > 0, "{text}");
    for line in late {
        let until = line.split("Aug ").last().unwrap();
        assert!((" 15:10"..="15:15").contains(&&until[..5]), "{line}");
    }
    assert!(
        !list.contains("  open  ") && !text.contains("TTL above policy"),
        "{text}"
    );
}

#[tokio::test]
async fn an_interrupt_ends_it_and_leaves_nothing_behind() {
    let directory = crate::postgres::open_dir();
    let mut command = program(directory.path());
    command
        .env("TMPDIR", directory.path())
        .args(["demo", "--fast"])
        .stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    // The service is at work by then, and its database, too.
    assert!(lines.any(|line| line.unwrap().contains("moves every dialer to site B")));
    let pid = Pid::from_child(&child);
    kill_process(pid, Signal::INT).unwrap();
    lines.for_each(drop);
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert_eq!(left_in(directory.path()), 0);
}
