//! A document as one HTML page that needs nothing else: no script, no font, no picture from elsewhere.
//!
//! Everything is escaped; a content security policy forbids what could still get through. Deliberately absent: a theme.

use super::{
    document::{Block, Document},
    lanes,
};
use crate::cli::output::inert;

const STYLE: &str = "
body { font: 15px/1.5 system-ui, sans-serif; color: #1a1a1a; max-width: 70rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; line-height: 1.25; margin-bottom: 0.25rem; } p.note { color: #555; margin-top: 0; }
h2 { font-size: 1.2rem; margin-top: 2.2rem; border-bottom: 1px solid #bbb; } h3 { font-size: 1rem; margin-bottom: 0.25rem; }
h2, h3, p.title { break-after: avoid; }
table { border-collapse: collapse; width: 100%; font-size: 13px; margin: 0.75rem 0; }
th, td { text-align: left; vertical-align: top; padding: 0.25rem 0.6rem 0.25rem 0; border-bottom: 1px solid #ddd;
  overflow-wrap: break-word; }
td.long { width: 42%; }
th { border-bottom-color: #888; } th, td.short { white-space: nowrap; } thead { display: table-header-group; } tr { break-inside: avoid; }
pre { font-size: 11px; line-height: 1.35; background: #f5f5f5; padding: 0.6rem; white-space: pre-wrap;
  overflow-wrap: anywhere; }
p.title { font-weight: 600; margin-bottom: 0.25rem; }
svg { width: 100%; height: auto; display: block; margin: 0.5rem 0; break-inside: avoid;
  print-color-adjust: exact; -webkit-print-color-adjust: exact; }
svg text { font: 11px system-ui, sans-serif; fill: #1a1a1a; }
@media print { body { margin: 0; padding: 0; max-width: none; font-size: 10pt; } table { font-size: 8pt; }
  table.wide { font-size: 7pt; } table.wide th, table.wide td { white-space: normal; padding-right: 0.35rem; }
  pre { font-size: 7.5pt; background: none; border: 1px solid #ccc; } }
@page { margin: 15mm; }
";

/// As long as an instant with its date, and a little more.
const SHORT: usize = 22;

/// Longer than any hash: sentences, which get room.
const LONG: usize = 70;

/// Columns that need all the width of a sheet of paper.
const WIDE: usize = 9;

/// The whole.
pub(super) fn page(document: &Document) -> String {
    let title = escape(&document.title);
    let note = escape(&document.note);
    let mut body = format!("<h1>{title}</h1>\n<p class=\"note\">{note}</p>\n");
    for section in &document.sections {
        body += &format!("<h2>{}</h2>\n", escape(section.heading));
        body += &section.blocks.iter().map(block).collect::<String>();
    }
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>{title}</title>\n<style>{STYLE}</style>\n\
         </head>\n<body>\n{body}</body>\n</html>\n"
    )
}

/// Text that is nothing but text, in an element and in a quoted attribute.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::new();
    for c in inert(text).chars() {
        match c {
            '&' => escaped += "&amp;",
            '<' => escaped += "&lt;",
            '>' => escaped += "&gt;",
            '"' => escaped += "&quot;",
            '\'' => escaped += "&#39;",
            other => escaped.push(other),
        }
    }
    escaped
}

fn block(block: &Block) -> String {
    match block {
        Block::Heading(text) => format!("<h3>{}</h3>\n", escape(text)),
        Block::Text(text) => format!("<p>{}</p>\n", escape(text)),
        Block::List(items) => {
            let item = |item: &String| format!("<li>{}</li>\n", escape(item));
            let items: String = items.iter().map(item).collect();
            format!("<ul>\n{items}</ul>\n")
        }
        Block::Table { head, rows } => table(head, rows),
        Block::Verbatim { title, text } => {
            let lines: Vec<String> = text.lines().map(escape).collect();
            let text = lines.join("\n");
            format!(
                "<p class=\"title\">{}</p>\n<pre>{text}</pre>\n",
                escape(title)
            )
        }
        Block::Lanes(drawn) => lanes::svg(drawn),
    }
}

fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    let class = if head.len() >= WIDE {
        " class=\"wide\""
    } else {
        ""
    };
    let heading = |text: &&str| format!("<th>{}</th>", escape(text));
    let head: String = head.iter().map(heading).collect();
    let row = |row: &Vec<String>| {
        let cells = row.iter();
        let cells: String = cells.map(|text| cell(text)).collect();
        format!("<tr>{cells}</tr>\n")
    };
    let rows: String = rows.iter().map(row).collect();
    format!("<table{class}>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{rows}</tbody>\n</table>\n")
}

/// Instants, addresses and words stay on one line.
fn cell(text: &str) -> String {
    let class = match text.chars().count() {
        0..=SHORT => " class=\"short\"",
        LONG.. => " class=\"long\"",
        _ => "",
    };
    format!("<td{class}>{}</td>", escape(text))
}

#[cfg(test)]
mod tests {
    use super::page;
    use crate::cli::report::document::{Block, Document, Section, tests::wicked};

    #[test]
    fn nothing_from_the_wire_is_more_than_text() {
        let page = page(&wicked());
        for harm in ["<script", "<b>", "onload=\"x", "\x1b", "\u{202e}"] {
            assert!(!page.contains(harm), "{harm:?}: {page}");
        }
        assert_eq!(page.matches("&lt;script&gt;").count(), 8, "{page}");
    }

    #[test]
    fn every_block_has_its_element() {
        let block = Block::table(["a"], [["short".to_owned()], ["w".repeat(40)]], "");
        let document = Document {
            title: "T".to_owned(),
            note: "N".to_owned(),
            sections: vec![Section::new(
                "S",
                vec![block, Block::List(vec!["l".to_owned()])],
            )],
        };
        let page = page(&document);
        let (_, body) = page.split_once("<body>").unwrap();
        insta::assert_snapshot!(body);
    }
}
