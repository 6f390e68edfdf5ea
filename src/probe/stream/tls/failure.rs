//! Why a handshake failed, in the few words that are told.
//!
//! Deliberately absent: what came after the handshake.

use std::io;

use rustls::{AlertDescription, CertificateError, Error};

use crate::types::TlsFailure;

/// The reason inside an error of a TLS stream; `None` where the error is the socket's alone.
pub(in crate::probe::stream) fn classify(error: &io::Error) -> Option<TlsFailure> {
    let inner = error.get_ref()?;
    inner.downcast_ref::<Error>().map(reason)
}

/// The reason that rustls gives. Also for QUIC, whose errors carry the same type.
pub(in crate::probe::stream) fn reason(error: &Error) -> TlsFailure {
    match error {
        Error::InvalidCertificate(fault) => certificate(fault),
        Error::NoCertificatesPresented => TlsFailure::BadCertificate,
        Error::NoApplicationProtocol
        | Error::AlertReceived(AlertDescription::NoApplicationProtocol) => {
            TlsFailure::NoCommonProtocol
        }
        _ => TlsFailure::Handshake,
    }
}

fn certificate(fault: &CertificateError) -> TlsFailure {
    match fault {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => TlsFailure::Expired,
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            TlsFailure::NotYetValid
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            TlsFailure::WrongName
        }
        CertificateError::UnknownIssuer => TlsFailure::UnknownIssuer,
        CertificateError::Revoked => TlsFailure::Revoked,
        _ => TlsFailure::BadCertificate,
    }
}
