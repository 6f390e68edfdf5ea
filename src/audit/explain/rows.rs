//! Why none of the rows before the one that matched did.
//!
//! Deliberately absent: a second judgement. The rows are those of the table of verdicts, told from what the verdict stands
//! on.

use chrono::{DateTime, SecondsFormat, Utc};

use super::{Case, Inequality};
use crate::types::Status;

impl Case<'_> {
    /// One sentence for each row, or rows, that did not match, where that helps.
    pub(super) fn earlier_rows(&self, inequality: Option<&Inequality>) -> Vec<String> {
        let row = self.verdict.state.row();
        let mut told = Vec::new();
        if row > 1 {
            told.push(self.replied());
        }
        if row > 5 {
            told.push(
                "row 5: no extended error, signature or sinkhole address says that it was blocked on purpose"
                    .to_owned(),
            );
        }
        match row {
            7 => told.push(self.not_unexplained()),
            8 => told.push("rows 6 and 7: the value is served, or declared".to_owned()),
            9 => {
                told.extend(inequality.map(was_served));
                told.push(self.not_current());
            }
            _ => {}
        }
        told
    }

    fn replied(&self) -> String {
        let rows = match self.verdict.state.row() {
            2 => "row 1",
            3 => "rows 1 and 2",
            4 => "rows 1 to 3",
            _ => "rows 1 to 4",
        };
        let seen = &self.verdict.observed;
        let sample = self
            .sample
            .filter(|sample| matches!(sample.answer.status, Status::Rcode(_)));
        match sample {
            Some(sample) => format!(
                "{rows}: a valid reply came over {}, {}, at attempt {}",
                sample.transport, seen.rcode, sample.attempts
            ),
            None => format!("{rows}: {} came", seen.rcode),
        }
    }

    fn not_unexplained(&self) -> String {
        let since = self.standing.as_ref().and_then(|standing| standing.since);
        format!(
            "row 6: the authorities were asked again and answered, and an honest cache older than the history is ruled out: \
             it begins {}, or this backend has had a current value since, or fetched this one anew",
            since.map(instant).unwrap_or_default()
        )
    }

    fn not_current(&self) -> String {
        let current = self.standing.iter().flat_map(|standing| &standing.current);
        let current: Vec<String> = current.map(|one| one.value.to_string()).collect();
        let now = match current.as_slice() {
            [] => "no server of the zone answers now".to_owned(),
            current => format!(
                "every server of the zone serves {} now",
                current.join(", or ")
            ),
        };
        format!("row 8: {now}, and `expect` does not declare the value")
    }
}

fn was_served(inequality: &Inequality) -> String {
    format!(
        "rows 6 and 7: the value is in an epoch: an authority served it, the last until {}",
        instant(inequality.end)
    )
}

fn instant(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}
