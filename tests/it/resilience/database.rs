//! PostgreSQL goes away and comes back.

use std::time::Duration;

use dns_auditor::store::private_pg::PrivatePg;
use rustix::process::{Pid, Signal, kill_process};
use sqlx::{Connection as _, PgConnection};

use super::{
    service::{Service, run, until},
    world::World,
};
use crate::{
    postgres::open_dir,
    sink::{Reply, Sink},
};

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
pub(super) async fn server(dir: &std::path::Path) -> PrivatePg {
    let dir = dir.to_owned();
    tokio::task::spawn_blocking(move || PrivatePg::start(&dir).unwrap())
        .await
        .unwrap()
}

pub(super) async fn stop(server: PrivatePg) {
    tokio::task::spawn_blocking(move || server.stop().unwrap())
        .await
        .unwrap();
}

#[tokio::test]
async fn while_the_database_is_away_the_service_says_so_and_tells_what_begins_meanwhile_once_from_its_journal()
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
    world.is_told("incident.opened").await;
    let (_, metrics) = service.get("/metrics").await;
    assert!(
        metrics.contains("dns_auditor_journal_records 2"),
        "{metrics}"
    );
    assert_eq!(world.try_ask("select 1").await, None, "it is still away");

    let postgres = server(dir.path()).await;
    is_ready(&service).await;
    world.rounds(2).await;
    assert_eq!(world.told(), ["incident.opened"]);
    assert_eq!(
        world.sink.received().len(),
        1,
        "told once, without a repetition"
    );
    told_once_is_recorded(&world).await;
    let (_, metrics) = service.get("/metrics").await;
    assert!(
        metrics.contains("dns_auditor_journal_records 0"),
        "{metrics}"
    );
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
async fn a_round_that_waited_for_the_database_is_judged_as_of_when_everybody_had_answered() {
    let world = World::new().await;
    let service = world.served().await;
    let mut holder = PgConnection::connect(&world.url().unwrap()).await.unwrap();
    let mut hold = holder.begin().await.unwrap();
    let lock = "lock table round in access exclusive mode";
    sqlx::query(lock).execute(&mut *hold).await.unwrap();
    let since: String = sqlx::query_scalar("select now()::text")
        .fetch_one(&mut *hold)
        .await
        .unwrap();
    tokio::time::sleep(Duration::from_secs(6)).await;
    hold.commit().await.unwrap();
    world.rounds(4).await;
    service.stop().await;

    let late = "select round.round_id from round join observation using (round_id)
        where status = 'finished' group by round.round_id
        having finished_at > max(at) + interval '3 seconds'";
    assert_eq!(world.ask(late).await, Vec::<String>::new());
    let met = format!(
        "select count(*) from round where status = 'finished' and started_at between timestamptz '{since}' - interval '1 second'
            and timestamptz '{since}' + interval '2 seconds'"
    );
    assert!(world.count(&met).await > 0, "no round waited");
}

/// The one step of the one incident stands in the database, and its message as delivered at the first attempt.
async fn told_once_is_recorded(world: &World) {
    let events = "select kind || ' ' || coalesce(step, attempt) from incident_event order by incident_event_id";
    assert_eq!(world.ask(events).await, ["opened 0", "delivered 1"]);
    let messages = "select kind from outbox where delivered_at is not null and attempts = 1";
    assert_eq!(world.ask(messages).await, ["incident.opened"]);
    assert_eq!(world.count("select count(*) from outbox").await, 1);
    assert_eq!(world.count("select count(*) from incident").await, 1);
}

#[tokio::test]
async fn a_service_killed_while_the_database_is_away_neither_loses_nor_repeats_what_it_told() {
    let dir = open_dir();
    let postgres = server(dir.path()).await;
    let world = World::over(Some(postgres.url())).await;
    let service = world.served().await;
    stop(postgres).await;
    world.plant("dialer1", 600);
    world.is_told("incident.opened").await;
    let noted = "\"delivered\":{\"detail\":\"HTTP 200\"}";
    until("the journal has what became of it", async || {
        world.journal().contains(noted).then_some(())
    })
    .await;
    service.kill().await;

    // Without its database it does not start, and keeps the journal.
    let refused = run(&world.config(), &["serve"]).await;
    assert_eq!(refused.status.code(), Some(3));
    assert!(world.journal().contains(noted));

    let postgres = server(dir.path()).await;
    let service = world.served().await;
    assert_eq!(world.told(), ["incident.opened"]);
    assert_eq!(
        world.sink.received().len(),
        1,
        "told once, without a repetition"
    );
    told_once_is_recorded(&world).await;
    service.stop().await;
    assert!(!world.journal().contains(noted), "it is emptied");
    stop(postgres).await;
}

#[tokio::test]
async fn what_was_recorded_and_not_told_when_the_database_went_away_is_told_all_the_same() {
    let dir = open_dir();
    let postgres = server(dir.path()).await;
    let mut world = World::over(Some(postgres.url())).await;
    world.sink = Sink::start([Reply::status(500)]).await;
    let service = world.served().await;
    world.plant("dialer1", 600);
    world.sink.wait_for(1).await;
    stop(postgres).await;
    until("it is told without the database", async || {
        (world.sink.received().len() == 2).then_some(())
    })
    .await;
    assert_eq!(world.told(), ["incident.opened"]);

    let postgres = server(dir.path()).await;
    is_ready(&service).await;
    until("what was told is recorded", async || {
        let waiting = "select count(*) from outbox where delivered_at is null";
        (world.count(waiting).await == 0).then_some(())
    })
    .await;
    let attempts = "select kind || ' ' || attempt from incident_event where attempt is not null order by incident_event_id";
    let attempts = world.ask(attempts).await;
    assert_eq!(attempts, ["delivery_failed 1", "delivered 2"]);
    service.stop().await;
    stop(postgres).await;
}

#[tokio::test]
async fn two_services_of_one_vantage_on_one_directory_are_one_too_many() {
    let world = World::new().await;
    let service = world.served().await;
    let refused = run(&world.config(), &["serve"]).await;
    assert_eq!(refused.status.code(), Some(3));
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(
        said.contains("here.journal is in use by another process"),
        "{said}"
    );
    world.rounds(1).await;
    service.stop().await;
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
