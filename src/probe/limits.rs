//! How much is asked at once, and the open files that needs.
//!
//! Deliberately absent: waiting for a turn, and back-off. Whom to leave alone for a while is the scheduler's business.

use std::io;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Descriptors one question can hold: two UDP attempts and a TCP connection.
const DESCRIPTORS_PER_QUESTION: u64 = 3;
/// Descriptors left to everything else in the process.
const DESCRIPTORS_KEPT_FREE: u64 = 256;

/// How many questions may be in flight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Overall.
    pub in_flight: usize,
    /// To one address. More than 128 only where it answers promptly from afar, or not at all.
    pub in_flight_per_server: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            in_flight: 512,
            in_flight_per_server: 64,
        }
    }
}

/// Raises the soft limit of open files towards what `in_flight` questions to as many addresses need.
pub(super) fn raise_open_files(in_flight: usize) -> io::Result<()> {
    let needed = in_flight as u64 * DESCRIPTORS_PER_QUESTION + DESCRIPTORS_KEPT_FREE;
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    // `None` is no limit at all.
    let Some(soft) = current.filter(|soft| *soft < needed) else {
        return Ok(());
    };
    let raised = maximum.map_or(needed, |hard| hard.min(needed)).max(soft);
    if raised > soft {
        let limit = Rlimit {
            current: Some(raised),
            maximum,
        };
        setrlimit(Resource::Nofile, limit)?;
    }
    if raised < needed {
        tracing::info!(
            probe.open_files = raised,
            "the limit of open files is lower than what so many questions at once can need: they will share sockets"
        );
    }
    Ok(())
}
