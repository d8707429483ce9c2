//! Calibrators and thresholds, from rows that the weights have not seen.

use crate::domain::calibration::{Calibrator, SIGNALS};
use crate::domain::model::{HeadSpec, Model};

/// z of a one-sided 90 % lower bound.
const Z90: f32 = 1.2816;
/// A threshold must be seen on so many rows.
const FEWEST: usize = 15;

/// The class with the greatest probability.
pub fn best(probabilities: &[f32]) -> usize {
    probabilities
        .iter()
        .enumerate()
        .max_by(|a, b| a.1.total_cmp(b.1))
        .map_or(0, |(class, _)| class)
}

/// A logistic regression of "right" (the second of each pair) on the signals, by plain descent; there are four numbers to find.
pub fn calibrator(answers: &[([f32; SIGNALS], bool)]) -> Calibrator {
    let mut fitted = Calibrator {
        weights: [1.0, 0.0, 0.0],
        bias: 0.0,
    };
    let count = answers.len().max(1) as f32;
    for _ in 0..4_000 {
        let mut slope = [0.0_f32; SIGNALS + 1];
        for (x, right) in answers {
            let error = fitted.of(x) - if *right { 1.0 } else { 0.0 };
            for (slope, x) in slope.iter_mut().zip(x) {
                *slope += error * x;
            }
            slope[SIGNALS] += error;
        }
        for (weight, slope) in fitted.weights.iter_mut().zip(slope) {
            *weight -= 0.1 * slope / count;
        }
        fitted.bias -= 0.1 * slope[SIGNALS] / count;
    }
    fitted
}

/// The lowest threshold above which the answers were right with at least `precision`, by the lower bound of Wilson's
/// interval; 1 when there is none.
pub fn threshold(
    calibrator: &Calibrator,
    answers: &[([f32; SIGNALS], bool)],
    precision: f32,
) -> f32 {
    let mut sure: Vec<(f32, bool)> = answers
        .iter()
        .map(|(x, right)| (calibrator.of(x), *right))
        .collect();
    sure.sort_by(|a, b| b.0.total_cmp(&a.0));
    let mut right = 0;
    let mut lowest = 1.0;
    for (at, (confidence, was_right)) in sure.iter().enumerate() {
        right += usize::from(*was_right);
        if at + 1 >= FEWEST && wilson(right, at + 1) >= precision {
            lowest = *confidence;
        }
    }
    lowest
}

/// Lower bound of Wilson's interval for `right` of `all`, one-sided 90 %.
fn wilson(right: usize, all: usize) -> f32 {
    let n = all as f32;
    let p = right as f32 / n;
    let z2 = Z90 * Z90;
    let middle = p + z2 / (2.0 * n);
    let spread = Z90 * (p * (1.0 - p) / n + z2 / (4.0 * n * n)).sqrt();
    (middle - spread) / (1.0 + z2 / n)
}

/// The same model with calibrators and thresholds.
pub fn with(model: Model, settings: &[(Calibrator, f32)]) -> Model {
    let mut card = model.card().clone();
    for (spec, (calibrator, threshold)) in card.heads.iter_mut().zip(settings) {
        let changed = HeadSpec {
            calibrator: calibrator.clone(),
            threshold: *threshold,
            ..spec.clone()
        };
        *spec = changed;
    }
    model.with_card(card)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_threshold_keeps_its_precision_by_the_lower_bound() {
        let calibrator = Calibrator {
            weights: [1.0, 0.0, 0.0],
            bias: 0.0,
        };
        let answers: Vec<_> = (0..200)
            .map(|i| ([i as f32 / 50.0, 0.0, 0.0], i >= 100))
            .collect();
        let lowest = threshold(&calibrator, &answers, 0.9);
        let kept: Vec<_> = answers
            .iter()
            .filter(|(x, _)| 1.0 / (1.0 + (-x[0]).exp()) >= lowest)
            .collect();
        let right = kept.iter().filter(|(_, right)| *right).count();
        assert!(kept.len() > 90 && right as f32 / kept.len() as f32 >= 0.9);
        assert_eq!(
            threshold(&calibrator, &vec![([1.0; 3], false); 50], 0.9),
            1.0
        );
    }

    #[test]
    fn a_calibrator_learns_that_sure_answers_are_right_more_often() {
        let answers: Vec<_> = (0..400)
            .map(|i| ([(i % 8) as f32 - 4.0, 0.0, 0.0], i % 8 >= 4 || i % 5 == 0))
            .collect();
        let fitted = calibrator(&answers);
        assert!(fitted.weights[0] > 0.2);
    }
}
