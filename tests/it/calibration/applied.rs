//! From the command to the verdict: what a resolver was measured to keep bounds what it can still hold.
//!
//! Deliberately absent: how well it is measured, which [`super::measured`] holds against real limits.

use std::{collections::BTreeMap, fs, net::SocketAddr, path::PathBuf, sync::Arc};

use chrono::{DateTime, TimeDelta, Utc};
use dns_auditor::{
    audit::verdict::{State, Verdict},
    config, daemon,
    evaluator::Evaluator,
    metrics::Metrics,
    store::Store,
};
use serde_json::Value as Json;
use tempfile::TempDir;
use tokio::sync::Mutex;

use super::canary::{CanaryLab, ORIGIN};
use crate::{
    cli::{
        documented::fits,
        program::{Ran, finish, program},
    },
    lab::{self, Make},
    postgres::{fresh_database, open_dir},
};

/// A service that watches one dialer at one resolver, and the program beside it.
struct Watch {
    evaluator: Evaluator,
    config: Arc<config::Config>,
    due_at: DateTime<Utc>,
    dir: TempDir,
}

impl Watch {
    async fn start(canary: &CanaryLab, resolver: SocketAddr) -> Self {
        let dir = open_dir();
        let database = fresh_database().await;
        let text = format!(
            r#"
vantage = "lab"
[database]
url = "{database}"
[authority]
root_hints = ["{root}"]
[[resolver]]
id = "subject"
operator = "Subject"
address = "{address}"
max_qps = 1000
single_cache = true
[[group]]
name = "dialers"
names = ["dialer1.example.com"]
types = ["A"]
resolvers = ["subject"]
"#,
            root = canary.lab.root_hint().ip(),
            address = resolver.ip(),
        );
        let file = dir.path().join("auditor.toml");
        fs::write(&file, text).unwrap();
        let config = config::load(Some(&file), &BTreeMap::new());
        let config = Arc::new(config.unwrap_or_else(|errors| panic!("{errors}")));
        let store = Store::open(&database).await.unwrap();
        let asker = daemon::asker(&config).unwrap();
        let (metrics, now) = (Arc::new(Metrics::new()), Utc::now());
        let evaluator = Evaluator::restore(config.clone(), asker, store, metrics, now);
        Self {
            evaluator: evaluator.await.unwrap(),
            config,
            due_at: now,
            dir,
        }
    }

    /// What a round says of the dialer at the resolver.
    async fn round(&mut self) -> Verdict {
        self.due_at += TimeDelta::seconds(1);
        let group = &self.config.groups[0];
        let turn = Mutex::default();
        let ran = self.evaluator.run_round(group, &turn, self.due_at).await;
        let [verdict] = ran.unwrap().unwrap().verdicts.try_into().unwrap();
        verdict
    }

    fn file(&self) -> PathBuf {
        self.dir.path().join("auditor.toml")
    }

    async fn program(&self, args: &[&str]) -> Ran {
        let mut command = program(self.dir.path());
        command.args(args).arg("--config").arg(self.file());
        finish(command).await
    }

    async fn json(&self, args: &[&str]) -> Json {
        let ran = self.program(&[args, &["--format", "json"]].concat()).await;
        assert_eq!(ran.code, 0, "{ran:?}");
        ran.json()
    }
}

/// By how much the worst case is better than the last instant at which any honest cache may hold the value.
fn spared(verdict: &Verdict) -> TimeDelta {
    assert_eq!(verdict.state, State::PropagatingLong, "{verdict:#?}");
    verdict.deadline.unwrap() - verdict.worst_case_until.unwrap()
}

#[test]
fn a_cap_that_was_measured_shortens_the_worst_case_of_a_service_that_runs() {
    lab::test(async || {
        let mut canary = CanaryLab::start().await;
        canary.lab.set_ttl("dialer1", 86_400).await;
        let settings = "cache-max-ttl: 3600";
        let unbound = canary.lab.add(Make::Unbound, 100, settings).await;
        let mut watch = Watch::start(&canary, unbound.addr()).await;
        assert_eq!(watch.round().await.state, State::Consistent);
        canary.lab.change("dialer1", &["198.51.100.1"]).await;
        assert_eq!(spared(&watch.round().await), TimeDelta::zero());

        let calibrate = ["resolvers", "calibrate", "--zone", ORIGIN];
        let measured = watch.json(&calibrate).await;
        fits("Calibration", measured.as_array().unwrap());
        assert_eq!(measured[0]["ttl_cap"]["value"]["seconds"], 3_600);
        let without = TimeDelta::seconds(86_400 - 3_600);
        assert_eq!(spared(&watch.round().await), without);

        let resolvers = watch.json(&["resolvers"]).await;
        let mut resolvers = resolvers.as_array().unwrap().iter();
        let subject = resolvers.find(|one| one["id"] == "subject").unwrap();
        fits("Resolver", std::slice::from_ref(subject));
        assert_eq!(subject["ttl_cap"], 3_600);
        assert_eq!(subject["calibrations"][0], measured[0]);
        let told = watch.program(&["resolvers"]).await.fits();
        let day = &measured[0]["at"].as_str().unwrap()[..10];
        let source = format!("1h, calibrated {day} with {ORIGIN}");
        assert!(told.contains(&source), "{told}");
        assert!(told.contains("longest TTL kept 1h"), "{told}");
        let names = watch.json(&["names"]).await;
        let exposure = &names[0]["exposures"][0];
        assert_eq!(exposure["ttl"], 86_400, "{names:#}");
        assert_eq!(exposure["operators"][0]["seconds"], 3_600, "{names:#}");
    });
}

#[test]
fn what_cannot_be_measured_is_said_in_a_line() {
    lab::test(async || {
        let canary = CanaryLab::start().await;
        let mut unbound = canary.lab.add(Make::Unbound, 100, "").await;
        unbound.stop();
        let watch = Watch::start(&canary, unbound.addr()).await;
        let calibrate = async |args: &[&str]| {
            watch
                .program(&[&["resolvers", "calibrate"], args].concat())
                .await
        };
        for (args, code, told) in [
            (
                &["--zone", ORIGIN, "--authority-stopped"][..],
                2,
                "was never calibrated with this zone",
            ),
            (
                &["--zone", "example.com"],
                3,
                "load what `resolvers canary-zone` prints",
            ),
            (&["--zone", ORIGIN, "elsewhere"], 2, "elsewhere"),
        ] {
            let ran = calibrate(args).await;
            assert_eq!((ran.code, &*ran.stdout), (code, ""), "{args:?}: {ran:?}");
            assert_eq!(ran.stderr.lines().count(), 1, "{args:?}: {ran:?}");
            assert!(ran.stderr.contains(told), "{args:?}: {ran:?}");
        }
        let silent = calibrate(&["--zone", ORIGIN]).await;
        assert_eq!(silent.code, 3, "{silent:?}");
        let _ = silent.fits();
        assert!(silent.stdout.contains("0 of 70 questions"), "{silent:?}");
        assert!(silent.stdout.contains("not measured"), "{silent:?}");
    });
}
