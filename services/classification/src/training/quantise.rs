//! Weights as bytes.

use super::data::Classes;
use super::fit::{Settings, Weights};
use super::vocabulary::Vocabulary;
use crate::domain::calibration::Calibrator;
use crate::domain::model::{Card, HEADS, HeadSpec, Model};

/// A finished model of bytes from weights.
pub(super) fn quantise(
    vocabulary: Vocabulary,
    weights: &Weights,
    classes: &Classes,
    biases: [Vec<f32>; HEADS.len()],
    settings: &Settings,
    version: &str,
    rows: usize,
) -> Model {
    let width = weights.width;
    let row_of = |row: usize| &weights.values[row * width..(row + 1) * width];
    let strength =
        |row: usize| vocabulary.idf[row] * row_of(row).iter().map(|w| w * w).sum::<f32>().sqrt();
    let mut kept: Vec<usize> = (0..vocabulary.hashes.len()).collect();
    if kept.len() > settings.features {
        kept.select_nth_unstable_by(settings.features, |&a, &b| {
            strength(b).total_cmp(&strength(a))
        });
        kept.truncate(settings.features);
        kept.sort_unstable();
    }
    let mut scales = Vec::with_capacity(kept.len());
    let mut small = Vec::with_capacity(kept.len() * width);
    for &row in &kept {
        let mut at = 0;
        let mut of_heads = [0.0_f32; HEADS.len()];
        for (scale, names) in of_heads.iter_mut().zip(&classes.names) {
            let part = &row_of(row)[at..at + names.len()];
            at += names.len();
            let greatest = part.iter().fold(0.0_f32, |m, w| m.max(w.abs()));
            *scale = greatest / 127.0;
            let factor = if greatest > 0.0 {
                127.0 / greatest
            } else {
                0.0
            };
            small.extend(part.iter().map(|w| (w * factor).round() as i8));
        }
        scales.push(of_heads);
    }
    let heads = HEADS
        .iter()
        .zip(&classes.names)
        .zip(biases)
        .map(|((&head, names), bias)| HeadSpec {
            head,
            classes: names.clone(),
            bias,
            calibrator: Calibrator::plain(),
            threshold: 0.0,
            thresholds: Vec::new(),
        })
        .collect();
    Model::new(
        Card {
            version: version.to_owned(),
            heads,
            rows,
        },
        kept.iter().map(|&row| vocabulary.hashes[row]).collect(),
        kept.iter().map(|&row| vocabulary.idf[row]).collect(),
        scales,
        small,
    )
}
