//! Reads `[[maintenance]]`: windows, by cron and duration, in which some incidents are not told.
//!
//! Deliberately absent: holding anything back. Rounds run and judge in a window as at any other time.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::{
    error::{Complaint, Origin, Report},
    identity,
    raw::Table,
    schedule::Schedule,
    section::Section,
};
use crate::{
    audit::quiet::{Window, WindowAt},
    types::{Matcher, Matchers},
};

/// The longest window: a longer one would be no exception any more.
const LONGEST: Duration = Duration::from_hours(7 * 24);

/// A window that opens again and again.
#[derive(Debug, Clone)]
pub struct Maintenance {
    /// Unique name.
    pub name: String,
    /// Which incidents are not told.
    pub matchers: Matchers,
    /// When it opens, in UTC.
    pub schedule: Schedule,
    /// For how long.
    pub duration: Duration,
    /// What is done in it.
    pub comment: Option<String>,
}

impl Maintenance {
    /// Until when it is open, where it is at `now`. Windows that overlap are one.
    pub fn open_until(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let length = TimeDelta::from_std(self.duration).ok()?;
        let first = now.checked_sub_signed(length)?;
        let openings = std::iter::successors(self.schedule.next_after(first), |at| {
            self.schedule.next_after(*at)
        });
        let last = openings.take_while(|at| *at <= now).last()?;
        last.checked_add_signed(length)
    }

    /// The window as lists show it.
    pub fn at(&self, now: DateTime<Utc>) -> WindowAt {
        WindowAt {
            name: self.name.clone(),
            matchers: self.matchers.clone(),
            schedule: self.schedule.to_string(),
            duration_s: self.duration.as_secs(),
            comment: self.comment.clone(),
            open_until: self.open_until(now),
            opens_at: self.schedule.next_after(now),
        }
    }

    /// The window that is open at `now`.
    pub fn window(&self, now: DateTime<Utc>) -> Option<Window> {
        Some(Window {
            name: self.name.clone(),
            matchers: self.matchers.clone(),
            until: self.open_until(now)?,
        })
    }
}

/// Every window of the file.
pub(super) fn read(tables: Vec<(Origin, &Table)>, report: &mut Report) -> Vec<Maintenance> {
    let mut windows: Vec<Maintenance> = Vec::new();
    for (at, table) in tables {
        let mut section = Section::new("in [[maintenance]]", at, table, report);
        let name = identity::unique(&mut section, "name", identity::label, |name| {
            let taken = windows.iter().any(|window| window.name == name);
            taken.then(|| Complaint::new(format!("there is already a maintenance `{name}`")))
        });
        let matchers = matchers(&mut section);
        let schedule = section.parsed("schedule", |text| {
            Schedule::parse(text).map_err(|error| Complaint::new(error.to_string()))
        });
        let duration = section.duration("duration", Duration::from_mins(1)..=LONGEST);
        for key in ["matchers", "schedule", "duration"] {
            if section.node(key).is_none() {
                section.complain_here(Complaint::new(format!("`{key}` is missing")));
            }
        }
        let comment = section.text("comment").map(|text| text.value);
        section.finish();
        if let (Some(name), Some(matchers), Some(schedule), Some(duration)) =
            (name, matchers, schedule, duration)
        {
            windows.push(Maintenance {
                name,
                matchers,
                schedule: schedule.value,
                duration,
                comment,
            });
        }
    }
    windows
}

fn matchers(section: &mut Section<'_, '_>) -> Option<Matchers> {
    let place = section.node("matchers")?.at.clone();
    let mut all_read = true;
    let list = section.list("matchers", |text| {
        let read = text.parse::<Matcher>();
        all_read &= read.is_ok();
        read.map_err(|error| Complaint::new(error.to_string()))
    })?;
    if !all_read {
        return None;
    }
    let all: Vec<Matcher> = list.into_iter().map(|located| located.value).collect();
    let matchers = Matchers::try_from(all);
    matchers
        .map_err(|error| section.complain(&place, Complaint::new(error.to_string())))
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        format!("2026-11-{text}Z").parse().unwrap()
    }

    #[test]
    fn a_window_is_open_from_its_opening_for_its_duration() {
        let window = |schedule: &str, hours: u64| Maintenance {
            name: "push".to_owned(),
            matchers: vec!["group=dialers".to_owned()].try_into().unwrap(),
            schedule: Schedule::parse(schedule).unwrap(),
            duration: Duration::from_hours(hours),
            comment: None,
        };
        // The 22nd is a Sunday.
        let weekly = window("0 0 2 * * Sun", 2);
        for (now, until) in [
            ("22T01:59:59", None),
            ("22T02:00:00", Some("22T04:00:00")),
            ("22T03:59:59", Some("22T04:00:00")),
            ("22T04:00:00", None),
            ("23T02:30:00", None),
        ] {
            assert_eq!(weekly.open_until(at(now)), until.map(at), "{now}");
        }
        let overlapping = window("0 0 * * * *", 2);
        let until = overlapping.open_until(at("22T05:30:00"));
        assert_eq!(until, Some(at("22T07:00:00")));
    }
}
