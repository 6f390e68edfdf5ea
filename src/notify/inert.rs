//! Text from the wire made harmless for people to read: no markup, no pings, no invisible characters.
//!
//! Names, RDATA, NSID and EDE texts are chosen by whoever answers. Deliberately absent: escaping for other sinks
//! (HTML, CSV, terminals), which belongs to those.

/// `text` with everything invisible or directing removed: control characters become spaces, bidirectional and
/// zero-width characters and backticks go.
pub fn plain(text: &str) -> String {
    text.chars().filter_map(visible).collect()
}

/// `text` as Slack mrkdwn prose: [`plain`], with `&`, `<` and `>` escaped, cut to at most `max` characters of output.
pub fn prose(text: &str, max: usize) -> String {
    let mut out = String::new();
    let mut length = 0;
    let mut chars = text.chars().filter_map(visible).peekable();
    while let Some(here) = chars.next() {
        let piece = escape(here);
        let width = piece.chars().count();
        let reserve = usize::from(chars.peek().is_some());
        if length + width + reserve > max {
            if length < max {
                out.push('…');
            }
            return out;
        }
        out.push_str(&piece);
        length += width;
    }
    out
}

/// `text` as a Slack code span of at most `max` characters between the backticks; an empty text shows as `-`.
pub fn code(text: &str, max: usize) -> String {
    let inner = prose(text.trim(), max);
    // Slack takes a span of blanks for no span at all and shows the backticks.
    let inner = if inner.trim().is_empty() { "-" } else { &inner };
    format!("`{inner}`")
}

/// `text` as one word of a shell's input; a name may hold quotes and semicolons. `None`: it could not be shown unchanged.
pub(super) fn shell_word(text: &str) -> Option<String> {
    let tame = |here: char| here.is_ascii_alphanumeric() || "=._-".contains(here);
    if plain(text) != text {
        return None;
    }
    Some(if text.chars().all(tame) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    })
}

/// `text` cut to at most `max` characters, with an ellipsis where something went.
pub fn clip(text: &str, max: usize) -> String {
    if text.chars().count() <= max {
        return text.to_owned();
    }
    let mut cut: String = text.chars().take(max.saturating_sub(1)).collect();
    cut.push('…');
    cut
}

fn escape(here: char) -> String {
    match here {
        '&' => "&amp;".to_owned(),
        '<' => "&lt;".to_owned(),
        '>' => "&gt;".to_owned(),
        other => other.to_string(),
    }
}

fn visible(here: char) -> Option<char> {
    match here {
        '`' => None,
        _ if here.is_control() => Some(' '),
        // Line and paragraph separators break a line where a row should be.
        '\u{2028}' | '\u{2029}' => Some(' '),
        // Marks, embeddings, overrides and isolates (UAX 9), zero-width characters, tags, variation selectors.
        '\u{00ad}'
        | '\u{034f}'
        | '\u{061c}'
        | '\u{115f}'
        | '\u{1160}'
        | '\u{180e}'
        | '\u{200b}'..='\u{200f}'
        | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{fe00}'..='\u{fe0f}'
        | '\u{feff}'
        | '\u{fff9}'..='\u{fffb}'
        | '\u{e0000}'..='\u{e0fff}' => None,
        other => Some(other),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(input: &str, expected: &str) {
        assert_eq!(prose(input, 1000), expected, "{input:?}");
    }

    #[test]
    fn pings_links_and_markup_lose_their_meaning() {
        check("<!channel>", "&lt;!channel&gt;");
        check("<@U024BE7LH> & co", "&lt;@U024BE7LH&gt; &amp; co");
        check("`end` of code", "end of code");
        check("a\nb\tc\u{1b}[31m", "a b c [31m");
        check("moc\u{202e}.evil\u{200b}", "moc.evil");
        check("bücher 書", "bücher 書");
    }

    #[test]
    fn a_cut_never_splits_an_entity() {
        assert_eq!(prose("ab&&&", 8), "ab&amp;…");
        assert_eq!(prose("&&", 10), "&amp;&amp;");
        assert_eq!(prose("&&", 9), "&amp;…");
        assert_eq!(prose("abc", 3), "abc");
        assert_eq!(prose("abcd", 3), "ab…");
        assert_eq!(prose("a", 0), "");
    }

    #[test]
    fn a_code_span_is_never_empty() {
        assert_eq!(code("``` ", 10), "`-`");
        assert_eq!(code("192.0.2.7", 20), "`192.0.2.7`");
    }

    proptest! {
        #[test]
        fn prose_is_bounded_and_holds_nothing_active(
            chars in prop::collection::vec(any::<char>(), 0..200),
            max in 0_usize..200,
        ) {
            let text: String = chars.into_iter().collect();
            let out = prose(&text, max);
            prop_assert!(out.chars().count() <= max);
            let active = ['<', '>', '`', '\u{202e}', '\n'];
            prop_assert!(!out.contains(active));
            prop_assert!(!out.chars().any(char::is_control));
            let bare = out.replace("&amp;", "").replace("&lt;", "").replace("&gt;", "");
            prop_assert!(!bare.contains('&'));
        }
    }
}
