//! Standard Webhooks signatures: HMAC-SHA256 over id, instant and the exact bytes sent.
//!
//! Deliberately absent: key rotation (several signatures in one header) and asymmetric keys (`v1a`).

use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// The value of `webhook-signature`: `v1,` and the base64 of HMAC-SHA256 over `id.timestamp.body`.
///
/// `timestamp` is the attempt's, in Unix seconds; `key` is the decoded secret.
pub fn sign(key: &[u8], id: &str, timestamp: i64, body: &[u8]) -> String {
    // HMAC takes a key of any length (RFC 2104 section 2), so that this is `Ok` always; an empty header would be
    // refused by the receiver, which is the right end for an impossible case.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else {
        return String::new();
    };
    mac.update(format!("{id}.{timestamp}.").as_bytes());
    mac.update(body);
    format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_vector_of_the_standard_webhooks_libraries_is_reproduced() {
        let key = STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        assert_eq!(
            sign(
                &key,
                "msg_p5jXN8AQM9LWM0D4loKWxJek",
                1_614_265_330,
                br#"{"test": 2432232314}"#
            ),
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
        );
    }

    #[test]
    fn id_instant_body_and_key_each_change_the_signature() {
        let base = sign(b"key", "id", 1, b"body");
        assert_ne!(base, sign(b"kez", "id", 1, b"body"));
        assert_ne!(base, sign(b"key", "ie", 1, b"body"));
        assert_ne!(base, sign(b"key", "id", 2, b"body"));
        assert_ne!(base, sign(b"key", "id", 1, b"bodz"));
    }
}
