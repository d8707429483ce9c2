//! Whether persons' labels show that the model is right often enough about a category to route it without a person.

use sha2::{Digest, Sha256};
use time::Date;
use time::format_description::well_known::Iso8601;

/// What is asked of a category, by day.
const AUTONOMY_CSV: &str = include_str!("../../data/autonomy.csv");
/// z of a one-sided 90 % bound.
const Z90: f64 = 1.2816;

/// What is asked of a category before it is routed without a person, and while it is.
#[derive(Debug, Clone, PartialEq, serde::Deserialize)]
pub struct Target {
    /// First day, WITA.
    valid_from: String,
    /// The precision asked for, 0 to 1: the lower bound must reach it.
    pub precision: f64,
    /// Labels at least.
    pub least: u32,
    /// Labels at least before it is called too low.
    pub least_to_end: u32,
    /// Only so many newest labels count: a model or a world of long ago proves nothing.
    pub newest: u32,
    /// On what this rests.
    pub basis: String,
}

/// What is asked on a day: of the rows that have begun the last.
///
/// # Errors
/// When the committed rows cannot be read, which a test would have shown.
pub fn target(day: Date) -> Result<Target, csv::Error> {
    let rows: Vec<Target> = csv::Reader::from_reader(AUTONOMY_CSV.as_bytes())
        .deserialize()
        .collect::<Result<_, _>>()?;
    let begun =
        |row: &&Target| Date::parse(&row.valid_from, &Iso8601::DATE).is_ok_and(|d| d <= day);
    let last = rows.iter().rfind(begun).or(rows.first()).cloned();
    last.ok_or_else(|| csv::Error::from(std::io::Error::other("no target")))
}

/// Persons' labels of what the model was sure of, in one category.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Evidence {
    /// Labels.
    pub labels: u32,
    /// Of them, those that agree with the model.
    pub right: u32,
    /// Of them, those of the audit sample.
    pub audited: u32,
}

impl Evidence {
    /// With another's.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            labels: self.labels + other.labels,
            right: self.right + other.right,
            audited: self.audited + other.audited,
        }
    }

    /// Lower and upper bound of the precision (Wilson, one-sided 90 % each); 0 and 1 without labels.
    pub fn bounds(self) -> (f64, f64) {
        if self.labels == 0 {
            return (0.0, 1.0);
        }
        let n = f64::from(self.labels);
        let p = f64::from(self.right) / n;
        let z2 = Z90 * Z90;
        let middle = p + z2 / (2.0 * n);
        let spread = Z90 * (p * (1.0 - p) / n + z2 / (4.0 * n * n)).sqrt();
        let bound = |sum: f64| (sum / (1.0 + z2 / n)).clamp(0.0, 1.0);
        (bound(middle - spread), bound(middle + spread))
    }

    /// Whether that is enough to route without a person.
    pub fn is_enough(self, target: &Target) -> bool {
        self.labels >= target.least && self.bounds().0 >= target.precision
    }

    /// Whether it shows that the precision is not reached.
    pub fn is_too_low(self, target: &Target) -> bool {
        self.labels >= target.least_to_end && self.bounds().1 < target.precision
    }
}

/// Whether a complaint is in the audit sample: by a hash with a secret, so that each replica says the same and nobody outside
/// can tell beforehand.
pub fn is_sampled(salt: &str, complaint: uuid::Uuid, share: f64) -> bool {
    let mut hash = Sha256::new();
    hash.update(salt.as_bytes());
    hash.update(complaint.as_bytes());
    let digest = hash.finalize();
    let number = digest
        .iter()
        .take(8)
        .fold(0_u64, |n, byte| (n << 8) | u64::from(*byte));
    (number as f64 / u64::MAX as f64) < share
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use time::macros::date;

    use super::*;

    fn of(right: u32, labels: u32) -> Evidence {
        Evidence {
            labels,
            right,
            audited: 0,
        }
    }

    #[test]
    fn few_labels_prove_nothing_either_way() {
        let target = target(date!(2026 - 11 - 24)).unwrap();
        assert!((0.5..1.0).contains(&target.precision) && !target.basis.is_empty());
        assert!(!of(0, 0).is_enough(&target) && !of(0, 0).is_too_low(&target));
        assert!(!of(10, 10).is_enough(&target), "all right, but few");
        assert!(!of(0, 1).is_too_low(&target), "one is chance");
        assert!(of(98, 100).is_enough(&target));
        assert!(!of(90, 100).is_enough(&target), "the bound, not the share");
        assert!(of(70, 100).is_too_low(&target) && of(2, 12).is_too_low(&target));
    }

    #[test]
    fn the_sample_has_its_share_and_differs_with_the_secret() {
        let ids: Vec<uuid::Uuid> = (0..20_000_u128)
            .map(|n| uuid::Uuid::from_u128(n << 64 | 7))
            .collect();
        let sample = |salt: &str| -> Vec<bool> {
            ids.iter().map(|id| is_sampled(salt, *id, 0.02)).collect()
        };
        let (one, other) = (sample("a"), sample("b"));
        let count = one.iter().filter(|in_it| **in_it).count();
        assert!((300..500).contains(&count), "{count} of 20,000");
        assert_ne!(one, other);
        assert!(
            ids.iter()
                .all(|id| is_sampled("a", *id, 1.1) && !is_sampled("a", *id, 0.0))
        );
    }

    proptest! {
        #[test]
        fn nothing_is_enough_and_too_low_at_once(labels in 0..500_u32, share in 0.0..1.0_f64) {
            let target = target(date!(2026 - 11 - 24)).unwrap();
            let right = (f64::from(labels) * share) as u32;
            let (lower, upper) = of(right, labels).bounds();
            prop_assert!((0.0..=1.0).contains(&lower) && lower <= upper && upper <= 1.0);
            prop_assert!(!(of(right, labels).is_enough(&target) && of(right, labels).is_too_low(&target)));
        }
    }
}
