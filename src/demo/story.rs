//! What happens in the demonstration, and when: the frame of 30 August 2020, with invented names and addresses.
//!
//! Pure: instants in, content out. Deliberately absent: who asks, and what is made of it.

use std::net::{IpAddr, Ipv4Addr};

use chrono::{DateTime, TimeDelta, Utc};
use ipnet::{IpNet, Ipv4Net};

/// The zone of every name here.
pub const ZONE: &str = "example.com";

/// The TTL that the vendor had, seconds: a day.
pub const TTL_OF_2020: u32 = 86_400;

/// The TTL that the vendor chooses afterwards, seconds.
pub const TTL_AFTERWARDS: u32 = 300;

/// A dialer, and an instant at which every cache fetches it anew. Before and after, each does so whenever its own copy
/// has run out: their users ask all the time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dialer {
    /// Its number, which is its address's last octet, too.
    pub number: u8,
    /// The instant, minutes after midnight of 30 August.
    fetched: i64,
}

/// The dialers. Three of them are fetched while the authority says B, by every cache; of the others caches with short
/// memories only.
pub const DIALERS: [Dialer; 6] = [
    Dialer::fetched_at(4, 11, 42),
    Dialer::fetched_at(5, 13, 26),
    Dialer::fetched_at(6, 9, 13),
    Dialer::fetched_at(7, 15, 5),
    Dialer::fetched_at(8, 18, 31),
    Dialer::fetched_at(9, 7, 54),
];

/// Where the dialers can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Site {
    /// Where they belong.
    A,
    /// The stopgap: right for five hours, and shut afterwards.
    B,
}

/// Something that happens at the vendor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Happening {
    /// Every cache holds site A, which is right.
    Calm,
    /// The backbone fails, and the vendor moves to site B.
    MovedAway,
    /// The backbone is back, the vendor moves back to site A, and shuts site B.
    MovedBack,
    /// The vendor lowers its TTL.
    Lowered,
}

/// The story with one TTL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Story {
    /// The TTL of the dialers' addresses, seconds.
    pub ttl: u32,
}

/// What the authority serves at an instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Served {
    /// Where the dialers are.
    pub site: Site,
    /// The TTL of their addresses, seconds.
    pub ttl: u32,
    /// The serial of the zone.
    pub serial: u32,
}

impl Dialer {
    const fn fetched_at(number: u8, hour: i64, minute: i64) -> Self {
        let fetched = hour * 60 + minute;
        Self { number, fetched }
    }

    /// Its name, lower case, without a trailing dot.
    pub fn name(self) -> String {
        format!("dialer{}.{ZONE}", self.number)
    }

    /// The dialer of a name.
    pub fn of_name(name: &str) -> Option<Self> {
        DIALERS.into_iter().find(|dialer| dialer.name() == name)
    }

    /// An instant at which every cache fetches it.
    pub fn fetched(self) -> DateTime<Utc> {
        midnight() + TimeDelta::minutes(self.fetched)
    }
}

impl Site {
    /// The address of a dialer there.
    pub fn address(self, dialer: Dialer) -> Ipv4Addr {
        match self {
            Self::A => Ipv4Addr::new(198, 51, 100, dialer.number),
            Self::B => Ipv4Addr::new(203, 0, 113, dialer.number),
        }
    }

    /// The network of all addresses there.
    pub fn network(self) -> IpNet {
        IpNet::V4(match self {
            Self::A => Ipv4Net::new_assert(Ipv4Addr::new(198, 51, 100, 0), 24),
            Self::B => Ipv4Net::new_assert(Ipv4Addr::new(203, 0, 113, 0), 24),
        })
    }

    /// The site that an address is at.
    pub fn of(address: IpAddr) -> Option<Self> {
        [Self::A, Self::B]
            .into_iter()
            .find(|site| site.network().contains(&address))
    }
}

impl Story {
    /// What happens, in order.
    pub fn happenings(self) -> Vec<(DateTime<Utc>, Happening)> {
        let mut happenings = vec![
            (self.begins(), Happening::Calm),
            (at(10, 20), Happening::MovedAway),
            (self.moved_back(), Happening::MovedBack),
        ];
        if self.ttl > TTL_AFTERWARDS {
            happenings.push((
                self.last_of_b() + TimeDelta::minutes(10),
                Happening::Lowered,
            ));
        }
        happenings
    }

    /// The first round.
    pub fn begins(self) -> DateTime<Utc> {
        at(10, 0)
    }

    /// The last round: time enough for every incident to end.
    pub fn ends(self) -> DateTime<Utc> {
        self.last_of_b() + TimeDelta::minutes(50)
    }

    /// When the authority is right again.
    pub fn moved_back(self) -> DateTime<Utc> {
        at(15, 10)
    }

    /// The last instant at which an honest cache may hold B.
    pub fn last_of_b(self) -> DateTime<Utc> {
        self.moved_back() + TimeDelta::seconds(i64::from(self.ttl))
    }

    /// What the authority serves at `at`.
    pub fn served(self, at: DateTime<Utc>) -> Served {
        let mut served = Served {
            site: Site::A,
            ttl: self.ttl,
            serial: 2_020_083_000,
        };
        for (_, happening) in self.happenings().iter().filter(|(then, _)| *then <= at) {
            match happening {
                Happening::Calm => {}
                Happening::MovedAway => served.site = Site::B,
                Happening::MovedBack => served.site = Site::A,
                Happening::Lowered => served.ttl = TTL_AFTERWARDS,
            }
            served.serial += 1;
        }
        served
    }
}

fn midnight() -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::days(18_504)
}

fn at(hour: i64, minute: i64) -> DateTime<Utc> {
    midnight() + TimeDelta::minutes(hour * 60 + minute)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(story: Story, at: &str, expected: (Site, u32)) {
        let served = story.served(at.parse().unwrap());
        assert_eq!((served.site, served.ttl), expected, "{at}");
    }

    #[test]
    fn the_frame_is_that_of_2020() {
        let story = Story { ttl: TTL_OF_2020 };
        check(story, "2020-08-30T10:19:59Z", (Site::A, 86_400));
        check(story, "2020-08-30T10:20:00Z", (Site::B, 86_400));
        check(story, "2020-08-30T15:09:59Z", (Site::B, 86_400));
        check(story, "2020-08-30T15:10:00Z", (Site::A, 86_400));
        check(story, "2020-08-31T15:20:00Z", (Site::A, 300));
        assert_eq!(story.ends().to_rfc3339(), "2020-08-31T16:00:00+00:00");
    }

    #[test]
    fn every_change_has_its_serial() {
        let story = Story { ttl: TTL_OF_2020 };
        let serials = story
            .happenings()
            .into_iter()
            .map(|(at, _)| story.served(at).serial);
        assert!(serials.is_sorted_by(|one, other| one < other));
    }

    #[test]
    fn a_name_and_an_address_lead_back_to_their_dialer_and_site() {
        for dialer in DIALERS {
            assert_eq!(Dialer::of_name(&dialer.name()), Some(dialer));
            for site in [Site::A, Site::B] {
                assert_eq!(Site::of(site.address(dialer).into()), Some(site));
            }
        }
        assert_eq!(Dialer::of_name("dialer1.example.com"), None);
    }
}
