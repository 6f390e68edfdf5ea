//! The command line through the real program: what every command prints, and with which code it ends.

mod backtest;
mod check;
mod configuration;
mod declarations;
pub(crate) mod documented;
mod evidence;
mod explain;
mod help;
mod history;
pub(crate) mod program;
mod usage;
