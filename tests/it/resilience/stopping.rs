//! SIGTERM and SIGINT end the service within five seconds and leave everything in order.

use std::{io::Write as _, net::TcpStream, time::Duration};

use dns_auditor::store::private_pg::PrivatePg;
use rustix::process::Signal;

use super::{service::until, world::World};
use crate::{
    dns::Fault,
    sink::{Reply, Sink},
};

const LIMIT: Duration = Duration::from_secs(5);

#[tokio::test]
async fn sigterm_ends_a_quiet_service_with_code_0_and_its_postgresql_is_shut_down() {
    let world = World::private().await;
    let mut service = world.served().await;
    assert!(!world.postgres().is_empty());
    let (status, took) = service.end(Signal::TERM).await;
    assert_eq!(status.code(), Some(0), "{}", service.log());
    assert!(took < LIMIT, "{took:?}");
    assert_eq!(world.postgres(), Vec::<i32>::new());
    assert_eq!(world.cluster_state(), "shut down");
}

#[tokio::test]
async fn sigint_waits_neither_for_a_silent_resolver_nor_for_a_hanging_receiver_nor_for_half_a_request()
 {
    let mut world = World::private().await;
    world.sink = Sink::start(vec![Reply::status(200).after(Duration::from_mins(5)); 9]).await;
    let config = world.config_with(
        "here",
        "timeout = '5s'\n",
        &world.group("dialers", "dialer{1..4}"),
    );
    let mut service = world.served_with(&config).await;
    world.plant("dialer1", 60);
    world.sink.wait_for(1).await;
    world.resolver.edit(|script| script.fault(Fault::Silent));
    let asked = world.resolver.received().len();
    until("a round asks the silent resolver", async || {
        (world.resolver.received().len() > asked + 4).then_some(())
    })
    .await;
    let mut client = TcpStream::connect(service.address()).unwrap();
    client.write_all(b"GET /readyz HTTP/1.1\r\n").unwrap();

    let (status, took) = service.end(Signal::INT).await;
    assert_eq!(status.code(), Some(0), "{}", service.log());
    assert!(took < LIMIT, "{took:?}\n{}", service.log());
    assert_eq!(world.postgres(), Vec::<i32>::new());
    assert_eq!(world.cluster_state(), "shut down");

    let data_dir = world.data_dir();
    let server = tokio::task::spawn_blocking(move || PrivatePg::start(&data_dir).unwrap())
        .await
        .unwrap();
    let of = |status: &str| format!("select count(*) from round where status = '{status}'");
    assert_eq!(world.count(&of("running")).await, 0);
    assert!(world.count(&of("abandoned")).await >= 1);
    let leased =
        "select count(*) from outbox where leased_by is not null or lease_until is not null";
    assert_eq!(world.count(leased).await, 0);
    let waiting = "select count(*) from outbox where delivered_at is null and buried_at is null";
    assert!(world.count(waiting).await >= 1);
    tokio::task::spawn_blocking(move || server.stop().unwrap())
        .await
        .unwrap();
}

#[tokio::test]
async fn a_signal_while_the_database_is_still_being_made_leaves_no_server_behind() {
    let world = World::private().await;
    let mut child = super::service::program(&world.config())
        .arg("serve")
        .spawn()
        .unwrap();
    until("the cluster is being made", async || {
        world.data_dir().join("postgres").exists().then_some(())
    })
    .await;
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, Signal::TERM).unwrap();
    let status = until("it ends", async || child.try_wait().unwrap()).await;
    assert_eq!(status.code(), Some(0));
    assert_eq!(world.postgres(), Vec::<i32>::new());
}
