//! One private `PostgreSQL` a test run, a fresh database a test.
//!
//! The server is stopped and its files removed when this process ends, however it ends: a small shell waits for the
//! end of a pipe that this process holds.

use std::{
    fs::Permissions,
    os::unix::{fs::PermissionsExt, process::CommandExt},
    path::Path,
    process::{Child, Command, Stdio},
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
    },
};

use dns_auditor::store::{Store, private_pg::PrivatePg};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use tempfile::TempDir;

/// The database that every fresh one is copied from.
const TEMPLATE: &str = "dns_auditor_template";

struct Cluster {
    server: PrivatePg,
    /// Its standard input is the pipe.
    _watcher: Child,
}

/// Waits for the end of its input, stops the server that runs in the directory, and removes the directory.
const WATCHER: &str = r#"
    cat >/dev/null
    pid=$(head -n 1 "$0/postgres/data/postmaster.pid") && kill -INT "$pid"
    while [ -e "$0/postgres/data/postmaster.pid" ] && kill -0 "$pid" 2>/dev/null; do sleep 0.1; done
    rm -rf "$0"
"#;

/// A directory that the server's user can come to, too.
pub(crate) fn open_dir() -> TempDir {
    tempfile::Builder::new()
        .prefix("dns-auditor-test-")
        .permissions(Permissions::from_mode(0o755))
        .tempdir()
        .unwrap()
}

/// Ends the server that runs in the directory and removes the directory when what is returned is dropped, or this process
/// ends.
pub(crate) fn watch(dir: &Path) -> Child {
    Command::new("sh")
        .args(["-c", WATCHER])
        .arg(dir)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        // Ctrl-C ends the tests, and by that the pipe; not the watcher itself.
        .process_group(0)
        .spawn()
        .unwrap()
}

fn cluster() -> &'static Cluster {
    static CLUSTER: OnceLock<Cluster> = OnceLock::new();
    CLUSTER.get_or_init(|| {
        let dir = open_dir().keep();
        let watcher = watch(&dir);
        let server = PrivatePg::start(&dir).unwrap();
        let template = with_database(&server.url(), TEMPLATE);
        let admin = server.url();
        // A runtime of its own: this may be called from inside another one.
        let making = std::thread::spawn(move || {
            tokio::runtime::Runtime::new().unwrap().block_on(async {
                execute(&admin, format!("create database {TEMPLATE}")).await;
                Store::open(&template).await.unwrap().close().await;
            });
        });
        making.join().unwrap();
        Cluster {
            server,
            _watcher: watcher,
        }
    })
}

/// The URL of another database of the same server.
fn with_database(url: &str, name: &str) -> String {
    url.replace("/postgres?", &format!("/{name}?"))
}

/// Runs one statement over a connection of its own.
pub(crate) async fn execute(url: &str, statement: String) {
    let mut connection = PgConnection::connect(url).await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(statement))
        .execute(&mut connection)
        .await
        .unwrap();
    connection.close().await.unwrap();
}

/// The URL of a fresh, migrated database.
pub(crate) async fn fresh_database() -> String {
    database_like(TEMPLATE).await
}

/// The URL of a database in which nothing is.
pub(crate) async fn empty_database() -> String {
    database_like("template0").await
}

async fn database_like(template: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let name = format!("test_{}", NEXT.fetch_add(1, Ordering::Relaxed));
    let admin = tokio::task::spawn_blocking(|| cluster().server.url())
        .await
        .unwrap();
    execute(
        &admin,
        format!("create database {name} template {template}"),
    )
    .await;
    with_database(&admin, &name)
}

/// A store over a fresh database.
pub(crate) async fn fresh_store() -> Store {
    Store::open(&fresh_database().await).await.unwrap()
}
