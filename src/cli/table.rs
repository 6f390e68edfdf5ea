//! Tables on a terminal: columns under headings, no lines, no colour, at most 100 columns wide.
//!
//! Deliberately absent: measuring the terminal. The same data prints the same everywhere.

use comfy_table::{ColumnConstraint, ContentArrangement, Table, presets::NOTHING};

/// How wide anything may become.
pub(super) const WIDTH: usize = 100;

/// Renders rows under headings. Only the `flexible` columns are wrapped where a row is too long, so that no instant,
/// id or number is ever broken; a column that is empty in every row is left out.
pub(super) fn render<const N: usize>(
    headings: [&str; N],
    flexible: &[usize],
    rows: impl IntoIterator<Item = [String; N]>,
) -> String {
    let rows: Vec<[String; N]> = rows.into_iter().collect();
    let shown: Vec<usize> = (0..N)
        .filter(|column| rows.iter().any(|row| !row[*column].is_empty()))
        .collect();
    let mut table = Table::new();
    table
        .load_style(NOTHING)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(WIDTH as u16)
        .set_header(shown.iter().map(|column| headings[*column]));
    for row in &rows {
        table.add_row(shown.iter().map(|column| &row[*column]));
    }
    for (at, column) in shown.iter().enumerate() {
        if let Some(column_style) = table.column_mut(at) {
            column_style.set_padding((0, 2));
            if !flexible.contains(column) {
                column_style.set_constraint(ColumnConstraint::ContentWidth);
            }
        }
    }
    table.trim_fmt() + "\n"
}

#[cfg(test)]
mod tests {
    use super::render;

    #[test]
    fn only_flexible_columns_are_wrapped_and_empty_ones_left_out() {
        let words = "word ".repeat(40);
        let row = |id: &str| [id.to_owned(), String::new(), words.clone()];
        let text = render(
            ["ID", "SITE", "ANSWER"],
            &[2],
            [row("an id of its own"), row("b")],
        );
        assert!(
            text.lines().all(|line| line.chars().count() <= 100),
            "{text}"
        );
        assert!(text.contains("an id of its own  word word"), "{text}");
        assert!(!text.contains("SITE"), "{text}");
    }
}
