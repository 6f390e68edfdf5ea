//! A server that is faster than any script: a thread that sends every query back as its own answer.

use std::{
    net::{SocketAddr, UdpSocket},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    thread,
    time::Duration,
};

/// Who asked, and under which id.
type Heard = Vec<(SocketAddr, u16)>;

/// A running server. Stops when dropped.
pub struct Echo {
    address: SocketAddr,
    heard: Arc<Mutex<Heard>>,
    stop: Arc<AtomicBool>,
}

impl Echo {
    /// Answers everything.
    pub fn start(address: &str) -> Self {
        Self::except(address, |_| false)
    }

    /// Loses the queries that `drops` says, by how many came before.
    pub fn except(address: &str, drops: fn(usize) -> bool) -> Self {
        let socket = UdpSocket::bind(address).unwrap();
        socket
            .set_read_timeout(Some(Duration::from_millis(50)))
            .unwrap();
        let echo = Self {
            address: socket.local_addr().unwrap(),
            heard: Arc::default(),
            stop: Arc::default(),
        };
        let (heard, stop) = (Arc::clone(&echo.heard), Arc::clone(&echo.stop));
        thread::spawn(move || {
            let mut query = [0; 512];
            while !stop.load(SeqCst) {
                let Ok((octets, peer)) = socket.recv_from(&mut query) else {
                    continue;
                };
                let mut heard = heard.lock().unwrap();
                let lost = drops(heard.len());
                heard.push((peer, u16::from_be_bytes([query[0], query[1]])));
                drop(heard);
                query[2] |= 0x80;
                if !lost {
                    let _ = socket.send_to(&query[..octets], peer);
                }
            }
        });
        echo
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Every query so far, in order.
    pub fn heard(&self) -> Heard {
        self.heard.lock().unwrap().clone()
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        self.stop.store(true, SeqCst);
    }
}
