//! Streams against scripted and real servers on the loopback network.

mod certificates;
mod https;
mod peer;
mod tcp;
mod tls;

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::mpsc::{UnboundedReceiver, unbounded_channel},
    time::{Instant, timeout},
};

use super::{Errand, Outcome, Streams, Target};
use crate::{
    probe::message::{Manner, Query},
    types::{NoReply, Question, Transport},
};

/// Long enough for a slow machine; nothing that should come takes so long.
const PATIENCE: Duration = Duration::from_secs(20);
/// For what should not come at all.
const SHORT: Duration = Duration::from_millis(300);

struct Asker {
    streams: Streams,
    outcomes: UnboundedReceiver<Outcome>,
    patience: Duration,
    next: u64,
}

impl Asker {
    fn new(patience: Duration) -> Self {
        let (sender, outcomes) = unbounded_channel();
        Self {
            streams: Streams::new(sender),
            outcomes,
            patience,
            next: 0,
        }
    }

    fn send(&mut self, target: &Target, name: &str) -> u64 {
        self.send_as(target, name, false)
    }

    fn send_as(&mut self, target: &Target, name: &str, fresh: bool) -> u64 {
        self.next += 1;
        let errand = Errand {
            slot: self.next,
            query: query(name),
            deadline: Instant::now() + self.patience,
            fresh,
        };
        self.streams.send(target, errand);
        self.next
    }

    async fn outcome(&mut self) -> Outcome {
        timeout(PATIENCE * 2, self.outcomes.recv())
            .await
            .expect("no outcome at all")
            .unwrap()
    }

    async fn ask(&mut self, target: &Target, name: &str) -> Outcome {
        let slot = self.send(target, name);
        let outcome = self.outcome().await;
        assert_eq!(outcome.slot, slot);
        outcome
    }

    async fn ask_fresh(&mut self, target: &Target, name: &str) -> Outcome {
        self.send_as(target, name, true);
        self.outcome().await
    }
}

fn query(name: &str) -> Query {
    let question = Question {
        name: name.parse().unwrap(),
        rtype: "A".parse().unwrap(),
    };
    let manner = Manner {
        recursion: true,
        authentic_data: true,
        checking_disabled: false,
        edns: true,
        dnssec: false,
        ecs: None,
        cookie: None,
        random_case: false,
    };
    Query::new(&question, &manner)
}

fn target(address: std::net::SocketAddr, transport: Transport) -> Target {
    Target {
        address,
        transport,
        endpoint: None,
    }
}

/// The outcome in a word: `ok`, or why not.
fn word(outcome: &Outcome) -> String {
    match &outcome.result {
        Ok(_) => "ok".to_owned(),
        Err(why) => why.text(),
    }
}

#[test]
fn a_ticket_that_is_dropped_still_gives_its_outcome_and_only_one() {
    let (sender, mut outcomes) = unbounded_channel();
    let desk = Arc::new(super::desk::Desk::new(sender));
    let errand = |slot| Errand {
        slot,
        query: query("example.com"),
        deadline: Instant::now(),
        fresh: false,
    };
    drop(desk.take(errand(1)));
    assert_eq!(word(&outcomes.try_recv().unwrap()), NoReply::NoRoute.text());
    let job = desk.take(errand(2));
    job.ticket.close(Err(NoReply::Timeout), 3);
    assert_eq!(outcomes.try_recv().unwrap().mismatched, 3);
    let cancelled = desk.take(errand(3));
    desk.cancel(3);
    let again = desk.take(errand(3));
    cancelled.ticket.close(Err(NoReply::Timeout), 0);
    assert!(outcomes.try_recv().is_err(), "the slot is another's by now");
    again.ticket.close(Err(NoReply::Protocol), 0);
    assert_eq!(word(&outcomes.try_recv().unwrap()), "protocol error");
    assert!(outcomes.try_recv().is_err());
}
