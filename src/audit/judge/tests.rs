//! Judgement held against worked examples, against every known cause of false alarms, and against random worlds.

mod asked_for;
mod baselines;
mod caps;
mod chains;
mod declared;
mod dns64;
mod doubts;
mod failures;
mod false_positives;
mod farms;
mod gaps;
mod geo;
mod pools;
mod races;
mod validation;
mod vectors;
mod vectors_2020;
mod vectors_ttl;
mod verdicts;
mod wording;
mod worlds;
mod zones;
