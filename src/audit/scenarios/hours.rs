//! Instants as scenarios write them: `15:10`, `15:10:30`, `+1d 03:05`. The first day is 30 August 2020.
//!
//! Deliberately absent: zones. All times are UTC.

use chrono::{DateTime, NaiveTime, TimeDelta, Timelike, Utc};

use crate::audit::testing;

fn first_day() -> DateTime<Utc> {
    testing::at("00:00")
}

/// Reads an instant off the front of a line; gives the rest. `None`: the line begins with something else.
pub(super) fn split(line: &str) -> Option<(Result<DateTime<Utc>, String>, &str)> {
    let (first, rest) = line.split_once(char::is_whitespace)?;
    let (days, time, rest) = match first.strip_prefix('+') {
        Some(days) => {
            let (time, rest) = rest.trim_start().split_once(char::is_whitespace)?;
            (days, time, rest)
        }
        None if first.starts_with(|c: char| c.is_ascii_digit()) => ("0d", first, rest),
        None => return None,
    };
    Some((read(days, time), rest.trim()))
}

fn read(days: &str, time: &str) -> Result<DateTime<Utc>, String> {
    let days = days.strip_suffix('d').and_then(|days| days.parse().ok());
    let whole = if time.len() == 5 {
        format!("{time}:00")
    } else {
        time.to_owned()
    };
    let parsed = NaiveTime::parse_from_str(&whole, "%H:%M:%S%.f");
    match (days, parsed) {
        (Some(days), Ok(parsed)) => {
            let since = parsed - NaiveTime::MIN;
            Ok(first_day() + TimeDelta::days(days) + since)
        }
        _ => Err(format!(
            "`{time}` is no time of day: write 15:10, 15:10:30 or +1d 15:10"
        )),
    }
}

/// An instant by itself.
pub(super) fn parse(text: &str) -> Result<DateTime<Utc>, String> {
    let line = format!("{text} ");
    split(&line).map_or_else(|| Err(format!("`{text}` is no instant")), |(at, _)| at)
}

/// As it is written: to the second, without seconds where they are zero.
pub(super) fn show(at: DateTime<Utc>) -> String {
    let days = (at - first_day()).num_days();
    let day = if days == 0 {
        String::new()
    } else {
        format!("+{days}d ")
    };
    let format = if at.second() == 0 {
        "%H:%M"
    } else {
        "%H:%M:%S"
    };
    format!("{day}{}", at.format(format))
}
