//! What the demonstration says in its own words.
//!
//! Deliberately absent: anything that the service found out; that is told in the service's words.

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};

use crate::{
    cli::{length, output::wrap},
    demo::{
        RESOLVERS,
        story::{Happening, Story, TTL_AFTERWARDS},
    },
};

/// The commands of the postmortem, without the program's name.
pub(super) fn commands(story: Story) -> Vec<String> {
    let instant = |at: DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::Secs, true);
    let moved_back = story.moved_back();
    let (from, then) = (
        instant(moved_back),
        instant(moved_back + TimeDelta::minutes(1)),
    );
    let late = instant(story.last_of_b() - TimeDelta::hours(2));
    let mut commands = vec![
        "incidents list --all".to_owned(),
        format!("timeline dialer7.example.com --resolver isp-a --from {late}"),
        format!("explain dialer7.example.com --resolver isp-a --at {then}"),
    ];
    if story.ttl > TTL_AFTERWARDS {
        let what_if = format!("what-if --ttl {TTL_AFTERWARDS} dialer7.example.com --from {from}");
        commands.push(what_if);
    }
    commands.extend([
        format!("propagation dialer7.example.com --from {from}"),
        "sli dialer7.example.com".to_owned(),
        "coverage".to_owned(),
    ]);
    commands
}

/// Before a message: `Sun 15:10  Slack  `.
pub(super) fn slack_heading(at: DateTime<Utc>) -> String {
    at.format("%a %H:%M  Slack  ").to_string()
}

/// `Sun 30 Aug 15:10`.
pub(super) fn clock_face(at: DateTime<Utc>) -> String {
    at.format("%a %d %b %H:%M").to_string()
}

/// What is on the stage.
pub(super) fn opening(story: Story, period: u32) -> String {
    let mut text = "THE INCIDENT OF 30 AUGUST 2020, on this machine alone\n\n".to_owned();
    text += &wrap(
        "A backbone fails for five hours. A vendor of call-centre dialers moves them to a stopgap, site B, and \
         back to site A when it is over. Its TTL makes a day's incident of it.",
        "",
    );
    text += "\nreal       scheduler, prober, judge, PostgreSQL and dispatcher: the service as `serve` runs it\n";
    text +=
        "simulated  the world: two name servers, four caching resolvers, Slack; all on 127.0.0.1\n";
    let clock = format!(
        "the clock jumps from round to round, {period} minutes each; within a round it runs at its true speed. \
         TTLs are the real {} s",
        story.ttl
    );
    text += &wrap(&clock, "clock      ");
    text += "\n";
    for resolver in RESOLVERS {
        let keeps = resolver.cap.map_or_else(
            || "keeps everything for as long as its TTL says".to_owned(),
            |cap| {
                format!(
                    "keeps nothing for more than {}, as {} did in 2023",
                    length::text(cap.into()),
                    resolver.like
                )
            },
        );
        text += &format!("{:<9}  {keeps}\n", resolver.id);
    }
    text += "\nA          198.51.100.x, where the dialers belong\n";
    text += "B          203.0.113.x, the stopgap; `known_bad`: critical at the authority, and in a cache after it\n";
    text += "B!! 5h 3m  what a cache says, and for how long it may go on; ! is a warning, !! is critical\n";
    text
}

/// What happens at the vendor.
pub(super) fn happening(happening: Happening, story: Story) -> String {
    let ttl = length::text(story.ttl.into());
    let text = match happening {
        Happening::Calm => format!(
            "A quiet morning: every cache says what the authority says. The TTL of the dialers is {ttl}: {} s.", story.ttl
        ),
        Happening::MovedAway => "The backbone fails, site A is cut off. The vendor moves every dialer to site B. Its own \
             name servers say so at once; the caches say A until their copies run out."
            .to_owned(),
        Happening::MovedBack => "The backbone is back. The vendor moves every dialer back to site A and shuts site B. \
             Everything the vendor can see is green from now on. Caches that fetched meanwhile go on handing out B."
            .to_owned(),
        Happening::Lowered => format!(
            "No cache holds B any more. The vendor lowers the TTL to {}.",
            length::text(TTL_AFTERWARDS.into())
        ),
    };
    wrap(&text, "")
}

/// A resolver's last copy of B has run out.
pub(super) fn let_go(id: &str) -> String {
    format!("{id} hands out B no more.\n")
}

/// Before the sum and the commands.
pub(super) const AFTERWARDS: &str =
    "THE POSTMORTEM\n\nWho handed out B after the authority was right again:\n";

/// Where to go from here.
pub(super) fn ending(story: Story) -> String {
    let other = if story.ttl > TTL_AFTERWARDS {
        format!(
            "dns-auditor demo --ttl {TTL_AFTERWARDS}      the same day with a TTL of five minutes\n"
        )
    } else {
        "dns-auditor demo                the same day with the TTL that the vendor had\n".to_owned()
    };
    format!("\n{other}dns-auditor check NAME          your own names, now\n")
}
