//! Rows to learn from: the project's own corpus, and a file of labelled reports of another city.

use std::collections::HashMap;

use crate::domain::hash::hash;
use crate::domain::labels::{Kind, Urgency};
use crate::domain::model::HEADS;
use crate::domain::text::normalise;

/// How the other city's categories correspond to ours.
const MAPPING_CSV: &str = include_str!("../../data/mapping-surabaya.csv");

/// Namespace of the hash that splits rows; not that of features.
const SPLIT: u8 = 250;
/// The greatest [`Row::part`].
const LAST_PART: u64 = 99;

/// Why rows cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// Not the columns that were expected.
    #[error("the rows cannot be read")]
    Csv(#[from] csv::Error),
    /// A label that the taxonomy or the mapping does not know.
    #[error("{0:?} is not a label that is known")]
    Label(String),
}

/// Where a row comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// `data/corpus`.
    Own,
    /// `data/lexicon.tsv`.
    Lexicon,
    /// The reports of another city.
    Reports,
}

/// One labelled text.
#[derive(Debug, Clone)]
pub struct Row {
    /// As features see it.
    pub text: String,
    /// Class in each of [`HEADS`]; none: not labelled.
    pub labels: [Option<usize>; HEADS.len()],
    /// Where it comes from.
    pub source: Source,
    /// `YYYY-MM` where known.
    pub month: String,
    /// 0..100, by the text alone: the same text is on the same side of every split.
    pub part: u64,
}

/// Names of the classes of each head.
#[derive(Debug, Clone)]
pub struct Classes {
    /// In the order of [`HEADS`].
    pub names: [Vec<String>; HEADS.len()],
}

impl Classes {
    /// Classes for the categories given, and all kinds and urgencies.
    pub fn new(categories: Vec<String>) -> Self {
        Self {
            names: [
                categories,
                Kind::ALL
                    .iter()
                    .map(|kind| kind.name().to_owned())
                    .collect(),
                Urgency::ALL
                    .iter()
                    .map(|urgency| urgency.name().to_owned())
                    .collect(),
            ],
        }
    }

    fn find(&self, head: usize, name: &str) -> Result<usize, DataError> {
        self.names[head]
            .iter()
            .position(|n| n == name)
            .ok_or_else(|| DataError::Label(name.to_owned()))
    }
}

#[derive(serde::Deserialize)]
struct OwnRow {
    kind: String,
    category: String,
    urgency: String,
    text: String,
}

#[derive(serde::Deserialize)]
struct ReportRow {
    month: String,
    category: String,
    text: String,
}

#[derive(serde::Deserialize)]
struct MappingRow {
    source: String,
    category: String,
}

#[derive(serde::Deserialize)]
struct LexiconRow {
    category: String,
    phrases: String,
}

fn part(text: &str) -> u64 {
    hash(SPLIT, text) % (LAST_PART + 1)
}

fn tabbed(tsv: &str) -> csv::Reader<&[u8]> {
    csv::ReaderBuilder::new()
        .delimiter(b'\t')
        .quoting(false)
        .from_reader(tsv.as_bytes())
}

/// Reads one file of the own corpus: `kind  category  urgency  register  text`, tab-separated.
///
/// # Errors
/// On unknown columns or labels.
pub fn own(tsv: &str, classes: &Classes) -> Result<Vec<Row>, DataError> {
    let mut rows = Vec::new();
    for row in tabbed(tsv).deserialize() {
        let row: OwnRow = row?;
        let category = if row.category.is_empty() {
            None
        } else {
            Some(classes.find(0, &row.category)?)
        };
        rows.push(Row {
            part: part(&row.text),
            text: normalise(&row.text),
            labels: [
                category,
                Some(classes.find(1, &row.kind)?),
                Some(classes.find(2, &row.urgency)?),
            ],
            source: Source::Own,
            month: String::new(),
        });
    }
    Ok(rows)
}

/// Reads words of categories: `category  phrases`, tab-separated, the phrases apart by `; `. Each becomes a row that
/// teaches the category alone; none is for tests.
///
/// # Errors
/// On unknown columns or labels.
pub fn lexicon(tsv: &str, classes: &Classes) -> Result<Vec<Row>, DataError> {
    let mut rows = Vec::new();
    for row in tabbed(tsv).deserialize() {
        let LexiconRow { category, phrases } = row?;
        let category = classes.find(0, &category)?;
        rows.extend(phrases.split("; ").map(|phrase| Row {
            text: normalise(phrase),
            labels: [Some(category), None, None],
            source: Source::Lexicon,
            month: String::new(),
            part: LAST_PART,
        }));
    }
    Ok(rows)
}

/// Reads the other city's reports: `id, month, category, agency, text`. With `raw` their categories are kept as they
/// are (to compare with what others measured on them); else they are mapped to ours. They teach categories only: kinds
/// learned from formal reports against other texts would be learned by their register.
///
/// # Errors
/// On unknown columns or categories.
pub fn reports(data: &str, classes: &Classes, raw: bool) -> Result<Vec<Row>, DataError> {
    let mapping = mapping()?;
    let mut rows = Vec::new();
    for row in csv::Reader::from_reader(data.as_bytes()).deserialize() {
        let row: ReportRow = row?;
        let ours = mapping
            .get(&row.category)
            .ok_or_else(|| DataError::Label(row.category.clone()))?;
        let category = classes.find(0, if raw { &row.category } else { ours })?;
        // What was cut out of these texts stands there as "[x]" or "[NAME]".
        let text = row.text.replace("[x]", " ").replace("[NAME]", " ");
        rows.push(Row {
            part: part(&row.text),
            text: normalise(&text),
            labels: [Some(category), None, None],
            source: Source::Reports,
            month: row.month,
        });
    }
    Ok(rows)
}

fn mapping() -> Result<HashMap<String, String>, DataError> {
    csv::Reader::from_reader(MAPPING_CSV.as_bytes())
        .deserialize()
        .map(|row| {
            row.map(|m: MappingRow| (m.source, m.category))
                .map_err(DataError::from)
        })
        .collect()
}

/// The categories of the other city that the mapping knows, sorted.
///
/// # Errors
/// When the committed mapping cannot be read.
pub fn raw_categories() -> Result<Vec<String>, DataError> {
    let mut names: Vec<String> = mapping()?.into_keys().collect();
    names.sort();
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::taxonomy::Taxonomy;

    #[test]
    fn every_source_category_is_mapped_to_one_of_ours() {
        let taxonomy = Taxonomy::embedded().unwrap();
        let mapping = mapping().unwrap();
        assert_eq!(mapping.len(), 51);
        for ours in mapping.values() {
            assert!(taxonomy.get(ours).is_some(), "{ours}");
        }
    }
}
