//! Tables on a terminal: columns under headings, no lines, no colour, at most 100 columns wide.
//!
//! Deliberately absent: measuring the terminal. The same data prints the same everywhere.

use comfy_table::{ContentArrangement, Table, presets::NOTHING};

/// How wide a table may become.
const WIDTH: u16 = 100;

/// Renders rows under headings; text that does not fit is wrapped within its column.
pub(crate) fn render<const N: usize>(
    headings: [&str; N],
    rows: impl IntoIterator<Item = [String; N]>,
) -> String {
    let mut table = Table::new();
    table
        .load_style(NOTHING)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(WIDTH)
        .set_header(headings.map(str::to_owned));
    for row in rows {
        table.add_row(row);
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    table.trim_fmt() + "\n"
}
