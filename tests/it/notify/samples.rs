//! What a made-up incident of every verdict looks like in Slack, as people read it, and what must hold of each.

use dns_auditor::{
    audit::incident::TransitionKind,
    config::{Channel, Receiver, SLACK, Secret, SlackBot},
    notify::{
        self, Form,
        sample::{Scene, Step, transition, verdicts},
        webhook,
    },
    types::Severity,
};
use serde_json::Value;
use uuid::Uuid;

use super::{
    fixtures::{at, context, resolvers, stale_resolver, step},
    outside,
};

fn sample(form: Form, verdict: &str, step: Step) -> Value {
    let resolvers = resolvers();
    let name = "dialer7.example.com".parse().unwrap();
    let scene = Scene {
        id: Uuid::from_u128(0x1111_2222_3333_4444_8555_6666_7777_8888),
        vantage: "us-west-2",
        group: "dialers",
        name: &name,
        resolvers: &resolvers,
        now: at("19:05:00"),
    };
    let step = transition(verdict, step, &scene).unwrap();
    notify::sample_body(form, &step, &context(&resolvers))
}

/// The blocks' texts from top to bottom, instants as a reader in UTC sees them.
fn read(message: &Value) -> String {
    let blocks = message["blocks"].as_array().unwrap().iter();
    let texts = blocks.map(|block| {
        let text = &block["text"]["text"];
        let small = &block["elements"][0]["text"];
        text.as_str().or(small.as_str()).unwrap().to_owned()
    });
    let mut all = texts.collect::<Vec<_>>().join("\n\n");
    while let Some((before, token)) = all.split_once("<!date^") {
        let (token, after) = token.split_once('>').unwrap();
        all = format!("{before}{}{after}", token.split_once('|').unwrap().1);
    }
    all
}

#[test]
fn every_verdict_reads_well_in_slack() {
    for verdict in verdicts() {
        let message = sample(Form::Slack, verdict, Step::Opened);
        insta::assert_snapshot!(format!("sample_{verdict}"), read(&message));
    }
}

#[test]
fn every_step_reads_well_in_slack() {
    for step in Step::ALL {
        let message = sample(Form::Slack, "propagating_long", step);
        insta::assert_snapshot!(format!("step_{}", step.name()), read(&message));
    }
}

/// Slack's own library reads every message into its models, which know the documented limits.
#[tokio::test]
async fn every_message_is_one_by_slacks_own_models() {
    let resolvers = resolvers();
    let samples = verdicts()
        .flat_map(|verdict| Step::ALL.map(|step| sample(Form::Slack, verdict, step).to_string()));
    let many = step(TransitionKind::Opened, stale_resolver(10_000));
    let many = notify::body(Form::Slack, &many, &context(&resolvers)).to_string();
    let test = notify::test_body(Form::Slack, "us-west-2", at("19:05:00")).to_string();
    let lines: Vec<String> = samples.chain([many, test]).collect();
    let read = outside::run("slack.py", &lines.join("\n")).await;
    assert_eq!(read, Ok(lines.len().to_string()));
}

#[test]
fn a_sample_cannot_be_taken_for_news() {
    for verdict in verdicts() {
        for step in Step::ALL {
            let slack = sample(Form::Slack, verdict, step);
            let header = slack["blocks"][0]["text"]["text"].as_str().unwrap();
            let notification = slack["text"].as_str().unwrap();
            assert!(header.starts_with("Sample: ["), "{header}");
            assert!(notification.starts_with("Sample: ["), "{notification}");

            let hook = sample(Form::Standard, verdict, step);
            let sent = webhook::wire_bytes(&hook);
            let message: webhook::Message = serde_json::from_slice(&sent).unwrap();
            assert_eq!(message.kind, "test");
            assert!(message.delivery.unwrap().sample);
        }
    }
}

/// The calls of an app, too: their blocks, attachments and metadata by its models, their arguments by its methods.
#[tokio::test]
async fn every_call_of_an_app_is_one_by_slacks_own_client() {
    let resolvers = resolvers();
    let channel = Channel {
        route: dns_auditor::config::Route::default(),
        id: "ops".to_owned(),
        receiver: Receiver::SlackBot(SlackBot {
            url: Secret::new(SLACK),
            token: Secret::new("xoxb-1-2-hunter2"),
            channel: "C0123ABCDEF".to_owned(),
            broadcast: Vec::new(),
        }),
        allow: Vec::new(),
        min_severity: Severity::Warning,
        fallback: None,
    };
    let form = Form::SlackBot;
    let samples = verdicts().flat_map(|verdict| Step::ALL.map(|step| sample(form, verdict, step)));
    let many = step(TransitionKind::Opened, stale_resolver(10_000));
    let many = notify::body(form, &many, &context(&resolvers));
    let test = notify::test_body(form, "us-west-2", at("19:05:00"));
    let calls = samples.chain([many, test]).map(|body| {
        let shown = notify::shown(&channel, &body, Uuid::from_u128(7), at("19:05:00"));
        assert!(!shown.contains("hunter2"), "{shown}");
        let calls: Value = serde_json::from_str(&shown).unwrap();
        calls.to_string()
    });
    let lines: Vec<String> = calls.collect();
    let read = outside::run("slack.py", &lines.join("\n")).await;
    assert_eq!(read, Ok(lines.len().to_string()));
}

#[test]
fn the_first_message_has_the_colour_of_how_it_stands() {
    let colours = Step::ALL.map(|step| {
        let body = sample(Form::SlackBot, "propagating_long", step);
        format!("{} {}", step.name(), body["color"])
    });
    insta::assert_snapshot!(colours.join("\n"));
}
