//! What was learned of a resolver's cap, over a stop and a start.
//!
//! Deliberately absent: what teaches a cap and what does not, which `audit` has tests of its own for.

use std::time::{Duration, Instant};

use dns_auditor::audit::verdict::{Verdict, VerdictFlag};

use crate::{
    cli::{
        documented::fits,
        program::{finish, program},
    },
    rounds::Watched,
};

/// How long three fetches may take to be told apart, on a loaded machine.
const PATIENCE: Duration = Duration::from_mins(1);

/// A round's verdict on the first dialer at alpha, which fetches it anew for every round, and keeps it for 100 s.
async fn round(watched: &Watched) -> Verdict {
    let alpha = &watched.servers.alpha;
    alpha.edit(|script| script.plant("dialer1.example.com", "A", 100, &["192.0.2.1"]));
    let verdicts = watched.round().await.verdicts;
    let of_alpha = |one: &Verdict| {
        one.resolver == "alpha" && one.question.name.as_str() == "dialer1.example.com"
    };
    verdicts.into_iter().find(of_alpha).unwrap()
}

#[tokio::test]
async fn a_cap_that_was_learned_is_known_after_a_restart_and_shown() {
    let mut watched = Watched::start().await;
    let deadline = Instant::now() + PATIENCE;
    let mut before = round(&watched).await;
    assert_eq!(before.flags, []);
    while !before.flags.contains(&VerdictFlag::Capped) {
        assert!(
            Instant::now() < deadline,
            "nothing was learned: {before:#?}"
        );
        tokio::time::sleep(Duration::from_millis(500)).await;
        before = round(&watched).await;
    }
    watched.restart().await;
    let after = round(&watched).await;
    assert_eq!(
        (after.state, &after.flags, &after.reason),
        (before.state, &before.flags, &before.reason)
    );

    let file = watched.file();
    let mut command = program(file.parent().unwrap());
    command.args(["resolvers", "--format", "json", "--config"]);
    command.arg(&file);
    let resolvers = finish(command).await.json();
    let mut resolvers = resolvers.as_array().unwrap().iter();
    let alpha = resolvers.find(|one| one["id"] == "alpha").unwrap();
    fits("Resolver", std::slice::from_ref(alpha));
    let cap = alpha["learned_caps"][0]["ttl_cap"].as_u64().unwrap();
    assert!((95..=100).contains(&cap), "{alpha:#}");
    let told = format!("keeps nothing for longer than {cap} s");
    assert!(after.reason.contains(&told), "{}", after.reason);
}
