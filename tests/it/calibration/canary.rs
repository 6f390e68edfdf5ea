//! A lab without its usual recursors, and with a canary zone: the file that the program prints, loaded by knot.

use std::{net::SocketAddr, process::Command};

use dns_auditor::{
    audit::calibration::{Calibration, canary::Canary},
    evaluator::asking::Asker,
    probe::{Delegations, Limits, Prober},
    types::{QueryOptions, Resolver, ResolverTraits, Transport},
};

use crate::lab::{Authority, Lab, LabPlan, Zone};

/// The canary zone's name.
pub(super) const ORIGIN: &str = "canary.example.com";

/// The lab and the canary zone's only server.
pub(super) struct CanaryLab {
    pub(super) lab: Lab,
    pub(super) authority: Authority,
    pub(super) asker: Asker,
    pub(super) canary: Canary,
}

impl CanaryLab {
    pub(super) async fn start() -> Self {
        let plan = LabPlan {
            recursors: Vec::new(),
            ..LabPlan::default()
        };
        let mut lab = Lab::start(plan).await;
        let address = lab.spare_address(190).ip().to_string();
        let text = zone_file(&format!("ns1.{ORIGIN}={address}"));
        let authority = lab.host(190, Zone::verbatim(ORIGIN, text)).await;
        lab.edit(|zone| {
            zone.add("canary", 3600, "NS", "ns1.canary.example.com.");
            zone.add("ns1.canary", 3600, "A", &address);
        })
        .await;
        let prober = Prober::new(Limits::default()).unwrap();
        let delegations = Delegations::new(prober.clone(), vec![lab.root_hint()]);
        Self {
            asker: Asker::new(prober, delegations, 100),
            canary: Canary::new(ORIGIN.parse().unwrap()).unwrap(),
            authority,
            lab,
        }
    }

    /// Calibrates whoever answers at an address.
    pub(super) async fn calibrate(&self, address: SocketAddr) -> Calibration {
        let served = self.asker.served(&self.canary).await.unwrap();
        let resolver = resolver(address);
        let measured = self.asker.calibrate(&self.canary, &served, &resolver);
        let [calibration] = measured.await.unwrap().try_into().unwrap();
        calibration
    }
}

/// A resolver of which nothing is known beforehand.
pub(super) fn resolver(address: SocketAddr) -> Resolver {
    Resolver {
        id: "subject".to_owned(),
        operator: "subject".to_owned(),
        addresses: vec![address],
        transport: Transport::Udp,
        endpoint: None,
        options: QueryOptions::default(),
        max_qps: 100,
        traits: ResolverTraits::default(),
    }
}

/// What `resolvers canary-zone` prints.
fn zone_file(server: &str) -> String {
    let args = [
        "resolvers",
        "canary-zone",
        "--origin",
        ORIGIN,
        "--ns",
        server,
    ];
    let output = Command::new(env!("CARGO_BIN_EXE_dns-auditor"))
        .args(args)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}
