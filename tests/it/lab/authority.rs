//! An authoritative server of the lab: a knotd of its own with the zones it was given.
//!
//! Deliberately without transfers: each server loads its own file, so that one can be left behind.

use std::{fs, io, net::SocketAddr, path::Path};

use hickory_proto::rr::RecordType;

use super::{
    dig,
    process::{Server, control},
    zone::Zone,
};

/// A knotd and what it serves.
pub(crate) struct Authority {
    address: SocketAddr,
    zones: Vec<Zone>,
    server: Server,
}

impl Authority {
    /// Writes its files below `base`; nothing runs before [`launch`](Self::launch).
    pub(super) fn new(
        name: &str,
        base: &Path,
        address: SocketAddr,
        zones: Vec<Zone>,
    ) -> io::Result<Self> {
        let dir = base.join(name);
        fs::create_dir(&dir)?;
        let zone_items = zones
            .iter()
            .map(|zone| format!("  - domain: {}\n    file: {}\n", zone.apex, file_name(zone)));
        let config = include_str!("../../lab/knot.conf")
            .replace("@ADDRESS@", &address.ip().to_string())
            .replace("@DIR@", &dir.display().to_string())
            .replace("@NAME@", name)
            .replace("@ZONES@", &zone_items.collect::<String>());
        fs::write(dir.join("knot.conf"), config)?;
        let server = Server::new(
            name,
            &dir,
            "knotd",
            vec!["-c".into(), dir.join("knot.conf").into()],
        );
        let authority = Self {
            address,
            zones,
            server,
        };
        authority
            .zones
            .iter()
            .try_for_each(|zone| authority.write(zone))?;
        Ok(authority)
    }

    /// Where its files are.
    pub(super) fn dir(&self) -> &Path {
        self.server.dir()
    }

    /// Waits until `ready` says so, while it runs.
    pub(super) async fn until(&mut self, what: &str, ready: impl AsyncFnMut() -> bool) {
        self.server.until(what, ready).await;
    }

    /// Where it answers.
    pub(crate) fn addr(&self) -> SocketAddr {
        self.address
    }

    /// Its zone, as it was last told.
    pub(crate) fn zone(&self) -> &Zone {
        &self.zones[0]
    }

    /// Starts the process without waiting for it.
    pub(super) fn launch(&mut self) {
        self.server.start();
    }

    /// Starts it and waits until it serves its zones as they are now.
    pub(crate) async fn start(&mut self) {
        self.launch();
        self.serving().await;
    }

    /// Kills it: its port refuses from now on.
    pub(crate) fn stop(&mut self) {
        self.server.stop();
    }

    /// Makes it silent: what is asked times out.
    pub(crate) async fn freeze(&mut self) {
        self.server.freeze().await;
    }

    /// Ends a [`freeze`](Self::freeze), and waits until it serves its zones as they are now.
    pub(crate) async fn thaw(&mut self) {
        self.server.thaw();
        self.reload().await;
    }

    /// Whether it runs and is not frozen.
    pub(crate) fn is_answering(&mut self) -> bool {
        self.server.is_answering()
    }

    /// Changes the (first) zone at this server only, under the next serial, and waits until it is served. A stopped or
    /// frozen server learns of it when it comes back.
    pub(crate) async fn edit(&mut self, change: impl FnOnce(&mut Zone)) {
        let zone = &mut self.zones[0];
        zone.serial += 1;
        change(zone);
        self.reload().await;
    }

    async fn reload(&mut self) {
        self.write(self.zone())
            .unwrap_or_else(|error| panic!("{}: {error}", self.server.dir().display()));
        if self.server.is_answering() {
            let socket = self.server.dir().join("control.sock");
            let socket = socket.to_str().unwrap();
            control(
                "knotc",
                &["-s", socket, "-b", "zone-reload", &self.zone().apex],
            )
            .await;
            self.serving().await;
        }
    }

    /// Waits until every zone is answered with the serial it has here.
    pub(super) async fn serving(&mut self) {
        let address = self.address;
        for Zone { apex, serial, .. } in &self.zones {
            let current = async || matches!(dig::ask(address, apex, RecordType::SOA).await, Ok(reply) if reply.serial == Some(*serial));
            self.server
                .until(&format!("served {apex} {serial}"), current)
                .await;
        }
    }

    /// Written beside and renamed, so that the server never reads half a zone.
    fn write(&self, zone: &Zone) -> io::Result<()> {
        let file = self.server.dir().join(file_name(zone));
        let draft = file.with_extension("draft");
        fs::write(&draft, zone.to_string())?;
        fs::rename(draft, file)
    }
}

fn file_name(zone: &Zone) -> String {
    format!(
        "{}zone",
        if zone.apex == "." {
            "root."
        } else {
            &zone.apex
        }
    )
}
