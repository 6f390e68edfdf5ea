//! The service inside the test: evaluator, store and dispatcher as the daemon composes them, rounds driven by hand.
//!
//! Deliberately absent: the scheduler and the HTTP face, which [`super::program`] has.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use chrono::{DateTime, TimeDelta, Utc};
use dns_auditor::{
    audit::{
        incident::Status,
        verdict::{State, Verdict},
    },
    config::{self, Group},
    daemon,
    dispatcher::Dispatcher,
    evaluator::Evaluator,
    metrics::{Metrics, RoundReport},
    notify::Notifier,
    store::{
        Store,
        incidents::{IncidentFilter, IncidentRow},
    },
};
use tempfile::TempDir;
use tokio::sync::Mutex;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{setup::Setup, told::Told};
use crate::{
    cli::program::{finish, program},
    lab::Lab,
    postgres::fresh_database,
    sink::Sink,
};

/// How long a state may take to come about, on a loaded machine.
const PATIENCE: Duration = Duration::from_mins(1);

/// Keys of a group whose every deadline is short. A gap is three periods: 30 s, longer than any round.
pub(super) const QUICK: &str = r#"
schedule = "*/10 * * * * *"
recovery_window = "12s"
"#;

/// A service that watches a lab, one round at a time.
pub(super) struct Auditor {
    pub(super) store: Store,
    pub(super) database: String,
    evaluator: Evaluator,
    group: Arc<Group>,
    turn: Mutex<()>,
    due_at: DateTime<Utc>,
    slack: Sink,
    webhook: Sink,
    file: PathBuf,
    _dir: TempDir,
    _dispatching: DropGuard,
}

impl Auditor {
    /// A service with an empty history. `names` is a TOML list, `settings` are keys of the group.
    pub(super) async fn start(lab: &Lab, names: &str, settings: &str) -> Self {
        let (slack, webhook) = (Sink::start([]).await, Sink::start([]).await);
        let database = fresh_database().await;
        let setup = Setup {
            names,
            settings,
            database: format!("url = {database:?}"),
            listen: "127.0.0.1:8053".parse().unwrap(),
            slack: slack.url(),
            webhook: webhook.url(),
        };
        let (dir, file) = setup.write(lab);
        let config = config::load(Some(&file), &BTreeMap::new());
        let config = Arc::new(config.unwrap_or_else(|errors| panic!("{errors}")));
        let store = Store::open(&database).await.unwrap();
        let asker = daemon::asker(&config).unwrap();
        let (metrics, now) = (Arc::new(Metrics::new()), Utc::now());
        let evaluator = Evaluator::restore(config.clone(), asker, store.clone(), metrics, now);
        let shutdown = CancellationToken::new();
        let channels = config.channels.iter().cloned();
        let dispatcher =
            Dispatcher::new(store.clone(), Notifier::default(), channels, "lab", "lab");
        tokio::spawn(dispatcher.run(shutdown.clone()));
        Self {
            evaluator: evaluator.await.unwrap(),
            group: config.groups[0].clone(),
            turn: Mutex::new(()),
            due_at: now,
            store,
            database,
            slack,
            webhook,
            file,
            _dir: dir,
            _dispatching: shutdown.drop_guard(),
        }
    }

    /// Runs a command of the program over the same configuration; what it printed.
    pub(super) async fn command(&self, args: &[&str]) -> String {
        let mut command = program(self.file.parent().unwrap());
        command.args(args).arg("--config").arg(&self.file);
        let ran = finish(command).await;
        assert_eq!(ran.code, 0, "{args:?}: {ran:?}");
        ran.stdout
    }

    /// Runs one round to its end.
    pub(super) async fn round(&mut self) -> RoundReport {
        self.due_at += TimeDelta::seconds(1);
        let ran = self
            .evaluator
            .run_round(&self.group, &self.turn, self.due_at);
        ran.await.unwrap().expect("a round that never ran before")
    }

    /// Runs so many rounds, one after another.
    pub(super) async fn rounds(&mut self, count: usize) -> Vec<RoundReport> {
        let mut reports = Vec::with_capacity(count);
        for _ in 0..count {
            reports.push(self.round().await);
        }
        reports
    }

    /// Runs two calm rounds: the first fills every cache, the second sees each resolver agree with what its authorities
    /// were seen to serve before.
    pub(super) async fn settle(&mut self) {
        for report in self.rounds(2).await {
            assert_calm(&report);
        }
    }

    /// Runs rounds until one is as wanted; gives all of them, that one last.
    pub(super) async fn rounds_until(
        &mut self,
        what: &str,
        is_wanted: impl Fn(&RoundReport) -> bool,
    ) -> Vec<RoundReport> {
        let deadline = Instant::now() + PATIENCE;
        let mut reports = vec![self.round().await];
        while !is_wanted(&reports[reports.len() - 1]) {
            assert!(
                Instant::now() < deadline,
                "no round was {what}; the last:{}",
                sketch(&reports[reports.len() - 1])
            );
            tokio::time::sleep(Duration::from_millis(200)).await;
            reports.push(self.round().await);
        }
        reports
    }

    /// Runs rounds until no incident is left.
    pub(super) async fn rounds_until_resolved(&mut self) {
        let deadline = Instant::now() + PATIENCE;
        while self.is_any_open().await {
            assert!(
                Instant::now() < deadline,
                "still open: {:#?}",
                self.incidents().await
            );
            tokio::time::sleep(Duration::from_millis(200)).await;
            self.round().await;
        }
    }

    async fn is_any_open(&self) -> bool {
        let incidents = self.incidents().await;
        incidents.iter().any(|one| one.status != Status::Resolved)
    }

    /// Everything told so far in the order of the steps, once nothing waits to be told. Both channels were told the same number of times.
    pub(super) async fn told(&self) -> Vec<Told> {
        let deadline = Instant::now() + PATIENCE;
        while self.store.outbox_depth("lab").await.unwrap().waiting > 0 {
            assert!(Instant::now() < deadline, "messages still wait");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let received = self.webhook.received();
        assert_eq!(received.len(), self.slack.received().len());
        Told::in_order(received.iter().map(Told::read).collect())
    }

    /// [`told`](Self::told), a line each.
    pub(super) async fn lines(&self) -> Vec<String> {
        self.told().await.iter().map(Told::line).collect()
    }

    /// The texts of the Slack messages so far, once nothing waits to be told.
    pub(super) async fn slack(&self) -> Vec<String> {
        self.told().await;
        let received = self.slack.received();
        received.iter().map(|one| one.json().to_string()).collect()
    }

    /// Every incident there ever was, the oldest first.
    pub(super) async fn incidents(&self) -> Vec<IncidentRow> {
        let all = IncidentFilter::default();
        let page = self.store.incidents(&all, None, 100).await.unwrap();
        let mut incidents = page.incidents;
        incidents.reverse();
        incidents
    }
}

/// The states of a round, each with how often it was given, in the order of the table.
pub(super) fn states(report: &RoundReport) -> Vec<(State, usize)> {
    let mut counts = BTreeMap::new();
    for verdict in &report.verdicts {
        *counts.entry(verdict.state).or_insert(0) += 1;
    }
    counts.into_iter().collect()
}

/// The verdict on a name's A record at a resolver.
pub(super) fn verdict<'a>(report: &'a RoundReport, name: &str, resolver: &str) -> &'a Verdict {
    let question = format!("{name} A");
    let mut verdicts = report.verdicts.iter();
    verdicts
        .find(|one| one.question.to_string() == question && one.resolver == resolver)
        .unwrap_or_else(|| panic!("no verdict on {question} at {resolver}"))
}

/// The state of a name's A record at a resolver.
pub(super) fn state_of(report: &RoundReport, name: &str, resolver: &str) -> State {
    verdict(report, name, resolver).state
}

/// What of a round is not as usual, a line each: for whoever reads why a test failed.
pub(super) fn sketch(report: &RoundReport) -> String {
    let unusual = report.verdicts.iter();
    let unusual = unusual.filter(|one| one.state != State::Consistent);
    let verdicts = unusual.map(|one| {
        let (records, ttl) = (&one.observed.records, one.observed.ttl);
        format!(
            "\n  {} at {}: {}, {records:?} TTL {ttl:?}: {}",
            one.question, one.resolver, one.state, one.reason
        )
    });
    let findings = report.findings.iter();
    let findings = findings.map(|one| format!("\n  {}: {}", one.kind, one.reason));
    let steps = report.transitions.iter();
    let steps = steps.map(|one| format!("\n  {:?}: {}", one.kind, one.reason));
    verdicts.chain(findings).chain(steps).collect()
}

/// Fails unless every verdict is `consistent` and there is no finding and no step.
pub(super) fn assert_calm(report: &RoundReport) {
    let calm = report.findings.is_empty()
        && report.transitions.is_empty()
        && states(report)
            .iter()
            .all(|(state, _)| *state == State::Consistent);
    assert!(calm, "not calm:{}", sketch(report));
}
