//! Names as arguments: one, or as many as a brace pattern stands for.
//!
//! Deliberately absent: file globs, and names that only the database knows.

use std::str::FromStr;

use crate::names::{DnsName, braces};

/// One argument: `dialer1.example.com`, or `dialer{1..40}.example.com`.
#[derive(Debug, Clone)]
pub(super) struct Pattern {
    /// Every name it stands for, in its order.
    pub(super) names: Vec<DnsName>,
    /// Whether it was written with braces: its JSON is then a list, however many names it stands for.
    pub(super) braced: bool,
}

impl FromStr for Pattern {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let expanded = braces::expand(text).map_err(|error| error.to_string())?;
        let braced = expanded.first().is_none_or(|first| first != text);
        Ok(Self {
            names: braces::expand_names([text])?,
            braced,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> Result<String, String> {
        let pattern: Pattern = text.parse()?;
        let names: Vec<_> = pattern.names.iter().map(DnsName::as_str).collect();
        Ok(format!("{} {}", names.join(" "), pattern.braced))
    }

    #[test]
    fn braces_stand_for_many_names() {
        assert_eq!(names("A.example.").unwrap(), "a.example false");
        assert_eq!(
            names("d{1..2}.example").unwrap(),
            "d1.example d2.example true"
        );
        assert_eq!(names("{a,A}.example").unwrap(), "a.example true");
        assert!(names("a..b").unwrap_err().contains("empty label"));
        assert!(
            names("a{1..2.example")
                .unwrap_err()
                .contains("never closed")
        );
    }
}
