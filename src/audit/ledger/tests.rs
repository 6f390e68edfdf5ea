//! The engine as stories: each test plays rounds and reads what was told.

mod axes;
mod confirmation;
mod lab;
mod properties;
mod recovery;
