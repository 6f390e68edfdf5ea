//! Whether a resolver has stopped vouching for an answer that is signed.
//!
//! Deliberately absent: validating anything here, and failures of validation, which are row 3.

use chrono::TimeDelta;

use super::context::Context;
use crate::types::{Flags, Observation, SeriesKey};

/// How long a zone is taken to be signed after anybody vouched for it.
const SIGNED_FOR: TimeDelta = TimeDelta::hours(24);

/// Whether the reply lacks AD (RFC 4035 section 3.2.3) where it was to be expected: the backend gave the same chain with
/// AD before, while somebody has done so within a day; or DO=1 is configured, which is for signed zones.
pub(super) fn is_lost(context: &Context, sample: &Observation) -> bool {
    let id = &sample.source.id;
    if sample.flags.has(Flags::AD) || !sample.answer.is_data() || !context.input.validates(id) {
        return false;
    }
    let declared = context.input.options_of(id).dnssec == Some(true) && is_at_home(context, sample);
    declared || (is_signed(context, sample) && has_validated(context, sample))
}

/// Whether every link lies in the zone of the asked name: what another zone does about DNSSEC is its owner's.
fn is_at_home(context: &Context, sample: &Observation) -> bool {
    let apex = |name| context.input.zones.zone_of(name).map(|zone| &zone.apex);
    let home = apex(&sample.question.name);
    let mut links = sample.answer.links.iter();
    home.is_some() && links.all(|link| apex(&link.owner) == home)
}

fn is_signed(context: &Context, sample: &Observation) -> bool {
    let last = context.history.last_validated(&sample.question);
    last.is_some_and(|last| sample.at - last <= SIGNED_FOR)
}

fn has_validated(context: &Context, sample: &Observation) -> bool {
    let held = context.history.held(&SeriesKey::of(sample));
    held.is_some_and(|held| held.has_validated(sample))
}
