//! Silences and acknowledgements over HTTP: made, read, ended; and what may not make them.

use reqwest::{Method, StatusCode};
use serde_json::{Value as Json, json};

use super::client::Face;
use crate::{cli::documented::fits, rounds::Watched};

fn silence() -> Json {
    json!({
        "matchers": ["group=dialers", "resolver!=\"alpha\""],
        "ends_at": "2099-01-01T00:00:00Z",
        "starts_at": "2098-12-31T00:00:00Z",
        "by": "anna",
        "comment": "new rack",
    })
}

#[tokio::test]
async fn a_silence_is_made_read_and_ended_once() {
    let watched = Watched::start().await;
    let face = Face::over(&watched).await;
    let made = face.post("/api/v1/silences", &silence()).await;
    assert_eq!(made.status, StatusCode::CREATED, "{made:?}");
    let made = made.json();
    fits("Silence", std::slice::from_ref(&made));
    for (key, value) in [
        ("matchers", json!(["group=dialers", "resolver!=alpha"])),
        ("made_by", json!("anna")),
        ("via", json!("http")),
        ("phase", json!("pending")),
    ] {
        assert_eq!(made[key], value, "{key}");
    }
    let path = format!("/api/v1/silences/{}", made["id"].as_str().unwrap());
    let read = face.get(&path).await.json();
    assert_eq!(read["id"], made["id"]);
    let list = face.get("/api/v1/silences").await.json();
    fits("Quiet", std::slice::from_ref(&list));
    assert_eq!(list["silences"].as_array().unwrap().len(), 1);

    let by = format!("{path}?by=bert");
    let gone = face.send(Method::DELETE, &by).await;
    assert_eq!(gone.status, StatusCode::NO_CONTENT, "{gone:?}");
    let again = face.send(Method::DELETE, &by).await;
    assert!(again.problem(404).contains("over already"));
    assert_eq!(face.get(&path).await.json()["expired_by"], "bert");
    let left = face.get("/api/v1/silences").await.json();
    assert_eq!(left["silences"], json!([]));
    let all = face.get("/api/v1/silences?expired=true").await.json();
    assert_eq!(all["silences"][0]["phase"], "expired");
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_with_its_reason() {
    let watched = Watched::start().await;
    let face = Face::over(&watched).await;
    for (key, value, told) in [
        ("matchers", json!([]), "would match everything"),
        ("matchers", json!(["nmae=x"]), "`nmae` cannot be matched"),
        ("matchers", json!(["name=~("]), "no regular expression"),
        ("comment", json!(""), "needs a comment"),
        ("ends_at", json!("2098-12-31T00:00:00Z"), "before it begins"),
        ("ends_at", json!("2099-12-31T00:00:00Z"), "30 days at most"),
        ("reason", json!("x"), "unknown field `reason`"),
    ] {
        let mut silence = silence();
        silence[key] = value;
        let refused = face.post("/api/v1/silences", &silence).await.problem(400);
        assert!(refused.contains(told), "{told}: {refused}");
    }
    let page = face
        .send_with(Method::POST, "/api/v1/silences", |request| {
            request
                .json(&silence())
                .header("origin", "https://evil.example")
        })
        .await;
    assert!(page.problem(403).contains("a web page sent this"));
}

#[tokio::test]
async fn an_incident_is_acknowledged_once_by_programs_only() {
    let watched = Watched::start().await.with_a_wrong_address().await;
    let face = Face::over(&watched).await;
    let page = face.get("/api/v1/incidents").await.json();
    let id = page["incidents"][0]["id"].as_str().unwrap().to_owned();
    let path = format!("/api/v1/incidents/{id}/ack");
    let by_page = face
        .send_with(Method::POST, &path, |request| {
            request
                .json(&json!({}))
                .header("origin", "https://evil.example")
        })
        .await;
    by_page.problem(403);
    let acked = face.post(&path, &json!({"by": "anna"})).await;
    assert_eq!(acked.status, StatusCode::NO_CONTENT, "{acked:?}");
    let again = face.post(&path, &json!({})).await;
    assert!(
        again
            .problem(404)
            .contains("acknowledged or resolved already")
    );
    let whole = face.get(&format!("/api/v1/incidents/{id}")).await.json();
    assert!(whole["incident"]["acked_at"].is_string());
    let events = whole["events"].as_array().unwrap();
    let last = events.last().unwrap();
    assert_eq!(
        (&last["kind"], &last["detail"]),
        (&json!("acked"), &json!("anna"))
    );
}
