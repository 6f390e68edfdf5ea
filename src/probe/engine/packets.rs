//! Datagrams in batches: one system call for many, in both directions, and the error queue.
//!
//! Deliberately absent: what is in them. The buffers belong to the thread, so that no datagram costs an allocation here.

use std::{
    cell::RefCell,
    io::{self, IoSlice, IoSliceMut},
    os::fd::{AsRawFd as _, OwnedFd},
    time::Duration,
};

use nix::sys::socket::{
    ControlMessageOwned, MsgFlags, MultiHeaders, recvmmsg, recvmsg, send, sendmmsg,
};

use super::clock::Moment;

/// Datagrams in one system call.
pub(super) const BATCH: usize = 32;
/// More than any server should send after our EDNS size; what is longer is cut.
const BUFFER_OCTETS: usize = 4096;
/// Room for a stamp, or for an error and an address.
const CONTROL_OCTETS: usize = 128;

struct Buffers {
    octets: Box<[[u8; BUFFER_OCTETS]; BATCH]>,
    stamped: MultiHeaders<()>,
}

thread_local! {
    static BUFFERS: RefCell<Buffers> = RefCell::new(Buffers {
        octets: Box::new([[0; BUFFER_OCTETS]; BATCH]),
        stamped: MultiHeaders::preallocate(BATCH, Some(Vec::with_capacity(CONTROL_OCTETS))),
    });
    static BARE: RefCell<MultiHeaders<()>> = RefCell::new(MultiHeaders::preallocate(BATCH, None));
}

/// Hands every datagram of a batch to `take`: its octets, whether they are not all of it, and the time it has waited where
/// the kernel says so. The number of datagrams: fewer than [`BATCH`] means that there are no more. An error where there is
/// none, `WouldBlock` above all.
///
/// `take` must not receive itself.
pub(super) fn receive(
    socket: &OwnedFd,
    mut take: impl FnMut(&[u8], bool, Option<Duration>, &Moment),
) -> io::Result<usize> {
    BUFFERS.with_borrow_mut(|buffers| {
        let mut vectors = buffers
            .octets
            .each_mut()
            .map(|octets| [IoSliceMut::new(octets)]);
        let received = recvmmsg(
            socket.as_raw_fd(),
            &mut buffers.stamped,
            vectors.iter_mut(),
            MsgFlags::MSG_DONTWAIT,
            None,
        )?;
        let now = Moment::now();
        let mut count = 0;
        for message in received {
            count += 1;
            let queued = message.cmsgs().ok().and_then(|mut control| {
                control.find_map(|control| match control {
                    ControlMessageOwned::ScmTimestampns(stamp) => now.since(stamp),
                    _ => None,
                })
            });
            let is_cut = message.flags.contains(MsgFlags::MSG_TRUNC);
            take(
                message.iovs().next().unwrap_or_default(),
                is_cut,
                queued,
                &now,
            );
        }
        Ok(count)
    })
}

/// Sends the first datagrams of `all`, at most [`BATCH`], and says how many went. An error is that of the first, or one
/// that the kernel had kept for this socket.
pub(super) fn transmit(socket: &OwnedFd, all: &[&[u8]]) -> io::Result<usize> {
    if let [only] = all {
        send(socket.as_raw_fd(), only, MsgFlags::MSG_DONTWAIT)?;
        return Ok(1);
    }
    let mut vectors = [[IoSlice::new(&[])]; BATCH];
    for (vector, octets) in vectors.iter_mut().zip(all) {
        *vector = [IoSlice::new(octets)];
    }
    let count = all.len().min(BATCH);
    BARE.with_borrow_mut(|headers| {
        let addresses = [None::<()>; BATCH];
        let sent = sendmmsg(
            socket.as_raw_fd(),
            headers,
            vectors.iter().take(count),
            addresses,
            [],
            MsgFlags::MSG_DONTWAIT,
        )?;
        Ok(sent.count())
    })
}

/// An error that the network reported, and the head of the datagram that met it.
pub(super) struct Report {
    /// The error as a socket operation would give it.
    pub(super) error: io::Error,
    /// What comes back of the datagram: all of it, or its head, or nothing.
    pub(super) datagram: Vec<u8>,
}

/// The next report of a socket's error queue (`ip(7)`, `IP_RECVERR`); `None` where there is none.
pub(super) fn report(socket: &OwnedFd) -> Option<Report> {
    let mut octets = [0; BUFFER_OCTETS];
    let mut control = [0; CONTROL_OCTETS];
    let mut vectors = [IoSliceMut::new(&mut octets)];
    let flags = MsgFlags::MSG_ERRQUEUE | MsgFlags::MSG_DONTWAIT;
    let message =
        recvmsg::<()>(socket.as_raw_fd(), &mut vectors, Some(&mut control), flags).ok()?;
    let errno = message.cmsgs().ok()?.find_map(|control| match control {
        ControlMessageOwned::Ipv4RecvErr(error, _) | ControlMessageOwned::Ipv6RecvErr(error, _) => {
            i32::try_from(error.ee_errno).ok()
        }
        _ => None,
    })?;
    Some(Report {
        error: io::Error::from_raw_os_error(errno),
        datagram: message.iovs().next().unwrap_or_default().to_vec(),
    })
}
