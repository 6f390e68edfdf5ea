//! Ids that the same history always gives again, so that nothing is told twice under two ids.
//!
//! Deliberately absent: randomness and the time of day.

use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};
use uuid::{Builder, Uuid};

use crate::audit::{incident::IncidentKey, verdict::Family};

/// The id of an incident: from where it was seen, what it is about and its first bad sample (to the microsecond).
pub(super) fn incident_id(vantage: &str, key: &IncidentKey, opened_at: DateTime<Utc>) -> Uuid {
    let axis = key.axis.as_str();
    let family = match key.family {
        Family::Value => "value",
        Family::Failure => "failure",
        Family::Blind => "blind",
        Family::Finding(kind) => kind.name(),
    };
    let opened_at = opened_at.timestamp_micros().to_string();
    derive(&[
        "incident",
        vantage,
        &key.group,
        axis,
        &key.subject,
        family,
        &opened_at,
    ])
}

/// The id of the message that tells transition `number` of an incident on one channel: the same after every restart.
pub fn message_id(incident: Uuid, number: u32, channel: &str) -> Uuid {
    derive(&[
        "message",
        &incident.to_string(),
        &number.to_string(),
        channel,
    ])
}

/// The id of the message that tells at a fallback what `message` could not tell at its own channel.
pub fn fallback_id(message: Uuid) -> Uuid {
    derive(&["fallback", &message.to_string()])
}

/// The id of the message that tells after all what `message`, the newest of those held back, did not.
pub fn released_id(message: Uuid) -> Uuid {
    derive(&["released", &message.to_string()])
}

/// A UUID of version 8 (RFC 9562 section 5.8) from the first 16 octets of a SHA-256 over length-prefixed words. The
/// encoding is fixed for ever, since ids are stored.
pub(super) fn derive(words: &[&str]) -> Uuid {
    let mut hash = Sha256::new();
    for word in words {
        hash.update((word.len() as u64).to_be_bytes());
        hash.update(word.as_bytes());
    }
    let digest: [u8; 32] = hash.finalize().into();
    let mut octets = [0; 16];
    octets.copy_from_slice(&digest[..16]);
    Builder::from_custom_bytes(octets).into_uuid()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::incident::Axis;

    #[test]
    fn ids_are_version_8_and_fixed_for_ever() {
        let key = IncidentKey {
            group: "dialers".to_owned(),
            axis: Axis::Name,
            subject: "dialer7.example.com A".to_owned(),
            family: Family::Value,
        };
        let id = incident_id("us-west-2", &key, DateTime::UNIX_EPOCH);
        assert_eq!(id.get_version_num(), 8);
        assert_eq!(id.get_variant(), uuid::Variant::RFC4122);
        assert_eq!(id.to_string(), "946d05d6-055f-8a2f-ad63-a121c4294a54");
        assert_eq!(
            message_id(id, 0, "voip-ops").to_string(),
            "0635da5e-c15c-8d17-98dd-cf54551b37fb"
        );
    }

    #[test]
    fn every_part_of_an_id_counts() {
        let id = Uuid::nil();
        let ids = [
            message_id(id, 0, "a"),
            message_id(id, 1, "a"),
            message_id(id, 0, "b"),
            message_id(Uuid::max(), 0, "a"),
        ];
        for (at, one) in ids.iter().enumerate() {
            assert!(!ids[at + 1..].contains(one));
        }
    }
}
