//! Channels, each with the keys of its kind.
//!
//! Deliberately absent: how the rest of a configuration is shown.

use toml::Value;

use super::{Entry, duration, secret, texts};
use crate::config::{Channel, Email, Header, Receiver, Route, SecretSource, Webhook, WebhookBody};

pub(super) fn channel_table(channel: &Channel) -> Vec<Entry> {
    let mut shown = vec![
        ("id", channel.id.as_str().into()),
        ("kind", channel.receiver.kind().into()),
        ("min_severity", channel.min_severity.to_string().into()),
    ];
    let Route {
        matchers,
        group_wait,
        repeat_interval,
    } = &channel.route;
    if !matchers.is_empty() {
        shown.push(("matchers", texts(&matchers.texts())));
    }
    if !group_wait.is_zero() {
        shown.push(("group_wait", duration(*group_wait)));
    }
    shown.extend(repeat_interval.map(|every| ("repeat_interval", duration(every))));
    if let Some(url) = channel.receiver.url() {
        shown.push(secret(url, ["url", "url_env", "url_file"]));
    }
    match &channel.receiver {
        Receiver::Slack { .. } | Receiver::Alertmanager { .. } => {}
        Receiver::SlackBot(bot) => shown.extend([
            secret(&bot.token, ["token", "token_env", "token_file"]),
            ("slack_channel", bot.channel.as_str().into()),
            ("broadcast", texts(&bot.broadcast)),
        ]),
        Receiver::Webhook(hook) => shown.extend(webhook(hook)),
        Receiver::PagerDuty { routing_key, .. } => shown.push(secret(
            routing_key,
            ["routing_key", "routing_key_env", "routing_key_file"],
        )),
        Receiver::Email(email) => shown.extend(mail(email)),
        Receiver::Exec(exec) => {
            let program = exec.program.to_string_lossy().into_owned();
            let words: Vec<String> = [program].iter().chain(&exec.arguments).cloned().collect();
            shown.extend([("allow_exec", true.into()), ("command", texts(&words))]);
        }
    }
    if plaintext(&channel.receiver) {
        shown.push(("allow_plaintext", true.into()));
    }
    if !channel.allow.is_empty() {
        shown.push(("allow_cidrs", texts(&channel.allow)));
    }
    shown.extend(
        channel
            .fallback
            .as_deref()
            .map(|id| ("fallback", id.into())),
    );
    shown
}

fn webhook(hook: &Webhook) -> Vec<Entry> {
    let names = [
        ["secret", "secret_env", "secret_file"],
        [
            "previous_secret",
            "previous_secret_env",
            "previous_secret_file",
        ],
    ];
    let keys = hook.signing_keys.iter().zip(names);
    let mut shown: Vec<Entry> = keys.map(|(key, names)| secret(key, names)).collect();
    let (open, stored): (Vec<&Header>, Vec<&Header>) = hook
        .headers
        .iter()
        .partition(|header| *header.value.source() == SecretSource::Given);
    for (key, headers) in [("headers", open), ("headers_env", stored)] {
        if !headers.is_empty() {
            let pairs = headers.into_iter().map(|header| {
                let (_, value) = secret(&header.value, ["", "", ""]);
                (header.name.clone(), value)
            });
            shown.push((key, Value::Table(pairs.collect())));
        }
    }
    let body = match hook.body {
        WebhookBody::Standard => "standard",
        WebhookBody::CloudEvents => "cloudevents",
        WebhookBody::Alertmanager => "alertmanager",
    };
    shown.push(("body", body.into()));
    shown
}

fn mail(email: &Email) -> [Entry; 2] {
    [
        ("from", email.from.as_str().into()),
        ("to", texts(&email.to)),
    ]
}

/// Whether it must be said that the receiver may be spoken to without encryption.
fn plaintext(receiver: &Receiver) -> bool {
    match receiver {
        Receiver::Email(email) => email.plaintext,
        Receiver::Webhook(Webhook { url, .. }) | Receiver::Alertmanager { url } => {
            url.expose_str().starts_with("http:")
        }
        _ => false,
    }
}
