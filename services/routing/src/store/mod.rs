//! All SQL of routing.

pub mod automatic;
mod cases;
mod queue;
mod seed;

pub use cases::{Change, Made, call, history, load, load_one, made_by, parts_of, save, unplaced};
pub use queue::{Place, claim, claim_of, claims_page, explanation, release, total};
pub use seed::{DeskError, load_desks, plant};
