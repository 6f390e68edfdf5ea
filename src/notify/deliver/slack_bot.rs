//! One message told in an incident's thread: the first message is edited, then the reply is posted.
//!
//! Editing twice does no harm, posting does. So a later attempt first looks whether an earlier one arrived after all; that takes
//! the app's permission to read the conversation (`channels:history` or `groups:history`). Without it, or where Slack cannot
//! be asked, a message may be posted twice rather than never. Deliberately absent: which thread an incident has.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use reqwest::{Client, header};
use serde_json::Value;
use url::form_urlencoded;
use uuid::Uuid;

use super::{Notifier, outcome, read, redact, target};
use crate::{
    config::{Channel, Receiver, SlackBot},
    notify::{
        Delivery,
        slack_bot::{self, Answer, Letter, Meaning, meaning},
    },
};

/// Most bytes of a page of messages: [`PAGE`] of the longest there are, and what Slack adds.
const MOST_LISTED: usize = 2 * 1024 * 1024;
/// Messages of a page: as many as any app may ask for.
const PAGE: &str = "15";
/// Pages that are looked through for a message.
const MOST_PAGES: usize = 10;
/// How far Slack's clock may be behind ours.
const SKEW: TimeDelta = TimeDelta::minutes(10);
/// Attempts that wait for a look-up that fails for now. Later ones go out all the same.
const PATIENT_ATTEMPTS: u32 = 4;

/// Where the messages of an incident stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Thread {
    /// The conversation's ID.
    pub conversation: String,
    /// What Slack calls the first message: its instant.
    pub ts: String,
}

/// A message for a thread.
#[derive(Debug, Clone, Copy)]
pub struct Post<'a> {
    /// Stable over all attempts.
    pub id: Uuid,
    /// The incident it tells of; `None`: it stands alone.
    pub incident: Option<Uuid>,
    /// What was recorded.
    pub body: &'a Value,
    /// When it was written: no attempt was before.
    pub written_at: DateTime<Utc>,
    /// Which attempt this is, from 1.
    pub attempt: u32,
    /// Whether it says how things stand now, so that the first message is to say the same.
    pub is_newest: bool,
    /// Whether a reply is shown to the whole conversation, too.
    pub aloud: bool,
}

/// A call that did not do what it should: Slack's word, where it said one, and what it means for the message.
struct Problem {
    meaning: Option<Meaning>,
    delivery: Delivery,
}

/// What every call of one attempt needs.
struct Line<'a> {
    notifier: &'a Notifier,
    client: Client,
    receiver: &'a Receiver,
    bot: &'a SlackBot,
    now: DateTime<Utc>,
}

impl Notifier {
    /// Makes one attempt at `now` to tell `post` in `thread`; without one, it begins a thread. Returns how that went and the
    /// thread that it stands in now.
    pub async fn tell_in_thread(
        &self,
        channel: &Channel,
        bot: &SlackBot,
        post: &Post<'_>,
        thread: Option<&Thread>,
        now: DateTime<Utc>,
    ) -> (Delivery, Option<Thread>) {
        let line = match self.client_for(channel) {
            Ok(client) => Line {
                notifier: self,
                client,
                receiver: &channel.receiver,
                bot,
                now,
            },
            Err(why) => return (Delivery::retry(format!("no HTTP client: {why}")), None),
        };
        let (delivery, stands) = line.tell(post, thread).await;
        (self.remarked(channel, delivery), stands)
    }
}

impl Line<'_> {
    async fn tell(&self, post: &Post<'_>, thread: Option<&Thread>) -> (Delivery, Option<Thread>) {
        let mut remarks = Vec::new();
        let to_edit = thread.filter(|_| post.is_newest);
        let edited = match to_edit {
            Some(thread) => self.edit(thread, post).await,
            None => Ok(()),
        };
        let is_lost = |problem: &Problem| problem.meaning == Some(Meaning::NoThread);
        let thread = thread.filter(|_| !edited.as_ref().is_err_and(is_lost));
        if post.attempt > 1 {
            match self.find(post, thread).await {
                Ok(Some(ts)) => {
                    let answer = format!("an earlier attempt had arrived, at {ts}");
                    let stands = thread.cloned().unwrap_or_else(|| self.thread(ts));
                    return (Delivery::Delivered { answer }, Some(stands));
                }
                Ok(None) => {}
                Err(problem) => match problem.delivery {
                    wait @ Delivery::Retry { .. } if post.attempt <= PATIENT_ATTEMPTS => {
                        return (wait, None);
                    }
                    other => remarks.push(format!(
                        "it cannot be seen whether an earlier attempt arrived, this may be the second: {}",
                        said(other)
                    )),
                },
            }
        }
        let (stands, answer) = match self.post(post, thread).await {
            Ok(posted) => posted,
            Err(delivery) => return (delivery, None),
        };
        if let (Err(problem), Some(thread)) = (edited, thread) {
            let again = match problem.delivery {
                Delivery::Retry { .. } => self.edit(thread, post).await,
                delivery => Err(Problem {
                    delivery,
                    ..problem
                }),
            };
            remarks.extend(again.err().map(|problem| {
                format!(
                    "the first message is not up to date: {}",
                    said(problem.delivery)
                )
            }));
        }
        let answer = [answer].into_iter().chain(remarks).collect::<Vec<_>>();
        let answer = answer.join("; ");
        (Delivery::Delivered { answer }, stands)
    }

    /// Posts it as a reply, or as a first message where there is no thread. Returns where it stands, and what Slack said.
    async fn post(
        &self,
        post: &Post<'_>,
        thread: Option<&Thread>,
    ) -> Result<(Option<Thread>, String), Delivery> {
        let first = slack_bot::first(&self.bot.channel, post.letter());
        let posted = match thread {
            None => self.write("chat.postMessage", &first, 2).await,
            Some(thread) => {
                let (at, ts) = (&thread.conversation, &thread.ts);
                let reply = slack_bot::reply(at, ts, post.letter(), post.aloud);
                match self.write("chat.postMessage", &reply, 2).await {
                    Err(problem) if problem.meaning == Some(Meaning::NoThread) => {
                        return self.begin(&first, post).await;
                    }
                    other => other,
                }
            }
        };
        match (posted, thread) {
            (Ok(posted), Some(thread)) => Ok((Some(thread.clone()), told(&posted, false))),
            (Ok(posted), None) => Ok(self.begun(&posted, post)),
            (Err(problem), _) => problem.ended().map(|answer| (thread.cloned(), answer)),
        }
    }

    /// Begins a thread in the place of one that takes no replies.
    async fn begin(
        &self,
        first: &Value,
        post: &Post<'_>,
    ) -> Result<(Option<Thread>, String), Delivery> {
        match self.write("chat.postMessage", first, 4).await {
            Ok(posted) => Ok(self.begun(&posted, post)),
            Err(problem) => problem.ended().map(|answer| (None, answer)),
        }
    }

    fn begun(&self, posted: &Posted, post: &Post<'_>) -> (Option<Thread>, String) {
        let ts = posted.answer.ts.clone();
        let thread = (!ts.is_empty()).then(|| self.thread(ts));
        (thread, told(posted, post.incident.is_none()))
    }

    async fn edit(&self, thread: &Thread, post: &Post<'_>) -> Result<(), Problem> {
        let call = slack_bot::edit(&thread.conversation, &thread.ts, post.body);
        self.write("chat.update", &call, 4).await.map(|_| ())
    }

    /// The `ts` of what an earlier attempt posted.
    async fn find(
        &self,
        post: &Post<'_>,
        thread: Option<&Thread>,
    ) -> Result<Option<String>, Problem> {
        let patience = self.notifier.timeout / 4;
        let looked = tokio::time::timeout(patience, self.look_through(post, thread)).await;
        looked.unwrap_or_else(|_| {
            Err(Problem {
                meaning: None,
                delivery: Delivery::retry(no_reply(patience)),
            })
        })
    }

    async fn look_through(
        &self,
        post: &Post<'_>,
        thread: Option<&Thread>,
    ) -> Result<Option<String>, Problem> {
        let mut cursor = String::new();
        for _ in 0..MOST_PAGES {
            let method = match thread {
                Some(_) => "conversations.replies",
                None => "conversations.history",
            };
            let query = self.page(post, thread, &cursor);
            let page = self.call(method, FORM, query.into(), 4).await?;
            if let Some(ts) = page.answer.ts_of(post.id) {
                return Ok(Some(ts.to_owned()));
            }
            match page.answer.next() {
                Some(next) => next.clone_into(&mut cursor),
                None => break,
            }
        }
        Ok(None)
    }

    /// The arguments that list what was posted since `post` was written, from `cursor` on.
    fn page(&self, post: &Post<'_>, thread: Option<&Thread>, cursor: &str) -> String {
        let oldest = (post.written_at - SKEW).timestamp();
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.append_pair("channel", &self.bot.channel);
        query.append_pair("oldest", &format!("{oldest}.000000"));
        query.append_pair("limit", PAGE);
        query.append_pair("include_all_metadata", "true");
        if let Some(thread) = thread {
            query.append_pair("ts", &thread.ts);
        }
        if !cursor.is_empty() {
            query.append_pair("cursor", cursor);
        }
        query.finish()
    }

    async fn write(&self, method: &str, call: &Value, part: u32) -> Result<Posted, Problem> {
        let bytes = call.to_string().into_bytes();
        self.call(method, JSON, bytes, part).await
    }

    /// Calls a method, in `1 / part` of the time that an attempt has.
    async fn call(
        &self,
        method: &str,
        media_type: &str,
        bytes: Vec<u8>,
        part: u32,
    ) -> Result<Posted, Problem> {
        let problem = |delivery| Problem {
            meaning: None,
            delivery,
        };
        let mut url =
            target(&self.bot.url.expose_str()).map_err(|why| problem(Delivery::Dead { why }))?;
        let path = format!("{}/{method}", url.path().trim_end_matches('/'));
        url.set_path(&path);
        let patience = self.notifier.timeout / part;
        let request = self
            .client
            .post(url.clone())
            .timeout(patience)
            .bearer_auth(self.bot.token.expose_str())
            .header(header::CONTENT_TYPE, media_type)
            .body(bytes);
        let mut reply = match self.notifier.exchange(request, &url).await {
            Ok(reply) => reply,
            Err(error) if error.is_timeout() => {
                return Err(problem(Delivery::retry(no_reply(patience))));
            }
            Err(error) => return Err(problem(self.notifier.not_sent(error, &url))),
        };
        let can_read = reply
            .headers()
            .get("x-oauth-scopes")
            .and_then(|scopes| scopes.to_str().ok())
            .map(|scopes| scopes.contains(":history"));
        let (status, after) = (
            reply.status(),
            outcome::retry_after(reply.headers(), self.now),
        );
        let said = read(&mut reply, MOST_LISTED).await;
        let token = self.bot.token.expose_str();
        if !status.is_success() {
            let said = redact(&said, &url).replace(&*token, "…");
            let judged = outcome::judge(self.receiver, status, after, &said);
            return Err(problem(judged));
        }
        let answer = serde_json::from_str::<Answer>(&said).map_err(|_| {
            let why = format!("HTTP {status}, but not as Slack's Web API answers");
            problem(Delivery::retry(why))
        })?;
        match answer.error().map(meaning) {
            None => Ok(Posted { answer, can_read }),
            Some(meaning) => {
                let why = outcome::one_line(&answer.complaint().replace(&*token, "…"));
                Err(Problem::of(meaning, format!("{method}: {why}"), after))
            }
        }
    }

    fn thread(&self, ts: String) -> Thread {
        Thread {
            conversation: self.bot.channel.clone(),
            ts,
        }
    }
}

/// Without a charset, Slack warns.
const JSON: &str = "application/json; charset=utf-8";
/// The methods that read take nothing else.
const FORM: &str = "application/x-www-form-urlencoded";

/// An answer to a call that did as it was told, and whether the app may read conversations, where Slack says.
struct Posted {
    answer: Answer,
    can_read: Option<bool>,
}

impl Problem {
    fn of(meaning: Meaning, why: String, after: Option<Duration>) -> Self {
        let delivery = match meaning {
            Meaning::Later => Delivery::Retry { after, why },
            Meaning::Refused | Meaning::NoThread | Meaning::Deleted => Delivery::Dead { why },
            Meaning::Closed => Delivery::Gone { why },
        };
        Self {
            meaning: Some(meaning),
            delivery,
        }
    }

    /// What a post that failed comes to: an earlier attempt that was read and deleted has been told.
    fn ended(self) -> Result<String, Delivery> {
        match self.meaning {
            Some(Meaning::Deleted) => {
                Ok("an earlier attempt had arrived and is deleted by now".to_owned())
            }
            _ => Err(self.delivery),
        }
    }
}

impl<'a> Post<'a> {
    fn letter(&self) -> Letter<'a> {
        Letter {
            id: self.id,
            incident: self.incident,
            body: self.body,
        }
    }
}

/// Where a message was posted, and what there is to say of it; of a test, what the app lacks.
fn told(posted: &Posted, is_test: bool) -> String {
    let mut said = format!("posted at {}", posted.answer.ts);
    if let Some(warning) = posted.answer.warning() {
        said = format!("{said}; Slack warns: {}", outcome::one_line(warning));
    }
    if is_test && posted.can_read == Some(false) {
        said += "; the app has neither channels:history nor groups:history: after a crash a message may be posted twice";
    }
    said
}

fn said(delivery: Delivery) -> String {
    match delivery {
        Delivery::Delivered { answer: why }
        | Delivery::Retry { why, .. }
        | Delivery::Dead { why }
        | Delivery::Gone { why } => why,
    }
}

fn no_reply(patience: Duration) -> String {
    format!("no reply within {}", humantime::format_duration(patience))
}
