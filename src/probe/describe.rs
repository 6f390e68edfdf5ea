//! Messages as text.
//!
//! Deliberately absent: sections. Octets are shown as they are.

/// The message as octets.
pub fn describe(message: &[u8]) -> String {
    hex_dump(message)
}

/// Lines of offset, sixteen octets and their printable characters.
pub fn hex_dump(message: &[u8]) -> String {
    let line = |(number, octets): (usize, &[u8])| {
        let hex: Vec<_> = octets.iter().map(|octet| format!("{octet:02x}")).collect();
        let printable: String = octets.iter().map(|octet| shown(*octet)).collect();
        let offset = number * 16;
        format!("{offset:04x}  {:<47}  {printable}\n", hex.join(" "))
    };
    message.chunks(16).enumerate().map(line).collect()
}

fn shown(octet: u8) -> char {
    if (b' '..=b'~').contains(&octet) {
        octet.into()
    } else {
        '.'
    }
}
