//! From the cron lines people write to the dialect of the `cron` crate (Quartz): seconds first, Sunday is 1.
//!
//! Deliberately absent: the calendar. Every field is checked here, so that an error names the field.

use super::ScheduleError;

struct Field {
    name: &'static str,
    takes: &'static str,
    low: u32,
    high: u32,
    /// Names of the values from `low` on; empty where there are none.
    names: &'static [&'static str],
}

const SECOND: Field = plain("second", "0 to 59", 0, 59);
const MINUTE: Field = plain("minute", "0 to 59", 0, 59);
const HOUR: Field = plain("hour", "0 to 23", 0, 23);
const DAY: Field = plain("day of the month", "1 to 31", 1, 31);
const MONTH: Field = Field {
    names: &[
        "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
    ],
    ..plain("month", "1 to 12 or jan to dec", 1, 12)
};
/// 7 is Sunday once more, so that `5-7` is a range.
const WEEKDAY: Field = Field {
    names: &["sun", "mon", "tue", "wed", "thu", "fri", "sat"],
    ..plain(
        "day of the week",
        "0 to 7 (0 and 7 are Sunday) or sun to sat",
        0,
        7,
    )
};
const YEAR: Field = plain("year", "1970 to 2100", 1970, 2100);

const fn plain(name: &'static str, takes: &'static str, low: u32, high: u32) -> Field {
    Field {
        name,
        takes,
        low,
        high,
        names: &[],
    }
}

/// The same schedule for the `cron` crate, every field an explicit list or `*`.
pub(super) fn to_quartz(text: &str) -> Result<String, ScheduleError> {
    if text.starts_with('@') {
        let known = ["@hourly", "@daily", "@weekly", "@monthly", "@yearly"];
        let known = known.into_iter().find(|word| *word == text);
        return known
            .map(str::to_owned)
            .ok_or_else(|| ScheduleError::UnknownWord(text.to_owned()));
    }
    let mut written: Vec<&str> = text.split(' ').collect();
    match written.len() {
        5 => written.insert(0, "0"),
        6 | 7 => {}
        _ => {
            return Err(ScheduleError::FieldCount {
                text: text.to_owned(),
                count: text.split_whitespace().count(),
            });
        }
    }
    let fields = [&SECOND, &MINUTE, &HOUR, &DAY, &MONTH, &WEEKDAY, &YEAR];
    let lists: Vec<String> = fields
        .into_iter()
        .zip(written)
        .map(|(field, written)| field.list(written))
        .collect::<Result<_, _>>()?;
    Ok(lists.join(" "))
}

impl Field {
    fn list(&self, written: &str) -> Result<String, ScheduleError> {
        let bad = || ScheduleError::BadField {
            field: self.name,
            takes: self.takes,
            text: written.to_owned(),
        };
        if written == "*" || written == "?" {
            return Ok("*".to_owned());
        }
        let mut values = Vec::new();
        for item in written.split(',') {
            values.extend(self.item(item).ok_or_else(bad)?);
        }
        if self.is_weekday() {
            values = values.into_iter().map(|day| day % 7 + 1).collect();
        }
        values.sort_unstable();
        values.dedup();
        Ok(values
            .iter()
            .map(u32::to_string)
            .collect::<Vec<_>>()
            .join(","))
    }

    fn is_weekday(&self) -> bool {
        self.high == WEEKDAY.high
    }

    /// The values of `5`, `1-5`, `*/2`, `1-10/3` or `5/10` (from 5 to the end in tens).
    fn item(&self, item: &str) -> Option<Vec<u32>> {
        let (range, step) = match item.split_once('/') {
            Some((range, step)) => (range, Some(number(step)?)),
            None => (item, None),
        };
        // `*/2` of a week starts at Sunday and must not count it twice.
        let last = if self.is_weekday() { 6 } else { self.high };
        let (from, to) = match range.split_once('-') {
            Some((from, to)) => (self.value(from)?, self.range_end(to)?),
            None if range == "*" => (self.low, last),
            None if step.is_some() => (self.value(range)?, last),
            None => (self.value(range)?, self.value(range)?),
        };
        let step = step.unwrap_or(1);
        if from > to || step == 0 || step > self.high {
            return None;
        }
        Some((from..=to).step_by(step as usize).collect())
    }

    /// A range may end in Sunday, by name too: `fri-sun`.
    fn range_end(&self, text: &str) -> Option<u32> {
        match self.value(text)? {
            0 if self.is_weekday() && number(text).is_none() => Some(7),
            value => Some(value),
        }
    }

    fn value(&self, text: &str) -> Option<u32> {
        let named = || {
            let name = text.to_ascii_lowercase();
            let at = self.names.iter().position(|known| *known == name)?;
            Some(self.low + at as u32)
        };
        number(text)
            .or_else(named)
            .filter(|value| (self.low..=self.high).contains(value))
    }
}

fn number(text: &str) -> Option<u32> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}
