//! `/metrics` of a running service: OpenMetrics that parses, with what an operator is woken by.

use std::collections::BTreeMap;

use super::world::World;
use crate::sink::{Reply, Sink};

/// Every sample by name and labels.
///
/// # Panics
/// At a line that is not OpenMetrics, and at a sample of a family that was not declared before.
fn samples(text: &str) -> BTreeMap<String, String> {
    let mut family = String::new();
    let mut samples = BTreeMap::new();
    let body = text.strip_suffix("# EOF\n").expect("# EOF ends it");
    for line in body.lines() {
        if let Some(comment) = line.strip_prefix("# ") {
            let mut words = comment.splitn(3, ' ');
            let (kind, name) = (words.next().unwrap(), words.next().unwrap());
            assert!(matches!(kind, "HELP" | "TYPE" | "UNIT"), "{line}");
            assert!(words.next().is_some_and(|rest| !rest.is_empty()), "{line}");
            name.clone_into(&mut family);
            continue;
        }
        let (name, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("{line}"));
        assert!(name.starts_with(&family), "{name} stands below {family}");
        assert!(name.starts_with("dns_auditor_"), "{line}");
        assert!(value.parse::<f64>().is_ok(), "{line}");
        let twice = samples.insert(name.to_owned(), value.to_owned());
        assert_eq!(twice, None, "{name} stands there twice");
    }
    samples
}

#[tokio::test]
async fn deliveries_outbox_and_open_incidents_are_counted() {
    let mut world = World::new().await;
    world.sink = Sink::start([Reply::status(503), Reply::status(400)]).await;
    let config = world.config();
    let service = world.served_with(&config).await;
    let get = async || samples(&service.get("/metrics").await.1);
    let quiet = get().await;
    for severity in ["info", "warning", "critical"] {
        let name = format!("dns_auditor_open_incidents{{severity=\"{severity}\"}}");
        assert_eq!(quiet[&name], "0");
    }
    assert_eq!(quiet["dns_auditor_database_up"], "1");
    assert_eq!(
        quiet["dns_auditor_outbox_messages{status=\"waiting\"}"],
        "0"
    );

    // The first is to be tried again, the second is refused for good.
    world.plant("dialer1", 600);
    world.sink.wait_for(1).await;
    world.plant("dialer2", 600);
    world.sink.wait_for(3).await;
    let deliveries = |result: &str| {
        format!("dns_auditor_deliveries_total{{channel=\"hook\",result=\"{result}\"}}")
    };
    let told = super::service::until("everything is counted", async || {
        let now = get().await;
        let waiting = &now["dns_auditor_outbox_messages{status=\"waiting\"}"];
        let done = now.contains_key(&deliveries("delivered")) && waiting == "0";
        done.then_some(now)
    })
    .await;
    assert_eq!(told[&deliveries("failed")], "1");
    assert_eq!(told[&deliveries("buried")], "1");
    assert_eq!(told[&deliveries("delivered")], "1");
    assert_eq!(
        told["dns_auditor_open_incidents{severity=\"critical\"}"],
        "2"
    );
    assert_eq!(told["dns_auditor_outbox_messages{status=\"buried\"}"], "1");
    assert!(told.contains_key("dns_auditor_outbox_oldest_waiting_seconds"));
    let rounds = &told["dns_auditor_rounds_total{group=\"dialers\",result=\"finished\"}"];
    assert!(rounds.parse::<u32>().unwrap() >= 2);
    service.stop().await;
}
