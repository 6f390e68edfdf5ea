//! One attempt to bring one message to one channel, and what its outcome means for the next.
//!
//! Deliberately absent: the next attempt itself, and any memory of earlier ones. A URL is a secret: it stands in no
//! error, log line or outcome.

mod address;
mod exec;
mod mail;
mod outcome;
mod slack_bot;

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use chrono::{DateTime, Utc};
use ipnet::IpNet;
use reqwest::{Client, RequestBuilder, header, redirect};
use serde_json::Value;
use url::{Host, Url};
use uuid::Uuid;

use address::{host_name, path_of, redact, target};
pub use outcome::{Delivery, LONGEST_RETRY_AFTER};
pub use slack_bot::{Post, Thread};

use crate::{
    config::{Channel, Config, Email, Receiver, Webhook},
    notify::{
        mail::mail,
        resolve::{WebhookResolver, may_be_written},
        signature::sign,
        wire::{Wire, message, wire},
    },
};

/// Longest time one attempt may take, from the host's name to the last byte of the reply.
pub const TIMEOUT: Duration = Duration::from_secs(15);
/// The file below the data directory that remembers where receivers were last.
const ADDRESSES: &str = "receiver-addresses.json";
/// Most bytes of a reply that are read.
const MOST_REPLY: usize = 64 * 1024;

/// Sends messages. Cheap to clone.
#[derive(Clone)]
pub struct Notifier {
    client: Result<Client, Arc<str>>,
    /// Clients whose connections may go further, by where: making one reads the certificate authorities.
    allowed: Arc<Mutex<HashMap<Vec<IpNet>, Client>>>,
    resolver: WebhookResolver,
    timeout: Duration,
}

impl Default for Notifier {
    fn default() -> Self {
        Self::new(TIMEOUT)
    }
}

impl Notifier {
    /// A notifier whose attempts take at most `timeout`. It trusts the system's certificate authorities.
    pub fn new(timeout: Duration) -> Self {
        Self::over(timeout, WebhookResolver::from_system())
    }

    /// The notifier of this configuration: it asks the resolvers that are written there, and remembers the addresses that were
    /// good last below the data directory.
    pub fn of(config: &Config) -> Self {
        let resolver = WebhookResolver::asking(&config.delivery.resolvers);
        let file = config.database.data_dir.join(ADDRESSES);
        Self::over(TIMEOUT, resolver.remembering_in(file))
    }

    /// A notifier that finds hosts by `resolver`.
    pub fn over(timeout: Duration, resolver: WebhookResolver) -> Self {
        Self {
            client: client(timeout, &resolver).map_err(|error| Arc::from(chain(&error))),
            allowed: Arc::default(),
            resolver,
            timeout,
        }
    }

    /// Resolves the channels' hosts once, so that there are addresses to fall back on if names stop resolving just when
    /// an alert is due. What cannot be resolved now is logged and tried again with the first message.
    pub async fn remember_hosts<'a>(&self, channels: impl IntoIterator<Item = &'a Channel>) {
        for channel in channels {
            let Some(host) = channel.receiver.url().and_then(host_name) else {
                continue;
            };
            let resolver = self.resolver.allowing(&channel.allow);
            if let Err(error) = resolver.addresses(&host).await {
                tracing::warn!(channel = %channel.id, %error, "the host of channel {} has no address now", channel.id);
            }
        }
    }

    /// Makes one attempt at `now` with what was recorded. `id` stays the same over all attempts at one message; instant and
    /// signature are the attempt's own. Success is any 2xx: redirects are not followed.
    pub async fn deliver(
        &self,
        channel: &Channel,
        id: Uuid,
        body: &Value,
        now: DateTime<Utc>,
    ) -> Delivery {
        let delivery = self.attempt(channel, id, body, now).await;
        self.remarked(channel, delivery)
    }

    /// An outcome with what there is to say of the address that it came from.
    fn remarked(&self, channel: &Channel, delivery: Delivery) -> Delivery {
        let host = channel.receiver.url().and_then(host_name);
        let remark = host.and_then(|host| self.resolver.remark(&host));
        match remark {
            Some(remark) => delivery.saying(&remark),
            None => delivery,
        }
    }

    async fn attempt(
        &self,
        channel: &Channel,
        id: Uuid,
        body: &Value,
        now: DateTime<Utc>,
    ) -> Delivery {
        match &channel.receiver {
            Receiver::Email(email) => return self.mail(channel, email, body, id, now).await,
            Receiver::SlackBot(bot) => {
                let post = Post {
                    id,
                    incident: None,
                    body,
                    written_at: now,
                    attempt: 1,
                    is_newest: true,
                    aloud: false,
                };
                return self.tell_in_thread(channel, bot, &post, None, now).await.0;
            }
            _ => {}
        }
        let wire = match wire(channel, body, id, now) {
            Ok(wire) => wire,
            Err(why) => return Delivery::Dead { why },
        };
        match &channel.receiver {
            Receiver::Exec(program) => exec::run(program, &wire.bytes, id, self.timeout).await,
            receiver => self.post(channel, receiver, wire, id, now).await,
        }
    }

    async fn post(
        &self,
        channel: &Channel,
        receiver: &Receiver,
        wire: Wire,
        id: Uuid,
        now: DateTime<Utc>,
    ) -> Delivery {
        let url = match receiver.url().map(|url| target(&url.expose_str())) {
            Some(Ok(url)) => url,
            Some(Err(why)) => return Delivery::Dead { why },
            None => return Delivery::retry("the channel has no address".to_owned()),
        };
        let client = match self.client_for(channel) {
            Ok(client) => client,
            Err(why) => return Delivery::retry(format!("no HTTP client: {why}")),
        };
        let request = client
            .post(path_of(receiver, url.clone()))
            .header(header::CONTENT_TYPE, wire.media_type);
        let request = match receiver {
            Receiver::Webhook(hook) => signed(request, hook, id, &wire.bytes, now),
            _ => request,
        };
        let mut reply = match self.exchange(request.body(wire.bytes), &url).await {
            Ok(reply) => reply,
            Err(error) => return self.not_sent(error, &url),
        };
        let said = redact(&read(&mut reply, MOST_REPLY).await, &url);
        let after = outcome::retry_after(reply.headers(), now);
        outcome::judge(receiver, reply.status(), after, &said)
    }

    /// Sends a request, and remembers whether its host could be connected to and showed its certificate.
    async fn exchange(
        &self,
        request: RequestBuilder,
        url: &Url,
    ) -> reqwest::Result<reqwest::Response> {
        let sent = request.send().await;
        if let Some(Host::Domain(host)) = url.host() {
            match &sent {
                Ok(_) if url.scheme() == "https" => self.resolver.prove(host),
                Err(error) if error.is_connect() || error.is_timeout() => self.resolver.doubt(host),
                _ => {}
            }
        }
        sent
    }

    async fn mail(
        &self,
        channel: &Channel,
        email: &Email,
        body: &Value,
        id: Uuid,
        now: DateTime<Utc>,
    ) -> Delivery {
        let (mail, (url, host)) =
            match message(body).and_then(|one| Ok((mail(&one), mail::host(email)?))) {
                Ok(both) => both,
                Err(why) => return Delivery::Dead { why },
            };
        let address = match &host {
            Host::Ipv4(address) => Ok(IpAddr::from(*address)),
            Host::Ipv6(address) => Ok(IpAddr::from(*address)),
            Host::Domain(name) => {
                let found = self.resolver.allowing(&channel.allow).addresses(name).await;
                found.map_err(|error| error.to_string()).and_then(|found| {
                    let first = found.first().copied();
                    first.ok_or_else(|| format!("`{name}` has no address"))
                })
            }
        };
        match address {
            Ok(address) if !may_be_written(address) => Delivery::Dead {
                why: format!("{address} is never a receiver's address"),
            },
            Ok(address) => {
                let server = (&url, &host);
                mail::send(email, server, address, &mail, id, now, self.timeout).await
            }
            Err(why) => Delivery::retry(why),
        }
    }

    /// The client whose connections may go where this channel's may.
    fn client_for(&self, channel: &Channel) -> Result<Client, Arc<str>> {
        if channel.allow.is_empty() {
            return self.client.clone();
        }
        let mut allowed = self.allowed.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = allowed.get(&channel.allow) {
            return Ok(client.clone());
        }
        let resolver = self.resolver.allowing(&channel.allow);
        let made = client(self.timeout, &resolver).map_err(|error| Arc::from(chain(&error)))?;
        allowed.insert(channel.allow.clone(), made.clone());
        Ok(made)
    }

    fn not_sent(&self, error: reqwest::Error, url: &Url) -> Delivery {
        if error.is_timeout() {
            return Delivery::retry(format!(
                "no reply within {}",
                humantime::format_duration(self.timeout)
            ));
        }
        Delivery::retry(redact(&chain(&error.without_url()), url))
    }
}

fn client(timeout: Duration, resolver: &WebhookResolver) -> reqwest::Result<Client> {
    // Whoever was first has chosen for the process; there is only this one choice in it.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let builder = || {
        Client::builder()
            .user_agent(concat!("dns-auditor/", env!("CARGO_PKG_VERSION")))
            .timeout(timeout)
            .redirect(redirect::Policy::none())
            .no_proxy()
            .dns_resolver(resolver.clone())
    };
    builder().build().or_else(|error| {
        // A machine without certificate authorities can still reach a receiver on its own loopback.
        let error = chain(&error);
        tracing::warn!(%error, "no certificate authorities: every HTTPS channel will fail");
        builder().tls_certs_only([]).build()
    })
}

/// The request with the webhook's own headers, and those of Standard Webhooks: one signature a key, all of them good.
fn signed(
    request: RequestBuilder,
    hook: &Webhook,
    id: Uuid,
    bytes: &[u8],
    now: DateTime<Utc>,
) -> RequestBuilder {
    let (id, timestamp) = (id.to_string(), now.timestamp());
    let own = hook.headers.iter();
    let request = own.fold(request, |request, header| {
        request.header(&header.name, header.value.expose())
    });
    let request = request
        .header("webhook-id", &id)
        .header("webhook-timestamp", timestamp);
    if hook.signing_keys.is_empty() {
        return request;
    }
    let keys = hook.signing_keys.iter();
    let signatures: Vec<String> = keys
        .map(|key| sign(key.expose(), &id, timestamp, bytes))
        .collect();
    request.header("webhook-signature", signatures.join(" "))
}

/// The first `most` bytes of the reply's body. What breaks off is as good as what came.
async fn read(reply: &mut reqwest::Response, most: usize) -> String {
    let mut bytes = Vec::new();
    while let Ok(Some(chunk)) = reply.chunk().await {
        bytes.extend_from_slice(&chunk);
        if bytes.len() >= most {
            bytes.truncate(most);
            break;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The error and its causes on one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let inner_text = inner.to_string();
        // Some errors repeat their cause in their own words.
        if !text.contains(&inner_text) {
            text.push_str(": ");
            text.push_str(&inner_text);
        }
        cause = inner.source();
    }
    text
}
