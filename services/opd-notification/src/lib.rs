//! Owns the endpoints of OPDs, deliveries and their attempts, and what OPDs answer.

pub mod domain;
