//! What a changed configuration would have fired on the stored history, beside what fired.
//!
//! Both sides are judged by today's rules, over the same rounds. Deliberately absent: the revision and the comparison, which
//! are [`crate::audit::backtest`]'s.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::{Replay, Replayed};
use crate::{
    audit::{
        ENGINE_VERSION,
        backtest::{Change, Compared, Revised, Told, change, compare, revise},
        context::{Place, RoundContext, Setting},
    },
    store::{Store, StoreError},
};

/// What is to be tried.
#[derive(Debug, Clone)]
pub struct BacktestQuery {
    /// Seen from here.
    pub vantage: String,
    /// Rounds that were judged at or after this.
    pub from: DateTime<Utc>,
    /// Rounds that were judged by then.
    pub to: DateTime<Utc>,
    /// The changed groups, by name.
    pub groups: BTreeMap<String, Setting>,
}

/// What would have fired, beside what fired.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Backtest {
    /// Seen from here.
    pub vantage: String,
    /// The first and the last judgement that was tried; `None` where no round was recorded in a way that can be.
    pub window: Option<[DateTime<Utc>; 2]>,
    /// The version of the rules that both sides were judged by.
    pub engine: u32,
    /// The versions that the rounds were judged by when they ran.
    pub engines: BTreeSet<u32>,
    /// Rounds judged both ways.
    pub rounds: usize,
    /// Among them those before which the service knew something that was not recorded.
    pub inexact_rounds: usize,
    /// Replies that were taken to have been given again, where the changed policy would have asked again.
    pub repeated: usize,
    /// What changes, by group.
    pub changes: BTreeMap<String, Change>,
    /// Groups of the changed configuration that the history does not hold: nothing can be said of them.
    pub groups_not_held: Vec<String>,
    /// Groups of the history that the changed configuration no longer has: nothing of them would have fired.
    pub groups_dropped: Vec<String>,
    /// Every incident of either side; what differs first.
    pub incidents: Vec<Compared>,
}

/// Both sides of one group.
#[derive(Default)]
struct Sides {
    did: Told,
    would: Option<Revised>,
}

/// Judges the stored rounds both ways. What stood open before the first of them stands open on both sides.
pub async fn backtest(store: &Store, query: &BacktestQuery) -> Result<Backtest, StoreError> {
    let mut told = Backtest {
        vantage: query.vantage.clone(),
        engine: ENGINE_VERSION,
        groups_not_held: query.groups.keys().cloned().collect(),
        ..Backtest::default()
    };
    let mut sides: BTreeMap<String, Sides> = BTreeMap::new();
    let Some(mut replay) = Replay::begin(store, &query.vantage, query.from).await? else {
        return Ok(told);
    };
    while let Some(round) = replay.next().await? {
        let now = round.round.judged_at;
        if now > query.to {
            break;
        }
        if now >= query.from && round.round.is_finished {
            told.count(&round);
            judge_both(&replay, &round, query, &mut told, &mut sides);
        }
    }
    for side in sides.values() {
        let nothing = Told::default();
        let would = side.would.as_ref().map_or(&nothing, Revised::told);
        told.incidents.extend(compare(&side.did, would));
        told.repeated += side.would.as_ref().map_or(0, Revised::repeated);
    }
    told.incidents.sort_by_key(|one| one.outcome);
    Ok(told)
}

fn judge_both(
    replay: &Replay<'_>,
    round: &Replayed,
    query: &BacktestQuery,
    told: &mut Backtest,
    sides: &mut BTreeMap<String, Sides>,
) {
    let (group, stored) = (&round.round.group, &round.round.context.setting);
    let wanted = query.groups.get(group);
    let side = sides.entry(group.clone()).or_insert_with(|| Sides {
        did: Told::standing(&round.before),
        would: wanted.map(|_| Revised::begin(&round.before)),
    });
    side.did.take(&round.conclusion.transitions);
    told.groups_not_held.retain(|name| name != group);
    let (Some(wanted), Some(would)) = (wanted, &mut side.would) else {
        if !told.groups_dropped.contains(group) {
            told.groups_dropped.push(group.clone());
        }
        return;
    };
    // The last round has the last word on what the history holds.
    told.changes.insert(group.clone(), change(stored, wanted));
    let context = RoundContext {
        setting: revise(stored, wanted),
        ..round.round.context.clone()
    };
    let place = Place {
        vantage: &query.vantage,
        group,
        now: round.round.judged_at,
    };
    would.judge(
        replay.history(),
        &context,
        &round.observations,
        round.first,
        place,
    );
}

impl Backtest {
    fn count(&mut self, round: &Replayed) {
        let now = round.round.judged_at;
        self.rounds += 1;
        self.inexact_rounds += usize::from(!round.is_exact);
        self.engines.insert(round.round.engine);
        self.window = Some([self.window.map_or(now, |[first, _]| first), now]);
    }
}
