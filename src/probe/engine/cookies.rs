//! DNS cookies of one address (RFC 7873, RFC 9018): ours, and the one its server gave us.
//!
//! Deliberately absent: when they are sent.

use std::net::SocketAddr;

use sha2::{Digest as _, Sha256};

/// Octets of a client cookie.
const CLIENT_OCTETS: usize = 8;
/// Octets of a server cookie.
const SERVER_OCTETS: std::ops::RangeInclusive<usize> = 8..=32;

/// What client cookies are made of; each prober draws its own.
pub(super) struct Secret([u8; 32]);

impl Secret {
    pub(super) fn new() -> Self {
        Self(rand::random())
    }
}

/// The cookies of one address. A pool shares it, so that all its sockets say the same.
#[derive(Debug)]
pub(super) struct Cookies {
    client: [u8; CLIENT_OCTETS],
    server: Option<Box<[u8]>>,
}

impl Cookies {
    /// The client cookie is a keyed hash of the server's address (RFC 7873 section 4.1): no two servers get the same.
    pub(super) fn new(secret: &Secret, address: SocketAddr) -> Self {
        let mut hash = Sha256::new();
        hash.update(secret.0);
        hash.update(address.to_string());
        let mut client = [0; CLIENT_OCTETS];
        for (to, from) in client.iter_mut().zip(hash.finalize()) {
            *to = from;
        }
        Self {
            client,
            server: None,
        }
    }

    /// The data of the option to send: both cookies, or ours alone.
    pub(super) fn option(&self) -> Vec<u8> {
        [&self.client[..], self.server.as_deref().unwrap_or_default()].concat()
    }

    /// Takes the option of a reply: whether it repeats our cookie, without which the reply is not to be believed
    /// (section 5.3). The server's part is remembered.
    pub(super) fn take(&mut self, option: &[u8]) -> bool {
        let Some((client, server)) = option.split_at_checked(CLIENT_OCTETS) else {
            return false;
        };
        if client != self.client {
            return false;
        }
        if SERVER_OCTETS.contains(&server.len()) {
            self.server = Some(server.into());
        }
        server.is_empty() || SERVER_OCTETS.contains(&server.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_server_has_a_cookie_of_its_own_and_gives_one_back() {
        let secret = Secret::new();
        let cookies = |address: &str| Cookies::new(&secret, address.parse().unwrap());
        let mut ours = cookies("192.0.2.1:53");
        assert_eq!(ours.option(), cookies("192.0.2.1:53").option());
        assert_ne!(ours.option(), cookies("192.0.2.2:53").option());
        let answer = [&ours.option()[..], &[7; 16]].concat();
        assert!(ours.take(&answer));
        assert_eq!(ours.option(), answer);
        assert!(
            !ours.take(&[&[0; 8][..], &[9; 16]].concat()),
            "not our cookie"
        );
        assert!(
            !ours.take(&answer[..7]) && !ours.take(&answer[..9]),
            "no cookie at all"
        );
        assert_eq!(ours.option(), answer);
    }
}
