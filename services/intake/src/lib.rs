//! Owns complaints, reporters, conversations, attachments, ticket numbers and public tracking.

pub mod domain;
pub mod keys;
pub mod open311;
pub mod photos;
