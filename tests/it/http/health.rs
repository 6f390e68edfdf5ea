//! Alive, ready, counted.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use chrono::{TimeDelta, Utc};
use dns_auditor::{metrics::Metrics, store::Store};

use super::client::Face;
use crate::{
    postgres::{execute, fresh_database},
    rounds::Watched,
};

async fn face(metrics: &Arc<Metrics>) -> Face {
    let store = Store::open(&fresh_database().await).await.unwrap();
    Face::start(store, metrics.clone()).await
}

#[tokio::test]
async fn the_service_is_alive_and_ready_before_its_first_round() {
    let metrics = Arc::new(Metrics::new());
    let face = face(&metrics).await;
    assert_eq!(face.get("/healthz").await.body, "ok\n");
    metrics.group_scheduled("dialers", Some(Utc::now() + TimeDelta::seconds(60)));
    let ready = face.get("/readyz").await;
    assert_eq!(ready.status, 200, "{ready:?}");
    assert_eq!(ready.json()["ready"], true);
}

#[tokio::test]
async fn a_round_that_is_late_or_could_not_be_recorded_is_said() {
    let metrics = Arc::new(Metrics::new());
    let face = face(&metrics).await;
    metrics.group_scheduled("dialers", Some(Utc::now() - TimeDelta::seconds(31)));
    let late = face.get("/readyz").await;
    assert_eq!(late.status, 503);
    assert!(
        late.body.contains("group dialers: the round due at"),
        "{late:?}"
    );
    metrics.group_scheduled("dialers", Some(Utc::now()));
    metrics.round_failed("dialers");
    let failed = face.get("/readyz").await;
    assert_eq!(failed.status, 503);
    assert!(failed.body.contains("could not be recorded"), "{failed:?}");
}

#[tokio::test]
async fn without_its_database_the_service_is_alive_not_ready_and_says_why_soon() {
    let (url, admin) = (fresh_database().await, fresh_database().await);
    let store = Store::open(&url).await.unwrap();
    let face = Face::start(store, Arc::new(Metrics::new())).await;
    assert_eq!(face.get("/readyz").await.status, 200);
    let name = url.split('?').next().unwrap().rsplit('/').next().unwrap();
    execute(&admin, format!("drop database {name} with (force)")).await;
    let asked = Instant::now();
    let gone = face.get("/readyz").await;
    assert!(
        asked.elapsed() < Duration::from_secs(5),
        "{:?}",
        asked.elapsed()
    );
    assert_eq!(gone.status, 503, "{gone:?}");
    let problems = gone.json()["problems"].clone();
    assert!(
        problems[0].as_str().unwrap().starts_with("database: "),
        "{gone:?}"
    );
    assert_eq!(face.get("/healthz").await.status, 200);
    let refused = face.get("/api/v1/incidents").await.problem(503);
    assert!(refused.contains("/readyz"), "{refused}");
    assert!(!gone.body.contains("postgres://"), "{gone:?}");
}

#[tokio::test]
async fn metrics_are_openmetrics_and_do_not_grow_with_the_names() {
    let watched = Watched::start().await.with_a_wrong_address().await;
    let answer = Face::over(&watched).await.get("/metrics").await;
    assert!(
        answer
            .kind
            .starts_with("application/openmetrics-text; version=1.0.0")
    );
    assert!(answer.body.ends_with("# EOF\n"), "{}", answer.body);
    for line in answer.body.lines().filter(|line| !line.starts_with('#')) {
        let (series, value) = line.rsplit_once(' ').unwrap();
        assert!(series.starts_with("dns_auditor_"), "{line}");
        assert!(value.parse::<f64>().is_ok(), "{line}");
        assert!(!line.contains("example.com"), "{line}");
    }
    for expected in [
        "dns_auditor_rounds_total{group=\"dialers\",result=\"finished\"} 3",
        "dns_auditor_verdicts{group=\"dialers\",resolver=\"beta\",state=\"divergent\"} 1",
        "dns_auditor_verdicts{group=\"dialers\",resolver=\"beta\",state=\"consistent\"} 3",
        "dns_auditor_incident_transitions_total{group=\"dialers\",kind=\"opened\"} 1",
    ] {
        assert!(
            answer.body.contains(expected),
            "no {expected} in {}",
            answer.body
        );
    }
}

#[tokio::test]
async fn the_index_names_what_there_is() {
    let face = face(&Arc::new(Metrics::new())).await;
    let index = face.get("/").await;
    insta::assert_snapshot!(index.body);
}
