//! Reads `[heartbeat]`: who is to hear that rounds run, and how often.
//!
//! Deliberately absent: sending, and when not to.

use std::time::Duration;

use super::{
    Channel, Receiver, Route, Webhook, WebhookBody,
    channels::{self, Vault},
    error::{Origin, Report},
    raw::Table,
    section::Section,
};
use crate::types::Severity;

/// How often, where it is not said.
const USUAL: Duration = Duration::from_mins(5);

/// Who hears that rounds run.
#[derive(Debug, Clone)]
pub struct Heartbeat {
    /// Where to.
    pub channel: Channel,
    /// How often.
    pub every: Duration,
}

/// Reads the section; `None` where it is not there, or has no address that can be found.
pub(super) fn read(
    written: Option<(Origin, &Table)>,
    vault: &Vault<'_>,
    report: &mut Report,
) -> Option<Heartbeat> {
    let (at, table) = written?;
    let mut section = Section::new("in [heartbeat]", at, table, report);
    let url = channels::secret_url(&mut section, vault);
    let every = section.duration("every", Duration::from_secs(1)..=Duration::from_hours(24));
    section.finish();
    Some(Heartbeat {
        channel: Channel {
            id: "heartbeat".to_owned(),
            receiver: Receiver::Webhook(Webhook {
                url: url?,
                signing_keys: Vec::new(),
                headers: Vec::new(),
                body: WebhookBody::Standard,
            }),
            allow: Vec::new(),
            min_severity: Severity::Info,
            route: Route::default(),
            fallback: None,
        },
        every: every.unwrap_or(USUAL),
    })
}
