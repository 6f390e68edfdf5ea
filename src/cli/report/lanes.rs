//! Who served what over time, drawn: one lane a backend, one colour an answer, a red line below where it was judged bad.
//!
//! The colours are told apart by people who see fewer of them, and black text can be read on each. Deliberately absent:
//! anything that is not in the table of runs.

use chrono::{DateTime, TimeDelta, Utc};

use super::{
    document::{Bad, Lane, Lanes, Run},
    html::escape,
};
use crate::types::Severity;

/// Okabe and Ito's, without those that are too dark for black text.
const COLOURS: [&str; 5] = ["#56b4e9", "#e69f00", "#33b894", "#f0e442", "#d9a0c0"];
/// Answers beyond the colours.
const OTHER: &str = "#bbbbbb";
const BAD: &str = "#a50026";
/// The width of the drawing, of its labels, and the height of a lane.
const WIDTH: f64 = 1_000.0;
const LABELS: f64 = 240.0;
const HEIGHT: f64 = 22.0;
/// The width of a character, about.
const CHARACTER: f64 = 6.2;
/// Characters that a label has room for.
const LABEL_ROOM: usize = 37;
/// Instants along the bottom at most.
const MOST_TICKS: i64 = 6;
/// Minutes between two of them.
const STEPS: [i64; 14] = [
    1, 5, 15, 30, 60, 120, 180, 360, 720, 1_440, 2_880, 10_080, 40_320, 161_280,
];

/// The drawing; nothing where there are no lanes.
pub(super) fn svg(lanes: &Lanes) -> String {
    if lanes.all.is_empty() || lanes.from >= lanes.to {
        return String::new();
    }
    let bottom = lanes.all.len() as f64 * HEIGHT;
    let rows = lanes.all.iter().enumerate();
    let rows: String = rows.map(|(row, one)| lane(lanes, one, row)).collect();
    format!(
        "<svg viewBox=\"0 0 {WIDTH} {:.0}\" role=\"img\" aria-label=\"Who served what over time\">\n{}{rows}</svg>\n",
        bottom + 20.0,
        axis(lanes, bottom)
    )
}

fn x(lanes: &Lanes, at: DateTime<Utc>) -> f64 {
    let seconds = |span: TimeDelta| span.num_milliseconds() as f64 / 1000.0;
    let at = at.clamp(lanes.from, lanes.to);
    let share = seconds(at - lanes.from) / seconds(lanes.to - lanes.from);
    LABELS + share * (WIDTH - LABELS)
}

fn lane(lanes: &Lanes, lane: &Lane, row: usize) -> String {
    let top = row as f64 * HEIGHT;
    let mut text = format!(
        "<text x=\"0\" y=\"{:.1}\">{}</text>\n",
        top + 14.0,
        escape(&shortened(&lane.label))
    );
    text += &lane
        .runs
        .iter()
        .map(|run| drawn(lanes, run, top))
        .collect::<String>();
    let bad = lane.bad.iter().map(|bad| underlined(lanes, bad, top));
    text + &bad.collect::<String>()
}

fn shortened(label: &str) -> String {
    if label.chars().count() <= LABEL_ROOM {
        return label.to_owned();
    }
    let kept: String = label.chars().take(LABEL_ROOM - 1).collect();
    kept + "…"
}

fn drawn(lanes: &Lanes, run: &Run, top: f64) -> String {
    let (begin, end) = (x(lanes, run.from), x(lanes, run.to));
    let width = (end - begin).max(1.5);
    let answer = escape(&run.answer);
    let colour = COLOURS.get(run.nth).unwrap_or(&OTHER);
    let mut text = format!(
        "<rect x=\"{begin:.1}\" y=\"{:.1}\" width=\"{width:.1}\" height=\"{:.1}\" fill=\"{colour}\"><title>{answer}</title></rect>\n",
        top + 2.0,
        HEIGHT - 7.0,
    );
    let room = run.answer.chars().count() as f64 * CHARACTER + 8.0;
    if room <= width {
        let (left, baseline) = (begin + 4.0, top + 13.5);
        text += &format!("<text x=\"{left:.1}\" y=\"{baseline:.1}\">{answer}</text>\n");
    }
    text
}

/// Whole where it was critical, broken where it was a warning.
fn underlined(lanes: &Lanes, bad: &Bad, top: f64) -> String {
    let (begin, end, y) = (x(lanes, bad.from), x(lanes, bad.to), top + HEIGHT - 3.5);
    let broken = if bad.severity >= Severity::Critical {
        ""
    } else {
        " stroke-dasharray=\"4 3\""
    };
    format!(
        "<line x1=\"{begin:.1}\" y1=\"{y:.1}\" x2=\"{end:.1}\" y2=\"{y:.1}\" stroke=\"{BAD}\" stroke-width=\"2.5\"{broken}/>\n"
    )
}

/// Round instants along the bottom.
fn axis(lanes: &Lanes, bottom: f64) -> String {
    let minutes = (lanes.to - lanes.from).num_minutes();
    let fits = |step: &&i64| minutes / **step < MOST_TICKS;
    let step = 60 * STEPS.iter().find(fits).unwrap_or(&(minutes.max(1)));
    let first = (lanes.from.timestamp() / step + 1) * step;
    let ticks = (0..MOST_TICKS).map(|nth| first + nth * step);
    let ticks = ticks.filter_map(|at| DateTime::from_timestamp(at, 0));
    let ticks = ticks.take_while(|at| *at <= lanes.to);
    ticks.map(|at| tick(lanes, at, bottom)).collect()
}

fn tick(lanes: &Lanes, at: DateTime<Utc>, bottom: f64) -> String {
    let x = x(lanes, at);
    let anchor = if x > WIDTH - 40.0 { "end" } else { "middle" };
    format!(
        "<line x1=\"{x:.1}\" y1=\"0\" x2=\"{x:.1}\" y2=\"{bottom:.1}\" stroke=\"#bbb\" stroke-width=\"0.6\"/>\n\
         <text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"{anchor}\">{}</text>\n",
        bottom + 14.0,
        at.format("%d %b %H:%MZ")
    )
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::{Lanes, svg};
    use crate::cli::report::document::tests::lanes;

    #[test]
    fn a_run_is_drawn_where_its_time_is() {
        insta::assert_snapshot!(svg(&lanes()));
    }

    #[test]
    fn no_time_and_no_lanes_are_no_drawing() {
        let empty = Lanes {
            all: Vec::new(),
            ..lanes()
        };
        assert_eq!(svg(&empty), "");
        let Lanes { from, all, .. } = lanes();
        let to = from;
        assert_eq!(svg(&Lanes { from, to, all }), "");
    }

    #[test]
    fn a_window_of_any_length_has_few_instants_below_it() {
        for minutes in [1, 7, 61, 1_441, 44_000, 6_000_000] {
            let mut lanes = lanes();
            lanes.to = lanes.from + TimeDelta::minutes(minutes);
            let ticks = svg(&lanes).matches("stroke=\"#bbb\"").count();
            assert!((1..=6).contains(&ticks), "{minutes} minutes: {ticks}");
        }
    }
}
