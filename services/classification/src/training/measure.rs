//! How good a model is on rows that it has not seen.

use super::calibrate::best;
use super::data::Row;
use crate::domain::model::{HEADS, Model};

/// Bins of the expected calibration error.
const BINS: usize = 10;

/// Figures of one head.
#[derive(Debug, Clone, Default)]
pub struct Figures {
    /// Labelled rows.
    pub rows: usize,
    /// Share of right answers.
    pub accuracy: f32,
    /// Mean of the classes' F1, over the classes that occur.
    pub macro_f1: f32,
    /// Share of rows whose label is among the first three.
    pub top3: f32,
    /// Expected calibration error of the confidence.
    pub ece: f32,
    /// Share of rows above the model's threshold.
    pub answered: f32,
    /// Share of those that are right.
    pub precision: f32,
    /// Class, rows, recall, precision.
    pub classes: Vec<(String, usize, f32, f32)>,
}

/// Measures one head.
pub fn measure(model: &Model, rows: &[&Row], head: usize) -> Figures {
    let spec = model.head(HEADS[head]);
    let count = spec.classes.len();
    let (mut right_of, mut said, mut there) = (vec![0; count], vec![0; count], vec![0; count]);
    let mut bins = [(0_usize, 0.0_f32, 0.0_f32); BINS];
    let (mut all, mut right, mut top3, mut answered, mut answered_right) = (0, 0, 0, 0, 0);
    for row in rows {
        let Some(label) = row.labels[head] else {
            continue;
        };
        let scores = model.score(&model.vector(&row.text));
        let probabilities = scores.of(HEADS[head]);
        let answer = best(probabilities);
        let hit = answer == label;
        all += 1;
        right += usize::from(hit);
        top3 += usize::from(
            probabilities
                .iter()
                .filter(|p| **p > probabilities[label])
                .count()
                < 3,
        );
        said[answer] += 1;
        there[label] += 1;
        right_of[label] += usize::from(hit);
        let confidence = spec.calibrator.confidence(probabilities);
        let bin = &mut bins[((confidence * BINS as f32) as usize).min(BINS - 1)];
        bin.0 += 1;
        bin.1 += confidence;
        bin.2 += if hit { 1.0 } else { 0.0 };
        if confidence >= spec.threshold {
            answered += 1;
            answered_right += usize::from(hit);
        }
    }
    let share = |part: usize, of: usize| {
        if of == 0 {
            0.0
        } else {
            part as f32 / of as f32
        }
    };
    let classes: Vec<(String, usize, f32, f32)> = (0..count)
        .filter(|&class| there[class] > 0)
        .map(|class| {
            let recall = share(right_of[class], there[class]);
            (
                spec.classes[class].clone(),
                there[class],
                recall,
                share(right_of[class], said[class]),
            )
        })
        .collect();
    let f1 = |recall: f32, precision: f32| {
        if recall + precision > 0.0 {
            2.0 * recall * precision / (recall + precision)
        } else {
            0.0
        }
    };
    Figures {
        rows: all,
        accuracy: share(right, all),
        macro_f1: classes.iter().map(|c| f1(c.2, c.3)).sum::<f32>() / classes.len().max(1) as f32,
        top3: share(top3, all),
        ece: bins
            .iter()
            .map(|(_, sure, hit)| (sure - hit).abs())
            .sum::<f32>()
            / all.max(1) as f32,
        answered: share(answered, all),
        precision: share(answered_right, answered),
        classes,
    }
}
