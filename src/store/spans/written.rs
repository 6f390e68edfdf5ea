//! The rows of spans that this process has written: so that the next sample finds each by its number.
//!
//! What is known is committed. What is not known costs a look-up, never a row: [`super::write`] goes by the table's own key
//! then. Deliberately absent: runs that another of the same site has followed.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use super::write::{Row, Spanned, microseconds};
use crate::types::{Answer, Span};

/// Runs that are known before all are forgotten.
const MOST_RUNS: usize = 500_000;

/// Sites of a series that are known: some servers call themselves anything.
const MOST_SITES: usize = 32;

/// The latest run of each site.
#[derive(Debug, Default)]
pub(in crate::store) struct WrittenSpans(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    by_series: HashMap<i32, Vec<Run>>,
    runs: usize,
}

#[derive(Debug)]
struct Run {
    site: Box<str>,
    /// Microseconds since 1970.
    first_seen: i64,
    answer: Arc<Answer>,
    row: Written,
}

/// A row that was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store) struct Written {
    pub(in crate::store) span_id: i64,
    pub(in crate::store) answer_id: i64,
}

impl WrittenSpans {
    /// The row of each span, where it is known.
    pub(in crate::store) fn find<'a>(
        &self,
        spans: impl IntoIterator<Item = (i32, &'a Span)>,
    ) -> Vec<Option<Written>> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let row = |(series_id, span): (i32, &Span)| {
            let runs = known.by_series.get(&series_id)?;
            Some(runs.iter().find(|run| run.is_of(span))?.row)
        };
        spans.into_iter().map(row).collect()
    }

    /// Takes in rows of these spans, which stand in order of their keys.
    pub(in crate::store) fn learn(&self, spans: &[Spanned<'_>], rows: Vec<Row>) {
        if rows.is_empty() {
            return;
        }
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.runs > MOST_RUNS {
            *known = Known::default();
        }
        for row in rows {
            let place = spans.binary_search_by(|one| one.key().cmp(&row.key()));
            let Some(written) = place.ok().and_then(|place| spans.get(place)) else {
                continue;
            };
            // Of two runs that began within a microsecond the row is the first one's.
            if written.answer_id == row.answer_id {
                known.put(row, written);
            }
        }
    }
}

impl Known {
    fn put(&mut self, row: Row, written: &Spanned<'_>) {
        let runs = self.by_series.entry(row.series_id).or_default();
        let run = Run {
            first_seen: microseconds(row.first_seen),
            site: row.site.into(),
            answer: Arc::clone(&written.span.answer),
            row: Written {
                span_id: row.span_id,
                answer_id: row.answer_id,
            },
        };
        match runs.iter_mut().find(|one| one.site == run.site) {
            Some(before) if before.first_seen > run.first_seen => {}
            Some(before) => *before = run,
            None => {
                let before = runs.len();
                runs.truncate(MOST_SITES - 1);
                runs.push(run);
                self.runs += runs.len() - before;
            }
        }
    }
}

impl Run {
    fn is_of(&self, span: &Span) -> bool {
        self.first_seen == microseconds(span.first_seen)
            && *self.site == *span.site.as_deref().unwrap_or_default()
            && self.answer == span.answer
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{
        audit::{
            history::History,
            testing::{BAD, GOOD, NAME, a, at, observe, question, resolver},
        },
        types::RecordType,
    };

    const SERIES: i32 = 7;

    /// What a backend of one resolver was first heard to say.
    fn span(site: &str, when: &str, address: &str) -> Span {
        let source = resolver("google", "8.8.8.8", None).sources().next();
        let (source, question) = (source.unwrap(), question(NAME, RecordType::A));
        let reply = a(&[address], 300).at_site(site);
        let heard = observe(&source, &question, at(when), &reply);
        let mut history = History::default();
        history.absorb(&heard, Duration::from_mins(3)).span
    }

    /// Learns the row of a span; `answer_id` as the row has it, where ours is 1.
    fn learn(written: &WrittenSpans, span: &Span, span_id: i64, answer_id: i64) {
        let spanned = Spanned {
            span,
            opened: true,
            series_id: SERIES,
            answer_id: 1,
            span_id: None,
        };
        let row = Row {
            span_id,
            series_id: SERIES,
            site: span.site.as_deref().unwrap().to_owned(),
            first_seen: span.first_seen,
            answer_id,
        };
        written.learn(&[spanned], vec![row]);
    }

    fn find(written: &WrittenSpans, series_id: i32, span: &Span) -> Option<i64> {
        let found = written.find([(series_id, span)]);
        found[0].map(|row| row.span_id)
    }

    #[test]
    fn a_span_is_found_by_all_that_tells_it_apart() {
        let written = WrittenSpans::default();
        let first = span("fra", "10:00", GOOD);
        learn(&written, &first, 5, 1);
        assert_eq!(find(&written, SERIES, &first), Some(5));
        assert_eq!(find(&written, SERIES + 1, &first), None);
        for other in [
            span("ams", "10:00", GOOD),
            span("fra", "10:01", GOOD),
            span("fra", "10:00", BAD),
        ] {
            assert_eq!(find(&written, SERIES, &other), None);
        }
        let longer = Span {
            samples: 9,
            last_seen: at("11:00"),
            ..first
        };
        assert_eq!(find(&written, SERIES, &longer), Some(5));
    }

    #[test]
    fn the_latest_run_of_a_site_is_known_whatever_order_they_are_written_in() {
        let written = WrittenSpans::default();
        let (old, new) = (span("fra", "10:00", GOOD), span("fra", "12:00", BAD));
        learn(&written, &new, 6, 1);
        learn(&written, &old, 5, 1);
        assert_eq!(find(&written, SERIES, &new), Some(6));
        assert_eq!(find(&written, SERIES, &old), None);
        let newer = span("fra", "13:00", GOOD);
        learn(&written, &newer, 7, 1);
        assert_eq!(find(&written, SERIES, &newer), Some(7));
    }

    #[test]
    fn a_row_of_another_answer_is_not_taken_for_it() {
        let written = WrittenSpans::default();
        let run = span("fra", "10:00", GOOD);
        learn(&written, &run, 5, 2);
        assert_eq!(find(&written, SERIES, &run), None);
    }

    #[test]
    fn a_source_with_any_number_of_sites_takes_no_more_than_some() {
        let written = WrittenSpans::default();
        let runs: Vec<_> = (0..100)
            .map(|nth| span(&format!("s{nth}"), "10:00", GOOD))
            .collect();
        for (span_id, run) in (0..).zip(&runs) {
            learn(&written, run, span_id, 1);
        }
        let found = runs.iter().filter_map(|run| find(&written, SERIES, run));
        assert_eq!(found.count(), MOST_SITES);
        assert_eq!(written.0.lock().unwrap().runs, MOST_SITES);
        assert_eq!(find(&written, SERIES, &runs[99]), Some(99));
    }
}
