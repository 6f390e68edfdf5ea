//! A calibration in words, each measurement in a few.
//!
//! What was not measured says so. Deliberately absent: judging.

use std::time::Duration;

use crate::audit::calibration::{Backends, Calibration, Decrement, Limit, Measured, ServeStale};

/// What is said in place of a number that nobody has.
const NOT_MEASURED: &str = "not measured";

/// Every measurement: what it is of, what came out, and how.
pub(super) fn rows(calibration: &Calibration) -> [[String; 3]; 7] {
    let measures = &calibration.measures;
    [
        row("longest TTL kept", &measures.ttl_cap, longest),
        row("shortest TTL kept", &measures.ttl_floor, shortest),
        row("denials kept", &measures.negative_ttl_cap, longest),
        row("TTLs", &measures.decrement, |how| decrement(*how)),
        row("stale answers", &calibration.serve_stale, stale),
        row("extended errors", &measures.ede, |codes| ede(codes)),
        row("backends", &measures.backends, backends),
    ]
}

fn row<T>(what: &str, measured: &Measured<T>, word: impl FnOnce(&T) -> String) -> [String; 3] {
    let said = measured.value.as_ref().map(word);
    let said = said.unwrap_or_else(|| NOT_MEASURED.to_owned());
    [what.to_owned(), said, measured.how.clone()]
}

/// The same on one line, what was not measured left out.
pub(super) fn line(calibration: &Calibration) -> String {
    let rows = rows(calibration).into_iter();
    let known = rows.filter(|[_, said, _]| said != NOT_MEASURED);
    let known: Vec<String> = known
        .map(|[what, said, _]| format!("{what} {said}"))
        .collect();
    match known.as_slice() {
        [] => "nothing could be measured".to_owned(),
        known => known.join(", "),
    }
}

fn seconds(seconds: u32) -> String {
    humantime::format_duration(Duration::from_secs(seconds.into())).to_string()
}

fn longest(limit: &Limit) -> String {
    match limit.seconds {
        Some(cap) => seconds(cap),
        None => format!("{} or more", seconds(limit.tested)),
    }
}

fn shortest(limit: &Limit) -> String {
    match limit {
        Limit {
            seconds: Some(floor),
            ..
        } => seconds(*floor),
        Limit { tested: 0, .. } => "any".to_owned(),
        Limit { tested, .. } => format!("{} or less", seconds(*tested)),
    }
}

fn decrement(decrement: Decrement) -> String {
    match decrement {
        Decrement::CountsDown => "count down",
        Decrement::Constant => "stay the same",
        Decrement::Mixed => "count down at some backends",
    }
    .to_owned()
}

fn stale(stale: &ServeStale) -> String {
    let Some(ttl) = stale.ttl.filter(|_| stale.serves) else {
        return "none".to_owned();
    };
    let declared = if stale.declared {
        "EDE 3 or 19"
    } else {
        "no EDE"
    };
    format!("with TTL {ttl}, {declared}")
}

fn ede(codes: &[u16]) -> String {
    if codes.is_empty() {
        return "none".to_owned();
    }
    codes
        .iter()
        .map(u16::to_string)
        .collect::<Vec<_>>()
        .join(" ")
}

fn backends(backends: &Backends) -> String {
    let seen = backends.seen();
    match backends.caches {
        Some(caches) if caches >= backends.sites.len() => format!("{seen} at least"),
        _ => seen.to_string(),
    }
}
