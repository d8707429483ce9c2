//! Attachments: what is accepted, what is read from a photo, and what is made of it.
//!
//! The declared type is never believed: content decides. From a photo the position and the time are
//! read, the orientation is baked in, and two renditions are encoded anew, so that neither EXIF nor
//! anything hidden in the file goes out. The original is kept sealed and never served.

mod exif_data;
mod objects;
mod render;
mod sniff;

pub use exif_data::{PhotoFacts, read_facts};
pub use objects::{ObjectsConfig, ObjectsError, open as open_objects};
pub use render::{RenderError, Renditions, render};
pub use sniff::{MediaKind, sniff};

/// Largest attachment, in bytes.
pub const MAX_BYTES: usize = 10 * 1024 * 1024;
/// Most attachments of one complaint.
pub const MAX_ATTACHMENTS: u32 = 5;
