//! Healthy names, and a change that somebody made on purpose: nothing of it is told.

use std::time::Duration;

use dns_auditor::audit::verdict::State;
use sqlx::{Connection, PgConnection};

use super::{
    auditor::{Auditor, QUICK, assert_calm, sketch, state_of, states},
    program::Program,
    setup::Setup,
};
use crate::{
    lab::{self, Lab, LabPlan, Zone},
    postgres::fresh_database,
    sink::Sink,
};

const FORTY: &str = r#"["dialer{1..40}.example.com"]"#;

/// Forty names of two types at four resolvers, and at both servers of their zone; five of them are aliases into a zone of
/// one server, which is asked, too; and the zone's SOA record at both its servers.
const OBSERVATIONS_OF_A_ROUND: usize = 40 * 2 * 4 + 40 * 2 * 2 + 5 * 2 + 2;

#[test]
fn forty_healthy_names_stay_silent_over_ten_rounds_while_their_answers_expire_in_every_cache() {
    lab::test(async || {
        let plan = LabPlan {
            dialers: Zone::dialers(1),
            cdn: Zone::cdn(1),
            ..LabPlan::default()
        };
        let lab = Lab::start(plan).await;
        let mut auditor = Auditor::start(&lab, FORTY, QUICK).await;
        let mut pace = tokio::time::interval(Duration::from_millis(600));
        for _ in 0..10 {
            pace.tick().await;
            let report = auditor.round().await;
            assert_calm(&report);
            assert_eq!(states(&report), [(State::Consistent, 40 * 2 * 4)]);
            assert_eq!(report.observations, OBSERVATIONS_OF_A_ROUND);
        }
        assert_eq!(auditor.lines().await, Vec::<String>::new());
        assert_eq!(auditor.incidents().await, []);
    });
}

#[test]
fn forty_healthy_names_stay_silent_in_ten_rounds_of_the_programs_own_schedule() {
    lab::test(async || {
        let lab = Lab::start(LabPlan::default()).await;
        let (slack, webhook) = (Sink::start([]).await, Sink::start([]).await);
        let database = fresh_database().await;
        let setup = Setup {
            names: FORTY,
            settings: "schedule = \"* * * * * *\"",
            database: format!("url = {database:?}"),
            listen: (lab.spare_address(120).ip(), 8053).into(),
            slack: slack.url(),
            webhook: webhook.url(),
        };
        let mut program = Program::new(&lab, &setup);
        program.start().await;
        let finished = "select count(*) from round where status = 'finished'";
        let ten = async || count(&database, finished).await >= 10;
        program.until("finished ten rounds", ten).await;
        program.terminate().await;

        let rounds = count(&database, finished).await;
        let observations = "select count(*) from observation join round using (round_id) where status = 'finished'";
        assert_eq!(
            count(&database, observations).await,
            rounds * i64::try_from(OBSERVATIONS_OF_A_ROUND).unwrap()
        );
        let verdicts =
            "select count(*) from verdict_span where state = 'consistent' and until is null";
        assert_eq!(count(&database, verdicts).await, 40 * 2 * 4);
        for nothing in [
            "select count(*) from verdict_span where state <> 'consistent'",
            "select count(*) from finding_span",
            "select count(*) from incident",
            "select count(*) from outbox",
        ] {
            assert_eq!(count(&database, nothing).await, 0, "{nothing}");
        }
        assert_eq!(slack.received().len() + webhook.received().len(), 0);
    });
}

#[test]
fn a_planned_change_is_propagating_until_the_last_cache_has_let_go_and_nobody_is_told() {
    lab::test(async || {
        let mut dialers = Zone::dialers(300);
        dialers.set_ttl("dialer2", 4);
        let plan = LabPlan {
            dialers,
            ..LabPlan::default()
        };
        let mut lab = Lab::start(plan).await;
        let names = r#"["dialer{1..3}.example.com"]"#;
        let mut auditor = Auditor::start(&lab, names, QUICK).await;
        auditor.settle().await;

        // One with an answer that caches keep for long, until they are flushed; one that goes by itself.
        lab.change("dialer1", &["192.0.2.101"]).await;
        lab.change("dialer2", &["192.0.2.102"]).await;
        let resolvers: Vec<_> = lab.resolvers().into_iter().map(|(id, ..)| id).collect();
        let report = auditor.round().await;
        for id in &resolvers {
            for name in ["dialer1.example.com", "dialer2.example.com"] {
                let state = state_of(&report, name, id);
                assert_eq!(
                    state,
                    State::Propagating,
                    "{name} at {id}{}",
                    sketch(&report)
                );
            }
        }
        for id in &resolvers {
            lab.flush(id, "dialer1").await;
        }
        let is_over = |report: &_| states(report) == [(State::Consistent, 3 * 2 * 4)];
        for report in auditor.rounds_until("consistent", is_over).await {
            for id in &resolvers {
                let state = state_of(&report, "dialer1.example.com", id);
                assert_eq!(state, State::Consistent, "{id}{}", sketch(&report));
                let state = state_of(&report, "dialer2.example.com", id);
                let quiet = matches!(state, State::Propagating | State::Consistent);
                assert!(quiet, "{state} at {id}{}", sketch(&report));
            }
            assert_eq!((report.findings.len(), report.transitions.len()), (0, 0));
        }
        assert_eq!(auditor.lines().await, Vec::<String>::new());
        assert_eq!(auditor.incidents().await, []);
    });
}

async fn count(database: &str, query: &'static str) -> i64 {
    let mut connection = PgConnection::connect(database).await.unwrap();
    let count = sqlx::query_scalar(query)
        .fetch_one(&mut connection)
        .await
        .unwrap();
    connection.close().await.unwrap();
    count
}
