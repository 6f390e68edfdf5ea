//! Block Kit as far as a message needs it, and Slack's limits: 50 blocks, 150 characters a header, 3000 a section.
//!
//! There is a further, undocumented limit on a message's total near 13,200 characters; the sections' own budgets keep
//! below [`MOST_CHARACTERS`]. Deliberately absent: buttons, which need an app.

use serde::Serialize;
use serde_json::Value;

use crate::notify::inert::{clip, plain};

/// Most characters of all texts of a message together, markup and escapes included.
pub const MOST_CHARACTERS: usize = 9000;
/// Most characters of a header.
pub(in crate::notify) const HEADER: usize = 150;
const SECTION: usize = 3000;

/// A message for an incoming webhook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Message {
    /// For notifications and screen readers.
    pub text: String,
    /// The body, from top to bottom.
    pub blocks: Vec<Block>,
}

/// One block.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Block {
    /// A large line of plain text.
    Header {
        /// The line.
        text: Text,
    },
    /// A paragraph.
    Section {
        /// The paragraph.
        text: Text,
    },
    /// Small print.
    Context {
        /// The pieces.
        elements: Vec<Text>,
    },
}

/// A text object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Text {
    /// Shown as it is; emoji codes are not turned into pictures.
    PlainText {
        /// The text.
        text: String,
        /// Always false.
        emoji: bool,
    },
    /// Slack's markup.
    Mrkdwn {
        /// The text.
        text: String,
        /// Always true: what looks like a URL or a channel's name in it is no link.
        verbatim: bool,
    },
}

impl Text {
    fn mrkdwn(text: String) -> Self {
        Self::Mrkdwn {
            text,
            verbatim: true,
        }
    }

    fn characters(&self) -> usize {
        match self {
            Self::PlainText { text, .. } | Self::Mrkdwn { text, .. } => text.chars().count(),
        }
    }
}

impl Message {
    /// A message with this title as its header and as its notification text.
    pub(super) fn new(title: &str) -> Self {
        let title = plain(title);
        Self {
            text: crate::notify::inert::prose(&title, 300),
            blocks: vec![Block::Header {
                text: Text::PlainText {
                    text: clip(&title, HEADER),
                    emoji: false,
                },
            }],
        }
    }

    /// Adds a paragraph, unless it would break a limit: a message that lacks one arrives, one too long does not.
    pub(super) fn section(&mut self, markup: String) {
        let characters = markup.chars().count();
        if characters <= SECTION && self.characters() + characters <= MOST_CHARACTERS {
            self.blocks.push(Block::Section {
                text: Text::mrkdwn(markup),
            });
        }
    }

    pub(super) fn footer(&mut self, markup: String) {
        self.blocks.push(Block::Context {
            elements: vec![Text::mrkdwn(markup)],
        });
    }

    /// Characters of all texts together.
    pub fn characters(&self) -> usize {
        let blocks = self.blocks.iter().map(|block| match block {
            Block::Header { text } | Block::Section { text } => text.characters(),
            Block::Context { elements } => elements.iter().map(Text::characters).sum(),
        });
        self.text.chars().count() + blocks.sum::<usize>()
    }

    /// The message as it is queued.
    pub fn to_value(&self) -> Value {
        // Strings and lists only: nothing that JSON cannot say.
        serde_json::to_value(self).unwrap_or_default()
    }
}
