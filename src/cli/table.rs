//! Tables on a terminal: columns under headings, no lines, no colour, at most 100 columns wide.
//!
//! A row is a head of short facts, which always stand on one line, and a tail, which may be long: where head and tail
//! do not fit side by side, the tail of every row stands below its head, and where the tail's columns do not fit side by
//! side either, each has lines of its own. Nothing is broken but at blanks, unless a
//! single word is wider than the whole table. Deliberately absent: measuring the terminal. The same data prints the
//! same everywhere.

/// How wide anything may become.
pub(super) const WIDTH: usize = 100;

/// Between two columns.
const GAP: usize = 2;
/// Before a tail that stands below its head.
const INDENT: usize = 4;
/// What the last column needs at least, where its cells are longer, to stand beside the others.
const ROOM: usize = 40;

/// One row: head and tail.
pub(super) type Row<const H: usize, const T: usize> = ([String; H], [String; T]);

/// Renders rows under headings. A column that is empty in every row is left out; a cell may have several lines.
pub(super) fn render<const H: usize, const T: usize>(
    head: [&str; H],
    tail: [&str; T],
    rows: impl IntoIterator<Item = Row<H, T>>,
) -> String {
    let (heads, tails): (Vec<_>, Vec<_>) = rows.into_iter().unzip();
    let head = Columns::of(head, &heads);
    let tail = Columns::of(tail, &tails);
    let used = head.width();
    let beside = WIDTH.saturating_sub(used + GAP);
    if tail.fits_in(beside) {
        let widths = [head.widths(WIDTH), tail.widths(beside)].concat();
        return head.beside(tail).print(&widths);
    }
    let below = WIDTH - INDENT;
    let widths = tail.fits_in(below).then(|| tail.widths(below));
    let under = |cells: &[String]| match &widths {
        Some(widths) => line(cells, widths, INDENT),
        None => cells.iter().map(|cell| alone(cell)).collect(),
    };
    let head_widths = head.widths(WIDTH);
    let rows = head.rows.iter().zip(&tail.rows);
    rows.map(|(head, tail)| line(head, &head_widths, 0) + &under(tail))
        .collect()
}

/// A cell that has lines of its own.
fn alone(cell: &str) -> String {
    line(&[cell.to_owned()], &[WIDTH - INDENT], INDENT)
}

/// Columns that are not empty; the first row is the headings.
struct Columns {
    rows: Vec<Vec<String>>,
}

impl Columns {
    fn of<const N: usize>(headings: [&str; N], rows: &[[String; N]]) -> Self {
        let filled = (0..N).filter(|column| rows.iter().any(|row| !row[*column].is_empty()));
        let filled: Vec<usize> = filled.collect();
        let pick = |row: &[String; N]| filled.iter().map(|column| row[*column].clone()).collect();
        let headings = headings.map(str::to_owned);
        Self {
            rows: std::iter::once(&headings).chain(rows).map(pick).collect(),
        }
    }

    /// How wide each column is by itself.
    fn natural(&self) -> Vec<usize> {
        let columns = self.rows.first().map_or(0, Vec::len);
        let of_column = |column: usize| {
            let cells = self.rows.iter().map(move |row| &row[column]);
            let lines = cells.flat_map(|cell| cell.lines());
            lines.map(|line| line.chars().count()).max().unwrap_or(0)
        };
        (0..columns).map(of_column).collect()
    }

    /// All columns with the gaps between them.
    fn width(&self) -> usize {
        let widths = self.natural();
        widths.iter().sum::<usize>() + GAP * widths.len().saturating_sub(1)
    }

    /// Whether all but the last column have their own widths within `room`, and the last has enough of the rest.
    fn fits_in(&self, room: usize) -> bool {
        let widths = self.natural();
        let Some((last, others)) = widths.split_last() else {
            return true;
        };
        let left = room.saturating_sub(others.iter().map(|width| width + GAP).sum());
        let words = self.rows.iter().filter_map(|row| row.last());
        let longest = words.flat_map(|cell| cell.split_whitespace());
        let longest = longest.map(|word| word.chars().count()).max();
        left >= longest.unwrap_or(0).max((*last).min(ROOM))
    }

    /// The widths within `room`: the last column gives way first, then the widest.
    fn widths(&self, room: usize) -> Vec<usize> {
        let mut widths = self.natural();
        let mut excess = self.width().saturating_sub(room);
        if let Some(last) = widths.last_mut() {
            let given = excess.min(last.saturating_sub(ROOM));
            *last -= given;
            excess -= given;
        }
        while excess > 0 {
            let widest = widths.iter_mut().max();
            let Some(widest) = widest.filter(|width| **width > 1) else {
                break;
            };
            *widest -= 1;
            excess -= 1;
        }
        widths
    }

    fn beside(self, other: Self) -> Self {
        let rows = self.rows.into_iter().zip(other.rows);
        Self {
            rows: rows.map(|(left, right)| [left, right].concat()).collect(),
        }
    }

    fn print(&self, widths: &[usize]) -> String {
        let rows = self.rows.iter();
        rows.map(|row| line(row, widths, 0)).collect()
    }
}

/// One row, as high as its highest cell.
fn line(cells: &[String], widths: &[usize], indent: usize) -> String {
    let cells: Vec<Vec<String>> = cells
        .iter()
        .zip(widths)
        .map(|(cell, width)| cell.lines().flat_map(|line| broken(line, *width)).collect())
        .collect();
    let height = cells.iter().map(Vec::len).max().unwrap_or(0);
    let mut text = String::new();
    for at in 0..height {
        let mut line = " ".repeat(indent);
        for (cell, width) in cells.iter().zip(widths) {
            let part = cell.get(at).map_or("", String::as_str);
            line += &format!("{part:<width$}{:GAP$}", "");
        }
        text += line.trim_end();
        text.push('\n');
    }
    text
}

/// Lines of at most `width` characters, broken at blanks; within a word only where it is wider by itself.
fn broken(text: &str, width: usize) -> Vec<String> {
    if text.chars().count() <= width {
        return vec![text.to_owned()];
    }
    let mut lines = vec![String::new()];
    let mut used = 0;
    for word in text.split_whitespace() {
        let mut word: Vec<char> = word.chars().collect();
        if used > 0 && used + 1 + word.len() > width {
            lines.push(String::new());
            used = 0;
        }
        while word.len() > width {
            let rest = word.split_off(width);
            lines
                .last_mut()
                .into_iter()
                .for_each(|line| line.extend(&word));
            lines.push(String::new());
            word = rest;
        }
        if let Some(line) = lines.last_mut() {
            if used > 0 {
                line.push(' ');
                used += 1;
            }
            line.extend(&word);
            used += word.len();
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(id: &str, site: &str, answer: &str) -> String {
        let row = (
            [id.to_owned(), "300".to_owned()],
            [site, answer].map(str::to_owned),
        );
        render(["ID", "TTL"], ["SITE", "ANSWER"], [row])
    }

    #[test]
    fn head_and_tail_stand_side_by_side_where_there_is_room() {
        assert_eq!(
            table("quad9", "fra", "192.0.2.1"),
            "ID     TTL  SITE  ANSWER\nquad9  300  fra   192.0.2.1\n"
        );
        assert_eq!(
            table("quad9", "", "192.0.2.1"),
            "ID     TTL  ANSWER\nquad9  300  192.0.2.1\n"
        );
    }

    #[test]
    fn a_long_last_column_is_broken_at_blanks() {
        let text = table("quad9", "fra", &"word ".repeat(40));
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 4, "{text}");
        assert!(lines[2].starts_with(&format!("{:18}word", "")), "{text}");
        assert!(lines.iter().all(|line| line.len() <= WIDTH), "{text}");
    }

    #[test]
    fn a_tail_without_room_stands_below_its_head() {
        let (id, word) = ("i".repeat(60), "w".repeat(50));
        assert_eq!(
            table(&id, "fra", &word),
            format!(
                "ID{:58}  TTL\n    SITE  ANSWER\n{id}  300\n    fra   {word}\n",
                ""
            )
        );
    }

    #[test]
    fn a_tail_whose_columns_have_no_room_has_a_line_for_each() {
        let (id, site, answer) = ("i".repeat(60), "s".repeat(60), "w".repeat(60));
        assert_eq!(
            table(&id, &site, &answer),
            format!(
                "ID{:58}  TTL\n    SITE\n    ANSWER\n{id}  300\n    {site}\n    {answer}\n",
                ""
            )
        );
    }

    #[test]
    fn even_a_single_word_wider_than_the_table_has_room() {
        let text = table(&"i".repeat(150), "fra", &"w".repeat(150));
        assert!(text.lines().all(|line| line.len() <= WIDTH), "{text}");
        assert_eq!(text.matches('i').count(), 150);
        assert_eq!(text.matches('w').count(), 150);
    }
}
