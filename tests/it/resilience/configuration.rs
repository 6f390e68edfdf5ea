//! What leaves the configuration ends; what groups share is left alone.

use super::{service::Service, world::World};

const OPEN: &str = "
    select group_name || ' ' || name || ' ' || state from verdict_span
    join series using (series_id) join question using (question_id) where until is null order by 1";

#[tokio::test]
async fn incidents_and_verdicts_of_names_and_groups_that_are_gone_end_and_those_told_hear_of_it() {
    let world = World::new().await;
    let (dialers, phones) = (
        world.group("dialers", "dialer{1..2}"),
        world.group("phones", "dialer{3..4}"),
    );
    let config = world.config_with("here", "", &format!("{dialers}{phones}"));
    let service = world.served_with(&config).await;
    world.rounds(4).await;
    world.plant("dialer1", 600);
    world.plant("dialer3", 600);
    super::service::until("both are told", async || {
        (world.told().len() == 2).then_some(())
    })
    .await;
    service.stop().await;

    let config = world.config_with("here", "", &world.group("dialers", "dialer2"));
    let service = Service::start(&config).await;
    super::service::until("both ends are told", async || {
        (world.told().len() == 4).then_some(())
    })
    .await;
    assert_eq!(
        world.told()[2..],
        ["incident.resolved", "incident.resolved"]
    );
    let gone = "select group_name from incident where status = 'resolved' order by 1";
    assert_eq!(world.ask(gone).await, ["dialers", "phones"]);
    let why = "select distinct detail from incident_event where kind = 'resolved'";
    assert_eq!(
        world.ask(why).await,
        ["the configuration no longer asks for it"]
    );
    world.rounds(2).await;
    assert_eq!(
        world.ask(OPEN).await,
        ["dialers dialer2.example.com consistent"]
    );
    service.stop().await;
}

#[tokio::test]
async fn two_groups_that_share_a_question_do_not_disturb_each_other() {
    let world = World::new().await;
    let both = world.group("dialers", "dialer{1..2}")
        + &world.group("others", "dialer{1..3}")
        + "schedule = '*/2 * * * * *'\n";
    let config = world.config_with("here", "", &both);
    let service = world.served_with(&config).await;
    world.rounds(6).await;
    service.stop().await;
    // Each answer was one unbroken run, and each group kept one verdict of it, whichever of the groups asked.
    let broken =
        "select name from span join series using (series_id) join question using (question_id)
        group by series_id, name having count(*) > 1";
    assert_eq!(world.ask(broken).await, Vec::<String>::new());
    let verdicts =
        "select count(*) from verdict_span where until is not null or state <> 'consistent'";
    assert_eq!(world.count(verdicts).await, 0);
    let samples = "select name from span join series using (series_id) join question using (question_id)
        where samples <> (select count(*) from observation where observation.series_id = span.series_id)";
    assert_eq!(world.ask(samples).await, Vec::<String>::new());

    let service = world.served_with(&config).await;
    assert_eq!(
        world.ask(OPEN).await.len(),
        5,
        "a restart with the same configuration ends nothing"
    );
    service.stop().await;
    assert_eq!(world.count(verdicts).await, 0);
}
