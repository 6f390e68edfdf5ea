//! The command that keeps an incident quiet for an hour, ready to paste.
//!
//! It means this incident as it is: what becomes something else is told. Deliberately absent: the page that does the same,
//! which a link leads to where people can reach it.

use crate::{
    audit::{
        incident::{Incident, Status},
        quiet::matchers_of,
        short_id,
    },
    notify::inert::shell_word,
};

/// Longest command, characters: what is longer is not pasted, but thought about.
const LONGEST: usize = 600;

/// The command; `None` once it is over, and where what it would name cannot be typed into a shell and shown unchanged.
pub(super) fn command(incident: &Incident) -> Option<String> {
    if incident.status == Status::Resolved {
        return None;
    }
    let matchers = matchers_of(incident);
    let words: Option<Vec<String>> = matchers.iter().map(|word| shell_word(word)).collect();
    let command = format!(
        "dns-auditor silence add {} --for 1h --comment 'incident {}'",
        words?.join(" "),
        short_id(incident.id)
    );
    (command.chars().count() <= LONGEST).then_some(command)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::incident::Transition;

    fn of(verdict: &str) -> Incident {
        let scene = crate::notify::sample::Scene {
            id: uuid::Uuid::from_u128(7 << 100),
            vantage: "us-west-2",
            group: "the dialers",
            name: &"dialer7.example.com".parse().unwrap(),
            resolvers: &[],
            now: "2026-11-22T19:05:00Z".parse().unwrap(),
        };
        let step = crate::notify::sample::Step::Opened;
        let Transition { incident, .. } =
            crate::notify::sample::transition(verdict, step, &scene).unwrap();
        incident
    }

    #[test]
    fn it_names_what_the_incident_is_about_and_can_be_pasted() {
        let mut incident = of("divergent");
        let words = "dns-auditor silence add 'group=the dialers' axis=name state=divergent name=dialer7.example.com \
            type=A --for 1h --comment 'incident ";
        let found = command(&incident).unwrap();
        assert!(found.starts_with(words), "{found}");
        incident.key.subject = "a'b;c.example.com A".to_owned();
        let found = command(&incident).unwrap();
        assert!(found.contains(r"'name=a'\''b;c.example.com'"), "{found}");
        incident.key.subject = "a\u{202e}b.example.com A".to_owned();
        assert_eq!(command(&incident), None);
        let found = command(&of("blind")).unwrap();
        assert!(
            found.contains("axis=vantage state=blind --for 1h"),
            "{found}"
        );
        incident.key.subject = "*.example.com A".to_owned();
        let found = command(&incident).unwrap();
        assert!(found.contains(r"'name=~\*\.example\.com'"), "{found}");
        incident = of("divergent");
        incident.status = Status::Resolved;
        assert_eq!(command(&incident), None);
    }
}
