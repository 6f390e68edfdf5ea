//! Octets in lines of 16, with their place and what of them is printable.
//!
//! Deliberately absent: any reading of them.

/// Offset, 16 octets, and the printable column with a dot for what is not ASCII.
pub fn hex_dump(message: &[u8]) -> String {
    lines(message, 0)
}

/// The same from octet `from` on.
pub(super) fn lines(message: &[u8], from: usize) -> String {
    let left = message.get(from..).unwrap_or_default();
    let offsets = (from..).step_by(16);
    let lines = left
        .chunks(16)
        .zip(offsets)
        .map(|(octets, offset)| line(octets, offset));
    lines.collect()
}

fn line(octets: &[u8], offset: usize) -> String {
    let mut columns = String::with_capacity(50);
    let mut printable = String::with_capacity(16);
    for (nth, octet) in octets.iter().enumerate() {
        let gap = if nth == 8 { "  " } else { " " };
        columns.push_str(gap);
        columns.push_str(&format!("{octet:02x}"));
        printable.push(match octet {
            b' '..=b'~' => char::from(*octet),
            _ => '.',
        });
    }
    format!("{offset:04x} {columns:<49}  |{printable}|\n")
}
