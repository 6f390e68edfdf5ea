//! `report` over rounds that ran for real: the document in each of its forms, and that it says the same every time.
//!
//! Deliberately absent: how each form escapes, which its unit tests hold.

use super::{
    history::{incident, over},
    program::{Ran, redacted_apart_from_widths},
};
use crate::{http::client::Face, rounds::Watched};
use serde_json::Value as Json;

async fn of_incident(watched: &Watched, id: &str, format: &str) -> Ran {
    over(watched, &["report", "--incident", id, "--format", format]).await
}

/// What differs from run to run taken out of a document.
fn redacted() -> insta::Settings {
    // The numbers in it are not seconds.
    let mut hash = insta::Settings::clone_current();
    hash.add_filter("SHA-256", "SHA-2");
    let mut settings = hash.bind(redacted_apart_from_widths);
    for (pattern, replacement) in [
        (r"\b[0-9a-f]{64}\b", "[SHA-256]"),
        (r"(?m)^    [0-9a-f]{4}  .*$", "    [OCTETS]"),
        (r"\bid: \d+", "id: [ID]"),
        (r"COOKIE: [0-9a-f]+", "COOKIE: [COOKIE]"),
        (r"\b\d+(\.\d+)?[µm]s\b", "[TIME]"),
        (r"\b(\d+m )?\d{1,2}s\b", "[SECONDS]"),
        (r"\b\d{4}-\d\d-\d\d\b", "YYYY-MM-DD"),
    ] {
        settings.add_filter(pattern, replacement);
    }
    settings
}

#[tokio::test]
async fn the_postmortem_of_a_wrong_address_is_whole() {
    let watched = Watched::start().await.with_a_wrong_address().await;
    let id = incident(&watched).await;
    let told = of_incident(&watched, &id[..8], "markdown").await;
    redacted().bind(|| insta::assert_snapshot!("report", told.shown()));
}

#[tokio::test]
async fn two_runs_over_the_same_data_are_the_same_octet_by_octet() {
    let watched = Watched::start().await.with_a_wrong_address().await;
    let id = incident(&watched).await;
    let mut told = Vec::new();
    for format in ["markdown", "html", "json"] {
        let first = of_incident(&watched, &id, format).await;
        let again = of_incident(&watched, &id, format).await;
        assert_eq!((first.code, first.stderr.as_str()), (0, ""), "{first:?}");
        assert_eq!(first.stdout, again.stdout, "{format}");
        told.push(first.stdout);
    }
    // Over HTTP it is the same, and a page of which a browser runs nothing.
    let face = Face::over(&watched).await;
    let path = format!("/api/v1/report?incident={id}");
    for (format, kind, text) in [
        ("markdown", "text/markdown; charset=utf-8", &told[0]),
        ("html", "text/html; charset=utf-8", &told[1]),
    ] {
        let answer = face.get(&format!("{path}&format={format}")).await;
        assert_eq!((answer.status.as_u16(), answer.kind.as_str()), (200, kind));
        assert_eq!(answer.body.trim_end(), text.trim_end(), "{format}");
    }
    let json = face.get(&format!("{path}&format=json")).await;
    assert_eq!(json.json(), serde_json::from_str::<Json>(&told[2]).unwrap());
    let unknown = face.get(&format!("{path}&format=pdf")).await;
    assert!(unknown.problem(400).starts_with("format: `pdf`"));
    // Rounds that come later add to the history of the names, and nothing to what is told of the incident.
    let html = &told[1];
    watched.round().await;
    assert_ne!(of_incident(&watched, &id, "json").await.stdout, told[2]);
    assert_eq!(html.matches("<svg").count(), 1, "{html}");
    for absent in ["<script", "src=", "href=", "url(", "http://", "https://"] {
        assert!(!html.contains(absent), "{absent}: {html}");
    }
}

#[tokio::test]
async fn a_window_tells_of_its_incidents_and_a_quiet_one_of_none() {
    let watched = Watched::start().await.with_a_wrong_address().await;
    let id = incident(&watched).await;
    let window = ["report", "--from", "-1h", "--format", "json"];
    let told = over(&watched, &window).await.json();
    assert_eq!(
        told["incidents"][0]["incident"]["id"],
        id.as_str(),
        "{told:#}"
    );
    assert_eq!(told["timelines"][0]["name"], "dialer1.example.com");
    let other = [&window[..], &["--name", "dialer2.example.com"]].concat();
    let told = over(&watched, &other).await.json();
    assert_eq!(told["incidents"].as_array().unwrap().len(), 0, "{told:#}");
    assert_eq!(told["timelines"][0]["name"], "dialer2.example.com");
    let before = over(&watched, &["report", "--from", "-2d", "--to", "-1d"]).await;
    assert_eq!(before.code, 0);
    for sentence in ["There was no incident from ", "no data is not no problem"] {
        assert!(before.stdout.contains(sentence), "{before:?}");
    }
}

#[tokio::test]
async fn a_document_is_no_listing_and_a_listing_no_document() {
    for args in [
        ["report", "--from", "-1h", "--format", "csv"],
        ["report", "--from", "-1h", "--format", "jsonl"],
        ["sli", "--from", "-1h", "--format", "html"],
    ] {
        let refused = super::program::run(&args).await;
        assert_eq!(refused.code, 2, "{refused:?}");
        assert!(refused.stderr.contains("--format takes"), "{refused:?}");
    }
}
