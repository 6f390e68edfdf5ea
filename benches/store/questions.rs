//! Questions about the past, put to the store and to the plain table.
//!
//! What is called the first is the first one of its kind over a new connection; cold is the first one to a server that has just
//! started. Deliberately absent: incidents, since all is well here.

use dns_auditor::store::{Store, timeline::TimelineQuery};
use sqlx::PgConnection;

use crate::{cold::Forgetful, cost::times, plain::records, world::World};

/// The same questions to one wide table.
const PLAIN_TIMELINE: &str = "
    with runs as (
        select *, row_number() over (partition by resolver, address, site order by at)
            - row_number() over (partition by resolver, address, site, records order by at) as run
        from plain where name = $1
    )
    select resolver, address, site, records, min(at), max(at), min(ttl), max(ttl), count(*)
    from runs group by resolver, address, site, records, run order by min(at)";
const PLAIN_STATE: &str = "
    select distinct on (name, resolver, address, site) name, resolver, address, site, records, ttl, at
    from plain where at <= $1 order by name, resolver, address, site, at desc";
const PLAIN_WHO_SERVED: &str = "
    select name, resolver, address, site, min(at), max(at), count(*)
    from plain where $1 = any(string_to_array(records, ' ')) group by name, resolver, address, site";

fn print(what: &str, ours: [f64; 3], plain: [f64; 3], rows: usize) {
    let [first, median, p99] = ours;
    println!(
        "{what:<44} first {first:.1} ms, p50 {median:.2} ms, p99 {p99:.2} ms, {rows} rows; plain table p50 {:.1} ms, p99 {:.1} ms",
        plain[1], plain[2]
    );
}

fn of_the_first_name(world: &World) -> TimelineQuery {
    TimelineQuery {
        name: world.names[0].name.clone(),
        rtype: None,
        from: None,
        to: None,
        resolver: None,
    }
}

/// Milliseconds at p99.
pub async fn timeline(url: &str, plain: &mut PgConnection, world: &World) -> f64 {
    let query = of_the_first_name(world);
    let store = Store::open(url).await.unwrap();
    let rows = store.timeline(&query).await.unwrap().spans.len();
    let store = Store::open(url).await.unwrap();
    let ours = times(300, async |_| store.timeline(&query).await.unwrap()).await;
    let theirs = times(20, async |_| {
        let rows = sqlx::query(PLAIN_TIMELINE)
            .bind(query.name.as_str())
            .fetch_all(&mut *plain);
        rows.await.unwrap()
    });
    print("timeline of a name, 90 days", ours, theirs.await, rows);
    ours[2]
}

pub async fn cold_timeline(server: &mut Forgetful, world: &World) {
    let query = of_the_first_name(world);
    let ask = async |store: &Store| store.timeline(&query).await.unwrap();
    server.ask("timeline of a name, 90 days", ask).await;
}

/// The changes of the last day out of ninety, and of all of them.
pub async fn propagation(url: &str, world: &World) {
    let store = Store::open(url).await.unwrap();
    let all = of_the_first_name(world);
    let last_day = TimelineQuery {
        from: Some(world.due(89 * 24 * 4)),
        ..all.clone()
    };
    for (what, query) in [("of a day", last_day), ("of 90 days", all)] {
        let changes = store.propagation(&query).await.unwrap().len();
        let [_, median, p99] = times(100, async |_| store.propagation(&query).await.unwrap()).await;
        println!(
            "{:<44} p50 {median:.2} ms, p99 {p99:.2} ms, {changes} changes",
            format!("propagation {what}")
        );
    }
}

/// Milliseconds at p99.
pub async fn state(url: &str, plain: &mut PgConnection, world: &World) -> f64 {
    let at = world.due(2);
    let store = Store::open(url).await.unwrap();
    let rows = store.state_at(at, None).await.unwrap().len();
    let store = Store::open(url).await.unwrap();
    let ours = times(100, async |_| store.state_at(at, None).await.unwrap()).await;
    let theirs = times(10, async |_| {
        let rows = sqlx::query(PLAIN_STATE).bind(at).fetch_all(&mut *plain);
        rows.await.unwrap()
    });
    print(
        &format!("state of {} series", world.series()),
        ours,
        theirs.await,
        rows,
    );
    ours[2]
}

pub async fn cold_state(server: &mut Forgetful, world: &World) {
    let at = world.due(2);
    let ask = async |store: &Store| store.state_at(at, None).await.unwrap();
    let what = format!("state of {} series", world.series());
    server.ask(&what, ask).await;
}

/// Milliseconds at p99.
pub async fn who_served(url: &str, plain: &mut PgConnection, world: &World) -> f64 {
    let store = Store::open(url).await.unwrap();
    let heard = world.round(1);
    let address = |nth: usize| records(&heard[nth * 137 % heard.len()]).pop();
    let addresses: Vec<String> = (0..20).filter_map(address).collect();
    let net = |nth: usize| {
        addresses[nth % addresses.len()]
            .parse::<std::net::IpAddr>()
            .unwrap()
            .into()
    };
    let rows = store.who_served(net(0), None, None).await.unwrap().len();
    let store = Store::open(url).await.unwrap();
    let ours = times(300, async |nth| {
        store.who_served(net(nth), None, None).await.unwrap()
    })
    .await;
    let theirs = times(20, async |nth| {
        let address = addresses[nth % addresses.len()].as_str();
        let rows = sqlx::query(PLAIN_WHO_SERVED)
            .bind(address)
            .fetch_all(&mut *plain);
        rows.await.unwrap()
    });
    print("who served an address", ours, theirs.await, rows);
    ours[2]
}

pub async fn cold_who_served(server: &mut Forgetful, world: &World) {
    let address = records(&world.round(1)[0]).pop().unwrap();
    let address: std::net::IpAddr = address.parse().unwrap();
    let ask = async |store: &Store| store.who_served(address.into(), None, None).await.unwrap();
    server.ask("who served an address", ask).await;
}
