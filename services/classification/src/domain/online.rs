//! What persons' corrections have taught since a model was trained: differences that lie over its weights.
//!
//! A correction takes effect with one call, and the model beneath stays as it was:
//!
//! ```
//! use classification::domain::classify::{Classifier, Hints};
//! use classification::domain::{hashed::Hashed, model::Head, online::Overlay, text::normalise};
//!
//! let classifier = Classifier::embedded()?;
//! let mut learnt = Overlay::new(classifier.model());            // costs nothing until something is learnt
//! let text = Hashed::of(&normalise("Kapal keruk di muara Pondok Kelapa mogok"));
//! let class = classifier.model().class(Head::Category, "sungai-tanggul").ok_or("no such category")?;
//! learnt.learn(classifier.model(), &text, Head::Category, class);
//! let said = classifier.classify_with(&learnt, "kapal keruk mogok lagi", Hints::default());
//! # assert_eq!((learnt.steps(), said.suggestions.len()), (1, 3));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! * **To replay**: keep [`Hashed::to_bytes`] with the correction. They are independent of the model, so the corrections
//!   after a model's training can be learnt again, in their order, over its successor with a new [`Overlay`].
//! * **To compare replicas**: the same model and the same corrections in the same order give the same bits, so that
//!   [`Overlay::checksum`] after each correction must be equal. It is a function of the state, not of the way to it.
//! * **To take a correction back**: make a new overlay and learn all others again. A step takes some 50 µs.
//! * Words that the model does not know have a hashed region of their own, of a fixed size; two of them may share a place.
//!
//! Memory: nothing at first; then 4 bytes a feature of the model, and 4 bytes a class for each feature met in a correction.

use super::features::Block;
use super::hashed::Hashed;
use super::model::{Entry, Head, Model};

/// Places for features that the model does not know.
pub(super) const OVERFLOW: usize = 1 << 14;
/// How far one correction moves the weights. Found on validation rows, with the reports of another city in their order
/// in time.
const STEP: f32 = 1.0;
/// No difference grows beyond this, so that no run of corrections can drown the model for good.
const MOST: f32 = 8.0;
/// The slot of the constant terms, in the checksum only.
const CONSTANTS: u32 = u32::MAX;
/// Constant terms move by this share of a step: one correction says little of how frequent a class is.
const CONSTANT: f32 = 0.1;

/// Differences over the weights of one model. See the module.
#[derive(Debug, Clone)]
pub struct Overlay {
    features: usize,
    width: usize,
    /// Of a slot: the number of its row in `rows` + 1; empty until something is learnt.
    index: Vec<u32>,
    rows: Vec<f32>,
    constants: Vec<f32>,
    steps: u64,
    checksum: u64,
    step: f32,
}

impl Overlay {
    /// Nothing learnt yet.
    pub fn new(model: &Model) -> Self {
        Self {
            features: model.features(),
            width: model.width(),
            index: Vec::new(),
            rows: Vec::new(),
            constants: Vec::new(),
            steps: 0,
            checksum: 0,
            step: STEP,
        }
    }

    /// The same with another step than the one that was found best, to find it.
    pub fn with_step(model: &Model, step: f32) -> Self {
        Self {
            step,
            ..Self::new(model)
        }
    }

    /// Whether it says anything.
    pub fn is_empty(&self) -> bool {
        self.index.is_empty()
    }

    /// How many corrections were learnt.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// Sum over all differences that are not zero, each mixed with its place: equal for equal states.
    pub fn checksum(&self) -> u64 {
        self.checksum
    }

    /// One step of descent on one answer: `class` of `head` was right for this text. `model` is the one that the overlay
    /// was made for. False, and nothing is learnt: the model has no such class, or it is another model's overlay.
    pub fn learn(&mut self, model: &Model, text: &Hashed, head: Head, class: usize) -> bool {
        let columns = model.columns(head);
        let fits = (self.features, self.width) == (model.features(), model.width());
        if !fits || class >= columns.len() {
            return false;
        }
        if self.is_empty() {
            self.index = vec![0; self.features + OVERFLOW];
            self.constants = vec![0.0; self.width];
        }
        let vector = model.vector_of(text);
        let scores = model.score_with(&vector, Some(self));
        // Manners tell nothing of the topic, as in training.
        let mut slopes: Vec<f32> = scores.of(head).iter().map(|p| -p).collect();
        slopes[class] += 1.0;
        for (column, slope) in columns.clone().zip(&slopes) {
            let before = self.constants[column];
            self.constants[column] =
                self.change(CONSTANTS, column, before, self.step * CONSTANT * slope);
        }
        for &(slot, value, block) in vector.entries() {
            if head.is_topic() && block == Block::Manner {
                continue;
            }
            let row = self.place(slot);
            for (column, slope) in columns.clone().zip(&slopes) {
                let before = self.rows[row + column];
                self.rows[row + column] =
                    self.change(slot, column, before, self.step * value * slope);
            }
        }
        self.steps += 1;
        true
    }

    /// The differences of a feature that the model knows, by class; none: nothing was learnt of it.
    pub(super) fn row(&self, feature: u32) -> Option<&[f32]> {
        let row = self.index.get(feature as usize)?.checked_sub(1)? as usize;
        self.rows.get(row * self.width..(row + 1) * self.width)
    }

    /// The differences of the constant terms, by class; empty until something is learnt.
    pub(super) fn constants(&self) -> &[f32] {
        &self.constants
    }

    /// Adds what was learnt of features to the sums of all classes.
    pub(super) fn add(&self, sums: &mut [f32], entries: &[Entry]) {
        if self.is_empty() {
            return;
        }
        for (sum, constant) in sums.iter_mut().zip(&self.constants) {
            *sum += constant;
        }
        for &(slot, value, _) in entries {
            let Some(row) = self.index[slot as usize].checked_sub(1) else {
                continue;
            };
            let row = row as usize * self.width;
            for (sum, difference) in sums.iter_mut().zip(&self.rows[row..row + self.width]) {
                *sum += value * difference;
            }
        }
    }

    /// Where a slot's row begins; made when it is missing.
    fn place(&mut self, slot: u32) -> usize {
        let row = &mut self.index[slot as usize];
        if *row == 0 {
            self.rows.resize(self.rows.len() + self.width, 0.0);
            *row = (self.rows.len() / self.width) as u32;
        }
        (*row as usize - 1) * self.width
    }

    /// The new value of a difference; the checksum follows.
    fn change(&mut self, slot: u32, column: usize, before: f32, by: f32) -> f32 {
        let after = (before + by).clamp(-MOST, MOST);
        let place = u64::from(slot)
            .wrapping_mul(self.width as u64)
            .wrapping_add(column as u64);
        self.checksum = self
            .checksum
            .wrapping_sub(mixed(place, before))
            .wrapping_add(mixed(place, after));
        after
    }
}

/// A difference and its place as one number; zero for none.
fn mixed(place: u64, difference: f32) -> u64 {
    if difference == 0.0 {
        return 0;
    }
    let mut h = place.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ u64::from(difference.to_bits());
    h ^= h >> 32;
    h = h.wrapping_mul(0xd6e8_feb8_6659_fd93);
    h ^ (h >> 32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::artefact;
    use crate::domain::text::normalise;

    fn model() -> Model {
        artefact::read(include_bytes!("../../data/model-1.bin")).unwrap()
    }

    fn hashed(text: &str) -> Hashed {
        Hashed::of(&normalise(text))
    }

    fn share(model: &Model, overlay: &Overlay, text: &str, class: usize) -> f32 {
        let vector = model.vector_with(&normalise(text), Some(overlay));
        model.score_with(&vector, Some(overlay)).of(Head::Category)[class]
    }

    /// Invented texts with classes, in an order.
    fn lessons(model: &Model) -> Vec<(Hashed, usize)> {
        [
            ("lampu jalan mati di depan pasar", "penerangan-jalan"),
            ("odong-odong menutup jalan tiap malam", "lalu-lintas"),
            ("sumur bor kering, pompa zzqx rusak", "air-bersih"),
            ("pompa zzqx untuk sawah rusak", "irigasi"),
        ]
        .map(|(text, class)| (hashed(text), model.class(Head::Category, class).unwrap()))
        .to_vec()
    }

    fn taught(model: &Model, lessons: &[(Hashed, usize)]) -> Overlay {
        let mut overlay = Overlay::new(model);
        for (text, class) in lessons {
            assert!(overlay.learn(model, text, Head::Category, *class));
        }
        overlay
    }

    #[test]
    fn a_correction_takes_effect_at_once_also_by_words_the_model_does_not_know() {
        let model = model();
        let class = model.class(Head::Category, "irigasi").unwrap();
        let mut overlay = Overlay::new(&model);
        let before = share(&model, &overlay, "zzqx zzqx", class);
        overlay.learn(&model, &hashed("zzqx wvvk"), Head::Category, class);
        let after = share(&model, &overlay, "zzqx zzqx", class);
        assert!(after > before * 1.2, "{before} {after}");
    }

    #[test]
    fn an_empty_overlay_changes_no_bit() {
        let model = model();
        let text = normalise("jalan rusak zzqx di Praya, kapan diperbaiki?");
        let plain = model.score(&model.vector(&text));
        let empty = Overlay::new(&model);
        let vector = model.vector_with(&text, Some(&empty));
        for head in crate::domain::model::HEADS {
            assert_eq!(
                plain.of(head),
                model.score_with(&vector, Some(&empty)).of(head)
            );
        }
        assert!(empty.is_empty() && empty.checksum() == 0);
    }

    #[test]
    fn the_same_corrections_in_the_same_order_give_the_same_bits_also_from_stored_features() {
        let model = model();
        let lessons = lessons(&model);
        let stored: Vec<(Hashed, usize)> = lessons
            .iter()
            .map(|(text, class)| (Hashed::from_bytes(&text.to_bytes()).unwrap(), *class))
            .collect();
        let (a, b) = (taught(&model, &lessons), taught(&model, &stored));
        assert_eq!((a.checksum(), a.steps()), (b.checksum(), 4));
        let bits = |overlay: &Overlay| overlay.rows.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(&a), bits(&b));
        let mut turned = lessons;
        turned.reverse();
        assert_ne!(taught(&model, &turned).checksum(), a.checksum());
    }

    #[test]
    fn the_checksum_is_that_of_the_state() {
        let model = model();
        let overlay = taught(&model, &lessons(&model));
        let mut sum = 0_u64;
        let mut add = |slot: u32, row: &[f32]| {
            for (column, value) in row.iter().enumerate() {
                let place = u64::from(slot)
                    .wrapping_mul(overlay.width as u64)
                    .wrapping_add(column as u64);
                sum = sum.wrapping_add(mixed(place, *value));
            }
        };
        add(CONSTANTS, &overlay.constants);
        for (slot, row) in overlay.index.iter().enumerate() {
            if let Some(row) = row.checked_sub(1) {
                let start = row as usize * overlay.width;
                add(slot as u32, &overlay.rows[start..start + overlay.width]);
            }
        }
        assert_eq!(sum, overlay.checksum());
    }

    #[test]
    fn differences_are_bounded_and_what_does_not_fit_is_not_learnt() {
        let model = model();
        let mut overlay = Overlay::new(&model);
        let text = hashed("zzqx");
        for step in 0..3_000 {
            assert!(overlay.learn(&model, &text, Head::Category, step % 2));
        }
        assert!(overlay.rows.iter().all(|v| v.abs() <= MOST));
        let before = overlay.checksum();
        assert!(!overlay.learn(&model, &text, Head::Category, 10_000));
        assert_eq!((overlay.checksum(), overlay.steps()), (before, 3_000));
    }
}
