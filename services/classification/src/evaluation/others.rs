//! What other parts of the service measure of themselves, in the report's words.

use super::report::{Cell, Report, Table};
use crate::domain::classify::Classifier;
use crate::domain::likeness::RuleError;
use crate::training::data::{Classes, Row};
use crate::training::likeness::{self, MILD_GOAL, STRONG_GOAL};
use crate::training::masking;
use crate::training::places::{frozen, measure};

/// Complaints about the same incident found again after edits, and strangers taken for them.
///
/// # Errors
/// When the committed rules cannot be used, which a test would have shown.
pub fn alike(
    report: &mut Report,
    classifier: &Classifier,
    classes: &Classes,
    sets: &[(&str, Vec<&Row>)],
) -> Result<(), RuleError> {
    let mut table = Table::new(
        "complaints about the same incident, found after edits",
        &[
            "rows_count",
            "mild_recall1_share",
            "strong_recall1_share",
            "strong_first_share",
            "false_per_1000",
        ],
    );
    for (set, rows) in sets.iter().filter(|(_, rows)| !rows.is_empty()) {
        for f in likeness::measure(classifier, set, rows, classes)? {
            let name = format!("{}, place {}, category {}", f.set, f.place, f.category);
            report.at_least(
                &format!("alike: {name}, mild edits"),
                MILD_GOAL,
                f.recall_at_1_mild_share,
            );
            report.at_least(
                &format!("alike: {name}, strong edits"),
                STRONG_GOAL,
                f.recall_at_1_strong_share,
            );
            table.push(
                name,
                vec![
                    Some(f.rows_count.into()),
                    Some(f.recall_at_1_mild_share.into()),
                    Some(f.recall_at_1_strong_share.into()),
                    Some(f.ranked_first_strong_share.into()),
                    Some(f.false_suggestions_per_1000.into()),
                ],
            );
        }
    }
    report.tables.push(table);
    Ok(())
}

/// Places that are surely found in texts of another hand.
///
/// # Errors
/// When the committed texts lack a column, which a test would have shown.
pub fn places(report: &mut Report, classifier: &Classifier) -> Result<(), csv::Error> {
    let measured = measure(classifier.gazetteer(), &frozen()?);
    let mut table = Table::new(
        "places that may be used without asking, frozen texts",
        &[
            "labelled_count",
            "given_count",
            "precision_share",
            "recall_share",
        ],
    );
    for figures in &measured.levels {
        let cell = |value: f32, interval: Option<[f32; 2]>| {
            Some(Cell {
                value: value.into(),
                interval: interval.map(|ends| ends.map(f64::from)),
            })
        };
        table.push(
            figures.name.clone(),
            vec![
                Some(figures.labelled_count.into()),
                Some(figures.given_count.into()),
                cell(figures.precision_share, figures.precision_interval_share),
                cell(figures.recall_share, figures.recall_interval_share),
            ],
        );
    }
    report.tables.push(table);
    // As the goal asks: kecamatan or finer.
    if let Some(district) = measured.levels.get(1) {
        report.at_least(
            "place, kecamatan or finer: precision",
            0.92,
            district.precision_share.into(),
        );
        report.at_least(
            "place, kecamatan or finer: recall",
            0.75,
            district.recall_share.into(),
        );
    }
    let details = serde_json::to_value(&measured).unwrap_or_default();
    report.details.insert("places".to_owned(), details);
    Ok(())
}

/// Personal data that was planted into texts, and what the masks left of it.
pub fn masks(report: &mut Report, rows: &[&Row]) {
    let texts: Vec<&str> = rows.iter().map(|row| row.raw.as_str()).collect();
    let mut table = Table::new(
        "personal data planted into our own texts, and masked",
        &["planted_count", "recall_share", "own_kind_share"],
    );
    for found in masking::measure(&texts) {
        if [contracts::mask::NIK, contracts::mask::PHONE].contains(&found.label) {
            let name = format!("masking: {} recall", found.label);
            report.at_least(&name, 0.99, found.recall_share);
        }
        table.push(
            found.label.to_owned(),
            vec![
                Some((found.planted_count as f64).into()),
                Some(found.recall_share.into()),
                Some(found.own_kind_share.into()),
            ],
        );
    }
    report.tables.push(table);
    let mut table = Table::new(
        "masks in the same texts before anything was planted",
        &["per_1000_texts"],
    );
    let unplanted = masking::unplanted_per_1000(&texts);
    table.push("all kinds".to_owned(), vec![Some(unplanted.into())]);
    report.tables.push(table);
}
