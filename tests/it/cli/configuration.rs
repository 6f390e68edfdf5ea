//! The commands about the configuration itself: what they print, and every way to name the file.

use std::path::Path;

use super::program::{Ran, assert_prints, finish, program, run};

const GOOD: &str = r#"
vantage = "us-west-2"
[database]
data_dir = "/data"
[[resolver]]
id = "office"
operator = "ACME IT"
address = "192.0.2.53"
[[group]]
name = "dialers"
names = ["dialer{1..3}.example.com", "bücher.example"]
types = ["A"]
resolvers = ["office", "google"]
channels = ["voip-ops"]
[[channel]]
id = "voip-ops"
kind = "slack"
url_env = "SLACK_WEBHOOK_URL"
"#;

const BAD: &str = r#"
vantge = "us-west-2"
[defaults]
max_ttl = 0
[[group]]
name = "dialers"
names = ["dialer1.example.com", "dialer1.example.com"]
schedule = "0 0 31 2 *"
resolvers = ["gogle"]
[[group]]
name = "empty"
names = []
"#;

/// Runs the program where `auditor.toml` holds `text`.
async fn beside(text: &str, args: &[&str]) -> Ran {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("auditor.toml"), text).unwrap();
    let mut command = program(directory.path());
    command.args(args).env(
        "SLACK_WEBHOOK_URL",
        "https://hooks.slack.com/services/T/B/verysecret",
    );
    finish(command).await
}

#[tokio::test]
async fn a_good_configuration_is_explained_and_shown_without_its_secrets() {
    for (name, args) in [
        ("check", &["config", "check"][..]),
        ("show", &["config", "show"]),
        ("names", &["names"]),
        ("names_as_json", &["names", "--format", "json"]),
        ("names_as_csv", &["names", "--format", "csv"]),
        ("names_as_markdown", &["names", "--format", "markdown"]),
    ] {
        let ran = beside(GOOD, &[args, &["--config", "auditor.toml"]].concat()).await;
        assert_prints!(name, ran.shown());
        assert_eq!(ran.code, 0, "{name}");
        assert!(!ran.shown().contains("verysecret"), "{name}");
    }
}

#[tokio::test]
async fn resolvers_are_listed_with_and_without_a_configuration() {
    for format in ["table", "json", "csv", "markdown"] {
        let ran = run(&["resolvers", "--format", format]).await;
        assert_prints!(format!("presets_as_{format}"), ran.shown());
        assert_eq!(ran.code, 0);
    }
    let ran = beside(GOOD, &["resolvers", "--config", "auditor.toml"]).await;
    assert_prints!("resolvers", ran.fits());
}

#[tokio::test]
async fn every_error_of_a_configuration_is_told_at_once_with_its_place() {
    for command in ["config check", "config show", "names", "serve", "incidents"] {
        let mut args: Vec<&str> = command.split(' ').collect();
        args.extend(["--config", "auditor.toml"]);
        let ran = beside(BAD, &args).await;
        assert_prints!("errors", ran.shown());
        assert_eq!(ran.code, 2, "{command}");
    }
}

#[tokio::test]
async fn what_is_missing_is_said() {
    for (name, args) in [
        ("no_file", &["config", "check"][..]),
        (
            "no_such_file",
            &["config", "check", "--config", "elsewhere.toml"],
        ),
        ("no_names", &["names"]),
        ("no_service", &["serve"]),
    ] {
        let ran = run(args).await;
        assert_prints!(name, ran.shown());
        assert_eq!(ran.code, 2, "{name}");
    }
    let nothing = beside("", &["serve", "--config", "auditor.toml"]).await;
    assert_prints!("no_groups", nothing.shown());
    assert_eq!(nothing.code, 2);
}

#[tokio::test]
async fn a_secret_that_is_not_there_is_said_where_it_is_needed_and_only_there() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("auditor.toml"), GOOD).unwrap();
    let without = async |args: &[&str]| {
        let mut command = program(directory.path());
        command.args(args).args(["--config", "auditor.toml"]);
        finish(command).await
    };
    let checked = without(&["config", "check"]).await;
    assert_prints!("no_secret", checked.shown());
    assert_eq!(checked.code, 2);
    assert_eq!(without(&["names"]).await.code, 0);
    assert_eq!(without(&["config", "show"]).await.code, 0);
}

/// Whether `names` of this command line shows the group of [`GOOD`].
async fn finds(directory: &Path, args: &[&str], variable: Option<&str>) -> bool {
    let mut command = program(directory);
    command.args(args);
    if let Some(file) = variable {
        command.env("DNS_AUDITOR_CONFIG", file);
    }
    let ran = finish(command).await;
    ran.code == 0 && ran.stdout.contains("dialer3.example.com")
}

#[tokio::test]
async fn the_file_is_named_before_or_after_the_command_by_a_variable_or_by_its_usual_place() {
    let directory = tempfile::tempdir().unwrap();
    let place = directory.path();
    std::fs::write(place.join("mine.toml"), GOOD).unwrap();
    assert!(!finds(place, &["names"], None).await);
    assert!(finds(place, &["--config", "mine.toml", "names"], None).await);
    assert!(finds(place, &["names", "--config", "mine.toml"], None).await);
    assert!(finds(place, &["names"], Some("mine.toml")).await);
    // What is typed wins over the variable.
    assert!(
        finds(
            place,
            &["names", "--config", "mine.toml"],
            Some("other.toml")
        )
        .await
    );
    std::fs::create_dir(place.join("config")).unwrap();
    std::fs::write(place.join("config/dns-auditor.toml"), GOOD).unwrap();
    assert!(finds(place, &["names"], None).await);
}

#[tokio::test]
async fn a_check_needs_no_configuration_and_takes_the_resolvers_of_one() {
    let unknown = run(&["check", "a.example", "--resolver", "office"]).await;
    assert_prints!("unknown_resolver", unknown.shown());
    assert_eq!(unknown.code, 2);
    let args = [
        "check",
        "a.example",
        "--resolver",
        "office,192.0.2.53",
        "--config",
        "auditor.toml",
    ];
    let known = beside(GOOD, &args).await;
    assert_prints!("resolver_named_twice", known.shown());
    assert_eq!(known.code, 2);
}
