//! `backtest` over rounds that ran for real: the configuration as it was, and changed.

use super::program::{Ran, assert_tells, finish, program};
use crate::rounds::Watched;

/// Runs a backtest of the rounds' own configuration with these replacements.
async fn tried(watched: &Watched, changes: &[(&str, &str)], args: &[&str]) -> Ran {
    let file = watched.file();
    let mut text = std::fs::read_to_string(&file).unwrap();
    for (from, to) in changes {
        assert!(text.contains(from), "{from} is not in {text}");
        text = text.replace(from, to);
    }
    let revised = file.with_file_name("revised.toml");
    std::fs::write(&revised, text).unwrap();
    let mut command = program(file.parent().unwrap());
    command
        .args(["backtest", "--config"])
        .arg(&revised)
        .args(args);
    finish(command).await
}

/// Outcome and verdict of every incident of either side.
async fn outcomes(watched: &Watched, changes: &[(&str, &str)]) -> Vec<String> {
    let told = tried(watched, changes, &["--format", "json"]).await.json();
    let incidents = told["incidents"].as_array().unwrap().iter();
    let outcome = |one: &serde_json::Value| {
        let side = if one["did"].is_null() {
            &one["would"]
        } else {
            &one["did"]
        };
        format!(
            "{} {}",
            one["outcome"].as_str().unwrap(),
            side["verdict"].as_str().unwrap()
        )
    };
    incidents.map(outcome).collect()
}

#[tokio::test]
async fn a_changed_policy_is_held_beside_what_happened() {
    let watched = Watched::start().await.with_a_wrong_address().await;
    watched.round().await;
    assert_eq!(outcomes(&watched, &[]).await, ["same divergent"]);
    let declared = (
        "channels = [",
        "expect = [\"192.0.2.0/24\", \"198.51.100.66\"]\nchannels = [",
    );
    assert_eq!(outcomes(&watched, &[declared]).await, ["gone divergent"]);
    let strict = ("channels = [", "max_ttl = 60\nchannels = [");
    let told = outcomes(&watched, &[strict]).await;
    assert_eq!(told, ["new ttl_above_policy", "same divergent"]);

    let told = tried(&watched, &[strict], &[]).await;
    assert_tells!("backtest", told.fits());
    assert_eq!(told.code, 0);
    let csv = tried(&watched, &[strict], &["--format", "csv"]).await;
    assert_eq!((csv.code, csv.stdout.lines().count()), (0, 3), "{csv:?}");
}

#[tokio::test]
async fn what_the_history_does_not_hold_is_said_and_not_guessed() {
    let watched = Watched::start().await.with_a_wrong_address().await;
    let changes = [
        ("dialer{1..4}", "dialer{2..5}"),
        (
            "resolvers = [\"alpha\", \"beta\"]",
            "resolvers = [\"alpha\", \"quad9\"]",
        ),
    ];
    let told = tried(&watched, &changes, &[]).await;
    assert_tells!("backtest_of_strangers", told.fits());
    let other = [("name = \"dialers\"", "name = \"phones\"")];
    let told = tried(&watched, &other, &[]).await;
    assert_tells!("backtest_of_another_group", told.fits());
    let nothing = tried(&watched, &[], &["--to", "-1d"]).await;
    assert_eq!(nothing.code, 3);
    assert_tells!("backtest_of_nothing", nothing.shown());
}
