//! The real program on its private database: killed while it tells, and while nobody listens.

use std::{path::Path, time::Duration};

use dns_auditor::store::{
    Store,
    incidents::{EventKind, IncidentFilter},
    private_pg::PrivatePg,
};
use serde_json::Value;

use super::{
    program::{Program, get},
    setup::Setup,
    told::Told,
};
use crate::{
    lab::{self, Lab, LabPlan},
    sink::{Reply, Sink, url_at},
};

const OPENED: &str = "opened open critical name divergent: dialer7.example.com A at unbound";

#[test]
fn a_service_killed_while_no_receiver_takes_its_message_delivers_it_once_after_a_restart() {
    lab::test(async || {
        let mut lab = Lab::start(LabPlan::default()).await;
        // The webhook fails; at Slack's address nobody listens.
        let slack_at = (lab.spare_address(120).ip(), 8080).into();
        let webhook = Sink::start([Reply::status(500)]).await;
        let mut program = settled(&lab, url_at(slack_at), webhook.url()).await;
        let data_dir = program.data_dir();
        lab.plant("unbound", "dialer7", "198.51.100.66", 300).await;
        let both_failed = async || times(&data_dir, EventKind::DeliveryFailed).await == 2;
        program.until("failed to tell", both_failed).await;
        program.kill();
        let slack = Sink::start_at(slack_at, []).await;
        program.start().await;
        program.kill();
        program.start().await;
        let (heard, hooked) = (slack.wait_for(1).await, webhook.wait_for(2).await);
        let none_waits = async || waiting(&data_dir).await == 0;
        program.until("told everything", none_waits).await;

        // One incident, one step of it, one message to each channel, under one id at every attempt.
        let hooked: Vec<_> = hooked.iter().map(Told::read).collect();
        assert!(hooked.iter().all(|told| told.line() == OPENED));
        assert!(hooked.iter().all(|told| told.id == hooked[0].id));
        assert!(heard[0].json().to_string().contains("198.51.100.66"));
        for (kind, expected) in [
            (EventKind::Opened, 1),
            (EventKind::DeliveryFailed, 2),
            (EventKind::Delivered, 2),
            (EventKind::Updated, 0),
        ] {
            assert_eq!(times(&data_dir, kind).await, expected, "{kind:?}");
        }
        program.terminate().await;
        assert_eq!(PrivatePg::find_running(&data_dir).unwrap(), None);
        assert_eq!((slack.received().len(), webhook.received().len()), (1, 2));
        let listed = program.command(&["incidents", "--format", "json"]);
        let listed: Value = serde_json::from_str(&listed).unwrap();
        assert_eq!(listed["incidents"].as_array().unwrap().len(), 1);
        assert_eq!(listed["incidents"][0]["id"], hooked[0].incident["id"]);
    });
}

#[test]
fn a_service_killed_while_a_receiver_hangs_sends_the_same_message_again() {
    lab::test(async || {
        let mut lab = Lab::start(LabPlan::default()).await;
        let hanging = Reply::status(200).after(Duration::from_mins(1));
        let (slack, webhook) = (Sink::start([]).await, Sink::start([hanging]).await);
        let mut program = settled(&lab, slack.url(), webhook.url()).await;
        let data_dir = program.data_dir();
        lab.plant("unbound", "dialer7", "198.51.100.66", 300).await;
        webhook.wait_for(1).await;
        let slack_told = async || times(&data_dir, EventKind::Delivered).await == 1;
        program.until("told Slack", slack_told).await;
        program.kill();
        program.start().await;
        let received = webhook.wait_for(2).await;
        let none_waits = async || waiting(&data_dir).await == 0;
        program.until("told everything", none_waits).await;
        program.terminate().await;

        let told: Vec<_> = received.iter().map(Told::read).collect();
        assert!(told.iter().all(|told| told.line() == OPENED));
        assert_eq!(told[0].id, told[1].id);
        assert_eq!(told[0].incident, told[1].incident);
        assert_eq!((slack.received().len(), webhook.received().len()), (1, 2));
    });
}

/// The program on a private database, after two rounds: every resolver was seen to agree with its authorities.
async fn settled(lab: &Lab, slack: String, webhook: String) -> Program {
    let listen = (lab.spare_address(120).ip(), 8053).into();
    let setup = Setup {
        names: r#"["dialer{1..10}.example.com"]"#,
        settings: "schedule = \"* * * * * *\"\ntypes = [\"A\"]",
        database: String::new(),
        listen,
        slack,
        webhook,
    };
    let mut program = Program::new(lab, &setup);
    program.start().await;
    let two = async || rounds(&get(listen, "/metrics").await.unwrap_or_default()) >= 2;
    program.until("finished two rounds", two).await;
    program
}

/// The rounds that a service says it has finished since it started.
fn rounds(metrics: &str) -> u64 {
    let mut lines = metrics.lines();
    let line =
        lines.find(|line| line.starts_with("dns_auditor_rounds") && line.contains("finished"));
    let count = line.and_then(|line| line.rsplit(' ').next());
    count.map_or(0, |count| count.parse().unwrap())
}

async fn store(data_dir: &Path) -> Store {
    let url = PrivatePg::find_running(data_dir).unwrap();
    Store::open(&url.expect("the service's own database"))
        .await
        .unwrap()
}

async fn waiting(data_dir: &Path) -> u64 {
    let store = store(data_dir).await;
    let depth = store.outbox_depth("lab").await.unwrap();
    store.close().await;
    depth.waiting
}

/// How often something happened to the incidents.
async fn times(data_dir: &Path, kind: EventKind) -> usize {
    let store = store(data_dir).await;
    let all = IncidentFilter::default();
    let page = store.incidents(&all, None, 100).await.unwrap();
    let mut times = 0;
    for incident in page.incidents {
        let (_, events) = store.incident(incident.id).await.unwrap().unwrap();
        times += events.iter().filter(|event| event.kind == kind).count();
    }
    store.close().await;
    times
}
