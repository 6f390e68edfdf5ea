//! Starts that must not happen, each refused with what mends it.

use std::process::Output;

use tokio::net::TcpListener;

use super::{
    service::{Service, program, run, until},
    world::World,
};

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[tokio::test]
async fn a_second_service_on_the_same_data_directory_is_refused_and_the_first_goes_on() {
    let world = World::private().await;
    let service = world.served().await;
    let refused = run(&world.config(), &["serve"]).await;
    assert_eq!(refused.status.code(), Some(3), "{}", said(&refused));
    assert!(
        said(&refused).contains("is in use by another process"),
        "{}",
        said(&refused)
    );
    world.rounds(1).await;
    service.stop().await;
}

#[tokio::test]
async fn an_occupied_port_is_refused_before_any_database_is_made() {
    let world = World::private().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let mut command = program(&world.config());
    command
        .arg("serve")
        .env("DNS_AUDITOR__HTTP__LISTEN", &address);
    let refused = tokio::task::spawn_blocking(move || command.output().unwrap())
        .await
        .unwrap();
    assert_eq!(refused.status.code(), Some(3));
    let said = said(&refused);
    assert!(
        said.contains(&address) && said.contains("DNS_AUDITOR__HTTP__LISTEN"),
        "{said}"
    );
    assert!(!world.data_dir().exists());
}

#[tokio::test]
async fn without_a_postgresql_the_one_command_that_mends_it_is_told() {
    let world = World::private().await;
    let mut command = program(&world.config());
    command
        .arg("serve")
        .env("DNS_AUDITOR_PG_BINDIR", world.dir.path());
    let refused = tokio::task::spawn_blocking(move || command.output().unwrap())
        .await
        .unwrap();
    assert_eq!(refused.status.code(), Some(3));
    let said = said(&refused);
    assert!(
        said.contains("no PostgreSQL server") && said.contains("install it with `"),
        "{said}"
    );
}

#[tokio::test]
async fn a_service_that_starts_while_a_command_reads_history_waits_for_it() {
    let world = World::private().await;
    let config = world.config();
    world.served_with(&config).await.stop().await;
    let mut reading = program(&config).arg("incidents").spawn().unwrap();
    until("the command has started the database", async || world.url()).await;
    let service = Service::start(&config).await;
    assert!(reading.wait().unwrap().success());
    world.rounds(1).await;
    service.stop().await;
}
