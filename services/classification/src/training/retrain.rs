//! The challenger: the shipped model, fitted on what persons corrected, judged on texts that no model learns from.
//!
//! It begins with the shipped weights each time, never with an earlier challenger's: what was erased, or taken back, is then
//! out of the weights with the next retraining. The texts of the other city are not here to be learnt again; what the shipped
//! model had right of the own corpus and the challenger has wrong is rehearsed, so that few corrections do not make it forget.

use std::collections::HashSet;

use super::corpus::corpus;
use super::data::{Classes, DataError, Row};
use super::frozen::{self, FrozenError};
use super::recipe::split;
use crate::domain::bake::{baked, extended};
use crate::domain::calibration::first;
use crate::domain::hashed::Hashed;
use crate::domain::model::{HEADS, Head, Model};
use crate::domain::online::Overlay;
use crate::domain::taxonomy::{Taxonomy, TaxonomyError};

/// Passes over the lessons.
const PASSES: usize = 3;
/// A step is smaller than that of a single correction: each lesson is seen several times.
const STEP: f32 = 0.1;
/// Why nothing can be fitted.
#[derive(Debug, thiserror::Error)]
pub enum RetrainError {
    /// Committed rows.
    #[error("the rows are refused")]
    Data(#[from] DataError),
    /// Committed categories.
    #[error("the taxonomy is refused")]
    Taxonomy(#[from] TaxonomyError),
    /// Frozen rows.
    #[error("the frozen rows are refused")]
    Frozen(#[from] FrozenError),
}

/// One lesson: a text's features, and the class of each head that a person named.
#[derive(Debug, Clone)]
pub struct Lesson {
    /// Of the text.
    pub text: Hashed,
    /// Which heads it teaches, and what.
    pub classes: Vec<(Head, usize)>,
}

/// Texts to rehearse, and those that teach nothing.
#[derive(Debug)]
pub struct Texts {
    rehearsed: Vec<Row>,
    frozen: HashSet<Vec<u8>>,
    classes: Classes,
}

impl Texts {
    /// The committed texts.
    ///
    /// # Errors
    /// When committed data break their own rules, which a test would have shown.
    pub fn embedded() -> Result<Self, RetrainError> {
        let taxonomy = Taxonomy::embedded()?;
        let classes = Classes::ours(&taxonomy)?;
        let own = corpus(&classes, &taxonomy)?;
        Ok(Self {
            rehearsed: split(&own).0.into_iter().cloned().collect(),
            frozen: frozen::features()?,
            classes,
        })
    }

    /// The challenger. Lessons whose text is a frozen one are left out.
    pub fn challenger(&self, base: &Model, lessons: &[Lesson], version: &str) -> Model {
        let lessons: Vec<&Lesson> = lessons
            .iter()
            .filter(|lesson| !self.frozen.contains(&lesson.text.to_bytes()))
            .collect();
        let texts: Vec<&Hashed> = lessons.iter().map(|lesson| &lesson.text).collect();
        let model = extended(base, &texts, &self.ordinary());
        let mut overlay = Overlay::with_step(&model, STEP);
        if lessons.is_empty() {
            return baked(&model, &overlay, version);
        }
        let known = self.right_by(&model);
        for _ in 0..PASSES {
            for lesson in &lessons {
                for &(head, class) in &lesson.classes {
                    overlay.learn(&model, &lesson.text, head, class);
                }
            }
            for (text, head, class) in &known {
                let scores = model.score_with(&model.vector_of(text), Some(&overlay));
                if first(scores.of(*head)) != *class {
                    overlay.learn(&model, text, *head, *class);
                }
            }
        }
        baked(&model, &overlay, version)
    }

    /// Features of the corpus.
    fn ordinary(&self) -> HashSet<u64> {
        let texts = self.rehearsed.iter().map(|row| Hashed::of(&row.text));
        texts
            .flat_map(|text| text.entries().iter().map(|e| e.hash).collect::<Vec<_>>())
            .collect()
    }

    /// What a model has right of the corpus.
    fn right_by(&self, model: &Model) -> Vec<(Hashed, Head, usize)> {
        let mut right = Vec::new();
        for row in &self.rehearsed {
            let text = Hashed::of(&row.text);
            let scores = model.score(&model.vector_of(&text));
            for (at, head) in HEADS.into_iter().enumerate() {
                let label = row.labels[at].map(|label| &self.classes.names[at][label]);
                let class = label.and_then(|name| model.class(head, name));
                if let Some(class) = class.filter(|class| first(scores.of(head)) == *class) {
                    right.push((text.clone(), head, class));
                }
            }
        }
        right
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::artefact;
    use crate::domain::classify::MODEL;
    use crate::domain::text::normalise;

    fn base() -> Model {
        artefact::read(MODEL).unwrap()
    }

    fn lesson(base: &Model, text: &str, category: &str) -> Lesson {
        Lesson {
            text: Hashed::of(&normalise(text)),
            classes: vec![
                (
                    Head::Category,
                    base.class(Head::Category, category).unwrap(),
                ),
                (Head::Kind, base.class(Head::Kind, "complaint").unwrap()),
            ],
        }
    }

    #[test]
    fn a_challenger_knows_what_was_corrected_and_is_no_worse_on_frozen_texts() {
        let (texts, base) = (Texts::embedded().unwrap(), base());
        let before = frozen::judge(&base).unwrap();
        let said = |n| format!("zzqxw wvvkt berisik {n}");
        let lessons: Vec<Lesson> = (0..6).map(|n| lesson(&base, &said(n), "irigasi")).collect();
        let challenger = texts.challenger(&base, &lessons, "uji");
        let now = frozen::judge(&challenger).unwrap();
        let worse = now.worse_than(&before, frozen::TOLERATED);
        assert!(worse.is_empty(), "{worse:?}");
        let share = |model: &Model| {
            let asked = Hashed::of("zzqxw wvvkt berisik");
            let class = model.class(Head::Category, "irigasi").unwrap();
            model.score(&model.vector_of(&asked)).of(Head::Category)[class]
        };
        let (was, is) = (share(&base), share(&challenger));
        assert!(is > was * 1.5 + 0.01, "{was} {is}");
        // With nothing to learn it is the base.
        let same = texts.challenger(&base, &[], "uji");
        assert_eq!(frozen::judge(&same).unwrap(), before);
    }

    #[test]
    fn corrections_that_are_wrong_throughout_make_no_champion() {
        let (texts, base) = (Texts::embedded().unwrap(), base());
        // Somebody calls everything a matter of graves.
        let words = include_str!("../../data/lexicon.tsv");
        let phrases = words.split(['\n', '\t', ';']).map(str::trim);
        let lessons: Vec<Lesson> = phrases
            .filter(|phrase| phrase.contains(' ') && !phrase.contains("makam"))
            .take(1_000)
            .map(|phrase| lesson(&base, phrase, "makam"))
            .collect();
        assert!(lessons.len() > 300);
        let challenger = texts.challenger(&base, &lessons, "uji");
        let (before, now) = (
            frozen::judge(&base).unwrap(),
            frozen::judge(&challenger).unwrap(),
        );
        assert!(!now.worse_than(&before, frozen::TOLERATED).is_empty());
    }

    #[test]
    fn a_frozen_text_teaches_nothing() {
        let (texts, base) = (Texts::embedded().unwrap(), base());
        let text = texts.frozen.iter().next().unwrap();
        let class = base.class(Head::Category, "makam").unwrap();
        let lesson = Lesson {
            text: Hashed::from_bytes(text).unwrap(),
            classes: vec![(Head::Category, class)],
        };
        let challenger = texts.challenger(&base, &[lesson], "uji");
        assert_eq!(
            frozen::judge(&challenger).unwrap(),
            frozen::judge(&base).unwrap()
        );
    }
}
