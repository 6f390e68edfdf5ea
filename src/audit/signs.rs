//! What the replies of a round show before anything is judged by them: worked out once, for verdicts and findings alike.
//!
//! Deliberately absent: what follows from it.

use crate::audit::{
    history::History, judge::RoundInput, nxdomain_cut::NxdomainCuts, path::Interception,
};

/// The signs of one round.
#[derive(Debug)]
pub(super) struct Signs<'a> {
    /// Whether somebody on the way answers.
    pub(super) path: Option<Interception<'a>>,
    /// What authorities deny altogether.
    pub(super) cuts: NxdomainCuts<'a>,
}

impl<'a> Signs<'a> {
    /// `history` has taken in the round.
    pub(super) fn of(history: &History, input: &RoundInput<'a>) -> Self {
        Self {
            path: Interception::of(history, input),
            cuts: NxdomainCuts::of(input),
        }
    }
}
