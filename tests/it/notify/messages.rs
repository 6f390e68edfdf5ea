//! The two bodies of the incidents people meet most, as snapshots, and what must hold of every body.

use dns_auditor::{
    audit::incident::{Incident, Status, TransitionKind as Kind},
    notify::{self, Form, webhook},
};
use serde_json::Value;

use super::fixtures::{
    context, divergent, resolved, resolvers, stale_resolver, step, ttl_above_policy,
};

/// Both bodies of one step; the webhook's with the keys in the order in which they are sent.
fn both(kind: Kind, incident: Incident) -> (Value, String) {
    let resolvers = resolvers();
    let transition = step(kind, incident);
    let slack = notify::body(Form::Slack, &transition, &context(&resolvers));
    let hook = notify::body(Form::Standard, &transition, &context(&resolvers));
    let sent = webhook::wire_bytes(&hook);
    let message: webhook::Message = serde_json::from_slice(&sent).unwrap();
    assert_eq!(message.to_value(), hook);
    (slack, serde_json::to_string_pretty(&message).unwrap())
}

fn snapshot(name: &str, kind: Kind, incident: Incident) {
    let (slack, hook) = both(kind, incident);
    insta::assert_json_snapshot!(format!("slack_{name}"), slack);
    insta::assert_snapshot!(format!("webhook_{name}"), hook);
}

#[test]
fn a_wrong_answer_is_told() {
    snapshot("opened_divergent", Kind::Opened, divergent());
}

#[test]
fn a_page_to_silence_it_is_linked_while_it_lasts_and_people_can_reach_it() {
    let resolvers = resolvers();
    let told = |form, is_public, kind, incident| {
        let transition = step(kind, incident);
        let mut context = context(&resolvers);
        context.is_public = is_public;
        notify::body(form, &transition, &context).to_string()
    };
    let link = format!(
        "https://auditor.example.com/silence?incident={}",
        divergent().id
    );
    for form in [Form::Slack, Form::Standard] {
        assert!(told(form, true, Kind::Opened, divergent()).contains(&link));
        assert!(!told(form, false, Kind::Opened, divergent()).contains("/silence?"));
        assert!(!told(form, true, Kind::Resolved, resolved()).contains("/silence?"));
    }
}

#[test]
fn a_ttl_above_policy_is_told() {
    snapshot("opened_ttl_above_policy", Kind::Opened, ttl_above_policy());
}

#[test]
fn a_resolver_stale_for_forty_names_is_told_once() {
    snapshot("opened_resolver_axis", Kind::Opened, stale_resolver(40));
}

#[test]
fn an_update_says_what_is_new() {
    snapshot("updated", Kind::Updated, divergent());
}

#[test]
fn an_end_is_told_with_its_duration_and_its_last_bad_sample() {
    snapshot("resolved", Kind::Resolved, resolved());
}

#[test]
fn every_kind_of_step_has_a_headline_of_its_own() {
    let headline = |kind, incident| {
        let (slack, _) = both(kind, incident);
        slack["text"].as_str().unwrap().to_owned()
    };
    let recovering = Incident {
        status: Status::Recovering,
        ..divergent()
    };
    let end = "dialer7.example.com A: wrong answer at google and quad9";
    assert_eq!(
        headline(Kind::Opened, divergent()),
        format!("[CRITICAL] {end}")
    );
    assert_eq!(
        headline(Kind::Updated, divergent()),
        format!("[CRITICAL, UPDATE] {end}")
    );
    assert_eq!(
        headline(Kind::Updated, recovering),
        format!("[CRITICAL, RECOVERING] {end}")
    );
    assert_eq!(
        headline(Kind::Reminder, divergent()),
        format!("[CRITICAL, STILL OPEN] {end}")
    );
    assert_eq!(
        headline(Kind::Resolved, resolved()),
        format!("[RESOLVED] {end}")
    );
}

#[test]
fn keys_are_sent_in_the_order_of_the_contract_even_after_a_queue_sorted_them() {
    let (_, pretty) = both(Kind::Opened, divergent());
    let order: Vec<&str> = pretty
        .lines()
        .filter_map(|line| {
            // Keys of the incident itself stand six blanks deep.
            let key = line.strip_prefix("      \"")?;
            key.split_once('"').map(|(key, _)| key)
        })
        .collect();
    assert_eq!(
        order,
        [
            "id",
            "url",
            "status",
            "axis",
            "verdict",
            "severity",
            "group",
            "tags",
            "names",
            "names_total",
            "types",
            "resolvers",
            "authorities",
            "vantages",
            "baseline",
            "observed",
            "opened_at",
            "confirmed_at",
            "resolved_at",
            "worst_case_until",
            "next_steps",
            "summary",
            "reason",
            "shares",
            "flapping",
            "silence",
        ]
    );
}

#[test]
fn a_body_of_another_version_is_sent_as_it_stands() {
    let other = serde_json::json!({"type": "incident.opened", "later": true});
    assert_eq!(webhook::wire_bytes(&other), other.to_string().into_bytes());
}

#[test]
fn ten_thousand_names_fit_both_bodies() {
    let (slack, hook) = both(Kind::Opened, stale_resolver(10_000));
    assert!(
        slack.to_string().chars().count() < 10_000,
        "{}",
        slack.to_string().len()
    );
    assert!(slack.to_string().contains("more"));
    let hook: Value = serde_json::from_str(&hook).unwrap();
    let incident = &hook["data"]["incident"];
    assert_eq!(incident["names_total"], 10_000);
    assert_eq!(incident["names"].as_array().unwrap().len(), 100);
    assert_eq!(incident["observed"].as_array().unwrap().len(), 100);
}

#[test]
fn a_test_message_says_that_nothing_is_wrong() {
    let now = super::fixtures::at("19:05:00");
    let hook = notify::test_body(Form::Standard, "us-west-2", now);
    assert_eq!(hook["type"], "test");
    let slack = notify::test_body(Form::Slack, "us-west-2", now);
    assert!(slack.to_string().contains("Nothing is wrong"));
}
