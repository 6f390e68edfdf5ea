//! knot, an authority, over UDP and TCP.
//!
//! Deliberately absent: a journal, and everything else that writes.

use std::{fs, net::SocketAddr, path::Path};

use super::Start;
use crate::ground::{ZONE, zone};

pub(super) fn prepare(directory: &Path, address: SocketAddr) -> Start {
    let (file, here) = (directory.join("knot.conf"), directory.display());
    let (ip, port) = (address.ip(), address.port());
    let configuration = format!(
        "server:\n    rundir: \"{here}\"\n    listen: {ip}@{port}\n    udp-workers: 1\n    tcp-workers: 1\n    \
         background-workers: 1\ndatabase:\n    storage: \"{here}\"\ntemplate:\n  - id: default\n    storage: \
         \"{here}\"\n    zonefile-sync: -1\n    zonefile-load: whole\n    journal-content: none\nzone:\n  - domain: \
         {ZONE}\n    file: zone\n"
    );
    fs::write(directory.join("zone"), zone()).unwrap();
    fs::write(&file, configuration).unwrap();
    Start {
        program: "knotd".into(),
        arguments: vec!["-c".into(), file.into()],
    }
}
