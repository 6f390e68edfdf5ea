//! A message as text.
//!
//! Deliberately absent: its sections. Only its octets are shown.

/// A message as text.
pub fn describe(message: &[u8]) -> String {
    hex_dump(message)
}

/// Octets in hexadecimal: offset, sixteen of them, and what is printable of them.
pub fn hex_dump(message: &[u8]) -> String {
    let line = |(index, octets): (usize, &[u8])| {
        let hex: Vec<String> = octets.iter().map(|octet| format!("{octet:02x}")).collect();
        let shown = octets.iter().map(|octet| match octet {
            b' '..=b'~' => char::from(*octet),
            _ => '.',
        });
        let shown: String = shown.collect();
        format!("{:04x}  {:<47}  {shown}\n", index * 16, hex.join(" "))
    };
    message.chunks(16).enumerate().map(line).collect()
}
