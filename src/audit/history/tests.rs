//! What is kept of observations, piece by piece.

mod epochs;
mod failures;
mod held;
mod links;
mod turns;
mod whole;
