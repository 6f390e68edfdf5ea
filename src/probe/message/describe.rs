//! A message as a DNS engineer wants to read it, and its octets.
//!
//! Whatever the octets are, there is a text: what does not decode is shown as far as it goes, and the rest as hex. What
//! the wire says is printable ASCII here, all else escaped. Deliberately absent: any verdict.

use super::{
    HEADER_OCTETS,
    decode::{Record, Section, count, data},
    edns::{OPT, Opt},
    name::{self, Expanded},
};
use crate::types::Rcode;

mod hex;
mod options;
mod records;
mod words;

pub use hex::hex_dump;

/// A message in the manner of `dig`: header, EDNS, and every section with its columns aligned.
pub fn describe(message: &[u8]) -> String {
    let Some(header) = message.first_chunk::<HEADER_OCTETS>() else {
        let octets = message.len();
        return format!(
            ";; {octets} octets, too few for a header\n{}",
            hex_dump(message)
        );
    };
    let body = Body::read(message);
    let mut text = head(header, message, &body);
    if let Some(opt) = &body.opt {
        text.push_str(&options::text(opt));
    }
    text.push_str(&questions(message, &body));
    for (section, title) in
        Section::ALL
            .into_iter()
            .zip(["ANSWER SECTION", "AUTHORITY SECTION", "ADDITIONAL SECTION"])
    {
        let records = body.records.iter();
        let here: Vec<_> = records.filter(|record| record.section == section).collect();
        text.push_str(&titled(title, &records::rows(message, &here)));
    }
    text.push_str(&rest(message, &body));
    text
}

/// What could be read.
struct Body<'a> {
    /// Where the questions begin.
    questions: Vec<usize>,
    records: Vec<Record>,
    opt: Option<Opt<'a>>,
    /// Where reading ended.
    end: usize,
    is_whole: bool,
}

impl<'a> Body<'a> {
    fn read(message: &'a [u8]) -> Self {
        let mut body = Self {
            questions: Vec::new(),
            records: Vec::new(),
            opt: None,
            end: HEADER_OCTETS,
            is_whole: false,
        };
        body.is_whole = body.read_on(message).is_some();
        body
    }

    fn read_on(&mut self, message: &'a [u8]) -> Option<()> {
        for _ in 0..count(message, 4)? {
            let end = name::skip(message, self.end)? + 4;
            (end <= message.len()).then_some(())?;
            self.questions.push(self.end);
            self.end = end;
        }
        for section in Section::ALL {
            for _ in 0..count(message, section.count_at())? {
                let (record, end) = Record::read(message, section, self.end)?;
                self.take(message, record);
                self.end = end;
            }
        }
        Some(())
    }

    /// The first OPT record of the additional section has lines of its own.
    fn take(&mut self, message: &'a [u8], record: Record) {
        let is_opt = record.rtype == OPT && record.section == Section::Additional;
        let opt = Opt::read(&record, data(message, &record));
        match opt.filter(|_| is_opt && self.opt.is_none()) {
            Some(opt) => self.opt = Some(opt),
            None => self.records.push(record),
        }
    }
}

fn head(header: &[u8; HEADER_OCTETS], message: &[u8], body: &Body<'_>) -> String {
    let id = u16::from_be_bytes([header[0], header[1]]);
    let high = body.opt.map_or(0, |opt| u16::from(opt.rcode_high));
    let rcode = high << 4 | u16::from(header[3] & 0x0f);
    let status = words::rcode(Rcode(rcode));
    let opcode = words::opcode(header[2] >> 3 & 0x0f);
    let flags = words::flags(header);
    let number = |at| count(message, at).unwrap_or(0);
    let [questions, answers, authorities, additionals] = [4, 6, 8, 10].map(number);
    format!(
        ";; opcode: {opcode}, status: {status} ({rcode}), id: {id}, octets: {octets}\n\
         ;; flags:{flags}; QUERY: {questions}, ANSWER: {answers}, AUTHORITY: {authorities}, ADDITIONAL: {additionals}\n",
        octets = message.len(),
    )
}

fn questions(message: &[u8], body: &Body<'_>) -> String {
    let lines = body.questions.iter().filter_map(|at| {
        let (name, end) = Expanded::read(message, *at)?;
        let (rtype, class) = (count(message, end)?, count(message, end + 2)?);
        let (class, rtype) = (words::class(class), words::rtype(rtype));
        Some(format!(";{} {class} {rtype}\n", records::dotted(&name)))
    });
    titled("QUESTION SECTION", &lines.collect::<String>())
}

/// A section under its title; nothing where there is nothing in it.
fn titled(title: &str, lines: &str) -> String {
    if lines.is_empty() {
        return String::new();
    }
    format!("\n;; {title}:\n{lines}")
}

/// What was not read: octets that do not decode, or that follow the end.
fn rest(message: &[u8], body: &Body<'_>) -> String {
    let left = message.get(body.end..).unwrap_or_default();
    let at = body.end;
    let title = match (body.is_whole, left.is_empty()) {
        (true, true) => return String::new(),
        (true, false) => format!("{} octets after the end, from octet {at}", left.len()),
        (false, true) => format!("the message ends at octet {at}, before the counts are met"),
        (false, false) => format!("from octet {at} on this does not decode"),
    };
    format!("\n;; {title}\n{}", hex::lines(message, at))
}

#[cfg(test)]
mod tests;
