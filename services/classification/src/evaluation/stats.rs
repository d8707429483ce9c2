//! Figures of answers beside labels, with intervals by resampling.

use super::report::Cell;
use crate::training::calibrate::threshold;

/// Bins of the expected calibration error.
const BINS: usize = 10;
/// Resamples of which an interval is made.
const RESAMPLES: usize = 400;
/// The precision that is asked for where the goal is a realised .945.
pub const SURE: f32 = 0.95;
/// A lower one.
pub const FAIRLY_SURE: f32 = 0.90;

/// One answer of a head beside the label.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Answer {
    /// The class that a person gave.
    pub label: usize,
    /// The likeliest class.
    pub said: usize,
    /// The label is among the three likeliest.
    pub suggested: bool,
    /// How sure the answer was, 0..=1.
    pub confidence: f32,
}

impl Answer {
    /// The answer of a distribution; `confidence` by whoever calibrates it.
    pub fn of(probabilities: &[f32], label: usize, confidence: f32) -> Self {
        let own = probabilities.get(label).copied().unwrap_or(0.0);
        let before = probabilities
            .iter()
            .enumerate()
            .filter(|&(class, p)| *p > own || (*p == own && class > label))
            .count();
        Self {
            label,
            said: crate::domain::calibration::first(probabilities),
            suggested: before < 3,
            confidence,
        }
    }

    fn right(&self) -> bool {
        self.label == self.said
    }
}

/// A share of the answers.
fn share(answers: &[Answer], holds: impl Fn(&Answer) -> bool) -> f64 {
    answers.iter().filter(|a| holds(a)).count() as f64 / answers.len().max(1) as f64
}

/// Share of right answers.
pub fn accuracy(answers: &[Answer]) -> f64 {
    share(answers, Answer::right)
}

/// Share of answers with the label among the first three.
pub fn top3(answers: &[Answer]) -> f64 {
    share(answers, |a| a.suggested)
}

/// Of each class that occurs: its number, rows, recall, precision, F1.
pub fn by_class(answers: &[Answer]) -> Vec<(usize, usize, f64, f64, f64)> {
    let classes = answers
        .iter()
        .map(|a| a.label.max(a.said) + 1)
        .max()
        .unwrap_or(0);
    let (mut there, mut said, mut right) = (vec![0; classes], vec![0; classes], vec![0; classes]);
    for a in answers {
        there[a.label] += 1;
        said[a.said] += 1;
        right[a.label] += usize::from(a.right());
    }
    (0..classes)
        .filter(|&class| there[class] > 0)
        .map(|class| {
            let of = |n: usize| right[class] as f64 / n.max(1) as f64;
            let f1 = 2.0 * right[class] as f64 / (there[class] + said[class]) as f64;
            (class, there[class], of(there[class]), of(said[class]), f1)
        })
        .collect()
}

/// Mean F1 of the classes that occur.
pub fn macro_f1(answers: &[Answer]) -> f64 {
    let classes = by_class(answers);
    classes.iter().map(|class| class.4).sum::<f64>() / classes.len().max(1) as f64
}

/// Expected calibration error of the confidence, in ten bins of equal width.
pub fn ece(answers: &[Answer]) -> f64 {
    let mut bins = [0.0_f64; BINS];
    for a in answers {
        let bin = ((a.confidence * BINS as f32) as usize).min(BINS - 1);
        bins[bin] += f64::from(a.confidence) - if a.right() { 1.0 } else { 0.0 };
    }
    bins.iter().map(|gap| gap.abs()).sum::<f64>() / answers.len().max(1) as f64
}

/// Share of answers at or above a threshold, and the share of these that are right.
pub fn routed(answers: &[Answer], lowest: f32) -> (f64, f64) {
    let sure: Vec<Answer> = answers
        .iter()
        .filter(|a| a.confidence >= lowest)
        .copied()
        .collect();
    (
        sure.len() as f64 / answers.len().max(1) as f64,
        accuracy(&sure),
    )
}

/// The lowest threshold that kept a precision on validation answers.
pub fn threshold_for(validation: &[Answer], precision: f32) -> f32 {
    let answers: Vec<(f32, bool)> = validation
        .iter()
        .map(|a| (a.confidence, a.right()))
        .collect();
    threshold(&answers, precision, 0.0)
}

/// A figure with its 95 % interval: the rows are drawn anew, with repetition. The same rows give the same interval.
pub fn with_interval<T: Copy>(rows: &[T], figure: impl Fn(&[T]) -> f64) -> Cell {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut draw = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % rows.len().max(1) as u64) as usize
    };
    let mut resample: Vec<T> = Vec::with_capacity(rows.len());
    let mut figures: Vec<f64> = (0..RESAMPLES)
        .map(|_| {
            resample.clear();
            resample.extend((0..rows.len()).map(|_| rows[draw()]));
            figure(&resample)
        })
        .collect();
    figures.sort_by(f64::total_cmp);
    Cell {
        value: figure(rows),
        interval: Some([
            figures[RESAMPLES / 40],
            figures[RESAMPLES - 1 - RESAMPLES / 40],
        ]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(label: usize, said: usize, confidence: f32) -> Answer {
        Answer {
            label,
            said,
            suggested: label < 2,
            confidence,
        }
    }

    #[test]
    fn figures_are_those_of_a_count_by_hand() {
        let answers = [
            answer(0, 0, 0.9),
            answer(0, 1, 0.8),
            answer(1, 1, 0.3),
            answer(2, 1, 0.2),
        ];
        assert_eq!((accuracy(&answers), top3(&answers)), (0.5, 0.75));
        // F1 of a: 2/3, of b: 1/2, of c: 0
        assert!((macro_f1(&answers) - (2.0 / 3.0 + 0.5) / 3.0).abs() < 1e-6);
        // gaps of the bins: .9 - 1, .8, .3 - 1, .2
        assert!((ece(&answers) - (0.1 + 0.8 + 0.7 + 0.2) / 4.0).abs() < 1e-6);
        assert_eq!(routed(&answers, 0.85), (0.25, 1.0));
    }

    #[test]
    fn the_label_is_suggested_when_at_most_two_classes_are_likelier() {
        let probabilities = [0.1, 0.4, 0.3, 0.2];
        let suggested = |label| Answer::of(&probabilities, label, 0.5).suggested;
        assert_eq!([0, 1, 2, 3].map(suggested), [false, true, true, true]);
        assert_eq!(Answer::of(&probabilities, 1, 0.5).said, 1);
    }

    #[test]
    fn an_interval_holds_its_figure_and_narrows_with_more_rows() {
        let rows: Vec<Answer> = (0..400).map(|i| answer(0, i % 2, 0.5)).collect();
        let [few, many] = [&rows[..40], &rows[..]].map(|rows| with_interval(rows, accuracy));
        let width = |cell: Cell| cell.interval.map(|[from, to]| to - from).unwrap();
        assert!(width(many) < width(few) && width(many) > 0.02);
        assert_eq!(many.value, 0.5);
    }
}
