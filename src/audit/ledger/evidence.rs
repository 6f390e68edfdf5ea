//! What is bad this round, verdicts and findings in one shape: sightings.
//!
//! Deliberately absent: anything quieter than a warning (it opens nothing), and resolver states that an authority finding
//! explains (one cause is told once, at the authority): [`explained`].

use std::{cmp::Reverse, collections::BTreeSet, sync::Arc};

use chrono::{DateTime, Utc};

use crate::{
    audit::{
        evidence::{Baseline, Observed},
        finding::{Finding, FindingKind, Subject},
        incident::{Axis, IncidentKey},
        ledger::{Judgement, backends, book::Book, explained},
        verdict::{Family, State, Verdict},
    },
    names::DnsName,
    types::{Question, Resolver, Severity, Source},
};

/// Rounds in a row after which a verdict of rows 1, 2 and 4 is believed.
const FAILING_ROUNDS: u32 = 3;
/// Rounds in a row after which a state is believed that re-asking did not show a second time.
const UNCONFIRMED_ROUNDS: u32 = 2;

/// One breach at one place in one round.
pub(super) struct Sighting<'a> {
    /// Its incident when nothing wider gathers it.
    pub(super) home: IncidentKey,
    /// Its incident this round.
    pub(super) target: IncidentKey,
    /// The resolver at fault; `None` for findings at the authority.
    pub(super) resolver: Option<&'a str>,
    /// The zone that gathers it, where many names of one zone share a finding.
    pub(super) zone: Option<&'a DnsName>,
    /// What it concerns.
    pub(super) questions: Vec<&'a Question>,
    /// Every resolver it was seen at.
    pub(super) resolvers: Vec<&'a str>,
    /// The authoritative servers it was seen at.
    pub(super) authorities: &'a [String],
    pub(super) severity: Severity,
    /// The state's or the finding's name.
    pub(super) verdict: &'static str,
    pub(super) reason: String,
    pub(super) baseline: Option<&'a Baseline>,
    pub(super) observed: Vec<&'a Observed>,
    pub(super) cached_until: Option<DateTime<Utc>>,
    pub(super) worst_case_until: Option<DateTime<Utc>>,
    /// Bad backends, as in [`crate::audit::incident::Incident::backends`].
    pub(super) backends: BTreeSet<String>,
    /// What is counted until it is believed: candidate subject and rounds needed. Any one suffices.
    pub(super) counters: Vec<(String, u32)>,
    /// Seen at least twice in this round.
    pub(super) certain: bool,
    /// Whether it is believed as something new to its incident. Set by `confirm`.
    pub(super) confirmed: bool,
    /// First bad sample. Taken back to earlier rounds by `confirm`.
    pub(super) since: DateTime<Utc>,
    /// Last bad sample of the round.
    pub(super) at: DateTime<Utc>,
}

/// Everything bad this round, worst first, in an order that does not depend on that of the input.
pub(super) fn gather<'a>(judgement: &Judgement<'a>, book: &Book) -> Vec<Sighting<'a>> {
    let verdicts = judgement
        .verdicts
        .iter()
        .filter(|verdict| verdict.severity >= Severity::Warning)
        .filter(|verdict| !explained::is_explained(verdict, judgement, book))
        .filter_map(|verdict| of_verdict(verdict, judgement.group));
    let findings = judgement
        .findings
        .iter()
        .filter(|finding| finding.severity >= Severity::Warning)
        .flat_map(|finding| of_finding(finding, judgement));
    let mut sightings: Vec<_> = verdicts.chain(findings).collect();
    sightings.sort_by(|a, b| order(a).cmp(&order(b)));
    sightings
}

fn order<'s>(sighting: &'s Sighting<'_>) -> impl Ord + use<'s> {
    (
        Reverse(sighting.severity),
        !sighting.certain,
        &sighting.home,
        sighting.resolver,
        &sighting.counters,
        &sighting.reason,
    )
}

fn of_verdict<'a>(verdict: &'a Verdict, group: &str) -> Option<Sighting<'a>> {
    let family = verdict.state.family()?;
    let subject = verdict_subject(&verdict.question, &verdict.observed.source);
    let counters = match verdict.state {
        State::Bogus => vec![
            (subject.clone(), FAILING_ROUNDS),
            (format!("{subject} bogus"), UNCONFIRMED_ROUNDS),
        ],
        state if state.needs_asking_again() => vec![(subject, UNCONFIRMED_ROUNDS)],
        _ => vec![(subject, FAILING_ROUNDS)],
    };
    let home = IncidentKey {
        group: group.to_owned(),
        axis: Axis::Name,
        subject: verdict.question.to_string(),
        family,
    };
    let (since, at) = backends::bad_between(verdict, family);
    Some(Sighting {
        target: home.clone(),
        home,
        resolver: Some(&verdict.resolver),
        zone: None,
        questions: vec![&verdict.question],
        resolvers: vec![&verdict.resolver],
        authorities: &[],
        severity: verdict.severity,
        verdict: verdict.state.name(),
        reason: verdict.reason.clone(),
        baseline: verdict.baseline.as_ref(),
        observed: vec![&verdict.observed],
        cached_until: verdict.cached_until,
        worst_case_until: verdict.worst_case_until,
        backends: backends::bad_backends(verdict, family),
        counters,
        certain: verdict.confirmed && verdict.state.needs_asking_again(),
        confirmed: false,
        since,
        at,
    })
}

/// One sighting, or one for each resolver where the finding is the resolvers' own.
fn of_finding<'a>(finding: &'a Finding, judgement: &Judgement<'_>) -> Vec<Sighting<'a>> {
    if finding.resolvers.is_empty() {
        return vec![of_finding_at(finding, None, judgement)];
    }
    if finding.subject == Subject::Vantage {
        return vec![Sighting {
            resolvers: finding.resolvers.iter().map(String::as_str).collect(),
            ..of_finding_at(finding, None, judgement)
        }];
    }
    let each = finding.resolvers.iter();
    each.map(|resolver| of_finding_at(finding, Some(resolver), judgement))
        .collect()
}

fn of_finding_at<'a>(
    finding: &'a Finding,
    resolver: Option<&'a String>,
    judgement: &Judgement<'_>,
) -> Sighting<'a> {
    let (axis, subject) = place(finding, judgement.vantage);
    let counted = match resolver {
        Some(resolver) => format!("{subject} @ {resolver}"),
        None => subject.clone(),
    };
    let home = IncidentKey {
        group: judgement.group.to_owned(),
        axis,
        subject,
        family: Family::Finding(finding.kind),
    };
    let own = |observed: &&Observed| resolver.is_none_or(|id| *id == observed.resolver);
    let observed: Vec<_> = finding.observed.iter().filter(own).collect();
    let mut questions: Vec<_> = finding.questions.iter().collect();
    if let (true, Subject::Question(question)) = (questions.is_empty(), &finding.subject) {
        questions.push(question);
    }
    Sighting {
        target: home.clone(),
        home,
        resolver: resolver.map(String::as_str),
        zone: finding
            .zone
            .as_ref()
            .filter(|_| axis == Axis::Name && resolver.is_none()),
        questions,
        resolvers: resolver.map(String::as_str).into_iter().collect(),
        authorities: &finding.authorities,
        severity: finding.severity,
        verdict: finding.kind.name(),
        reason: finding.reason.clone(),
        baseline: finding.baseline.as_ref(),
        cached_until: observed.iter().filter_map(|one| one.cached_until).max(),
        observed,
        worst_case_until: None,
        backends: BTreeSet::new(),
        counters: vec![(counted, finding.kind.rounds_to_confirm())],
        certain: false,
        confirmed: false,
        since: finding.at,
        at: finding.at,
    }
}

/// Where a finding is told by itself. A zone of which no server answers is one cause, however many servers it has.
fn place(finding: &Finding, vantage: &str) -> (Axis, String) {
    let whole_zone =
        finding.kind == FindingKind::AuthorityUnreachable && finding.severity == Severity::Critical;
    match (&finding.subject, &finding.zone) {
        (Subject::Zone(zone), _) => (Axis::Authority, zone.to_string()),
        (Subject::Server { .. }, Some(zone)) if whole_zone => (Axis::Authority, zone.to_string()),
        (Subject::Server { address, .. }, _) => (Axis::Authority, address.clone()),
        (Subject::Question(question), _) => (Axis::Name, question.to_string()),
        (Subject::Vantage, _) => (Axis::Vantage, vantage.to_owned()),
    }
}

/// What a candidate of a verdict is called: `name type @ resolver address`.
pub(super) fn verdict_subject(question: &Question, source: &Source) -> String {
    format!("{question} @ {} {}", source.id, source.address)
}

/// Whether the configuration still asks what a candidate counts. Findings and `blind` need no care: they drop out of the
/// count by themselves once they are no longer seen.
pub(super) fn is_asked(
    subject: &str,
    family: Family,
    names: &BTreeSet<DnsName>,
    resolvers: &[Arc<Resolver>],
) -> bool {
    if !matches!(family, Family::Value | Family::Failure) {
        return true;
    }
    let name_asked = names.iter().any(|name| {
        subject
            .strip_prefix(name.as_str())
            .is_some_and(|rest| rest.starts_with(' '))
    });
    name_asked
        && resolvers
            .iter()
            .flat_map(|one| one.sources())
            .any(|source| {
                let place = format!(" @ {} {}", source.id, source.address);
                subject.trim_end_matches(" bogus").ends_with(&place)
            })
}
