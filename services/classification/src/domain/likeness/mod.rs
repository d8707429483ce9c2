//! Which open complaints may be about the same incident: by text, category, place and time. What is found is a suggestion
//! with its reasons; whether two complaints are one incident is for a person to say.
//!
//! | what | how |
//! |---|---|
//! | text | [`Signature`]: how many groups of four letters two texts share |
//! | category | the same, or one of the same group; the [`Index`] is told which to look at |
//! | place | [`Area`] and [`Spot`]: the same desa or a distance; contradicting places are no candidates |
//! | time | a window by category, from `data/likeness.csv` ([`Rules`]) |

mod best;
mod index;
mod place;
#[cfg(test)]
mod reference;
mod rules;
mod signature;
mod wanted;
mod weigh;

pub use best::Match;
pub use index::{Entry, Found, Index, MAX_ROWS, Sought, Wanted};
pub use place::{Area, Shared, Spot};
pub use rules::{Rule, RuleError, Rules};
pub use signature::{ROWS, SCHEME, Signature};
pub use wanted::wanted;
pub use weigh::{Likeness, THRESHOLD, weigh};
