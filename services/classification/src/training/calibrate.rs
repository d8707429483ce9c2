//! Calibrators and thresholds, from rows that the weights have not seen.

use crate::domain::calibration::{Calibrator, Register, SIGNALS};

/// z of a one-sided 90 % lower bound.
pub const Z90: f32 = 1.2816;
/// A threshold must be seen on so many rows.
const FEWEST: usize = 15;
/// A class has a threshold of its own in a register when it was answered there so often.
const FEWEST_OF_CLASS: usize = 60;
/// What holds the classes' offsets back, in rows.
const RIDGE: f32 = 4.0;

/// An answer for a row that the weights have not seen.
#[derive(Debug, Clone, Copy)]
pub struct Asked {
    /// Signals of its distribution.
    pub signals: [f32; SIGNALS],
    /// The class that was answered.
    pub said: usize,
    /// It was right.
    pub right: bool,
    /// How the text was written.
    pub register: Option<Register>,
}

/// A logistic regression of "right" on the signals and the class answered, by plain descent. `classes`: how many there
/// are; 0 gives none an offset.
pub fn calibrator(answers: &[Asked], classes: usize) -> Calibrator {
    let mut fitted = Calibrator {
        offsets: vec![0.0; classes],
        ..Calibrator::plain()
    };
    let count = answers.len().max(1) as f32;
    for _ in 0..3_000 {
        let mut slope = [0.0_f32; SIGNALS + 1];
        let mut by_class: Vec<f32> = fitted.offsets.iter().map(|o| RIDGE * o / 10.0).collect();
        for answer in answers {
            let error =
                fitted.of(&answer.signals, answer.said) - if answer.right { 1.0 } else { 0.0 };
            for (slope, x) in slope.iter_mut().zip(answer.signals) {
                *slope += error * x;
            }
            slope[SIGNALS] += error;
            if let Some(slope) = by_class.get_mut(answer.said) {
                *slope += error;
            }
        }
        for (weight, slope) in fitted.weights.iter_mut().zip(slope) {
            *weight -= 0.1 * slope / count;
        }
        fitted.bias -= 0.1 * slope[SIGNALS] / count;
        // Each offset is moved by few rows; its step is the greater for it, and bounded.
        let step = 2.0_f32.min(0.1 * classes as f32);
        for (offset, slope) in fitted.offsets.iter_mut().zip(by_class) {
            *offset -= step * slope / count;
        }
    }
    fitted
}

/// The lowest threshold above which the answers (confidence, right) were right with at least `precision`, by the lower
/// bound of Wilson's interval with this `z` (0: by what was seen); above 1 when there is none.
pub fn threshold(answers: &[(f32, bool)], precision: f32, z: f32) -> f32 {
    let mut sure = answers.to_vec();
    sure.sort_by(|a, b| b.0.total_cmp(&a.0));
    let mut right = 0;
    let mut lowest = NEVER;
    for (at, (confidence, was_right)) in sure.iter().enumerate() {
        right += usize::from(*was_right);
        if at + 1 >= FEWEST && wilson(right, at + 1, z) >= precision {
            lowest = *confidence;
        }
    }
    lowest
}

/// A threshold that no confidence reaches.
pub const NEVER: f32 = 1.01;

/// Thresholds of each class in each register, of those that were answered often enough; the others have `pooled`.
pub fn by_class(
    calibrator: &Calibrator,
    answers: &[Asked],
    classes: usize,
    precision: f32,
    pooled: f32,
) -> Vec<[f32; 2]> {
    let of = |class: usize, register: Register| {
        let own: Vec<(f32, bool)> = answers
            .iter()
            .filter(|a| a.said == class && a.register == Some(register))
            .map(|a| (calibrator.of(&a.signals, a.said), a.right))
            .collect();
        if own.len() < FEWEST_OF_CLASS {
            pooled
        } else {
            threshold(&own, precision, Z90)
        }
    };
    (0..classes)
        .map(|class| [of(class, Register::Formal), of(class, Register::Informal)])
        .collect()
}

/// Lower bound of Wilson's interval for `right` of `all`.
fn wilson(right: usize, all: usize, z: f32) -> f32 {
    let n = all as f32;
    let p = right as f32 / n;
    let z2 = z * z;
    let middle = p + z2 / (2.0 * n);
    let spread = z * (p * (1.0 - p) / n + z2 / (4.0 * n * n)).sqrt();
    (middle - spread) / (1.0 + z2 / n)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(first: f32, said: usize, right: bool) -> Asked {
        Asked {
            signals: [first, 0.0, 0.0],
            said,
            right,
            register: Some(Register::Formal),
        }
    }

    #[test]
    fn a_threshold_keeps_its_precision_by_the_lower_bound() {
        let answers: Vec<(f32, bool)> = (0..200).map(|i| (i as f32 / 200.0, i >= 100)).collect();
        let lowest = threshold(&answers, 0.9, Z90);
        let kept: Vec<_> = answers.iter().filter(|(c, _)| *c >= lowest).collect();
        let right = kept.iter().filter(|(_, right)| *right).count();
        assert!(kept.len() > 90 && right as f32 / kept.len() as f32 >= 0.9);
        assert_eq!(threshold(&[(0.9, false); 50], 0.9, Z90), NEVER);
    }

    #[test]
    fn a_calibrator_learns_that_sure_answers_are_right_more_often_and_some_classes_less() {
        let answers: Vec<_> = (0..800)
            .map(|i| {
                asked(
                    (i % 8) as f32 - 4.0,
                    i % 2,
                    i % 8 >= 4 && (i % 2 == 0 || i % 3 == 0),
                )
            })
            .collect();
        let fitted = calibrator(&answers, 2);
        assert!(fitted.weights[0] > 0.2 && fitted.offsets[0] > fitted.offsets[1] + 0.3);
    }

    #[test]
    fn a_class_that_is_often_mistaken_has_a_higher_threshold_of_its_own() {
        let answers: Vec<_> = (0..400)
            .map(|i| asked(i as f32 / 100.0, i % 2, i % 2 == 0 || i >= 300))
            .collect();
        let plain = Calibrator::plain();
        let found = by_class(&plain, &answers, 3, 0.8, 0.7);
        assert!(found[1][0] > found[0][0]);
        assert_eq!((found[2], found[0][1]), ([0.7, 0.7], 0.7));
    }
}
