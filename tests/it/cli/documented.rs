//! The JSON of every command, held against the document that the API serves: the shapes are the same, and stable.

use std::collections::BTreeSet;

use serde_json::Value as Json;

use super::{
    history::over,
    program::{Ran, finish, program, run},
};
use crate::{http::schema::differences, rounds::Watched};

const DOCUMENT: &str = include_str!("../../../src/http/openapi.json");

/// Holds each of these values against a schema of the document.
pub(crate) fn fits(schema: &str, values: &[Json]) {
    let document: Json = serde_json::from_str(DOCUMENT).unwrap();
    assert!(!values.is_empty(), "nothing to hold against {schema}");
    for value in values {
        let found: BTreeSet<String> = differences(&document, schema, value).into_iter().collect();
        assert!(found.is_empty(), "{schema}: {found:#?} in {value:#}");
    }
}

fn items(list: &Json) -> Vec<Json> {
    list.as_array().unwrap().clone()
}

#[tokio::test]
async fn what_commands_print_as_json_is_documented() {
    let watched = Watched::start().await.with_a_wrong_address().await;
    let json = async |args: &[&str]| {
        let file = watched.file();
        let mut command = program(file.parent().unwrap());
        command
            .args(args)
            .args(["--format", "json", "--config"])
            .arg(&file);
        let ran: Ran = finish(command).await;
        ran.json()
    };
    let list = json(&["incidents"]).await;
    let id = list["incidents"][0]["id"].as_str().unwrap().to_owned();
    fits("IncidentList", &[list]);
    fits("WholeIncident", &[json(&["incidents", "show", &id]).await]);
    let with_messages = json(&["incidents", "show", &id, "--evidence"]).await;
    fits("WholeIncident", &[with_messages]);
    fits(
        "Evidence",
        &[json(&["evidence", "dialer1.example.com"]).await],
    );
    fits(
        "Timeline",
        &[json(&["timeline", "dialer1.example.com"]).await],
    );
    fits(
        "Timeline",
        &items(&json(&["timeline", "dialer{1..4}.example.com"]).await),
    );
    fits(
        "Explained",
        &[json(&["explain", "dialer1.example.com"]).await],
    );
    fits("WhatIf", &[json(&["what-if", "--ttl", "60"]).await]);
    fits("Postmortem", &[json(&["report", "--incident", &id]).await]);
    fits("Replayed", &[json(&["replay"]).await]);
    fits("Backtest", &[json(&["backtest"]).await]);
    let declare = [
        "change",
        "declare",
        "dialer1.example.com",
        "--to",
        "192.0.2.250",
    ];
    assert_eq!(over(&watched, &declare).await.code, 0);
    let note = ["flush", "note", "beta", "dialer1.example.com"];
    assert_eq!(over(&watched, &note).await.code, 0);
    fits("FollowedChange", &items(&json(&["change", "list"]).await));
    fits("DeclaredFlush", &items(&json(&["flush", "list"]).await));
    fits("WholeIncident", &[json(&["incidents", "show", &id]).await]);
    let silence = ["silence", "add", "group=dialers", "--comment", "a test"];
    assert_eq!(over(&watched, &silence).await.code, 0);
    fits("Quiet", &[json(&["silence", "list"]).await]);
    fits("StateAt", &[json(&["state"]).await]);
    let served = json(&["who-served", "0.0.0.0/0"]).await;
    assert!(!served["items"].as_array().unwrap().is_empty());
    fits("SpanList", &[served, json(&["denials"]).await]);
    let changed = json(&["diff", "--at", "-1d", "--at", "now"]).await;
    assert!(!changed["changed"].as_array().unwrap().is_empty());
    fits("Diff", &[changed]);
    let name = "dialer1.example.com";
    fits("PropagationList", &[json(&["propagation", name]).await]);
    fits("ServiceLevelList", &[json(&["sli"]).await]);
    fits("FindingList", &[json(&["findings"]).await]);
    fits("WatchedList", &[json(&["coverage"]).await]);
    let names = json(&["names"]).await;
    let exposure = &names[0]["exposures"][0];
    assert_eq!(
        (&exposure["type"], &exposure["ttl"]),
        (&"A".into(), &300.into()),
        "{names:#}"
    );
    assert_eq!(exposure["operators"][1]["seconds"], 300, "{names:#}");
    fits("Name", &items(&names));
    fits("Resolver", &items(&json(&["resolvers"]).await));
    let servers = &watched.servers;
    let authority = servers.authority.address().to_string();
    let args = [
        "check",
        "dialer1.example.com",
        "long.example.com",
        "--resolver",
        "alpha,beta",
    ];
    let report = json(&[&args[..], &["--authority", &authority, "--debug"]].concat()).await;
    assert!(report["messages"][0]["reply"].is_string(), "{report:#}");
    assert!(
        !report["findings"].as_array().unwrap().is_empty(),
        "{report:#}"
    );
    fits("CheckReport", &[report]);
}

#[tokio::test]
async fn presets_are_documented() {
    let presets = run(&["resolvers", "--format", "json"]).await.json();
    fits("Resolver", &items(&presets));
}
