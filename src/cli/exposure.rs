//! Standing exposure as people read it: for how long a bad answer fetched now could live, and with whom.
//!
//! Deliberately absent: the rule, which is `audit`'s.

use super::{length, output::inert};
use crate::audit::exposure::Exposure;

/// `5m`, or `1h OpenDNS, 6h Google, 1d isp-a and isp-b` where operators differ.
pub(super) fn text(exposure: &Exposure) -> String {
    let mut by_length: Vec<(u32, Vec<String>)> = Vec::new();
    for one in &exposure.operators {
        let operator = inert(&one.operator);
        match by_length
            .iter_mut()
            .find(|(seconds, _)| *seconds == one.seconds)
        {
            Some((_, operators)) => operators.push(operator),
            None => by_length.push((one.seconds, vec![operator])),
        }
    }
    by_length.sort_by_key(|(seconds, _)| *seconds);
    match by_length.as_slice() {
        [] => length::text(exposure.ttl.into()),
        [(seconds, _)] => length::text((*seconds).into()),
        several => {
            let told = several.iter().map(|(seconds, operators)| {
                format!(
                    "{} {}",
                    length::text((*seconds).into()),
                    operators.join(" and ")
                )
            });
            told.collect::<Vec<_>>().join(", ")
        }
    }
}

/// The worst of several, by its TTL.
pub(super) fn worst<'a>(exposures: impl IntoIterator<Item = &'a Exposure>) -> Option<&'a Exposure> {
    let exposures = exposures.into_iter();
    exposures.reduce(|worst, one| if one.ttl > worst.ttl { one } else { worst })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        audit::exposure::OperatorExposure,
        types::{Question, RecordType},
    };

    fn exposure(operators: &[(&str, u32)]) -> Exposure {
        let name: crate::names::DnsName = "dialer7.example.com".parse().unwrap();
        let operators = operators
            .iter()
            .map(|(operator, seconds)| OperatorExposure {
                operator: (*operator).to_owned(),
                resolvers: Vec::new(),
                ttl_cap: None,
                seconds: *seconds,
            });
        Exposure {
            question: Question {
                name: name.clone(),
                rtype: RecordType::A,
            },
            ttl: 86_400,
            link: name,
            operators: operators.collect(),
        }
    }

    #[test]
    fn operators_are_named_where_they_differ() {
        for (operators, expected) in [
            (&[("Google", 300), ("Quad9", 300)][..], "5m"),
            (&[], "1d"),
            (
                &[("isp-a", 86_400), ("OpenDNS", 3_600), ("isp-b", 86_400)],
                "1h OpenDNS, 1d isp-a and isp-b",
            ),
        ] {
            assert_eq!(text(&exposure(operators)), expected);
        }
    }
}
