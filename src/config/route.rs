//! Reads what a channel is told of, how long it waits for more, and how often it is reminded: `matchers`, `group_wait` and
//! `repeat_interval`.
//!
//! Deliberately absent: `min_severity`, which every channel has.

use std::time::Duration;

use super::{
    Channel, Config, Group, error::Complaint, section::Section, settings::REPEAT_INTERVAL,
};
use crate::{
    audit::{finding::FindingKind, incident::Axis, verdict::State},
    names::DnsName,
    types::{Labelled, Matcher, Routing, Severity},
};

/// Longest `group_wait`.
const LONGEST: Duration = Duration::from_hours(1);
/// The names of what is no state and no finding.
const OTHER_STATES: [&str; 2] = ["blind", "unwatched"];

/// What a channel is told of, and when.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Route {
    /// Which incidents.
    pub matchers: Routing,
    /// How long an incident must last before the channel hears of it. What is over by then it never hears of.
    pub group_wait: Duration,
    /// The least time between a message and a reminder of its incident; `None`: as the group says. What is shorter than that
    /// changes nothing, since there are no more reminders than the group makes.
    pub repeat_interval: Option<Duration>,
}

/// Reads the keys.
pub(super) fn read(section: &mut Section<'_, '_>) -> Route {
    let matchers = section.list("matchers", |text| {
        let read = text.parse::<Matcher>();
        read.map_err(|error| Complaint::new(error.to_string()))
    });
    let matchers = matchers.unwrap_or_default().into_iter();
    let wait = section.duration("group_wait", Duration::ZERO..=LONGEST);
    Route {
        matchers: Routing::new(matchers.map(|located| located.value).collect()),
        group_wait: wait.unwrap_or_default(),
        repeat_interval: section.duration("repeat_interval", REPEAT_INTERVAL),
    }
}

impl Config {
    /// Why a channel's own `repeat_interval` changes nothing, in a sentence; `None` where it does, or there is none.
    pub fn idle_interval(&self, channel: &Channel) -> Option<String> {
        let own = channel.route.repeat_interval?;
        let groups = self.groups.iter();
        let groups = groups.filter(|group| group.channels.contains(&channel.id));
        let shortest = groups.map(|group| group.policy.repeat_interval).min()?;
        (own <= shortest).then(|| {
            format!(
                "repeat_interval = \"{}\" changes nothing: its groups remind every {} at most",
                humantime::format_duration(own),
                humantime::format_duration(shortest)
            )
        })
    }

    /// Why a channel that groups name can never be told anything, in a sentence; `None` where it can.
    pub fn deaf(&self, channel: &Channel) -> Option<String> {
        let groups = self.groups.iter();
        let mut groups = groups.filter(|group| group.channels.contains(&channel.id));
        let first = why_deaf(channel, groups.next()?)?;
        groups
            .all(|group| why_deaf(channel, group).is_some())
            .then(|| {
                format!(
                    "no incident can fulfil `{first}`: this channel will never be told anything"
                )
            })
    }
}

/// The condition that no incident of a group fulfils. The names that its service records lead to are not known.
fn why_deaf(channel: &Channel, group: &Group) -> Option<String> {
    let whole = Labelled {
        group: &group.name,
        axis: Axis::Name.as_str(),
        state: State::Divergent.name(),
        severity: Severity::Critical,
        names: group.names.iter().map(DnsName::as_str).collect(),
        resolvers: group.resolvers.iter().map(|one| one.id.as_str()).collect(),
        types: group.types.clone(),
        tags: &group.tags,
    };
    let nobody = Labelled {
        names: Vec::new(),
        resolvers: Vec::new(),
        ..whole.clone()
    };
    let axes = [Axis::Resolver, Axis::Authority, Axis::Vantage].map(|axis| Labelled {
        axis: axis.as_str(),
        ..whole.clone()
    });
    let severities = [Severity::Info, Severity::Warning].into_iter();
    let severities = severities.filter(|severity| *severity >= channel.min_severity);
    let severities = severities.map(|severity| Labelled {
        severity,
        ..whole.clone()
    });
    let findings = FindingKind::ALL.into_iter().map(FindingKind::name);
    let states = State::ALL.into_iter().map(State::name).chain(findings);
    let states = states.chain(OTHER_STATES).map(|state| Labelled {
        state,
        ..whole.clone()
    });
    let mut all = vec![whole.clone(), nobody];
    all.extend(axes);
    all.extend(severities);
    all.extend(states);
    let vain = channel.route.matchers.unfulfilled(&all);
    vain.map(ToString::to_string)
}
