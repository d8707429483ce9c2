//! How long and how far complaints of a category may be about the same incident: dated data from `data/likeness.csv`.

use std::collections::HashMap;

use time::Date;
use time::format_description::well_known::Iso8601;

const LIKENESS_CSV: &str = include_str!("../../../data/likeness.csv");
/// The row for categories that have none of their own.
const ANY: &str = "*";
const MINUTES_A_DAY: u32 = 24 * 60;
/// A longer window or reach is a slip of the pen.
const MAX_DAYS: u32 = 366;
const MAX_METRES: u32 = 20_000;

/// How near in time and space.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// At most so many minutes lie between the two.
    pub window_minutes: u32,
    /// At most so many metres; 0: a position says nothing about such matters beyond its area (a family's allowance).
    pub reach_m: u32,
}

impl Rule {
    /// The stricter of both: for a pair of two categories.
    pub fn with(self, other: Self) -> Self {
        Self {
            window_minutes: self.window_minutes.min(other.window_minutes),
            reach_m: self.reach_m.min(other.reach_m),
        }
    }
}

/// Why the data is refused.
#[derive(Debug, thiserror::Error)]
pub enum RuleError {
    /// Not the columns that were expected.
    #[error("the windows of likeness cannot be read")]
    Csv(#[from] csv::Error),
    /// A value that makes no sense.
    #[error("likeness of {category}: {problem}")]
    Value {
        /// Whose.
        category: String,
        /// What is wrong.
        problem: &'static str,
    },
}

#[derive(serde::Deserialize)]
struct Row {
    category: String,
    window_days: u32,
    reach_m: u32,
    valid_from: String,
}

/// The rules of all categories.
#[derive(Debug, Clone)]
pub struct Rules {
    /// Oldest first.
    of: HashMap<String, Vec<(Date, Rule)>>,
    any: Vec<(Date, Rule)>,
}

impl Rules {
    /// The rules that ship with this build.
    ///
    /// # Errors
    /// When the committed data breaks its own rules, which a test would have shown.
    pub fn embedded() -> Result<Self, RuleError> {
        Self::parse(LIKENESS_CSV)
    }

    /// Reads `category,window_days,reach_m,valid_from`; the category `*` stands for all others.
    ///
    /// # Errors
    /// On unknown columns, values out of their bounds, two rules of one day, or a missing `*`.
    pub fn parse(csv: &str) -> Result<Self, RuleError> {
        let mut of: HashMap<String, Vec<(Date, Rule)>> = HashMap::new();
        for row in csv::Reader::from_reader(csv.as_bytes()).deserialize() {
            let row: Row = row?;
            let refuse = |problem| RuleError::Value {
                category: row.category.clone(),
                problem,
            };
            let from = Date::parse(&row.valid_from, &Iso8601::DATE)
                .map_err(|_| refuse("dates are YYYY-MM-DD"))?;
            if !(1..=MAX_DAYS).contains(&row.window_days) || row.reach_m > MAX_METRES {
                return Err(refuse("a window has 1 to 366 days, a reach at most 20 km"));
            }
            let rule = Rule {
                window_minutes: row.window_days * MINUTES_A_DAY,
                reach_m: row.reach_m,
            };
            let rules = of.entry(row.category.clone()).or_default();
            if rules.iter().any(|(day, _)| *day == from) {
                return Err(refuse("two rules from one day on"));
            }
            rules.push((from, rule));
            rules.sort_by_key(|(day, _)| *day);
        }
        let any = of.remove(ANY).ok_or_else(|| RuleError::Value {
            category: ANY.into(),
            problem: "is missing",
        })?;
        Ok(Self { of, any })
    }

    /// The rule of a category on a day; before the first, the first.
    pub fn on(&self, category: &str, day: Date) -> Rule {
        let rules = self.of.get(category).unwrap_or(&self.any);
        let begun = rules.partition_point(|(from, _)| *from <= day);
        rules[begun.saturating_sub(1)].1
    }
}

#[cfg(test)]
mod tests {
    use time::macros::date;

    use super::*;
    use crate::domain::taxonomy::Taxonomy;

    #[test]
    fn the_shipped_rules_are_about_categories_that_there_are() {
        let rules = Rules::embedded().expect("rules");
        let taxonomy = Taxonomy::embedded().expect("the taxonomy");
        for category in rules.of.keys() {
            assert!(taxonomy.get(category).is_some(), "{category}");
        }
        let day = date!(2026 - 11 - 24);
        assert_eq!(
            rules.on("jalan-rusak", day).window_minutes,
            60 * MINUTES_A_DAY
        );
        assert_eq!(rules.on("listrik", day).window_minutes, 2 * MINUTES_A_DAY);
        assert_eq!(rules.on("a-new-one", day), rules.on("lainnya", day));
    }

    #[test]
    fn a_rule_is_of_its_time() {
        let csv = "category,window_days,reach_m,valid_from\n*,30,0,2026-01-01\n\
                   a,5,10,2026-06-01\na,4,10,2026-01-01\n";
        let rules = Rules::parse(csv).expect("rules");
        let days = |day| rules.on("a", day).window_minutes / MINUTES_A_DAY;
        assert_eq!(days(date!(2025 - 12 - 31)), 4);
        assert_eq!(days(date!(2026 - 05 - 31)), 4);
        assert_eq!(days(date!(2026 - 06 - 01)), 5);
    }

    #[test]
    fn nonsense_is_refused() {
        let head = "category,window_days,reach_m,valid_from\n";
        for rows in [
            "a,5,10,2026-01-01\n",
            "*,0,10,2026-01-01\n",
            "*,367,10,2026-01-01\n",
            "*,5,20001,2026-01-01\n",
            "*,5,10,yesterday\n",
            "*,5,10,2026-01-01\n*,6,10,2026-01-01\n",
        ] {
            assert!(Rules::parse(&format!("{head}{rows}")).is_err(), "{rows}");
        }
    }
}
