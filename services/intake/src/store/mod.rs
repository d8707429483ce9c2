//! All SQL of intake, by what it is about.

pub mod attachments;
pub mod canaries;
pub mod conversation;
pub mod listing;
pub mod pins;
pub mod redactions;
pub mod standings;
pub mod submissions;
