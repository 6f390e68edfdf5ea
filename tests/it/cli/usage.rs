//! What is typed wrongly, readers that leave early, terminals, and the test of a channel.

use std::{
    ffi::OsStr,
    io::Read,
    os::unix::ffi::OsStrExt,
    process::{Command, Stdio},
};

use serde_json::Value;

use super::program::{Ran, assert_prints, finish, newcomer, program, run};
use crate::{
    rounds::{Servers, Watched},
    sink::{Reply, Sink},
};

#[tokio::test]
async fn what_is_typed_wrongly_is_one_line_and_ends_with_2() {
    let mut told = String::new();
    for line in [
        "check a..b",
        "check dialer{1..2.example.com",
        "check a.example --type AAAAA",
        "check a.example --timeout 1h",
        "check a.example --max-ttl many",
        "check a.example --authority ns1.example",
        "check a.example --transport dot",
        "check a.example --resolver google+quic",
        "check a.example --resolver 192.0.2.1 --server-name dns.example",
        "check a.example --transport https --path dns-query",
        "check a.example --ecs many",
        "check a.example --watch 1ms",
        "check --watch a.example",
        "check a.example --debug=dec",
        "check a.example --watch --format csv",
        "timeline a..b",
        "timeline a.example --from yesterday",
        "timeline a.example --from -1h --to -2h",
        "timeline a.example --type X",
        "state --at soon",
        "incidents show latest",
        "incidents list --limit few",
        "incidents list --format yaml",
        "incidents show abc --format csv",
        "incidents ack abc --format json",
        "config show --format json",
        "resolvers calibrate --zone a..b",
        "resolvers canary-zone --origin canary.example --ns ns1.canary.example",
        "resolvers canary-zone --origin canary.example --ns ns1.example=192.0.2.1",
        "resolvers canary-zone --origin canary.example --ns ns1.canary.example=here",
        "resolvers canary-zone --origin canary.example --ns ns.example --format json",
        "demo --ttl 100000",
    ] {
        let args: Vec<&str> = line.split(' ').collect();
        let Ran {
            code,
            stdout,
            stderr,
        } = run(&args).await;
        assert_eq!((code, &*stdout), (2, ""), "{line}");
        assert_eq!(stderr.lines().count(), 1, "{line}: {stderr}");
        told += &format!("{line}\n{stderr}\n");
    }
    assert_prints!("one_line", told);
}

#[tokio::test]
async fn a_command_line_that_says_nothing_is_explained() {
    for (name, line) in [
        ("nothing", ""),
        ("no_such_command", "chek a.example"),
        ("no_such_option", "check a.example --resolvers quad9"),
        ("no_name", "check"),
    ] {
        let args: Vec<&str> = line.split_whitespace().collect();
        let ran = run(&args).await;
        assert_prints!(name, ran.shown());
        assert_eq!(ran.code, 2, "{line}");
    }
}

#[tokio::test]
async fn a_reader_that_leaves_early_is_no_error() {
    let directory = tempfile::tempdir().unwrap();
    let mut command = newcomer(directory.path());
    command.args(["resolvers", "--format", "json"]);
    let ended = tokio::task::spawn_blocking(move || {
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let mut said = String::new();
        child
            .stderr
            .take()
            .unwrap()
            .read_to_string(&mut said)
            .unwrap();
        (child.wait().unwrap().code(), said)
    });
    assert_eq!(ended.await.unwrap(), (Some(0), String::new()));
}

#[tokio::test]
async fn a_variable_that_is_no_text_is_no_concern() {
    let directory = tempfile::tempdir().unwrap();
    let mut command = program(directory.path());
    command
        .arg("resolvers")
        .env("ELSEWHERE", OsStr::from_bytes(b"\xff\xfe"));
    assert_eq!(finish(command).await.code, 0);
}

#[tokio::test]
async fn progress_is_shown_on_a_terminal_only() {
    let servers = Servers::start().await;
    let line = format!(
        "{} check dialer1.example.com --type A --resolver {} --authority {}",
        env!("CARGO_BIN_EXE_dns-auditor"),
        servers.alpha.address(),
        servers.authority.address()
    );
    let mut plain = Command::new("sh");
    plain.args(["-c", &line]);
    assert_eq!(finish(plain).await.stderr, "");
    let mut terminal = Command::new("script");
    terminal
        .args(["-qec", &line, "/dev/null"])
        .stdin(Stdio::null());
    let shown = finish(terminal).await.stdout;
    assert!(
        shown.contains("asking 1 question of 1 resolver address"),
        "{shown:?}"
    );
    // The line is gone before the table begins.
    assert!(shown.contains("\r\u{1b}[Kchecked at"), "{shown:?}");
}

#[tokio::test]
async fn a_test_message_takes_the_real_path() {
    let watched = Watched::start().await;
    let test = async |channel: &str| {
        let file = watched.file();
        let mut command = program(file.parent().unwrap());
        command
            .args(["notify", "test", channel, "--config"])
            .arg(&file);
        finish(command).await
    };
    let delivered = test("voip-ops").await;
    assert_prints!("test_message", delivered.shown());
    assert_eq!(delivered.code, 0);
    assert_eq!(watched.sink.received().len(), 1);
    let unknown = test("voip-opps").await;
    assert_prints!("unknown_channel", unknown.shown());
    assert_eq!(unknown.code, 2);
}

#[tokio::test]
async fn a_sample_is_sent_as_it_is_previewed_and_preview_sends_nothing() {
    let watched = Watched::start().await;
    let notify = async |arguments: &[&str]| {
        let file = watched.file();
        let mut command = program(file.parent().unwrap());
        command
            .arg("notify")
            .args(arguments)
            .arg("--config")
            .arg(&file);
        finish(command).await
    };
    let previewed = notify(&["preview", "voip-ops", "--sample", "ttl"]).await;
    assert_eq!(previewed.code, 0);
    assert!(watched.sink.received().is_empty());
    let previewed: Value = serde_json::from_str(&previewed.stdout).unwrap();

    let sent = notify(&["test", "voip-ops", "--sample", "ttl"]).await;
    assert_eq!(sent.code, 0);
    let sent = watched.sink.received()[0].json();
    assert_eq!(sent["text"], previewed["text"]);
    let text = sent["text"].as_str().unwrap();
    assert!(
        text.starts_with("Sample: [WARNING]") && text.contains("TTL above policy"),
        "{text}"
    );

    let unknown = notify(&["preview", "voip-ops", "--sample", "nonsense"]).await;
    assert_eq!(unknown.code, 2);
    let alone = notify(&["test", "voip-ops", "--step", "resolved"]).await;
    assert_eq!(alone.code, 2);
}

#[tokio::test]
async fn a_test_message_that_is_refused_ends_with_1() {
    let sink = Sink::start([Reply::status(404).saying("no_team")]).await;
    let watched = Watched::with_sink(sink).await;
    let file = watched.file();
    let mut command = program(file.parent().unwrap());
    command
        .args(["notify", "test", "voip-ops", "--config"])
        .arg(&file);
    let refused = finish(command).await;
    assert_prints!("test_message_refused", refused.shown());
    assert_eq!(refused.code, 1);
}
