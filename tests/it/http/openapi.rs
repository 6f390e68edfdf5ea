//! The document of the API, held against the API: it has every route, and real answers have exactly its fields.

use std::{collections::BTreeSet, sync::Arc};

use dns_auditor::{http, metrics::Metrics};
use serde_json::{Value as Json, json};

use super::{client::Face, schema::differences};
use crate::{dns::Fault, postgres::fresh_store, rounds::Watched};

async fn document(face: &Face) -> Json {
    let answer = face.get("/api/v1/openapi.json").await;
    assert_eq!(answer.status, 200);
    assert!(
        answer.kind.starts_with("application/vnd.oai.openapi+json"),
        "{answer:?}"
    );
    answer.json()
}

/// The schema of an answer with this status, by name.
fn schema_of(document: &Json, path: &str, status: &str) -> Option<String> {
    let content = &document["paths"][path]["get"]["responses"][status]["content"];
    let (_, body) = content.as_object()?.iter().next()?;
    let reference = body["schema"]["$ref"].as_str()?;
    Some(reference.rsplit('/').next()?.to_owned())
}

#[tokio::test]
async fn the_document_has_every_route_and_no_other() {
    let face = Face::start(fresh_store().await, Arc::new(Metrics::new())).await;
    let document = document(&face).await;
    assert_eq!(document["openapi"], "3.1.0");
    let documented: BTreeSet<&str> = document["paths"]
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    assert_eq!(documented, http::paths().collect());
    for path in documented {
        let is_read = document["paths"][path]["get"].is_object();
        let path = path.replace("{id}", "11112222-3333-4444-8555-666677778888");
        let status = if is_read {
            face.get(&path).await.status
        } else {
            face.post(&path, &json!({})).await.status
        };
        // Known, if only to say that something is missing.
        assert_ne!(status, 405, "{path}");
        assert!(status.as_u16() < 500, "{path}: {status}");
    }
}

#[tokio::test]
async fn every_documented_parameter_is_taken() {
    let face = Face::start(fresh_store().await, Arc::new(Metrics::new())).await;
    let document = document(&face).await;
    for (path, item) in document["paths"].as_object().unwrap() {
        let parameters = item["get"]["parameters"].as_array();
        for parameter in parameters
            .into_iter()
            .flatten()
            .filter(|one| one["in"] == "query")
        {
            let name = parameter["name"].as_str().unwrap();
            let answer = face.get(&format!("{path}?{name}=")).await;
            assert!(
                !answer.body.contains("unknown parameter"),
                "{path} {name}: {answer:?}"
            );
        }
    }
}

#[tokio::test]
async fn every_schema_is_used_and_every_reference_leads_somewhere() {
    let face = Face::start(fresh_store().await, Arc::new(Metrics::new())).await;
    let document = document(&face).await;
    let text = document.to_string();
    // What the command line prints besides.
    let printed = [
        "Backtest",
        "Replayed",
        "CheckReport",
        "IncidentList",
        "Resolver",
        "Name",
    ];
    let schemas = document["components"]["schemas"].as_object().unwrap();
    for name in schemas.keys() {
        let used = text.contains(&format!("\"#/components/schemas/{name}\""));
        assert!(used || printed.contains(&name.as_str()), "{name}");
    }
    for reference in text.split("#/components/schemas/").skip(1) {
        let name = reference.split('"').next().unwrap();
        assert!(schemas.contains_key(name), "{name}");
    }
}

/// Rounds that leave something in every list: a wrong address, a failure, a TTL above the policy.
async fn eventful() -> Watched {
    let watched = Watched::start().await.with_a_wrong_address().await;
    watched
        .servers
        .authority
        .edit(|script| script.set("dialer2.example.com", "A", 86_400, &["192.0.2.2"]));
    watched.servers.alpha.edit(|script| {
        script.fault(Fault::Rcode(2).on("dialer3.example.com"));
        script.fault(Fault::ExtendedError(22, "no reachable authority").on("dialer3.example.com"));
        script.fault(Fault::Silent.on("dialer4.example.com"));
    });
    watched.round().await;
    watched.round().await;
    watched.deliver().await;
    watched
}

#[tokio::test]
async fn real_answers_have_exactly_the_documented_fields() {
    let watched = eventful().await;
    let face = Face::over(&watched).await;
    let document = document(&face).await;
    let page = face.get("/api/v1/incidents").await.json();
    let incidents = page["incidents"].as_array().unwrap().clone();
    let names = json!(["dialer{1..4}.example.com"]);
    let change = json!({"names": names, "to": ["192.0.2.250"]});
    let change = face.post("/api/v1/changes", &change).await.json();
    let flush = json!({"resolver": "beta", "names": names});
    let flush = face.post("/api/v1/flushes", &flush).await.json();
    for declared in [&change, &flush] {
        let differences = differences(&document, "Declaration", declared);
        assert!(differences.is_empty(), "{declared}: {differences:?}");
    }
    assert!(incidents.len() >= 2, "{page}");
    let mut asked = vec![
        ("/readyz", "200", "/readyz".to_owned()),
        (
            "/api/v1/incidents",
            "200",
            "/api/v1/incidents?limit=1".to_owned(),
        ),
        (
            "/api/v1/incidents",
            "400",
            "/api/v1/incidents?limit=x".to_owned(),
        ),
        ("/api/v1/state", "200", "/api/v1/state".to_owned()),
        ("/api/v1/changes", "200", "/api/v1/changes".to_owned()),
        ("/api/v1/flushes", "200", "/api/v1/flushes".to_owned()),
        (
            "/api/v1/evidence",
            "200",
            "/api/v1/evidence?name=dialer1.example.com".to_owned(),
        ),
        (
            "/api/v1/explain",
            "200",
            "/api/v1/explain?name=dialer1.example.com".to_owned(),
        ),
        (
            "/api/v1/what-if",
            "200",
            "/api/v1/what-if?ttl=60&name=dialer1.example.com".to_owned(),
        ),
        (
            "/api/v1/who-served",
            "200",
            "/api/v1/who-served?address=0.0.0.0/0".to_owned(),
        ),
        ("/api/v1/diff", "200", "/api/v1/diff?from=-1d".to_owned()),
        (
            "/api/v1/propagation",
            "200",
            "/api/v1/propagation?name=dialer2.example.com".to_owned(),
        ),
        ("/api/v1/sli", "200", "/api/v1/sli".to_owned()),
        ("/api/v1/denials", "200", "/api/v1/denials".to_owned()),
        ("/api/v1/findings", "200", "/api/v1/findings".to_owned()),
        ("/api/v1/coverage", "200", "/api/v1/coverage".to_owned()),
    ];
    let nobody = format!("incident={}", uuid::Uuid::nil());
    for (status, query) in [("200", "from=-1d"), ("400", "to=now"), ("404", &nobody)] {
        let path = "/api/v1/report";
        asked.push((path, status, format!("{path}?{query}")));
    }
    for (path, declared) in [
        ("/api/v1/changes/{id}", &change),
        ("/api/v1/flushes/{id}", &flush),
    ] {
        let id = declared["id"].as_str().unwrap();
        asked.push((path, "200", path.replace("{id}", id)));
    }
    for incident in &incidents {
        let id = incident["id"].as_str().unwrap();
        let path = "/api/v1/incidents/{id}";
        asked.push((path, "200", path.replace("{id}", id)));
        let report = format!("/api/v1/report?incident={id}");
        asked.push(("/api/v1/report", "200", report));
    }
    for n in 1..=4 {
        let path = format!("/api/v1/timeline?name=dialer{n}.example.com");
        asked.push(("/api/v1/timeline", "200", path));
    }
    for (path, status, url) in asked {
        let answer = face.get(&url).await;
        assert_eq!(answer.status.as_str(), status, "{url}");
        let schema = schema_of(&document, path, status).unwrap();
        let differences = differences(&document, &schema, &answer.json());
        assert!(differences.is_empty(), "{url}:\n{}", differences.join("\n"));
    }
}
