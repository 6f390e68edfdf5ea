//! Ids that the same history always gives again, so that nothing is told twice under two ids.
//!
//! Deliberately absent: randomness and the time of day.

use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};
use uuid::{Builder, Uuid};

use crate::audit::{incident::IncidentKey, verdict::Family};

/// The id of an incident: from where it was seen, what it is about, its first bad sample and the judgement that it was
/// believed at (both to the microsecond). Without the last, two in a row could share an id: replies of one instant at two
/// resolvers may be believed in two rounds, with an incident that has ended between them.
pub(super) fn incident_id(
    vantage: &str,
    key: &IncidentKey,
    opened_at: DateTime<Utc>,
    confirmed_at: DateTime<Utc>,
) -> Uuid {
    let axis = key.axis.as_str();
    let family = match key.family {
        Family::Value => "value",
        Family::Failure => "failure",
        Family::Blind => "blind",
        Family::Finding(kind) => kind.name(),
    };
    let micros = |instant: DateTime<Utc>| instant.timestamp_micros().to_string();
    derive(&[
        "incident",
        vantage,
        &key.group,
        axis,
        &key.subject,
        family,
        &micros(opened_at),
        &micros(confirmed_at),
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
        let id = incident_id(
            "us-west-2",
            &key,
            DateTime::UNIX_EPOCH,
            DateTime::UNIX_EPOCH,
        );
        assert_eq!(id.get_version_num(), 8);
        assert_eq!(id.get_variant(), uuid::Variant::RFC4122);
        assert_eq!(id.to_string(), "bf2aab5a-f46c-8ca5-906f-50c7a30880a6");
        assert_eq!(
            message_id(id, 0, "voip-ops").to_string(),
            "96faa502-72d7-82f0-82ad-231fc2840502"
        );
        let message = message_id(id, 0, "voip-ops");
        assert_eq!(
            fallback_id(message).to_string(),
            "773e20c7-d2e9-8d34-9c98-51144572c07f"
        );
        assert_eq!(
            released_id(message).to_string(),
            "04d4f67c-c863-8a79-a2b8-c983155e2c17"
        );
    }

    #[test]
    fn every_part_of_an_id_counts() {
        let first = IncidentKey {
            group: "dialers".to_owned(),
            axis: Axis::Name,
            subject: "dialer7.example.com A".to_owned(),
            family: Family::Value,
        };
        let second = IncidentKey {
            family: Family::Failure,
            ..first.clone()
        };
        let (early, late) = (DateTime::UNIX_EPOCH, DateTime::<Utc>::MAX_UTC);
        let id = Uuid::nil();
        let ids = [
            incident_id("here", &first, early, early),
            incident_id("there", &first, early, early),
            incident_id("here", &second, early, early),
            incident_id("here", &first, late, early),
            incident_id("here", &first, early, late),
            message_id(id, 0, "a"),
            message_id(id, 1, "a"),
            message_id(id, 0, "b"),
            message_id(Uuid::max(), 0, "a"),
            fallback_id(id),
            fallback_id(Uuid::max()),
            released_id(id),
            released_id(Uuid::max()),
        ];
        for (at, one) in ids.iter().enumerate() {
            assert!(!ids[at + 1..].contains(one));
        }
    }
}
