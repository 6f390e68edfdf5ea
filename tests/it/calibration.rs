//! Calibration of real recursors, each with settings of its own, by a canary zone on a real name server.

mod applied;
mod backends;
mod canary;
mod measured;
mod stale;
