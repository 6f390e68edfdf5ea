//! The page that silences an incident: what it shows, what it may not do, and who may send its form.

use dns_auditor::audit::incident::TransitionKind;
use reqwest::{Method, StatusCode};
use serde_json::json;
use uuid::Uuid;

use super::{
    browser::Browser,
    client::{Answer, Face},
};
use crate::{
    postgres::fresh_store,
    store::samples::{at, incident, step},
};

const ID: Uuid = Uuid::from_u128(1);

/// A face over one open incident, whose texts are `hostile`.
async fn face(hostile: &str) -> Face {
    let store = fresh_store().await;
    let mut opened = incident(1, "a.example", at(0));
    hostile.clone_into(&mut opened.reason);
    opened.key.group = format!("dialers{hostile}");
    let opened = step(0, TransitionKind::Opened, &opened, at(0));
    store
        .open_incident("us-west-2", &opened, &[])
        .await
        .unwrap();
    Face::start(store, std::sync::Arc::default()).await
}

/// Sends the form, with these headers.
async fn send(face: &Face, matchers: &str, headers: &[(&str, &str)]) -> Answer {
    let form: String = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs([
            ("incident", ID.to_string().as_str()),
            ("matchers", matchers),
            ("minutes", "120"),
            ("by", "anna"),
            ("comment", "new <rack>"),
        ])
        .finish();
    face.send_with(
        Method::POST,
        &format!("/silence?incident={ID}"),
        |request| {
            let request = request
                .body(form)
                .header("content-type", "application/x-www-form-urlencoded");
            headers.iter().fold(request, |request, (name, value)| {
                request.header(*name, *value)
            })
        },
    )
    .await
}

async fn silences(face: &Face) -> Vec<serde_json::Value> {
    let list = face.get("/api/v1/silences").await.json();
    list["silences"].as_array().unwrap().clone()
}

#[tokio::test]
async fn it_shows_the_incident_and_is_nothing_but_a_form() {
    let hostile = "</textarea><script>alert(1)</script>\"'&";
    let face = face(hostile).await;
    let page = face.get(&format!("/silence?incident={ID}")).await;
    assert_eq!(page.status, StatusCode::OK, "{page:?}");
    assert!(page.kind.starts_with("text/html"), "{page:?}");
    assert!(!page.body.contains("<script"), "{}", page.body);
    assert_eq!(page.body.matches("</textarea>").count(), 1);
    for part in [
        "&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#39;&amp;",
        "axis=name\nstate=divergent\nname=a.example\ntype=A",
        "<option value=\"60\" selected>1 hour</option>",
    ] {
        assert!(page.body.contains(part), "{part}: {}", page.body);
    }
    let policy = page.headers["content-security-policy"].to_str().unwrap();
    for part in [
        "default-src 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    ] {
        assert!(policy.contains(part), "{policy}");
    }
    assert!(!policy.contains("unsafe"), "{policy}");
    face.get("/silence").await.problem(400);
    let other = Uuid::from_u128(2);
    face.get(&format!("/silence?incident={other}"))
        .await
        .problem(404);
}

#[tokio::test]
async fn its_own_form_makes_a_silence_that_covers_the_incident() {
    let face = face("").await;
    let origin = [("origin", face.base()), ("sec-fetch-site", "same-origin")];
    let made = send(&face, "group=dialers\r\nname=a.example\r\n", &origin).await;
    assert_eq!(made.status, StatusCode::CREATED, "{made:?}");
    assert!(made.body.contains("new &lt;rack&gt;"), "{made:?}");
    let silences = silences(&face).await;
    assert_eq!(silences.len(), 1);
    assert_eq!(
        silences[0]["matchers"],
        json!(["group=dialers", "name=a.example"])
    );
    assert_eq!(silences[0]["made_by"], "anna");
    assert_eq!(silences[0]["via"], "http");
}

#[tokio::test]
async fn what_is_wrong_is_said_beside_what_was_typed() {
    let face = face("").await;
    let origin = [("origin", face.base())];
    for (typed, told) in [
        ("", "would match everything"),
        ("nmae=<x>", "`nmae` cannot be matched"),
        ("name=~(", "no regular expression"),
    ] {
        let again = send(&face, typed, &origin).await;
        assert_eq!(again.status, StatusCode::BAD_REQUEST, "{again:?}");
        assert!(again.body.contains(told), "{told}: {}", again.body);
        assert!(again.body.contains("value=\"new &lt;rack&gt;\""));
        assert!(
            again
                .body
                .contains(&typed.replace('<', "&lt;").replace('>', "&gt;"))
        );
    }
    assert!(silences(&face).await.is_empty());
}

#[tokio::test]
async fn nobody_elses_page_can_send_it() {
    let face = face("").await;
    let (own, as_name) = (
        face.base(),
        face.base().replace("127.0.0.1", "rebound.example"),
    );
    for headers in [
        &[][..],
        &[("origin", "https://evil.example")],
        &[("origin", "null")],
        &[
            ("origin", as_name.as_str()),
            ("sec-fetch-site", "same-origin"),
        ],
        &[("origin", own), ("sec-fetch-site", "cross-site")],
        &[("origin", own), ("sec-fetch-site", "same-site")],
    ] {
        let refused = send(&face, "group=dialers", headers).await.problem(403);
        assert!(
            refused.contains("from http://127.0.0.1"),
            "{headers:?}: {refused}"
        );
    }
    assert!(silences(&face).await.is_empty());
}

#[tokio::test]
async fn in_a_browser_the_form_is_sent_by_its_own_page_and_by_no_other() {
    let face = face("</textarea><script>document.title='run'</script>").await;
    let browser = Browser::start().await;
    let page = format!("{}/silence?incident={ID}", face.base());
    browser.open(&page).await;
    assert!(browser.text("p + p").await.contains("<script>"), "as text");
    assert_eq!(browser.style("label", "font-weight").await, "600");

    browser.clear("#matchers").await;
    browser.type_into("#matchers", "nmae=a.example").await;
    browser.type_into("#by", "anna").await;
    browser.send_by("button").await;
    let wrong = browser.text(".wrong").await;
    assert!(wrong.contains("`nmae` cannot be matched"), "{wrong}");

    browser.clear("#matchers").await;
    browser.type_into("#matchers", "name=a.example").await;
    browser.click("option[value=\"240\"]").await;
    browser.send_by("button").await;
    let made = browser.text("body").await;
    assert!(made.starts_with("Silenced until "), "{made}");
    let known = silences(&face).await;
    assert_eq!(known.len(), 1, "{known:?}");
    assert_eq!(known[0]["matchers"], json!(["name=a.example"]));
    assert_eq!(known[0]["made_by"], "anna");

    let forged = format!(
        "data:text/html,<form method=post action=\"{page}\"><input name=incident value={ID}><input name=matchers value=name=*>\
         <input name=minutes value=60><input name=by value=eve><input name=comment value=gone><button>Win</button></form>"
    );
    browser.open(&forged).await;
    browser.send_by("button").await;
    let refused = browser.text("body").await;
    assert!(refused.contains("this form is taken from"), "{refused}");
    assert_eq!(silences(&face).await.len(), 1);
}
