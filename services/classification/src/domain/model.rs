//! The linear model: one vector of features, several softmax heads.
//!
//! Weights are kept as `i8` with one scale a row and head: a row of all heads' classes lies together in memory, so
//! that a further head costs next to nothing.

use serde::{Deserialize, Serialize};

use super::calibration::Calibrator;
use super::features::{BLOCKS, Block, NO_WORD, Occurrence, extract, word_hash};
use super::text::words;

/// Heads of a model, in the order in which their classes lie in a row.
pub const HEADS: [Head; 3] = [Head::Category, Head::Kind, Head::Urgency];

/// What a head tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Head {
    /// The category of the taxonomy.
    Category,
    /// What the writer wants.
    Kind,
    /// How soon somebody must look.
    Urgency,
}

/// One head's classes and how its answers are read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HeadSpec {
    /// Which head.
    pub head: Head,
    /// Names of its classes.
    pub classes: Vec<String>,
    /// Constant term of each class.
    pub bias: Vec<f32>,
    /// Gives the confidence of its first class.
    pub calibrator: Calibrator,
    /// Below this confidence the head abstains; chosen on validation rows.
    pub threshold: f32,
}

/// What is known of a model beside its weights.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Card {
    /// Name of this version, for example `2026-11-24.1`.
    pub version: String,
    /// Its heads, in the order of [`HEADS`].
    pub heads: Vec<HeadSpec>,
    /// Rows it was trained on.
    pub rows: usize,
}

/// A trained model. Immutable.
#[derive(Debug, Clone)]
pub struct Model {
    pub(super) card: Card,
    /// Open addressing: the slot of a hash holds its row + 1.
    table: Vec<u32>,
    pub(super) hashes: Vec<u64>,
    pub(super) idf: Vec<f32>,
    pub(super) scales: Vec<[f32; HEADS.len()]>,
    pub(super) weights: Vec<i8>,
    width: usize,
}

/// A text's features that the model knows, with their values.
#[derive(Debug, Default)]
pub struct Vector {
    /// (row, value), by row.
    pub entries: Vec<(u32, f32)>,
    /// (row, number of the word it comes from), as they occur.
    occurrences: Vec<(u32, u16)>,
}

/// The heads' distributions over their classes.
#[derive(Debug, Clone)]
pub struct Scores {
    heads: [Vec<f32>; HEADS.len()],
}

impl Scores {
    /// Probabilities of a head's classes, in the order of its spec.
    pub fn of(&self, head: Head) -> &[f32] {
        &self.heads[head as usize]
    }
}

impl Model {
    /// Puts a model together; the parts must fit (checked by the artefact reader and the trainer).
    pub fn new(
        card: Card,
        hashes: Vec<u64>,
        idf: Vec<f32>,
        scales: Vec<[f32; HEADS.len()]>,
        weights: Vec<i8>,
    ) -> Self {
        let width = card.heads.iter().map(|head| head.classes.len()).sum();
        let table = index(&hashes);
        Self {
            card,
            table,
            hashes,
            idf,
            scales,
            weights,
            width,
        }
    }

    /// The same weights under another card (other calibrators or thresholds, never other classes).
    pub fn with_card(self, card: Card) -> Self {
        Self { card, ..self }
    }

    /// What is known of it.
    pub fn card(&self) -> &Card {
        &self.card
    }

    /// The spec of a head.
    pub fn head(&self, head: Head) -> &HeadSpec {
        &self.card.heads[head as usize]
    }

    /// Number of features it knows.
    pub fn features(&self) -> usize {
        self.hashes.len()
    }

    /// Classes of all heads together.
    pub fn width(&self) -> usize {
        self.width
    }

    /// The row of a feature.
    #[inline]
    pub fn row(&self, hash: u64) -> Option<u32> {
        find(&self.table, &self.hashes, hash)
    }

    /// The vector of a normalised text: sublinear term frequency times idf, length one in each block.
    pub fn vector(&self, text: &str) -> Vector {
        let mut occurrences = Vec::with_capacity(512);
        let mut counted: Vec<(u32, Block)> = Vec::with_capacity(512);
        extract(text, |Occurrence { hash, word, block }| {
            if let Some(row) = self.row(hash) {
                occurrences.push((row, word));
                counted.push((row, block));
            }
        });
        Vector {
            entries: weigh(&mut counted, |row| self.idf[row as usize]),
            occurrences,
        }
    }

    /// The heads' distributions.
    pub fn score(&self, vector: &Vector) -> Scores {
        let mut sums = vec![0.0_f32; self.width];
        for &(row, value) in &vector.entries {
            let row = row as usize;
            let weights = &self.weights[row * self.width..(row + 1) * self.width];
            let mut at = 0;
            for (spec, scale) in self.card.heads.iter().zip(self.scales[row]) {
                let end = at + spec.classes.len();
                let factor = value * scale;
                for (sum, &weight) in sums[at..end].iter_mut().zip(&weights[at..end]) {
                    *sum += factor * f32::from(weight);
                }
                at = end;
            }
        }
        let mut rest = sums.as_slice();
        let heads = std::array::from_fn(|head| {
            let spec = &self.card.heads[head];
            let (own, others) = rest.split_at(spec.classes.len());
            rest = others;
            softmax(own.iter().zip(&spec.bias).map(|(sum, bias)| sum + bias))
        });
        Scores { heads }
    }

    /// The words of a normalised text that spoke most for a class: words that the model knows (never a name that
    /// only this text has), best first.
    pub fn reasons<'t>(
        &self,
        text: &'t str,
        vector: &Vector,
        head: Head,
        class: usize,
        most: usize,
    ) -> Vec<&'t str> {
        let column = class
            + self.card.heads[..head as usize]
                .iter()
                .map(|spec| spec.classes.len())
                .sum::<usize>();
        let mut by_word: Vec<f32> = Vec::new();
        for &(row, word) in &vector.occurrences {
            if word == NO_WORD {
                continue;
            }
            let Ok(entry) = vector.entries.binary_search_by_key(&row, |&(row, _)| row) else {
                continue;
            };
            let weight = self.weights[row as usize * self.width + column];
            let spoke = vector.entries[entry].1
                * self.scales[row as usize][head as usize]
                * f32::from(weight);
            let word = usize::from(word);
            if by_word.len() <= word {
                by_word.resize(word + 1, 0.0);
            }
            by_word[word] += spoke;
        }
        let mut spoken: Vec<(&str, f32)> = words(text)
            .zip(by_word)
            .filter(|(word, spoke)| {
                *spoke > 0.0
                    && word.chars().count() > 2
                    && word.chars().all(char::is_alphabetic)
                    && self.row(word_hash(word)).is_some()
            })
            .collect();
        spoken.sort_by(|a, b| b.1.total_cmp(&a.1));
        let mut best: Vec<&str> = Vec::with_capacity(most);
        for (word, _) in spoken {
            if best.len() == most {
                break;
            }
            if !best.contains(&word) {
                best.push(word);
            }
        }
        best
    }
}

/// From occurrences (row, block) to values: `(1 + ln tf) · idf`, then length one within each block.
pub fn weigh(counted: &mut [(u32, Block)], idf: impl Fn(u32) -> f32) -> Vec<(u32, f32)> {
    counted.sort_unstable_by_key(|&(row, _)| row);
    let mut entries: Vec<(u32, f32)> = Vec::with_capacity(counted.len());
    let mut blocks: Vec<Block> = Vec::with_capacity(counted.len());
    let mut squares = [0.0_f32; BLOCKS];
    for same in counted.chunk_by(|a, b| a.0 == b.0) {
        let (row, block) = same[0];
        let value = (1.0 + (same.len() as f32).ln()) * idf(row);
        squares[block as usize] += value * value;
        entries.push((row, value));
        blocks.push(block);
    }
    let norms = squares.map(|square| {
        if square > 0.0 {
            square.sqrt().recip()
        } else {
            0.0
        }
    });
    for ((_, value), block) in entries.iter_mut().zip(blocks) {
        *value *= norms[block as usize];
    }
    entries
}

/// Probabilities from logits.
pub fn softmax(logits: impl Iterator<Item = f32>) -> Vec<f32> {
    let mut out: Vec<f32> = logits.collect();
    let greatest = out.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let mut sum = 0.0;
    for value in &mut out {
        *value = (*value - greatest).exp();
        sum += *value;
    }
    for value in &mut out {
        *value /= sum;
    }
    out
}

/// A table that finds the row of a hash; half empty, so that probes stay short.
pub(crate) fn index(hashes: &[u64]) -> Vec<u32> {
    let size = (hashes.len() * 2).next_power_of_two().max(2);
    let mut table = vec![0_u32; size];
    for (row, &hash) in hashes.iter().enumerate() {
        let mut slot = hash as usize & (size - 1);
        while table[slot] != 0 {
            slot = (slot + 1) & (size - 1);
        }
        table[slot] = row as u32 + 1;
    }
    table
}

#[inline]
pub(crate) fn find(table: &[u32], hashes: &[u64], hash: u64) -> Option<u32> {
    let mask = table.len() - 1;
    let mut slot = hash as usize & mask;
    loop {
        match table[slot] {
            0 => return None,
            row if hashes[row as usize - 1] == hash => return Some(row - 1),
            _ => slot = (slot + 1) & mask,
        }
    }
}
