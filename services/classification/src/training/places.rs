//! How well places are found: precision and recall at each level of areas, on texts labelled with an area code.
//!
//! Labelled texts are tab-separated with the columns `area_code` (empty: the text names no place, or not which of several),
//! `tags` (comma-separated: what makes the text hard) and `text`.

use std::collections::BTreeMap;
use std::time::Instant;

use serde::Serialize;

use super::measure::share;
use crate::domain::hash::hash;
use crate::domain::place::{Gazetteer, SURE};
use crate::domain::text::normalise;

const LEARNT: &str = include_str!("../../data/corpus/places.tsv");
const FROZEN: &str = include_str!("../../data/held-out/frozen/places.tsv");

/// Resamples of which the intervals are made.
const RESAMPLES: usize = 1_000;
/// Positions that are timed together.
const BATCH: usize = 50;
/// Positions by which finding their area is timed.
const POSITIONS: u64 = 10_000;
/// Namespace of the hash that draws resamples.
const DRAW: u8 = 251;
/// Characters of a code down to kabupaten, kecamatan, desa.
const LEVELS: [(&str, usize); 3] = [("regency", 5), ("district_or_finer", 8), ("village", 13)];

/// One labelled text.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize)]
pub struct PlaceRow {
    /// Area code; empty: no place, or not known which.
    pub area_code: String,
    /// What makes it hard, comma-separated.
    pub tags: String,
    /// As it was written.
    pub text: String,
}

/// Figures of one level or one tag; shares are 0..=1.
#[derive(Debug, Clone, Serialize)]
pub struct PlaceFigures {
    /// Level or tag.
    pub name: String,
    /// Rows labelled at this level or finer.
    pub labelled_count: usize,
    /// Rows where a place of this level or finer was surely given.
    pub given_count: usize,
    /// Share of the given that lie where the label says.
    pub precision_share: f32,
    /// Share of the labelled that were given rightly.
    pub recall_share: f32,
    /// 95 % bootstrap interval of the precision; of levels only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub precision_interval_share: Option<[f32; 2]>,
    /// 95 % bootstrap interval of the recall; of levels only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recall_interval_share: Option<[f32; 2]>,
}

/// What was measured on one set of rows.
#[derive(Debug, Clone, Serialize)]
pub struct PlaceReport {
    /// Rows.
    pub rows_count: usize,
    /// Rows whose label is no place.
    pub without_place_count: usize,
    /// Share of the rows without a place for which one was surely given.
    pub invented_share: f32,
    /// By level: kabupaten, kecamatan or finer (the goal), desa.
    pub levels: Vec<PlaceFigures>,
    /// By tag, at kecamatan or finer.
    pub tags: Vec<PlaceFigures>,
    /// Time to find places in one normalised text, median over the rows.
    pub median_microseconds: f64,
    /// The same, 99th percentile.
    pub p99_microseconds: f64,
    /// Time to find the area of a position in the province: median of batches.
    pub locate_microseconds: f64,
    /// The same of a position at sea around it, where the nearest is looked for.
    pub locate_at_sea_microseconds: f64,
}

/// One row's outcome: codes as labelled and as surely given.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The row's label.
    pub label: String,
    /// The first candidate, when sure.
    pub given: Option<String>,
    tags: Vec<String>,
    microseconds: f64,
}

/// Reads labelled texts.
///
/// # Errors
/// When a row lacks a column.
pub fn read(file: &str) -> Result<Vec<PlaceRow>, csv::Error> {
    csv::ReaderBuilder::new()
        .delimiter(b'\t')
        .quoting(false)
        .from_reader(file.as_bytes())
        .deserialize()
        .collect()
}

/// Texts by which names, landmarks and trigger words were chosen.
///
/// # Errors
/// As [`read`], which a test would have shown.
pub fn learnt() -> Result<Vec<PlaceRow>, csv::Error> {
    read(LEARNT)
}

/// Texts of another hand that nothing was fitted to.
///
/// # Errors
/// As [`read`], which a test would have shown.
pub fn frozen() -> Result<Vec<PlaceRow>, csv::Error> {
    read(FROZEN)
}

/// What the gazetteer gives for each row.
pub fn outcomes(gazetteer: &Gazetteer, rows: &[PlaceRow]) -> Vec<Outcome> {
    rows.iter()
        .map(|row| {
            let text = normalise(&row.text);
            let began = Instant::now();
            let found = gazetteer.find(&text);
            let microseconds = began.elapsed().as_secs_f64() * 1e6;
            Outcome {
                label: row.area_code.trim().trim_matches('-').to_owned(),
                given: found
                    .into_iter()
                    .next()
                    .filter(|first| first.confidence >= SURE)
                    .map(|first| first.code),
                tags: row
                    .tags
                    .split([',', ' '])
                    .filter(|tag| !tag.is_empty())
                    .map(str::to_owned)
                    .collect(),
                microseconds,
            }
        })
        .collect()
}

/// Measures the places that are surely found in labelled texts.
pub fn measure(gazetteer: &Gazetteer, rows: &[PlaceRow]) -> PlaceReport {
    // The first pass warms the caches; the second is timed.
    outcomes(gazetteer, rows);
    let outcomes = outcomes(gazetteer, rows);
    let all: Vec<&Outcome> = outcomes.iter().collect();
    let mut by_tag: BTreeMap<&str, Vec<&Outcome>> = BTreeMap::new();
    for outcome in &outcomes {
        for tag in &outcome.tags {
            by_tag.entry(tag).or_default().push(outcome);
        }
    }
    let without: Vec<&Outcome> = outcomes.iter().filter(|o| o.label.is_empty()).collect();
    let invented = without.iter().filter(|o| o.given.is_some()).count();
    let mut times: Vec<f64> = outcomes.iter().map(|o| o.microseconds).collect();
    times.sort_by(f64::total_cmp);
    let at = |share: f64| {
        let last = times.len().saturating_sub(1);
        times
            .get((last as f64 * share) as usize)
            .copied()
            .unwrap_or(0.0)
    };
    let (locate_microseconds, locate_at_sea_microseconds) = locating(gazetteer);
    PlaceReport {
        rows_count: rows.len(),
        without_place_count: without.len(),
        invented_share: share(invented, without.len()),
        levels: LEVELS
            .iter()
            .map(|&(name, length)| with_intervals(figures(name, length, &all), length, &all))
            .collect(),
        tags: by_tag
            .iter()
            .map(|(tag, outcomes)| figures(tag, LEVELS[1].1, outcomes))
            .collect(),
        median_microseconds: at(0.5),
        p99_microseconds: at(0.99),
        locate_microseconds,
        locate_at_sea_microseconds,
    }
}

/// Usual microseconds to find the area of a position in the province, and of one at sea around it.
fn locating(gazetteer: &Gazetteer) -> (f64, f64) {
    let boundaries = gazetteer.boundaries();
    let share = |n: u64, salt: u8| (hash(salt, &n.to_string()) % 10_000) as f64 / 10_000.0;
    let positions =
        (0..POSITIONS).map(|n| (-9.1 + share(n, DRAW), 115.8 + 3.5 * share(n, DRAW - 1)));
    let (land, sea): (Vec<_>, Vec<_>) = positions.partition(|(lat, lon)| {
        let found = boundaries.locate(*lat, *lon);
        found.is_some_and(|found| found.outside_metres == 0.0)
    });
    // By small batches: on a busy machine most of them are not interrupted.
    let usual = |positions: &[(f64, f64)]| {
        let mut batches: Vec<f64> = positions
            .chunks_exact(BATCH)
            .map(|batch| {
                let began = Instant::now();
                for (lat, lon) in batch {
                    std::hint::black_box(boundaries.locate(*lat, *lon));
                }
                began.elapsed().as_secs_f64() * 1e6 / BATCH as f64
            })
            .collect();
        batches.sort_by(f64::total_cmp);
        batches.get(batches.len() / 2).copied().unwrap_or(f64::NAN)
    };
    (usual(&land), usual(&sea))
}

impl Outcome {
    fn labelled(&self, length: usize) -> bool {
        self.label.len() >= length
    }

    fn gave(&self, length: usize) -> bool {
        self.given.as_ref().is_some_and(|code| code.len() >= length)
    }

    /// Whether the place given is the labelled one, down to `length` characters of its code.
    pub fn right(&self, length: usize) -> bool {
        match (self.label.get(..length), &self.given) {
            (Some(label), Some(given)) => given.get(..length) == Some(label),
            _ => false,
        }
    }
}

fn figures(name: &str, length: usize, outcomes: &[&Outcome]) -> PlaceFigures {
    let count = |is: &dyn Fn(&Outcome) -> bool| outcomes.iter().filter(|o| is(o)).count();
    let (labelled, given) = (count(&|o| o.labelled(length)), count(&|o| o.gave(length)));
    let right = count(&|o| o.right(length));
    PlaceFigures {
        name: name.to_owned(),
        labelled_count: labelled,
        given_count: given,
        precision_share: share(right, given),
        recall_share: share(right, labelled),
        precision_interval_share: None,
        recall_interval_share: None,
    }
}

fn with_intervals(figures: PlaceFigures, length: usize, all: &[&Outcome]) -> PlaceFigures {
    let (mut precision, mut recall) = (Vec::new(), Vec::new());
    for round in 0..RESAMPLES {
        let drawn: Vec<&Outcome> = (0..all.len())
            .map(|n| {
                let draw = hash(DRAW, &format!("{round} {n}"));
                all[(draw % all.len() as u64) as usize]
            })
            .collect();
        let again = self::figures("", length, &drawn);
        precision.push(again.precision_share);
        recall.push(again.recall_share);
    }
    PlaceFigures {
        precision_interval_share: interval(precision),
        recall_interval_share: interval(recall),
        ..figures
    }
}

fn interval(mut values: Vec<f32>) -> Option<[f32; 2]> {
    values.sort_by(f32::total_cmp);
    let at = |share: f32| values.get((values.len() as f32 * share) as usize).copied();
    Some([at(0.025)?, at(0.975)?])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_that_is_not_labelled_costs_precision_and_one_that_is_missed_costs_recall() {
        let outcome = |label: &str, given: Option<&str>| Outcome {
            label: label.into(),
            given: given.map(str::to_owned),
            tags: Vec::new(),
            microseconds: 0.0,
        };
        let outcomes = [
            outcome("52.01.09.2003", Some("52.01.09")),
            outcome("52.01.09", None),
            outcome("52.01", Some("52.01.09")),
            outcome("", Some("52.01")),
        ];
        let all: Vec<&Outcome> = outcomes.iter().collect();
        let district = figures("", 8, &all);
        assert_eq!((district.labelled_count, district.given_count), (2, 2));
        assert_eq!(
            (district.precision_share, district.recall_share),
            (0.5, 0.5)
        );
        let regency = figures("", 5, &all);
        assert_eq!((regency.labelled_count, regency.given_count), (3, 3));
        assert_eq!(regency.precision_share, 2.0 / 3.0);
        assert_eq!(figures("", 13, &all).recall_share, 0.0);
    }

    #[test]
    fn the_committed_texts_are_read_whole() {
        let gazetteer = Gazetteer::embedded().unwrap();
        let (learnt, frozen) = (learnt().unwrap(), frozen().unwrap());
        assert!(learnt.len() >= 200 && frozen.len() >= 300);
        for row in learnt.iter().chain(&frozen) {
            let code = &row.area_code;
            assert!(code.is_empty() || gazetteer.get(code).is_some(), "{code}");
        }
    }

    #[test]
    fn places_are_found_as_well_as_the_goals_ask() {
        let report = measure(&Gazetteer::embedded().unwrap(), &frozen().unwrap());
        let district = &report.levels[1];
        assert!(
            district.precision_share >= 0.92 && district.recall_share >= 0.75,
            "{district:?}"
        );
        assert!(report.invented_share <= 0.1, "{}", report.invented_share);
    }
}
