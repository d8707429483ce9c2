//! The way from rows to a finished model: fit on some, calibrate on others, fit again on all.

use super::calibrate::{answers, calibrator, threshold, with};
use super::data::{Classes, Row};
use super::fit::{Settings, fit};
use crate::domain::calibration::Calibrator;
use crate::domain::model::{HEADS, Model};

/// Precision that each head must keep above its threshold: category, kind, urgency.
pub const PRECISION: [f32; HEADS.len()] = [0.85, 0.60, 0.60];

/// Rows whose part is below this are never trained on; they are the test.
pub const TEST_BELOW: u64 = 20;
/// Rows from [`TEST_BELOW`] up to this calibrate.
const CALIBRATE_BELOW: u64 = 35;

/// A finished model from the rows given (test rows must have been taken out before).
pub fn train(rows: &[&Row], classes: &Classes, settings: &Settings, version: &str) -> Model {
    let (tune, base): (Vec<&Row>, Vec<&Row>) =
        rows.iter().partition(|row| row.part < CALIBRATE_BELOW);
    let first = fit(&base, classes, settings, version);
    let found: Vec<(Calibrator, f32)> = (0..HEADS.len())
        .map(|head| {
            let answers = answers(&first, &tune, head);
            let fitted = calibrator(&answers);
            let lowest = threshold(&fitted, &answers, PRECISION[head]);
            (fitted, lowest)
        })
        .collect();
    with(fit(rows, classes, settings, version), &found)
}

/// Rows to learn from and rows to test on.
pub fn split(rows: &[Row]) -> (Vec<&Row>, Vec<&Row>) {
    rows.iter().partition(|row| row.part >= TEST_BELOW)
}

/// The newest fifth of the months as test.
pub fn split_by_time(rows: &[Row]) -> (Vec<&Row>, Vec<&Row>) {
    let mut months: Vec<&str> = rows.iter().map(|row| row.month.as_str()).collect();
    months.sort_unstable();
    let newest = months
        .get(months.len() * 4 / 5)
        .copied()
        .unwrap_or_default()
        .to_owned();
    rows.iter().partition(|row| row.month < newest)
}
