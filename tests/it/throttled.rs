//! A resolver that falls silent, or refuses everything, as whole rounds meet it: left alone but for one question, and
//! asked everything in the round in which it is back.
//!
//! Deliberately absent: the rules, which `audit::ledger` has tests of its own for.

use chrono::Utc;
use dns_auditor::{
    audit::{
        incident::Status,
        verdict::{State, Verdict, VerdictFlag},
    },
    metrics::RoundReport,
    store::incidents::IncidentFilter,
};

use crate::{
    dns::{Fault, Script},
    rounds::Watched,
    sink::Sink,
};

/// A minute between rounds, as the back-off counts; what fails is given up soon, and what is clean for three rounds is
/// over.
const SETTINGS: &str = "schedule = '0 * * * * *'\ntimeout = '100ms'\nrecovery_window = '0s'";

fn at<'a>(report: &'a RoundReport, resolver: &str) -> Vec<&'a Verdict> {
    let verdicts = report.verdicts.iter();
    verdicts.filter(|one| one.resolver == resolver).collect()
}

/// The names `beta` is asked for in one round, each once.
async fn asked_of_beta(watched: &Watched) -> (Vec<String>, RoundReport) {
    let before = watched.servers.beta.received().len();
    let report = watched.round().await;
    let received = watched.servers.beta.received();
    let mut names: Vec<_> = received[before..]
        .iter()
        .map(|query| query.name.clone())
        .collect();
    names.sort();
    names.dedup();
    (names, report)
}

/// The only incident, and how often it was noted that `beta` is left alone.
async fn incident(watched: &Watched) -> (Status, usize) {
    let all = IncidentFilter::default();
    let page = watched.store.incidents(&all, None, 10).await.unwrap();
    assert_eq!(page.incidents.len(), 1, "{page:?}");
    let found = watched.store.incident(page.incidents[0].id).await.unwrap();
    let (incident, events) = found.unwrap();
    let notes = events.iter();
    let notes = notes.filter(|event| event.detail.contains("is asked one question a round since"));
    (incident.status, notes.count())
}

async fn is_left_alone_and_comes_back(fault: Fault, state: State) {
    let mut watched = Watched::with(Sink::start([]).await, SETTINGS).await;
    for _ in 0..2 {
        watched.round().await;
    }
    watched.servers.beta.edit(|script| script.fault(fault));
    for nth in 1..=3 {
        let (names, report) = asked_of_beta(&watched).await;
        assert_eq!(names.len(), 4, "round {nth}");
        assert_eq!(
            report.throttled.addresses,
            usize::from(nth == 3),
            "round {nth}"
        );
    }
    for nth in 1..=3 {
        if nth == 3 {
            // What is known of it survives this process.
            watched.restart().await;
        }
        let (names, report) = asked_of_beta(&watched).await;
        assert_eq!(names, [format!("dialer{nth}.example.com")]);
        assert_eq!(at(&report, "alpha").len(), 4);
        let beta = at(&report, "beta");
        assert_eq!(beta.len(), 1);
        assert_eq!(
            (beta[0].state, &*beta[0].flags),
            (state, &[VerdictFlag::Throttled][..])
        );
        assert_eq!(
            (report.throttled.addresses, report.throttled.questions),
            (1, 3)
        );
    }
    assert_eq!(incident(&watched).await, (Status::Open, 1));
    let states = watched.store.state_at(Utc::now(), None).await.unwrap();
    let periods = watched.config.periods();
    let states = states.into_iter().map(|row| row.or_unknown(&periods));
    let beta = states.filter(|row| row.span.span.series.source.id == "beta");
    let verdicts: Vec<_> = beta.filter_map(|row| row.verdict).collect();
    assert!(verdicts.len() >= 4);
    for verdict in verdicts {
        assert_eq!(
            (verdict.state, &*verdict.flags),
            (state, &["throttled".to_owned()][..])
        );
    }
    let metrics = watched.metrics.encode().unwrap();
    let unchanged = format!("verdicts{{group=\"dialers\",resolver=\"beta\",state=\"{state}\"}} 4");
    assert!(metrics.contains(&unchanged), "{metrics}");
    assert!(
        metrics.contains("throttled_questions{group=\"dialers\"} 3"),
        "{metrics}"
    );

    watched.servers.beta.edit(Script::clear_faults);
    let (names, report) = asked_of_beta(&watched).await;
    assert_eq!(
        names.len(),
        4,
        "everything is asked in the round in which it is back"
    );
    let beta = at(&report, "beta");
    assert!(
        beta.iter()
            .all(|one| one.state == State::Consistent && one.flags.is_empty())
    );
    assert_eq!((beta.len(), report.throttled.addresses), (4, 0));
    assert_eq!(
        incident(&watched).await.0,
        Status::Open,
        "one clean round is not enough"
    );
    watched.round().await;
    watched.round().await;
    assert_eq!(incident(&watched).await, (Status::Resolved, 1));
}

#[tokio::test]
async fn a_silent_resolver_is_left_alone_and_asked_everything_once_it_is_back() {
    is_left_alone_and_comes_back(Fault::Silent, State::Unreachable).await;
}

#[tokio::test]
async fn a_refusing_resolver_is_left_alone_and_asked_everything_once_it_is_back() {
    is_left_alone_and_comes_back(Fault::Rcode(5), State::Refused).await;
}
