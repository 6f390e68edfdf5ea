//! Bad seconds per resolver and month: for how long clients of each could be failed or misled.
//!
//! A question at an address is bad while a verdict of severity warning or worse stands. Only time that was watched counts,
//! on either side of the ratio: a gap is neither good nor bad. Deliberately absent: targets, which are the reader's.

use std::collections::BTreeMap;

use chrono::{DateTime, Datelike, NaiveDate, NaiveTime, Utc};
use serde::Serialize;

use super::{
    Store, StoreError, columns,
    spans::question,
    watched::{Stretch, Watched},
};
use crate::{
    names::DnsName,
    types::{Question, Severity},
};

/// One resolver in one month (UTC).
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ServiceLevel {
    /// The vantage.
    pub vantage: String,
    /// The group whose policy it was judged by.
    pub group: String,
    /// The resolver's id.
    pub resolver: String,
    /// `2026-11`.
    pub month: String,
    /// Questions at its addresses that had a verdict.
    pub questions: usize,
    /// Seconds that were watched, over all questions.
    pub watched_s: i64,
    /// Of these, those with a verdict of severity warning or worse.
    pub bad_s: i64,
    /// `bad_s` of `watched_s` in percent; `None` where nothing was watched.
    pub bad_percent: Option<f64>,
    /// The questions that had bad seconds, the worst first.
    pub bad: Vec<BadQuestion>,
}

/// A question with bad seconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BadQuestion {
    /// What was asked.
    pub question: Question,
    /// The address asked.
    pub address: std::net::SocketAddr,
    /// Seconds with a verdict of severity warning or worse.
    pub bad_s: i64,
    /// The same by state.
    pub states: BTreeMap<String, i64>,
}

/// A verdict's time, as the reckoning needs it.
struct Stood {
    place: Place,
    question: Question,
    address: std::net::SocketAddr,
    state: String,
    is_bad: bool,
    since: DateTime<Utc>,
    until: DateTime<Utc>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    vantage: String,
    group: String,
    resolver: String,
}

#[derive(Default)]
struct Sum {
    watched_s: i64,
    states: BTreeMap<String, i64>,
}

impl Store {
    /// Every resolver and month of the window, by vantage, group, resolver and month. `names`: only these; all where none
    /// is given.
    pub async fn service_levels(
        &self,
        names: &[DnsName],
        from: DateTime<Utc>,
        to: DateTime<Utc>,
    ) -> Result<Vec<ServiceLevel>, StoreError> {
        let watched = self.watched(from, to).await?;
        let stood = self.verdicts_stood(names, from, to).await?;
        Ok(levels(&stood, &watched))
    }

    async fn verdicts_stood(
        &self,
        names: &[DnsName],
        from: DateTime<Utc>,
        to: DateTime<Utc>,
    ) -> Result<Vec<Stood>, StoreError> {
        let names = columns::texts(names);
        let rows = sqlx::query!(
            r#"-- verdicts_stood
            select vantage.name as vantage, group_name, source.name as source_name, question.name as question_name, rtype,
                address as "address: ipnet::IpNet", port, scope, state, severity,
                greatest(since, $2) as "since!", least(coalesce(until, $3), $3) as "until!"
            from verdict_span join series using (series_id) join vantage using (vantage_id)
                join question using (question_id) join source using (source_id)
            where ($1::text[] = '{}' or question.name = any($1)) and since < $3 and (until is null or until > $2)"#,
            &names,
            from,
            to
        )
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter()
            .map(|row| {
                let severity: Severity = columns::variant_from_text("severity", row.severity)?;
                Ok(Stood {
                    place: Place {
                        vantage: row.vantage,
                        group: row.group_name,
                        resolver: row.source_name,
                    },
                    question: question(&row.question_name, row.rtype)?,
                    address: columns::socket_address(row.address, row.port, row.scope)?,
                    state: row.state,
                    is_bad: severity >= Severity::Warning,
                    since: row.since,
                    until: row.until,
                })
            })
            .collect()
    }
}

fn levels(stood: &[Stood], watched: &[Watched]) -> Vec<ServiceLevel> {
    let mut sums: BTreeMap<(&Place, String), BTreeMap<_, Sum>> = BTreeMap::new();
    for one in stood {
        let of_group =
            |watch: &&Watched| watch.vantage == one.place.vantage && watch.group == one.place.group;
        let stretches = watched.iter().find(of_group);
        let stretches = stretches.map_or(&[][..], |watch| &watch.stretches);
        for (month, since, until) in months(one.since, one.until) {
            let seconds = |stretch: &Stretch| stretch.seconds_within(since, until);
            let seconds: i64 = stretches.iter().map(seconds).sum();
            let of_month = sums.entry((&one.place, month)).or_default();
            let sum = of_month.entry((&one.question, one.address)).or_default();
            sum.watched_s += seconds;
            if one.is_bad && seconds > 0 {
                *sum.states.entry(one.state.clone()).or_default() += seconds;
            }
        }
    }
    sums.into_iter()
        .map(|((place, month), of_month)| level(place, month, &of_month))
        .collect()
}

fn level(
    place: &Place,
    month: String,
    sums: &BTreeMap<(&Question, std::net::SocketAddr), Sum>,
) -> ServiceLevel {
    let bad = sums.iter().filter(|(_, sum)| !sum.states.is_empty());
    let mut bad: Vec<BadQuestion> = bad
        .map(|((question, address), sum)| BadQuestion {
            question: (*question).clone(),
            address: *address,
            bad_s: sum.states.values().sum(),
            states: sum.states.clone(),
        })
        .collect();
    // Stable: equal ones stay in order of question.
    bad.sort_by_key(|one| std::cmp::Reverse(one.bad_s));
    let watched_s = sums.values().map(|sum| sum.watched_s).sum();
    let bad_s = bad.iter().map(|one| one.bad_s).sum();
    ServiceLevel {
        vantage: place.vantage.clone(),
        group: place.group.clone(),
        resolver: place.resolver.clone(),
        month,
        questions: sums.len(),
        watched_s,
        bad_s,
        bad_percent: (watched_s > 0).then(|| bad_s as f64 * 100.0 / watched_s as f64),
        bad,
    }
}

/// A time cut at the beginnings of months.
fn months(
    since: DateTime<Utc>,
    until: DateTime<Utc>,
) -> Vec<(String, DateTime<Utc>, DateTime<Utc>)> {
    let mut parts = Vec::new();
    let mut begin = since;
    while begin < until {
        let end = next_month(begin).map_or(until, |next| next.min(until));
        parts.push((begin.format("%Y-%m").to_string(), begin, end));
        begin = end;
    }
    parts
}

fn next_month(at: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let (year, month) = if at.month() == 12 {
        (at.year() + 1, 1)
    } else {
        (at.year(), at.month() + 1)
    };
    let first = NaiveDate::from_ymd_opt(year, month, 1)?;
    Some(first.and_time(NaiveTime::MIN).and_utc())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn stood(state: &str, since: &str, until: &str) -> Stood {
        Stood {
            place: Place {
                vantage: "here".to_owned(),
                group: "dialers".to_owned(),
                resolver: "isp".to_owned(),
            },
            question: Question {
                name: "a.example".parse().unwrap(),
                rtype: crate::types::RecordType::A,
            },
            address: "192.0.2.53:53".parse().unwrap(),
            state: state.to_owned(),
            is_bad: state == "divergent",
            since: at(since),
            until: at(until),
        }
    }

    #[test]
    fn a_gap_is_neither_good_nor_bad_and_months_are_told_apart() {
        let stretch = |from, to| Stretch {
            from: at(from),
            to: at(to),
            rounds: 1,
        };
        let watched = [Watched {
            vantage: "here".to_owned(),
            group: "dialers".to_owned(),
            finished: 2,
            missed: 0,
            abandoned: 0,
            running: 0,
            late: 0,
            usual_period_s: Some(60),
            watched_s: 0,
            stretches: vec![
                stretch("2026-11-30T23:00:00Z", "2026-11-30T23:10:00Z"),
                stretch("2026-11-30T23:50:00Z", "2026-12-01T00:30:00Z"),
            ],
        }];
        let stood = [
            stood("consistent", "2026-11-30T22:00:00Z", "2026-11-30T23:05:00Z"),
            stood("divergent", "2026-11-30T23:05:00Z", "2026-12-01T00:10:00Z"),
            stood("consistent", "2026-12-01T00:10:00Z", "2026-12-01T01:00:00Z"),
        ];
        let levels = levels(&stood, &watched);
        let told: Vec<_> = levels
            .iter()
            .map(|one| (&*one.month, one.watched_s, one.bad_s))
            .collect();
        assert_eq!(
            told,
            [("2026-11", 20 * 60, 15 * 60), ("2026-12", 1800, 600)]
        );
        assert_eq!(levels[0].bad[0].states["divergent"], 15 * 60);
    }

    #[test]
    fn the_year_ends_where_the_next_begins() {
        let parts = months(at("2026-12-31T23:00:00Z"), at("2027-01-01T01:00:00Z"));
        let told: Vec<_> = parts.iter().map(|part| part.0.as_str()).collect();
        assert_eq!(told, ["2026-12", "2027-01"]);
        assert!(months(at("2026-12-31T23:00:00Z"), at("2026-12-31T23:00:00Z")).is_empty());
    }
}
