//! Messages and their delivery: what each kind of channel is sent, and what every outcome is taken for.

mod alertmanager;
mod delivering;
mod fixtures;
mod hostile;
mod mailing;
mod messages;
mod outside;
mod pinned;
mod receivers;
mod samples;
mod tls;
mod tls_pinned;
