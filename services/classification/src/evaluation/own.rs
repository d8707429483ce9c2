//! The classifier as it ships, on texts that it has not learnt: our own, and the fifth of another city's that training leaves out.

use super::report::{Cell, Report, Table};
use crate::domain::classify::Classifier;
use crate::training::data::{Classes, Row};
use crate::training::evaluate::{Detection, Report as Measured, evaluate};
use crate::training::measure::Figures;

/// Sets of rows by name; those named in [`GATE`] and [`FROZEN`] have goals.
pub type Sets<'a> = Vec<(&'static str, Vec<&'a Row>)>;
/// Hard cases of what a writer wants.
pub const GATE: &str = "frozen, gate";
/// Texts of all categories.
pub const FROZEN: &str = "frozen, topics";

fn figures(f: &Figures) -> Vec<Option<Cell>> {
    [
        f.accuracy_share,
        f.macro_f1_share,
        f.suggested_share,
        f.calibration_error_share,
        1.0 - f.abstained_share,
        f.precision_when_sure_share,
    ]
    .into_iter()
    .map(|v| Some(v.into()))
    .collect()
}

fn detection(d: &Detection) -> Vec<Option<Cell>> {
    vec![
        Some(d.rows_count.into()),
        Some(d.recall_share.into()),
        Some(d.precision_share.into()),
        Some(d.false_alarm_share.into()),
    ]
}

/// Measures all sets.
pub fn measure(report: &mut Report, classifier: &Classifier, classes: &Classes, sets: &Sets<'_>) {
    let columns = [
        "rows_count",
        "accuracy_share",
        "macro_f1_share",
        "top3_share",
        "ece_share",
        "sure_share",
        "right_when_sure_share",
    ];
    let title = |what: &str| format!("the shipped model {}: {what}", classifier.version());
    let mut heads = Table::new(&title("kind, category"), &columns);
    let mut yes_or_no = Table::new(
        &title("danger to life, abuse of office"),
        &[
            "rows_count",
            "recall_share",
            "precision_share",
            "false_alarm_share",
        ],
    );
    let mut urgent = Vec::new();
    for (set, rows) in sets.iter().filter(|(_, rows)| !rows.is_empty()) {
        let measured: Measured = evaluate(classifier, set, rows, classes);
        for (head, f) in [
            ("kind", &measured.kind),
            ("category", &Some(measured.category.clone())),
        ] {
            let Some(f) = f.as_ref().filter(|f| f.rows_count > 0) else {
                continue;
            };
            let mut cells = vec![Some(f.rows_count.into())];
            cells.extend(figures(f));
            heads.push(format!("{set}: {head}"), cells);
        }
        for (what, found) in [
            ("urgent", &measured.urgent),
            (
                "urgent as important or more",
                &measured.urgent_at_least_important,
            ),
            ("abuse suspected", &measured.oversight),
        ] {
            if let Some(found) = found {
                yes_or_no.push(format!("{set}: {what}"), detection(found));
            }
        }
        if let Some(kind) = measured.kind.as_ref().filter(|_| *set == GATE) {
            report.at_least(
                "kind on hard gate cases: macro-F1",
                0.80,
                kind.macro_f1_share.into(),
            );
        }
        if let Some(found) = measured
            .urgent
            .as_ref()
            .filter(|_| *set == GATE || *set == FROZEN)
        {
            urgent.push(found.clone());
        }
        let missed = measured.missed.len();
        let mut detail = serde_json::to_value(&measured).unwrap_or_default();
        if let Some(detail) = detail.as_object_mut() {
            // Texts of the frozen sets are for no eye that works on the model.
            detail.remove("missed");
            detail.insert("missed_count".to_owned(), missed.into());
        }
        report.details.insert(format!("shipped: {set}"), detail);
    }
    report.tables.push(heads);
    report.tables.push(yes_or_no);
    let rows: usize = urgent.iter().map(|d| d.rows_count).sum();
    if rows > 0 {
        let found: f32 = urgent
            .iter()
            .map(|d| d.recall_share * d.rows_count as f32)
            .sum();
        let said: f32 = urgent
            .iter()
            .filter(|d| d.precision_share > 0.0)
            .map(|d| d.recall_share * d.rows_count as f32 / d.precision_share)
            .sum();
        report.at_least(
            "danger to life called urgent, frozen texts: recall",
            0.95,
            f64::from(found / rows as f32),
        );
        report.at_least(
            "danger to life called urgent, frozen texts: precision",
            0.5,
            f64::from(found / said.max(1.0)),
        );
    }
}
