//! What a restart remembers.

use super::{
    service::{Service, until},
    world::World,
};
use crate::postgres::execute;

#[tokio::test]
async fn a_finished_round_is_not_run_again_and_a_wrong_address_stays_one_incident() {
    let world = World::new().await;
    let hourly = world.group("hourly", "dialer2") + "schedule = '0 0 * * * *'\n";
    let both = world.group("dialers", "dialer1") + &hourly;
    let config = world.config_with("here", "", &both);
    let rounds = "select round_id || ' ' || group_name || ' ' || due_at || ' ' || started_at || ' ' || finished_at
        from round where status = 'finished' order by 1";
    let of_hourly = "select count(*) from round where group_name = 'hourly'";

    let service = world.served_with(&config).await;
    world.rounds(2).await;
    world.plant("dialer1", 600);
    world.is_told("incident.opened").await;
    service.stop().await;
    assert_eq!(world.count(of_hourly).await, 1);
    let before = world.ask(rounds).await;
    let asked = world.authority.received_for("dialer2.example.com").len();

    let service = Service::start(&config).await;
    world.rounds(3).await;
    assert_eq!(service.get("/readyz").await.0, 200);
    service.stop().await;
    let after = world.ask(rounds).await;
    assert!(before.iter().all(|round| after.contains(round)));
    assert_eq!(world.count(of_hourly).await, 1, "its hour was done");
    let again = world.authority.received_for("dialer2.example.com").len();
    assert_eq!(again, asked);
    assert_eq!(world.count("select count(*) from incident").await, 1);
    assert_eq!(world.told(), ["incident.opened"]);
}

#[tokio::test]
async fn what_changed_while_the_service_was_down_is_judged_by_the_history() {
    let world = World::new().await;
    let config = world.config();
    let state = |name: &str| {
        format!(
            "select state from verdict_span join series using (series_id) join question using (question_id)
            where name = '{name}.example.com' and until is null"
        )
    };
    world.served_with(&config).await.stop().await;
    world.authority.edit(|script| {
        // dialer1 changed once: the resolver still holds what the history knows. dialer2 changed twice: the resolver holds
        // a value between the two, which the service has never seen.
        script.set("dialer1.example.com", "A", 60, &["192.0.2.101"]);
        script.set("dialer2.example.com", "A", 60, &["192.0.2.102"]);
    });
    world
        .resolver
        .edit(|script| script.plant("dialer2.example.com", "A", 50, &["192.0.2.52"]));
    // Longer than three periods: the history has a gap.
    tokio::time::sleep(std::time::Duration::from_secs(4)).await;

    let service = Service::start(&config).await;
    world.rounds(3).await;
    assert_eq!(world.ask(&state("dialer1")).await, ["propagating"]);
    assert_eq!(world.ask(&state("dialer2")).await, ["unexplained"]);
    assert_eq!(world.ask(&state("dialer3")).await, ["consistent"]);
    assert_eq!(world.told(), Vec::<String>::new());

    world.resolver.edit(crate::dns::Script::flush);
    world.rounds(2).await;
    for name in ["dialer1", "dialer2"] {
        assert_eq!(world.ask(&state(name)).await, ["consistent"]);
    }
    service.stop().await;
    assert_eq!(world.count("select count(*) from incident").await, 0);
}

#[tokio::test]
async fn a_start_makes_the_partitions_of_today_and_of_the_two_days_after_it() {
    let world = World::new().await;
    let service = Service::start(&world.config()).await;
    world.rounds(1).await;
    service.stop().await;
    let ahead = "select count(*) from generate_series(0, 2) as day
        where to_regclass('observation_chunk_' || to_char((now() at time zone 'utc')::date + day, 'YYYYMMDD')) is null";
    assert_eq!(world.count(ahead).await, 0);
}

#[tokio::test]
async fn a_start_sums_up_the_rounds_of_days_that_an_earlier_life_left() {
    let world = World::new().await;
    let left = "insert into vantage (name) values ('there');
        insert into round (vantage_id, group_name, due_at, status)
        select vantage_id, 'dialers', now() - hour * interval '1 hour', 'missed'
        from vantage, generate_series(72, 143) as hour where name = 'there'";
    execute(&world.url().unwrap(), left.to_owned()).await;
    let service = Service::start(&world.config()).await;
    let summed = "select coalesce(sum(missed), 0) from round_day";
    until("closed days are summed up", async || {
        (world.count(summed).await == 72).then_some(())
    })
    .await;
    service.stop().await;
}
