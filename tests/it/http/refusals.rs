//! What is asked wrongly: the problem names the parameter and the mend.

use std::sync::Arc;

use dns_auditor::metrics::Metrics;

use super::client::Face;
use crate::postgres::fresh_store;

#[tokio::test]
async fn a_wrong_parameter_is_named() {
    let face = Face::start(fresh_store().await, Arc::new(Metrics::new())).await;
    let mut told = String::new();
    for path in [
        "/api/v1/incidents?limits=5",
        "/api/v1/incidents?limit=0",
        "/api/v1/incidents?limit=501",
        "/api/v1/incidents?status=closed",
        "/api/v1/incidents?status=open&status=resolved",
        "/api/v1/incidents?after=yesterday",
        "/api/v1/incidents?from=yesterday",
        "/api/v1/incidents?name=a..b",
        "/api/v1/incidents/latest",
        "/api/v1/incidents/%FF",
        "/api/v1/incidents/11112222-3333-4444-8555-666677778888?verbose=1",
        "/api/v1/timeline",
        "/api/v1/timeline?name=a.example&type=X",
        "/api/v1/timeline?name=a.example&from=-1h&to=-2h",
        "/api/v1/timeline?name=%FF",
        "/api/v1/state?at=soon",
        "/api/v1/state?at=2026-11-22",
    ] {
        told += &format!("{path}\n    {}\n", face.get(path).await.problem(400));
    }
    insta::assert_snapshot!(told);
}

#[tokio::test]
async fn what_is_not_there_is_said_to_be_so() {
    let face = Face::start(fresh_store().await, Arc::new(Metrics::new())).await;
    let none = "/api/v1/incidents/11112222-3333-4444-8555-666677778888";
    assert!(
        face.get(none)
            .await
            .problem(404)
            .contains("there is no incident")
    );
    assert!(
        face.get("/api/v2/incidents")
            .await
            .problem(404)
            .contains("/api/v2/incidents")
    );
    let post = face.send(reqwest::Method::POST, "/api/v1/incidents").await;
    assert!(post.problem(405).contains("openapi.json says"));
}
