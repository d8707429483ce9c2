//! Owns labels: kind, category, urgency and place of a complaint.

pub mod commands;
pub mod domain;
pub mod training;
pub use domain::taxonomy;
