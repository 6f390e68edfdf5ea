//! The beginning of an id, as people see and type it.
//!
//! Deliberately absent: finding what has it, which is for whoever knows the ids there are.

use uuid::Uuid;

/// The first eight digits: `1f2e3d4c`.
pub fn short_id(id: Uuid) -> String {
    id.to_string().chars().take(8).collect()
}
