//! Weights by AdaGrad on the cross-entropy of all heads at once.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use super::data::{Classes, Row, Source};
use crate::domain::calibration::Calibrator;
use crate::domain::features::{Block, extract};
use crate::domain::labels::Kind;
use crate::domain::model::{Card, HEADS, Head, HeadSpec, Model, softmax, weigh};

/// From this probability of thanks or chatter on a report teaches that it is neither.
const MAY_BE_UNREAD: f32 = 0.15;

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
            rows_with_feature: 3,
            features: 100_000,
            adjust: 0.4,
            decay: 0.0006,
            own: 4,
            read: 0.3,
            lexicon: 2,
        }
    }
}

struct Vocabulary {
    hashes: Vec<u64>,
    idf: Vec<f32>,
    /// Whether it tells what the writer wants and not what about.
    manner: Vec<bool>,
    rows: HashMap<u64, u32>,
}

fn vocabulary(rows: &[&Row], settings: &Settings) -> Vocabulary {
    let mut counts: HashMap<u64, (u32, u32)> = HashMap::new();
    let mut manners: HashSet<u64> = HashSet::new();
    let mut seen: Vec<u64> = Vec::new();
    for row in rows {
        seen.clear();
        extract(&row.text, |occurrence| {
            seen.push(occurrence.hash);
            if occurrence.block == Block::Manner {
                manners.insert(occurrence.hash);
            }
        });
        seen.sort_unstable();
        seen.dedup();
        // A feature of our own texts or words is kept when it stands once: there are few, and they speak of here.
        let worth = match row.source {
            Source::Lexicon | Source::Own => settings.rows_with_feature,
            Source::Reports => 1,
        };
        for &hash in &seen {
            let count = counts.entry(hash).or_default();
            count.0 += 1;
            count.1 += worth;
        }
    }
    let mut kept: Vec<(u64, u32)> = counts
        .into_iter()
        .filter(|(_, (_, worth))| *worth >= settings.rows_with_feature)
        .map(|(hash, (count, _))| (hash, count))
        .collect();
    kept.sort_unstable();
    let all = rows.len() as f32;
    let hashes: Vec<u64> = kept.iter().map(|&(hash, _)| hash).collect();
    let idf = kept
        .iter()
        .map(|&(_, count)| ((1.0 + all) / (1.0 + count as f32)).ln() + 1.0)
        .collect();
    let rows = hashes
        .iter()
        .enumerate()
        .map(|(row, &hash)| (hash, row as u32))
        .collect();
    let manner = hashes.iter().map(|hash| manners.contains(hash)).collect();
    Vocabulary {
        hashes,
        idf,
        manner,
        rows,
    }
}

fn vector(text: &str, vocabulary: &Vocabulary) -> Vec<(u32, f32)> {
    let mut counted: Vec<(u32, Block)> = Vec::new();
    extract(text, |occurrence| {
        if let Some(&row) = vocabulary.rows.get(&occurrence.hash) {
            counted.push((row, occurrence.block));
        }
    });
    let known = vocabulary.idf.len() as u32;
    weigh(&mut counted, known, |row| vocabulary.idf[row as usize])
        .into_iter()
        .map(|(row, value, _)| (row, value))
        .collect()
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
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % end as u64) as usize
    }

    fn order(&mut self, order: &mut [usize]) {
        for at in (1..order.len()).rev() {
            order.swap(at, self.below(at + 1));
        }
    }
}

struct Weights {
    /// features × width; the last row holds the constant terms.
    values: Vec<f32>,
    squares: Vec<f32>,
    width: usize,
}

impl Weights {
    /// One step in the columns of `taught` alone: a row that says nothing of a head must not wear its weights away.
    fn step(
        &mut self,
        row: usize,
        value: f32,
        slope: &[f32],
        taught: &Range<usize>,
        settings: &Settings,
    ) {
        let at = row * self.width;
        let values = &mut self.values[at + taught.start..at + taught.end];
        let squares = &mut self.squares[at + taught.start..at + taught.end];
        for ((weight, square), slope) in values.iter_mut().zip(squares).zip(&slope[taught.clone()])
        {
            let slope = slope * value + settings.decay * *weight;
            *square += slope * slope;
            *weight -= settings.step * slope / (square.sqrt() + 1e-6);
        }
    }
}

/// Fits a model. Its calibrators and thresholds are neutral until [`super::calibrate`] sets them.
pub fn fit(rows: &[&Row], classes: &Classes, settings: &Settings, version: &str) -> Model {
    let vocabulary = vocabulary(rows, settings);
    let vectors: Vec<Vec<(u32, f32)>> = rows
        .iter()
        .map(|row| vector(&row.text, &vocabulary))
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
    for _ in 0..settings.passes {
        shuffle.order(&mut order);
        for &at in &order {
            let sums = sums(&weights, &vectors[at], constant);
            for (taught, frequency) in slopes(
                rows[at],
                classes,
                &class_weights,
                settings,
                &sums,
                &mut slope,
            ) {
                // Manners say nothing of the topic; they would only learn whose texts speak of it.
                let topic = taught.start == 0;
                for &(row, value) in &vectors[at] {
                    if topic && vocabulary.manner[row as usize] {
                        continue;
                    }
                    weights.step(row as usize, value, &slope, &taught, settings);
                }
                if frequency {
                    weights.step(constant, 1.0, &slope, &taught, settings);
                }
            }
        }
    }
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

fn sums(weights: &Weights, vector: &[(u32, f32)], constant: usize) -> Vec<f32> {
    let width = weights.width;
    let mut sums = weights.values[constant * width..].to_vec();
    for &(row, value) in vector {
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
        // Only the category has long tails; kinds and urgencies are few and written for.
        let adjust = if head == 0 { settings.adjust } else { 0.0 };
        let frequencies = log_frequencies(rows, count, head, settings);
        own.iter()
            .zip(frequencies)
            .map(|(bias, frequency)| bias - adjust * frequency)
            .collect()
    })
}

fn quantise(
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
            calibrator: Calibrator {
                weights: [1.0, 0.0, 0.0],
                bias: 0.0,
            },
            threshold: 0.0,
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
