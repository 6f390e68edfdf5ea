//! What the API says of a wrong address that was found and told.

use super::client::Face;
use crate::rounds::Watched;

#[tokio::test]
async fn an_incident_is_listed_shown_and_in_the_timeline_and_the_state() {
    let watched = Watched::start().await.with_a_wrong_address().await;
    let face = Face::over(&watched).await;

    let page = face.get("/api/v1/incidents").await.json();
    assert_eq!(page["incidents"][0]["verdict"], "divergent");
    assert_eq!(page["next_after"], serde_json::Value::Null);
    let id = page["incidents"][0]["id"].as_str().unwrap();

    let whole = face.get(&format!("/api/v1/incidents/{id}")).await.json();
    assert_eq!(
        whole["incident"]["observed"][0]["records"][0],
        "198.51.100.66"
    );
    let kinds = whole["events"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| &event["kind"]);
    assert_eq!(kinds.collect::<Vec<_>>(), ["opened", "delivered"]);

    let timeline = face
        .get("/api/v1/timeline?name=Dialer1.Example.COM.&type=a")
        .await
        .json();
    assert_eq!(timeline["name"], "dialer1.example.com");
    assert_eq!(timeline["incidents"][0]["id"], id);
    assert_eq!(timeline["spans"].as_array().unwrap().len(), 4);
    // The faces tell the same instants.
    assert_eq!(
        timeline["incidents"][0]["opened_at"],
        whole["incident"]["opened_at"]
    );

    let state = face
        .get("/api/v1/state?name=dialer1.example.com")
        .await
        .json();
    let states = state["states"].as_array().unwrap();
    let beta = states
        .iter()
        .find(|row| row["series"]["source"]["id"] == "beta")
        .unwrap();
    assert_eq!(beta["verdict"]["state"], "divergent");
    assert_eq!(beta["cached_until"], whole["incident"]["cached_until"]);
    let before = face.get("/api/v1/state?at=-1d").await.json();
    assert_eq!(before["states"], serde_json::json!([]));
}

#[tokio::test]
async fn incidents_are_filtered() {
    let watched = Watched::start().await.with_a_wrong_address().await;
    let face = Face::over(&watched).await;
    for (query, expected) in [
        ("status=open", 1),
        ("status=open,recovering", 1),
        ("status=resolved", 0),
        ("group=dialers&resolver=beta&name=dialer1.example.com", 1),
        ("group=shops", 0),
        ("resolver=alpha", 0),
        ("name=dialer2.example.com", 0),
        ("from=-1h&to=%2B1h", 1),
        ("to=-1h", 0),
    ] {
        let page = face.get(&format!("/api/v1/incidents?{query}")).await.json();
        assert_eq!(
            page["incidents"].as_array().unwrap().len(),
            expected,
            "{query}"
        );
    }
}

#[tokio::test]
async fn a_long_list_is_read_page_by_page_each_incident_once() {
    let watched = Watched::start().await;
    watched.round().await;
    watched.round().await;
    // One after another: more at once would be one incident of the resolver.
    for n in 1..=4 {
        let name = format!("dialer{n}.example.com");
        watched.plant(&name, "198.51.100.66");
        watched.round().await;
        watched.servers.beta.edit(crate::dns::Script::flush);
    }
    let face = Face::over(&watched).await;
    let all = face.get("/api/v1/incidents").await.json();
    let all: Vec<_> = all["incidents"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["id"].clone())
        .collect();
    assert!(all.len() >= 3, "{all:?}");
    let (mut seen, mut after) = (Vec::new(), String::new());
    loop {
        let page = face
            .get(&format!("/api/v1/incidents?limit=1{after}"))
            .await
            .json();
        let incidents = page["incidents"].as_array().unwrap();
        assert_eq!(incidents.len(), 1, "{page}");
        seen.push(incidents[0]["id"].clone());
        match page["next_after"].as_str() {
            Some(key) => after = format!("&after={key}"),
            None => break,
        }
    }
    assert_eq!(seen, all);
}
