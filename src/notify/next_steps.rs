//! What to do now, for one incident: the same list in every kind of message.
//!
//! Deliberately absent: doing any of it. No operator documents an interface for flushing, so that a person follows
//! the link.

use std::collections::BTreeSet;

use chrono::{DateTime, SecondsFormat, Utc};

use crate::{
    audit::incident::{Incident, Status},
    notify::MessageContext,
};

/// One thing to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NextStep {
    /// What, in the imperative, without markup.
    pub title: String,
    /// Where, if there is a page for it.
    pub url: Option<String>,
}

impl NextStep {
    fn new(title: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            url: None,
        }
    }

    fn at(title: impl Into<String>, url: &str) -> Self {
        Self {
            title: title.into(),
            url: Some(url.to_owned()),
        }
    }
}

/// The steps for `incident`, most effective first; the runbook comes last. None once it is resolved.
pub fn next_steps(incident: &Incident, context: &MessageContext<'_>) -> Vec<NextStep> {
    if incident.status == Status::Resolved {
        return Vec::new();
    }
    let mut steps = match incident.verdict.as_str() {
        "unexplained" | "divergent" | "nxdomain_mismatch" | "nodata_mismatch" | "propagating"
        | "stale_declared" => flushes(incident, context),
        "propagating_long" | "stale_overdue" | "stale_extended" => {
            let mut steps = flushes(incident, context);
            steps.push(keep_old_answer_working(incident));
            if incident.verdict == "propagating_long" {
                steps.push(lower_ttl(context));
            }
            steps
        }
        "filtered" => operators(incident, context)
            .into_iter()
            .map(|(operator, _)| {
                NextStep::new(format!(
                    "Ask {operator} why the name is blocked, and to unblock it"
                ))
            })
            .collect(),
        "unreachable" | "refused" => vec![NextStep::new(format!(
            "Check the path from {} to the resolver, and its rate limits",
            context.vantage
        ))],
        finding => finding_step(finding)
            .map(NextStep::new)
            .into_iter()
            .collect(),
    };
    if let Some(runbook) = context.group.runbook {
        steps.push(NextStep::at("Open the runbook", runbook));
    }
    if incident.acked_at.is_none() {
        steps.push(NextStep::new(format!(
            "Take it, so that it is not told again while it stays as it is: dns-auditor incidents ack {}",
            incident.id
        )));
    }
    steps
}

fn finding_step(verdict: &str) -> Option<&'static str> {
    Some(match verdict {
        "bogus" => {
            "Check the zone's DNSSEC chain: DS at the parent, DNSKEY and RRSIG lifetimes at the child"
        }
        "servfail" => {
            "Check that every authoritative server answers from outside, over UDP and TCP"
        }
        "name_missing" => "Restore the name at the authority, or take it out of the group",
        "ttl_above_policy" => {
            "Lower the TTL at the authority: what was fetched before stays cached for the old TTL"
        }
        "negative_ttl_above_policy" => "Lower the SOA record's TTL or MINIMUM at the authority",
        "ttl_stretched" => "Expect this resolver to follow a change later than the TTL says",
        "authority_split" => {
            "Compare the SOA serials of the authoritative servers and repair the transfer"
        }
        "lame_authority" => "Load the zone on the lame server, or take it out of the NS sets",
        "authority_unreachable" => "Check the authoritative server and the path to it",
        "ns_mismatch" => "Make the NS sets at parent and child equal",
        "rrset_ttl_mismatch" => "Give the records of the set one TTL at the authority",
        "delegation_ttl" => "Lower the TTL of the NS records, or ask the parent's operator to",
        "serial_lag" => "Check the zone transfer to this server, and the way of its notifications",
        "expected_mismatch" => {
            "Correct the record at the authority; declare it where it is right (`change declare`, or `expect`)"
        }
        "unexpected_change" => {
            "Find out who changed the record; declare it where it was meant (`change declare --at`)"
        }
        "path_intercepted" => {
            "Find out who answers port 53 on this vantage's way out; ask resolvers over TLS, HTTPS or QUIC until then"
        }
        "ent_nxdomain" => {
            "Have the server answer NOERROR without data for the name (RFC 8020), or give the name a record of its own"
        }
        "unwatched" => {
            "Look at the auditor: its log, /readyz, its database and the load of its machine"
        }
        "blind" => "Check this vantage's own network and its way to the Internet",
        _ => return None,
    })
}

/// One step per operator involved: its flush page, or that there is none.
fn flushes(incident: &Incident, context: &MessageContext<'_>) -> Vec<NextStep> {
    operators(incident, context)
        .into_iter()
        .map(|(operator, page)| match page {
            Some(page) => NextStep::at(format!("Flush {operator}'s cache"), page),
            // Quad9 publishes that it has no tool and honours no requests; of others we only know of no page.
            None if operator.eq_ignore_ascii_case("quad9") => {
                NextStep::new(format!("{operator} has no flush tool: wait it out"))
            }
            None => NextStep::new(format!(
                "Flush {operator}'s cache (no public page is known)"
            )),
        })
        .collect()
}

/// The next change is over sooner then; what is cached now stays.
fn lower_ttl(context: &MessageContext<'_>) -> NextStep {
    NextStep::new(match context.group.max_ttl {
        Some(most) => format!("Lower the TTL at the authority to {most} before the next change"),
        None => "Lower the TTL at the authority before the next change".to_owned(),
    })
}

fn keep_old_answer_working(incident: &Incident) -> NextStep {
    NextStep::new(match incident.worst_case_until.or(incident.cached_until) {
        Some(until) => format!(
            "Keep the old address answering until {}: clients are sent there",
            utc(until)
        ),
        None => "Keep the old address answering: clients are sent there".to_owned(),
    })
}

/// The operators of the resolvers involved, each once, with their flush pages. A resolver that is no longer
/// configured speaks by its id.
fn operators<'a>(
    incident: &'a Incident,
    context: &'a MessageContext<'_>,
) -> BTreeSet<(&'a str, Option<&'a str>)> {
    incident
        .resolvers
        .iter()
        .map(|id| match context.resolver(id) {
            Some(resolver) => (
                resolver.operator.as_str(),
                resolver.traits.flush_page.as_deref(),
            ),
            None => (id.as_str(), None),
        })
        .collect()
}

/// An instant as people read it: `2026-11-22 19:05:00Z`.
pub(crate) fn utc(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
        .replace('T', " ")
}
