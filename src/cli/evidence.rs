//! Replies and what they were held against, as tables show them.
//!
//! Deliberately absent: verdicts.

use super::output::{inert, wrap};
use crate::audit::evidence::{Baseline, BaselineKind, Observed};

/// What the reply holds, with its extended errors: `SERVFAIL, EDE 22 no reachable authority`.
pub(super) fn answer(seen: &Observed) -> String {
    let mut text = seen.answer_text();
    for ede in &seen.ede {
        text += &format!(", EDE {} {}", ede.code, ede.text);
    }
    inert(text.trim_end())
}

/// A number, or `-`.
pub(super) fn ttl(seconds: Option<u32>) -> String {
    seconds.map_or_else(|| "-".to_owned(), |seconds| seconds.to_string())
}

/// The right answer and on whose word: `authority: 192.0.2.7, TTL 300`.
pub(super) fn baseline(baseline: &Baseline) -> String {
    let word = match baseline.kind {
        BaselineKind::Declared => "declared",
        BaselineKind::Authority => "authority",
        BaselineKind::Quorum => "most operators (no authority answered)",
    };
    let ttl = baseline.ttl.map(|ttl| format!(", TTL {ttl}"));
    let ttl = ttl.unwrap_or_default();
    format!("{word}: {}{ttl}", inert(&baseline.answer_text()))
}

/// Sentences below a table, each once, after those whom it is said of: `  alpha, beta: …`. A sentence that names its
/// subject itself stands alone.
pub(super) fn reasons<'a>(said: impl IntoIterator<Item = (String, &'a str)>) -> String {
    let mut sentences: Vec<(&str, Vec<String>)> = Vec::new();
    for (who, reason) in said {
        match sentences.iter_mut().find(|(known, _)| *known == reason) {
            Some((_, whom)) if whom.contains(&who) => {}
            Some((_, whom)) => whom.push(who),
            None => sentences.push((reason, vec![who])),
        }
    }
    let line = |(reason, whom): (&str, Vec<String>)| {
        let names_it = whom.iter().any(|who| reason.starts_with(who.as_str()));
        let whom = if names_it {
            String::new()
        } else {
            format!("{}: ", whom.join(", "))
        };
        wrap(&inert(&format!("{whom}{reason}")), "  ")
    };
    sentences.into_iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::reasons;

    #[test]
    fn a_sentence_is_told_once_with_those_whom_it_is_said_of() {
        let said = [
            ("alpha", "an old answer"),
            ("beta", "an old answer"),
            ("alpha", "an old answer"),
            ("gamma", "gamma did not answer"),
        ];
        let said = said.map(|(who, reason)| (who.to_owned(), reason));
        assert_eq!(
            reasons(said),
            "  alpha, beta: an old answer\n  gamma did not answer\n"
        );
    }
}
