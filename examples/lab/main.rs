//! `make lab`: real DNS servers on loopback for as long as this runs, to point a group at and to break by hand.
//!
//! The same lab as the tests', a printer for the messages of both channel kinds, and a prompt. Deliberately not part of
//! the program: nothing here is installed.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "it speaks to a person"
)]
#![allow(
    clippy::unwrap_used,
    reason = "as in the lab: a fault ends it, with the reason"
)]

mod order;
mod printer;

/// The harness of the integration tests, where it lies.
#[path = "../../tests/it"]
mod it {
    pub(crate) mod lab;
}

use std::{
    fs, io,
    net::SocketAddr,
    os::unix::{fs::PermissionsExt, process::CommandExt},
    path::{Path, PathBuf},
    process, thread,
};

use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
    sync::mpsc,
};

use it::lab::{Lab, LabPlan, Make, check, in_namespace};

fn main() {
    if let Err(why) = check() {
        let error = in_namespace(&[], &why).exec();
        panic!("{why}, and unshare: {error}");
    }
    tokio::runtime::Runtime::new().unwrap().block_on(run());
}

async fn run() {
    println!("Starting the servers ...");
    let mut lab = Lab::start(LabPlan::default()).await;
    let listener = TcpListener::bind((lab.spare_address(100).ip(), 8025))
        .await
        .unwrap();
    let printer = listener.local_addr().unwrap();
    tokio::spawn(printer::print_messages(listener));
    let config = write_config(&lab, printer);
    introduce(&lab, &config, printer);
    obey(&mut lab).await;
    println!("Stopping the servers; the lab's directory goes with them.");
}

/// Does what is typed until `quit`, Ctrl-C or SIGTERM. Without a terminal it waits for the signal.
async fn obey(lab: &mut Lab) {
    let mut interrupt = signal(SignalKind::interrupt()).unwrap();
    let mut terminate = signal(SignalKind::terminate()).unwrap();
    let mut lines = typed_lines();
    loop {
        let line = tokio::select! {
            Some(line) = lines.recv() => line,
            _ = interrupt.recv() => return,
            _ = terminate.recv() => return,
        };
        match line.trim() {
            "" => {}
            "quit" => return,
            line => match order::obey(lab, line).await {
                Ok(said) => println!("{said}"),
                Err(why) => println!("No: {why}. `help` lists what can be typed."),
            },
        }
    }
}

/// Lines of standard input until its end. A thread of its own reads them: a read cannot be called off, and must not keep
/// the process from ending.
fn typed_lines() -> mpsc::Receiver<String> {
    let (typed, lines) = mpsc::channel(1);
    thread::spawn(move || {
        for line in io::stdin().lines().map_while(Result::ok) {
            if typed.blocking_send(line).is_err() {
                return;
            }
        }
    });
    lines
}

/// Writes a configuration that points a group at this lab; the history it will hold lies beside it.
fn write_config(lab: &Lab, printer: SocketAddr) -> PathBuf {
    // As root the program runs PostgreSQL as another user, who must be able to pass through.
    fs::set_permissions(lab.dir(), fs::Permissions::from_mode(0o711)).unwrap();
    let ids: Vec<_> = lab
        .resolvers()
        .iter()
        .map(|(id, ..)| format!("{id:?}"))
        .collect();
    let resolvers = lab.resolvers().into_iter().map(|(id, operator, address)| {
        let address = address.ip();
        format!("[[resolver]]\nid = {id:?}\noperator = {operator:?}\naddress = \"{address}\"\nsingle_cache = true\n\n")
    });
    let config = include_str!("dns-auditor.toml")
        .replace("@DIR@", &lab.dir().display().to_string())
        .replace("@ROOT@", &lab.root_hint().ip().to_string())
        .replace("@IDS@", &ids.join(", "))
        .replace("@RESOLVERS@\n", &resolvers.collect::<String>())
        .replace("@TRANSPORTS@", &over_each_transport(lab))
        .replace("@PRINTER@", &printer.to_string());
    let file = lab.dir().join("dns-auditor.toml");
    fs::write(&file, config).unwrap();
    file
}

/// unbound once more over each transport that it speaks: an answer planted in it comes out of all of them.
fn over_each_transport(lab: &Lab) -> String {
    let mut entries = String::new();
    for (transport, address) in lab.addresses(Make::Unbound.id()) {
        let (id, operator) = (Make::Unbound.id(), Make::Unbound.operator());
        entries += &format!("\n[[resolver]]\nid = \"{id}-{transport}\"\n");
        entries += &format!(
            "operator = \"{operator}\"\naddress = \"{}\"\n",
            address.ip()
        );
        entries += &format!("transport = \"{transport}\"\n");
        if address.port() != 53 {
            entries += &format!("server_name = \"{}\"\n", Make::Unbound.server_name());
            entries += &format!("ca_file = \"{}\"\n", lab.ca_file().display());
        }
    }
    entries
}

fn introduce(lab: &Lab, config: &Path, printer: SocketAddr) {
    println!(
        "\nThe servers, each on the usual ports; certificates by {}:",
        lab.ca_file().display()
    );
    println!("  {:<15} root", lab.root_hint().ip());
    for (id, operator, address) in lab.resolvers() {
        let transports: Vec<_> = lab
            .addresses(id)
            .into_iter()
            .map(|(name, _)| name)
            .collect();
        println!(
            "  {:<15} {id}, the public resolver of {operator}: {}",
            address.ip(),
            transports.join(", ")
        );
    }
    println!("\nMessages to http://{printer} are printed here. In another terminal:");
    if it::lab::is_in_namespace() {
        let shell = format!(
            "nsenter --target {} --user --net --preserve-credentials",
            process::id()
        );
        println!("  {shell}   # a shell in the lab's own network; then, in it:");
    }
    println!("  make run CONFIG={}", config.display());
    println!("\n{}\n", order::HELP);
}
