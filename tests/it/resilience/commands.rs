//! Commands that read history, beside the service and without it.

use std::{os::unix::process::CommandExt as _, process::Stdio};

use rustix::process::{Pid, Signal, kill_process};

use super::{
    service::{PATIENCE, program, run, until},
    world::World,
};

const TIMELINE: [&str; 4] = ["timeline", "dialer1.example.com", "--format", "json"];

#[tokio::test]
async fn history_is_read_beside_the_service_and_without_it_and_nothing_is_left_running() {
    let world = World::private().await;
    let config = world.config();
    let service = world.served_with(&config).await;
    let beside = run(&config, &TIMELINE).await;
    assert!(beside.status.success());
    assert!(String::from_utf8_lossy(&beside.stdout).contains("192.0.2.1"));
    world.rounds(1).await;
    service.stop().await;

    let without = run(&config, &TIMELINE).await;
    assert!(without.status.success());
    assert!(String::from_utf8_lossy(&without.stdout).contains("192.0.2.1"));
    assert_eq!(world.postgres(), Vec::<i32>::new());
    assert_eq!(world.cluster_state(), "shut down");
}

/// Root's service runs its server as another user. That user may read the history, too.
#[tokio::test]
async fn history_is_read_by_the_user_whose_server_it_is() {
    let world = World::private().await;
    let config = world.config();
    let service = world.served_with(&config).await;
    let (uid, gid) = world.owner();
    // A checkout may lie where other users cannot come.
    let copy = world.dir.path().join("dns-auditor");
    std::fs::copy(env!("CARGO_BIN_EXE_dns-auditor"), &copy).unwrap();
    let read = || {
        let mut command = std::process::Command::new(&copy);
        command
            .arg("--config")
            .arg(&config)
            .args(TIMELINE)
            .current_dir("/");
        if rustix::process::geteuid().is_root() {
            command.uid(uid).gid(gid);
        }
        tokio::task::spawn_blocking(move || command.output().unwrap())
    };
    let beside = read().await.unwrap();
    assert!(
        beside.status.success(),
        "{}",
        String::from_utf8_lossy(&beside.stderr)
    );
    service.stop().await;
    let without = read().await.unwrap();
    assert!(
        without.status.success(),
        "{}",
        String::from_utf8_lossy(&without.stderr)
    );
    assert_eq!(beside.stdout.is_empty(), without.stdout.is_empty());
    assert_eq!(world.postgres(), Vec::<i32>::new());
}

#[tokio::test]
async fn a_command_that_is_interrupted_stops_the_database_it_started() {
    let world = World::private().await;
    let config = world.config();
    world.served_with(&config).await.stop().await;
    let mut interrupted = 0;
    for signal in [Signal::INT, Signal::TERM, Signal::HUP] {
        let mut reading = program(&config)
            .args(["incidents", "list"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        until("the command starts the database", async || {
            world.postmaster()
        })
        .await;
        kill_process(Pid::from_child(&reading), signal).unwrap();
        let status = until("the command ends", async || reading.try_wait().unwrap()).await;
        // On a busy machine it may be done before the signal comes.
        assert!(matches!(status.code(), Some(130 | 0)), "{status}");
        interrupted += usize::from(status.code() == Some(130));
        assert_eq!(world.postgres(), Vec::<i32>::new(), "within {PATIENCE:?}");
        assert_eq!(world.cluster_state(), "shut down");
    }
    assert!(interrupted > 0);
}
