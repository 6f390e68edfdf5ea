//! The engine as stories: each test plays rounds and reads what was told.

mod authorities;
mod axes;
mod blindness;
mod confirmation;
mod flushes;
mod lab;
mod properties;
mod recovery;
mod throttling;
