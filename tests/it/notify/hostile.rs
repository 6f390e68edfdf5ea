//! Whatever a server answers, a Slack message stays a message: bounded, inert, complete.

use std::sync::Arc;

use dns_auditor::{
    audit::incident::{Incident, TransitionKind as Kind},
    notify::{self, Form},
    types::Ede,
};
use proptest::prelude::*;
use serde_json::Value;

use super::fixtures::{context, divergent, resolver, resolvers, stale_resolver, step};

/// An incident whose every text from the wire is `text`.
fn poisoned(text: &str, mut incident: Incident) -> Incident {
    text.clone_into(&mut incident.reason);
    if let Some(right) = &mut incident.baseline {
        right.records = vec![text.to_owned(); 3];
    }
    for seen in &mut incident.observed {
        seen.records = vec![text.to_owned(); 5];
        text.clone_into(&mut seen.rcode);
        seen.site = Some(text.to_owned());
        text.clone_into(&mut Arc::make_mut(&mut seen.source).id);
        seen.ede = vec![Ede {
            code: 15,
            text: text.to_owned(),
        }];
    }
    incident
}

fn slack(kind: Kind, incident: Incident) -> Value {
    let mut resolvers = resolvers();
    let text = incident.reason.clone();
    resolvers.extend((0..30).map(|number| {
        let operator = format!("{number}{text}");
        resolver(&format!("other{number}"), &operator, "192.0.2.53", None)
    }));
    let tags = (0..30)
        .map(|number| (format!("{number}{text}"), text.clone()))
        .collect();
    let mut context = context(&resolvers);
    context.group.tags = Some(&tags);
    notify::body(Form::Slack, &step(kind, incident), &context)
}

/// Every text that Slack reads as markup.
fn markup(message: &Value) -> Vec<String> {
    let blocks = message["blocks"].as_array().unwrap();
    let sections = blocks.iter().filter(|block| block["type"] == "section");
    let contexts = blocks.iter().filter(|block| block["type"] == "context");
    sections
        .map(|block| &block["text"])
        .chain(contexts.flat_map(|block| block["elements"].as_array().unwrap()))
        .map(|text| text["text"].as_str().unwrap().to_owned())
        .chain([message["text"].as_str().unwrap().to_owned()])
        .collect()
}

/// What stands in angle brackets: all of it must be ours.
fn directives(text: &str) -> Vec<&str> {
    text.split('<')
        .skip(1)
        .map(|rest| rest.split_once('>').unwrap().0)
        .collect()
}

/// What Slack refuses, and what its texts must not do.
fn check(message: &Value) {
    let blocks = message["blocks"].as_array().unwrap();
    assert!(blocks.len() <= 50);
    assert!(blocks[0]["text"]["text"].as_str().unwrap().chars().count() <= 150);
    let texts = markup(message);
    assert!(texts.iter().all(|text| text.chars().count() <= 3000));
    assert!(texts.iter().map(|text| text.chars().count()).sum::<usize>() < 10_000);
    for text in &texts {
        assert_eq!(text.matches('`').count() % 2, 0, "{text}");
        assert_eq!(
            text.matches('<').count(),
            text.matches('>').count(),
            "{text}"
        );
        for directive in directives(text) {
            let ours = [
                "!date^",
                "https://dns.google/cache|",
                "https://auditor.example.com/",
                "https://wiki.example.com/",
            ];
            assert!(
                ours.iter().any(|start| directive.starts_with(start)),
                "{directive}"
            );
        }
        assert!(
            !text.chars().any(|here| here.is_control() && here != '\n'),
            "{text:?}"
        );
        assert!(
            !text.contains(['\u{202e}', '\u{2066}', '\u{200b}']),
            "{text:?}"
        );
    }
}

#[test]
fn pings_and_links_in_answers_are_shown_and_do_nothing() {
    for text in [
        "<!channel>",
        "<!date^0^x|y>",
        "<https://evil.example|Flush Google's cache>",
        "<@U024BE7LH> `code` *bold*",
        "\u{202e}txt.exe\u{200b}",
        "a\nb\r\n> quote",
        "&lt;!here&gt; & &amp;",
        "`",
        "",
    ] {
        for kind in [Kind::Opened, Kind::Resolved] {
            check(&slack(kind, poisoned(text, divergent())));
        }
    }
}

#[test]
fn the_largest_answers_for_the_most_names_still_leave_the_sections_that_matter() {
    let message = slack(
        Kind::Opened,
        poisoned(&"<&>".repeat(5000), stale_resolver(10_000)),
    );
    check(&message);
    let all = markup(&message).join("\n");
    for part in [
        "*Served*",
        "*Legal?*",
        "*Names (10000):*",
        "*Where:* 1 of 32 operators",
        "*Tags:*",
        "*Since:*",
        "*Next steps*",
        "*Reproduce:*",
        "incident 1111",
    ] {
        assert!(all.contains(part), "{part} in {all}");
    }
}

#[test]
fn the_largest_answers_do_not_choose_the_size_of_a_webhook_either() {
    let resolvers = resolvers();
    let transition = step(
        Kind::Opened,
        poisoned(&"x".repeat(60_000), stale_resolver(10_000)),
    );
    let body = notify::body(Form::Standard, &transition, &context(&resolvers));
    let observed = body["data"]["incident"]["observed"].as_array().unwrap();
    assert!((1..100).contains(&observed.len()), "{}", observed.len());
    assert!(body.to_string().len() < 200_000);
}

#[test]
fn a_name_that_is_a_shell_command_is_quoted_in_the_dig_line() {
    let reproduce = |name: &str| {
        let mut incident = divergent();
        incident.observed[0].question.name = name.parse().unwrap();
        let all = markup(&slack(Kind::Opened, incident)).join("\n");
        all.lines()
            .find_map(|line| line.strip_prefix("*Reproduce:* ").map(str::to_owned))
    };
    let check = |name: &str, expected: Option<&str>| {
        assert_eq!(reproduce(name).as_deref(), expected, "{name}");
    };
    check(
        "dialer7.example.com",
        Some("`dig @8.8.8.8 dialer7.example.com A +nsid`"),
    );
    check(
        "a;reboot.example",
        Some("`dig @8.8.8.8 'a;reboot.example' A +nsid`"),
    );
    check(
        "it's.example",
        Some(r"`dig @8.8.8.8 'it'\''s.example' A +nsid`"),
    );
    check(
        "$(reboot).example",
        Some("`dig @8.8.8.8 '$(reboot).example' A +nsid`"),
    );
    check("`reboot`.example", None);
    check("-f.example", None);
    check("@evil.example", None);
}

proptest! {
    #[test]
    fn no_answer_breaks_a_message(
        chars in prop::collection::vec(
            prop_oneof![any::<char>(), prop::sample::select("<>&`|!@#*_~\n\u{202e}\u{200b}".chars().collect::<Vec<_>>())],
            0..400,
        ),
        count in prop_oneof![15 => 1_usize..60, 1 => Just(10_000)],
    ) {
        let text: String = chars.into_iter().collect();
        check(&slack(Kind::Opened, poisoned(&text, stale_resolver(count))));
        check(&slack(Kind::Updated, poisoned(&text, divergent())));
    }
}
