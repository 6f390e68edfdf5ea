//! `silence`: what it prints, refuses, and leaves behind.

use super::{
    history::over,
    program::{assert_tells, run},
};
use crate::rounds::Watched;

/// Without the line breaks, which may stand within an instant, and without the beginnings of ids.
fn in_one_line(text: &str) -> String {
    let is_id = |word: &str| word.len() == 8 && word.chars().all(|c| c.is_ascii_hexdigit());
    let words = text.split_whitespace();
    let shown: Vec<&str> = words
        .map(|word| if is_id(word) { "[ID]" } else { word })
        .collect();
    shown.join(" ")
}

#[tokio::test]
async fn a_silence_is_added_listed_and_expired() {
    let watched = Watched::start().await.with_a_wrong_address().await;
    let none = over(&watched, &["silence", "list"]).await;
    assert_tells!("silences_none", none.shown());
    let add = [
        "silence",
        "add",
        "--comment",
        "new rack",
        "--for",
        "2h",
        "--by",
        "anna",
    ];
    let added = over(
        &watched,
        &[&add[..], &["group=dialers", "resolver=~b.*"]].concat(),
    )
    .await;
    assert_tells!("silence_added", in_one_line(&added.fits()));
    let other = over(
        &watched,
        &[&add[..], &["name=~sip.*", "--from=+1h"]].concat(),
    )
    .await;
    assert_tells!("silence_of_nothing", in_one_line(&other.fits()));
    let listed = over(&watched, &["silence", "list"]).await;
    assert_tells!("silences", in_one_line(&listed.fits()));
    for format in ["csv", "markdown"] {
        let listed = over(&watched, &["silence", "list", "--format", format]).await;
        assert_tells!(format!("silences_as_{format}"), listed.shown());
    }
    let json = over(&watched, &["silence", "list", "--format", "json"])
        .await
        .json();
    let id = json["silences"][0]["id"].as_str().unwrap();
    let expired = over(&watched, &["silence", "expire", &id[..7]]).await;
    assert_tells!("silence_expired", expired.shown());
    let again = over(&watched, &["silence", "expire", id]).await;
    assert_tells!("silence_expired_twice", again.shown());
    let all = over(&watched, &["silence", "list", "--all"]).await;
    let all = in_one_line(&all.fits());
    assert!(all.contains("(ended by ann): group=dialers"), "{all}");
}

#[tokio::test]
async fn a_silence_that_makes_no_sense_is_refused_with_the_mend() {
    for (args, told) in [
        (
            &["nmae=x", "--comment", "c"][..],
            "`nmae` cannot be matched",
        ),
        (&["name=~.*", "--comment", "c"], "would match everything"),
        (&["group=a", "--comment", " "], "needs a comment"),
        (
            &["group=a", "--comment", "c", "--for", "40d"],
            "30 days at most",
        ),
        (
            &["group=a", "--comment", "c", "--for", "x"],
            "write 30m or 2h",
        ),
        (&["group=a"], "--comment"),
    ] {
        let ran = run(&[&["silence", "add"], args].concat()).await;
        assert_eq!(ran.code, 2, "{args:?}: {ran:?}");
        assert!(ran.stderr.contains(told), "{told}: {ran:?}");
    }
}
