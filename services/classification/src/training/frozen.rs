//! The rows by which a new model is let in or not. They ship with this build, so that the same is asked of every model everywhere:
//! our own frozen texts, and rows of the shared reports as hashed features without a word of text (`data/frozen-hashed.bin`).
//!
//! ```
//! use classification::training::frozen;
//! let classifier = classification::domain::classify::Classifier::embedded()?;
//! let champion = frozen::judge(classifier.model())?;
//! let challenger = frozen::judge(classifier.model())?;
//! assert!(challenger.worse_than(&champion, frozen::TOLERATED).is_empty());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! No model that is let in by them may have learnt from them: [`super::recipe::split`] keeps the shared rows out, and the
//! frozen texts are in no corpus.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use super::corpus::{frozen_gate, frozen_topics};
use super::data::{Classes, DataError, Row};
use super::measure::{Answer, measure};
use crate::domain::calibration::first;
use crate::domain::hashed::{Hashed, NotFeatures};
use crate::domain::model::{HEADS, Head, Model, Vector};
use crate::domain::taxonomy::{Taxonomy, TaxonomyError};

const SHARED: &[u8] = include_bytes!("../../data/frozen-hashed.bin");
const MAGIC: &[u8; 8] = b"NTBFROZ1";
/// Of the fifth of the shared reports that no model learns from, the half by hash: enough, and not too large to ship.
pub const SHARED_BELOW: u64 = 10;
/// By so much a figure may fall without the new model being worse: a point.
pub const TOLERATED: f32 = 0.01;

/// Why the frozen rows cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FrozenError {
    /// The file is cut or changed.
    #[error("the frozen rows are no whole file of this version")]
    File,
    /// Its head.
    #[error("the names of the frozen rows' labels cannot be read")]
    Names(#[from] serde_json::Error),
    /// A row's features.
    #[error("a frozen row is refused")]
    Row(#[from] NotFeatures),
    /// The frozen texts.
    #[error("the frozen texts are refused")]
    Texts(#[from] DataError),
    /// The taxonomy that names their classes.
    #[error("the taxonomy is refused")]
    Taxonomy(#[from] TaxonomyError),
}

/// One figure of a model on frozen rows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Score {
    /// Which rows and which head, for example `own/kind`.
    pub name: String,
    /// How many rows.
    pub rows_count: usize,
    /// Share of right answers of the weights alone, without cues.
    pub accuracy_share: f32,
    /// Mean F1 of the classes that occur.
    pub macro_f1_share: f32,
}

/// All figures of a model on frozen rows.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Scores {
    /// In a fixed order.
    pub all: Vec<Score>,
}

impl Scores {
    /// Names of the figures whose macro-F1 is lower than the other's by more than `tolerated`, or that are missing.
    pub fn worse_than(&self, other: &Self, tolerated: f32) -> Vec<String> {
        let own = |name: &str| self.all.iter().find(|score| score.name == name);
        other
            .all
            .iter()
            .filter(|score| {
                own(&score.name)
                    .is_none_or(|own| own.macro_f1_share + tolerated < score.macro_f1_share)
            })
            .map(|score| score.name.clone())
            .collect()
    }
}

/// Asks a model for all frozen rows. Takes about a tenth of a second.
///
/// # Errors
/// When the committed rows cannot be read, which a test would have shown.
pub fn judge(model: &Model) -> Result<Scores, FrozenError> {
    let taxonomy = Taxonomy::embedded()?;
    let classes = Classes::ours(&taxonomy)?;
    let mut own = frozen_topics(&classes, &taxonomy)?;
    own.extend(frozen_gate(&classes, &taxonomy)?);
    let own: Vec<(Vector, [Option<usize>; HEADS.len()])> = own
        .iter()
        .map(|row| (model.vector(&row.text), row.labels))
        .collect();
    let (names, shared) = read(SHARED)?;
    let shared: Vec<_> = shared
        .iter()
        .map(|(text, labels)| (model.vector_of(text), *labels))
        .collect();
    let mut scores = Scores::default();
    for (set, rows, names) in [("own", own, classes.names), ("shared", shared, names)] {
        for head in HEADS {
            scores
                .all
                .extend(score(model, set, &rows, head, &names[head as usize]));
        }
    }
    Ok(scores)
}

/// Features of all frozen rows: what has these must not be learnt from.
///
/// # Errors
/// As [`judge`].
pub fn features() -> Result<HashSet<Vec<u8>>, FrozenError> {
    let taxonomy = Taxonomy::embedded()?;
    let classes = Classes::ours(&taxonomy)?;
    let mut own = frozen_topics(&classes, &taxonomy)?;
    own.extend(frozen_gate(&classes, &taxonomy)?);
    let (_, shared) = read(SHARED)?;
    let own = own.iter().map(|row| Hashed::of(&row.text).to_bytes());
    Ok(own
        .chain(shared.iter().map(|(text, _)| text.to_bytes()))
        .collect())
}

/// A head's figures; none when no row is labelled with it. A label that the model has no class for counts as wrong.
fn score(
    model: &Model,
    set: &str,
    rows: &[(Vector, [Option<usize>; HEADS.len()])],
    head: Head,
    names: &[String],
) -> Option<Score> {
    let spec = model.head(head);
    let of_theirs: Vec<usize> = spec
        .classes
        .iter()
        .map(|class| {
            names
                .iter()
                .position(|name| name == class)
                .unwrap_or(names.len())
        })
        .collect();
    let answers: Vec<Answer> = rows
        .iter()
        .filter_map(|(vector, labels)| {
            let label = labels[head as usize]?;
            let scores = model.score(vector);
            let said = of_theirs[first(scores.of(head))];
            Some(Answer {
                label,
                said,
                suggested: said == label,
                confidence: 0.0,
                acted: true,
            })
        })
        .collect();
    let figures = measure(&answers, names);
    (figures.rows_count > 0).then(|| Score {
        name: format!("{set}/{}", format!("{head:?}").to_lowercase()),
        rows_count: figures.rows_count,
        accuracy_share: figures.accuracy_share,
        macro_f1_share: figures.macro_f1_share,
    })
}

type Labels = [Option<usize>; HEADS.len()];

/// Rows as bytes: names of the classes as JSON, and for each row its labels (`u16`, all ones: none) and features. Lengths
/// are `u32`, numbers little-endian.
///
/// # Errors
/// When the names cannot be written.
pub fn write(rows: &[&Row], classes: &Classes) -> Result<Vec<u8>, FrozenError> {
    let names = serde_json::to_vec(&classes.names)?;
    let mut out = MAGIC.to_vec();
    let mut block = |bytes: &[u8]| {
        out.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
        out.extend_from_slice(bytes);
    };
    block(&names);
    for row in rows {
        let mut bytes = Vec::new();
        for label in row.labels {
            let label = label.map_or(u16::MAX, |label| label as u16);
            bytes.extend_from_slice(&label.to_le_bytes());
        }
        bytes.extend(Hashed::of(&row.text).to_bytes());
        block(&bytes);
    }
    Ok(out)
}

type Read = ([Vec<String>; HEADS.len()], Vec<(Hashed, Labels)>);

fn read(bytes: &[u8]) -> Result<Read, FrozenError> {
    let mut rest = bytes
        .strip_prefix(MAGIC.as_slice())
        .ok_or(FrozenError::File)?;
    let mut block = || -> Result<Option<&[u8]>, FrozenError> {
        if rest.is_empty() {
            return Ok(None);
        }
        let (length, after) = rest.split_first_chunk().ok_or(FrozenError::File)?;
        let length = u32::from_le_bytes(*length) as usize;
        let (own, after) = after.split_at_checked(length).ok_or(FrozenError::File)?;
        rest = after;
        Ok(Some(own))
    };
    let names: [Vec<String>; HEADS.len()] =
        serde_json::from_slice(block()?.ok_or(FrozenError::File)?)?;
    let mut rows = Vec::new();
    while let Some(row) = block()? {
        let (labels, features) = row
            .split_at_checked(2 * HEADS.len())
            .ok_or(FrozenError::File)?;
        let mut own: Labels = [None; HEADS.len()];
        for ((own, bytes), names) in own.iter_mut().zip(labels.as_chunks().0).zip(&names) {
            let label = usize::from(u16::from_le_bytes(*bytes));
            *own = (label < names.len()).then_some(label);
        }
        rows.push((Hashed::from_bytes(features)?, own));
    }
    Ok((names, rows))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::classify::Classifier;

    #[test]
    fn the_shipped_model_is_judged_by_all_heads_and_is_not_worse_than_itself() {
        let classifier = Classifier::embedded().unwrap();
        let scores = judge(classifier.model()).unwrap();
        let names: Vec<&str> = scores.all.iter().map(|s| s.name.as_str()).collect();
        assert_eq!(
            names,
            [
                "own/category",
                "own/kind",
                "own/urgency",
                "own/opd",
                "shared/category",
                "shared/opd"
            ]
        );
        assert!(
            scores
                .all
                .iter()
                .all(|s| s.rows_count > 400 && s.macro_f1_share > 0.2)
        );
        assert!(scores.worse_than(&scores, TOLERATED).is_empty());
        let mut better = scores.clone();
        better.all[1].macro_f1_share += 0.02;
        assert_eq!(scores.worse_than(&better, TOLERATED), ["own/kind"]);
    }

    #[test]
    fn a_cut_file_is_refused() {
        for length in [0, 7, 11, SHARED.len() - 1] {
            assert!(read(&SHARED[..length]).is_err());
        }
    }
}
