//! Lengths of time as tables show them.
//!
//! Deliberately absent: instants.

/// `41s`, `12m 41s`, `3h 12m`, `9d 3h`: the two largest units.
pub(super) fn text(seconds: i64) -> String {
    let units = [(86_400, "d"), (3_600, "h"), (60, "m"), (1, "s")];
    let mut left = seconds;
    let mut parts = Vec::new();
    for (size, unit) in units {
        let whole = left / size;
        if whole > 0 || !parts.is_empty() {
            parts.push((whole, unit));
        }
        left %= size;
    }
    let told = parts.iter().take(2).filter(|(whole, _)| *whole > 0);
    let told: Vec<String> = told.map(|(whole, unit)| format!("{whole}{unit}")).collect();
    if told.is_empty() {
        "0s".to_owned()
    } else {
        told.join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::text;

    #[test]
    fn a_length_is_told_in_its_two_largest_units() {
        for (seconds, expected) in [
            (0, "0s"),
            (41, "41s"),
            (3_600, "1h"),
            (3_601, "1h"),
            (97_445, "1d 3h"),
        ] {
            assert_eq!(text(seconds), expected);
        }
    }
}
