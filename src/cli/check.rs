//! `check NAME…`: one audit now, without configuration, database or history.
//!
//! An answer that the authority does not serve now is `unexplained` here: without history nobody can say whether it is
//! an old value still within its TTL. Deliberately absent: any verdict of its own.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use clap::Args;
use serde::Serialize;

use super::{
    CliError, EXIT_BREACH, EXIT_OK, EXIT_UNKNOWN,
    output::{Output, inert, instant, instant_or_dash, wrap},
    table,
};
use crate::{
    audit::{
        finding::Finding,
        verdict::{State, Verdict},
    },
    config::{Config, Group, Schedule},
    daemon,
    evaluator::audit_once,
    names::{DnsName, braces},
    types::{Policy, Question, RecordType, Resolver, ResolverTraits, Severity, Transport},
};

/// Resolvers asked when none are named.
const USUAL: [&str; 3] = ["quad9", "cloudflare", "google"];

#[derive(Debug, Args)]
pub(super) struct CheckArgs {
    /// Names; `dialer{1..40}.example.com` stands for forty
    #[arg(required = true, value_name = "NAME")]
    names: Vec<String>,
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
    #[arg(long = "authority", value_delimiter = ',', value_name = "ADDRESS")]
    authorities: Vec<String>,
    /// Highest allowed TTL at the authority, seconds
    #[arg(long, default_value_t = 300, value_name = "SECONDS")]
    max_ttl: u32,
    /// Time one UDP attempt may take
    #[arg(long, default_value = "1s", value_parser = humantime::parse_duration, value_name = "DURATION")]
    timeout: Duration,
}

/// The JSON shape of a check.
#[derive(Debug, Serialize)]
struct Report {
    /// When it was made.
    checked_at: DateTime<Utc>,
    /// One per question and resolver address.
    verdicts: Vec<Verdict>,
    /// What is wrong at the authorities.
    findings: Vec<Finding>,
}

pub(super) async fn run(args: &CheckArgs, config: &Config, output: Output) -> Result<u8, CliError> {
    let group = group(args, config)?;
    let asker = daemon::asker(config)?;
    let questions = group.questions().count();
    let addresses: usize = group
        .resolvers
        .iter()
        .map(|resolver| resolver.addresses.len())
        .sum();
    output.progress(&format!(
        "asking {questions} questions of {addresses} resolver addresses and the authorities…"
    ));
    let (verdicts, findings) = audit_once(&asker, &group).await;
    output.progress("");
    let report = Report {
        checked_at: Utc::now(),
        verdicts,
        findings,
    };
    output.print(&report, render)?;
    Ok(exit_code(&report))
}

/// 0 all consistent, 1 a breach (also when some resolvers fail while others answer), 3 nothing answered.
fn exit_code(report: &Report) -> u8 {
    let answered =
        |verdict: &Verdict| !matches!(verdict.state, State::Unknown | State::Unreachable);
    if !report.verdicts.iter().any(answered) {
        return EXIT_UNKNOWN;
    }
    let consistent = report
        .verdicts
        .iter()
        .all(|verdict| verdict.state == State::Consistent);
    let warned = report
        .findings
        .iter()
        .any(|finding| finding.severity >= Severity::Warning);
    if consistent && !warned {
        EXIT_OK
    } else {
        EXIT_BREACH
    }
}

fn group(args: &CheckArgs, config: &Config) -> Result<Group, CliError> {
    let usage = |error: &dyn std::fmt::Display| CliError::Usage(error.to_string());
    let mut names: Vec<DnsName> = Vec::new();
    for pattern in &args.names {
        for name in braces::expand(pattern).map_err(|error| usage(&error))? {
            names.push(name.parse().map_err(|error| usage(&error))?);
        }
    }
    names.sort();
    names.dedup();
    let usual: Vec<String> = USUAL.iter().map(ToString::to_string).collect();
    let wanted = if args.resolvers.is_empty() {
        &usual
    } else {
        &args.resolvers
    };
    let resolvers = wanted
        .iter()
        .map(|text| resolver(text, config))
        .collect::<Result<_, _>>()?;
    let authorities = args.authorities.iter().map(|text| {
        address(text).ok_or_else(|| {
            CliError::Usage(format!(
                "--authority {text}: not an address, or address:port"
            ))
        })
    });
    Ok(Group {
        name: "check".to_owned(),
        names,
        types: args.types.clone(),
        schedule: Schedule::parse("0 * * * * *").map_err(|error| usage(&error))?,
        resolvers,
        authorities: authorities.collect::<Result<_, _>>()?,
        policy: Policy {
            max_ttl: args.max_ttl,
            ..Policy::default()
        },
        samples: 1,
        timeout: args.timeout,
        attempts: 2,
        channels: Vec::new(),
        runbook: None,
        tags: std::collections::BTreeMap::new(),
    })
}

fn address(text: &str) -> Option<SocketAddr> {
    text.parse()
        .ok()
        .or_else(|| text.parse().ok().map(|ip| SocketAddr::new(ip, 53)))
}

/// A configured resolver by id, or any address.
fn resolver(text: &str, config: &Config) -> Result<Arc<Resolver>, CliError> {
    if let Some(known) = config.resolvers.iter().find(|resolver| resolver.id == text) {
        return Ok(known.clone());
    }
    let Some(address) = address(text) else {
        let known: Vec<_> = config
            .resolvers
            .iter()
            .map(|resolver| resolver.id.as_str())
            .collect();
        return Err(CliError::Usage(format!(
            "--resolver {text}: neither an address nor a known id; known are {}",
            known.join(", ")
        )));
    };
    Ok(Arc::new(Resolver {
        id: text.to_owned(),
        operator: text.to_owned(),
        addresses: vec![address],
        transport: Transport::Udp,
        max_qps: 100,
        traits: ResolverTraits::default(),
    }))
}

fn render(report: &Report) -> String {
    let mut text = String::new();
    let mut questions: Vec<&Question> = report
        .verdicts
        .iter()
        .map(|verdict| &verdict.question)
        .collect();
    questions.dedup();
    for question in questions {
        let verdicts: Vec<_> = report
            .verdicts
            .iter()
            .filter(|verdict| verdict.question == *question)
            .collect();
        text += &render_question(question, &verdicts);
        text.push('\n');
    }
    for finding in &report.findings {
        text += &wrap(
            &format!(
                "{} {}: {}",
                finding.severity,
                finding.kind,
                inert(&finding.reason)
            ),
            "",
            100,
        );
        text.push('\n');
    }
    text + &summary(report)
}

fn render_question(question: &Question, verdicts: &[&Verdict]) -> String {
    let rows = verdicts.iter().map(|verdict| {
        let seen = &verdict.observed;
        [
            seen.source.to_string(),
            verdict.state.to_string(),
            seen.ttl
                .map_or_else(|| "-".to_owned(), |ttl| ttl.to_string()),
            instant_or_dash(verdict.cached_until),
            inert(&seen.answer_text()),
        ]
    });
    let head = ["RESOLVER", "VERDICT", "TTL", "CACHED UNTIL", "ANSWER"];
    let mut text = format!(
        "{question}{}\n{}",
        baseline(verdicts),
        table::render(head, rows)
    );
    let mut reasons: Vec<_> = verdicts
        .iter()
        .filter(|verdict| verdict.state != State::Consistent)
        .collect();
    reasons.dedup_by_key(|verdict| &verdict.reason);
    for verdict in reasons {
        text += &wrap(
            &format!("{}: {}", verdict.resolver, inert(&verdict.reason)),
            "  ",
            100,
        );
        text.push('\n');
    }
    text
}

fn baseline(verdicts: &[&Verdict]) -> String {
    let Some(baseline) = verdicts
        .iter()
        .find_map(|verdict| verdict.baseline.as_ref())
    else {
        return "  (no authority answered)".to_owned();
    };
    let records = baseline.answer_text();
    let ttl = baseline
        .ttl
        .map(|ttl| format!(", TTL {ttl}"))
        .unwrap_or_default();
    format!("  authority: {}{ttl}", inert(&records))
}

fn summary(report: &Report) -> String {
    let total = report.verdicts.len();
    let consistent = report
        .verdicts
        .iter()
        .filter(|verdict| verdict.state == State::Consistent)
        .count();
    format!(
        "{consistent} of {total} answers consistent, {} findings, {}\n",
        report.findings.len(),
        instant(report.checked_at)
    )
}
