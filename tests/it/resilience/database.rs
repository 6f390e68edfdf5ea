//! PostgreSQL goes away and comes back.

use std::time::Duration;

use dns_auditor::store::private_pg::PrivatePg;
use rustix::process::{Pid, Signal, kill_process};

use super::{
    service::{Service, until},
    world::World,
};
use crate::postgres::open_dir;

/// Waits until `/readyz` says 503, and gives what it says.
async fn is_not_ready(service: &Service) -> String {
    until("/readyz says that something is wrong", async || {
        let (status, body) = service.get("/readyz").await;
        (status == 503).then_some(body)
    })
    .await
}

async fn is_ready(service: &Service) {
    until("/readyz says that all is well", async || {
        (service.get("/readyz").await.0 == 200).then_some(())
    })
    .await;
}

/// A PostgreSQL of the test's own, which can be stopped and started.
async fn server(dir: &std::path::Path) -> PrivatePg {
    let dir = dir.to_owned();
    tokio::task::spawn_blocking(move || PrivatePg::start(&dir).unwrap())
        .await
        .unwrap()
}

async fn stop(server: PrivatePg) {
    tokio::task::spawn_blocking(move || server.stop().unwrap())
        .await
        .unwrap();
}

#[tokio::test]
async fn while_the_database_is_away_the_service_says_so_and_afterwards_it_tells_what_began_meanwhile_once()
 {
    let dir = open_dir();
    let postgres = server(dir.path()).await;
    let world = World::over(Some(postgres.url())).await;
    let mut service = world.served().await;
    assert_eq!(service.get("/readyz").await.0, 200);
    let before = world.finished().await;

    stop(postgres).await;
    world.plant("dialer1", 600);
    let problems = is_not_ready(&service).await;
    assert!(problems.contains("database"), "{problems}");
    let (status, metrics) = service.get("/metrics").await;
    assert_eq!(status, 200);
    assert!(metrics.contains("dns_auditor_database_up 0"), "{metrics}");
    assert_eq!(service.get("/healthz").await.0, 200);
    until("rounds are given up", async || {
        let given_up = service.log().matches("round was not recorded").count();
        (given_up >= 3).then_some(())
    })
    .await;
    assert!(service.is_running());

    let postgres = server(dir.path()).await;
    world.is_told("incident.opened").await;
    is_ready(&service).await;
    world.rounds(2).await;
    assert_eq!(world.told(), ["incident.opened"]);
    assert!(world.finished().await > before + 2);
    let given_up = "select count(*) from round where status in ('missed', 'abandoned')";
    until("what was given up is recorded as such", async || {
        (world.count(given_up).await >= 3).then_some(())
    })
    .await;
    let doubles =
        "select round_id from observation group by round_id, series_id, at having count(*) > 1";
    assert_eq!(world.ask(doubles).await, Vec::<String>::new());
    service.stop().await;
    let running = "select count(*) from round where status = 'running'";
    assert_eq!(world.count(running).await, 0);
    stop(postgres).await;
}

#[tokio::test]
async fn with_the_database_away_a_signal_still_ends_the_service_in_time() {
    let dir = open_dir();
    let postgres = server(dir.path()).await;
    let world = World::over(Some(postgres.url())).await;
    let mut service = world.served().await;
    stop(postgres).await;
    is_not_ready(&service).await;
    let (status, took) = service.end(Signal::TERM).await;
    assert_eq!(status.code(), Some(0), "{}", service.log());
    assert!(took < Duration::from_secs(5), "{took:?}\n{}", service.log());
}

#[tokio::test]
async fn a_private_postgresql_that_is_killed_is_started_again() {
    let mut world = World::private().await;
    // So deep that its socket cannot be there, and is elsewhere after each start.
    world.data = "d".repeat(120);
    let service = world.served().await;
    for _ in 0..2 {
        let before = world.finished().await;
        let killed = world.postmaster().unwrap();
        kill_process(Pid::from_raw(killed).unwrap(), Signal::KILL).unwrap();
        until("another server runs", async || {
            world.url()?;
            (world.postmaster()? != killed).then_some(())
        })
        .await;
        world.rounds_after(before, 2).await;
    }
    world.plant("dialer1", 600);
    world.is_told("incident.opened").await;
    is_ready(&service).await;
    service.stop().await;
    assert_eq!(world.told(), ["incident.opened"]);
    assert_eq!(world.cluster_state(), "shut down");
}

#[tokio::test]
async fn a_database_that_is_frozen_holds_up_neither_the_faces_nor_the_end() {
    let world = World::private().await;
    let mut service = world.served().await;
    let frozen: Vec<_> = world.postgres();
    for process in &frozen {
        let _ = kill_process(Pid::from_raw(*process).unwrap(), Signal::STOP);
    }
    let problems = is_not_ready(&service).await;
    assert!(problems.contains("no answer within"), "{problems}");
    for process in &frozen {
        let _ = kill_process(Pid::from_raw(*process).unwrap(), Signal::CONT);
    }
    is_ready(&service).await;
    let (status, _) = service.end(Signal::TERM).await;
    assert_eq!(status.code(), Some(0));
}
