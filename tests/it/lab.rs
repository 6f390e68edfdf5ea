//! A lab of real DNS servers on loopback: a private root, `com` and `net`, the dialers' zone on two name servers, a
//! foreign zone for aliases on a third, and four makes of recursor that play the public resolvers.
//!
//! ```text
//! 127.a.b.1   root           127.a.b.11  unbound
//! 127.a.b.2   com and net    127.a.b.12  pdns-recursor
//! 127.a.b.3   ns1 ┐ example  127.a.b.13  knot-resolver
//! 127.a.b.4   ns2 ┘ .com     127.a.b.14  bind
//! 127.a.b.5   example.net    127.a.b.21  unbound's TLS and HTTPS, handed through from 11
//!                            127.a.b.254 holds the network for this lab
//! ```
//!
//! Everything runs on port 53, the only one a recursor follows delegations to. Recursors answer over TLS, HTTPS, QUIC and
//! HTTP/3, too, as far as each make can, on the usual ports and with certificates of the lab's own authority. Each lab
//! has a network of its own, so labs run side by side. Deliberately absent: the program under test. Whatever goes wrong
//! here panics with the reason: it is a fault of the lab or the machine, never a result.

#![allow(
    dead_code,
    unused_imports,
    reason = "the tests and examples/lab each use a part of it"
)]
#![allow(
    clippy::unwrap_used,
    reason = "a lab that cannot be built is a failed test"
)]
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "shown by the test runner for a failed test"
)]

mod authority;
pub(crate) mod certificates;
pub(crate) mod dig;
pub(crate) mod front;
mod loss;
mod namespace;
mod place;
pub(crate) mod process;
mod recursor;
mod signing;
mod zone;

#[cfg(test)]
mod proof;

use std::{io, net::SocketAddr, path::Path};

use futures::future::join_all;
use tempfile::TempDir;

use self::place::{Place, check_programs};
pub(crate) use self::{
    authority::Authority,
    certificates::{Certificate, CertificateAuthority},
    loss::Loss,
    namespace::{check, in_namespace, is_in_namespace, test, test_apart},
    recursor::{Make, Recursor},
    zone::{Zone, absolute},
};

/// TTL of delegations and their glue, in seconds.
const DELEGATION_TTL: u32 = 3600;

/// What a lab shall consist of.
pub(crate) struct LabPlan {
    /// The recursors, each make at most once.
    pub(crate) recursors: Vec<Make>,
    /// What stands in each recursor's configuration beside the lab's, in the words of their make.
    pub(crate) settings: &'static str,
    /// The zone of both name servers, `example.com`.
    pub(crate) dialers: Zone,
    /// The foreign zone, `example.net`.
    pub(crate) cdn: Zone,
}

impl Default for LabPlan {
    /// All four recursors; forty dialers with a TTL of 300 seconds.
    fn default() -> Self {
        Self {
            recursors: Make::ALL.to_vec(),
            settings: "",
            dialers: Zone::dialers(300),
            cdn: Zone::cdn(300),
        }
    }
}

/// A running lab. Dropping it ends every server; its directory is kept if the test failed.
pub(crate) struct Lab {
    recursors: Vec<Recursor>,
    root: Authority,
    tld: Authority,
    dialers: Vec<Authority>,
    cdn: Authority,
    certificates: CertificateAuthority,
    dir: Option<TempDir>,
    place: Place,
}

impl Lab {
    /// Starts everything and waits until every server was seen to answer.
    pub(crate) async fn start(plan: LabPlan) -> Self {
        check_programs();
        let place = Place::claim().unwrap_or_else(|error| panic!("no place for a lab: {error}"));
        let mut lab =
            Self::lay_out(plan, place).unwrap_or_else(|error| panic!("the lab's files: {error}"));
        let authorities = [&mut lab.root, &mut lab.tld, &mut lab.cdn]
            .into_iter()
            .chain(&mut lab.dialers);
        // All at once, and before any recursor, which would remember that they were not there.
        join_all(authorities.map(Authority::start)).await;
        join_all(lab.recursors.iter_mut().map(Recursor::start)).await;
        lab
    }

    fn lay_out(plan: LabPlan, place: Place) -> io::Result<Self> {
        let dir = TempDir::with_prefix("dns-lab-")?;
        let base = dir.path();
        let at = |host| place.address(host);
        let certificates = CertificateAuthority::new(base)?;
        let recursor = |make: Make| {
            let (dir, address) = (base.join(make.id()), at(make.host()));
            Recursor::new(
                (make, plan.settings),
                &dir,
                address,
                at(1),
                at(3),
                &certificates,
            )
        };

        let mut root = Zone::new(".");
        serve(&mut root, "a.root.", at(1));
        let mut com = Zone::new("com");
        let mut net = Zone::new("net");
        for tld in [&mut com, &mut net] {
            let server = format!("a.nic.{}", tld.apex);
            serve(tld, &server, at(2));
            delegate(&mut root, &tld.apex, &server, at(2));
        }
        let (mut dialers, mut cdn) = (plan.dialers, plan.cdn);
        for (server, host) in [("ns1.example.com.", 3), ("ns2.example.com.", 4)] {
            serve(&mut dialers, server, at(host));
            delegate(&mut com, &dialers.apex, server, at(host));
        }
        serve(&mut cdn, "ns1.example.net.", at(5));
        delegate(&mut net, &cdn.apex, "ns1.example.net.", at(5));

        Ok(Self {
            recursors: plan
                .recursors
                .into_iter()
                .map(recursor)
                .collect::<io::Result<_>>()?,
            root: Authority::new("root", base, at(1), vec![root])?,
            tld: Authority::new("tld", base, at(2), vec![com, net])?,
            dialers: vec![
                Authority::new("ns1", base, at(3), vec![dialers.clone()])?,
                Authority::new("ns2", base, at(4), vec![dialers])?,
            ],
            cdn: Authority::new("cdn", base, at(5), vec![cdn])?,
            certificates,
            dir: Some(dir),
            place,
        })
    }

    /// The private root server: what `root_hints` of a configuration should hold.
    pub(crate) fn root_hint(&self) -> SocketAddr {
        self.root.addr()
    }

    /// Id, operator and address of every recursor.
    pub(crate) fn resolvers(&self) -> Vec<(&'static str, &'static str, SocketAddr)> {
        let describe = |recursor: &Recursor| {
            (
                recursor.make().id(),
                recursor.make().operator(),
                recursor.addr(),
            )
        };
        self.recursors.iter().map(describe).collect()
    }

    /// Every transport that a recursor speaks, and where: `udp` and `tcp` on port 53, `tls`, `https`, `quic` and `h3` on theirs.
    pub(crate) fn addresses(&self, id: &str) -> Vec<(&'static str, SocketAddr)> {
        let recursors = self.recursors.iter();
        let wanted = recursors.filter(|recursor| recursor.make().id() == id);
        wanted.flat_map(Recursor::addresses).collect()
    }

    /// The certificate authority that vouches for every recursor, as a PEM file.
    pub(crate) fn ca_file(&self) -> &Path {
        self.certificates.file()
    }

    /// One recursor by its id; panics if the plan has none of that id.
    pub(crate) fn resolver(&mut self, id: &str) -> &mut Recursor {
        let mut recursors = self.recursors.iter_mut();
        recursors
            .find(|recursor| recursor.make().id() == id)
            .unwrap_or_else(|| panic!("the lab has no {id}"))
    }

    /// A name server of the dialers' zone: 0 is ns1, 1 is ns2.
    pub(crate) fn authority(&mut self, index: usize) -> &mut Authority {
        &mut self.dialers[index]
    }

    /// The name server of the foreign zone.
    pub(crate) fn cdn(&mut self) -> &mut Authority {
        &mut self.cdn
    }

    /// Starts one more recursor at a spare address, with settings in the words of its make. Unbound takes the address ten
    /// up, too.
    pub(crate) async fn add(&self, make: Make, host: u8, settings: &str) -> Recursor {
        let (at, dir) = (
            |host| self.place.address(host),
            self.dir().join(format!("{}-{host}", make.id())),
        );
        let plan = (make, settings);
        let added = Recursor::new(plan, &dir, at(host), at(1), at(3), &self.certificates);
        let mut added = added.unwrap_or_else(|error| panic!("{}: {error}", dir.display()));
        added.start().await;
        added
    }

    /// Starts one more authoritative server at a spare address. Nothing is delegated to it.
    pub(crate) async fn host(&self, host: u8, zone: Zone) -> Authority {
        let (name, address) = (format!("authority-{host}"), self.place.address(host));
        let added = Authority::new(&name, self.dir(), address, vec![zone]);
        let mut added = added.unwrap_or_else(|error| panic!("{name}: {error}"));
        added.start().await;
        added
    }

    /// An address of the lab's network that no server uses; hosts 100 to 199 are free.
    pub(crate) fn spare_address(&self, host: u8) -> SocketAddr {
        self.place.address(host)
    }

    /// Where the servers' files and logs are.
    pub(crate) fn dir(&self) -> &Path {
        self.dir.as_ref().map_or(Path::new(""), TempDir::path)
    }

    /// Changes the dialers' zone at both name servers, under one serial above any so far, and waits until each that runs
    /// serves it. A change of one server only is [`Authority::edit`].
    pub(crate) async fn edit(&mut self, change: impl Fn(&mut Zone)) {
        let serial = self
            .dialers
            .iter()
            .map(|authority| authority.zone().serial)
            .max();
        for authority in &mut self.dialers {
            authority
                .edit(|zone| {
                    zone.serial = serial.map_or(1, |highest| highest + 1);
                    change(zone);
                })
                .await;
        }
    }

    /// Gives a dialer other addresses at both name servers, under the TTL it had.
    pub(crate) async fn change(&mut self, name: &str, addresses: &[&str]) {
        let addresses: Vec<_> = addresses
            .iter()
            .map(|address| address.parse().unwrap())
            .collect();
        self.edit(|zone| zone.set_addresses(name, &addresses)).await;
    }

    /// Gives a dialer another TTL, in seconds, at both name servers.
    pub(crate) async fn set_ttl(&mut self, name: &str, ttl: u32) {
        self.edit(|zone| zone.set_ttl(name, ttl)).await;
    }

    /// Makes one recursor serve a wrong address for a dialer, at a constant TTL in seconds.
    pub(crate) async fn plant(&mut self, id: &str, name: &str, address: &str, ttl: u32) {
        self.resolver(id)
            .plant(&absolute(name, "example.com."), address, ttl)
            .await;
    }

    /// Ends a [`plant`](Self::plant).
    pub(crate) async fn unplant(&mut self, id: &str, name: &str) {
        self.resolver(id)
            .unplant(&absolute(name, "example.com."))
            .await;
    }

    /// Makes one recursor deny a dialer, until it is [`unplant`](Self::unplant)ed.
    pub(crate) async fn deny(&mut self, id: &str, name: &str) {
        self.resolver(id)
            .deny(&absolute(name, "example.com."))
            .await;
    }

    /// Drops a dialer from one recursor's cache.
    pub(crate) async fn flush(&mut self, id: &str, name: &str) {
        self.resolver(id)
            .flush(&absolute(name, "example.com."))
            .await;
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        if let Some(dir) = self.dir.take_if(|_| std::thread::panicking()) {
            eprintln!(
                "the lab's files and logs are kept in {}",
                dir.keep().display()
            );
        }
    }
}

/// Makes `server` a name server of the zone, in the zone's own words.
fn serve(zone: &mut Zone, server: &str, address: SocketAddr) {
    zone.add("@", DELEGATION_TTL, "NS", server);
    zone.add(server, DELEGATION_TTL, "A", &address.ip().to_string());
}

/// Delegates `apex` from its parent, with glue.
fn delegate(parent: &mut Zone, apex: &str, server: &str, address: SocketAddr) {
    parent.add(apex, DELEGATION_TTL, "NS", server);
    parent.add(server, DELEGATION_TTL, "A", &address.ip().to_string());
}
