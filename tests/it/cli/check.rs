//! `check` against scripted servers: each kind of result, its table, its JSON and its exit code.

use super::program::{Ran, assert_tells, run};
use crate::{
    dns::{DnsServer, Fault, closed_address},
    rounds::Servers,
};

/// `check` of these arguments at `alpha` and `beta` and the authority.
async fn check(servers: &Servers, args: &[&str]) -> Ran {
    check_at(&servers.authority, &[&servers.alpha, &servers.beta], args).await
}

async fn check_at(authority: &DnsServer, resolvers: &[&DnsServer], args: &[&str]) -> Ran {
    let resolvers: Vec<_> = resolvers
        .iter()
        .map(|server| server.address().to_string())
        .collect();
    let (resolvers, authority) = (resolvers.join(","), authority.address().to_string());
    let mut all = vec!["check", "--resolver", &resolvers, "--authority", &authority];
    all.extend(["--timeout", "300ms"]);
    all.extend(args);
    run(&all).await
}

#[tokio::test]
async fn what_the_authority_serves_is_consistent_and_ends_with_0() {
    let servers = Servers::start().await;
    let ran = check(&servers, &["dialer{1..2}.example.com", "--type", "A"]).await;
    assert_tells!("consistent", ran.fits());
    assert_eq!(ran.code, 0);
}

#[tokio::test]
async fn absent_data_is_told_as_nodata_and_an_alias_with_its_target() {
    let servers = Servers::start().await;
    let ran = check(&servers, &["shop.example.com"]).await;
    assert_tells!("nodata_and_alias", ran.fits());
    assert_eq!(ran.code, 0);
}

#[tokio::test]
async fn an_internationalised_name_is_shown_both_ways() {
    let servers = Servers::start().await;
    let ran = check(&servers, &["bücher.example.com", "--type", "A"]).await;
    assert_tells!("internationalised", ran.fits());
    assert_eq!(ran.code, 0);
}

#[tokio::test]
async fn another_answer_is_unexplained_with_its_cached_until_and_ends_with_1() {
    let servers = Servers::start().await;
    let (name, wrong) = ("dialer1.example.com", &["198.51.100.66"]);
    servers
        .beta
        .edit(|script| script.plant(name, "A", 86_400, wrong));
    let ran = check(&servers, &[name, "--type", "A"]).await;
    assert_tells!("unexplained", ran.fits());
    assert_eq!(ran.code, 1);
}

#[tokio::test]
async fn a_ttl_above_the_policy_is_a_finding_and_ends_with_1() {
    let servers = Servers::start().await;
    let ran = check(&servers, &["long.example.com", "--type", "A"]).await;
    assert_tells!("ttl_above_policy", ran.fits());
    assert_eq!(ran.code, 1);
    let allowed = ["long.example.com", "--type", "A", "--max-ttl", "86400"];
    assert_eq!(check(&servers, &allowed).await.code, 0);
}

#[tokio::test]
async fn some_resolvers_failing_while_others_answer_is_a_breach() {
    let servers = Servers::start().await;
    servers.beta.edit(|script| {
        script.fault(Fault::Rcode(2));
        script.fault(Fault::ExtendedError(22, "no reachable authority"));
    });
    let ran = check(&servers, &["dialer1.example.com", "--type", "A"]).await;
    assert_tells!("servfail", ran.fits());
    assert_eq!(ran.code, 1);
    servers.beta.edit(|script| {
        script.clear_faults();
        script.fault(Fault::Silent);
    });
    let ran = check(&servers, &["dialer1.example.com", "--type", "A"]).await;
    assert_tells!("one_silent", ran.fits());
    assert_eq!(ran.code, 1);
}

#[tokio::test]
async fn nothing_answered_ends_with_3() {
    let (closed, other) = (
        closed_address().await.to_string(),
        closed_address().await.to_string(),
    );
    let args = [
        "check",
        "dialer1.example.com",
        "--type",
        "A",
        "--resolver",
        &closed,
        "--authority",
        &other,
    ];
    let ran = run(&args).await;
    assert_tells!("nothing_answered", ran.fits());
    assert_eq!(ran.code, 3);
}

#[tokio::test]
async fn an_authority_that_is_silent_leaves_the_word_to_most_operators() {
    let servers = Servers::start().await;
    servers
        .alpha
        .edit(|script| script.plant("dialer1.example.com", "A", 300, &["192.0.2.1"]));
    servers
        .beta
        .edit(|script| script.plant("dialer1.example.com", "A", 300, &["192.0.2.1"]));
    servers.authority.edit(|script| script.fault(Fault::Silent));
    let ran = check(&servers, &["dialer1.example.com", "--type", "A"]).await;
    assert_tells!("silent_authority", ran.fits());
}

#[tokio::test]
async fn a_missing_name_is_a_finding() {
    let servers = Servers::start().await;
    let ran = check(&servers, &["nowhere.example.com", "--type", "A"]).await;
    assert_tells!("missing", ran.fits());
    assert_eq!(ran.code, 1);
}

#[tokio::test]
async fn a_check_has_rows_for_other_programs() {
    let servers = Servers::start().await;
    servers
        .beta
        .edit(|script| script.plant("dialer1.example.com", "A", 300, &["198.51.100.66"]));
    let question = ["dialer1.example.com", "--type", "A", "--format"];
    for format in ["csv", "markdown", "json"] {
        let ran = check(&servers, &[&question[..], &[format]].concat()).await;
        assert_tells!(format!("unexplained_as_{format}"), ran.shown());
        assert_eq!(ran.code, 1);
    }
}
