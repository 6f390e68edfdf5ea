//! The HTTP face on a real port, over the history of real rounds.

mod answers;
mod browser;
pub(crate) mod client;
mod declarations;
mod health;
mod openapi;
mod refusals;
pub(crate) mod schema;
mod silence_page;
mod silences;
