//! The commands that read history, over rounds that ran for real: a wrong address in one resolver, found and told.

use super::program::{Ran, assert_tells, finish, program};
use crate::rounds::Watched;

/// Runs the program over the history of these rounds.
pub(crate) async fn over(watched: &Watched, args: &[&str]) -> Ran {
    let file = watched.file();
    let mut command = program(file.parent().unwrap());
    command.args(args).arg("--config").arg(&file);
    finish(command).await
}

const HISTORY: [(&str, &[&str]); 9] = [
    ("timeline", &["timeline", "dialer1.example.com"]),
    (
        "timeline_of_one_resolver",
        &[
            "timeline",
            "dialer1.example.com",
            "--resolver",
            "beta",
            "--type",
            "a",
        ],
    ),
    (
        "timeline_of_several",
        &[
            "timeline",
            "dialer{1..2}.example.com",
            "--from=-1h",
            "--to",
            "+1h",
        ],
    ),
    ("timeline_of_nothing", &["timeline", "bücher.example.com"]),
    ("state", &["state"]),
    ("state_of_one", &["state", "dialer1.example.com"]),
    (
        "state_before",
        &["state", "--at", "-1d", "dialer1.example.com"],
    ),
    ("incidents", &["incidents"]),
    (
        "incidents_all",
        &["incidents", "list", "--all", "--limit", "1"],
    ),
];

#[tokio::test]
async fn history_is_told_in_tables() {
    let watched = Watched::start().await.with_a_wrong_address().await;
    for (name, args) in HISTORY {
        let ran = over(&watched, args).await;
        assert_tells!(name, ran.fits());
        assert_eq!(ran.code, 0, "{name}");
    }
}

#[tokio::test]
async fn history_is_given_to_other_programs() {
    let watched = Watched::start().await.with_a_wrong_address().await;
    for (name, args) in HISTORY {
        for format in ["json", "csv", "markdown"] {
            let ran = over(&watched, &[args, &["--format", format]].concat()).await;
            assert_eq!((ran.code, &*ran.stderr), (0, ""), "{name} {format}");
            if ["timeline", "state_of_one", "incidents"].contains(&name) {
                let name = format!("{name}_as_{format}");
                assert_tells!(name, in_one_order(&ran, format));
            }
            if format == "json" {
                let several = ran.json().is_array();
                assert_eq!(several, name == "timeline_of_several", "{name}");
            }
        }
    }
}

/// What was printed; spans, which come by first sight, in the order of their sources: all are asked at one moment.
fn in_one_order(ran: &Ran, format: &str) -> String {
    if format != "json" {
        return ran.shown();
    }
    let mut json = ran.json();
    if let Some(spans) = json["spans"].as_array_mut() {
        spans.sort_by_key(|span| span["series"]["source"].to_string());
    }
    serde_json::to_string_pretty(&json).unwrap()
}

/// The id of the only incident.
pub(super) async fn incident(watched: &Watched) -> String {
    let ran = over(watched, &["incidents", "--format", "json"]).await;
    let id = ran.json()["incidents"][0]["id"].as_str().map(str::to_owned);
    id.expect("there is no incident")
}

#[tokio::test]
async fn an_incident_is_shown_taken_and_ended() {
    let watched = Watched::start().await.with_a_wrong_address().await;
    let id = incident(&watched).await;
    let beginning = &id[..6];

    let shown = over(&watched, &["incidents", "show", beginning]).await;
    assert_tells!("incident", shown.fits());
    let shown = over(
        &watched,
        &["incidents", "show", beginning, "--format", "json"],
    )
    .await;
    assert_tells!("incident_as_json", shown.shown());

    let taken = over(&watched, &["incidents", "ack", beginning]).await;
    assert_tells!("acknowledged", taken.shown());
    assert_eq!(taken.code, 0);
    let again = over(&watched, &["incidents", "ack", &id]).await;
    assert_tells!("acknowledged_twice", again.shown());
    assert_eq!(again.code, 2);
    let listed = over(&watched, &["incidents"]).await;
    assert_tells!("incidents_acknowledged", listed.fits());

    let ended = over(&watched, &["incidents", "resolve", &id]).await;
    assert_tells!("ended", ended.shown());
    assert_eq!(ended.code, 0);
    let again = over(&watched, &["incidents", "resolve", &id]).await;
    assert_eq!(again.code, 2, "{again:?}");
    let listed = over(&watched, &["incidents"]).await;
    assert_tells!("incidents_none", listed.shown());
    watched.deliver().await;
    let shown = over(&watched, &["incidents", "show", &id]).await;
    assert_tells!("incident_ended", shown.fits());
    assert_eq!(watched.sink.received().len(), 2);
}

#[tokio::test]
async fn an_incident_that_is_not_there_is_said_to_be_so() {
    let watched = Watched::start().await;
    for id in ["abc", "11112222-3333-4444-8555-666677778888"] {
        let ran = over(&watched, &["incidents", "show", id]).await;
        assert_eq!(ran.code, 2, "{ran:?}");
        assert!(ran.stderr.starts_with("error: "), "{ran:?}");
        assert_eq!(ran.stderr.lines().count(), 1, "{ran:?}");
    }
}

#[tokio::test]
async fn many_names_at_one_resolver_are_one_incident_with_their_questions() {
    let watched = Watched::start().await;
    watched.round().await;
    watched.round().await;
    for n in 1..=4 {
        let (name, address) = (format!("dialer{n}.example.com"), format!("198.51.100.{n}"));
        watched.plant(&name, &address);
    }
    watched.round().await;
    let id = incident(&watched).await;
    let shown = over(&watched, &["incidents", "show", &id]).await;
    assert_tells!("incident_of_several_names", shown.fits());
}

/// Every instant of the evidence as the message tells it, `2026-11-22 19:05:00Z`.
fn told_instants(message: &str) -> Vec<String> {
    let mut instants: Vec<String> = message
        .split("<!date^")
        .skip(1)
        .map(|rest| rest.split(['|', '>']).nth(1).unwrap().to_owned())
        .collect();
    instants.sort();
    instants.dedup();
    instants
}

#[tokio::test]
async fn message_incident_and_timeline_tell_the_same_instants() {
    let watched = Watched::start().await.with_a_wrong_address().await;
    let message = watched.sink.wait_for(1).await[0].json().to_string();
    let id = incident(&watched).await;
    let shown = over(&watched, &["incidents", "show", &id]).await.stdout;
    let timeline = over(&watched, &["timeline", "dialer1.example.com"])
        .await
        .stdout;
    let instants = told_instants(&message);
    assert!(instants.len() >= 2, "{message}");
    for instant in &instants {
        assert!(shown.contains(instant), "{instant} is not in {shown}");
    }
    // First and last sight, and how long it is cached: tables leave the year out where all share it.
    let incident = over(&watched, &["incidents", "show", &id, "--format", "json"])
        .await
        .json();
    let incident = &incident["incident"];
    for field in ["opened_at", "last_bad_at", "cached_until"] {
        let at: chrono::DateTime<chrono::Utc> = incident[field].as_str().unwrap().parse().unwrap();
        let (long, short) = (
            at.format("%Y-%m-%d %H:%M:%SZ"),
            at.format("%m-%d %H:%M:%SZ"),
        );
        assert!(
            shown.contains(&long.to_string()),
            "{field} {long} is not in {shown}"
        );
        assert!(
            timeline.contains(&short.to_string()),
            "{field} {short} is not in {timeline}"
        );
    }
}
