//! What `--help` says, of the program and of every command.

use super::program::{assert_prints, run};

#[tokio::test]
async fn every_command_explains_itself_within_100_columns() {
    for command in [
        "",
        "check",
        "serve",
        "timeline",
        "state",
        "diff",
        "who-served",
        "propagation",
        "sli",
        "denials",
        "findings",
        "coverage",
        "evidence",
        "incidents",
        "incidents list",
        "incidents show",
        "incidents ack",
        "incidents resolve",
        "change",
        "change declare",
        "change list",
        "change withdraw",
        "flush",
        "flush note",
        "flush list",
        "flush withdraw",
        "silence",
        "silence add",
        "silence list",
        "silence expire",
        "resolvers",
        "resolvers list",
        "resolvers calibrate",
        "resolvers canary-zone",
        "names",
        "config",
        "config check",
        "config show",
        "notify",
        "notify test",
        "notify preview",
        "notify log",
        "notify replay",
        "demo",
    ] {
        let mut args: Vec<&str> = command.split_whitespace().collect();
        args.push("--help");
        let ran = run(&args).await;
        assert_eq!(ran.code, 0, "{command}");
        let name = format!("help {command}").trim().replace(' ', "_");
        assert_prints!(name, ran.fits());
    }
}
