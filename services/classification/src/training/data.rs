//! Rows to learn from: the project's own corpus, and a file of labelled reports of another city.

use std::collections::HashMap;

use crate::domain::hash::hash;
use crate::domain::labels::{Kind, Urgency};
use crate::domain::model::{HEADS, Head};
use crate::domain::taxonomy::Taxonomy;
use crate::domain::text::normalise;

/// How the other city's categories correspond to ours.
const MAPPING_CSV: &str = include_str!("../../data/mapping-surabaya.csv");
/// How the other city's agencies correspond to ours; without an agency of ours the category's own stands.
const AGENCIES_CSV: &str = include_str!("../../data/mapping-surabaya-opd.csv");

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
    /// What the file calls it; empty for our own.
    pub id: String,
    /// As it was written.
    pub raw: String,
    /// As features see it.
    pub text: String,
    /// Class in each of [`HEADS`]; none: not labelled.
    pub labels: [Option<usize>; HEADS.len()],
    /// Where it comes from.
    pub source: Source,
    /// `YYYY-MM` where known.
    pub month: String,
    /// The register of our own texts, `report` for those of another city.
    pub register: String,
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
    /// Classes for the categories and agencies given, and all kinds and urgencies.
    pub fn new(categories: Vec<String>, agencies: Vec<String>) -> Self {
        let kinds = Kind::ALL.iter().map(|kind| kind.name().to_owned());
        let urgencies = Urgency::ALL.iter().map(|urgency| urgency.name().to_owned());
        Self {
            names: [categories, kinds.collect(), urgencies.collect(), agencies],
        }
    }

    /// The classes of every model of this build: the categories of its taxonomy, all kinds and urgencies, and every
    /// agency that a category or the mapping names.
    ///
    /// # Errors
    /// When the committed mapping cannot be read.
    pub fn ours(taxonomy: &Taxonomy) -> Result<Self, DataError> {
        let mut agencies: Vec<String> = pairs(AGENCIES_CSV)?
            .into_values()
            .chain(
                taxonomy
                    .categories()
                    .map(|category| category.desk_at(category.level).to_owned()),
            )
            .filter(|code| !code.is_empty())
            .collect();
        agencies.sort();
        agencies.dedup();
        let codes = taxonomy.categories().map(|category| category.code.clone());
        Ok(Self::new(codes.collect(), agencies))
    }

    /// The other city's own categories and agencies, as they stand in its reports.
    pub fn theirs<'a>(reports: impl Iterator<Item = &'a ReportRow> + Clone) -> Self {
        let sorted = |of: fn(&ReportRow) -> &String| {
            let mut names: Vec<String> = reports.clone().map(of).cloned().collect();
            names.sort();
            names.dedup();
            names.retain(|name| !name.is_empty());
            names
        };
        Self::new(sorted(|row| &row.category), sorted(|row| &row.agency))
    }

    fn find(&self, head: Head, name: &str) -> Result<usize, DataError> {
        self.names[head as usize]
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
    register: String,
    text: String,
}

/// A report of another city as its file has it.
#[derive(Debug, Clone, serde::Deserialize)]
pub struct ReportRow {
    /// Its id, unique in its file.
    pub id: String,
    /// `YYYY-MM`.
    pub month: String,
    /// That city's category.
    pub category: String,
    /// That city's agency; empty: not known.
    pub agency: String,
    /// What was written.
    pub text: String,
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

/// Reads one file of the own corpus, tab-separated: `kind category urgency register language tags text`. What somebody
/// suspected of abuse of office wrote about is for no agency of the category; such a row teaches none, nor do thanks and chatter.
///
/// # Errors
/// On unknown columns or labels.
pub fn own(tsv: &str, classes: &Classes, taxonomy: &Taxonomy) -> Result<Vec<Row>, DataError> {
    let mut rows = Vec::new();
    for row in tabbed(tsv).deserialize() {
        let row: OwnRow = row?;
        let kind = classes.find(Head::Kind, &row.kind)?;
        let routed = Kind::ALL
            .get(kind)
            .is_some_and(|kind| !kind.is_unread() && *kind != Kind::OversightComplaint);
        let category = taxonomy.get(&row.category);
        if category.is_none() && !row.category.is_empty() {
            return Err(DataError::Label(row.category));
        }
        let opd = category.filter(|_| routed).map(|c| c.desk_at(c.level));
        rows.push(Row {
            id: String::new(),
            part: part(&row.text),
            text: normalise(&row.text),
            labels: [
                category
                    .map(|c| classes.find(Head::Category, &c.code))
                    .transpose()?,
                Some(kind),
                Some(classes.find(Head::Urgency, &row.urgency)?),
                opd.map(|code| classes.find(Head::Opd, code)).transpose()?,
            ],
            source: Source::Own,
            month: String::new(),
            register: row.register,
            raw: row.text,
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
        let category = classes.find(Head::Category, &category)?;
        rows.extend(phrases.split("; ").map(|phrase| Row {
            id: String::new(),
            raw: phrase.to_owned(),
            text: normalise(phrase),
            labels: [Some(category), None, None, None],
            source: Source::Lexicon,
            month: String::new(),
            register: String::new(),
            part: LAST_PART,
        }));
    }
    Ok(rows)
}

/// Reads the other city's file: `id, month, category, agency, text`.
///
/// # Errors
/// On unknown columns.
pub fn reports(data: &str) -> Result<Vec<ReportRow>, DataError> {
    let mut reader = csv::Reader::from_reader(data.as_bytes());
    Ok(reader.deserialize().collect::<Result<_, _>>()?)
}

/// Reports under our categories and agencies. They teach no kinds: these would be learned by their register, formal
/// reports against all else.
///
/// # Errors
/// On a category or an agency that the mappings do not know.
pub fn as_ours(
    reports: &[ReportRow],
    classes: &Classes,
    taxonomy: &Taxonomy,
) -> Result<Vec<Row>, DataError> {
    let (categories, agencies) = (pairs(MAPPING_CSV)?, pairs(AGENCIES_CSV)?);
    let unknown = |name: &str| DataError::Label(name.to_owned());
    let label = |report: &ReportRow| -> Result<_, DataError> {
        let code = categories
            .get(&report.category)
            .ok_or_else(|| unknown(&report.category))?;
        let category = taxonomy.get(code).ok_or_else(|| unknown(code))?;
        let opd = match report.agency.as_str() {
            "" => None,
            agency => match agencies
                .get(agency)
                .ok_or_else(|| unknown(agency))?
                .as_str()
            {
                "" => Some(category.desk_at(category.level)),
                opd => Some(opd),
            },
        };
        Ok([
            Some(classes.find(Head::Category, code)?),
            None,
            None,
            opd.map(|code| classes.find(Head::Opd, code)).transpose()?,
        ])
    };
    reports
        .iter()
        .map(|report| Ok(row(report, label(report)?)))
        .collect()
}

/// Reports under their own categories and agencies, to compare with what others make of them.
///
/// # Errors
/// On a category or an agency that is not among the classes.
pub fn as_theirs(reports: &[ReportRow], classes: &Classes) -> Result<Vec<Row>, DataError> {
    let label = |report: &ReportRow| -> Result<_, DataError> {
        let agency = Some(&report.agency).filter(|agency| !agency.is_empty());
        Ok([
            Some(classes.find(Head::Category, &report.category)?),
            None,
            None,
            agency
                .map(|name| classes.find(Head::Opd, name))
                .transpose()?,
        ])
    };
    reports
        .iter()
        .map(|report| Ok(row(report, label(report)?)))
        .collect()
}

fn row(report: &ReportRow, labels: [Option<usize>; HEADS.len()]) -> Row {
    // What was cut out of these texts stands there as "[x]" or "[NAME]".
    let raw = report.text.replace("[x]", " ").replace("[NAME]", " ");
    Row {
        id: report.id.clone(),
        part: part(&report.text),
        text: normalise(&raw),
        raw,
        labels,
        source: Source::Reports,
        month: report.month.clone(),
        register: "report".to_owned(),
    }
}

/// A file of pairs: a name of theirs, one of ours.
fn pairs(data: &str) -> Result<HashMap<String, String>, DataError> {
    let mut reader = csv::Reader::from_reader(data.as_bytes());
    Ok(reader.deserialize().collect::<Result<_, _>>()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_source_category_and_agency_is_mapped_to_one_of_ours() {
        let taxonomy = Taxonomy::embedded().unwrap();
        let mapping = pairs(MAPPING_CSV).unwrap();
        assert_eq!(mapping.len(), 51);
        for ours in mapping.values() {
            assert!(taxonomy.get(ours).is_some(), "{ours}");
        }
        assert_eq!(pairs(AGENCIES_CSV).unwrap().len(), 26);
    }
}
