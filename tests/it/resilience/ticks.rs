//! Rounds that take longer than their period, and a process that was stopped for a while.

use std::time::Duration;

use rustix::process::Signal;

use super::{service::until, world::World};
use crate::dns::Fault;

/// The most rounds that ever ran at one instant.
const OVERLAP: &str = "
    select coalesce(max(n), 0) from (
        select count(*) as n from round as one
        join round as other on other.started_at <= one.started_at and other.finished_at > one.started_at
        where one.started_at is not null group by one.round_id
    ) as counted";

#[tokio::test]
async fn of_rounds_slower_than_their_period_two_overlap_and_further_ticks_are_missed() {
    let world = World::new().await;
    let service = world.served().await;
    let slow = Fault::Delay(Duration::from_millis(2_600));
    world.resolver.edit(|script| {
        script.fault(Fault::Silent.over_tcp());
        script.fault(slow);
    });
    let missed = "select count(*) from round where status = 'missed'";
    until("ticks are missed", async || {
        (world.count(missed).await >= 3).then_some(())
    })
    .await;
    world.rounds(3).await;
    assert_eq!(world.count(OVERLAP).await, 2);
    let (_, metrics) = service.get("/metrics").await;
    assert!(
        metrics.contains(r#"dns_auditor_rounds_total{group="dialers",result="missed"}"#),
        "{metrics}"
    );
    service.stop().await;
}

#[tokio::test]
async fn after_a_suspended_stretch_only_the_latest_tick_is_run() {
    let world = World::new().await;
    let service = world.served().await;
    service.signal(Signal::STOP);
    let asked = world.authority.received().len();
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(world.authority.received().len(), asked);
    service.signal(Signal::CONT);
    until("the stretch is recorded", async || {
        let missed = "select count(*) from round where status = 'missed'";
        (world.count(missed).await >= 3).then_some(())
    })
    .await;
    world.rounds(2).await;
    assert!(
        service.log().contains("this machine was suspended"),
        "{}",
        service.log()
    );
    assert!(world.count(OVERLAP).await <= 2);
    service.stop().await;
}
