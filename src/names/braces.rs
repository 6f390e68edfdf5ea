//! Brace patterns: many names written as one, such as `dialer{1..40}.example.com`.
//!
//! Deliberately absent: nesting, steps, and ranges of letters.

use std::collections::HashSet;

use crate::names::{DnsName, NameError};

/// The most names that one pattern may stand for.
pub const MOST_NAMES: u64 = 100_000;

/// Why a brace pattern cannot be expanded. Every message quotes the pattern or the part that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BraceError {
    /// A `{` without its `}`.
    #[error("`{0}` has an opening brace that is never closed")]
    Unclosed(String),
    /// A `}` without its `{`.
    #[error("`{0}` has a closing brace that was never opened")]
    Unopened(String),
    /// A `{` inside braces.
    #[error("`{0}` has braces within braces: write the alternatives out")]
    Nested(String),
    /// `{}`.
    #[error("`{0}` has empty braces: write a range such as {{1..40}} or a list such as {{a,b}}")]
    Empty(String),
    /// Neither `..` nor a comma between the braces.
    #[error("`{{{0}}}` is neither a range such as {{1..40}} nor a list such as {{a,b}}")]
    NotAlternatives(String),
    /// A range with an end that is missing or no number.
    #[error(
        "`{{{0}}}` is not a range: both ends must be whole numbers, as in {{1..40}} or {{01..40}}"
    )]
    BadRange(String),
    /// More than [`MOST_NAMES`] names.
    #[error("`{pattern}` stands for {count} names; one pattern may stand for at most {MOST_NAMES}")]
    TooMany {
        /// The whole pattern.
        pattern: String,
        /// How many names it stands for; `u64::MAX` where that is more than can be counted.
        count: u64,
    },
}

/// Every text that `pattern` stands for, the last braces varying fastest; one text where it has no braces.
///
/// `{1..40}` is a range, downwards where the first end is higher; a leading zero at either end pads all numbers to the
/// longer end (`{01..40}`). `{a,b,}` is a list, whose items may be empty. A backslash keeps the next character out of
/// it, and stays: it is an escape of domain names as well (RFC 1035 section 5.1).
pub fn expand(pattern: &str) -> Result<Vec<String>, BraceError> {
    let parts = split(pattern)?;
    let count = parts
        .iter()
        .fold(1, |product: u64, part| product.saturating_mul(part.count()));
    if count > MOST_NAMES {
        return Err(BraceError::TooMany {
            pattern: pattern.to_owned(),
            count,
        });
    }
    let mut names = vec![String::new()];
    for part in &parts {
        let endings = part.texts();
        names = names
            .iter()
            .flat_map(|name| endings.iter().map(move |ending| name.clone() + ending))
            .collect();
    }
    Ok(names)
}

enum Part<'a> {
    Literal(&'a str),
    List(Vec<&'a str>),
    Range { from: u32, to: u32, width: usize },
}

impl Part<'_> {
    fn count(&self) -> u64 {
        match self {
            Self::Literal(_) => 1,
            Self::List(items) => items.len() as u64,
            Self::Range { from, to, .. } => u64::from(from.abs_diff(*to)) + 1,
        }
    }

    fn texts(&self) -> Vec<String> {
        let number = |number: u32, width: usize| format!("{number:0width$}");
        match self {
            Self::Literal(text) => vec![(*text).to_owned()],
            Self::List(items) => items.iter().map(|&item| item.to_owned()).collect(),
            Self::Range { from, to, width } if from <= to => {
                (*from..=*to).map(|n| number(n, *width)).collect()
            }
            Self::Range { from, to, width } => {
                (*to..=*from).rev().map(|n| number(n, *width)).collect()
            }
        }
    }
}

fn split(pattern: &str) -> Result<Vec<Part<'_>>, BraceError> {
    let mut parts = Vec::new();
    let mut rest = pattern;
    loop {
        match next_brace(rest) {
            None => {
                parts.push(Part::Literal(rest));
                return Ok(parts);
            }
            Some((_, '}')) => return Err(BraceError::Unopened(pattern.to_owned())),
            Some((open, _)) => {
                let inside = &rest[open + 1..];
                let close = match next_brace(inside) {
                    Some((close, '}')) => close,
                    Some(_) => return Err(BraceError::Nested(pattern.to_owned())),
                    None => return Err(BraceError::Unclosed(pattern.to_owned())),
                };
                parts.push(Part::Literal(&rest[..open]));
                parts.push(alternatives(pattern, &inside[..close])?);
                rest = &inside[close + 1..];
            }
        }
    }
}

fn next_brace(text: &str) -> Option<(usize, char)> {
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '\\' => {
                characters.next();
            }
            '{' | '}' => return Some((at, character)),
            _ => {}
        }
    }
    None
}

fn alternatives<'a>(pattern: &str, inside: &'a str) -> Result<Part<'a>, BraceError> {
    if inside.is_empty() {
        return Err(BraceError::Empty(pattern.to_owned()));
    }
    if inside.contains(',') {
        return Ok(Part::List(inside.split(',').collect()));
    }
    let Some((from, to)) = inside.split_once("..") else {
        return Err(BraceError::NotAlternatives(inside.to_owned()));
    };
    let bad = || BraceError::BadRange(inside.to_owned());
    let number = |text: &str| {
        // `parse` alone would take a plus sign.
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        digits
            .then(|| text.parse::<u32>().ok())
            .flatten()
            .ok_or_else(bad)
    };
    let padded = |text: &str| text.len() > 1 && text.starts_with('0');
    Ok(Part::Range {
        from: number(from)?,
        to: number(to)?,
        width: if padded(from) || padded(to) {
            from.len().max(to.len())
        } else {
            0
        },
    })
}

/// The names that patterns stand for, each once, in their order; all together no more than [`MOST_NAMES`]. The error is a
/// sentence.
pub fn expand_names<'a>(
    patterns: impl IntoIterator<Item = &'a str>,
) -> Result<Vec<DnsName>, String> {
    let mut names = Vec::new();
    for pattern in patterns {
        for text in expand(pattern).map_err(|error| error.to_string())? {
            names.push(text.parse().map_err(|error: NameError| error.to_string())?);
        }
        if names.len() as u64 > MOST_NAMES {
            return Err(format!("more than {MOST_NAMES} names together"));
        }
    }
    Ok(unique(names))
}

/// Each name once, where it stood first.
pub fn unique(mut names: Vec<DnsName>) -> Vec<DnsName> {
    let mut known = HashSet::new();
    names.retain(|name| known.insert(name.clone()));
    names
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(pattern: &str, expected: &[&str]) {
        assert_eq!(expand(pattern).unwrap(), expected, "{pattern}");
    }

    fn refused(pattern: &str, expected: &str) {
        assert_eq!(expand(pattern).unwrap_err().to_string(), expected);
    }

    #[test]
    fn ranges_and_lists_are_written_out_in_order() {
        check("a.example", &["a.example"]);
        check("", &[""]);
        check("d{1..3}.x", &["d1.x", "d2.x", "d3.x"]);
        check("d{3..1}", &["d3", "d2", "d1"]);
        check("d{7..7}", &["d7"]);
        check("d{a,b,c}.x", &["da.x", "db.x", "dc.x"]);
        check("d{,-backup}.x", &["d.x", "d-backup.x"]);
        check("{a,b}{1..2}", &["a1", "a2", "b1", "b2"]);
        check("é{1..2}", &["é1", "é2"]);
        check(r"a\{b{1..2}", &[r"a\{b1", r"a\{b2"]);
    }

    #[test]
    fn a_leading_zero_pads_to_the_longer_end() {
        check("{08..10}", &["08", "09", "10"]);
        check("{8..010}", &["008", "009", "010"]);
        check("{0..2}", &["0", "1", "2"]);
        check("{8..10}", &["8", "9", "10"]);
        check("{10..9}", &["10", "9"]);
        check(
            "{0..10}",
            &["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10"],
        );
        check("{00..1}", &["00", "01"]);
        check("{10..08}", &["10", "09", "08"]);
    }

    #[test]
    fn a_broken_pattern_is_refused_with_the_part_that_is_wrong() {
        refused(
            "d{1..3.x",
            "`d{1..3.x` has an opening brace that is never closed",
        );
        refused("d1}.x", "`d1}.x` has a closing brace that was never opened");
        refused(
            "d{a,{b}}",
            "`d{a,{b}}` has braces within braces: write the alternatives out",
        );
        refused(
            "d{}",
            "`d{}` has empty braces: write a range such as {1..40} or a list such as {a,b}",
        );
        refused(
            "d{7}",
            "`{7}` is neither a range such as {1..40} nor a list such as {a,b}",
        );
        for bad in [
            "1..",
            "..3",
            "1..x",
            "-1..3",
            "+1..3",
            "1..5..2",
            "1..99999999999",
            "1 ..2",
        ] {
            refused(
                &format!("d{{{bad}}}"),
                &format!(
                    "`{{{bad}}}` is not a range: both ends must be whole numbers, as in {{1..40}} or {{01..40}}"
                ),
            );
        }
    }

    #[test]
    fn one_pattern_stands_for_a_hundred_thousand_names_and_no_more() {
        assert_eq!(expand("{1..100000}").unwrap().len(), 100_000);
        refused(
            "{1..1000}{0..100}",
            "`{1..1000}{0..100}` stands for 101000 names; one pattern may stand for at most 100000",
        );
        let huge = "{0..4294967295}".repeat(3);
        assert!(matches!(
            expand(&huge),
            Err(BraceError::TooMany {
                count: u64::MAX,
                ..
            })
        ));
    }

    proptest! {
        #[test]
        fn as_many_distinct_names_come_out_as_the_pattern_counts(
            ranges in prop::collection::vec((0_u32..200, 0_u32..20, any::<bool>(), any::<bool>()), 1..3),
            items in 1_usize..5,
        ) {
            let list = (0..items).map(|item| format!("i{item}")).collect::<Vec<_>>().join(",");
            let mut parts = vec![format!("{{{list},}}")];
            let mut count = items as u64 + 1;
            for (low, more, descending, pad) in ranges {
                let (low, high) = (low, low + more);
                let (from, to) = if descending { (high, low) } else { (low, high) };
                let zero = if pad { "0" } else { "" };
                parts.push(format!("-{{{zero}{from}..{to}}}"));
                count += count * u64::from(more);
            }
            let names = expand(&parts.concat()).unwrap();
            let distinct: std::collections::BTreeSet<_> = names.iter().collect();
            prop_assert_eq!(names.len() as u64, count);
            prop_assert_eq!(distinct.len(), names.len());
        }

        #[test]
        fn no_text_makes_it_panic(text in "[{}.,0-9a-c\\\\]{0,24}") {
            let _ = expand(&text);
        }
    }

    #[test]
    fn names_of_several_patterns_come_once_and_are_not_without_number() {
        let names = expand_names(["d{1..2}.example", "D2.example.", "d3.example"]).unwrap();
        let names: Vec<_> = names.iter().map(DnsName::as_str).collect();
        assert_eq!(names, ["d1.example", "d2.example", "d3.example"]);
        let most = ["d{1..50000}.example", "e{1..50000}.example"];
        assert_eq!(expand_names(most).unwrap().len(), 100_000);
        let many = ["d{1..50000}.example", "e{1..50001}.example"];
        let error = expand_names(many).unwrap_err();
        assert_eq!(error, "more than 100000 names together");
        assert!(expand_names(["a..b"]).unwrap_err().contains("empty label"));
    }
}
