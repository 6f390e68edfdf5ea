//! A document as Markdown.
//!
//! Deliberately absent: drawings; what they show stands in a table as well.

use super::document::{Block, Document};
use crate::cli::{listing::markdown_cell, output::inert};

/// The whole.
pub(super) fn page(document: &Document) -> String {
    let mut text = format!("# {}\n\n{}\n", cell(&document.title), cell(&document.note));
    for section in &document.sections {
        text += &format!("\n## {}\n", section.heading);
        text += &section.blocks.iter().map(block).collect::<String>();
    }
    text
}

/// One line, with nothing in it that steers the page or the terminal.
fn cell(text: &str) -> String {
    markdown_cell(&inert(text))
}

fn block(block: &Block) -> String {
    match block {
        Block::Heading(text) => format!("\n### {}\n", cell(text)),
        Block::Text(text) => format!("\n{}\n", cell(text)),
        Block::List(items) => {
            let items = items.iter().map(|item| format!("- {}\n", cell(item)));
            format!("\n{}", items.collect::<String>())
        }
        Block::Table { head, rows } => {
            let rule = vec!["---"; head.len()].join(" | ");
            let rows = rows.iter().map(|row| {
                let cells: Vec<String> = row.iter().map(|text| cell(text)).collect();
                format!("| {} |\n", cells.join(" | "))
            });
            let rows: String = rows.collect();
            format!("\n| {} |\n| {rule} |\n{rows}", head.join(" | "))
        }
        Block::Verbatim { title, text } => {
            // Indented text is code whatever stands in it: no fence that it could close.
            let lines = text.lines().map(|line| format!("    {}\n", inert(line)));
            format!("\n{}\n\n{}", cell(title), lines.collect::<String>())
        }
        Block::Lanes(_) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::page;
    use crate::cli::report::document::tests::wicked;

    #[test]
    fn nothing_from_the_wire_steers_the_page() {
        let page = page(&wicked());
        insta::assert_snapshot!(page);
        assert!(!page.contains(['\x1b', '\u{202e}']));
    }
}
