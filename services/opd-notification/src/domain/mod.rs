//! The rules of this service as functions from values to values: no I/O, no clock, no randomness.

pub mod address;
pub mod backoff;
pub mod cursor;
pub mod follow_up;
pub mod ids;
pub mod nats_users;
pub mod news;
pub mod payload;
pub mod refusal;
pub mod signature;
