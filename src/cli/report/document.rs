//! A document without a form: what Markdown and HTML are both made of.
//!
//! Texts are as they came, wire text among them: each form escapes everything. Deliberately absent: any form.

use chrono::{DateTime, Utc};

use crate::types::Severity;

/// The whole.
#[derive(Debug)]
pub(super) struct Document {
    pub(super) title: String,
    /// What it is made of, below the title.
    pub(super) note: String,
    pub(super) sections: Vec<Section>,
}

/// A part under a heading.
#[derive(Debug)]
pub(super) struct Section {
    pub(super) heading: &'static str,
    pub(super) blocks: Vec<Block>,
}

/// What a section is made of.
#[derive(Debug)]
pub(super) enum Block {
    /// A heading below the section's.
    Heading(String),
    /// A paragraph.
    Text(String),
    /// One line each.
    List(Vec<String>),
    /// Rows under headings.
    Table {
        head: Vec<&'static str>,
        rows: Vec<Vec<String>>,
    },
    /// Verbatim text under a title.
    Verbatim { title: String, text: String },
    /// Who served what over time: a drawing, where the form has drawings. The table of runs says the same.
    Lanes(Lanes),
}

/// Runs of the answers to one question, one lane a backend.
#[derive(Debug)]
pub(super) struct Lanes {
    pub(super) from: DateTime<Utc>,
    pub(super) to: DateTime<Utc>,
    pub(super) all: Vec<Lane>,
}

/// One backend.
#[derive(Debug)]
pub(super) struct Lane {
    pub(super) label: String,
    pub(super) runs: Vec<Run>,
    /// When a verdict on it was a warning or worse.
    pub(super) bad: Vec<Bad>,
}

/// One answer for a while.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) from: DateTime<Utc>,
    pub(super) to: DateTime<Utc>,
    pub(super) answer: String,
    /// Which of the question's answers it is: the same number, the same colour.
    pub(super) nth: usize,
}

/// A time of bad verdicts.
#[derive(Debug)]
pub(super) struct Bad {
    pub(super) from: DateTime<Utc>,
    pub(super) to: DateTime<Utc>,
    pub(super) severity: Severity,
}

impl Section {
    /// A section of these blocks.
    pub(super) fn new(heading: &'static str, blocks: Vec<Block>) -> Self {
        Self { heading, blocks }
    }
}

impl Block {
    /// A paragraph.
    pub(super) fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// A table; a sentence where it would have no rows.
    pub(super) fn table<const N: usize>(
        head: [&'static str; N],
        rows: impl IntoIterator<Item = [String; N]>,
        none: &str,
    ) -> Self {
        let rows: Vec<Vec<String>> = rows.into_iter().map(Vec::from).collect();
        if rows.is_empty() {
            return Self::text(none);
        }
        Self::Table {
            head: head.to_vec(),
            rows,
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::{Bad, Block, Document, Lane, Lanes, Run, Section};
    use crate::types::Severity;

    /// A document with text in every place that would do harm if it were more than text.
    pub(in crate::cli::report) fn wicked() -> Document {
        let harm = || "<script>x</script> <b>|*_`# \" onload=\"x \x1b[31m\u{202e}".to_owned();
        let blocks = vec![
            Block::Heading(harm()),
            Block::Text(harm()),
            Block::List(vec![harm()]),
            Block::table(["head"], [[harm()]], ""),
            Block::Verbatim {
                title: "title".to_owned(),
                text: harm() + "\n    indented",
            },
            Block::Lanes(Lanes {
                all: vec![Lane {
                    label: harm(),
                    ..lane()
                }],
                ..lanes()
            }),
        ];
        Document {
            title: harm(),
            note: "note".to_owned(),
            sections: vec![Section::new("Section", blocks)],
        }
    }

    /// A day, and an answer in the middle of it.
    pub(in crate::cli::report) fn lanes() -> Lanes {
        Lanes {
            from: "2020-08-30T10:00:00Z".parse().unwrap(),
            to: "2020-08-31T10:00:00Z".parse().unwrap(),
            all: vec![lane()],
        }
    }

    fn lane() -> Lane {
        let (from, to) = ("2020-08-30T16:00:00Z", "2020-08-31T04:00:00Z");
        Lane {
            label: "isp-a (192.0.2.53:53), site with a very long name".to_owned(),
            runs: vec![Run {
                from: from.parse().unwrap(),
                to: to.parse().unwrap(),
                answer: "203.0.113.7".to_owned(),
                nth: 1,
            }],
            bad: vec![Bad {
                from: from.parse().unwrap(),
                to: to.parse().unwrap(),
                severity: Severity::Warning,
            }],
        }
    }
}
