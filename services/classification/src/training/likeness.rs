//! How well complaints about the same incident are found, and how often strangers are taken for them.

use std::collections::HashSet;

use serde::Serialize;
use time::Date;
use time::macros::date;
use uuid::Uuid;

use super::data::{Classes, Row};
use super::edits::{Chance, Edit, edited};
use crate::domain::classify::{Classifier, Hints};
use crate::domain::likeness::{
    Area, Entry, Found, Index, RuleError, Rules, Signature, Sought, THRESHOLD, wanted,
};
use crate::domain::model::Head;
use crate::domain::text::words;

/// Share of the complaints that must be found first, above the threshold, after mild edits.
pub const MILD_GOAL: f64 = 0.99;
/// After strong edits.
pub const STRONG_GOAL: f64 = 0.97;

/// Where places are known, so many complaints are open in each village at once.
const IN_A_VILLAGE: usize = 60;
/// When all were written, minutes since 1970; the second about an incident comes a day later.
const WRITTEN: u32 = 29_700_000;
const A_DAY: u32 = 1_440;
const DAY: Date = date!(2026 - 06 - 20);

/// The figures of one set of texts.
#[derive(Debug, Serialize)]
pub struct Figures {
    /// Which texts.
    pub set: String,
    /// How many.
    pub rows_count: usize,
    /// What was known of the place: the village, or nothing.
    pub place: &'static str,
    /// Whose categories were taken: `given`, or `model` for what the model says of the text and of its edit.
    pub category: &'static str,
    /// Found first and suggested, after mild edits.
    pub recall_at_1_mild_share: f64,
    /// After strong edits.
    pub recall_at_1_strong_share: f64,
    /// Most alike of all after strong edits, suggested or not.
    pub ranked_first_strong_share: f64,
    /// Of a thousand texts to which no other is about the same incident, those to which one is suggested.
    pub false_suggestions_per_1000: f64,
}

/// Measures texts, each of which must be about an incident of its own; the same text twice counts once, thanks and chatter
/// not at all. Where the texts are real reports, some are about the same incident indeed: `false` suggestions are at most so
/// many then.
///
/// # Errors
/// When the committed rules cannot be used, which a test would have shown.
pub fn measure(
    classifier: &Classifier,
    set: &str,
    rows: &[&Row],
    classes: &Classes,
) -> Result<Vec<Figures>, RuleError> {
    let mut seen = HashSet::new();
    let rows: Vec<&Row> = rows
        .iter()
        .copied()
        .filter(|row| is_about_something(row, classes) && seen.insert(row.text.as_str()))
        .collect();
    let texts = Texts {
        classifier,
        classes,
        rules: Rules::embedded()?,
        words: rows.iter().flat_map(|row| words(&row.text)).collect(),
        rows,
    };
    let kinds = [(true, false), (false, false), (true, true)];
    Ok(kinds
        .map(|(places, by_model)| texts.figures(set, places, by_model))
        .into())
}

/// Anything but thanks and chatter.
fn is_about_something(row: &Row, classes: &Classes) -> bool {
    let unread = |kind: usize| {
        matches!(
            classes.names[Head::Kind as usize][kind].as_str(),
            "praise" | "not_a_complaint"
        )
    };
    !row.labels[Head::Kind as usize].is_some_and(unread)
        && row.labels[Head::Category as usize].is_some()
        && words(&row.text).next().is_some()
}

struct Texts<'a> {
    classifier: &'a Classifier,
    classes: &'a Classes,
    rules: Rules,
    rows: Vec<&'a Row>,
    words: Vec<&'a str>,
}

/// What a complaint is taken to be.
struct Said {
    category: String,
    guesses: Vec<String>,
}

impl Texts<'_> {
    fn figures(&self, set: &str, places: bool, by_model: bool) -> Figures {
        let mut index = Index::default();
        for (n, row) in self.rows.iter().enumerate() {
            if let Some(entry) = self.entry(n, &row.text, places) {
                let said = self.said(row, &row.text, by_model);
                index.insert(&said.category, &entry);
            }
        }
        let mild = self.recall(&index, Edit::Mild, places, by_model, THRESHOLD);
        let strong = self.recall(&index, Edit::Strong, places, by_model, THRESHOLD);
        let first = self.recall(&index, Edit::Strong, places, by_model, 0.0);
        let suggested = self.rows.iter().enumerate().filter(|(n, row)| {
            self.find(&index, *n, row, &row.text, (places, by_model), THRESHOLD)
                .is_some_and(|found| !found.matches.is_empty())
        });
        let all = self.rows.len().max(1) as f64;
        Figures {
            set: set.to_owned(),
            rows_count: self.rows.len(),
            place: if places { "village" } else { "unknown" },
            category: if by_model { "model" } else { "given" },
            recall_at_1_mild_share: mild,
            recall_at_1_strong_share: strong,
            ranked_first_strong_share: first,
            false_suggestions_per_1000: suggested.count() as f64 * 1_000.0 / all,
        }
    }

    fn recall(
        &self,
        index: &Index,
        edit: Edit,
        places: bool,
        by_model: bool,
        threshold: f32,
    ) -> f64 {
        let found = self.rows.iter().enumerate().filter(|(n, row)| {
            let text = edited(&row.text, edit, &self.words);
            // Another complaint about the incident of row n: it has an id of its own.
            let other = n + self.rows.len();
            self.find(index, other, row, &text, (places, by_model), threshold)
                .and_then(|found| found.matches.first().map(|m| m.id))
                == Some(id(*n))
        });
        found.count() as f64 / self.rows.len().max(1) as f64
    }

    fn find(
        &self,
        index: &Index,
        n: usize,
        row: &Row,
        text: &str,
        (places, by_model): (bool, bool),
        threshold: f32,
    ) -> Option<Found> {
        let mut like = self.entry(n % self.rows.len(), text, places)?;
        like.id = id(n);
        like.at += A_DAY;
        let said = self.said(row, text, by_model);
        let guesses = said.guesses.iter().map(String::as_str);
        let taxonomy = self.classifier.taxonomy();
        let sought = Sought {
            wanted: wanted(taxonomy, &self.rules, &said.category, guesses, DAY),
            like,
            threshold,
        };
        Some(index.find(&sought, 1))
    }

    fn entry(&self, n: usize, text: &str, places: bool) -> Option<Entry> {
        let villages = (self.rows.len() / IN_A_VILLAGE).max(1);
        let village = Chance::of(&self.rows[n].text).below(villages);
        let area = if places {
            let code = format!(
                "52.01.{:02}.{}",
                village / 20 % 250 + 1,
                2_001 + village % 20
            );
            Area::parse(&code)
        } else {
            Area::UNKNOWN
        };
        Some(Entry {
            id: id(n),
            signature: Signature::of(text)?,
            area,
            spot: None,
            at: WRITTEN,
        })
    }

    fn said(&self, row: &Row, text: &str, by_model: bool) -> Said {
        if by_model {
            let said = self.classifier.classify(text, Hints::default());
            let suggested = said.suggestions.into_iter().map(|s| s.category);
            return Said {
                category: said.category,
                guesses: suggested.filter(|_| said.abstained).collect(),
            };
        }
        let category = row.labels[Head::Category as usize];
        let names = &self.classes.names[Head::Category as usize];
        Said {
            category: category.map(|c| names[c].clone()).unwrap_or_default(),
            guesses: Vec::new(),
        }
    }
}

fn id(n: usize) -> Uuid {
    Uuid::from_u128(n as u128 + 1)
}
