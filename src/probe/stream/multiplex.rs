//! Queries that each have a stream of their own over one connection.
//!
//! Deliberately absent: what a stream is, which is [`super::session`]'s.

use std::{collections::HashSet, time::Duration};

use futures::{StreamExt as _, future::BoxFuture, stream::FuturesUnordered};
use tokio::time::{Instant, error::Elapsed, timeout, timeout_at};

use super::{
    lane::{Lane, WINDOW, Woken},
    session::{Answered, Failed, Opened, Session},
};
use crate::{probe::message::Fit, types::NoReply};

/// How long a connection gets to say farewell.
const FAREWELL: Duration = Duration::from_millis(200);

type Exchange = BoxFuture<'static, (u64, Result<Result<Answered, Failed>, Elapsed>)>;

/// The queries on one connection.
struct Multiplex {
    session: Session,
    running: FuturesUnordered<Exchange>,
    numbers: HashSet<u64>,
    answered: bool,
    /// No query begins on this connection any more; those that run may end on it until there are others.
    ending: bool,
}

/// Puts the lane's errands over a connection until it ends, or there is nothing more to put.
pub(super) async fn serve(lane: &mut Lane, opened: Opened<Session>) {
    let mut driver = opened.driver;
    let mut multiplex = Multiplex {
        session: opened.session,
        running: FuturesUnordered::new(),
        numbers: HashSet::new(),
        answered: false,
        ending: false,
    };
    let mut gone = false;
    loop {
        multiplex.start(lane);
        if lane.is_done() {
            break;
        }
        if multiplex.ending && (multiplex.running.is_empty() || lane.docket.has_waiting()) {
            multiplex.give_up(lane);
            return;
        }
        tokio::select! {
            Some((number, Ok(result))) = multiplex.running.next() => multiplex.ended(lane, number, result),
            woken = lane.wait() => if let Woken::Overdue(overdue) = woken {
                for over in overdue {
                    multiplex.numbers.remove(&over.number);
                }
            },
            () = &mut driver, if !gone => {
                (gone, multiplex.ending) = (true, true);
            }
        }
    }
    drop(multiplex);
    if !gone {
        // Whatever becomes of it, nobody waits for anything here.
        let _ = timeout(FAREWELL, driver).await;
    }
}

impl Multiplex {
    fn start(&mut self, lane: &mut Lane) {
        while !self.ending
            && self.running.len() < WINDOW
            && let Some((number, query)) = lane.docket.start()
        {
            let exchange = self.session.clone().exchange(query.bytes().to_vec());
            let deadline = lane.docket.deadline(number).unwrap_or_else(Instant::now);
            self.numbers.insert(number);
            self.running.push(Box::pin(async move {
                (number, timeout_at(deadline, exchange).await)
            }));
        }
    }

    fn ended(&mut self, lane: &mut Lane, number: u64, result: Result<Answered, Failed>) {
        self.numbers.remove(&number);
        match result {
            Ok(answered) => {
                lane.hear(Instant::now());
                self.answered = true;
                take(lane, number, answered);
            }
            Err(Failed::Stream(why)) => {
                lane.hear(Instant::now());
                lane.docket.fail(number, why);
            }
            Err(Failed::Connection(why)) => {
                self.ending = true;
                lane.docket.lose(number, why, self.answered);
            }
        }
    }

    /// What still runs is put again, where the connection had been of use before.
    fn give_up(self, lane: &mut Lane) {
        for number in self.numbers {
            lane.docket.lose(number, NoReply::Protocol, self.answered);
        }
    }
}

/// A stream has one message, so that there is nothing better to wait for.
fn take(lane: &mut Lane, number: u64, answered: Answered) {
    let fit = lane
        .docket
        .query(number)
        .map(|query| query.fit(&answered.bytes));
    if fit == Some(Fit::Reply) {
        lane.docket.answer(number, answered);
    } else {
        lane.docket
            .mismatch(number, fit == Some(Fit::OtherQuestion));
        lane.docket.fail(number, NoReply::Protocol);
    }
}
