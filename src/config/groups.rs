//! Reads `[[group]]`, completes it from `[defaults]`, and fills in what neither says.
//!
//! Deliberately absent: asking anything. A name that does not exist is a finding, not an error of the configuration.

use std::{collections::HashMap, sync::Arc, time::Duration};

use chrono::{DateTime, Utc};

use super::{
    Group, address,
    error::{Complaint, Origin, Report},
    identity,
    raw::Table,
    schedule::Schedule,
    section::Section,
    settings::{Limit, References, Settings},
};
use crate::{
    names::{DnsName, braces},
    types::{Policy, RecordType, Telling},
};

/// The resolvers of a group that names none, as far as they exist: all of them are presets.
const DEFAULT_RESOLVERS: [&str; 3] = ["quad9", "cloudflare", "google"];
/// The schedule of a group that has none: every minute.
const DEFAULT_SCHEDULE: &str = "0 * * * * *";

/// Every group of the file. `now` tells schedules that have fired for the last time.
pub(super) fn read(
    tables: Vec<(Origin, &Table)>,
    defaults: &Settings,
    known: &References<'_>,
    now: DateTime<Utc>,
    report: &mut Report,
) -> Vec<Arc<Group>> {
    let mut groups: Vec<Arc<Group>> = Vec::new();
    for (at, table) in tables {
        let mut section = Section::new("in [[group]]", at, table, report);
        let name = identity::unique(&mut section, "name", identity::label, |name| {
            let taken = groups.iter().any(|group| group.name == name);
            taken.then(|| Complaint::new(format!("there is already a group `{name}`")))
        });
        let names = names(&mut section);
        let authorities = section.list("authorities", |text| address::server(text, 53));
        let authorities =
            authorities.map_or_else(Vec::new, |list| section.distinct("authorities", list));
        let own = Settings::read(&mut section, known);
        let place = section.place().clone();
        section.finish();
        let settings = own.or(defaults.clone());
        if let Some(schedule) = settings.schedule.as_ref()
            && schedule.next_after(now).is_none()
        {
            let message = format!("the schedule `{schedule}` of this group never fires again");
            report.add(&place, Complaint::new(message));
        }
        if let Some(name) = name {
            groups.extend(group(name, names, authorities, settings, known).map(Arc::new));
        }
    }
    groups
}

fn group(
    name: String,
    names: Vec<DnsName>,
    authorities: Vec<std::net::SocketAddr>,
    settings: Settings,
    known: &References<'_>,
) -> Option<Group> {
    let schedule = match settings.schedule {
        Some(ref schedule) => schedule.clone(),
        None => Schedule::parse(DEFAULT_SCHEDULE).ok()?,
    };
    let preset = |id: &&str| {
        let mut resolvers = known.resolvers.iter();
        resolvers.find(|resolver| resolver.id == *id).cloned()
    };
    Some(Group {
        name,
        names,
        types: settings
            .types
            .clone()
            .unwrap_or_else(|| vec![RecordType::A, RecordType::AAAA]),
        resolvers: settings
            .resolvers
            .clone()
            .unwrap_or_else(|| DEFAULT_RESOLVERS.iter().filter_map(preset).collect()),
        authorities,
        policy: policy(&settings, schedule.period()),
        targets: Vec::new(),
        schedule,
        samples: settings.samples.unwrap_or(1),
        timeout: settings.timeout.unwrap_or(Duration::from_secs(1)),
        attempts: settings.attempts.unwrap_or(2),
        options: settings.options,
        channels: settings.channels.unwrap_or_default(),
        runbook: settings.runbook,
        tags: settings.tags.unwrap_or_default(),
    })
}

fn policy(settings: &Settings, period: Duration) -> Policy {
    let default = Policy::default();
    Policy {
        max_ttl: settings.max_ttl.unwrap_or(default.max_ttl),
        max_negative_ttl: settings
            .max_negative_ttl
            .unwrap_or(default.max_negative_ttl),
        max_delegation_ttl: match settings.max_delegation_ttl {
            None => default.max_delegation_ttl,
            Some(Limit::Off) => None,
            Some(Limit::Seconds(ttl)) => Some(ttl),
        },
        mode: settings.mode.unwrap_or(default.mode),
        expect: settings.expect.clone().unwrap_or(default.expect),
        known_bad: settings.known_bad.clone().unwrap_or(default.known_bad),
        unexpected_change: settings
            .unexpected_change
            .unwrap_or(default.unexpected_change),
        serials: settings.serials.unwrap_or(default.serials),
        recovery_window: settings.recovery_window.unwrap_or(default.recovery_window),
        axis_threshold: settings.axis_threshold.unwrap_or(default.axis_threshold),
        authority_blind_limit: settings
            .authority_blind_limit
            .unwrap_or(default.authority_blind_limit),
        repeat_interval: settings.repeat_interval.unwrap_or(default.repeat_interval),
        telling: telling(settings),
        period,
    }
}

fn telling(settings: &Settings) -> Telling {
    let default = Telling::default();
    Telling {
        group_interval: settings.group_interval.unwrap_or(default.group_interval),
        update_threshold: settings
            .update_threshold
            .unwrap_or(default.update_threshold),
        flap_threshold: settings.flap_threshold.unwrap_or(default.flap_threshold),
        flap_window: settings.flap_window.unwrap_or(default.flap_window),
    }
}

/// Every name of the group; a pattern that cannot be expanded or holds a bad or repeated name is noted.
fn names(section: &mut Section<'_, '_>) -> Vec<DnsName> {
    if section.node("names").is_none() {
        section.complain_here(Complaint::new("`names` is missing: this group is empty"));
    }
    let mut first_in: HashMap<DnsName, String> = HashMap::new();
    let mut names = Vec::new();
    section.list("names", |pattern| {
        for text in braces::expand(pattern).map_err(|error| Complaint::new(error.to_string()))? {
            let name: DnsName = text
                .parse()
                .map_err(|error: crate::names::NameError| Complaint::new(error.to_string()))?;
            if let Some(earlier) = first_in.insert(name.clone(), pattern.to_owned()) {
                let message = format!("`{name}` is already in this group");
                return Err(Complaint::new(message).hint(format!("`{earlier}` stands for it")));
            }
            names.push(name);
        }
        Ok(())
    });
    section.refuse_empty("names");
    names
}
