//! `check NAME…`: one audit now, or one after another, without configuration or database.
//!
//! A single audit has no history: an answer that the authority does not serve now is `unexplained` there, since nobody
//! can say whether it is an old value still within its TTL. With `--watch` each audit is the next one's history.
//! Deliberately absent: any verdict of its own.

mod agreement;
mod changes;
mod group;
mod messages;
mod options;
mod report;
pub(super) mod resolvers;
mod watch;

use std::time::Duration;

use clap::{Args, ValueEnum};

use super::{
    CliError, EXIT_BREACH, EXIT_OK, EXIT_UNKNOWN, Format,
    output::{Output, count},
    pattern::Pattern,
};
use crate::{
    audit::{
        exposure::{Said, exposures},
        verdict::State,
    },
    clock,
    config::{Config, Group},
    daemon,
    evaluator::{Audit, audit_once},
    types::{RecordType, Severity},
};
use report::Report;

#[derive(Debug, Args)]
#[command(
    after_help = "Exit codes: 0 all consistent; 1 a breach, also where a resolver or one of its transports fails \
                        while others answer; 2 usage or configuration; 3 nothing answered. With --watch that of the \
                        last round."
)]
pub(super) struct CheckArgs {
    /// Names; `dialer{1..40}.example.com` stands for forty
    #[arg(required = true, value_name = "NAME")]
    names: Vec<Pattern>,
    /// Record types: mnemonics, or `TYPEnnn`
    #[arg(
        long = "type",
        value_delimiter = ',',
        default_value = "A,AAAA",
        value_name = "TYPE"
    )]
    types: Vec<RecordType>,
    #[command(flatten)]
    whom: resolvers::Whom,
    /// Authoritative servers, instead of walking the delegation
    #[arg(long = "authority", value_delimiter = ',', value_name = "ADDRESS", value_parser = group::authority)]
    authorities: Vec<std::net::SocketAddr>,
    /// Highest allowed TTL at the authority, seconds
    #[arg(long, default_value_t = 300, value_name = "SECONDS")]
    max_ttl: u32,
    /// Time one UDP attempt may take
    #[arg(long, default_value = "1s", value_parser = group::timeout, value_name = "DURATION")]
    timeout: Duration,
    /// Ask again until Ctrl-C, every 5s unless told otherwise, and show what has changed; JSON is one object a line
    #[arg(long, num_args = 0..=1, default_missing_value = "5s", value_parser = group::interval, value_name = "INTERVAL")]
    watch: Option<Duration>,
    /// Show every query and its response; with `=hex` their octets, too
    #[arg(
        long,
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "text",
        value_name = "HOW",
        hide_possible_values = true
    )]
    debug: Option<Debug>,
    #[command(flatten)]
    options: options::Beside,
}

/// How messages are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Debug {
    /// As `dig` shows them.
    Text,
    /// With their octets below.
    Hex,
}

pub(super) async fn run(args: &CheckArgs, config: &Config, output: Output) -> Result<u8, CliError> {
    let rows = matches!(output.format, Format::Csv | Format::Markdown);
    if rows && (args.watch.is_some() || args.debug.is_some()) {
        let option = if args.debug.is_some() {
            "--debug"
        } else {
            "--watch"
        };
        let message = format!("{option} has no rows: --format takes a table or json with it");
        return Err(CliError::Usage(message));
    }
    let group = group::of(args, config)?;
    daemon::check_endpoints(&group.resolvers)?;
    let asker = daemon::asker(config)?;
    if let Some(interval) = args.watch {
        return watch::run(&asker, &group, interval, args.debug, output).await;
    }
    announce(&group, output);
    let report = Report::of(audit_once(&asker, &group).await, &group, args.debug);
    output.progress("");
    let table = |report: &Report| report::table(report, args.debug);
    output.list(&report, table, report::listing)?;
    Ok(report.exit_code())
}

fn announce(group: &Group, output: Output) {
    let addresses = group.resolvers.iter();
    let addresses: usize = addresses.map(|resolver| resolver.addresses.len()).sum();
    output.progress(&format!(
        "asking {} of {} and the authorities…",
        count(group.questions().count(), "question"),
        count(addresses, "resolver address")
    ));
}

impl Report {
    /// The report on one audit; its messages are kept where they are to be shown.
    fn of(audit: Audit, group: &Group, debug: Option<Debug>) -> Self {
        let said: Vec<_> = audit
            .observations
            .iter()
            .filter_map(Said::in_reply)
            .collect();
        let resolvers = group.resolvers.iter().map(AsRef::as_ref);
        Self {
            checked_at: clock::now(),
            exposures: exposures(audit.questions.iter().cloned(), resolvers, &said),
            questions: audit.questions,
            messages: debug.map(|_| messages::of(audit.observations)),
            verdicts: audit.verdicts,
            findings: audit.findings,
        }
    }

    fn exit_code(&self) -> u8 {
        exit_code(
            self.verdicts.iter().map(|verdict| verdict.state),
            self.findings.iter().map(|finding| finding.severity),
        )
    }
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
