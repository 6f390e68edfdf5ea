//! Judgement: from the history of observations to verdicts, findings and incidents.
//!
//! Deliberately absent: I/O, clocks, randomness, tokio, sqlx, hickory, reqwest, axum. `now` is an argument. A test
//! in `tests/it` holds this.
//!
//! Reading order: [`history`] keeps spans and the epochs they imply, [`judge`] gives each reply of a round its state,
//! [`findings`] says what is wrong at the authorities themselves, [`ledger`] turns a round's judgement into incidents,
//! [`round`] is the order in which these follow each other, [`keep`] says which messages prove it.

pub mod evidence;
pub mod finding;
pub mod findings;
pub mod history;
pub mod incident;
pub mod judge;
pub mod keep;
pub mod ledger;
pub mod round;
#[cfg(test)]
pub(crate) mod testing;
pub mod verdict;
