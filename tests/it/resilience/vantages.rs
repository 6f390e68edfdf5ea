//! Two services on one database, each with its own vantage and its own channel.

use super::{
    service::{Service, until},
    world::World,
};
use crate::postgres::fresh_database;

#[tokio::test]
async fn services_with_different_vantages_share_a_database_and_disturb_nothing() {
    let url = fresh_database().await;
    let (here, there) = (
        World::over(Some(url.clone())).await,
        World::over(Some(url)).await,
    );
    let config = |world: &World, vantage: &str| {
        let channel = format!("channels = ['{vantage}']\n");
        let group = world.group("dialers", "dialer{1..4}") + &channel;
        let path = world.config_with(vantage, "", &group);
        // Each knows its own channel only.
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, text.replace("'hook'", &format!("'{vantage}'"))).unwrap();
        path
    };
    let (one, other) = (config(&here, "here"), config(&there, "there"));
    let service = Service::start(&one).await;
    let elsewhere = Service::start(&other).await;
    here.rounds(6).await;
    here.plant("dialer1", 600);
    there.plant("dialer2", 600);
    here.is_told("incident.opened").await;
    there.is_told("incident.opened").await;

    // One restarts, the other goes on: rounds under way there are not taken for cut off.
    service.kill().await;
    let service = Service::start(&one).await;
    here.rounds(6).await;
    elsewhere.stop().await;
    service.stop().await;
    assert_eq!(here.told(), ["incident.opened"]);
    assert_eq!(there.told(), ["incident.opened"]);
    let failed =
        "select detail from incident_event where kind in ('delivery_failed', 'delivery_buried')";
    assert_eq!(here.ask(failed).await, Vec::<String>::new());
    let abandoned = "select count(*) from round join vantage using (vantage_id)
        where name = 'there' and status = 'abandoned'";
    assert_eq!(here.count(abandoned).await, 0);
    let shared = "select subject from incident join vantage using (vantage_id)
        where (name, subject) not in (('here', 'dialer1.example.com A'), ('there', 'dialer2.example.com A'))";
    assert_eq!(here.ask(shared).await, Vec::<String>::new());
    until("nothing is left", async || {
        let waiting = "select count(*) from outbox where delivered_at is null";
        (here.count(waiting).await == 0).then_some(())
    })
    .await;
}
