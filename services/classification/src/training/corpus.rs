//! The texts that ship with this build, all invented: those to learn from, and those that no model may learn from.

use super::data::{Classes, DataError, Row, own};
use crate::domain::taxonomy::Taxonomy;

const LEARNT: [&str; 5] = [
    include_str!("../../data/corpus/infrastructure-health.tsv"),
    include_str!("../../data/corpus/kinds-more.tsv"),
    include_str!("../../data/corpus/kinds.tsv"),
    include_str!("../../data/corpus/school-social-economy.tsv"),
    include_str!("../../data/corpus/village-work-disaster.tsv"),
];
const PROBE: &str = include_str!("../../data/held-out/probe.tsv");

/// The classes of every model of this build: the categories of its taxonomy, all kinds, all urgencies.
pub fn classes(taxonomy: &Taxonomy) -> Classes {
    Classes::new(
        taxonomy
            .categories()
            .iter()
            .map(|category| category.code.clone())
            .collect(),
    )
}

/// The corpus. A fifth of it, chosen by the text's hash, is for tests ([`super::recipe::split`]).
///
/// # Errors
/// When the committed corpus has a label that is not known, which a test would have shown.
pub fn corpus(classes: &Classes) -> Result<Vec<Row>, DataError> {
    let mut rows = Vec::new();
    for file in LEARNT {
        rows.extend(own(file, classes)?);
    }
    Ok(rows)
}

/// Texts written before the model that they probe, in a file of their own; never trained on.
///
/// # Errors
/// As [`corpus`].
pub fn probe(classes: &Classes) -> Result<Vec<Row>, DataError> {
    own(PROBE, classes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_text_is_labelled_with_what_is_known_and_stands_on_one_side_only() {
        let classes = classes(&Taxonomy::embedded().unwrap());
        let learnt = corpus(&classes).unwrap();
        let probe = probe(&classes).unwrap();
        let texts: HashSet<&str> = learnt.iter().map(|row| row.text.as_str()).collect();
        assert!(learnt.len() > 1_000 && probe.len() >= 150);
        for row in &probe {
            assert!(!texts.contains(row.text.as_str()), "{}", row.text);
        }
        for kind in 0..classes.names[1].len() {
            assert!(
                probe
                    .iter()
                    .filter(|row| row.labels[1] == Some(kind))
                    .count()
                    >= 10
            );
        }
    }
}
