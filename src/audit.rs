//! Judgement: from the history of observations to verdicts, findings and incidents.
//!
//! Deliberately absent: I/O, clocks, randomness, tokio, sqlx, hickory, reqwest, axum. `now` is an argument. A test
//! in `tests/it` holds this.
//!
//! Reading order: [`history`] keeps spans and the epochs they imply, [`judge`] gives each reply of a round its state,
//! `findings` says what is wrong at the authorities themselves, `path` who was not heard himself, [`ledger`] turns a round's judgement into incidents,
//! [`round`] is the order in which these follow each other, by a [`context`] that is stored for replays, [`keep`] says which
//! messages prove it. [`declared`] is what people say of changes and flushes: an input like the history. [`quiet`] is what they
//! do not want to be told. [`calibration`]
//! reads what a resolver does with TTLs out of replies to canaries.

pub mod backtest;
pub mod calibration;
pub mod context;
pub mod declared;
pub mod evidence;
pub mod explain;
pub mod exposure;
pub mod finding;
mod findings;
pub mod history;
pub mod incident;
pub mod judge;
pub mod keep;
pub mod ledger;
mod nxdomain_cut;
mod path;
pub mod quiet;
pub mod round;
#[cfg(test)]
mod scenarios;
mod short_id;
mod signs;
pub mod targets;
#[cfg(test)]
pub(crate) mod testing;
pub mod verdict;
pub mod what_if;

pub use short_id::short_id;

/// The version of the rules, stored with every round. It rises whenever the same round would be judged otherwise, so that
/// a replay can say by which rules a stored verdict came about.
///
/// What 9 changed: a TTL that came back with another copy, or of which nobody knows which cache gave it, or that was counted
/// down before, makes no constant backend as soon.
///
/// What 10 changed: an address without NSIDs is accused of nothing in its first ten rounds that several honest caches may hold.
///
/// What 11 changed: nor is one with them, and not in its first 64 rounds, unless it is known to be a single cache; what a value
/// was allowed before the history begins is not known, so that an old copy of it that outlives the TTL seen is no proof.
pub const ENGINE_VERSION: u32 = 11;
