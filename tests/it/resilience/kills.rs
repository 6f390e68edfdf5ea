//! SIGKILL at any instant, while incidents open and resolve and messages are on their way.

use std::{
    collections::{HashMap, HashSet},
    ops::Range,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use super::{
    service::{Service, until},
    world::{WRONG, World},
};
use crate::{
    dns::{DnsServer, Fault},
    sink::{Reply, Sink},
};

/// Numbers that look random and are the same in every run (`SplitMix64`).
struct Seeded(u64);

impl Seeded {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (bits ^ (bits >> 31)) % limit
    }
}

/// Wrong answers that come and go by themselves, one name after another, until dropped.
struct Trouble(Arc<AtomicBool>, tokio::task::JoinHandle<()>);

impl Trouble {
    fn at(resolver: Arc<DnsServer>) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let ended = over.clone();
        let planting = tokio::spawn(async move {
            for turn in 1_u64.. {
                let name = format!("dialer{}.example.com", turn % 4 + 1);
                resolver.edit(|script| script.plant(&name, "A", 2, &[WRONG]));
                tokio::time::sleep(Duration::from_millis(1_300)).await;
                if ended.load(Ordering::Relaxed) {
                    return;
                }
            }
        });
        Self(over, planting)
    }

    async fn end(self) {
        self.0.store(true, Ordering::Relaxed);
        self.1.await.unwrap();
    }
}

/// Everything that was ever read as committed.
#[derive(Default)]
struct Committed(HashSet<String>);

impl Committed {
    const QUERY: &str = "
        select 'round ' || round_id || ' ' || started_at from round where status = 'finished'
        union all select 'step ' || incident_id || ' ' || step || ' ' || kind || ' ' || at
            from incident_event where step is not null
        union all select 'message ' || message_id from outbox
        union all select 'observation ' || round_id || ' ' || series_id || ' ' || at from observation";

    async fn note(&mut self, world: &World) {
        if let Some(rows) = world.try_ask(Self::QUERY).await {
            self.0.extend(rows);
        }
    }

    async fn is_there(&self, world: &World) {
        let now: HashSet<_> = world.ask(Self::QUERY).await.into_iter().collect();
        let lost: Vec<_> = self.0.difference(&now).collect();
        assert!(lost.is_empty(), "lost: {lost:?}");
    }
}

#[tokio::test]
async fn twelve_kills_lose_nothing_and_repeat_nothing() {
    let mut world = World::new().await;
    world.sink = slow_sink().await;
    killed(world, 12, 200..1_800, |_| false).await;
}

#[tokio::test]
async fn kills_of_the_service_and_its_postgresql_at_once_lose_nothing_and_repeat_nothing() {
    let mut world = World::private().await;
    world.sink = slow_sink().await;
    // Every other time the whole database dies at the same instant, as with a machine.
    killed(world, 5, 1_000..3_500, |kill| kill % 2 == 1).await;
}

/// A receiver that takes a moment, so that some kills fall between delivery and record.
async fn slow_sink() -> Sink {
    Sink::start(vec![
        Reply::status(200).after(Duration::from_millis(150));
        500
    ])
    .await
}

/// Kills the service so many times, each within these milliseconds of its life, its database with it where `whole` says so; then everything must fit together.
async fn killed(world: World, kills: usize, after: Range<u64>, whole: impl Fn(usize) -> bool) {
    let config = world.config();
    let mut random = Seeded(7);
    let mut committed = Committed::default();
    // What is right is seen before anything goes wrong.
    world.served_with(&config).await.kill().await;
    // Rounds take much of their second, so that kills fall into them.
    let slow = Fault::Delay(Duration::from_millis(150));
    world.resolver.edit(|script| script.fault(slow));
    let trouble = Trouble::at(world.resolver.clone());
    for kill in 0..kills {
        let service = Service::spawn(&config);
        let life = after.start + random.below(after.end - after.start);
        tokio::time::sleep(Duration::from_millis(life)).await;
        if whole(kill) {
            world.kill_postgres();
        }
        service.kill().await;
        committed.note(&world).await;
    }
    let service = world.served_with(&config).await;
    until("incidents open", async || {
        let incidents = world.count("select count(*) from incident").await;
        (incidents >= 2).then_some(())
    })
    .await;
    trouble.end().await;
    until("every incident is over and told", async || {
        let open = "select count(*) from incident where status <> 'resolved'";
        let waiting = "select count(*) from outbox where delivered_at is null";
        let left = world.count(open).await + world.count(waiting).await;
        (left == 0).then_some(())
    })
    .await;
    committed.is_there(&world).await;
    rounds_are_whole(&world).await;
    incidents_are_whole(&world).await;
    messages_are_whole(&world).await;
    service.stop().await;
}

async fn none(world: &World, what: &str, query: &str) {
    assert_eq!(world.ask(query).await, Vec::<String>::new(), "{what}");
}

async fn rounds_are_whole(world: &World) {
    none(
        world,
        "rounds left running by a kill",
        "select round_id from round where status = 'running' and started_at < now() - interval '4 seconds'",
    )
    .await;
    none(
        world,
        "observations without their round, or before it",
        "select observation.round_id from observation left join round using (round_id)
        where round.round_id is null or at < started_at or started_at is null",
    )
    .await;
    none(
        world,
        "observations written twice",
        "select round_id from observation group by round_id, series_id, at having count(*) > 1",
    )
    .await;
    none(
        world,
        "rounds that finished with fewer questions than there are",
        "select round_id from round left join observation using (round_id) where status = 'finished'
        group by round_id having count(distinct series_id) <> 9",
    )
    .await;
    let abandoned = "select count(*) from round where status = 'abandoned'";
    assert!(world.count(abandoned).await > 0, "no kill cut off a round");
}

async fn incidents_are_whole(world: &World) {
    none(
        world,
        "incidents whose steps have a gap or a double",
        "select incident_id from incident left join incident_event using (incident_id)
        group by incident_id, document
        having count(step) <> (document ->> 'transitions')::bigint
            or min(step) <> 0 or max(step) + 1 <> count(step)
            or count(*) filter (where kind = 'opened') <> 1 or count(*) filter (where kind = 'resolved') <> 1",
    )
    .await;
    none(
        world,
        "two incidents of one thing at one time",
        "select one.incident_id from incident as one join incident as other using (vantage_id, group_name, subject)
        where one.incident_id <> other.incident_id and one.opened_at <= other.opened_at
            and one.resolved_at > other.opened_at",
    )
    .await;
}

async fn messages_are_whole(world: &World) {
    none(
        world,
        "steps without a message, or messages without a step",
        "select incident_id from (select incident_id, count(*) from outbox group by 1) as told (incident_id, n)
        full join (select incident_id, count(step) from incident_event group by 1) as taken (incident_id, n)
            using (incident_id)
        where told.n is distinct from taken.n",
    )
    .await;
    let mut bodies = HashMap::new();
    for message in world.sink.received() {
        let id = message.header("webhook-id").to_owned();
        let first = bodies.entry(id.clone()).or_insert(message.body.clone());
        assert_eq!(*first, message.body, "{id} was told in two ways");
    }
    let sent: HashSet<_> = bodies.into_keys().collect();
    let queued = world.ask("select message_id from outbox").await;
    assert_eq!(sent, queued.into_iter().collect());
}
