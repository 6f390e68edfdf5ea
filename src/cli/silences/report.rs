//! Silences and windows of maintenance as people read them.
//!
//! Deliberately absent: what was held back, which `notify log` and `incidents show` say.

use crate::{
    audit::{
        incident::Incident,
        quiet::{Phase, QuietAt, Silence, SilenceAt, WindowAt},
        short_id,
    },
    cli::{
        instants::instant,
        length,
        listing::{Listing, exact, exact_or_empty},
        output::{count, inert, wrap},
    },
};

/// Open incidents that are named.
const MOST_NAMED: usize = 5;

/// What was silenced, and which open incidents that covers.
pub(super) fn added(silence: &Silence, covered: &[Incident]) -> String {
    let window = format!(
        "{}, from {} until {}",
        inert(&silence.matchers.to_string()),
        instant(silence.starts_at),
        instant(silence.ends_at)
    );
    let open = match covered.len() {
        0 => "no open incident is covered by it now".to_owned(),
        many => {
            let named = covered.iter().take(MOST_NAMED);
            let named: Vec<String> = named.map(named_incident).collect();
            format!(
                "{} covered by it now: {}",
                count(many, "open incident"),
                named.join(", ")
            )
        }
    };
    format!(
        "silenced {}\n{}{}",
        silence.id,
        wrap(&window, ""),
        wrap(&open, "")
    )
}

fn named_incident(incident: &Incident) -> String {
    let id = short_id(incident.id);
    format!(
        "{id} ({} {})",
        inert(&incident.key.subject),
        incident.verdict
    )
}

/// Silences, the latest first, and the windows.
pub(super) fn page(quiet: &QuietAt) -> String {
    let mut text = String::new();
    if quiet.silences.is_empty() {
        text += "no silences; --all lists the expired ones, too\n";
    }
    text += &quiet.silences.iter().rev().map(silence).collect::<String>();
    if !quiet.maintenance.is_empty() {
        text += "\nMAINTENANCE\n";
        text += &quiet.maintenance.iter().map(window).collect::<String>();
    }
    text
}

fn silence(SilenceAt { silence, phase }: &SilenceAt) -> String {
    let id = short_id(silence.id);
    let when = match phase {
        Phase::Pending => format!(
            "pending, from {} until {}",
            instant(silence.starts_at),
            instant(silence.ends_at)
        ),
        Phase::Active => format!("active until {}", instant(silence.ends_at)),
        Phase::Expired => format!(
            "expired, from {} until {}{}",
            instant(silence.starts_at),
            instant(silence.until()),
            ended_by(silence)
        ),
    };
    let matchers = inert(&silence.matchers.to_string());
    let mut text = wrap(&format!("{when}: {matchers}"), &format!("{id}  "));
    let by = format!(
        "by {} at {}: {}",
        inert(&silence.made_by),
        instant(silence.made_at),
        inert(&silence.comment)
    );
    text += &wrap(&by, "    ");
    text
}

fn ended_by(silence: &Silence) -> String {
    let by = silence.expired_by.as_deref();
    by.map_or_else(String::new, |by| format!(" (ended by {})", inert(by)))
}

fn window(window: &WindowAt) -> String {
    let state = match (window.open_until, window.opens_at) {
        (Some(until), _) => format!("open until {}", instant(until)),
        (None, Some(at)) => format!("opens at {}", instant(at)),
        (None, None) => "opens no more".to_owned(),
    };
    let seconds = i64::try_from(window.duration_s).unwrap_or(i64::MAX);
    let what = format!(
        "{state}, `{}` for {}: {}",
        window.schedule,
        length::text(seconds),
        inert(&window.matchers.to_string())
    );
    let mut text = wrap(&what, &format!("{}  ", inert(&window.name)));
    if let Some(comment) = &window.comment {
        text += &wrap(&inert(comment), "    ");
    }
    text
}

/// One row per silence, then one per window.
pub(super) fn listing(quiet: &QuietAt) -> Listing {
    let headings = [
        "kind",
        "id",
        "state",
        "matchers",
        "starts_at",
        "ends_at",
        "by",
        "comment",
    ];
    let silences = quiet
        .silences
        .iter()
        .rev()
        .map(|SilenceAt { silence, phase }| {
            [
                "silence".to_owned(),
                silence.id.to_string(),
                phase.as_str().to_owned(),
                silence.matchers.to_string(),
                exact(silence.starts_at),
                exact(silence.until()),
                silence.made_by.clone(),
                silence.comment.clone(),
            ]
        });
    let windows = quiet.maintenance.iter().map(|window| {
        let state = window.open_until.map_or("closed", |_| "open");
        [
            "maintenance".to_owned(),
            window.name.clone(),
            state.to_owned(),
            window.matchers.to_string(),
            exact_or_empty(window.opens_at),
            exact_or_empty(window.open_until),
            String::new(),
            window.comment.clone().unwrap_or_default(),
        ]
    });
    Listing::new(headings, silences.chain(windows))
}
