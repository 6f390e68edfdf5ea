//! ledger

use serde::{Deserialize, Serialize};

use crate::audit::incident::{Candidate, Incident};

/// Open incidents, and what still counts towards one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ledger {
    /// Open and recovering incidents.
    pub incidents: Vec<Incident>,
    /// Breaches that are not confirmed yet.
    pub candidates: Vec<Candidate>,
}
