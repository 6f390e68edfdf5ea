//! A tree: the root at .1, `com` and `net` at .2, `example.com` at .3 and .4, `example.net` at .4.

use std::{
    net::SocketAddr,
    sync::atomic::{AtomicU8, Ordering},
    time::Duration,
};

use dns_auditor::probe::{Ask, Delegations};

use crate::{
    dns::{DnsServer, Script, Zone, free_port},
    probe::prober,
};

/// Each tree has a loopback network of its own, so that trees may use the same port.
static NEXT_NETWORK: AtomicU8 = AtomicU8::new(10);

pub struct Tree {
    pub root: DnsServer,
    pub tld: DnsServer,
    pub ns1: DnsServer,
    pub ns2: DnsServer,
    pub port: u16,
    network: u8,
}

pub fn delegations(hints: &[SocketAddr], port: u16) -> Delegations {
    let patience = Ask {
        timeout: Duration::from_secs(5),
        attempts: 1,
        max_qps: None,
        ..Ask::default()
    };
    Delegations::new(prober(), hints.to_vec())
        .with_port(port)
        .with_patience(patience)
}

impl Tree {
    pub async fn plant() -> Self {
        let network = NEXT_NETWORK.fetch_add(1, Ordering::Relaxed);
        let address = |host: u8| format!("127.{network}.0.{host}");
        let all = [2, 3, 4].map(address);
        let port = free_port(&all.each_ref().map(String::as_str)).await;
        let start = |host: u8, script| async move {
            let port = if host == 1 { 0 } else { port };
            DnsServer::start_at(&format!("127.{network}.0.{host}:{port}"), script).await
        };
        let zone = |origin: &str, text: &str| {
            Zone::new(origin, &text.replace("NET", &format!("127.{network}.0")))
        };
        let example_com = zone("example.com", EXAMPLE_COM);
        let tld = Script::authority()
            .zone(zone("com", COM))
            .zone(zone("net", NET));
        let ns2 = Script::authority()
            .zone(example_com.clone())
            .zone(zone("example.net", EXAMPLE_NET));
        Self {
            root: start(1, Script::authority().zone(zone(".", ROOT))).await,
            tld: start(2, tld).await,
            ns1: start(3, Script::authority().zone(example_com)).await,
            ns2: start(4, ns2).await,
            port,
            network,
        }
    }

    pub fn address(&self, host: u8) -> String {
        format!("127.{}.0.{host}", self.network)
    }

    pub fn example_com(&self) -> String {
        EXAMPLE_COM.replace("NET", &format!("127.{}.0", self.network))
    }

    /// A walk that knows nothing yet.
    pub fn delegations(&self) -> Delegations {
        delegations(&[self.root.address()], self.port)
    }

    /// How many queries all servers have had.
    pub fn asked(&self) -> usize {
        [&self.root, &self.tld, &self.ns1, &self.ns2]
            .map(|server| server.received().len())
            .iter()
            .sum()
    }

    pub fn set_parent_ns(&self, hosts: &[&str]) {
        self.tld
            .edit(|script| script.set("example.com", "NS", 172_800, hosts));
    }

    pub fn set_child_ns(&self, hosts: &[&str]) {
        for server in [&self.ns1, &self.ns2] {
            server.edit(|script| script.set("example.com", "NS", 1800, hosts));
        }
    }

    /// Delegates `eu.example.com` to .4.
    pub fn delegate_eu(&self) {
        let address = self.address(4);
        for server in [&self.ns1, &self.ns2] {
            server.edit(|script| {
                script.set("eu.example.com", "NS", 600, &["ns.eu.example.com."]);
                script.set("ns.eu.example.com", "A", 600, &[&address]);
                script.set("dialer1.eu.example.com", "A", 600, &[]);
            });
        }
        let zone = format!(
            "@ 600 SOA ns.eu.example.com. host.example.com. 1 7200 900 1209600 300
             @ 600 NS ns.eu.example.com.
             ns 600 A {address}
             dialer1 300 A 192.0.2.11"
        );
        self.ns2
            .edit(|script| script.replace_zone("eu.example.com", &zone));
    }
}

const ROOT: &str = "
    @         86400  SOA a.root. host.root. 1 7200 900 1209600 86400
    @         518400 NS  a.root.
    a.root    518400 A   NET.1
    com       172800 NS  a.nic.com.
    a.nic.com 172800 A   NET.2
    net       172800 NS  a.nic.net.
    a.nic.net 172800 A   NET.2
";
const COM: &str = "
    @           900    SOA a.nic.com. host.nic.com. 1 7200 900 1209600 900
    @           172800 NS  a.nic.com.
    a.nic       172800 A   NET.2
    example     172800 NS  ns1.example.com.
    example     172800 NS  ns2.example.net.
    ns1.example 172800 A   NET.3
";
const NET: &str = "
    @          900    SOA a.nic.net. host.nic.net. 1 7200 900 1209600 900
    @          172800 NS  a.nic.net.
    a.nic      172800 A   NET.2
    example    172800 NS  ns.example.net.
    ns.example 172800 A   NET.4
";
const EXAMPLE_COM: &str = "
    @          3600 SOA   ns1.example.com. host.example.com. 7 7200 900 1209600 300
    @          1800 NS    ns1.example.com.
    @          1800 NS    ns2.example.net.
    ns1        3600 A     NET.3
    dialer1    300  A     192.0.2.1
    dialer1.eu 300  A     192.0.2.11
    alias      300  CNAME dialer1.example.com.
";
const EXAMPLE_NET: &str = "
    @   3600 SOA ns.example.net. host.example.net. 3 7200 900 1209600 300
    @   3600 NS  ns.example.net.
    ns  3600 A   NET.4
    ns2 3600 A   NET.4
";
