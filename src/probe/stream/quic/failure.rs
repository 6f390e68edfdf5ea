//! Why a QUIC connection did not come about, or ended.
//!
//! Deliberately absent: what a single stream ended by.

use quinn::ConnectionError;
use rustls::{AlertDescription, CertificateError, Error};

use crate::{probe::stream::tls, types::NoReply};

/// The transport error code of a server that wants no connection (RFC 9000 section 20.1).
const CONNECTION_REFUSED: u64 = 0x2;

/// Why there is no connection, or none any more.
pub(super) fn why(error: &ConnectionError) -> NoReply {
    match error {
        ConnectionError::TransportError(error) => match alert(error.code.into()) {
            Some(alert) => NoReply::Tls(tls::reason(&found_here(alert, &error.reason))),
            None => NoReply::Protocol,
        },
        ConnectionError::ConnectionClosed(close) => match alert(close.error_code.into()) {
            Some(alert) => NoReply::Tls(tls::reason(&Error::AlertReceived(alert))),
            None if u64::from(close.error_code) == CONNECTION_REFUSED => NoReply::Refused,
            None => NoReply::Protocol,
        },
        ConnectionError::Reset => NoReply::Refused,
        ConnectionError::TimedOut => NoReply::Timeout,
        // Locally: HTTP/3 saw its rules broken.
        ConnectionError::LocallyClosed
        | ConnectionError::VersionMismatch
        | ConnectionError::ApplicationClosed(_)
        | ConnectionError::CidsExhausted => NoReply::Protocol,
    }
}

/// The TLS alert in a transport error code (RFC 9001 section 4.8).
fn alert(code: u64) -> Option<AlertDescription> {
    let number = u8::try_from(code.checked_sub(0x100)?).ok()?;
    Some(AlertDescription::from(number))
}

/// The error that rustls gave on this side. quinn keeps only the alert that it was sent as, and its text. The text says that a
/// certificate was the reason, and more in two places: one alert covers both ends of a certificate's time, and one a wrong name
/// and a broken certificate.
fn found_here(alert: AlertDescription, text: &str) -> Error {
    let says = |word: &str| text.contains(word);
    if alert == AlertDescription::NoApplicationProtocol {
        return Error::NoApplicationProtocol;
    }
    if !says("invalid peer certificate") {
        return Error::AlertReceived(alert);
    }
    Error::InvalidCertificate(match alert {
        AlertDescription::CertificateExpired if says("not valid yet") || says("NotValidYet") => {
            CertificateError::NotValidYet
        }
        AlertDescription::CertificateExpired => CertificateError::Expired,
        AlertDescription::CertificateRevoked => CertificateError::Revoked,
        AlertDescription::UnknownCA => CertificateError::UnknownIssuer,
        _ if says("not valid for name") || says("NotValidForName") => {
            CertificateError::NotValidForName
        }
        _ => CertificateError::BadEncoding,
    })
}

#[cfg(test)]
mod tests {
    use rustls::pki_types::{ServerName, UnixTime};

    use super::*;
    use crate::types::TlsFailure;

    fn check(fault: CertificateError, expected: TlsFailure) {
        let alert = AlertDescription::from(fault.clone());
        let error = Error::InvalidCertificate(fault);
        let text = error.to_string();
        let told = tls::reason(&found_here(alert, &text));
        assert_eq!(told, expected, "{text}");
        assert_eq!(told, tls::reason(&error), "as over TLS: {text}");
    }

    #[test]
    fn a_fault_is_told_the_same_from_its_text_as_from_the_error_itself() {
        let time = UnixTime::now();
        let name = ServerName::try_from("dns.example.net").unwrap();
        for (fault, expected) in [
            (CertificateError::Expired, TlsFailure::Expired),
            (
                CertificateError::ExpiredContext {
                    time,
                    not_after: time,
                },
                TlsFailure::Expired,
            ),
            (CertificateError::NotValidYet, TlsFailure::NotYetValid),
            (
                CertificateError::NotValidYetContext {
                    time,
                    not_before: time,
                },
                TlsFailure::NotYetValid,
            ),
            (CertificateError::NotValidForName, TlsFailure::WrongName),
            (
                CertificateError::NotValidForNameContext {
                    expected: name,
                    presented: vec!["DnsName(\"other.example\")".to_owned()],
                },
                TlsFailure::WrongName,
            ),
            (CertificateError::UnknownIssuer, TlsFailure::UnknownIssuer),
            (CertificateError::Revoked, TlsFailure::Revoked),
            (CertificateError::BadEncoding, TlsFailure::BadCertificate),
            (CertificateError::InvalidPurpose, TlsFailure::BadCertificate),
            (CertificateError::BadSignature, TlsFailure::BadCertificate),
        ] {
            check(fault, expected);
        }
    }

    #[test]
    fn only_codes_of_tls_are_alerts() {
        assert_eq!(alert(0x178), Some(AlertDescription::NoApplicationProtocol));
        for code in [0, 0x2, 0xff, 0x200, u64::MAX] {
            assert_eq!(alert(code), None, "{code:#x}");
        }
    }
}
