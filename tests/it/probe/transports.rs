//! One resolver of the lab over every transport that it speaks.

use std::{sync::Arc, time::Duration};

use dns_auditor::{
    probe::Ask,
    types::{Endpoint, Observation, Source, SourceKind, Transport},
};

use super::{prober, question, shown};
use crate::lab::{Lab, LabPlan, Make, test};

async fn over_each(lab: &Lab, make: Make, name: &str) -> Vec<(Transport, Observation)> {
    let ask = Ask {
        timeout: Duration::from_secs(10),
        endpoint: Some(Arc::new(Endpoint {
            server_name: make.server_name(),
            path: "/dns-query".to_owned(),
            ca_file: Some(lab.ca_file().to_owned()),
        })),
        ..Ask::default()
    };
    let (prober, mut seen) = (prober(), Vec::new());
    for (word, address) in lab.addresses(make.id()) {
        let mut transports = Transport::ALL.into_iter();
        let transport = transports.find(|transport| transport.to_string() == word);
        let transport = transport.unwrap();
        assert_eq!(address.port(), transport.usual_port(), "{transport}");
        let source = Source {
            kind: SourceKind::Resolver,
            id: make.id().into(),
            address,
            transport,
        };
        let observation = prober.ask(&source, &question(name, "A"), &ask).await;
        seen.push((transport, observation));
    }
    seen
}

#[test]
fn every_recursor_says_the_same_over_each_of_its_transports() {
    test(async || {
        let lab = Lab::start(LabPlan::default()).await;
        for make in Make::ALL {
            let seen = over_each(&lab, make, "dialer31.example.com").await;
            assert_eq!(seen.len(), make.transports().len(), "{make:?}");
            let (_, first) = &seen[0];
            assert_eq!(first.answer.links.len(), 2, "an alias: {make:?} {first:?}");
            for (transport, observation) in &seen {
                let who = format!("{make:?} over {transport}: {observation:?}");
                assert_eq!(observation.transport, *transport, "{who}");
                assert_eq!(observation.answer, first.answer, "{who}");
                assert_eq!(observation.nsid, first.nsid, "{who}");
                assert_eq!(observation.flags, first.flags, "{who}");
            }
        }
    });
}

#[test]
fn a_planted_answer_comes_out_of_every_transport() {
    test(async || {
        let mut lab = Lab::start(LabPlan {
            recursors: vec![Make::Unbound],
            ..LabPlan::default()
        })
        .await;
        lab.plant("unbound", "dialer7", "198.51.100.66", 86400)
            .await;
        let seen = over_each(&lab, Make::Unbound, "dialer7.example.com").await;
        let transports: Vec<_> = seen.iter().map(|(transport, _)| *transport).collect();
        assert_eq!(transports, Transport::ALL);
        for (transport, observation) in seen {
            assert_eq!(
                shown(&observation),
                ["dialer7.example.com 198.51.100.66"],
                "{transport}"
            );
            assert_eq!(observation.ttls, [[86400]], "{transport}");
        }
    });
}
