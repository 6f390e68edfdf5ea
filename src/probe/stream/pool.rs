//! Which connection an errand takes: few for each target, and none that is closed.
//!
//! Deliberately absent: the connections themselves, and errands that want one of their own.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use tokio::sync::mpsc;

use super::{
    Errand, Target,
    desk::{Desk, Job},
    lane::{Lane, WINDOW},
    tls::Configs,
};

/// Most lanes to one target that take errands. Beyond it errands wait in the emptiest.
const MOST_LANES: usize = 4;
/// After so many new lanes what is closed is cleared away.
const SWEEP: usize = 256;

/// The lanes that take errands.
pub(super) struct Pool {
    desk: Arc<Desk>,
    configs: Configs,
    lanes: HashMap<Arc<Target>, Vec<Entrance>>,
    opened: usize,
}

/// Where errands enter a lane.
struct Entrance {
    jobs: mpsc::UnboundedSender<Job>,
    load: Arc<AtomicUsize>,
}

impl Pool {
    pub(super) fn new(desk: Arc<Desk>) -> Self {
        Self {
            desk,
            configs: Configs::default(),
            lanes: HashMap::new(),
            opened: 0,
        }
    }

    /// Sends an errand on its way.
    pub(super) fn send(&mut self, target: &Target, errand: Errand) {
        let fresh = errand.fresh;
        let job = self.desk.take(errand);
        if fresh {
            // Its entrance falls shut behind it: nothing else goes that way.
            let _ = self.open(&Arc::new(target.clone()), false).enter(job);
        } else if let Err(job) = self.send_over_known(target, job) {
            let target = Arc::new(target.clone());
            let entrance = self.open(&target, true);
            // A new lane is open until it has had its first errand.
            let _ = entrance.enter(job);
            self.lanes.entry(target).or_default().push(entrance);
        }
    }

    /// Over a lane that is open: the first with room, the emptiest where there are enough. Else the job comes back.
    fn send_over_known(&mut self, target: &Target, mut job: Job) -> Result<(), Job> {
        let Some(lanes) = self.lanes.get_mut(target) else {
            return Err(job);
        };
        loop {
            lanes.retain(|lane| !lane.jobs.is_closed());
            let roomy = lanes.iter().find(|lane| lane.load() < WINDOW);
            let emptiest = || lanes.iter().min_by_key(|lane| lane.load());
            let lane = match roomy {
                None if lanes.len() >= MOST_LANES => emptiest(),
                roomy => roomy,
            };
            let Some(lane) = lane else {
                return Err(job);
            };
            // It may have closed this very moment.
            match lane.enter(job) {
                Ok(()) => return Ok(()),
                Err(back) => job = back,
            }
        }
    }

    fn open(&mut self, target: &Arc<Target>, resume: bool) -> Entrance {
        self.opened += 1;
        if self.opened.is_multiple_of(SWEEP) {
            self.lanes.retain(|_, lanes| {
                lanes.retain(|lane| !lane.jobs.is_closed());
                !lanes.is_empty()
            });
        }
        let (jobs, receiver) = mpsc::unbounded_channel();
        let lane = Lane::new(Arc::clone(target), self.configs.clone(), resume, receiver);
        tokio::spawn(lane.run());
        Entrance {
            jobs,
            load: Arc::default(),
        }
    }
}

impl Entrance {
    fn load(&self) -> usize {
        self.load.load(Ordering::Relaxed)
    }

    /// Gives a job in, or back where the lane is closed.
    fn enter(&self, mut job: Job) -> Result<(), Job> {
        job.ticket.weigh_on(&self.load);
        self.jobs.send(job).map_err(|back| back.0)
    }
}
