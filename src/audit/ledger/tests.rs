//! The engine as stories: each test plays rounds and reads what was told.

mod authorities;
mod axes;
mod backends;
mod blindness;
mod confirmation;
mod counting;
mod edges;
mod examined;
mod explained;
mod flapping;
mod flushes;
mod lab;
mod merging;
mod news;
mod properties;
mod recovery;
mod throttling;
mod unwatched;
