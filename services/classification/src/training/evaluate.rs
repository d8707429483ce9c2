//! What the whole classifier (model, cues, thresholds) answers on rows that the model has not seen.

use std::time::Instant;

use serde::Serialize;

use super::data::{Classes, Row};
use super::measure::{Answer, Figures, measure, share};
use crate::domain::calibration::Register;
use crate::domain::classify::{Classification, Classifier, Hints};
use crate::domain::labels::{Kind, Urgency};
use crate::domain::taxonomy::OTHER;

/// Figures of one set of rows; shares are 0..=1.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// What the rows are.
    pub set: String,
    /// How many there are.
    pub rows_count: usize,
    /// What the writer wants; none: the rows are not labelled with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<Figures>,
    /// What it is about.
    pub category: Figures,
    /// Danger to life or limb; none: not labelled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub urgent: Option<Detection>,
    /// The same where important is enough; the others are the rows labelled normal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub urgent_at_least_important: Option<Detection>,
    /// Suspected abuse of office; none: not labelled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oversight: Option<Detection>,
    /// Share of rows that are called urgent, whatever they are.
    pub said_urgent_share: f32,
    /// Share of rows that are suspected to be about abuse of office, whatever they are.
    pub said_suspected_share: f32,
    /// Share of rows that are taken for thanks or chatter without asking a person: no agency would get them.
    pub unread_share: f32,
    /// The texts of labelled danger or abuse that were not seen as such. Only of invented texts.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub missed: Vec<String>,
    /// The whole of classifying, a second of one core.
    pub texts_per_core_second: f64,
}

/// Figures of a yes or no.
#[derive(Debug, Clone, Serialize)]
pub struct Detection {
    /// Rows that are so.
    pub rows_count: usize,
    /// Share of them that were found.
    pub recall_share: f32,
    /// Share of those taken for it that are so.
    pub precision_share: f32,
    /// Share of all others that were taken for it.
    pub false_alarm_share: f32,
}

fn detection(answers: impl Iterator<Item = (bool, bool)> + Clone) -> Detection {
    let count = |is: bool| answers.clone().filter(|a| a.0 == is).count();
    let said = |is: bool| answers.clone().filter(|a| a.0 == is && a.1).count();
    Detection {
        rows_count: count(true),
        recall_share: share(said(true), count(true)),
        precision_share: share(said(true), said(true) + said(false)),
        false_alarm_share: share(said(false), count(false)),
    }
}

/// Seconds that this thread has spent on a processor; none where the system does not say.
fn busy_seconds() -> Option<f64> {
    let said = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    let nanoseconds: f64 = said.split_whitespace().next()?.parse().ok()?;
    Some(nanoseconds / 1e9)
}

fn hints(row: &Row) -> Hints<'_> {
    Hints {
        register: Register::of(&row.register),
        ..Hints::default()
    }
}

/// Classifies all rows and measures the answers.
pub fn evaluate(classifier: &Classifier, set: &str, rows: &[&Row], classes: &Classes) -> Report {
    let began = Instant::now();
    let busy_before = busy_seconds();
    let answers: Vec<(&Row, Classification)> = rows
        .iter()
        .map(|row| (*row, classifier.classify(&row.raw, hints(row))))
        .collect();
    // On a busy machine the clock on the wall says how busy it was.
    let seconds = match (busy_before, busy_seconds()) {
        (Some(before), Some(after)) => after - before,
        _ => began.elapsed().as_secs_f64(),
    };
    let class_of = |code: &str| {
        let names = &classes.names[0];
        let at = |code| names.iter().position(|name| name == code);
        at(code).or_else(|| at(OTHER)).unwrap_or(0)
    };
    let category: Vec<Answer> = answers
        .iter()
        .filter_map(|(row, said)| {
            let label = row.labels[0]?;
            Some(Answer {
                label,
                said: class_of(&said.category),
                suggested: said
                    .suggestions
                    .iter()
                    .any(|suggestion| class_of(&suggestion.category) == label),
                confidence: said.confidence,
                // Thanks and chatter are acted upon, but not by their category.
                acted: !said.abstained && !said.kind.is_unread(),
            })
        })
        .collect();
    let kind: Vec<Answer> = answers
        .iter()
        .filter_map(|(row, said)| {
            let label = row.labels[1]?;
            Some(Answer {
                label,
                said: said.kind as usize,
                suggested: said.kind as usize == label,
                confidence: said.kind_confidence,
                acted: !said.abstained,
            })
        })
        .collect();
    let labelled = !kind.is_empty();
    let is_urgent = |row: &Row| row.labels[2] == Some(Urgency::Urgent as usize);
    let is_abuse = |row: &Row| row.labels[1] == Some(Kind::OversightComplaint as usize);
    let by_urgency = |least: Urgency| {
        detection(
            answers
                .iter()
                .filter(move |(row, _)| {
                    least == Urgency::Urgent || row.labels[2] != Some(Urgency::Important as usize)
                })
                .map(move |(row, said)| (is_urgent(row), said.urgency >= least)),
        )
    };
    let share_of = |holds: &dyn Fn(&Classification) -> bool| {
        let so = answers.iter().filter(|(_, said)| holds(said)).count();
        share(so, rows.len())
    };
    Report {
        set: set.to_owned(),
        rows_count: rows.len(),
        kind: labelled.then(|| measure(&kind, &classes.names[1])),
        category: measure(&category, &classes.names[0]),
        urgent: labelled.then(|| by_urgency(Urgency::Urgent)),
        urgent_at_least_important: labelled.then(|| by_urgency(Urgency::Important)),
        oversight: labelled.then(|| {
            detection(
                answers
                    .iter()
                    .map(|(row, said)| (is_abuse(row), said.oversight_suspected)),
            )
        }),
        said_urgent_share: share_of(&|said| said.urgency == Urgency::Urgent),
        said_suspected_share: share_of(&|said| said.oversight_suspected),
        unread_share: share_of(&|said| said.kind.is_unread() && !said.abstained),
        missed: answers
            .iter()
            .filter(|(row, said)| {
                is_urgent(row) && said.urgency < Urgency::Urgent
                    || is_abuse(row) && !said.oversight_suspected
            })
            .map(|(row, _)| row.text.clone())
            .collect(),
        texts_per_core_second: rows.len() as f64 / seconds.max(1e-9),
    }
}
