//! Changes and flushes declared over HTTP: made, read, withdrawn; and what may not declare.

use reqwest::{Method, StatusCode};
use serde_json::{Value as Json, json};

use super::client::{Answer, Face};
use crate::rounds::Watched;

fn change() -> Json {
    json!({
        "names": ["dialer{1..2}.example.com", "dialer1.example.com"],
        "type": "A",
        "to": ["192.0.2.250"],
        "from": ["192.0.2.0/24"],
        "at": "2026-11-26T12:00:00Z",
        "by": "anna",
        "comment": "to site B",
    })
}

/// The list at a path.
async fn listed(face: &Face, path: &str, key: &str) -> Vec<Json> {
    let answer = face.get(path).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()[key].as_array().unwrap().clone()
}

#[tokio::test]
async fn a_change_is_declared_read_and_withdrawn_once() {
    let watched = Watched::start().await;
    let face = Face::over(&watched).await;
    let made = face.post("/api/v1/changes", &change()).await;
    assert_eq!(made.status, StatusCode::CREATED, "{made:?}");
    let made = made.json();
    for (key, value) in [
        ("kind", json!("change")),
        (
            "names",
            json!(["dialer1.example.com", "dialer2.example.com"]),
        ),
        ("until", json!("2026-11-27T12:00:00Z")),
        ("declared_by", json!("anna")),
        ("via", json!("http")),
        ("withdrawn_at", Json::Null),
    ] {
        assert_eq!(made[key], value, "{key}");
    }
    let path = format!("/api/v1/changes/{}", made["id"].as_str().unwrap());
    let followed = face.get(&path).await.json();
    assert_eq!(followed["comment"], "to site B");
    assert_eq!(followed["progress"]["stage"], "unwatched");
    for (filter, count) in [
        ("", 1),
        ("?name=dialer2.example.com", 1),
        ("?name=dialer3.example.com", 0),
    ] {
        let all = listed(&face, &format!("/api/v1/changes{filter}"), "changes").await;
        assert_eq!(all.len(), count, "{filter}");
    }
    let none = face.get(&path.replace("changes", "flushes")).await;
    assert_eq!(none.problem(404), "there is no flush with this id");

    let path_by = format!("{path}?by=bert");
    let gone = face.send(Method::DELETE, &path_by).await;
    assert_eq!(gone.status, StatusCode::NO_CONTENT, "{gone:?}");
    let again = face.send(Method::DELETE, &path_by).await;
    assert!(again.problem(404).contains("withdrawn already"));
    assert_eq!(face.get(&path).await.json()["withdrawn_by"], "bert");
    let counted = listed(&face, "/api/v1/changes", "changes").await;
    assert_eq!(counted, Vec::<Json>::new());
    let all = listed(&face, "/api/v1/changes?withdrawn=true", "changes").await;
    assert_eq!(all.len(), 1);
}

#[tokio::test]
async fn a_flush_is_noted_of_a_resolver_that_there_is() {
    let watched = Watched::start().await;
    let face = Face::over(&watched).await;
    let flush = |resolver: &str| json!({"resolver": resolver, "names": ["dialer1.example.com"]});
    let unknown = face.post("/api/v1/flushes", &flush("gamma")).await;
    assert_eq!(unknown.problem(400), "there is no resolver `gamma`");
    let made = face.post("/api/v1/flushes", &flush("beta")).await;
    assert_eq!(made.status, StatusCode::CREATED, "{made:?}");
    let made = made.json();
    assert_eq!(
        (&made["kind"], &made["type"]),
        (&json!("flush"), &Json::Null)
    );
    assert_eq!(made["declared_by"], "somebody");
    assert_eq!(listed(&face, "/api/v1/flushes", "flushes").await, [made]);
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_with_its_reason() {
    let watched = Watched::start().await;
    let face = Face::over(&watched).await;
    for (key, value, told) in [
        ("names", json!([]), "no name is given"),
        ("names", json!(["a..b"]), "names: `a..b` has an empty label"),
        ("names", json!(["d{1..100001}.example.com"]), "100001 names"),
        ("to", json!([]), "no value"),
        ("to", json!(["192.0.2.300"]), "`192.0.2.300` is neither"),
        ("type", json!("X"), "X"),
        ("until", json!("2026-11-26T11:00:00Z"), "before it is due"),
        ("at", json!("+262142-12-31T23:59:59Z"), "outside the years"),
        ("at", json!("soon"), "invalid characters"),
        ("reason", json!("why not"), "unknown field `reason`"),
    ] {
        let mut change = change();
        change[key] = value;
        let answer = face.post("/api/v1/changes", &change).await;
        let detail = answer.problem(400);
        assert!(detail.contains(told), "{told}: {detail}");
    }
    let no_json = |body: &'static str| {
        let face = &face;
        async move {
            let header = ("content-type", "application/json; charset=utf-8");
            face.send_with(Method::POST, "/api/v1/changes", |request| {
                request.header(header.0, header.1).body(body)
            })
            .await
        }
    };
    assert!(no_json("{").await.problem(400).contains("EOF"));
    assert!(no_json("{}").await.problem(400).contains("missing field"));
    assert!(listed(&face, "/api/v1/changes", "changes").await.is_empty());
}

/// Sends what a web page could.
async fn as_page(face: &Face, path: &str, method: Method, headers: &[(&str, &str)]) -> Answer {
    face.send_with(method, path, |mut request| {
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(change().to_string())
    })
    .await
}

#[tokio::test]
async fn a_web_page_can_neither_declare_nor_withdraw() {
    let watched = Watched::start().await;
    let face = Face::over(&watched).await;
    let json_type = ("content-type", "application/json");
    let path = "/api/v1/changes";
    for (headers, status) in [
        // A form, or a fetch in mode `no-cors`, has no other types than these.
        (vec![("content-type", "text/plain")], 415),
        (
            vec![("content-type", "application/x-www-form-urlencoded")],
            415,
        ),
        (vec![], 415),
        (vec![json_type, ("origin", "https://evil.example")], 403),
        (vec![json_type, ("origin", "null")], 403),
        // A name that its page has made lead to loopback: the page's origin is the API's, to the browser.
        (
            vec![json_type, ("origin", "http://rebound.example:8053")],
            403,
        ),
        (vec![json_type, ("sec-fetch-site", "cross-site")], 403),
        (vec![json_type, ("sec-fetch-site", "same-origin")], 403),
    ] {
        let answer = as_page(&face, path, Method::POST, &headers).await;
        answer.problem(status);
    }
    assert!(listed(&face, path, "changes").await.is_empty());

    let made = face.post(path, &change()).await.json();
    let one = format!("{path}/{}", made["id"].as_str().unwrap());
    let origin = [("origin", "https://evil.example")];
    let answer = as_page(&face, &one, Method::DELETE, &origin).await;
    assert!(answer.problem(403).contains("only programs may write"));
    assert_eq!(listed(&face, path, "changes").await.len(), 1);
}

#[tokio::test]
async fn timeline_and_incident_show_what_was_declared_meanwhile() {
    let watched = Watched::start().await.with_a_wrong_address().await;
    let face = Face::over(&watched).await;
    let flush = json!({"resolver": "beta", "names": ["dialer1.example.com"], "comment": "done"});
    let flush = face.post("/api/v1/flushes", &flush).await.json();
    let mut other = change();
    other["names"] = json!(["dialer3.example.com"]);
    face.post("/api/v1/changes", &other).await;

    let timeline = face
        .get("/api/v1/timeline?name=dialer1.example.com&to=%2B1m")
        .await
        .json();
    assert_eq!(timeline["declarations"], json!([flush]));
    let incidents = listed(&face, "/api/v1/incidents", "incidents").await;
    let id = incidents[0]["id"].as_str().unwrap();
    let incident = face.get(&format!("/api/v1/incidents/{id}")).await.json();
    assert_eq!(incident["declarations"], json!([flush]));
}
