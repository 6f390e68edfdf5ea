//! The messages that prove it, with their hashes; the most telling as they travelled.
//!
//! Deliberately absent: choosing them.

use super::{question, whom};
use crate::{
    cli::{instants::instant, listing::exact, messages, report::document::Block},
    replay::postmortem::{Postmortem, Proof, Proves, Told},
};

/// Messages of one incident that are shown octet by octet where there is no other.
const MOST_SHOWN: usize = 4;
/// The same of each of several.
const MOST_OF_EACH: usize = 2;

pub(super) fn blocks(postmortem: &Postmortem) -> Vec<Block> {
    let all = postmortem.incidents.iter().flat_map(|told| &told.proofs);
    let rows = all.map(|proof| {
        let message = &proof.message;
        [
            exact(message.at),
            question(&message.question),
            whom(&message.source, None),
            format!("{} ({})", proves(proof.proves), message.kept_for),
            message.transport.to_string(),
            message.size.to_string(),
            message.reply_sha256.clone(),
        ]
    });
    let mut rows: Vec<[String; 7]> = rows.collect();
    if rows.is_empty() {
        return vec![Block::text("No messages were kept.")];
    }
    rows.sort();
    rows.dedup();
    let intro = "Query and reply are kept as they travelled: of what was wrong the first three rounds, every new answer, one sample \
         an hour and the end, and what the authorities said meanwhile. Chosen here of each question at each resolver: the first \
         and the last wrong reply, the first right one after it, and an authority in the same round; the most telling follow \
         octet by octet. The hash is SHA-256 over the octets of the reply. `dns-auditor evidence NAME --hex` shows all that were \
         kept.";
    let head = [
        "received",
        "question",
        "from",
        "shows",
        "over",
        "octets",
        "SHA-256 of the reply",
    ];
    let mut blocks = vec![Block::text(intro), Block::table(head, rows, "")];
    let each = match postmortem.incidents.as_slice() {
        [_] => MOST_SHOWN,
        _ => MOST_OF_EACH,
    };
    let shown = postmortem.incidents.iter();
    blocks.extend(shown.flat_map(|told| whole(told, each)));
    blocks
}

/// The most telling of an incident, in order of receipt.
fn whole(told: &Told, most: usize) -> Vec<Block> {
    let mut shown: Vec<&Proof> = told.proofs.iter().take(most).collect();
    shown.sort_by_key(|proof| proof.message.at);
    let subject = &told.incident.key.subject;
    let block = |proof: &Proof| {
        let message = &proof.message;
        Block::Verbatim {
            title: format!(
                "{subject}: {}: {} from {}, {}",
                proves(proof.proves),
                question(&message.question),
                whom(&message.source, None),
                instant(message.at)
            ),
            text: messages::message(message, true),
        }
    };
    shown.into_iter().map(block).collect()
}

fn proves(what: Proves) -> &'static str {
    match what {
        Proves::LastBad => "the last wrong reply",
        Proves::Authority => "the authority in the same round",
        Proves::FirstBad => "the first wrong reply",
        Proves::FirstRight => "the first right reply after it",
    }
}
