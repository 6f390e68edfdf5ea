//! `check NAME…`: one audit now, without configuration, database or history.
//!
//! An answer that the authority does not serve now is `unexplained` here: without history nobody can say whether it is
//! an old value still within its TTL. Deliberately absent: any verdict of its own.

mod group;
mod report;

use std::time::Duration;

use clap::Args;

use super::{
    CliError, EXIT_BREACH, EXIT_OK, EXIT_UNKNOWN,
    output::{Output, count},
    pattern::Pattern,
};
use crate::{
    audit::verdict::State,
    config::Config,
    daemon,
    evaluator::audit_once,
    types::{self, RecordType, Severity},
};
use report::Report;

#[derive(Debug, Args)]
pub(super) struct CheckArgs {
    /// Names; `dialer{1..40}.example.com` stands for forty
    #[arg(required = true, value_name = "NAME")]
    names: Vec<Pattern>,
    /// Record types
    #[arg(
        long = "type",
        value_delimiter = ',',
        default_value = "A,AAAA",
        value_name = "TYPE"
    )]
    types: Vec<RecordType>,
    /// Resolver ids and addresses (`9.9.9.9`, `192.0.2.1:5353`) [default: quad9,cloudflare,google]
    #[arg(long = "resolver", value_delimiter = ',', value_name = "ID|ADDRESS")]
    resolvers: Vec<String>,
    /// Authoritative servers, instead of walking the delegation
    #[arg(long = "authority", value_delimiter = ',', value_name = "ADDRESS", value_parser = group::authority)]
    authorities: Vec<std::net::SocketAddr>,
    /// Highest allowed TTL at the authority, seconds
    #[arg(long, default_value_t = 300, value_name = "SECONDS")]
    max_ttl: u32,
    /// Time one UDP attempt may take
    #[arg(long, default_value = "1s", value_parser = group::timeout, value_name = "DURATION")]
    timeout: Duration,
}

pub(super) async fn run(args: &CheckArgs, config: &Config, output: Output) -> Result<u8, CliError> {
    let group = group::of(args, config)?;
    let asker = daemon::asker(config)?;
    let addresses: usize = group
        .resolvers
        .iter()
        .map(|resolver| resolver.addresses.len())
        .sum();
    output.progress(&format!(
        "asking {} of {} and the authorities…",
        count(group.questions().count(), "question"),
        count(addresses, "resolver address")
    ));
    let (verdicts, findings) = audit_once(&asker, &group).await;
    output.progress("");
    let report = Report {
        checked_at: types::now(),
        verdicts,
        findings,
    };
    let table = |report: &Report| report::table(report, group.questions());
    output.list(&report, table, report::listing)?;
    Ok(exit_code(
        report.verdicts.iter().map(|verdict| verdict.state),
        report.findings.iter().map(|finding| finding.severity),
    ))
}

/// 0 all consistent, 1 a breach (also when some resolvers fail while others answer), 3 no resolver answered.
fn exit_code(
    states: impl Iterator<Item = State> + Clone,
    mut findings: impl Iterator<Item = Severity>,
) -> u8 {
    let silent = |state| matches!(state, State::Unknown | State::Unreachable);
    if states.clone().all(silent) {
        return EXIT_UNKNOWN;
    }
    let mut states = states;
    let consistent = states.all(|state| state == State::Consistent);
    let warned = findings.any(|severity| severity >= Severity::Warning);
    if consistent && !warned {
        EXIT_OK
    } else {
        EXIT_BREACH
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(states: &[State], findings: &[Severity], expected: u8) {
        let code = exit_code(states.iter().copied(), findings.iter().copied());
        assert_eq!(code, expected, "{states:?} {findings:?}");
    }

    #[test]
    fn the_exit_code_says_consistent_breach_or_could_not_tell() {
        check(&[State::Consistent, State::Consistent], &[], EXIT_OK);
        check(&[State::Consistent], &[Severity::Info], EXIT_OK);
        check(&[State::Consistent], &[Severity::Warning], EXIT_BREACH);
        check(&[State::Consistent, State::Unexplained], &[], EXIT_BREACH);
        check(&[State::Consistent, State::Unreachable], &[], EXIT_BREACH);
        check(&[State::Servfail, State::Servfail], &[], EXIT_BREACH);
        check(&[State::Unreachable], &[Severity::Critical], EXIT_UNKNOWN);
        check(&[State::Unreachable, State::Unknown], &[], EXIT_UNKNOWN);
    }
}
