//! `notify test`: the real path, with and without a running service.

use std::time::Duration;

use super::{service::run, world::World};
use crate::sink::{Received, Reply, Sink};

const TEST: [&str; 3] = ["notify", "test", "hook"];

#[tokio::test]
async fn a_test_message_is_delivered_once_with_and_without_a_service() {
    let world = World::private().await;
    let config = world.config();
    let tested = run(&config, &TEST).await;
    assert_eq!(tested.status.code(), Some(0));
    assert_eq!(
        String::from_utf8_lossy(&tested.stdout),
        "delivered to hook: HTTP 200\n"
    );
    assert_eq!(world.postgres(), Vec::<i32>::new());

    let service = world.served_with(&config).await;
    let tested = run(&config, &TEST).await;
    assert_eq!(tested.status.code(), Some(0));
    service.stop().await;
    assert_eq!(world.told(), ["test", "test"]);
    assert_eq!(world.sink.received().len(), 2);
}

#[tokio::test]
async fn a_test_that_stays_open_at_its_receiver_says_how_it_is_ended() {
    let world = World::new().await;
    let directory = world.dir.path().join("key");
    std::fs::write(&directory, "0123456789abcdef0123456789abcdef").unwrap();
    let pager = format!(
        "{}[[channel]]\nid = 'pager'\nkind = 'pagerduty'\nurl = '{}'\nrouting_key_file = '{}'\n",
        world.group("dialers", "dialer1"),
        world.sink.url(),
        directory.display()
    );
    let config = world.config_with("here", "", &pager);
    for sample in [&[][..], &["--sample", "divergent"]] {
        let tested = run(
            &config,
            &[&["notify", "test", "pager"][..], sample].concat(),
        )
        .await;
        let said = String::from_utf8_lossy(&tested.stdout).into_owned();
        let command = said.lines().last().unwrap();
        let (_, command) = command.split_once("to end it: dns-auditor ").unwrap();
        let command: Vec<_> = command.split(' ').collect();
        let ended = run(&config, &command).await;
        assert_eq!(ended.status.code(), Some(0), "{said}{ended:?}");
        assert_eq!(String::from_utf8_lossy(&ended.stdout).lines().count(), 1);
    }
    let events: Vec<_> = world.sink.received().iter().map(Received::json).collect();
    let actions: Vec<_> = events
        .iter()
        .map(|one| one["event_action"].as_str().unwrap())
        .collect();
    assert_eq!(actions, ["trigger", "resolve", "trigger", "resolve"]);
    assert_eq!(events[0]["dedup_key"], events[1]["dedup_key"]);
    assert_eq!(events[2]["dedup_key"], events[3]["dedup_key"]);
    assert_ne!(events[0]["dedup_key"], events[2]["dedup_key"]);
}

#[tokio::test]
async fn a_test_message_that_is_not_taken_is_told_with_the_reason_and_exit_code_1() {
    let mut world = World::new().await;
    world.sink = Sink::start([Reply::status(404), Reply::status(404)]).await;
    let config = world.config();
    for _ in 0..2 {
        let tested = run(&config, &TEST).await;
        assert_eq!(tested.status.code(), Some(1));
        let said = String::from_utf8_lossy(&tested.stderr).into_owned();
        assert!(
            said.contains("not delivered to hook") && said.contains("404"),
            "{said}"
        );
    }
    let unknown = run(&config, &["notify", "test", "nobody"]).await;
    assert_eq!(unknown.status.code(), Some(2));
}

#[tokio::test]
async fn a_test_message_is_not_held_up_by_what_else_waits() {
    let mut world = World::new().await;
    // The service is stopped while the receiver keeps it waiting.
    world.sink = Sink::start([Reply::status(200).after(Duration::from_mins(5))]).await;
    let config = world.config();
    let service = world.served_with(&config).await;
    world.plant("dialer1", 600);
    world.sink.wait_for(1).await;
    service.stop().await;
    let tested = run(&config, &TEST).await;
    assert_eq!(tested.status.code(), Some(0));
    assert_eq!(world.told(), ["incident.opened", "test"]);
    let waiting = "select kind from outbox where delivered_at is null";
    assert_eq!(world.ask(waiting).await, ["incident.opened"]);
}
