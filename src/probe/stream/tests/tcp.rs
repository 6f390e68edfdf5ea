//! TCP against servers that behave, and against servers that do not.

use std::time::Duration;

use tokio::{net::TcpListener, sync::mpsc::unbounded_channel};

use super::{
    Asker, PATIENCE, SHORT,
    peer::{Peer, Server, framed, label, reply},
    target, word,
};
use crate::types::Transport;

/// One query to a server that answers with these octets, and then waits.
async fn check(
    title: &str,
    answer: impl Fn(&[u8]) -> Vec<u8> + Send + Sync + Clone + 'static,
    expected: &str,
    mismatched: u16,
) {
    let server = Server::start(move |mut peer: Peer| {
        let answer = answer.clone();
        async move {
            let query = peer.query().await.unwrap();
            peer.write(&answer(&query)).await;
            peer.until_closed().await;
        }
    })
    .await;
    let patience = if expected == "ok" { PATIENCE } else { SHORT };
    let outcome = Asker::new(patience)
        .ask(&target(server.address, Transport::Tcp), "one.example.com")
        .await;
    assert_eq!(
        (word(&outcome).as_str(), outcome.mismatched),
        (expected, mismatched),
        "{title}"
    );
}

fn other_question(query: &[u8]) -> Vec<u8> {
    let mut reply = reply(query);
    reply[13] = b'x';
    reply
}

#[tokio::test]
async fn only_an_answer_to_the_question_under_its_id_is_an_answer() {
    check("as it should be", |query| framed(&reply(query)), "ok", 0).await;
    check("an echo", framed, "timeout", 1).await;
    check("empty message", |_| framed(b""), "timeout", 1).await;
    check("no header", |query| framed(&query[..5]), "timeout", 1).await;
    check(
        "wrong, empty, then right",
        |query| {
            let wrong = framed(&other_question(query));
            [wrong, framed(b""), framed(&reply(query))].concat()
        },
        "ok",
        2,
    )
    .await;
    check("twice", |query| framed(&reply(query)).repeat(2), "ok", 0).await;
    check(
        "half of it",
        |query| framed(&reply(query))[..9].to_vec(),
        "timeout",
        0,
    )
    .await;
    check("nothing", |_| Vec::new(), "timeout", 0).await;
}

#[tokio::test]
async fn the_octets_arrive_as_they_were_sent_however_long_and_in_whatever_pieces() {
    let server = Server::start(|mut peer: Peer| async move {
        while let Some(query) = peer.query().await {
            let mut message = reply(&query);
            if label(&query) == "long" {
                message.resize(65_535, 0x5a);
                peer.say(&message).await;
            } else {
                for octet in framed(&message) {
                    peer.write(&[octet]).await;
                    tokio::task::yield_now().await;
                }
            }
        }
    })
    .await;
    let (mut asker, target) = (Asker::new(PATIENCE), target(server.address, Transport::Tcp));
    for (name, octets) in [("long.example.com", 65_535), ("slow.example.com", 34)] {
        let received = asker.ask(&target, name).await.result.unwrap();
        assert_eq!(received.bytes.len(), octets, "{name}");
        assert_eq!(received.bytes[..2], received.query[..2], "{name}");
        assert_eq!(received.bytes[12..34], received.query[12..34], "{name}");
        assert_eq!((received.transport, received.age), (Transport::Tcp, 0));
        assert!(
            received.rtt > Duration::ZERO && received.rtt < PATIENCE,
            "{name}"
        );
    }
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn answers_may_come_in_any_order_over_one_connection() {
    let server = Server::start(|mut peer: Peer| async move {
        let mut queries = Vec::new();
        for _ in 0..50 {
            queries.push(peer.query().await.unwrap());
        }
        for query in queries.iter().rev() {
            peer.say(&reply(query)).await;
        }
        peer.until_closed().await;
    })
    .await;
    let (mut asker, target) = (Asker::new(PATIENCE), target(server.address, Transport::Tcp));
    let names: Vec<_> = (0..50).map(|nth| format!("n{nth}.example.com")).collect();
    let slots: Vec<_> = names.iter().map(|name| asker.send(&target, name)).collect();
    for (name, slot) in names.iter().zip(slots).rev() {
        let outcome = asker.outcome().await;
        assert_eq!(outcome.slot, slot);
        let received = outcome.result.unwrap();
        assert_eq!(
            label(&received.bytes),
            name.trim_end_matches(".example.com")
        );
    }
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn a_refused_and_a_reset_and_an_early_end_are_told_apart() {
    let closed = TcpListener::bind("127.0.0.1:0")
        .await
        .unwrap()
        .local_addr()
        .unwrap();
    let mut asker = Asker::new(PATIENCE);
    let outcome = asker
        .ask(&target(closed, Transport::Tcp), "a.example.com")
        .await;
    assert_eq!(word(&outcome), "connection refused");

    let ending = Server::start(|mut peer: Peer| async move {
        peer.query().await;
    })
    .await;
    let outcome = asker
        .ask(&target(ending.address, Transport::Tcp), "a.example.com")
        .await;
    assert_eq!(word(&outcome), "protocol error");

    // Closed with octets unread, a socket resets.
    let resetting = Server::start(|peer: Peer| async move { drop(peer) }).await;
    let resetting = target(resetting.address, Transport::Tcp);
    let outcome = asker.ask(&resetting, "a.example.com").await;
    assert!(["connection refused", "protocol error"].contains(&word(&outcome).as_str()));
}

#[tokio::test]
async fn a_server_that_closes_after_each_answer_is_asked_everything_all_the_same() {
    let server = Server::start(|mut peer: Peer| async move {
        if let Some(query) = peer.query().await {
            peer.say(&reply(&query)).await;
        }
    })
    .await;
    let (mut asker, target) = (Asker::new(PATIENCE), target(server.address, Transport::Tcp));
    for nth in 0..40 {
        asker.send(&target, &format!("n{nth}.example.com"));
    }
    for _ in 0..40 {
        assert_eq!(word(&asker.outcome().await), "ok");
    }
}

#[tokio::test]
async fn an_old_connection_that_ends_costs_no_answer_and_a_new_one_does() {
    // The first connection answers once and ends at the next query; all others end at the first.
    let server = Server::start(|mut peer: Peer| async move {
        if peer.nth == 1 {
            peer.serve().await;
        } else if let Some(query) = peer.query().await
            && peer.nth == 0
        {
            peer.say(&reply(&query)).await;
            peer.query().await;
        }
    })
    .await;
    let (mut asker, target) = (Asker::new(PATIENCE), target(server.address, Transport::Tcp));
    assert_eq!(word(&asker.ask(&target, "a.example.com").await), "ok");
    assert_eq!(word(&asker.ask(&target, "b.example.com").await), "ok");
    assert_eq!(server.connections(), 2);
    let outcome = asker.ask_fresh(&target, "c.example.com").await;
    assert_eq!(word(&outcome), "protocol error");
    assert_eq!(word(&asker.ask(&target, "d.example.com").await), "ok");
    assert_eq!(server.connections(), 3);
}

#[tokio::test]
async fn a_fresh_question_has_a_connection_of_its_own() {
    let server = Server::start(|mut peer: Peer| async move { peer.serve().await }).await;
    let (mut asker, target) = (Asker::new(PATIENCE), target(server.address, Transport::Tcp));
    for expected in [1, 2, 3] {
        assert_eq!(word(&asker.ask_fresh(&target, "a.example.com").await), "ok");
        assert_eq!(server.connections(), expected);
    }
    for _ in 0..3 {
        assert_eq!(word(&asker.ask(&target, "a.example.com").await), "ok");
    }
    assert_eq!(server.connections(), 4);
}

#[tokio::test]
async fn a_silent_connection_gives_way_to_a_new_one() {
    let server = Server::start(|mut peer: Peer| async move {
        if peer.nth == 0 {
            peer.until_closed().await;
        } else {
            peer.serve().await;
        }
    })
    .await;
    let target = target(server.address, Transport::Tcp);
    let mut asker = Asker::new(SHORT);
    assert_eq!(word(&asker.ask(&target, "a.example.com").await), "timeout");
    asker.patience = PATIENCE;
    assert_eq!(word(&asker.ask(&target, "b.example.com").await), "ok");
    assert_eq!(server.connections(), 2);
}

#[tokio::test]
async fn a_crowd_shares_few_connections_and_a_silent_server_delays_nobody_else() {
    let silent = Server::start(|mut peer: Peer| async move { peer.until_closed().await }).await;
    let lively = Server::start(|mut peer: Peer| async move { peer.serve().await }).await;
    let mut asker = Asker::new(PATIENCE);
    let to_silent = target(silent.address, Transport::Tcp);
    asker.patience = SHORT * 3;
    for nth in 0..1000 {
        asker.send(&to_silent, &format!("n{nth}.example.com"));
    }
    asker.patience = PATIENCE;
    let to_lively = target(lively.address, Transport::Tcp);
    let slots: Vec<_> = (0..100)
        .map(|_| asker.send(&to_lively, "a.example.com"))
        .collect();
    for _ in &slots {
        let outcome = asker.outcome().await;
        assert_eq!(
            word(&outcome),
            "ok",
            "the lively server's answers come first"
        );
        assert!(slots.contains(&outcome.slot));
    }
    for _ in 0..1000 {
        assert_eq!(word(&asker.outcome().await), "timeout");
    }
    assert!(silent.connections() <= 4, "{}", silent.connections());
    assert!(lively.connections() <= 2, "{}", lively.connections());
}

#[tokio::test]
async fn a_late_answer_is_nobody_elses() {
    let server = Server::start(|mut peer: Peer| async move {
        let late = peer.query().await.unwrap();
        let early = peer.query().await.unwrap();
        peer.say(&reply(&early)).await;
        let next = peer.query().await.unwrap();
        peer.say(&reply(&late)).await;
        peer.say(&reply(&next)).await;
        peer.until_closed().await;
    })
    .await;
    let target = target(server.address, Transport::Tcp);
    let mut asker = Asker::new(SHORT);
    let late = asker.send(&target, "late.example.com");
    asker.patience = PATIENCE;
    let early = asker.send(&target, "early.example.com");
    for (slot, expected) in [(early, "ok"), (late, "timeout")] {
        let outcome = asker.outcome().await;
        assert_eq!((outcome.slot, word(&outcome).as_str()), (slot, expected));
    }
    let next = asker.ask(&target, "next.example.com").await;
    assert_eq!((word(&next).as_str(), next.mismatched), ("ok", 0));
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn a_cancelled_errand_has_no_outcome_and_its_slot_serves_again() {
    let server = Server::start(|mut peer: Peer| async move { peer.serve().await }).await;
    let (mut asker, target) = (Asker::new(PATIENCE), target(server.address, Transport::Tcp));
    let slot = asker.send(&target, "a.example.com");
    asker.streams.cancel(slot);
    asker.next = slot - 1;
    let outcome = asker.ask(&target, "b.example.com").await;
    assert_eq!(label(&outcome.result.unwrap().bytes), "b");
    assert!(asker.outcomes.try_recv().is_err());
}

#[tokio::test]
async fn a_connection_without_use_is_closed_and_not_before() {
    let (closed, mut closings) = unbounded_channel();
    let server = Server::start(move |mut peer: Peer| {
        let closed = closed.clone();
        async move {
            peer.serve().await;
            closed.send(tokio::time::Instant::now()).unwrap();
        }
    })
    .await;
    let (mut asker, target) = (Asker::new(PATIENCE), target(server.address, Transport::Tcp));
    assert_eq!(word(&asker.ask(&target, "a.example.com").await), "ok");
    // From here on the clock jumps to the next alarm whenever nothing else is to be done.
    tokio::time::pause();
    let before = tokio::time::Instant::now();
    let idle = closings.recv().await.unwrap() - before;
    assert!((9..=10).contains(&idle.as_secs()), "{idle:?}");
}
