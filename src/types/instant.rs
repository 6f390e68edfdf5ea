//! Instants as people write them.
//!
//! Deliberately absent: local time. Everything here is UTC.

use chrono::{DateTime, TimeDelta, Utc};

/// The text is neither RFC 3339 nor relative.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not an instant: write RFC 3339 (2026-11-22T19:05:00Z), a time before now (-2h, -1d6h), or now"
)]
pub struct NotAnInstant(pub String);

/// Reads RFC 3339 with any offset, `now`, or a humantime duration before (`-2h`) or after (`+5m`) `now`.
pub fn parse_instant(text: &str, now: DateTime<Utc>) -> Result<DateTime<Utc>, NotAnInstant> {
    let wrong = || NotAnInstant(text.to_owned());
    if text == "now" {
        return Ok(now);
    }
    let (sign, rest) = match (text.strip_prefix('-'), text.strip_prefix('+')) {
        (Some(rest), _) => (-1, rest),
        (_, Some(rest)) => (1, rest),
        _ => return text.parse().map_err(|_| wrong()),
    };
    let length = humantime::parse_duration(rest).map_err(|_| wrong())?;
    let length = TimeDelta::from_std(length).map_err(|_| wrong())?;
    now.checked_add_signed(length * sign).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Option<&str>) {
        let now = "2026-11-22T19:05:00Z".parse().unwrap();
        assert_eq!(
            parse_instant(text, now).ok(),
            expected.map(|at| at.parse().unwrap()),
            "{text}"
        );
    }

    #[test]
    fn instants_are_absolute_or_relative_to_now() {
        check("2020-08-30T14:00:00Z", Some("2020-08-30T14:00:00Z"));
        check("2020-08-30T16:00:00+02:00", Some("2020-08-30T14:00:00Z"));
        check("-2h", Some("2026-11-22T17:05:00Z"));
        check("-1d 6h", Some("2026-11-21T13:05:00Z"));
        check("+5m", Some("2026-11-22T19:10:00Z"));
        check("now", Some("2026-11-22T19:05:00Z"));
        check("yesterday", None);
        check("-", None);
        check("2020-08-30", None);
        check("-99999999999999999y", None);
    }
}
