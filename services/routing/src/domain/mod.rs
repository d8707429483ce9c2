//! The pure part: which desk a complaint belongs to, and what may happen to it there.
//!
//! No I/O, no clock, no randomness: days, instants and ids are handed in.

pub mod acts;
pub mod autoroute;
pub mod case;
pub mod codes;
mod kept;
pub mod registry;
pub mod rules;
pub mod seed;
pub mod verdict;

#[cfg(test)]
mod case_tests;
#[cfg(test)]
mod rules_tests;
