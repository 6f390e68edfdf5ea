//! `evidence`, and the same over HTTP: messages that real rounds kept, and such as are put there.

use std::sync::Arc;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use chrono::{DateTime, TimeDelta, Utc};
use dns_auditor::{
    audit::{
        keep::{Ground, Kept},
        verdict::State,
    },
    types::{Observation, Wire},
};
use serde_json::Value as Json;

use super::program::{Ran, assert_tells, finish, program};
use crate::{
    http::{client::Face, schema::differences},
    rounds::Watched,
    store::samples::{authority, observation, resolver},
};

/// A query of `kept.example.com A` under the id 0x1234, and its reply 192.0.2.7 with the TTL 300.
const QUERY: &[u8] = b"\x12\x34\x01\0\0\x01\0\0\0\0\0\0\x04kept\x07example\x03com\0\0\x01\0\x01";
const REPLY: &[u8] =
    b"\x12\x34\x81\x80\0\x01\0\x01\0\0\0\0\x04kept\x07example\x03com\0\0\x01\0\x01\
    \xc0\x0c\0\x01\0\x01\0\0\x01\x2c\0\x04\xc0\0\x02\x07";

async fn over(watched: &Watched, args: &[&str]) -> Ran {
    let file = watched.file();
    let mut command = program(file.parent().unwrap());
    command.args(args).arg("--config").arg(&file);
    finish(command).await
}

fn yesterday() -> DateTime<Utc> {
    Utc::now() - TimeDelta::days(1)
}

/// Two messages of `kept.example.com`, a second apart, as of yesterday: what a resolver said, and what was right.
async fn put(watched: &Watched) {
    let store = &watched.store;
    let due_at = yesterday();
    let round = store.begin_round("us-west-2", "dialers", due_at, due_at);
    let round = round.await.unwrap().unwrap();
    let alpha = resolver("alpha", "192.0.2.53:53");
    let ns1 = authority("ns1.example.com", "192.0.2.1:53");
    let kept = [
        (alpha, 1, Ground::Verdict(State::Divergent)),
        (ns1, 2, Ground::Baseline),
    ];
    let kept = kept.map(|(source, seconds, ground)| Kept {
        observation: Observation {
            wire: Some(Arc::new(Wire {
                query: QUERY.into(),
                reply: REPLY.into(),
            })),
            ..observation(
                &source,
                "kept.example.com",
                "192.0.2.7",
                300,
                due_at + TimeDelta::seconds(seconds),
            )
        },
        ground,
        round: round.number(),
    });
    store.keep_messages(round, &kept).await.unwrap();
}

fn messages(page: &Json) -> Vec<Json> {
    page["messages"].as_array().unwrap().clone()
}

#[tokio::test]
async fn kept_messages_are_shown_octet_by_octet() {
    let watched = Watched::start().await;
    put(&watched).await;
    let ran = over(&watched, &["evidence", "kept.example.com"]).await;
    assert_eq!((ran.code, &*ran.stderr), (0, ""));
    // What stands before the octets; those are `probe`'s to describe.
    let head = ran.stdout.split("\nQUERY").next().unwrap();
    assert_tells!("evidence", head);
    assert_eq!(ran.stdout.matches("\nREPLY, 50 octets\n").count(), 2);
    let hex = over(&watched, &["evidence", "kept.example.com", "--hex"]).await;
    let line = "81 80 00 01 00 01 00 00  00 00 04 6b";
    let spaceless = |text: &str| text.replace(' ', "");
    assert!(spaceless(&hex.stdout).contains(&spaceless(line)), "{hex:?}");
    for (args, expected) in [
        (&["--type", "aaaa"][..], 0),
        (&["--type", "a"], 2),
        (&["--resolver", "beta"], 1),
        (&["--from", "-1h"], 0),
        (&["--to", "-1h"], 2),
        (&["--at", "-1h"], 2),
        (&["--at", "-2d"], 0),
        (&["--limit", "1"], 1),
    ] {
        let args = [&["evidence", "kept.example.com", "--format", "json"], args].concat();
        let page = over(&watched, &args).await.json();
        assert_eq!(messages(&page).len(), expected, "{args:?}");
        assert_eq!(page["earlier"], args.contains(&"--limit"), "{args:?}");
        for message in messages(&page) {
            let octets = |field: &str| STANDARD.decode(message[field].as_str().unwrap());
            assert_eq!(octets("query").unwrap(), QUERY);
            assert_eq!(octets("reply").unwrap(), REPLY);
        }
    }
    let none = over(&watched, &["evidence", "dialer9.example.com"]).await;
    assert_tells!("evidence_of_nothing", none.fits());
}

#[tokio::test]
async fn what_makes_no_sense_is_refused() {
    let watched = Watched::start().await;
    for (args, expected) in [
        (
            &["--from", "now", "--to", "-1h"][..],
            "--from is later than --to",
        ),
        (&["--at", "now", "--from", "-1h"], "--from"),
        (&["--format", "csv"], "a table or json"),
    ] {
        let ran = over(&watched, &[&["evidence", "a.example"], args].concat()).await;
        assert_eq!(ran.code, 2, "{ran:?}");
        assert!(ran.stderr.contains(expected), "{ran:?}");
    }
    let face = Face::over(&watched).await;
    for (query, expected) in [
        ("", "which name"),
        ("?name=a..b", "name"),
        ("?name=a.example&at=now&to=now", "at: either"),
        ("?name=a.example&limit=501", "limit"),
        ("?name=a.example&hex=1", "unknown parameter `hex`"),
    ] {
        let told = face.get(&format!("/api/v1/evidence{query}")).await;
        assert!(told.problem(400).contains(expected), "{told:?}");
    }
}

#[tokio::test]
async fn the_api_gives_what_the_command_prints() {
    let watched = Watched::start().await;
    put(&watched).await;
    let face = Face::over(&watched).await;
    let document = face.get("/api/v1/openapi.json").await.json();
    for (query, args) in [
        ("", &[][..]),
        (
            "&type=A&resolver=beta",
            &["--type", "a", "--resolver", "beta"],
        ),
        ("&at=-1h&limit=1", &["--at", "-1h", "--limit", "1"]),
        ("&from=-2d&to=-1h", &["--from", "-2d", "--to", "-1h"]),
    ] {
        let path = format!("/api/v1/evidence?name=kept.example.com{query}");
        let told = face.get(&path).await.json();
        let args = [&["evidence", "kept.example.com", "--format", "json"], args].concat();
        assert_eq!(told, over(&watched, &args).await.json(), "{query}");
        assert!(!messages(&told).is_empty(), "{query}");
        let differences = differences(&document, "Evidence", &told);
        assert!(differences.is_empty(), "{differences:?}");
    }
}

#[tokio::test]
async fn a_wrong_reply_of_a_resolver_can_be_proved_with_what_was_right() {
    let watched = Watched::start().await.with_a_wrong_address().await;
    let args = ["evidence", "dialer1.example.com", "--format", "json"];
    let page = over(&watched, &args).await.json();
    let kept_for = |message: &Json| message["kept_for"].as_str().unwrap().to_owned();
    let grounds: Vec<_> = messages(&page).iter().map(kept_for).collect();
    // Asked once in the round and twice again, over fresh sockets.
    let count = |ground: &str| grounds.iter().filter(|one| *one == ground).count();
    assert_eq!(count("divergent"), 3, "{grounds:?}");
    assert_eq!(count("baseline"), 1, "{grounds:?}");
    for message in messages(&page) {
        let reply = STANDARD.decode(message["reply"].as_str().unwrap()).unwrap();
        let query = STANDARD.decode(message["query"].as_str().unwrap()).unwrap();
        assert_eq!(reply[..2], query[..2], "{message}");
        let wrong = reply.windows(4).any(|octets| octets == [198, 51, 100, 66]);
        assert_eq!(wrong, message["source"]["id"] == "beta", "{message}");
    }
    // The incident shows the same.
    let list = over(&watched, &["incidents", "--format", "json"])
        .await
        .json();
    let id = list["incidents"][0]["id"].as_str().unwrap().to_owned();
    let show = ["incidents", "show", &id, "--evidence"];
    let whole = over(&watched, &[&show[..], &["--format", "json"]].concat()).await;
    assert_eq!(whole.json()["evidence"], page);
    let text = over(&watched, &show).await.stdout;
    assert_eq!(text.matches("reply SHA-256 ").count(), 4, "{text}");
    assert!(text.contains("\nEVIDENCE\n"), "{text}");
    // Without being asked for, it is not there.
    let plain = over(&watched, &["incidents", "show", &id, "--format", "json"]).await;
    assert!(plain.json().get("evidence").is_none());

    // It ends: the last wrong reply is there already, the first right one comes.
    let beta = &watched.servers.beta;
    beta.edit(crate::dns::Script::flush);
    watched.round().await;
    let page = over(&watched, &args).await.json();
    let mut ends = messages(&page);
    ends.retain(|message| message["kept_for"] == "consistent");
    assert_eq!(ends.len(), 1, "{page:#}");
    assert_eq!(ends[0]["source"]["id"], "beta");
}
