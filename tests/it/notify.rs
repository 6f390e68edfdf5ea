//! Messages and their delivery: what the two kinds of channel are sent, and what every outcome is taken for.

mod delivering;
mod fixtures;
mod hostile;
mod messages;
mod samples;
mod tls;
