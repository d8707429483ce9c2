//! The pure part: from what the owners say about a complaint, dated policies and the calendar to
//! its clocks, and from a clock to its next step. No I/O, no time of its own, no randomness.

pub mod calendar;
pub mod changes;
pub mod clocks;
pub mod course;
pub mod facts;
pub mod ladder;
pub mod policy;
pub mod seed;
pub mod steps;
pub mod wire;

#[cfg(test)]
mod histories;
#[cfg(test)]
mod properties;

use calendar::Calendar;
use ladder::Ladder;
use policy::Policies;

/// All dated data that clocks are computed from.
#[derive(Clone, Debug)]
pub struct Rules {
    /// Working days.
    pub calendar: Calendar,
    /// Limits.
    pub policies: Policies,
    /// Who hears of a breach, and after which delay.
    pub ladder: Ladder,
}
