//! `config check`: what a valid configuration means, in words, and when its next rounds are due.
//!
//! Deliberately absent: errors, which are [`crate::config::ConfigErrors`]'s to show, and `config show`, which is
//! [`Config::show`].

use chrono::{DateTime, SecondsFormat, Utc};

use super::output::wrap;
use crate::{
    audit::targets::MOST_NAMES,
    config::{Channel, Config, Group, Receiver, Route},
};

/// How many runs are shown.
const RUNS: usize = 5;

/// The report on a valid configuration, as of `now`.
pub(crate) fn check_report(config: &Config, now: DateTime<Utc>) -> String {
    let mut text = format!(
        "The configuration is valid.\n\n  vantage    {}\n  database   {}\n  http       {}\n  IPv6       {}\n",
        config.vantage,
        match &config.database.url {
            Some(_) => "the server that `url` or a variable names".to_owned(),
            None => format!("a private one below {}", config.database.data_dir.display()),
        },
        config.http.listen,
        if config.ipv6 {
            "presets are asked over it"
        } else {
            "presets are not asked over it"
        },
    );
    let excesses = config.excesses();
    for group in &config.groups {
        text += &group_report(group, now);
        let own = excesses.iter();
        for excess in own.filter(|excess| excess.group.as_ref() == Some(&group.name)) {
            text += &wrap(&format!("needs {}", excess.needs()), "  warning    ");
        }
    }
    for excess in excesses.iter().filter(|excess| excess.group.is_none()) {
        text.push('\n');
        text += &wrap(&excess.to_string(), "warning: ");
    }
    if config.groups.is_empty() {
        text += "\nThere is no [[group]]: `serve` would have nothing to watch.\n";
    }
    for channel in &config.channels {
        text += &channel_report(channel, config);
    }
    text
}

fn group_report(group: &Group, now: DateTime<Utc>) -> String {
    let runs: Vec<String> = group
        .schedule
        .upcoming(now, RUNS)
        .iter()
        .map(|run| run.to_rfc3339_opts(SecondsFormat::Secs, true))
        .collect();
    let types: Vec<String> = group.types.iter().map(ToString::to_string).collect();
    let resolvers: Vec<&str> = group
        .resolvers
        .iter()
        .map(|resolver| resolver.id.as_str())
        .collect();
    let channels = match group.channels.as_slice() {
        [] => "none: incidents are recorded and nobody is told".to_owned(),
        channels => channels.join(", "),
    };
    format!(
        "\nGroup `{}`\n  names      {}, asked for {}\n  resolvers  {}: {} questions a round, beside those to the authorities{}\n  \
         channels   {channels}\n  schedule   {} (cron in UTC; weekdays: 0 or 7 is Sunday, 1 is Monday)\n  next runs  {}\n",
        group.name,
        group.names.len(),
        types.join(", "),
        resolvers.join(", "),
        questions(group),
        followed(group),
        group.schedule,
        runs.join("\n             "),
    )
}

fn questions(group: &Group) -> usize {
    let addresses: usize = group
        .resolvers
        .iter()
        .map(|resolver| resolver.addresses.len())
        .sum();
    group.questions().count() * usize::from(group.samples) * addresses
}

/// What service records lead to is not known before they are asked for.
fn followed(group: &Group) -> String {
    let mut types = group.types.iter();
    if !types.any(|rtype| rtype.is_service()) {
        return String::new();
    }
    format!(
        ",\n             and those for what service records lead to: {MOST_NAMES} names at most"
    )
}

fn channel_report(channel: &Channel, config: &Config) -> String {
    let mut groups = config.groups.iter();
    let used = groups.any(|group| group.channels.contains(&channel.id));
    let mut text = format!(
        "\nChannel `{}`: {}, from {} on{}\n",
        channel.id,
        match &channel.receiver {
            Receiver::Slack { .. } => "Slack",
            Receiver::SlackBot(_) => "Slack, a thread for each incident",
            Receiver::Webhook(hook) => match hook.signing_keys.len() {
                0 => "webhook, not signed",
                1 => "webhook, signed",
                _ => "webhook, signed with the current key and the one before",
            },
            Receiver::PagerDuty { .. } => "PagerDuty",
            Receiver::Alertmanager { .. } => "Alertmanager",
            Receiver::Email(_) => "mail",
            Receiver::Exec(_) => "a program of this machine",
        },
        channel.min_severity,
        if used { "" } else { " (no group names it)" },
    );
    let Route {
        matchers,
        group_wait,
        repeat_interval,
    } = &channel.route;
    if !matchers.is_empty() {
        text += &wrap(&matchers.texts().join(", "), "  told of    ");
    }
    if !group_wait.is_zero() {
        let wait = humantime::format_duration(*group_wait);
        text += &wrap(
            &format!("{wait} for what may be over by then"),
            "  waits      ",
        );
    }
    if let Some(every) = repeat_interval {
        let every = humantime::format_duration(*every);
        text += &wrap(&format!("every {every} at most"), "  reminded   ");
    }
    let warnings = [config.deaf(channel), config.idle_interval(channel)];
    for why in warnings.into_iter().flatten() {
        text += &wrap(&why, "  warning    ");
    }
    text
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use crate::{cli::samples::config, types::RecordType};

    #[test]
    fn a_valid_configuration_is_told_in_words_with_its_next_runs() {
        let now = "2026-11-22T19:05:30Z".parse().unwrap();
        insta::assert_snapshot!(super::check_report(&config(), now));
    }

    #[test]
    fn what_service_records_lead_to_comes_on_top() {
        let mut config = config();
        let group = Arc::make_mut(&mut config.groups[0]);
        group.types = vec![RecordType::SRV];
        let report = super::check_report(&config, chrono::DateTime::UNIX_EPOCH);
        assert_eq!(report.matches("service records").count(), 1, "{report}");
    }

    #[test]
    fn a_configuration_without_groups_is_said_to_watch_nothing() {
        let bare = crate::config::Config::bare(&std::collections::BTreeMap::new()).unwrap();
        let report = super::check_report(&bare, chrono::DateTime::UNIX_EPOCH);
        assert!(report.contains("There is no [[group]]"), "{report}");
    }
}
