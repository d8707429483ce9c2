//! The texts that ship with this build, all invented: those to learn from, and those that no model may learn from.

use super::data::{Classes, DataError, Row, lexicon, own};
use crate::domain::taxonomy::Taxonomy;

const LEARNT: [&str; 8] = [
    include_str!("../../data/corpus/categories-a.tsv"),
    include_str!("../../data/corpus/categories-b.tsv"),
    include_str!("../../data/corpus/kinds-b.tsv"),
    include_str!("../../data/corpus/infrastructure-health.tsv"),
    include_str!("../../data/corpus/kinds-more.tsv"),
    include_str!("../../data/corpus/kinds.tsv"),
    include_str!("../../data/corpus/school-social-economy.tsv"),
    include_str!("../../data/corpus/village-work-disaster.tsv"),
];
const LEXICON: &str = include_str!("../../data/lexicon.tsv");
const UNSEEN: &str = include_str!("../../data/held-out/unseen.tsv");
const FROZEN_TOPICS: &str = include_str!("../../data/held-out/frozen/topics.tsv");
const FROZEN_GATE: &str = include_str!("../../data/held-out/frozen/gate.tsv");
const SEEN: &str = include_str!("../../data/held-out/seen.tsv");

/// The corpus. A fifth of it, chosen by the text's hash, is for tests ([`super::recipe::split`]).
///
/// # Errors
/// When the committed corpus has a label that is not known, which a test would have shown.
pub fn corpus(classes: &Classes, taxonomy: &Taxonomy) -> Result<Vec<Row>, DataError> {
    let mut rows = Vec::new();
    for file in LEARNT {
        rows.extend(own(file, classes, taxonomy)?);
    }
    Ok(rows)
}

/// Words of each category, to learn from.
///
/// # Errors
/// As [`corpus`].
pub fn words(classes: &Classes) -> Result<Vec<Row>, DataError> {
    lexicon(LEXICON, classes)
}

/// Texts that no model learns from, written after all that could have been fitted to them was fixed.
///
/// # Errors
/// As [`corpus`].
pub fn unseen(classes: &Classes, taxonomy: &Taxonomy) -> Result<Vec<Row>, DataError> {
    own(UNSEEN, classes, taxonomy)
}

/// Texts that no model learns from; but cues, lexicon and trainer were worked on with an eye on the answers.
///
/// # Errors
/// As [`corpus`].
pub fn seen(classes: &Classes, taxonomy: &Taxonomy) -> Result<Vec<Row>, DataError> {
    own(SEEN, classes, taxonomy)
}

/// Texts of all categories by another hand, written before this version's cues and texts to learn from, and read by nobody
/// who worked on these.
///
/// # Errors
/// As [`corpus`].
pub fn frozen_topics(classes: &Classes, taxonomy: &Taxonomy) -> Result<Vec<Row>, DataError> {
    own(FROZEN_TOPICS, classes, taxonomy)
}

/// The same, hard cases of what a writer wants.
///
/// # Errors
/// As [`corpus`].
pub fn frozen_gate(classes: &Classes, taxonomy: &Taxonomy) -> Result<Vec<Row>, DataError> {
    own(FROZEN_GATE, classes, taxonomy)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_text_is_labelled_with_what_is_known_and_stands_on_one_side_only() {
        let taxonomy = Taxonomy::embedded().unwrap();
        let classes = Classes::ours(&taxonomy).unwrap();
        let learnt = corpus(&classes, &taxonomy).unwrap();
        let words = words(&classes).unwrap();
        let texts: HashSet<&str> = learnt
            .iter()
            .chain(&words)
            .map(|row| row.text.as_str())
            .collect();
        assert!(learnt.len() >= 2_000 && words.len() > 1_000);
        for held_out in [
            unseen(&classes, &taxonomy).unwrap(),
            seen(&classes, &taxonomy).unwrap(),
        ] {
            for row in &held_out {
                assert!(!texts.contains(row.text.as_str()), "{}", row.text);
            }
            for kind in 0..classes.names[1].len() {
                let of_kind = |row: &&Row| row.labels[1] == Some(kind);
                assert!(held_out.iter().filter(of_kind).count() >= 8);
            }
        }
    }
}
