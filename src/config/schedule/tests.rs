use chrono::{Datelike, Weekday};
use proptest::prelude::*;

use super::*;

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn runs(line: &str, from: &str) -> Vec<String> {
    Schedule::parse(line)
        .unwrap()
        .upcoming(at(from), 3)
        .iter()
        .map(|run| run.format("%a %Y-%m-%d %H:%M:%S").to_string())
        .collect()
}

#[test]
fn five_six_and_seven_fields_and_words_are_read() {
    // 22 November 2026 is a Sunday.
    let from = "2026-11-22T19:05:30Z";
    for (line, expected) in [
        ("* * * * *", "Sun 2026-11-22 19:06:00"),
        ("*/5 * * * *", "Sun 2026-11-22 19:10:00"),
        ("*/15 * * * * *", "Sun 2026-11-22 19:05:45"),
        ("0/10 * * * * *", "Sun 2026-11-22 19:05:40"),
        ("  0   30 2 * *  * ", "Mon 2026-11-23 02:30:00"),
        ("0 0 0 1 jan * 2030", "Tue 2030-01-01 00:00:00"),
        ("0 0 29 2 *", "Tue 2028-02-29 00:00:00"),
        ("@hourly", "Sun 2026-11-22 20:00:00"),
        ("@daily", "Mon 2026-11-23 00:00:00"),
        ("@weekly", "Sun 2026-11-29 00:00:00"),
    ] {
        assert_eq!(runs(line, from)[0], expected, "{line}");
    }
}

#[test]
fn days_of_the_week_are_posix() {
    use Weekday::{Fri, Mon, Sat, Sun, Thu, Tue, Wed};
    for (field, expected) in [
        ("0", vec![Sun]),
        ("7", vec![Sun]),
        ("1", vec![Mon]),
        ("6", vec![Sat]),
        ("Sun", vec![Sun]),
        ("MON", vec![Mon]),
        ("1-5", vec![Mon, Tue, Wed, Thu, Fri]),
        ("mon-fri", vec![Mon, Tue, Wed, Thu, Fri]),
        ("5-7", vec![Fri, Sat, Sun]),
        ("fri-sun", vec![Fri, Sat, Sun]),
        ("0-2", vec![Mon, Tue, Sun]),
        ("0,7", vec![Sun]),
        ("sat,1,3-4", vec![Mon, Wed, Thu, Sat]),
        ("*/2", vec![Tue, Thu, Sat, Sun]),
        ("1-7/2", vec![Mon, Wed, Fri, Sun]),
        ("*", vec![Mon, Tue, Wed, Thu, Fri, Sat, Sun]),
    ] {
        let schedule = Schedule::parse(&format!("0 12 * * {field}")).unwrap();
        let mut days: Vec<Weekday> = schedule
            .upcoming(at("2026-11-22T00:00:00Z"), expected.len())
            .iter()
            .map(Datelike::weekday)
            .collect();
        days.sort_by_key(Weekday::num_days_from_monday);
        assert_eq!(days, expected, "{field}");
    }
}

#[test]
fn the_day_of_the_month_and_the_day_of_the_week_must_both_match() {
    assert_eq!(
        runs("0 0 13 * fri", "2026-01-01T00:00:00Z"),
        [
            "Fri 2026-02-13 00:00:00",
            "Fri 2026-03-13 00:00:00",
            "Fri 2026-11-13 00:00:00"
        ]
    );
}

#[test]
fn a_line_that_cannot_be_read_is_refused_by_its_field() {
    for (line, expected) in [
        (
            "",
            "a cron line has 5 fields (minute first), 6 (seconds first) or 7 (year last); `` has 0",
        ),
        (
            "* * * *",
            "a cron line has 5 fields (minute first), 6 (seconds first) or 7 (year last); `* * * *` has 4",
        ),
        (
            "@reboot",
            "`@reboot` is not known: write @hourly, @daily, @weekly, @monthly, @yearly, or fields",
        ),
        (
            "60 * * * *",
            "the minute `60` cannot be read: it takes 0 to 59",
        ),
        (
            "* 24 * * *",
            "the hour `24` cannot be read: it takes 0 to 23",
        ),
        (
            "* * 0 * *",
            "the day of the month `0` cannot be read: it takes 1 to 31",
        ),
        (
            "* * L * *",
            "the day of the month `L` cannot be read: it takes 1 to 31",
        ),
        (
            "* * * foo *",
            "the month `foo` cannot be read: it takes 1 to 12 or jan to dec",
        ),
        (
            "* * * * 8",
            "the day of the week `8` cannot be read: it takes 0 to 7 (0 and 7 are Sunday) or sun to sat",
        ),
        (
            "* * * * fri-mon",
            "the day of the week `fri-mon` cannot be read: it takes 0 to 7 (0 and 7 are Sunday) or sun to sat",
        ),
        (
            "*/0 * * * * *",
            "the second `*/0` cannot be read: it takes 0 to 59",
        ),
        (
            "5-1 * * * * *",
            "the second `5-1` cannot be read: it takes 0 to 59",
        ),
        (
            "1,,2 * * * * *",
            "the second `1,,2` cannot be read: it takes 0 to 59",
        ),
        (
            "0 0 0 1 1 * 1969",
            "the year `1969` cannot be read: it takes 1970 to 2100",
        ),
        ("0 0 30 2 *", "`0 0 30 2 *` never fires: no such day exists"),
        (
            "0 0 31 4,6,9,11 *",
            "`0 0 31 4,6,9,11 *` never fires: no such day exists",
        ),
    ] {
        assert_eq!(Schedule::parse(line).unwrap_err().to_string(), expected);
    }
}

#[test]
fn a_schedule_of_one_year_ends() {
    let schedule = Schedule::parse("0 0 0 1 1,7 * 2030").unwrap();
    assert_eq!(schedule.upcoming(at("2030-02-01T00:00:00Z"), 5).len(), 1);
    assert_eq!(schedule.next_after(at("2030-07-01T00:00:00Z")), None);
}

#[test]
fn the_period_is_the_longest_gap_between_two_runs() {
    const HOUR: u64 = 3600;
    const DAY: u64 = 24 * HOUR;
    for (line, expected) in [
        ("* * * * * *", 1),
        ("0 * * * * *", 60),
        ("*/5 * * * * *", 5),
        ("*/5 * * * *", 300),
        ("*/7 * * * *", 420),
        ("0,1,2 0 * * * *", HOUR - 2),
        ("*/5 0-10 * * * *", 49 * 60 + 5),
        ("@weekly", 7 * DAY),
        ("* 9-17 * * *", 15 * HOUR + 60),
        ("* 9-17 * * 1-5", 2 * DAY + 15 * HOUR + 60),
        ("0 0 1 * *", 31 * DAY),
        ("0 0 * 1-6 *", 185 * DAY),
        ("0 0 0 1 1 * 2030", 366 * DAY),
    ] {
        assert_eq!(
            Schedule::parse(line).unwrap().period(),
            Duration::from_secs(expected),
            "{line}"
        );
    }
}

fn field(low: u32, high: u32) -> impl Strategy<Value = String> {
    prop_oneof![
        3 => Just("*".to_owned()),
        2 => (low..=high).prop_map(|value| value.to_string()),
        1 => (low..=high, low..=high).prop_map(|(a, b)| format!("{}-{}", a.min(b), a.max(b))),
        1 => (1..=high).prop_map(|step| format!("*/{step}")),
    ]
}

proptest! {
    #[test]
    fn the_next_run_is_later_and_nothing_matches_in_between(
        line in (field(0, 59), field(0, 59), field(0, 23), field(1, 28), field(0, 7))
            .prop_map(|(s, m, h, d, w)| format!("{s} {m} {h} {d} * {w}")),
        seconds in 1_700_000_000_i64..1_900_000_000,
        millis in 0_u32..1000,
    ) {
        let schedule = Schedule::parse(&line).unwrap();
        let from = DateTime::from_timestamp(seconds, millis * 1_000_000).unwrap();
        let next = schedule.next_after(from).unwrap();
        prop_assert!(next > from);
        prop_assert!(schedule.cron.includes(next));
        let between = (1..300)
            .map(|second| DateTime::from_timestamp(seconds + second, 0).unwrap())
            .take_while(|instant| *instant < next)
            .find(|instant| schedule.cron.includes(*instant));
        prop_assert_eq!(between, None);
    }
}
