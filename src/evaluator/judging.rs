//! A round's replies as the judge sees them.
//!
//! Deliberately absent: what becomes of the verdicts.

use crate::{
    audit::{
        context::{RoundContext, Setting},
        declared::Declared,
    },
    config::Group,
};

use super::asking::Asked;

/// What of a group's configuration decides of its verdicts.
pub fn setting(group: &Group) -> Setting {
    Setting {
        policy: group.policy.clone(),
        options: group.options,
        resolvers: group.resolvers.clone(),
        questions: group.questions().collect(),
        targets: group.targets.clone(),
    }
}

/// What a round is judged by.
pub(super) fn judged_by(setting: Setting, asked: &Asked, declared: Declared) -> RoundContext {
    RoundContext {
        setting,
        zones: asked.zones.clone(),
        held_back: asked.held_back.clone(),
        declared,
    }
}
