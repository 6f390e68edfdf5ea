//! Rows 1 to 5: no usable answer, or one that was blocked or rewritten on purpose.
//!
//! Deliberately absent: how many rounds it takes before somebody is told.

use std::net::IpAddr;

use chrono::TimeDelta;

use super::{Judged, context::Context, reason::instant};
use crate::{
    audit::{
        history::{EPSILON, LinkKey},
        verdict::State,
    },
    types::{Ede, Flags, NoReply, Observation, Rcode, SeriesKey, Severity, Status, Value},
};

/// Longest time a resolver may remember that a resolution failed (RFC 9520 section 3.2).
pub(crate) const FAILURE_REMEMBERED: TimeDelta = TimeDelta::minutes(5);

/// Row 2: the extended errors that say "not for you" (RFC 8914 sections 4.19, 4.21, 4.22, 4.29, 4.31).
const REFUSING: [u16; 5] = [18, 20, 21, 28, 30];
/// Row 2: what a resolver says to a question with RD=0 (RFC 8914 section 4.21).
const NOT_AUTHORITATIVE: u16 = 20;
/// Row 3: the extended errors that say that validation failed.
const BOGUS: [u16; 12] = [1, 2, 5, 6, 7, 8, 9, 10, 11, 12, 25, 27];
/// Row 5: the extended errors that say that the answer was blocked or forged.
const FILTERING: [u16; 4] = [4, 15, 16, 17];
/// Row 4: the extended errors that blame the way to the authority.
const AUTHORITY_PATH: [u16; 3] = [22, 23, 24];
/// Row 4: a failure from the cache (RFC 9520).
const CACHED_ERROR: u16 = 13;

/// The sample's state, where rows 1 to 5 match; `None` leaves it to the later rows.
pub(super) fn judge(context: &Context, sample: &Observation) -> Option<Judged> {
    let peeks = context.input.peeks(&sample.source.id);
    let (state, severity, what) = match sample.answer.status {
        Status::NoReply(why) => (State::Unreachable, Severity::Warning, silence(why, sample)),
        Status::Malformed(rcode) => (
            State::Unreachable,
            Severity::Warning,
            if sample.flags.has(Flags::TC) {
                format!("sent a reply that is cut short or does not decode ({rcode})")
            } else {
                format!("sent a reply that does not decode ({rcode})")
            },
        ),
        Status::Rcode(rcode) if is_not_cached(rcode, sample, peeks) => (
            State::Unknown,
            Severity::None,
            "holds nothing of this in its cache, which is all that was asked for (RD=0)".to_owned(),
        ),
        Status::Rcode(rcode) => refusal(rcode, sample, peeks)
            .or_else(|| servfail(context, rcode, sample))
            .or_else(|| filtered(context, sample))
            .or_else(|| nothing(rcode, sample))?,
    };
    Some(Judged::new(
        state,
        severity,
        format!("{} {what}", sample.source),
    ))
}

/// Whether a reply leaves the question as it was, rows 1 and 2: silence, nonsense, or "not for you". `peeks`: only the
/// resolver's cache was asked.
pub fn is_turned_away(sample: &Observation, peeks: bool) -> bool {
    let Status::Rcode(rcode) = sample.answer.status else {
        return true;
    };
    let is_filtered = has_ede(sample, &FILTERING).is_some();
    refusal(rcode, sample, peeks).is_some()
        || (rcode != Rcode::SERVFAIL
            && !is_filtered
            && !is_not_cached(rcode, sample, peeks)
            && nothing(rcode, sample).is_some())
}

type Row = (State, Severity, String);

/// Whether a cache that was only looked at says that it holds nothing: by neither data nor a denial that an SOA proves,
/// or by SERVFAIL.
fn is_not_cached(rcode: Rcode, sample: &Observation, peeks: bool) -> bool {
    let proves_nothing = || match sample.answer.links.last() {
        None => true,
        Some(link) => link.value == Value::Nodata && sample.ttls.last().is_none_or(Vec::is_empty),
    };
    peeks
        && match rcode {
            Rcode::SERVFAIL => has_ede(sample, &BOGUS).is_none(),
            Rcode::NOERROR => has_ede(sample, &FILTERING).is_none() && proves_nothing(),
            _ => false,
        }
}

/// Row 2. An extended error beside data is a remark; beside anything else it says "not for you". That a resolver is not
/// authoritative is no news to one who only looks at its cache.
fn refusal(rcode: Rcode, sample: &Observation, peeks: bool) -> Option<Row> {
    let is_positive = sample
        .answer
        .last()
        .is_some_and(|link| !link.value.is_negative());
    let what = match has_ede(sample, &REFUSING) {
        Some(ede) if !(is_positive || peeks && ede.code == NOT_AUTHORITATIVE) => {
            format!("answered {rcode} with EDE {}", ede.code)
        }
        _ if [Rcode::REFUSED, Rcode::NOTIMP, Rcode::FORMERR].contains(&rcode) => {
            format!("answered {rcode}")
        }
        _ => return None,
    };
    Some((State::Refused, Severity::Warning, what))
}

/// What is in no row of its own is nearest to a refusal: any other RCODE, or neither data nor a denial.
fn nothing(rcode: Rcode, sample: &Observation) -> Option<Row> {
    if sample.answer.is_data() {
        return None;
    }
    let what = if rcode == Rcode::NOERROR {
        "answered with neither data nor a denial".to_owned()
    } else {
        format!("answered {rcode}")
    };
    Some((State::Refused, Severity::Warning, what))
}

/// Rows 3 and 4.
fn servfail(context: &Context, rcode: Rcode, sample: &Observation) -> Option<Row> {
    if rcode != Rcode::SERVFAIL {
        return None;
    }
    let bogus = |what| Some((State::Bogus, Severity::Critical, what));
    if let Some(ede) = has_ede(sample, &BOGUS) {
        return bogus(format!(
            "says that DNSSEC validation failed (SERVFAIL, EDE {})",
            ede.code
        ));
    }
    let blames_the_way = has_ede(sample, &AUTHORITY_PATH).is_some();
    let unchecked = unchecked(context, sample).filter(|_| !blames_the_way);
    let why = match unchecked {
        Some((since, true)) => {
            return bogus(format!(
                "has answered with CD=1 since {since}, and only so: SERVFAIL for longer than a failure may be \
                 remembered (300 s), so that DNSSEC validation fails"
            ));
        }
        Some((since, false)) => format!(
            ", and answers with CD=1 since {since}: validation fails, or it remembers a failure for up to 300 s"
        ),
        None if blames_the_way => ": it cannot reach the authority".to_owned(),
        None if has_ede(sample, &[CACHED_ERROR]).is_some() => {
            " from its cache of failures, which may last for up to 300 s".to_owned()
        }
        None => String::new(),
    };
    let what = format!("answered SERVFAIL{why}");
    Some((State::Servfail, Severity::Warning, what))
}

/// Since when CD=1 alone helps, and whether that is longer than a failure before it may be remembered. While no authority
/// answers, an answer to CD=1 comes from a cache and says nothing.
fn unchecked(context: &Context, sample: &Observation) -> Option<(String, bool)> {
    let question = &sample.question;
    let link = LinkKey {
        owner: question.name.clone(),
        rtype: question.rtype,
    };
    let series = SeriesKey::of(sample);
    let held = context.history.held(&series)?;
    let since = held
        .unchecked_since(sample.site().as_deref())
        .filter(|_| context.is_answered(&link))?;
    let lasts = sample.at - since > FAILURE_REMEMBERED + EPSILON;
    Some((instant(since), lasts))
}

fn silence(why: NoReply, sample: &Observation) -> String {
    let attempts = sample.attempts;
    match why {
        NoReply::Timeout => format!("did not answer within {attempts} attempts"),
        NoReply::Refused => format!("refused the connection ({attempts} attempts)"),
        NoReply::NoRoute => "cannot be reached from here: no route".to_owned(),
        NoReply::PortUnreachable => {
            format!("does not listen: port unreachable ({attempts} attempts)")
        }
        NoReply::WrongQuestion => {
            format!("answered other questions only ({attempts} attempts)")
        }
        NoReply::Tls(why) => format!("gives no secure connection: {}", why.as_str()),
        NoReply::Http(status) => format!("answered HTTP {status} instead of a DNS message"),
        NoReply::Protocol => format!("broke off without an answer ({attempts} attempts)"),
    }
}

fn has_ede<'a>(sample: &'a Observation, codes: &[u16]) -> Option<&'a Ede> {
    sample.ede.iter().find(|ede| codes.contains(&ede.code))
}

/// Row 5: how the answer shows that it was blocked, where it does.
fn filtered(context: &Context, sample: &Observation) -> Option<Row> {
    let filtered = |what| Some((State::Filtered, Severity::Critical, what));
    if let Some(ede) = has_ede(sample, &FILTERING) {
        return filtered(format!(
            "says that it blocks or rewrites this answer (EDE {})",
            ede.code
        ));
    }
    let signs = context
        .resolver(&sample.source.id)
        .is_some_and(|known| known.traits.signs_blocks);
    let signature = sample.answer.status == Status::Rcode(Rcode::NXDOMAIN)
        && !sample.flags.has(Flags::AUTHORITY_SECTION)
        && !sample.flags.has(Flags::RA);
    if signs && signature {
        let what = "blocks this name: NXDOMAIN with an empty authority section and RA=0";
        return filtered(what.to_owned());
    }
    let address = sinkhole(context, sample)?;
    filtered(format!("answers with the sinkhole address {address}"))
}

/// An address nobody is reached at, which no authority served and nobody declared.
fn sinkhole(context: &Context, sample: &Observation) -> Option<IpAddr> {
    let link = sample.answer.last()?;
    let served = |address: &IpAddr| {
        let standing = context.standing(&link.owner, sample.question.rtype);
        context.input.policy.expect.contains(&address.to_string())
            || standing
                .is_some_and(|standing| standing.pooled(&address.to_string(), None).is_some())
    };
    let Value::Rrset(_) = &link.value else {
        return None;
    };
    // Where no authority was ever heard, a zone of loopback addresses is as likely as a sinkhole.
    context
        .standing(&link.owner, sample.question.rtype)
        .filter(|standing| standing.is_known())?;
    link.value
        .addresses()
        .into_iter()
        .find(|address| leads_nowhere(*address) && !served(address))
}

fn leads_nowhere(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_unspecified() || v4.is_loopback() || v4.is_broadcast(),
        IpAddr::V6(v6) => v6.is_unspecified() || v6.is_loopback(),
    }
}
