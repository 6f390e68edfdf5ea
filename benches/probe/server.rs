//! The servers that are asked: one at a time, on a free loopback port, gone when dropped.
//!
//! Deliberately absent: tuning. One worker each, so that the client has a core of its own on a machine with two.

pub mod hickory;
mod knot;
mod unbound;

use std::{
    ffi::OsString,
    fs,
    net::{SocketAddr, TcpListener, UdpSocket},
    path::PathBuf,
    sync::Arc,
};

use dns_auditor::{
    probe::{Ask, Prober},
    types::Transport,
};

use crate::{
    child::{self, endpoint},
    ground::Ground,
    it::lab::process::Server,
};

/// Which server.
#[derive(Debug, Clone, Copy)]
pub enum Make {
    Knot,
    Unbound,
    Hickory,
}

impl Make {
    pub fn name(self) -> &'static str {
        match self {
            Self::Knot => "knot",
            Self::Unbound => "unbound",
            Self::Hickory => "hickory-server",
        }
    }
}

/// A server that answers.
pub struct Running {
    pub address: SocketAddr,
    _process: Server,
}

/// How a server is started.
struct Start {
    program: PathBuf,
    arguments: Vec<OsString>,
}

impl Running {
    /// Starts it and waits until it answers over `transport`.
    pub fn start(make: Make, transport: Transport, ground: &Ground) -> Self {
        let directory = ground.directory.path().join(make.name());
        fs::create_dir_all(&directory).unwrap();
        ground.certificate().write(&directory).unwrap();
        let address = free_address();
        let start = match make {
            Make::Knot => knot::prepare(&directory, address),
            Make::Unbound => unbound::prepare(&directory, address, transport),
            Make::Hickory => hickory::prepare(&directory, address, transport),
        };
        let program = start.program.to_str().unwrap();
        let mut process = Server::new(make.name(), &directory, program, start.arguments);
        if matches!(make, Make::Unbound) {
            process = process.out_of_confinement();
        }
        process.start();
        wait(&mut process, address, transport, ground);
        Self {
            address,
            _process: process,
        }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn wait(process: &mut Server, address: SocketAddr, transport: Transport, ground: &Ground) {
    let prober = Prober::new(child::all_at(1)).unwrap();
    let (source, question) = (child::source(address, transport), child::question(0));
    let ask = Ask {
        endpoint: Some(Arc::new(endpoint(ground.ca_file()))),
        fresh: true,
        ..Ask::default()
    };
    let answers = async || prober.ask(&source, &question, &ask).await.answer.is_data();
    process.until("answered", answers).await;
}

/// A port that is free for both protocols.
fn free_address() -> SocketAddr {
    loop {
        let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = tcp.local_addr().unwrap();
        if UdpSocket::bind(address).is_ok() {
            return address;
        }
    }
}
