//! What history costs and how soon it answers: `make bench-store SCALE=…`, or `cargo bench --bench store`.
//!
//! `SCALE` is the number of observations, a million unless told otherwise: two days of as many series as that takes, minute by
//! minute, through the same calls as in the service, and packed as the service packs it. Beside it stand a plain table that
//! gets the same rows one by one and by COPY, ninety days of one name, a state of 40,000 series and a rebuild of 80,000. The
//! last line is for machines.
//!
//! Deliberately absent: packets, judging, and a quiet machine. Ratios within a run say more than its numbers.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    missing_docs,
    unreachable_pub,
    dead_code,
    reason = "a benchmark fails by panicking, its table is its output, and tests use more of their harness"
)]

mod cold;
mod cost;
mod ingest;
mod plain;
mod questions;
mod rebuild;
mod world;

/// The private server of the integration tests, where it lies.
#[path = "../../tests/it"]
mod it {
    pub(crate) mod postgres;
}

use std::{
    env, fs,
    ops::Range,
    time::{Duration, Instant},
};

use chrono::TimeDelta;
use dns_auditor::store::{Store, closing::Pace};
use sqlx::{Connection as _, PgConnection};

use cold::Forgetful;
use cost::{Meter, Server, Spent, octets, percentiles};
use ingest::{CHUNK, Service};
use it::postgres::fresh_database;
use world::World;

const MINUTE: Duration = Duration::from_mins(1);
const DAY: Duration = Duration::from_hours(24);
const ROUNDS_OF_AN_HOUR: usize = 60;
const ROUNDS_OF_A_DAY: usize = 24 * ROUNDS_OF_AN_HOUR;

/// How many samples tell what one costs among few series, and among many.
const SETTLED: usize = 800_000;

/// Everything that is kept beside samples.
const BESIDE: [&str; 7] = [
    "span",
    "answer",
    "annotation",
    "series",
    "question",
    "source",
    "round",
];

fn main() {
    let arguments: Vec<_> = env::args().skip(1).collect();
    let words: Vec<_> = arguments.iter().map(String::as_str).collect();
    match *words {
        [rebuild::MARK, url, since] => rebuild::run(url, since),
        _ => measure(),
    }
}

#[tokio::main]
async fn measure() {
    let scale: usize = env::var("SCALE")
        .ok()
        .filter(|scale| !scale.is_empty())
        .map_or(1_000_000, |scale| {
            scale
                .replace('_', "")
                .parse()
                .expect("SCALE is a number of observations")
        });
    println!("load average before: {}", load_average());
    let [bytes_hot, bytes_packed, ingest_us] = two_days(scale).await;
    let timeline = ninety_days().await;
    let [state, who_served] = wide().await;
    rebuilt().await;
    println!("load average after: {}", load_average());
    println!(
        "bytes_hot={bytes_hot:.1} bytes_packed={bytes_packed:.1} ingest_us={ingest_us:.1} timeline_p99_ms={timeline:.1} \
         state_p99_ms={state:.1} who_served_p99_ms={who_served:.1}"
    );
}

/// Two days' samples: octets each as rows and as packs, and microseconds each to record.
async fn two_days(scale: usize) -> [f64; 3] {
    let names = (scale / 2 / ROUNDS_OF_A_DAY / world::SOURCES).max(1);
    let world = World::new(names, "2026-08-01T00:00:00Z", MINUTE, DAY * 30);
    let (_, store, mut connection, server) = opened().await;
    let samples = world.series() * ROUNDS_OF_A_DAY * 2;
    println!(
        "\ntwo days of {} series, {samples} observations",
        world.series()
    );
    let mut service = Service::new(&store, &world);
    let rounds = 0..ROUNDS_OF_A_DAY * 2;
    let spent = by_the_hour(&mut service, &server, &mut connection, rounds).await;
    spent.print("recorded", samples);
    let mut beside = 0.0;
    for table in BESIDE {
        let each = octets(&mut connection, &[table]).await as f64 / samples as f64;
        println!("{:<44} {each:>7.2} octets each", format!("of that {table}"));
        beside += each;
    }
    let rows = octets(&mut connection, &["observation_chunk"]).await as f64 / samples as f64;
    println!(
        "{:<44} {rows:>7.1} octets each, and {beside:.1} of spans and all else",
        "raw"
    );
    pack(&mut service, &server).await;
    let packs = octets(&mut connection, &["observation_pack"]).await as f64 / samples as f64;
    println!(
        "{:<44} {packs:>7.1} octets each, and {beside:.1} of spans and all else",
        "as packs"
    );
    baselines(&world, samples).await;
    [rows + beside, packs + beside, spent.each(samples)]
}

/// Packs the first day by itself, and the second as the service does, with rounds going on.
async fn pack(service: &mut Service<'_>, server: &Server) {
    let (store, world) = (service.store, service.world);
    let day = |nth: i64| (world.start + TimeDelta::days(nth)).date_naive();
    let meter = Meter::start(server);
    let packed = store.pack_day(day(0), Pace::Full).await.unwrap().unwrap();
    meter
        .spent()
        .print("packed, as fast as it goes", packed.samples as usize);
    let mut next = ROUNDS_OF_A_DAY * 2;
    let mut round = async || {
        let heard = world.round(next);
        let began = Instant::now();
        service.round(next, heard).await;
        next += 1;
        began.elapsed().as_secs_f64() * 1e3
    };
    let mut alone = Vec::new();
    for _ in 0..100 {
        alone.push(round().await);
    }
    let mut beside = Vec::new();
    // A task of its own, as in the service.
    let packing = tokio::spawn({
        let (store, day) = (store.clone(), day(1));
        async move { store.pack_day(day, Pace::Restful).await }
    });
    while beside.len() < 100 && !packing.is_finished() {
        beside.push(round().await);
    }
    packing.await.unwrap().unwrap().unwrap();
    let [alone, beside] = [alone, beside].map(percentiles);
    println!(
        "{:<44} p50 {:.1} ms, p99 {:.1} ms; while a day is packed p50 {:.1} ms, p99 {:.1} ms",
        format!("a round of {} is recorded", world.series()),
        alone[1],
        alone[2],
        beside[1],
        beside[2]
    );
}

/// The same rows in a plain table, one by one and by COPY.
async fn baselines(world: &World, samples: usize) {
    let (_, _, mut connection, server) = opened().await;
    plain::create(&mut connection).await;
    let singly = samples.min(plain::MOST_SINGLY);
    let copied = samples.min(plain::MOST);
    let mut all = (0..).flat_map(|nth| world.round(nth));
    let mut rows = |count: usize| -> Vec<_> { all.by_ref().take(count).collect() };
    let few = rows(singly);
    let meter = Meter::start(&server);
    plain::insert(&mut connection, &few).await;
    meter
        .spent()
        .print("plain table, a row a statement", few.len());
    let mut spent = Spent::default();
    for _ in (0..copied).step_by(CHUNK) {
        let chunk = rows(CHUNK);
        let meter = Meter::start(&server);
        plain::copy(&mut connection, &chunk).await;
        spent = spent.and(meter.spent());
    }
    spent.print("plain table, COPY", copied);
    let octets = octets(&mut connection, &["plain"]).await as f64 / (singly + copied) as f64;
    println!("{:<44} {octets:>7.1} octets each", "plain table");
}

/// Ninety days of a name: the timeline's milliseconds at p99.
async fn ninety_days() -> f64 {
    let quarter = MINUTE * 15;
    let world = World::new(1, "2026-05-01T00:00:00Z", quarter, DAY / 4);
    let mut apart = Forgetful::start();
    let url = apart.url();
    let (store, mut connection, server) = opened_at(&url).await;
    let rounds = 90 * 24 * 4;
    println!(
        "\nninety days of one name at four resolvers, a sample in a quarter of an hour, another answer in six hours"
    );
    Service::judging(&store, &world)
        .rounds(&server, 0..rounds)
        .await;
    // As the upkeep does every hour.
    let ended = world.due(rounds);
    store.sum_up_days(ended, Pace::Full).await.unwrap();
    plain::create(&mut connection).await;
    let all: Vec<_> = (0..rounds).flat_map(|nth| world.round(nth)).collect();
    plain::copy(&mut connection, &all).await;
    analyze(&mut connection).await;
    let p99 = questions::timeline(&url, &mut connection, &world).await;
    questions::propagation(&url, &world).await;
    questions::cold_timeline(&mut apart, &world).await;
    p99
}

/// Many series, a few rounds: milliseconds at p99 of a state and of who served an address.
async fn wide() -> [f64; 2] {
    let world = World::new(8_000, "2026-08-01T00:00:00Z", MINUTE, DAY * 30);
    let mut apart = Forgetful::start();
    let url = apart.url();
    let (store, mut connection, server) = opened_at(&url).await;
    println!("\nmany series");
    Service::judging(&store, &world).rounds(&server, 0..3).await;
    plain::create(&mut connection).await;
    for nth in 0..3 {
        plain::copy(&mut connection, &world.round(nth)).await;
    }
    analyze(&mut connection).await;
    let p99 = [
        questions::state(&url, &mut connection, &world).await,
        questions::who_served(&url, &mut connection, &world).await,
    ];
    questions::cold_state(&mut apart, &world).await;
    questions::cold_who_served(&mut apart, &world).await;
    p99
}

/// Twice as many, for the judge's state at start; and what a sample costs with so many, against few.
async fn rebuilt() {
    let few = World::new(69, "2026-08-01T00:00:00Z", MINUTE, DAY * 30);
    let (_, store, mut connection, server) = opened().await;
    let mut service = Service::new(&store, &few);
    service.rounds(&server, 0..1).await;
    let usual = settled(&mut service, &server, &mut connection).await;
    let many = World::new(16_000, "2026-08-01T00:00:00Z", MINUTE, DAY * 30);
    let (url, store, mut connection, server) = opened().await;
    let mut service = Service::new(&store, &many);
    let first = service.rounds(&server, 0..1).await;
    first.print(
        &format!("recorded, and all {} series are new", many.series()),
        many.series(),
    );
    let each = settled(&mut service, &server, &mut connection).await;
    println!("{:<44} {:>7.2} times", "against few series", each / usual);
    rebuild::measure(&url, &many);
}

/// Microseconds each to record, once every series is known and has been written to: [`SETTLED`] samples, after two rounds more.
async fn settled(service: &mut Service<'_>, server: &Server, connection: &mut PgConnection) -> f64 {
    service.rounds(server, 1..3).await;
    analyze(connection).await;
    let series = service.world.series();
    let rounds = SETTLED.div_ceil(series);
    let spent = by_the_hour(service, server, connection, 3..3 + rounds).await;
    spent.print(&format!("recorded, with {series} series"), rounds * series);
    spent.each(rounds * series)
}

/// Records rounds of a minute. Autovacuum comes by once a minute, and all of them take less than one: so it is sent for by the
/// hour.
async fn by_the_hour(
    service: &mut Service<'_>,
    server: &Server,
    connection: &mut PgConnection,
    rounds: Range<usize>,
) -> Spent {
    let mut spent = Spent::default();
    for hour in rounds.clone().step_by(ROUNDS_OF_AN_HOUR) {
        let until = (hour + ROUNDS_OF_AN_HOUR).min(rounds.end);
        spent = spent.and(service.rounds(server, hour..until).await);
        let meter = Meter::start(server);
        sqlx::raw_sql("vacuum span")
            .execute(&mut *connection)
            .await
            .unwrap();
        spent = spent.and(meter.spent());
    }
    spent
}

async fn opened() -> (String, Store, PgConnection, Server) {
    let url = fresh_database().await;
    let (store, connection, server) = opened_at(&url).await;
    (url, store, connection, server)
}

async fn opened_at(url: &str) -> (Store, PgConnection, Server) {
    let store = Store::open(url).await.unwrap();
    let mut connection = PgConnection::connect(url).await.unwrap();
    let server = Server::of(&mut connection).await;
    (store, connection, server)
}

/// What the server does by itself when it has time.
async fn analyze(connection: &mut PgConnection) {
    sqlx::raw_sql("vacuum analyze")
        .execute(connection)
        .await
        .unwrap();
}

fn load_average() -> String {
    let text = fs::read_to_string("/proc/loadavg").unwrap();
    text.split(' ').take(3).collect::<Vec<_>>().join(" ")
}
