//! Which incidents are meant, in the manner of Alertmanager: `group=dialers`, `name=~"dialer.*"`, `severity!=critical`.
//!
//! What `=` and `!=` compare with may be a pattern, too: `name=dialer*.example.com`. A `*` stands for any number of characters
//! and a `?` for one, dots included.
//!
//! Where an incident has several names, resolvers or types, a matcher holds if it holds for each of them, so that a wider
//! breach is never hidden behind a narrow one; where it has none, the empty text is looked at. Regular expressions match the
//! whole text. Deliberately absent: what follows for the incidents that are meant.

use std::{borrow::Cow, collections::BTreeMap, fmt, str::FromStr};

use regex::{Regex, RegexBuilder};
use serde::{Deserialize, Serialize};

use super::{RecordType, Severity};

/// Longest matcher, octets.
const LONGEST: usize = 1_000;
/// Most memory that one regular expression may take, octets.
const REGEX_SIZE: usize = 1 << 20;

/// What a matcher looks at.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Label {
    Name,
    Group,
    Resolver,
    Axis,
    State,
    Severity,
    Type,
    Tag(String),
}

/// The labels that are not tags.
const LABELS: [(&str, Label); 7] = [
    ("name", Label::Name),
    ("group", Label::Group),
    ("resolver", Label::Resolver),
    ("axis", Label::Axis),
    ("state", Label::State),
    ("severity", Label::Severity),
    ("type", Label::Type),
];

#[derive(Debug, Clone)]
enum Test {
    Is,
    IsNot,
    Like(Regex),
    Unlike(Regex),
}

/// One condition on incidents.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Matcher {
    label: Label,
    test: Test,
    text: String,
}

/// Conditions that must all hold. There is one at least that an incident without any of the labels would not fulfil.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<Matcher>")]
pub struct Matchers(Vec<Matcher>);

/// What matchers look at.
#[derive(Debug, Clone)]
pub struct Labelled<'a> {
    /// The group.
    pub group: &'a str,
    /// The axis.
    pub axis: &'a str,
    /// The state's or the finding's name.
    pub state: &'a str,
    /// The severity.
    pub severity: Severity,
    /// Every name concerned, in lower case.
    pub names: Vec<&'a str>,
    /// Every resolver concerned.
    pub resolvers: Vec<&'a str>,
    /// Every record type concerned.
    pub types: Vec<RecordType>,
    /// The tags of the group.
    pub tags: &'a BTreeMap<String, String>,
}

/// Why a text is no matcher, or matchers are none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotAMatcher {
    /// No relation in it.
    #[error(
        "`{0}` is no matcher: write name=VALUE, name!=VALUE (with * and ?), name=~REGEX or name!~REGEX"
    )]
    NoRelation(String),
    /// A label that there is not.
    #[error(
        "`{0}` cannot be matched: name, group, resolver, axis, state, severity, type, or tag.KEY"
    )]
    UnknownLabel(String),
    /// No regular expression.
    #[error("`{0}` is no regular expression, or too large a one")]
    BadRegex(String),
    /// Too long, or not for people to read.
    #[error("a matcher has 1000 characters at most, all of them printable")]
    Unwieldy,
    /// Nothing narrows it down.
    #[error(
        "this would match everything: one matcher at least must ask for a value, group=~\".+\" say"
    )]
    Everything,
}

impl FromStr for Matcher {
    type Err = NotAMatcher;

    fn from_str(written: &str) -> Result<Self, NotAMatcher> {
        if written.len() > LONGEST || written.contains(char::is_control) {
            return Err(NotAMatcher::Unwieldy);
        }
        let none = || NotAMatcher::NoRelation(written.to_owned());
        let at = written.find(['=', '!']).ok_or_else(none)?;
        let (label, rest) = written.split_at(at);
        let label = Label::read(label.trim())?;
        let (relation, value) = ["=~", "!~", "!=", "="]
            .into_iter()
            .find_map(|relation| Some((relation, rest.strip_prefix(relation)?)))
            .ok_or_else(none)?;
        let value = unquoted(value.trim());
        let test = match relation {
            "=~" => Test::Like(label.regex(value)?),
            "!~" => Test::Unlike(label.regex(value)?),
            "!=" => Test::IsNot,
            _ => Test::Is,
        };
        let value = match test {
            Test::Is | Test::IsNot => label.canonical(value),
            _ => value.to_owned(),
        };
        Ok(Self {
            label,
            test,
            text: value,
        })
    }
}

/// `"dialers"` as people write it for Alertmanager is `dialers`.
fn unquoted(text: &str) -> &str {
    let inner = text.strip_prefix('"');
    inner
        .and_then(|inner| inner.strip_suffix('"'))
        .unwrap_or(text)
}

impl Label {
    fn read(text: &str) -> Result<Self, NotAMatcher> {
        let known = LABELS.into_iter().find(|(name, _)| *name == text);
        let tag = || text.strip_prefix("tag.").filter(|key| !key.is_empty());
        known
            .map(|(_, label)| label)
            .or_else(|| tag().map(|key| Self::Tag(key.to_owned())))
            .ok_or_else(|| NotAMatcher::UnknownLabel(text.to_owned()))
    }

    /// Names have no case and no last dot.
    fn canonical(&self, value: &str) -> String {
        match self {
            Self::Name => value.trim_end_matches('.').to_lowercase(),
            Self::Type => value.to_uppercase(),
            _ => value.to_owned(),
        }
    }

    fn regex(&self, pattern: &str) -> Result<Regex, NotAMatcher> {
        let build = |text: &str| {
            let mut builder = RegexBuilder::new(text);
            let builder = builder.case_insensitive(matches!(self, Self::Name | Self::Type));
            builder.size_limit(REGEX_SIZE).build()
        };
        // Alone first: `a)|(b` would break out of the anchors.
        build(pattern)
            .and_then(|_| build(&format!("^(?:{pattern})$")))
            .map_err(|_| NotAMatcher::BadRegex(pattern.to_owned()))
    }

    fn values<'a>(&self, of: &Labelled<'a>) -> Vec<Cow<'a, str>> {
        let texts = |texts: &[&'a str]| texts.iter().map(|text| Cow::from(*text)).collect();
        match self {
            Self::Name => texts(&of.names),
            Self::Resolver => texts(&of.resolvers),
            Self::Type => of.types.iter().map(|one| one.to_string().into()).collect(),
            Self::Group => texts(&[of.group]),
            Self::Axis => texts(&[of.axis]),
            Self::State => texts(&[of.state]),
            Self::Severity => vec![of.severity.to_string().into()],
            Self::Tag(key) => of.tags.get(key).map(Cow::from).into_iter().collect(),
        }
    }
}

impl Matcher {
    fn fits(&self, value: &str) -> bool {
        match &self.test {
            Test::Is => is_like(&self.text, value),
            Test::IsNot => !is_like(&self.text, value),
            Test::Like(regex) => regex.is_match(value),
            Test::Unlike(regex) => !regex.is_match(value),
        }
    }

    fn covers(&self, labelled: &Labelled<'_>) -> bool {
        let values = self.label.values(labelled);
        if values.is_empty() {
            return self.fits("");
        }
        values.iter().all(|value| self.fits(value))
    }

    /// Whether it holds for any of what it looks at.
    pub(super) fn touches(&self, labelled: &Labelled<'_>) -> bool {
        let values = self.label.values(labelled);
        (values.is_empty() && self.fits("")) || values.iter().any(|value| self.fits(value))
    }
}

/// Whether a text is like a pattern of `*` and `?`, all of it. Goes back to the last `*` only, so that it ends soon.
fn is_like(pattern: &str, text: &str) -> bool {
    let (mut pattern, mut text) = (pattern.chars(), text.chars());
    let mut last_star = None;
    loop {
        let here = text.clone();
        match (pattern.next(), text.next()) {
            (None, None) => return true,
            (Some('*'), _) => {
                text = here;
                last_star = Some((pattern.clone(), text.clone()));
            }
            (Some('?'), Some(_)) => {}
            (Some(wanted), Some(found)) if wanted == found => {}
            _ => {
                let Some((after, mut from)) = last_star.take() else {
                    return false;
                };
                if from.next().is_none() {
                    return false;
                }
                (pattern, text) = (after.clone(), from.clone());
                last_star = Some((after, from));
            }
        }
    }
}

impl Matchers {
    /// Whether an incident is meant.
    pub fn cover(&self, labelled: &Labelled<'_>) -> bool {
        self.0.iter().all(|matcher| matcher.covers(labelled))
    }

    /// Each as text.
    pub fn texts(&self) -> Vec<String> {
        self.0.iter().map(ToString::to_string).collect()
    }
}

impl TryFrom<Vec<Matcher>> for Matchers {
    type Error = NotAMatcher;

    fn try_from(matchers: Vec<Matcher>) -> Result<Self, NotAMatcher> {
        if matchers.iter().all(|matcher| matcher.fits("")) {
            return Err(NotAMatcher::Everything);
        }
        Ok(Self(matchers))
    }
}

impl TryFrom<Vec<String>> for Matchers {
    type Error = NotAMatcher;

    fn try_from(texts: Vec<String>) -> Result<Self, NotAMatcher> {
        let read = texts.iter().map(|text| text.parse::<Matcher>());
        Self::try_from(read.collect::<Result<Vec<_>, _>>()?)
    }
}

impl TryFrom<String> for Matcher {
    type Error = NotAMatcher;

    fn try_from(text: String) -> Result<Self, NotAMatcher> {
        text.parse()
    }
}

impl From<Matcher> for String {
    fn from(matcher: Matcher) -> Self {
        matcher.to_string()
    }
}

impl fmt::Display for Matcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = LABELS.iter().find(|(_, label)| *label == self.label);
        match (known, &self.label) {
            (None, Label::Tag(key)) => write!(f, "tag.{key}")?,
            (known, _) => f.write_str(known.map_or("", |(name, _)| name))?,
        }
        let relation = match self.test {
            Test::Is => "=",
            Test::IsNot => "!=",
            Test::Like(_) => "=~",
            Test::Unlike(_) => "!~",
        };
        write!(f, "{relation}{}", self.text)
    }
}

impl fmt::Display for Matchers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.texts().join(" "))
    }
}

impl PartialEq for Matcher {
    fn eq(&self, other: &Self) -> bool {
        self.to_string() == other.to_string()
    }
}

impl Eq for Matcher {}

#[cfg(test)]
pub(super) mod tests;
