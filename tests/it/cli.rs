//! The command line through the real program: what every command prints, and with which code it ends.

mod backtest;
mod check;
mod configuration;
mod declarations;
pub(crate) mod documented;
mod evidence;
mod explain;
mod export;
mod help;
pub(crate) mod history;
pub(crate) mod program;
mod report;
mod silences;
mod usage;
