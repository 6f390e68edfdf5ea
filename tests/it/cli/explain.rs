//! `explain` and `what-if` over rounds that ran for real: an old answer in two caches, and a wrong one in one.

use super::{
    history::{incident, over},
    program::{assert_tells, redacted_apart_from_widths},
};
use crate::{postgres::execute, rounds::Watched, sink::Sink};

/// A change at the authority while both caches hold the old answer, whose TTL of five minutes is above a policy of one.
async fn changed() -> Watched {
    let settings = "schedule = \"*/5 * * * * *\"\nmax_ttl = 60";
    let watched = Watched::with(Sink::start([]).await, settings).await;
    watched.round().await;
    watched.round().await;
    let authority = &watched.servers.authority;
    authority.edit(|script| script.set("dialer2.example.com", "A", 300, &["192.0.2.22"]));
    watched.round().await;
    watched
}

#[tokio::test]
async fn an_old_answer_is_explained_by_its_inequality() {
    let watched = changed().await;
    let args = ["explain", "dialer2.example.com", "--resolver", "alpha"];
    let told = over(&watched, &args).await;
    let mut settings = redacted_apart_from_widths();
    // The sentence tells instants without a zone, and whether it took the slack.
    settings.add_filter(r"\b\d\d:\d\d(:\d\d)?\b", "hh:mm");
    settings.add_filter(r" \+ 5 s:", ":");
    settings.bind(|| insta::assert_snapshot!("explained", told.fits()));
    assert_eq!(told.code, 0);

    let json = [&args[..], &["--format", "json"]].concat();
    let told = over(&watched, &json).await.json();
    let round = &told["rounds"][0];
    assert_eq!(round["is_exact"], true, "{told:#}");
    let verdict = &round["verdicts"][0];
    let sentence = verdict["sentence"].as_str().unwrap();
    assert!(
        sentence.ends_with(": legal; the TTL at the authority is to blame"),
        "{sentence}"
    );
    // What was explained is what was recorded.
    let timeline = [
        "timeline",
        "dialer2.example.com",
        "--resolver",
        "alpha",
        "--format",
        "json",
    ];
    let recorded = over(&watched, &timeline).await.json();
    let recorded = recorded["verdicts"].as_array().unwrap().last().unwrap();
    assert_eq!(recorded["state"], verdict["state"]);
    assert_eq!(recorded["evidence"]["reason"], verdict["reason"]);
}

#[tokio::test]
async fn an_incident_says_why_and_so_does_explain() {
    let watched = Watched::start().await.with_a_wrong_address().await;
    let id = incident(&watched).await;
    let told = over(&watched, &["explain", "--incident", &id[..8]]).await;
    assert_tells!("explained_incident", told.fits());
    let shown = over(&watched, &["incidents", "show", &id, "--format", "json"]).await;
    let shown = shown.json();
    assert_eq!(shown["explanations"][0]["state"], "divergent", "{shown:#}");
}

#[tokio::test]
async fn rounds_judged_again_give_what_was_stored_and_what_was_tampered_with_shows() {
    let watched = changed().await;
    let same = over(&watched, &["replay"]).await;
    assert_tells!("replayed", same.fits());
    assert_eq!(same.code, 0);
    let url = watched.config.database.url.as_ref().unwrap().expose_str();
    let forge =
        "update verdict_span set evidence = jsonb_set(evidence, '{reason}', '\"it was fine\"')
        where state = 'propagating_long'";
    execute(&url, forge.to_owned()).await;
    let told = over(&watched, &["replay", "--format", "json"]).await;
    assert_eq!(told.code, 1);
    let told = told.json();
    assert_eq!(told["differences"], 2, "{told:#}");
    let stored = told["told"][0]["stored"].as_str().unwrap();
    assert!(stored.contains("it was fine"), "{stored}");
}

#[tokio::test]
async fn another_instant_has_another_explanation_or_none() {
    let watched = changed().await;
    // Before the change, the caches were right.
    let timeline = over(
        &watched,
        &["timeline", "dialer2.example.com", "--format", "json"],
    )
    .await;
    let timeline = timeline.json();
    let verdicts = timeline["verdicts"].as_array().unwrap();
    let changed = verdicts.last().unwrap()["since"].as_str().unwrap();
    let at = |offset: i64| {
        let at: chrono::DateTime<chrono::Utc> = changed.parse().unwrap();
        (at + chrono::TimeDelta::milliseconds(offset)).to_rfc3339()
    };
    for (offset, expected) in [(-1, "consistent"), (0, "propagating_long")] {
        let args = ["explain", "dialer2.example.com", "--format", "json", "--at"];
        let told = over(&watched, &[&args[..], &[&at(offset)]].concat())
            .await
            .json();
        let states: Vec<_> = told["rounds"][0]["verdicts"]
            .as_array()
            .unwrap()
            .iter()
            .collect();
        assert_eq!(states.len(), 2);
        assert!(
            states.iter().all(|one| one["state"] == expected),
            "{told:#}"
        );
    }
    let before = over(&watched, &["explain", "dialer2.example.com", "--at", "-1d"]).await;
    assert_eq!(before.code, 3);
    assert_tells!("explained_nothing", before.shown());
}

#[tokio::test]
async fn old_answers_would_have_lasted_as_long_as_the_shorter_ttl() {
    let watched = changed().await;
    let told = over(&watched, &["what-if", "--ttl", "60", "dialer2.example.com"]).await;
    let mut settings = redacted_apart_from_widths();
    // A cache may have fetched it within the second before the authority changed.
    settings.add_filter(r"\b4 min 59 s\b", "5 min");
    settings.bind(|| insta::assert_snapshot!("what_if", told.fits()));
    let args = ["what-if", "--ttl", "60", "--format", "json"];
    let json = over(&watched, &args).await.json();
    let held = json["held"].as_array().unwrap();
    assert_eq!(held.len(), 2, "{json:#}");
    for one in held {
        assert_eq!(one["value"], "192.0.2.2");
        assert_eq!(one["would_last_s"], 60);
        let lasted = one["lasted_s"].as_i64().unwrap();
        assert!((240..=300).contains(&lasted), "{json:#}");
    }
    let csv = over(&watched, &["what-if", "--ttl", "60", "--format", "csv"]).await;
    assert_eq!((csv.code, csv.stdout.lines().count()), (0, 3), "{csv:?}");
}

#[tokio::test]
async fn a_wrong_address_that_no_authority_served_lasts_as_long_as_it_likes() {
    let watched = Watched::start().await.with_a_wrong_address().await;
    let id = incident(&watched).await;
    let told = over(&watched, &["what-if", "--ttl", "60", "--incident", &id]).await;
    assert_tells!("what_if_unserved", told.fits());
}
