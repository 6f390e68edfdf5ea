//! The service and its PostgreSQL die by SIGKILL, each by itself and both together, while two receivers are told.
//!
//! `make kills` runs it, `KILLS=100 SEED=7 make kills` so many times and as that; the usual suite has a few. The seed decides who
//! dies, when, and for how long; how far everybody has come by then is the machine's. Half of the instants come soon after
//! a message has reached a receiver, between commit and settle. In the end each step is told once at each channel by the
//! receivers' own count, in order, and the database has taken over all that the journal held.

use std::{env, fmt, time::Duration};

use dns_auditor::store::private_pg::PrivatePg;
use tempfile::TempDir;

use super::{
    database,
    kills::{
        Committed, Seeded, Trouble, abandoned, all_is_told, incidents_are_whole,
        messages_are_whole, rounds_are_whole,
    },
    service::{Service, until},
    world::{World, kill_postgres, kill_postmaster},
};
use crate::{
    dns::Fault,
    postgres::open_dir,
    sink::{Reply, Sink},
};

/// Longest life of a service that nobody is told by.
const LIFE: u64 = 3_500;
/// Longest time from a message's arrival to a death that it brings about.
const SETTLING: u64 = 400;
/// Longest time that the database is away.
const ABSENCE: u64 = 3_000;
/// Octets of a journal that holds nothing.
const EMPTY: usize = 8;

#[tokio::test]
async fn deaths_of_the_service_and_of_its_database_server_lose_nothing_and_repeat_nothing() {
    let dir = open_dir();
    let server = database::server(dir.path()).await;
    let world = World::over(Some(server.url())).await;
    Deaths::new(world, Some((dir, server))).await.run().await;
}

#[tokio::test]
async fn deaths_of_the_service_and_of_its_private_postgresql_lose_nothing_and_repeat_nothing() {
    let world = World::private().await;
    Deaths::new(world, None).await.run().await;
}

/// A number from the environment.
fn setting(name: &str, otherwise: u64) -> u64 {
    let set = env::var(name).ok().filter(|text| !text.is_empty());
    set.map_or(otherwise, |text| text.parse().expect(name))
}

/// What has happened.
#[derive(Default)]
struct Tally {
    service: usize,
    database: usize,
    both: usize,
    /// Rounds judged without the database, by the services' own word.
    unrecorded: usize,
    /// Journals that the database took over, likewise.
    taken_over: usize,
}

impl Tally {
    fn heard(&mut self, log: &str) {
        self.unrecorded += log
            .matches("it is judged, and told from the journal")
            .count();
        self.taken_over += log
            .matches("the database has taken over the journal")
            .count();
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            service,
            database,
            both,
            unrecorded,
            taken_over,
        } = self;
        write!(
            f,
            "killed: the service alone {service}, the database alone {database}, both at once {both}; \
             {unrecorded} rounds judged without a database, {taken_over} journals taken over"
        )
    }
}

struct Deaths {
    world: World,
    /// A receiver that often takes nothing.
    pager: Sink,
    /// The database's directory and server, where it is not private to the service.
    server: Option<(TempDir, PrivatePg)>,
    random: Seeded,
    committed: Committed,
    tally: Tally,
}

impl Deaths {
    async fn new(mut world: World, server: Option<(TempDir, PrivatePg)>) -> Self {
        let mut random = Seeded(setting("SEED", 7));
        let slow = |random: &mut Seeded| Duration::from_millis(random.below(200));
        let hook: Vec<_> = (0..5_000)
            .map(|_| Reply::status(200).after(slow(&mut random)))
            .collect();
        let pager: Vec<_> = (0..5_000)
            .map(|_| match random.below(10) {
                0 => Reply::status(500),
                1 => Reply::status(429).with("retry-after", "1"),
                _ => Reply::status(200).after(slow(&mut random)),
            })
            .collect();
        world.sink = Sink::start(hook).await;
        Self {
            pager: Sink::start(pager).await,
            world,
            server,
            random,
            committed: Committed::default(),
            tally: Tally::default(),
        }
    }

    async fn run(mut self) {
        let kills = setting("KILLS", 5);
        let config = self.config();
        self.world.served_with(&config).await.kill().await;
        // Rounds take much of their second, so that deaths fall into them.
        let slow = Fault::Delay(Duration::from_millis(150));
        self.world.resolver.edit(|script| script.fault(slow));
        let trouble = Trouble::at(self.world.resolver.clone());
        for kill in 1..=kills {
            let service = Service::spawn(&config);
            self.moment().await;
            let said = self.one_death(service).await;
            self.tally.heard(&said);
            self.committed.note(&self.world).await;
            if kill % 10 == 0 {
                println!("deaths: {kill} of {kills}; {}", self.tally);
            }
        }
        for sink in [&self.world.sink, &self.pager] {
            sink.relent();
        }
        let service = self.world.served_with(&config).await;
        until("incidents open", async || {
            let incidents = self.world.count("select count(*) from incident").await;
            (incidents >= 2).then_some(())
        })
        .await;
        trouble.end().await;
        all_is_told(&self.world).await;
        self.tally.heard(&service.log());
        self.judge().await;
        service.stop().await;
        assert!(self.world.journal().len() <= EMPTY, "it is emptied");
        if let Some((_, server)) = self.server {
            database::stop(server).await;
        }
    }

    /// Four names, told at two receivers, whatever comes and goes.
    fn config(&self) -> std::path::PathBuf {
        let groups = format!(
            "{}channels = ['hook', 'pager']\n[[channel]]\nid = 'pager'\nkind = 'webhook'\nurl = '{}'\n",
            self.world.group("dialers", "dialer{1..4}"),
            self.pager.url()
        );
        let defaults = "flap_threshold = 'off'\ngroup_interval = '0s'";
        self.world.config_with("here", defaults, &groups)
    }

    async fn pause(&mut self, most: u64) {
        let milliseconds = self.random.below(most);
        tokio::time::sleep(Duration::from_millis(milliseconds)).await;
    }

    /// Lets a service live for a while: any while, or until a moment after a message arrives.
    async fn moment(&mut self) {
        if self.random.below(2) == 0 {
            return self.pause(LIFE).await;
        }
        tokio::select! {
            () = self.world.sink.arrival() => {}
            () = self.pager.arrival() => {}
            () = tokio::time::sleep(Duration::from_millis(LIFE)) => {}
        }
        self.pause(SETTLING).await;
    }

    /// Ends the service's life, and the database's before, after, with it, or not at all. Returns what the service has said.
    async fn one_death(&mut self, service: Service) -> String {
        match self.random.below(4) {
            0 => {
                self.tally.service += 1;
                service.kill().await
            }
            1 => {
                self.tally.both += 1;
                self.kill_database();
                let said = service.kill().await;
                self.pause(ABSENCE).await;
                self.revive().await;
                said
            }
            2 => {
                self.tally.database += 1;
                self.kill_database();
                self.pause(ABSENCE).await;
                self.revive().await;
                self.moment().await;
                self.tally.service += 1;
                service.kill().await
            }
            _ => {
                self.tally.database += 1;
                self.kill_database();
                self.moment().await;
                self.tally.service += 1;
                let said = service.kill().await;
                // A life without a database, which tells what is left in the journal.
                let without = Service::spawn(&self.config());
                self.moment().await;
                self.tally.service += 1;
                self.tally.heard(&without.kill().await);
                self.revive().await;
                said
            }
        }
    }

    /// The whole cluster at once, or its first process.
    fn kill_database(&mut self) {
        let private = self.world.data_dir();
        let dir = self.server.as_ref().map(|(dir, _)| dir.path());
        let dir = dir.unwrap_or(&private);
        match self.random.below(2) {
            0 => kill_postgres(dir),
            _ => kill_postmaster(dir),
        }
    }

    /// Starts the test's own server again. Whoever owns a private one does so by itself.
    async fn revive(&mut self) {
        let Some((dir, mut server)) = self.server.take() else {
            return;
        };
        let reviving = tokio::task::spawn_blocking(move || {
            // The kernel may take a moment to end what was killed.
            while !server.revive().unwrap() {
                std::thread::sleep(Duration::from_millis(5));
            }
            server
        });
        self.server = Some((dir, reviving.await.unwrap()));
    }

    async fn judge(&self) {
        let world = &self.world;
        self.committed.is_there(world).await;
        rounds_are_whole(world).await;
        incidents_are_whole(world).await;
        let channels = [("hook", &world.sink), ("pager", &self.pager)];
        messages_are_whole(world, &channels).await;
        let steps = world.count("select count(step) from incident_event").await;
        let finished = world.finished().await;
        let abandoned = abandoned(world).await;
        println!("deaths: {}", self.tally);
        println!(
            "deaths: {finished} rounds finished, {abandoned} cut off; {steps} steps told, each once"
        );
        for (channel, sink) in channels {
            let received = sink.received();
            let ids: std::collections::HashSet<_> = received
                .iter()
                .map(|one| one.header("webhook-id"))
                .collect();
            println!(
                "deaths: {channel} got {} requests with {} ids",
                received.len(),
                ids.len()
            );
        }
    }
}
