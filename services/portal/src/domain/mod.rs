//! The pure part of the portal: values to values; no I/O, no clock, no randomness.

pub mod access;
pub mod address;
pub mod entry;
pub mod permalink;
pub mod places;
pub mod projection;
pub mod report;
pub mod when;
pub mod work;
