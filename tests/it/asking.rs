//! One audit of a group as `check` makes it, on scripted servers: what is asked, whom, and what is asked again.
//!
//! Deliberately absent: incidents and history over rounds.

use std::{collections::BTreeMap, sync::Arc};

use crate::dns::{DnsServer, Fault, Reply, Script, Zone};
use dns_auditor::{
    audit::verdict::{State, Verdict},
    config::{Group, load},
    daemon,
    evaluator::audit_once,
    types::Severity,
};

const RECORDS: &str = "
@       3600 SOA ns1.example.com. host.example.com. 7 7200 900 1209600 300
@       3600 NS  ns1.example.com.
dialer1 300  A   192.0.2.1
dialer2 300  CNAME lb.example.com.
lb      300  A   192.0.2.9
";

/// Audits `name` A with these servers; the root hints lead nowhere.
async fn audit(name: &str, authority: &DnsServer, resolver: &DnsServer) -> Vec<Verdict> {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("auditor.toml");
    let text = format!(
        "[authority]\nroot_hints = ['{nowhere}']\n[[resolver]]\nid = 'one'\naddress = '{resolver}'\n\
         [[group]]\nname = 'g'\nnames = ['{name}']\ntypes = ['A']\nresolvers = ['one']\n\
         authorities = ['{authority}']\ntimeout = '200ms'\n",
        nowhere = crate::dns::closed_address().await,
        resolver = resolver.address(),
        authority = authority.address(),
    );
    std::fs::write(&file, text).unwrap();
    let config = load(Some(&file), &BTreeMap::new()).unwrap();
    let group: &Arc<Group> = &config.groups[0];
    audit_once(&daemon::asker(&config).unwrap(), group)
        .await
        .verdicts
}

async fn authority() -> DnsServer {
    DnsServer::start(Script::authority().zone(Zone::new("example.com", RECORDS))).await
}

fn states(verdicts: &[Verdict]) -> Vec<(State, Severity)> {
    verdicts
        .iter()
        .map(|verdict| (verdict.state, verdict.severity))
        .collect()
}

#[tokio::test]
async fn an_alias_within_the_configured_servers_zone_is_asked_of_them_and_not_of_the_root() {
    let authority = authority().await;
    // As an authority that follows no alias: the target must be asked for by itself.
    authority.edit(|script| {
        script.fault(
            Fault::Custom(Arc::new(|query, mut reply| {
                reply
                    .answers
                    .retain(|record| record.name.to_ascii().starts_with(&query.name));
                vec![Reply::message(&reply)]
            }))
            .on("dialer2.example.com"),
        );
    });
    let resolver = DnsServer::start(Script::cache(&authority)).await;
    let verdicts = audit("dialer2.example.com", &authority, &resolver).await;
    assert_eq!(states(&verdicts), [(State::Consistent, Severity::None)]);
    assert_eq!(verdicts[0].observed.records, ["192.0.2.9"]);
    assert!(!authority.received_for("lb.example.com").is_empty());
}
