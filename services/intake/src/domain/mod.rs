//! The pure part of intake: values to values; no I/O, no clock, no randomness.

pub mod blacken;
pub mod complaint;
pub mod ticket;
pub use contracts::visible;
