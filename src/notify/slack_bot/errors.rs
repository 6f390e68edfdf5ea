//! The words in which Slack's Web API refuses a call, and what each means for the message.
//!
//! Deliberately absent: words of methods that are not called.

/// What a refusal means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::notify) enum Meaning {
    /// It may pass: too fast, or Slack itself is in trouble. So are words that nobody knows.
    Later,
    /// These arguments will never be taken.
    Refused,
    /// Nothing will be taken with this token in this conversation until a person mends it.
    Closed,
    /// The first message is not there, or takes no replies.
    NoThread,
    /// An earlier attempt was posted, and has been deleted since.
    Deleted,
}

/// Of the message, never of the channel.
const REFUSED: [&str; 22] = [
    "attachment_payload_limit_exceeded",
    "invalid_arg_name",
    "invalid_arguments",
    "invalid_array_arg",
    "invalid_attachments",
    "invalid_blocks",
    "invalid_blocks_format",
    "invalid_charset",
    "invalid_form_data",
    "invalid_json",
    "invalid_metadata_format",
    "invalid_metadata_schema",
    "invalid_post_type",
    "json_not_object",
    "markdown_text_conflict",
    "metadata_too_large",
    "missing_post_type",
    "missing_charset",
    "msg_blocks_too_long",
    "msg_too_long",
    "no_text",
    "too_many_attachments",
];

/// Of the token, the app or the conversation.
const CLOSED: [&str; 31] = [
    "access_denied",
    "accesslimited",
    "account_inactive",
    "app_access_restricted",
    "as_user_not_supported",
    "channel_is_archived",
    "channel_not_found",
    "channel_type_not_supported",
    "deprecated_endpoint",
    "ekm_access_denied",
    "enterprise_is_restricted",
    "invalid_auth",
    "is_archived",
    "messages_tab_disabled",
    "metadata_must_be_sent_from_app",
    "method_deprecated",
    "method_not_supported_for_channel_type",
    "missing_scope",
    "no_permission",
    "not_allowed_token_type",
    "not_authed",
    "not_in_channel",
    "restricted_action",
    "restricted_action_non_threadable_channel",
    "restricted_action_read_only_channel",
    "restricted_action_thread_locked",
    "restricted_action_thread_only_channel",
    "team_access_not_granted",
    "team_not_found",
    "token_expired",
    "token_revoked",
];

/// What `word` means, as an answer's `error` has it.
pub(in crate::notify) fn meaning(word: &str) -> Meaning {
    match word {
        "message_not_found" | "thread_not_found" | "cannot_reply_to_message" => Meaning::NoThread,
        "duplicate_message_not_found" => Meaning::Deleted,
        word if REFUSED.contains(&word) => Meaning::Refused,
        word if CLOSED.contains(&word) => Meaning::Closed,
        _ => Meaning::Later,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_means_later_never_or_nowhere() {
        for (word, expected) in [
            ("ratelimited", Meaning::Later),
            ("rate_limited", Meaning::Later),
            ("message_limit_exceeded", Meaning::Later),
            ("internal_error", Meaning::Later),
            ("fatal_error", Meaning::Later),
            ("service_unavailable", Meaning::Later),
            ("request_timeout", Meaning::Later),
            ("a_word_of_next_year", Meaning::Later),
            ("msg_too_long", Meaning::Refused),
            ("invalid_blocks", Meaning::Refused),
            ("channel_not_found", Meaning::Closed),
            ("is_archived", Meaning::Closed),
            ("invalid_auth", Meaning::Closed),
            ("token_revoked", Meaning::Closed),
            ("account_inactive", Meaning::Closed),
            ("not_in_channel", Meaning::Closed),
            ("message_not_found", Meaning::NoThread),
            ("duplicate_message_not_found", Meaning::Deleted),
        ] {
            assert_eq!(meaning(word), expected, "{word}");
        }
    }

    #[test]
    fn no_word_stands_twice() {
        let mut all: Vec<&str> = REFUSED.into_iter().chain(CLOSED).collect();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), REFUSED.len() + CLOSED.len());
    }
}
