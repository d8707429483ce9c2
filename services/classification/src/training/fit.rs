//! Weights by AdaGrad on the cross-entropy of all heads at once.

use std::ops::Range;

use super::data::{Classes, Row, Source};
use super::noise::corrupt;
use super::quantise::quantise;
use super::vocabulary::{vector, vocabulary};
use crate::domain::features::Block;
use crate::domain::labels::Kind;
use crate::domain::model::{Entry, HEADS, Head, Model, softmax};

/// From this probability of thanks or chatter on a report teaches that it is neither.
const MAY_BE_UNREAD: f32 = 0.15;

/// See [`Settings::noisy`].
const MISTYPED: u64 = 30;
/// Slopes below this change nothing that could be seen, and are most of them.
const NEGLIGIBLE: f32 = 5e-4;

/// How a model is fitted.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Passes over the rows.
    pub passes: usize,
    /// Step of AdaGrad.
    pub step: f32,
    /// A feature must stand in so many rows.
    pub rows_with_feature: u32,
    /// At most so many features are kept, those with the greatest weights.
    pub features: usize,
    /// Share of a class's log-frequency that is taken from its constant term (logit adjustment).
    pub adjust: f32,
    /// Weight decay a step.
    pub decay: f32,
    /// How often one of our own rows is seen in a pass: there are few, and they speak of this province. (A greater
    /// weight would do little: AdaGrad divides it out.)
    pub own: usize,
    /// The same for phrases of the lexicon.
    pub lexicon: usize,
    /// Share of a row's features that are left out of each step, so that none learns to rely on another.
    pub dropout: f32,
    /// Share of the steps that see the row with [`MISTYPED`] of 100 words mistyped.
    pub noisy: f32,
    /// Passes over whose ends the weights are averaged, the last ones.
    pub averaged: usize,
    /// How much more a feature counts that tells classes apart (0: not at all).
    pub telling: f32,
    /// Weight of what a report teaches of kinds: whichever it is, it is neither thanks nor chatter.
    pub read: f32,
}

impl Settings {
    fn count(&self, row: &Row) -> usize {
        match row.source {
            Source::Own => self.own,
            Source::Lexicon => self.lexicon,
            Source::Reports => 1,
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            passes: 20,
            step: 0.2,
            rows_with_feature: 2,
            features: 100_000,
            adjust: 0.4,
            decay: 0.0006,
            own: 2,
            read: 0.3,
            dropout: 0.1,
            noisy: 0.6,
            averaged: 5,
            telling: 3.0,
            lexicon: 1,
        }
    }
}

/// Weight of each class of each head: the square root of its rarity, so that rare classes are heard and not shouted.
fn class_weights(rows: &[&Row], classes: &Classes, settings: &Settings) -> [Vec<f32>; HEADS.len()] {
    std::array::from_fn(|head| {
        let mut mass = vec![0.0_f32; classes.names[head].len()];
        for row in rows {
            if let Some(class) = row.labels[head] {
                mass[class] += settings.count(row) as f32;
            }
        }
        let present = mass.iter().filter(|m| **m > 0.0).count().max(1) as f32;
        let mean = mass.iter().sum::<f32>() / present;
        mass.iter()
            .map(|m| {
                if *m > 0.0 {
                    (mean / m).sqrt().clamp(0.3, 4.0)
                } else {
                    0.0
                }
            })
            .collect()
    })
}

fn log_frequencies(rows: &[&Row], classes: usize, head: usize, settings: &Settings) -> Vec<f32> {
    let mut mass = vec![0.5_f32; classes];
    for row in rows {
        if let Some(class) = row.labels[head] {
            mass[class] += settings.count(row) as f32;
        }
    }
    let all: f32 = mass.iter().sum();
    mass.iter().map(|m| (m / all).ln()).collect()
}

/// A small generator of numbers for the order of rows; the same seed gives the same order.
struct Shuffle(u64);

impl Shuffle {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    /// All entries but a share of them, the others the greater for it.
    fn keep(&mut self, vector: &[Entry], left_out: f32, kept: &mut Vec<Entry>) {
        kept.clear();
        if left_out <= 0.0 {
            kept.extend_from_slice(vector);
            return;
        }
        let greater = 1.0 / (1.0 - left_out);
        let below = (left_out * 65_536.0) as u64;
        let mut drawn = 0;
        for (at, &(row, value, block)) in vector.iter().enumerate() {
            // Four draws of 16 bits from each number.
            drawn = if at % 4 == 0 {
                self.next()
            } else {
                drawn >> 16
            };
            if drawn & 0xffff >= below {
                kept.push((row, value * greater, block));
            }
        }
    }

    fn order(&mut self, order: &mut [usize]) {
        for at in (1..order.len()).rev() {
            order.swap(at, self.below(at + 1));
        }
    }
}

pub(super) struct Weights {
    /// features × width; the last row holds the constant terms.
    pub values: Vec<f32>,
    squares: Vec<f32>,
    /// Classes of all heads.
    pub width: usize,
}

impl Weights {
    /// One step in the columns given: a row that says nothing of a head must not wear its weights away.
    fn step(&mut self, row: usize, value: f32, slopes: &[(u32, f32)], settings: &Settings) {
        let at = row * self.width;
        let values = &mut self.values[at..at + self.width];
        let squares = &mut self.squares[at..at + self.width];
        for &(column, slope) in slopes {
            let column = column as usize;
            let weight = &mut values[column];
            let slope = slope * value + settings.decay * *weight;
            squares[column] += slope * slope;
            *weight -= settings.step * slope / (squares[column].sqrt() + 1e-6);
        }
    }
}

/// Fits a model. Its calibrators and thresholds are neutral until [`super::calibrate`] sets them.
pub fn fit(rows: &[&Row], classes: &Classes, settings: &Settings, version: &str) -> Model {
    let vocabulary = vocabulary(rows, settings);
    let vectors: Vec<Vec<Entry>> = rows
        .iter()
        .map(|row| vector(&row.text, &vocabulary))
        .collect();
    let mistyped: Vec<Vec<Entry>> = rows
        .iter()
        .filter(|_| settings.noisy > 0.0)
        .map(|row| vector(&corrupt(&row.text, MISTYPED), &vocabulary))
        .collect();
    let width: usize = classes.names.iter().map(Vec::len).sum();
    let constant = vocabulary.hashes.len();
    let mut weights = Weights {
        values: vec![0.0; (constant + 1) * width],
        squares: vec![0.0; (constant + 1) * width],
        width,
    };
    let class_weights = class_weights(rows, classes, settings);
    let mut shuffle = Shuffle(0x9e37_79b9_7f4a_7c15);
    let mut order: Vec<usize> = (0..rows.len())
        .flat_map(|at| std::iter::repeat_n(at, settings.count(rows[at])))
        .collect();
    let mut slope = vec![0.0_f32; width];
    let mut kept: Vec<Entry> = Vec::new();
    let mut active: Vec<(u32, f32)> = Vec::new();
    let mut mean = vec![0.0_f32; weights.values.len()];
    let averaged = settings.averaged.clamp(1, settings.passes.max(1));
    for pass in 0..settings.passes {
        shuffle.order(&mut order);
        for &at in &order {
            // Our own texts are written as people write, and kinds are told by few words.
            let reports = rows[at].source == Source::Reports;
            let noisy = reports
                && settings.noisy > 0.0
                && shuffle.below(1_000) < (settings.noisy * 1e3) as usize;
            let seen = if noisy { &mistyped[at] } else { &vectors[at] };
            let left_out = if reports { settings.dropout } else { 0.0 };
            shuffle.keep(seen, left_out, &mut kept);
            let sums = sums(&weights, &kept, constant);
            for (taught, frequency) in slopes(
                rows[at],
                classes,
                &class_weights,
                settings,
                &sums,
                &mut slope,
            ) {
                active.clear();
                active.extend(
                    taught
                        .clone()
                        .map(|column| (column as u32, slope[column]))
                        .filter(|(_, slope)| slope.abs() > NEGLIGIBLE),
                );
                // Manners say nothing of the topic; they would only learn whose texts speak of it.
                let topic = topical(&taught, classes);
                for &(row, value, block) in &kept {
                    if !(topic && block == Block::Manner) {
                        weights.step(row as usize, value, &active, settings);
                    }
                }
                if frequency {
                    weights.step(constant, 1.0, &active, settings);
                }
            }
        }
        if pass + averaged >= settings.passes {
            for (mean, value) in mean.iter_mut().zip(&weights.values) {
                *mean += value / averaged as f32;
            }
        }
    }
    weights.values = mean;
    let biases = biases(rows, classes, &weights.values[constant * width..], settings);
    quantise(
        vocabulary,
        &weights,
        classes,
        biases,
        settings,
        version,
        rows.len(),
    )
}

/// Whether these columns are those of a head of topics.
fn topical(taught: &Range<usize>, classes: &Classes) -> bool {
    let mut at = 0;
    HEADS.iter().zip(&classes.names).any(|(head, names)| {
        let start = at;
        at += names.len();
        start == taught.start && head.is_topic()
    })
}

fn sums(weights: &Weights, vector: &[Entry], constant: usize) -> Vec<f32> {
    let width = weights.width;
    let mut sums = weights.values[constant * width..].to_vec();
    for &(row, value, _) in vector {
        let at = row as usize * width;
        for (sum, weight) in sums.iter_mut().zip(&weights.values[at..at + width]) {
            *sum += value * weight;
        }
    }
    sums
}

/// The slope of the loss by each sum, and the columns of the heads that the row teaches, each with
/// whether it teaches how frequent the classes are.
fn slopes(
    row: &Row,
    classes: &Classes,
    class_weights: &[Vec<f32>; HEADS.len()],
    settings: &Settings,
    sums: &[f32],
    slope: &mut [f32],
) -> Vec<(Range<usize>, bool)> {
    let mut at = 0;
    let mut taught = Vec::with_capacity(HEADS.len());
    for (head, weights) in class_weights.iter().enumerate() {
        let end = at + classes.names[head].len();
        let slope = &mut slope[at..end];
        slope.fill(0.0);
        if let Some(label) = row.labels[head] {
            let weight = weights[label];
            if weight > 0.0 {
                taught.push((at..end, true));
                let probabilities = softmax(sums[at..end].iter().copied());
                for (class, (slope, p)) in slope.iter_mut().zip(probabilities).enumerate() {
                    *slope = weight * (p - if class == label { 1.0 } else { 0.0 });
                }
            }
        }
        if HEADS[head] == Head::Kind
            && row.source == Source::Reports
            && heard(&sums[at..end], settings.read, slope)
        {
            taught.push((at..end, false));
        }
        at = end;
    }
    taught
}

/// A report is a matter for somebody, whatever its kind: where the sums say thanks or chatter the slope leads away from
/// these. False: they do not say so.
fn heard(sums: &[f32], weight: f32, slope: &mut [f32]) -> bool {
    let probabilities = softmax(sums.iter().copied());
    let wrong: f32 = probabilities
        .iter()
        .enumerate()
        .filter(|(kind, _)| unread(*kind))
        .map(|(_, p)| p)
        .sum();
    if wrong < MAY_BE_UNREAD {
        return false;
    }
    for (kind, (slope, p)) in slope.iter_mut().zip(probabilities).enumerate() {
        let wanted = if unread(kind) {
            0.0
        } else {
            p / (1.0 - wrong).max(1e-6)
        };
        *slope = weight * (p - wanted);
    }
    true
}

/// Thanks and chatter, by the number of the class: what no agency gets.
pub fn unread(kind: usize) -> bool {
    Kind::ALL.get(kind).is_some_and(|kind| kind.is_unread())
}

fn biases(
    rows: &[&Row],
    classes: &Classes,
    constants: &[f32],
    settings: &Settings,
) -> [Vec<f32>; HEADS.len()] {
    let mut at = 0;
    std::array::from_fn(|head| {
        let count = classes.names[head].len();
        let own = &constants[at..at + count];
        at += count;
        // Only topics have long tails; kinds and urgencies are few and written for.
        let adjust = if HEADS[head].is_topic() {
            settings.adjust
        } else {
            0.0
        };
        let frequencies = log_frequencies(rows, count, head, settings);
        own.iter()
            .zip(frequencies)
            .map(|(bias, frequency)| bias - adjust * frequency)
            .collect()
    })
}
