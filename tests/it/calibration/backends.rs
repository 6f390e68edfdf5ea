//! Two recursors behind one address, which dnsdist hands questions in turn.

use std::{ffi::OsString, fs, net::SocketAddr};

use dns_auditor::audit::calibration::{Backends, Decrement, Limit};
use hickory_proto::rr::RecordType;

use super::canary::CanaryLab;
use crate::lab::{self, Make, Recursor, dig, process::Server};

/// dnsdist before two unbounds.
struct Balanced {
    address: SocketAddr,
    _front: Server,
    _behind: [Recursor; 2],
}

impl Balanced {
    async fn start(canary: &CanaryLab, host: u8, settings: [&str; 2]) -> Self {
        let lab = &canary.lab;
        let behind = [
            lab.add(Make::Unbound, host, settings[0]).await,
            lab.add(Make::Unbound, host + 1, settings[1]).await,
        ];
        let address = lab.spare_address(host + 2);
        let dir = lab.dir().join(format!("dnsdist-{host}"));
        fs::create_dir(&dir).unwrap();
        let servers = behind.each_ref().map(|unbound| {
            format!(
                "newServer({{address='{}', retries=1}}):setUp()\n",
                unbound.addr()
            )
        });
        let text = format!(
            "setLocal('{address}')\nsetSecurityPollSuffix('')\nsetServerPolicy(roundrobin)\n{}",
            servers.concat()
        );
        let file = dir.join("dnsdist.conf");
        fs::write(&file, text).unwrap();
        let args = ["--supervised", "--disable-syslog", "-C"].map(OsString::from);
        let args = args.into_iter().chain([file.into_os_string()]).collect();
        let mut front = Server::new("dnsdist", &dir, "dnsdist", args);
        front.start();
        let resolving = async || {
            let reply = dig::ask(address, "ns1.example.com.", RecordType::A).await;
            reply.is_ok_and(|reply| !reply.addresses.is_empty())
        };
        front.until("resolved ns1.example.com", resolving).await;
        Self {
            address,
            _front: front,
            _behind: behind,
        }
    }
}

#[test]
fn two_backends_are_seen_by_name_and_without_names_by_their_countdowns() {
    lab::test(async || {
        let canary = CanaryLab::start().await;
        let (one, other) = ("nsid: \"ascii_one\"", "nsid: \"ascii_other\"");
        let named = Balanced::start(&canary, 100, [one, other]).await;
        let unnamed = Balanced::start(&canary, 103, ["nsid: \"\""; 2]).await;
        let (named, unnamed) = tokio::join!(
            canary.calibrate(named.address),
            canary.calibrate(unnamed.address)
        );
        for (calibration, sites) in [(&named, &["one", "other"][..]), (&unnamed, &[])] {
            let measures = &calibration.measures;
            let sites = sites.iter().map(ToString::to_string).collect();
            let backends = Backends {
                sites,
                caches: Some(2),
            };
            assert_eq!(measures.backends.value, Some(backends), "{measures:#?}");
            // Two countdowns side by side are no constant TTL.
            let decrement = measures.decrement.value;
            assert_eq!(decrement, Some(Decrement::CountsDown), "{measures:#?}");
        }
    });
}

#[test]
fn the_cap_is_that_of_the_backend_that_keeps_longest() {
    lab::test(async || {
        let canary = CanaryLab::start().await;
        let settings = [
            "cache-max-ttl: 600",
            "cache-max-ttl: 7200\n cache-min-ttl: 30",
        ];
        let balanced = Balanced::start(&canary, 100, settings).await;
        let measures = canary.calibrate(balanced.address).await.measures;
        let limit = |seconds, tested| Some(Limit { seconds, tested });
        assert_eq!(
            measures.ttl_cap.value,
            limit(Some(7200), 604_800),
            "{measures:#?}"
        );
        assert_eq!(
            measures.ttl_floor.value,
            limit(Some(30), 0),
            "{measures:#?}"
        );
        assert!(
            measures.ttl_cap.how.contains("600 s at first"),
            "{measures:#?}"
        );
    });
}

#[test]
fn a_backend_that_counts_down_beside_one_that_does_not_is_neither_one_nor_the_other() {
    lab::test(async || {
        let canary = CanaryLab::start().await;
        let settings = [
            "nsid: \"ascii_one\"",
            "nsid: \"ascii_other\"\n serve-original-ttl: yes",
        ];
        let balanced = Balanced::start(&canary, 100, settings).await;
        let measures = canary.calibrate(balanced.address).await.measures;
        assert_eq!(
            measures.decrement.value,
            Some(Decrement::Mixed),
            "{measures:#?}"
        );
    });
}
