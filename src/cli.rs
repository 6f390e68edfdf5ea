//! The command line's faces.
//!
//! Deliberately absent: the arguments, so far.
// Nothing calls these outside tests until the commands do.
#![cfg_attr(not(test), expect(dead_code))]

pub(crate) mod config;
pub(crate) mod names;
pub(crate) mod resolvers;
pub(crate) mod table;

#[cfg(test)]
mod samples;
