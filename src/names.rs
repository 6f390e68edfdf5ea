//! Domain names as the whole program holds them: one canonical ASCII form, checked once.
//!
//! Deliberately absent: any lookup, and any knowledge of zones or of the configuration file.

pub mod braces;

use std::{fmt, str::FromStr, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A fully qualified domain name: ASCII, lower case, no trailing dot (the root is `.`).
///
/// Labels are presentation form (RFC 1035 section 5.1): bytes that need it stand as `\.`, `\\` or `\DDD`.
/// Names compare without regard to case (RFC 4343), so two names are equal exactly when these strings are.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DnsName(Arc<str>);

/// Why a text is not a domain name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Nothing was given.
    #[error("the name is empty")]
    Empty,
    /// Two dots in a row, or a leading dot.
    #[error("`{0}` has an empty label")]
    EmptyLabel(String),
    /// RFC 1035 section 2.3.4: 63 octets a label.
    #[error("the label `{0}` is longer than 63 octets")]
    LabelTooLong(String),
    /// RFC 1035 section 2.3.4: 255 octets on the wire.
    #[error("`{0}` is longer than 255 octets")]
    TooLong(String),
    /// A character that must be escaped, or a broken escape.
    #[error("`{0}` holds a character that is not allowed in a name: {1:?}")]
    BadCharacter(String, char),
    /// IDNA refuses the name (UTS 46).
    #[error("`{0}` is not a valid internationalised name")]
    Idna(String),
}

impl DnsName {
    /// The root of the tree, `.`.
    pub fn root() -> Self {
        Self(Arc::from("."))
    }

    /// The name as text: lower case, no trailing dot.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this is the root.
    pub fn is_root(&self) -> bool {
        &*self.0 == "."
    }

    /// The labels from left to right, still in presentation form; none for the root.
    pub fn labels(&self) -> impl Iterator<Item = &str> {
        Labels {
            rest: if self.is_root() { "" } else { &self.0 },
        }
    }

    /// The name without its leftmost label; `None` at the root.
    pub fn parent(&self) -> Option<Self> {
        let first = self.labels().next()?;
        let rest = self.0.get(first.len() + 1..);
        Some(rest.map_or_else(Self::root, |rest| Self(Arc::from(rest))))
    }

    /// Whether this name is `ancestor` or lies below it (RFC 9499 section 7, "subdomain").
    pub fn is_within(&self, ancestor: &Self) -> bool {
        let mut here = Some(self.clone());
        while let Some(name) = here {
            if name == *ancestor {
                return true;
            }
            here = name.parent();
        }
        false
    }

    /// The names between this one and `apex`, without either, the nearest first; none where it does not lie below.
    pub fn between(&self, apex: &Self) -> impl Iterator<Item = Self> + use<> {
        let apex = apex.clone();
        let above = self.parent().filter(|parent| parent.is_within(&apex));
        std::iter::successors(above, Self::parent).take_while(move |name| *name != apex)
    }

    /// The name for people: internationalised labels in Unicode, all else as it is.
    pub fn to_unicode(&self) -> String {
        idna::domain_to_unicode(&self.0).0
    }
}

struct Labels<'a> {
    rest: &'a str,
}

impl<'a> Iterator for Labels<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        if self.rest.is_empty() {
            return None;
        }
        let end = unescaped_dot(self.rest).unwrap_or(self.rest.len());
        let (label, rest) = self.rest.split_at(end);
        self.rest = rest.strip_prefix('.').unwrap_or("");
        Some(label)
    }
}

fn unescaped_dot(text: &str) -> Option<usize> {
    let mut bytes = text.bytes().enumerate();
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'\\' => {
                bytes.next();
            }
            b'.' => return Some(at),
            _ => {}
        }
    }
    None
}

/// Octets a presentation-form label takes on the wire, or the character that is wrong in it.
fn label_octets(label: &str) -> Result<usize, char> {
    let bytes = label.as_bytes();
    let (mut at, mut octets) = (0, 0);
    while let Some(&byte) = bytes.get(at) {
        at += match (byte, bytes.get(at + 1)) {
            (b'\\', Some(b'0'..=b'9')) => {
                let digits = label.get(at + 1..at + 4).ok_or('\\')?;
                digits.parse::<u8>().map_err(|_| '\\')?;
                4
            }
            (b'\\', Some(_)) => 2,
            (b'\\', None) => return Err('\\'),
            (b'!'..=b'~', _) => 1,
            (other, _) => return Err(char::from(other)),
        };
        octets += 1;
    }
    Ok(octets)
}

/// Whether what follows is escaped: the text ends in a backslash that no other one escapes.
fn ends_in_escape(text: &str) -> bool {
    let backslashes = text.bytes().rev().take_while(|octet| *octet == b'\\');
    backslashes.count() % 2 == 1
}

impl FromStr for DnsName {
    type Err = NameError;

    /// Reads an absolute name, with or without its trailing dot; Unicode goes through IDNA (UTS 46, non-transitional).
    fn from_str(text: &str) -> Result<Self, NameError> {
        if text.is_empty() {
            return Err(NameError::Empty);
        }
        if text == "." {
            return Ok(Self::root());
        }
        let ascii = if text.is_ascii() {
            text.to_ascii_lowercase()
        } else {
            idna::domain_to_ascii(text).map_err(|_| NameError::Idna(text.to_owned()))?
        };
        let name = match ascii.strip_suffix('.') {
            Some(head) if !ends_in_escape(head) => head,
            _ => &ascii,
        };
        let mut octets = 1;
        let mut rest = Some(name);
        while let Some(here) = rest {
            let end = unescaped_dot(here).unwrap_or(here.len());
            let label = &here[..end];
            rest = here.get(end + 1..);
            let length = label_octets(label)
                .map_err(|wrong| NameError::BadCharacter(text.to_owned(), wrong))?;
            match length {
                0 => return Err(NameError::EmptyLabel(text.to_owned())),
                64.. => return Err(NameError::LabelTooLong(label.to_owned())),
                _ => octets += length + 1,
            }
        }
        if octets > 255 {
            return Err(NameError::TooLong(text.to_owned()));
        }
        Ok(Self(Arc::from(name)))
    }
}

impl fmt::Display for DnsName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for DnsName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for DnsName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for DnsName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(input: &str, expected: Result<&str, NameError>) {
        assert_eq!(
            input.parse::<DnsName>().map(|name| name.to_string()),
            expected.map(str::to_owned),
            "{input}"
        );
    }

    #[test]
    fn a_trailing_dot_is_the_roots_unless_it_is_escaped() {
        let labels = |text: &str| {
            let name: DnsName = text.parse().unwrap();
            (name.to_string(), name.labels().count())
        };
        assert_eq!(labels(r"a\."), (r"a\.".to_owned(), 1));
        assert_eq!(labels(r"a\.."), (r"a\.".to_owned(), 1));
        assert_eq!(labels(r"a\\."), (r"a\\".to_owned(), 1));
        assert_eq!(labels(r"\255x.b."), (r"\255x.b".to_owned(), 2));
    }

    #[test]
    fn a_name_of_255_octets_is_the_longest() {
        let name = |last: usize| {
            let label = "a".repeat(63);
            format!("{label}.{label}.{label}.{}", "b".repeat(last)).parse::<DnsName>()
        };
        assert!(name(61).is_ok());
        assert!(matches!(name(62), Err(NameError::TooLong(_))));
    }

    #[test]
    fn names_are_lower_cased_and_lose_the_trailing_dot() {
        check("Dialer7.Example.COM.", Ok("dialer7.example.com"));
        check("dialer7.example.com", Ok("dialer7.example.com"));
        check("_sip._udp.example.com", Ok("_sip._udp.example.com"));
        check(".", Ok("."));
        check("bücher.example", Ok("xn--bcher-kva.example"));
        check(r"a\.b.example", Ok(r"a\.b.example"));
        check(r"a\046b.example", Ok(r"a\046b.example"));
    }

    #[test]
    fn a_name_in_a_panic_is_the_name() {
        let name: DnsName = "Dialer7.example.com.".parse().unwrap();
        assert_eq!(format!("{name:?}"), "dialer7.example.com");
    }

    #[test]
    fn what_is_no_name_is_refused_with_the_reason() {
        check("", Err(NameError::Empty));
        check("a..b", Err(NameError::EmptyLabel("a..b".into())));
        check(".a", Err(NameError::EmptyLabel(".a".into())));
        check(
            "a b.example",
            Err(NameError::BadCharacter("a b.example".into(), ' ')),
        );
        check(
            r"a\2.example",
            Err(NameError::BadCharacter(r"a\2.example".into(), '\\')),
        );
        check(
            &"x".repeat(64),
            Err(NameError::LabelTooLong("x".repeat(64))),
        );
        let long = [
            "x".repeat(63),
            "x".repeat(63),
            "x".repeat(63),
            "x".repeat(63),
        ]
        .join(".");
        check(&long, Err(NameError::TooLong(long.clone())));
    }

    #[test]
    fn ancestors_are_found_label_by_label() {
        let name: DnsName = "a.b.example".parse().unwrap();
        assert_eq!(name.parent().unwrap().as_str(), "b.example");
        assert!(name.is_within(&"example".parse().unwrap()));
        assert!(name.is_within(&DnsName::root()));
        assert!(!name.is_within(&"xample".parse().unwrap()));
        assert_eq!(
            "example".parse::<DnsName>().unwrap().parent(),
            Some(DnsName::root())
        );
        assert_eq!(DnsName::root().parent(), None);
    }

    #[test]
    fn what_lies_between_a_name_and_its_apex_is_neither_of_them() {
        for (name, apex, expected) in [
            ("a.b.c.example", "example", "b.c.example c.example"),
            ("a.example", "example", ""),
            ("example", "example", ""),
            ("a.b.other", "example", ""),
            ("example", "a.example", ""),
            ("a.b.c", ".", "b.c c"),
            (r"a\.b.c.example", "example", "c.example"),
        ] {
            let [name, apex]: [DnsName; 2] = [name, apex].map(|text| text.parse().unwrap());
            let between: Vec<_> = name.between(&apex).map(|name| name.to_string()).collect();
            assert_eq!(between.join(" "), expected, "{name} {apex}");
        }
    }

    #[test]
    fn an_internationalised_name_is_shown_both_ways() {
        let name: DnsName = "BÜCHER.example".parse().unwrap();
        assert_eq!(
            (name.as_str(), &*name.to_unicode()),
            ("xn--bcher-kva.example", "bücher.example")
        );
    }
}
