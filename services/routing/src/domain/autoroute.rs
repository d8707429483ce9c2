//! Which categories are routed without a person, from which confidence on: dated data.
//!
//! A fresh installation has none, so that every complaint is seen by a person until somebody who
//! may decide it switches a category on.

use serde::Deserialize;
use time::Date;

use super::codes::Code;
use super::registry::is_valid_on;
use super::seed::{code, day, first_day};

/// One category's switch as a row of text.
#[derive(Debug, Clone, Deserialize)]
pub struct AutorouteRow {
    /// The category.
    pub category: String,
    /// The least confidence, 0 to 1.
    pub threshold: f64,
    /// First day.
    pub valid_from: String,
    /// Last day, or empty.
    pub valid_to: String,
}

impl AutorouteRow {
    pub(super) fn parse(&self) -> Result<Switch, String> {
        if !(0.0..=1.0).contains(&self.threshold) {
            return Err(format!(
                "the threshold {} is not between 0 and 1",
                self.threshold
            ));
        }
        Ok(Switch {
            category: code(&self.category)?,
            threshold: self.threshold,
            valid_from: first_day(&self.valid_from)?,
            valid_to: day(&self.valid_to)?,
        })
    }
}

/// One category is routed without a person in this span of days.
#[derive(Debug, Clone, PartialEq)]
pub struct Switch {
    /// The category.
    pub category: Code,
    /// The least confidence of the classification, 0 to 1.
    pub threshold: f64,
    /// First day.
    pub valid_from: Date,
    /// Last day, if it has one.
    pub valid_to: Option<Date>,
}

/// All switches of all days.
#[derive(Debug, Clone, Default)]
pub struct Autoroute {
    /// Ordered by category, then by first day.
    switches: Vec<Switch>,
}

impl Autoroute {
    /// These switches, in any order.
    #[must_use]
    pub fn new(mut switches: Vec<Switch>) -> Self {
        switches.sort_by(|a, b| (&a.category, a.valid_from).cmp(&(&b.category, b.valid_from)));
        Self { switches }
    }

    /// The least confidence from which the category is routed without a person on that day; none
    /// when it never is. Of overlapping rows the later one counts.
    #[must_use]
    pub fn threshold(&self, day: Date, category: &Code) -> Option<f64> {
        let first = self.switches.partition_point(|s| s.category < *category);
        self.switches[first..]
            .iter()
            .take_while(|s| s.category == *category)
            .filter(|s| is_valid_on(day, s.valid_from, s.valid_to))
            .last()
            .map(|s| s.threshold)
    }
}
