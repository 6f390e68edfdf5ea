//! `change` and `flush`: what they print, refuse, and leave behind.

use super::{
    history::{incident, over},
    program::assert_tells,
};
use crate::rounds::Watched;

/// The id of the only declaration of its kind.
async fn only(watched: &Watched, kind: &str) -> String {
    let list = over(watched, &[kind, "list", "--format", "json"])
        .await
        .json();
    assert_eq!(list.as_array().map(Vec::len), Some(1), "{list:#}");
    list[0]["id"].as_str().unwrap().to_owned()
}

/// Without the line breaks, which may stand within an instant.
fn in_one_line(text: &str) -> String {
    text.lines().map(str::trim).collect::<Vec<_>>().join(" ")
}

#[tokio::test]
async fn a_change_is_declared_followed_and_withdrawn() {
    let watched = Watched::start().await;
    watched.round().await;
    let none = over(&watched, &["change", "list"]).await;
    assert_tells!("changes_none", none.shown());
    let args = [
        "change",
        "declare",
        "dialer{1..4}.example.com",
        "dialer2.example.com",
        "--to",
        "192.0.2.20, 192.0.2.21",
        "--from",
        "192.0.2.0/24",
        "--type",
        "a",
        "--at=-1s",
        "--until",
        "+2h",
        "--by",
        "anna",
        "--comment",
        "to site B",
    ];
    let declared = over(&watched, &args).await;
    assert_tells!("change_declared", in_one_line(&declared.fits()));

    let waiting = over(&watched, &["change", "list"]).await;
    assert_tells!("changes_waiting", in_one_line(&waiting.fits()));
    for n in 1..=4 {
        let name = format!("dialer{n}.example.com");
        let addresses = ["192.0.2.20", "192.0.2.21"];
        let authority = &watched.servers.authority;
        authority.edit(|script| script.set(&name, "A", 300, &addresses));
    }
    let calm = watched.round().await;
    assert!(calm.transitions.is_empty(), "{calm:?}");
    let held = over(&watched, &["change", "list"]).await;
    // The order of the holders is that of instants a millisecond apart.
    for part in [
        "under way: at the authority since",
        "the old value is held by 8 backends",
        "at beta (127.0.7.11:",
        "and 3 more",
    ] {
        assert!(held.fits().contains(part), "{part}: {held:?}");
    }
    for format in ["csv", "markdown"] {
        let listed = over(&watched, &["change", "list", "--format", format]).await;
        assert_tells!(format!("changes_as_{format}"), listed.shown());
    }

    let id = only(&watched, "change").await;
    let withdrawn = over(&watched, &["change", "withdraw", &id[..6]]).await;
    assert_tells!("change_withdrawn", withdrawn.shown());
    let again = over(&watched, &["change", "withdraw", &id]).await;
    assert_tells!("change_withdrawn_twice", again.shown());
    let none = over(&watched, &["change", "list"]).await;
    assert_tells!("changes_none", none.shown());
    let all = over(&watched, &["change", "list", "--all"]).await;
    assert!(all.stdout.contains("withdrawn by ann at"), "{all:?}");
}

#[tokio::test]
async fn a_flush_is_noted_and_shown_with_the_incident_and_in_the_timeline() {
    let watched = Watched::start().await.with_a_wrong_address().await;
    let args = [
        "flush",
        "note",
        "beta",
        "dialer1.example.com",
        "--comment",
        "by their page",
    ];
    let noted = over(&watched, &args).await;
    assert_tells!("flush_noted", noted.shown());
    let listed = over(&watched, &["flush", "list"]).await;
    assert_tells!("flushes", listed.fits());
    let rows = over(&watched, &["flush", "list", "--format", "csv"]).await;
    assert_tells!("flushes_as_csv", rows.shown());

    let section = |text: &str| {
        let (_, after) = text.split_once("\nDECLARED\n").expect("nothing declared");
        after.lines().take(3).collect::<Vec<_>>().join("\n")
    };
    let id = incident(&watched).await;
    let shown = over(&watched, &["incidents", "show", &id]).await;
    assert_tells!("flush_in_incident", section(&shown.fits()));
    let timeline = over(&watched, &["timeline", "dialer1.example.com"]).await;
    assert_tells!("flush_in_incident", section(&timeline.fits()));
    let other = over(&watched, &["timeline", "dialer2.example.com"]).await;
    assert!(!other.stdout.contains("DECLARED"), "{other:?}");

    let id = only(&watched, "flush").await;
    assert_eq!(over(&watched, &["flush", "withdraw", &id]).await.code, 0);
    let none = over(&watched, &["flush", "list"]).await;
    assert_tells!("flushes_none", none.shown());
}

#[tokio::test]
async fn what_cannot_be_declared_is_said_in_a_line() {
    let watched = Watched::start().await;
    for (args, told) in [
        (
            &["flush", "note", "gamma", "a.example"][..],
            "there is no resolver `gamma`",
        ),
        (
            &[
                "change",
                "declare",
                "a.example",
                "--to",
                "192.0.2.9",
                "--until=-1h",
            ],
            "before it is due at",
        ),
        (
            &["change", "declare", "a.example", "--to", "192.0.2.900"],
            "is neither",
        ),
        (&["change", "withdraw", "abc"], "no change begins with abc"),
        (&["flush", "withdraw", "xyz"], "not an id"),
    ] {
        let ran = over(&watched, args).await;
        assert_eq!(ran.code, 2, "{args:?}: {ran:?}");
        assert!(ran.stderr.contains(told), "{args:?}: {ran:?}");
        assert_eq!(ran.stdout, "", "{args:?}");
    }
}
