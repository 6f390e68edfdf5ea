//! What a reply's status means for the message: done, again later, or never.
//!
//! Deliberately absent: when "later" is. A receiver's `Retry-After` is passed on; the schedule is the dispatcher's.

use std::time::Duration;

use chrono::{DateTime, Utc};
use reqwest::{
    StatusCode,
    header::{HeaderMap, RETRY_AFTER},
};

use crate::{
    config::Receiver,
    notify::inert::{clip, plain},
};

/// Longest `Retry-After` that is obeyed: beyond it a message would lie longer than its own schedule lets it.
pub const LONGEST_RETRY_AFTER: Duration = Duration::from_hours(2);
/// Most characters of a reply in an outcome.
const MOST_SAID: usize = 160;

/// How one attempt ended. `why` is one line for people, without any secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delivery {
    /// The receiver took it.
    Delivered {
        /// What it answered.
        answer: String,
    },
    /// It may be taken later.
    Retry {
        /// The receiver's own wish, at most [`LONGEST_RETRY_AFTER`].
        after: Option<Duration>,
        /// What happened.
        why: String,
    },
    /// The same message will never be taken there.
    Dead {
        /// What happened.
        why: String,
    },
    /// There is no such receiver: no message will be taken there.
    Gone {
        /// What happened.
        why: String,
    },
}

impl Delivery {
    /// The same outcome with something more to say.
    pub(super) fn saying(self, more: &str) -> Self {
        let with = |text: String| format!("{text}; {more}");
        match self {
            Self::Delivered { answer } => Self::Delivered {
                answer: with(answer),
            },
            Self::Retry { after, why } => Self::Retry {
                after,
                why: with(why),
            },
            Self::Dead { why } => Self::Dead { why: with(why) },
            Self::Gone { why } => Self::Gone { why: with(why) },
        }
    }

    pub(super) fn retry(why: String) -> Self {
        Self::Retry { after: None, why }
    }
}

/// The outcome of a reply. Success is any 2xx.
///
/// An alert is worth trying again unless the same bytes, signed anew, can never be taken: so only those statuses are
/// final that condemn the message (400, 413, 422 and their like) or say that there is no receiver (404, 410), which condemns
/// the channel. A webhook
/// receiver's 401 or 403 passes once the key is mended; Slack's 403 is an administrator's decision and final.
pub(super) fn judge(
    receiver: &Receiver,
    status: StatusCode,
    after: Option<Duration>,
    said: &str,
) -> Delivery {
    let why = describe(status, said);
    match status.as_u16() {
        200..=299 => Delivery::Delivered { answer: why },
        404 | 410 => Delivery::Gone { why },
        400 | 405 | 406 | 411 | 413 | 414 | 415 | 422 => Delivery::Dead { why },
        403 if matches!(receiver, Receiver::Slack { .. }) => Delivery::Dead { why },
        _ => Delivery::Retry { after, why },
    }
}

fn describe(status: StatusCode, said: &str) -> String {
    let remark = if status.is_redirection() {
        "redirects are not followed".to_owned()
    } else {
        one_line(said)
    };
    if remark.is_empty() {
        format!("HTTP {}", status.as_u16())
    } else {
        format!("HTTP {}: {remark}", status.as_u16())
    }
}

/// What a receiver says, short and on one line.
pub(super) fn one_line(said: &str) -> String {
    let line = plain(said).split_whitespace().collect::<Vec<_>>().join(" ");
    clip(&line, MOST_SAID)
}

/// `Retry-After` in either of its forms (RFC 9110 section 10.2.3), seconds or an HTTP date, at most
/// [`LONGEST_RETRY_AFTER`]; `None` where it is absent or nonsense.
pub(super) fn retry_after(headers: &HeaderMap, now: DateTime<Utc>) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let wish = match text.parse::<u64>() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => (DateTime::parse_from_rfc2822(text).ok()?.to_utc() - now)
            .to_std()
            .unwrap_or_default(),
    };
    Some(wish.min(LONGEST_RETRY_AFTER))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Secret, Webhook, WebhookBody};

    fn wish(text: &str) -> Option<Duration> {
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, text.parse().unwrap());
        retry_after(&headers, "2026-11-22T19:05:00Z".parse().unwrap())
    }

    #[test]
    fn retry_after_is_read_in_both_forms_and_capped() {
        assert_eq!(wish("30"), Some(Duration::from_secs(30)));
        assert_eq!(
            wish("Sun, 22 Nov 2026 19:06:40 GMT"),
            Some(Duration::from_secs(100))
        );
        assert_eq!(wish("Sun, 22 Nov 2026 19:00:00 GMT"), Some(Duration::ZERO));
        assert_eq!(wish("86400"), Some(LONGEST_RETRY_AFTER));
        assert_eq!(wish("99999999999999999999"), None);
        assert_eq!(wish("soon"), None);
        assert_eq!(wish("-5"), None);
    }

    fn slack() -> Receiver {
        let url = Secret::new("https://hooks.example.com/");
        Receiver::Slack { url }
    }

    fn hook() -> Receiver {
        let url = Secret::new("https://hooks.example.com/");
        Receiver::Webhook(Webhook {
            url,
            signing_keys: Vec::new(),
            headers: Vec::new(),
            body: WebhookBody::Standard,
        })
    }

    #[test]
    fn only_what_can_never_be_taken_is_dead() {
        let dead = |receiver: &Receiver, status: u16| {
            let status = StatusCode::from_u16(status).unwrap();
            matches!(judge(receiver, status, None, ""), Delivery::Dead { .. })
        };
        for status in [400, 413, 422] {
            assert!(dead(&slack(), status), "{status}");
            assert!(dead(&hook(), status), "{status}");
        }
        for status in [301, 302, 307, 401, 408, 425, 429, 500, 502, 503, 504] {
            assert!(!dead(&slack(), status), "{status}");
            assert!(!dead(&hook(), status), "{status}");
        }
        for status in [StatusCode::NOT_FOUND, StatusCode::GONE] {
            let gone = judge(&hook(), status, None, "");
            assert!(matches!(gone, Delivery::Gone { .. }), "{status}");
        }
        assert!(dead(&slack(), 403));
        assert!(!dead(&hook(), 403));
    }

    #[test]
    fn a_reply_is_quoted_short_and_on_one_line() {
        let outcome = judge(
            &slack(),
            StatusCode::INTERNAL_SERVER_ERROR,
            None,
            "rollup\u{1b}[31m\nerror",
        );
        assert_eq!(
            outcome,
            Delivery::retry("HTTP 500: rollup [31m error".to_owned())
        );
    }
}
