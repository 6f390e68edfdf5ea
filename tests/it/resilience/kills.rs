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
pub(super) struct Seeded(pub(super) u64);

impl Seeded {
    pub(super) fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (bits ^ (bits >> 31)) % limit
    }
}

/// Wrong answers that come and go by themselves, one name after another, until dropped.
pub(super) struct Trouble(Arc<AtomicBool>, tokio::task::JoinHandle<()>);

impl Trouble {
    pub(super) fn at(resolver: Arc<DnsServer>) -> Self {
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

    pub(super) async fn end(self) {
        self.0.store(true, Ordering::Relaxed);
        self.1.await.unwrap();
    }
}

/// Everything that was ever read as committed.
#[derive(Default)]
pub(super) struct Committed(HashSet<String>);

impl Committed {
    const QUERY: &str = "
        select 'round ' || round_id || ' ' || started_at from round where status = 'finished'
        union all select 'step ' || incident_id || ' ' || step || ' ' || kind || ' ' || at
            from incident_event where step is not null
        union all select 'message ' || message_id from outbox
        union all select 'observation ' || round_id || ' ' || series_id || ' ' || at from observation";

    pub(super) async fn note(&mut self, world: &World) {
        if let Some(rows) = world.try_ask(Self::QUERY).await {
            self.0.extend(rows);
        }
    }

    pub(super) async fn is_there(&self, world: &World) {
        let now: HashSet<_> = world.ask(Self::QUERY).await.into_iter().collect();
        let lost: Vec<_> = self.0.difference(&now).collect();
        assert!(lost.is_empty(), "lost: {lost:?}");
    }
}

#[tokio::test]
async fn twelve_kills_lose_nothing_and_repeat_nothing() {
    let mut world = World::new().await;
    world.sink = slow_sink().await;
    killed(world, 12, 200..1_800).await;
}

/// A receiver that takes a moment, so that some kills fall between delivery and record.
async fn slow_sink() -> Sink {
    Sink::start(vec![
        Reply::status(200).after(Duration::from_millis(150));
        500
    ])
    .await
}

/// Kills the service so many times, each within these milliseconds of its life; then everything must fit together.
async fn killed(world: World, kills: usize, after: Range<u64>) {
    let config = world.config();
    let mut random = Seeded(7);
    let mut committed = Committed::default();
    // What is right is seen before anything goes wrong.
    world.served_with(&config).await.kill().await;
    // Rounds take much of their second, so that kills fall into them.
    let slow = Fault::Delay(Duration::from_millis(150));
    world.resolver.edit(|script| script.fault(slow));
    let trouble = Trouble::at(world.resolver.clone());
    for _ in 0..kills {
        let service = Service::spawn(&config);
        let life = after.start + random.below(after.end - after.start);
        tokio::time::sleep(Duration::from_millis(life)).await;
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
    all_is_told(&world).await;
    committed.is_there(&world).await;
    rounds_are_whole(&world).await;
    assert!(abandoned(&world).await > 0, "no kill cut off a round");
    incidents_are_whole(&world).await;
    messages_are_whole(&world, &[("hook", &world.sink)]).await;
    service.stop().await;
}

/// Waits until every incident is over and every message delivered.
pub(super) async fn all_is_told(world: &World) {
    until("every incident is over and told", async || {
        let open = "select count(*) from incident where status <> 'resolved'";
        let waiting = "select count(*) from outbox where delivered_at is null";
        let left = world.count(open).await + world.count(waiting).await;
        (left == 0).then_some(())
    })
    .await;
}

pub(super) async fn none(world: &World, what: &str, query: &str) {
    assert_eq!(world.ask(query).await, Vec::<String>::new(), "{what}");
}

pub(super) async fn rounds_are_whole(world: &World) {
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
}

/// How many rounds were cut off.
pub(super) async fn abandoned(world: &World) -> usize {
    let abandoned = "select count(*) from round where status = 'abandoned'";
    world.count(abandoned).await
}

pub(super) async fn incidents_are_whole(world: &World) {
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
    none(world, "two incidents of one thing at one time", TWO_AT_ONCE).await;
}

/// Incidents of one key of which one begins before the other has ended, unless it was seen by a round that had begun before
/// the one that ended the other had heard everybody.
const TWO_AT_ONCE: &str = "
    select concat_ws(' ', one.document ->> 'key', one.opened_at, one.document ->> 'confirmed_at', one.resolved_at, 'and',
        other.opened_at, other.document ->> 'confirmed_at', other.resolved_at)
    from incident as one join incident as other using (vantage_id, group_name, subject)
    where one.incident_id <> other.incident_id and one.document -> 'key' = other.document -> 'key'
        and one.opened_at <= other.opened_at and one.resolved_at > other.opened_at
        and (one.resolved_at > (other.document ->> 'confirmed_at')::timestamptz or not exists (
            select from round as last join round as next using (vantage_id, group_name)
            where last.finished_at = one.resolved_at and next.finished_at > one.resolved_at
                and other.opened_at between next.started_at and next.finished_at
                and next.started_at < (select max(at) from observation where round_id = last.round_id)))";

/// Each step is told once at each of these channels, as it was written, in order.
pub(super) async fn messages_are_whole(world: &World, channels: &[(&str, &Sink)]) {
    let names: Vec<_> = channels.iter().map(|(id, _)| format!("('{id}')")).collect();
    let expected = format!(
        "select taken.incident_id from (
            select incident_id, told.channel, at from incident_event cross join (values {}) as told (channel)
            where step is not null
        ) as taken (incident_id, channel, at)
        left join outbox on (outbox.incident_id, outbox.channel, outbox.created_at) = (taken.incident_id, taken.channel, taken.at)
        group by 1, taken.channel, taken.at having count(message_id) <> 1",
        names.join(", ")
    );
    none(
        world,
        "steps that do not have one message at each channel",
        &expected,
    )
    .await;
    let expected = format!(
        "select incident_id from (select incident_id, count(*) from outbox group by 1) as told (incident_id, n)
        full join (select incident_id, count(step) from incident_event group by 1) as taken (incident_id, n)
            using (incident_id)
        where told.n is distinct from {} * taken.n",
        names.len()
    );
    none(
        world,
        "steps without a message, or messages without a step",
        &expected,
    )
    .await;
    none(
        world,
        "messages that were not recorded as delivered exactly once",
        "select message_id from outbox left join incident_event using (message_id)
        group by message_id having count(*) filter (where incident_event.kind = 'delivered') <> 1",
    )
    .await;
    for (id, sink) in channels {
        sink_has_all(world, id, sink).await;
    }
}

async fn sink_has_all(world: &World, channel: &str, sink: &Sink) {
    let mut bodies = HashMap::new();
    let received = sink.received();
    for message in &received {
        let id = message.header("webhook-id").to_owned();
        let first = bodies.entry(id.clone()).or_insert(message.body.clone());
        assert_eq!(*first, message.body, "{id} was told in two ways");
    }
    let order = "select message_id || ' ' || incident_id from outbox";
    let order = format!("{order} where channel = '{channel}' order by created_at, position");
    let order = world.ask(&order).await;
    let written = order.iter().map(|line| line.split_once(' ').unwrap());
    let written: Vec<(&str, &str)> = written.collect();
    let sent: HashSet<&str> = bodies.keys().map(String::as_str).collect();
    let queued: HashSet<&str> = written.iter().map(|(id, _)| *id).collect();
    assert_eq!(sent, queued, "at {channel}");
    // Whatever is repeated, nothing older comes after anything younger of the same incident.
    let place = |id: &str| written.iter().position(|(known, _)| *known == id).unwrap();
    let mut last: HashMap<&str, usize> = HashMap::new();
    for message in &received {
        let at = place(message.header("webhook-id"));
        let before = last.insert(written[at].1, at).unwrap_or_default();
        assert!(before <= at, "out of order at {channel}: {:?}", written[at]);
    }
}
