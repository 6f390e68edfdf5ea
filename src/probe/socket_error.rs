//! What a socket's error says: of the source, of the way to it, or of this host alone.
//!
//! Deliberately absent: anything that is said inside a DNS message.

use std::{io, net::SocketAddr, time::Duration};

use rustix::io::Errno;
use tokio::time::{Instant, sleep};

use crate::types::NoReply;

/// How long a lack of descriptors, ports or buffers is left to pass before the next try.
pub(super) const PAUSE: Duration = Duration::from_millis(20);

/// Why there is no reply, by the error that ended an attempt.
pub(super) fn why(address: SocketAddr, error: &io::Error) -> NoReply {
    match error.kind() {
        io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionReset => NoReply::Refused,
        // The connection stood and ended without a word, or the kernel gave it up.
        io::ErrorKind::UnexpectedEof | io::ErrorKind::BrokenPipe | io::ErrorKind::TimedOut => {
            NoReply::Timeout
        }
        io::ErrorKind::NetworkUnreachable
        | io::ErrorKind::HostUnreachable
        | io::ErrorKind::AddrNotAvailable => NoReply::NoRoute,
        _ if is(error, &[Errno::AFNOSUPPORT]) => NoReply::NoRoute,
        _ => {
            tracing::warn!(source.address = %address, %error, "a question could not be put from this host");
            NoReply::NoRoute
        }
    }
}

/// The same of an error that UDP met: a refusal is ICMP's word that nobody listens.
pub(super) fn why_udp(address: SocketAddr, error: &io::Error) -> NoReply {
    match why(address, error) {
        NoReply::Refused => NoReply::PortUnreachable,
        other => other,
    }
}

/// Waits a moment where the error is a passing lack on this host and `deadline` leaves time for another try; gives the
/// error back otherwise.
pub(super) async fn wait_out(error: io::Error, deadline: Instant) -> io::Result<()> {
    if !is_shortage(&error) || Instant::now() + PAUSE >= deadline {
        return Err(error);
    }
    tracing::debug!(%error, "waiting for a socket");
    sleep(PAUSE).await;
    Ok(())
}

/// Whether the error is a passing lack of descriptors, ports or buffers on this host.
pub(super) fn is_shortage(error: &io::Error) -> bool {
    const SHORTAGES: [Errno; 6] = [
        Errno::MFILE,
        Errno::NFILE,
        Errno::NOBUFS,
        Errno::NOMEM,
        Errno::ADDRINUSE,
        Errno::AGAIN,
    ];
    is(error, &SHORTAGES)
}

fn is(error: &io::Error, wanted: &[Errno]) -> bool {
    wanted
        .iter()
        .any(|errno| error.raw_os_error() == Some(errno.raw_os_error()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(errno: Errno, expected: NoReply) {
        let error = io::Error::from_raw_os_error(errno.raw_os_error());
        assert_eq!(
            why("192.0.2.1:53".parse().unwrap(), &error),
            expected,
            "{error}"
        );
    }

    #[test]
    fn only_a_refusal_is_laid_at_the_sources_door() {
        check(Errno::CONNREFUSED, NoReply::Refused);
        check(Errno::CONNRESET, NoReply::Refused);
        check(Errno::TIMEDOUT, NoReply::Timeout);
        for errno in [
            Errno::NETUNREACH,
            Errno::HOSTUNREACH,
            Errno::AFNOSUPPORT,
            Errno::PERM,
            Errno::MFILE,
        ] {
            check(errno, NoReply::NoRoute);
        }
    }

    #[tokio::test]
    async fn a_shortage_is_waited_out_but_not_for_ever_and_nothing_else_is() {
        let shortage = || io::Error::from_raw_os_error(Errno::MFILE.raw_os_error());
        let later = Instant::now() + Duration::from_mins(1);
        assert!(wait_out(shortage(), later).await.is_ok());
        assert!(wait_out(shortage(), Instant::now()).await.is_err());
        let refused = io::Error::from(io::ErrorKind::ConnectionRefused);
        assert!(wait_out(refused, later).await.is_err());
    }
}
