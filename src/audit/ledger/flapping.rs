//! What comes and goes: beginnings of one breach are counted, and so many within a window are told as flapping, once.
//!
//! A beginning is an opening, or a relapse while it recovers. What flaps is held open until it is quiet for the whole window,
//! by when none of its beginnings counts any more. Deliberately absent: what is a relapse, which is `growth`'s rule.

use chrono::{DateTime, TimeDelta, Utc};

use crate::audit::{
    incident::{Flapping, Incident, IncidentKey},
    ledger::{Judgement, book::Book, recovery::instant},
};

/// Notes that a breach begins now; says whether that makes it flapping.
pub(super) fn note_onset(
    book: &mut Book,
    key: &IncidentKey,
    judgement: &Judgement<'_>,
) -> Option<Flapping> {
    let most = usize::try_from(judgement.policy.telling.flap_threshold).ok()?;
    if most == 0 {
        return None;
    }
    let (now, window) = (judgement.now, window(judgement));
    let onsets = book.onsets(key);
    onsets.retain(|at| now - *at < window);
    onsets.push(now);
    (onsets.len() >= most).then(|| Flapping {
        since: onsets[0],
        onsets: u32::try_from(onsets.len()).unwrap_or(u32::MAX),
        is_lull: false,
    })
}

/// Forgets the beginnings that lie too far back to count.
pub(super) fn forget(book: &mut Book, judgement: &Judgement<'_>) {
    let (now, window) = (judgement.now, window(judgement));
    book.retain_onsets(|at| now - at < window);
}

/// How long it must be quiet, and how far back beginnings count.
pub(super) fn window(judgement: &Judgement<'_>) -> TimeDelta {
    TimeDelta::from_std(judgement.policy.telling.flap_window).unwrap_or(TimeDelta::MAX)
}

/// What is told when it is found to flap.
pub(super) fn sentence(flapping: &Flapping, reason: &str, judgement: &Judgement<'_>) -> String {
    format!(
        "flapping, bad {}, now again: {reason}; it stays open until it was quiet for {}",
        how_often(flapping),
        humantime::format_duration(judgement.policy.telling.flap_window)
    )
}

/// What is told when it is over.
pub(super) fn quiet(flapping: &Flapping, last_bad: DateTime<Utc>) -> String {
    let last = instant(last_bad);
    format!(
        "not seen since {last}, after it was bad {}",
        how_often(flapping)
    )
}

/// `bad 7 times since …, `, for a reminder; nothing where it does not flap.
pub(super) fn remark(incident: &Incident) -> String {
    let flapping = incident.flapping.as_ref();
    flapping.map_or_else(String::new, |one| {
        format!("flapping, bad {}: ", how_often(one))
    })
}

fn how_often(flapping: &Flapping) -> String {
    format!(
        "{} times since {}",
        flapping.onsets,
        instant(flapping.since)
    )
}
