//! The linear model: one vector of features, several softmax heads.
//!
//! Weights are kept as `i8` with one scale a row and head: a row of all heads' classes lies together in memory, so
//! that a further head costs next to nothing.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::calibration::{Calibrator, Register};
use super::features::{BLOCKS, Block, NO_WORD, Occurrence, extract, word_hash};
use super::hashed::Hashed;
use super::online::{OVERFLOW, Overlay};
use super::text::words;

/// Heads of a model, in the order in which their classes lie in a row.
pub const HEADS: [Head; 4] = [Head::Category, Head::Kind, Head::Urgency, Head::Opd];

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
    /// The agency that would get it.
    Opd,
}

impl Head {
    /// It tells what a text is about, to which words of manner say nothing.
    pub const fn is_topic(self) -> bool {
        matches!(self, Head::Category | Head::Opd)
    }
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
    /// The same for answers of each class in each register (formal, informal), where validation rows sufficed; empty: the
    /// one above for all.
    #[serde(default)]
    pub thresholds: Vec<[f32; 2]>,
}

impl HeadSpec {
    /// Below this confidence an answer of that class is left to a person. Of an unknown register: the greater of both.
    pub fn threshold_for(&self, class: usize, register: Option<Register>) -> f32 {
        match (self.thresholds.get(class), register) {
            (None, _) => self.threshold,
            (Some(both), Some(register)) => both[register as usize],
            (Some(both), None) => both[0].max(both[1]),
        }
    }
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
    /// The value of a feature that the model has never met: that of the rarest it knows.
    rarest: f32,
}

/// A feature of a text: its slot (the model's row, or a place in the overflow of an overlay), its value, its block.
pub type Entry = (u32, f32, Block);

/// A text's features with their values.
#[derive(Debug, Default)]
pub struct Vector {
    /// By slot; those that the model knows stand first.
    entries: Vec<Entry>,
    /// How many of them the model knows: their slots are its rows.
    known: usize,
    /// (row, number of the word it comes from), as they occur.
    occurrences: Vec<(u32, u16)>,
}

impl Vector {
    /// The features that the model knows: row, value and block, by row.
    pub fn known(&self) -> &[Entry] {
        &self.entries[..self.known]
    }

    /// All features, those behind that an overlay alone may know.
    pub(super) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The model knows none of the text's words or letters: how long it is says nothing of what it says.
    pub fn is_empty(&self) -> bool {
        let shape = |entry: &Entry| entry.2 == Block::Manner;
        self.known().iter().all(shape)
    }
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
        let rarest = idf.iter().copied().fold(1.0, f32::max);
        Self {
            rarest,
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

    /// Where a head's classes lie among all heads' classes.
    pub fn columns(&self, head: Head) -> Range<usize> {
        let start = self.card.heads[..head as usize]
            .iter()
            .map(|spec| spec.classes.len())
            .sum();
        start..start + self.head(head).classes.len()
    }

    /// The number of a head's class.
    pub fn class(&self, head: Head, name: &str) -> Option<usize> {
        self.head(head).classes.iter().position(|c| c == name)
    }

    /// The vector of a normalised text: sublinear term frequency times idf, length one in each block.
    pub fn vector(&self, text: &str) -> Vector {
        self.vector_with(text, None)
    }

    /// The same, with what an overlay may know and the model does not.
    pub fn vector_with(&self, text: &str, overlay: Option<&Overlay>) -> Vector {
        let learning = overlay.is_some_and(|overlay| !overlay.is_empty());
        let mut occurrences = Vec::with_capacity(512);
        let mut counted: Vec<(u32, Block)> = Vec::with_capacity(512);
        extract(text, |Occurrence { hash, word, block }| {
            if let Some(row) = self.row(hash) {
                occurrences.push((row, word));
                counted.push((row, block));
            } else if learning {
                counted.push((self.overflow(hash), block));
            }
        });
        Vector {
            occurrences,
            ..self.weighed(&mut counted)
        }
    }

    /// The vector of stored features; of none of its words is known where it stood.
    pub fn vector_of(&self, text: &Hashed) -> Vector {
        let mut counted: Vec<(u32, Block)> = Vec::with_capacity(text.entries().len() * 2);
        for entry in text.entries() {
            let slot = self
                .row(entry.hash)
                .unwrap_or_else(|| self.overflow(entry.hash));
            counted.extend(std::iter::repeat_n((slot, entry.block), entry.count.into()));
        }
        self.weighed(&mut counted)
    }

    fn weighed(&self, counted: &mut [(u32, Block)]) -> Vector {
        let known = self.hashes.len() as u32;
        let idf = |row: u32| self.idf.get(row as usize).copied().unwrap_or(self.rarest);
        let entries = weigh(counted, known, idf);
        Vector {
            known: entries.partition_point(|&(slot, ..)| slot < known),
            entries,
            occurrences: Vec::new(),
        }
    }

    /// The slot of a feature that the model does not know.
    fn overflow(&self, hash: u64) -> u32 {
        (self.hashes.len() + (hash as usize & (OVERFLOW - 1))) as u32
    }

    /// The heads' distributions.
    pub fn score(&self, vector: &Vector) -> Scores {
        self.score_with(vector, None)
    }

    /// The same, with what an overlay has learnt since. The vector must be of the same overlay, or of the model alone.
    pub fn score_with(&self, vector: &Vector, overlay: Option<&Overlay>) -> Scores {
        let mut sums = vec![0.0_f32; self.width];
        for &(row, value, _) in vector.known() {
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
        if let Some(overlay) = overlay {
            overlay.add(&mut sums, &vector.entries);
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
        let column = self.columns(head).start + class;
        let mut by_word: Vec<f32> = Vec::new();
        for &(row, word) in &vector.occurrences {
            if word == NO_WORD {
                continue;
            }
            let Ok(entry) = vector.entries.binary_search_by_key(&row, |&(row, ..)| row) else {
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

/// From occurrences (slot, block) to values: `(1 + ln tf) · idf`, then length one within each block. Slots from `known` on
/// are of features that the model does not know: they do not change the values of those that it does.
pub fn weigh(counted: &mut [(u32, Block)], known: u32, idf: impl Fn(u32) -> f32) -> Vec<Entry> {
    counted.sort_unstable();
    let mut entries: Vec<Entry> = Vec::with_capacity(counted.len());
    let mut squares = [[0.0_f32; BLOCKS]; 2];
    for same in counted.chunk_by(|a, b| a.0 == b.0) {
        let (slot, block) = same[0];
        let value = (1.0 + (same.len() as f32).ln()) * idf(slot);
        squares[usize::from(slot >= known)][block as usize] += value * value;
        entries.push((slot, value, block));
    }
    let [of_known, of_unknown] = squares;
    let norm = |square: f32| {
        if square > 0.0 {
            square.sqrt().recip()
        } else {
            0.0
        }
    };
    let norms = [
        of_known.map(norm),
        std::array::from_fn(|block| norm(of_known[block] + of_unknown[block])),
    ];
    for (slot, value, block) in &mut entries {
        *value *= norms[usize::from(*slot >= known)][*block as usize];
    }
    entries
}

/// Probabilities from logits. The exponential is rounded from a finer one, so that it does not depend on whose C library
/// computes it: replicas must learn the same bits.
pub fn softmax(logits: impl Iterator<Item = f32>) -> Vec<f32> {
    let mut out: Vec<f32> = logits.collect();
    let greatest = out.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let mut sum = 0.0;
    for value in &mut out {
        *value = f64::from(*value - greatest).exp() as f32;
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
