//! Judgement held against worked examples, against every known cause of false alarms, and against random worlds.

mod false_positives;
mod properties;
mod simulator;
mod vectors;
mod vectors_2020;
