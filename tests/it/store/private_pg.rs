//! The private server through everything that befalls a server.

use std::{
    fs,
    io::{BufRead, BufReader, Read},
    os::unix::{
        fs::{MetadataExt, PermissionsExt},
        process::CommandExt,
    },
    path::Path,
    process::{Child, Command, Stdio},
};

use dns_auditor::store::{
    Store,
    private_pg::{Access, PgError, PrivatePg},
};

use super::samples::at;
use crate::postgres::open_dir;

/// Set, it makes [`another_process`] do what it says in a process of its own.
const TASK: &str = "DNS_AUDITOR_TEST_TASK";

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// A killed server is not reaped by whoever started it: tests kill by number.
fn kill(pid: &str) {
    let killed = Command::new("kill").args(["-9", pid]).status().unwrap();
    assert!(killed.success());
}

fn postmaster(data_dir: &Path) -> String {
    let text = fs::read_to_string(data_dir.join("postgres/data/postmaster.pid")).unwrap();
    text.lines().next().unwrap().to_owned()
}

async fn leave_a_mark(url: &str, minute: i64) {
    let store = Store::open(url).await.unwrap();
    store
        .give_up_rounds(
            "here",
            "dialers",
            &[at(60_000 * minute)],
            at(60_000 * minute),
        )
        .await
        .unwrap();
    store.close().await;
}

async fn last_mark(url: &str) -> i64 {
    let store = Store::open(url).await.unwrap();
    let last = store.last_round("here", "dialers").await.unwrap().unwrap();
    store.close().await;
    (last - at(0)).num_minutes()
}

#[tokio::test]
async fn what_was_written_is_there_after_a_stop_and_a_start() {
    let dir = open_dir();
    assert!(!PrivatePg::exists(dir.path()));
    assert_eq!(PrivatePg::find_running(dir.path()).unwrap(), None);
    let server = PrivatePg::start(dir.path()).unwrap();
    leave_a_mark(&server.url(), 1).await;
    assert_eq!(
        PrivatePg::find_running(dir.path()).unwrap(),
        Some(server.url())
    );
    server.stop().unwrap();
    assert!(PrivatePg::exists(dir.path()));
    assert_eq!(PrivatePg::find_running(dir.path()).unwrap(), None);
    let access = Access::open(dir.path()).unwrap();
    assert!(matches!(access, Access::Started(_)));
    assert_eq!(last_mark(&access.url()).await, 1);
    let second = Access::open(dir.path()).unwrap();
    assert!(matches!(second, Access::Running(_)));
    assert_eq!(last_mark(&second.url()).await, 1);
}

#[test]
fn two_starters_on_one_data_directory_are_one_too_many() {
    let dir = open_dir();
    let server = PrivatePg::start(dir.path()).unwrap();
    let refused = PrivatePg::start(dir.path()).unwrap_err();
    assert!(matches!(refused, PgError::InUse { .. }), "{refused}");
    assert!(
        refused
            .to_string()
            .contains(&std::process::id().to_string()),
        "{refused}"
    );
    server.stop().unwrap();
    PrivatePg::start(dir.path()).unwrap();
}

#[tokio::test]
async fn a_killed_server_is_revived_with_all_that_was_acknowledged() {
    let dir = open_dir();
    let mut server = PrivatePg::start(dir.path()).unwrap();
    assert!(!server.revive().unwrap());
    for minute in 1..4 {
        leave_a_mark(&server.url(), minute).await;
        kill(&postmaster(dir.path()));
        while !server.revive().unwrap() {
            std::thread::yield_now();
        }
        assert_eq!(last_mark(&server.url()).await, minute);
    }
}

#[tokio::test]
async fn after_a_killed_service_its_server_is_taken_over_with_all_that_was_acknowledged() {
    let dir = open_dir();
    for (minute, server_too) in [(1, false), (2, true)] {
        let mut service = task("hold", dir.path(), None);
        let url = said(&mut service);
        leave_a_mark(&url, minute).await;
        let orphan = postmaster(dir.path());
        service.kill().unwrap();
        service.wait().unwrap();
        if server_too {
            kill(&orphan);
        } else {
            assert_eq!(last_mark(&url).await, minute, "it is left running");
        }
        let server = PrivatePg::start(dir.path()).unwrap();
        assert_ne!(postmaster(dir.path()), orphan);
        assert_eq!(last_mark(&server.url()).await, minute);
    }
}

#[test]
fn a_lock_file_that_names_a_later_process_does_not_stop_the_start_nor_harm_that_process() {
    let dir = open_dir();
    PrivatePg::start(dir.path()).unwrap().stop().unwrap();
    let mut stranger = Command::new("cat");
    if is_root() {
        // A process of another user would not worry the server.
        let owner = fs::metadata(dir.path().join("postgres")).unwrap().uid();
        stranger.uid(owner);
    }
    let mut stranger = stranger.stdin(Stdio::piped()).spawn().unwrap();
    let run = dir.path().join("postgres/run");
    let stale = format!(
        "{}\n{}\n1\n5432\n{}\n\n 1 1\nready   \n",
        stranger.id(),
        dir.path().join("postgres/data").display(),
        run.display()
    );
    fs::write(dir.path().join("postgres/data/postmaster.pid"), &stale).unwrap();
    fs::write(run.join(".s.PGSQL.5432.lock"), &stale).unwrap();
    PrivatePg::start(dir.path()).unwrap().stop().unwrap();
    fs::write(dir.path().join("postgres/data/postmaster.pid"), "").unwrap();
    PrivatePg::start(dir.path()).unwrap().stop().unwrap();
    assert_eq!(stranger.try_wait().unwrap(), None);
    drop(stranger.stdin.take());
    stranger.wait().unwrap();
}

#[tokio::test]
async fn a_data_directory_deeper_than_a_socket_path_may_be_long_works_all_the_same() {
    let dir = open_dir();
    let deep = dir.path().join("d".repeat(120)).join("e \"f, g");
    let server = PrivatePg::start(&deep).unwrap();
    leave_a_mark(&server.url(), 1).await;
    assert_eq!(PrivatePg::find_running(&deep).unwrap(), Some(server.url()));
    let pid_file = fs::read_to_string(deep.join("postgres/data/postmaster.pid")).unwrap();
    let socket_dir = Path::new(pid_file.lines().nth(4).unwrap()).to_owned();
    assert!(socket_dir.exists());
    server.stop().unwrap();
    assert!(!socket_dir.exists(), "{}", socket_dir.display());
}

#[test]
fn a_cluster_of_another_major_version_is_refused_by_name() {
    let dir = open_dir();
    PrivatePg::start(dir.path()).unwrap().stop().unwrap();
    fs::write(dir.path().join("postgres/data/PG_VERSION"), "9\n").unwrap();
    let refused = PrivatePg::start(dir.path()).unwrap_err();
    assert!(
        matches!(refused, PgError::OtherMajor { wanted: 9, .. }),
        "{refused}"
    );
}

#[test]
fn a_start_that_was_cut_off_while_the_cluster_was_made_begins_anew() {
    let dir = open_dir();
    PrivatePg::start(dir.path()).unwrap().stop().unwrap();
    let home = dir.path().join("postgres");
    fs::rename(home.join("data"), home.join("data.new")).unwrap();
    PrivatePg::start(dir.path()).unwrap().stop().unwrap();
    assert!(!home.join("data.new").exists());
}

/// As root, the server of an ordinary user (uid 65534) is that user's: started by it, found and read by root, closed to
/// others. An ordinary user who runs the tests is that case in all other tests.
#[tokio::test]
async fn an_ordinary_users_server_is_open_to_root_and_closed_to_others() {
    if !is_root() {
        return;
    }
    let dir = open_dir();
    let data = dir.path().join("data");
    fs::create_dir(&data).unwrap();
    std::os::unix::fs::chown(&data, Some(65534), Some(65534)).unwrap();
    let mut service = task("hold", &data, Some(65534));
    let url = said(&mut service);
    assert_eq!(PrivatePg::find_running(&data).unwrap(), Some(url.clone()));
    leave_a_mark(&url, 7).await;
    let mut owner = task("find", &data, Some(65534));
    assert_eq!(said(&mut owner), format!("{:?}", Some(&url)));
    let mut other = task("find", &data, Some(2));
    let refused = said(&mut other);
    assert!(
        refused.contains("belongs to another user (uid 65534)"),
        "{refused}"
    );
    drop(service.stdin.take());
    assert!(service.wait().unwrap().success());
    owner.wait().unwrap();
    other.wait().unwrap();
    // Root starts it as its owner, who can then start it again.
    let server = PrivatePg::start(&data).unwrap();
    assert_eq!(last_mark(&server.url()).await, 7);
    server.stop().unwrap();
    let mut service = task("hold", &data, Some(65534));
    assert_eq!(last_mark(&said(&mut service)).await, 7);
    drop(service.stdin.take());
    assert!(service.wait().unwrap().success());
}

#[test]
fn as_root_a_directory_that_the_servers_user_cannot_enter_is_refused_with_the_reason() {
    if !is_root() {
        return;
    }
    let closed = open_dir();
    fs::set_permissions(closed.path(), fs::Permissions::from_mode(0o700)).unwrap();
    let refused = PrivatePg::start(&closed.path().join("data")).unwrap_err();
    assert!(
        matches!(&refused, PgError::Closed { dir, .. } if dir == closed.path()),
        "{refused}"
    );
}

/// This test binary again, in a process of its own and perhaps as another user.
fn task(task: &str, dir: &Path, uid: Option<u32>) -> Child {
    let program = std::env::current_exe().unwrap();
    // A checkout may lie where other users cannot come.
    let program = match uid {
        Some(_) => {
            let copy = dir.parent().unwrap().join("program");
            if !copy.exists() {
                // By another process: a file this one had open for writing is busy for whatever a test forks meanwhile.
                let copied = Command::new("cp").arg(program).arg(&copy).status();
                assert!(copied.unwrap().success());
            }
            copy
        }
        None => program,
    };
    let mut command = Command::new(program);
    command
        .args([
            "--exact",
            "store::private_pg::another_process",
            "--nocapture",
        ])
        .env(TASK, task)
        .env("DNS_AUDITOR_TEST_DIR", dir)
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    if let Some(uid) = uid {
        command.uid(uid).gid(uid);
    }
    command.spawn().unwrap()
}

/// What it said first.
fn said(process: &mut Child) -> String {
    let lines = BufReader::new(process.stdout.as_mut().unwrap()).lines();
    lines
        .map(Result::unwrap)
        .find_map(|line| Some(line.split_once("SAID ")?.1.to_owned()))
        .unwrap()
}

/// Not a test by itself: what the tests above do in another process. Without a task it has nothing to do.
#[test]
fn another_process() {
    let Ok(task) = std::env::var(TASK) else {
        return;
    };
    let dir = std::env::var_os("DNS_AUDITOR_TEST_DIR").unwrap();
    let dir = Path::new(&dir);
    if task == "find" {
        match PrivatePg::find_running(dir) {
            Ok(found) => println!("SAID {found:?}"),
            Err(error) => println!("SAID {error}"),
        }
        return;
    }
    let server = PrivatePg::start(dir).unwrap();
    println!("SAID {}", server.url());
    // Until the pipe ends, or a kill.
    std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
    server.stop().unwrap();
}

#[test]
fn a_dropped_server_is_stopped() {
    let dir = open_dir();
    drop(PrivatePg::start(dir.path()).unwrap());
    assert_eq!(PrivatePg::find_running(dir.path()).unwrap(), None);
}
