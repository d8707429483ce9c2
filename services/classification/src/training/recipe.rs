//! The way from rows to a finished model: fit on all but a fold, ask for the fold, in turn; calibrate by the answers;
//! fit again on all.

use super::calibrate::{best, calibrator, threshold, with};
use super::data::{Classes, Row, Source};
use super::fit::{Settings, fit, unread};
use crate::domain::calibration::{Calibrator, SIGNALS, signals};
use crate::domain::classify::kinds;
use crate::domain::cues::{CueError, Cues};
use crate::domain::model::{HEADS, Head, Model};

/// Precision that each head must keep above its threshold: category, kind, urgency. For kinds it is that of "nobody
/// need act on this".
pub const PRECISION: [f32; HEADS.len()] = [0.85, 0.90, 0.60];

/// Rows whose part is below this are never trained on; they are the test.
pub const TEST_BELOW: u64 = 20;
const FOLDS: u64 = 4;
/// Of so many reports one may be left unread as thanks or chatter: some are, and whose is not must be heard.
const UNREAD_ONE_IN: usize = 400;

/// A finished model, and how it answered for rows out of its folds.
#[derive(Debug)]
pub struct Trained {
    /// The model.
    pub model: Model,
    /// Of each head: share of right answers for our own texts.
    pub own_accuracy_share: [f32; HEADS.len()],
    /// Of each head: share of right answers for the reports of another city; 0 where they are not labelled.
    pub reports_accuracy_share: [f32; HEADS.len()],
}

/// An answer for a row that the weights have not seen.
struct Answer {
    source: Source,
    signals: [f32; SIGNALS],
    said: usize,
    label: usize,
}

/// A finished model from the rows given (test rows must have been taken out before).
///
/// # Errors
/// When the committed cues break their own rules, which a test would have shown.
pub fn train(
    rows: &[&Row],
    classes: &Classes,
    settings: &Settings,
    version: &str,
) -> Result<Trained, CueError> {
    let cues = Cues::embedded()?;
    let mut answers: [Vec<Answer>; HEADS.len()] = Default::default();
    let mut unread_reports = Vec::new();
    for fold in 0..FOLDS {
        // Who wrote our texts wrote the lexicon: a model that had it would know their words beforehand, as it will not
        // know those of strangers, and would be trusted too much.
        let (asked, base): (Vec<&Row>, Vec<&Row>) = rows
            .iter()
            .filter(|row| row.source != Source::Lexicon)
            .partition(|row| row.part % FOLDS == fold);
        let model = fit(&base, classes, settings, version);
        for row in asked {
            ask(&model, &cues, row, &mut answers, &mut unread_reports);
        }
    }
    let mut settled: Vec<(Calibrator, f32)> = answers
        .iter()
        .zip(HEADS)
        .zip(PRECISION)
        .map(|((answers, head), precision)| settle(answers, head, precision))
        .collect();
    let reports = rows.iter().filter(|r| r.source == Source::Reports).count();
    let (kind, lowest) = &mut settled[Head::Kind as usize];
    let mut sure: Vec<f32> = unread_reports.iter().map(|x| kind.of(x)).collect();
    sure.sort_by(|a, b| b.total_cmp(a));
    if let Some(first_kept) = sure.get(reports / UNREAD_ONE_IN) {
        *lowest = lowest.max(first_kept + f32::EPSILON);
    }
    let accuracy = |source: Source| {
        std::array::from_fn(|head| {
            let of: Vec<bool> = answers[head]
                .iter()
                .filter(|a| a.source == source)
                .map(|a| a.said == a.label)
                .collect();
            super::measure::share(of.iter().filter(|right| **right).count(), of.len())
        })
    };
    Ok(Trained {
        own_accuracy_share: accuracy(Source::Own),
        reports_accuracy_share: accuracy(Source::Reports),
        model: with(fit(rows, classes, settings, version), &settled),
    })
}

fn ask(
    model: &Model,
    cues: &Cues,
    row: &Row,
    answers: &mut [Vec<Answer>; HEADS.len()],
    unread_reports: &mut Vec<[f32; SIGNALS]>,
) {
    let scores = model.score(&model.vector(&row.text));
    for (at, head) in HEADS.into_iter().enumerate() {
        let probabilities = if head == Head::Kind {
            kinds(&scores, &cues.find(&row.text))
        } else {
            scores.of(head).to_vec()
        };
        let said = best(&probabilities);
        let signals = signals(&probabilities);
        if let Some(label) = row.labels[at] {
            answers[at].push(Answer {
                source: row.source,
                signals,
                said,
                label,
            });
        } else if head == Head::Kind && row.source == Source::Reports && unread(said) {
            unread_reports.push(signals);
        }
    }
}

/// The calibrator learns from as many reports as own texts: what comes will be as long as those and as local as these.
/// The threshold must keep the precision for either.
fn settle(answers: &[Answer], head: Head, precision: f32) -> (Calibrator, f32) {
    let of = |source: Source| answers.iter().filter(move |a| a.source == source);
    let own = of(Source::Own).count();
    let each = (of(Source::Reports).count() / own.max(1)).max(1);
    let mixed: Vec<_> = of(Source::Own)
        .chain(of(Source::Reports).step_by(each))
        .map(|a| (a.signals, a.said == a.label))
        .collect();
    let fitted = calibrator(&mixed);
    let lowest = [Source::Own, Source::Reports]
        .into_iter()
        .map(|source| {
            if head == Head::Kind {
                of(source)
                    .filter(|a| unread(a.said))
                    .map(|a| (a.signals, unread(a.label)))
                    .collect()
            } else {
                of(source)
                    .map(|a| (a.signals, a.said == a.label))
                    .collect::<Vec<_>>()
            }
        })
        .filter(|answers| !answers.is_empty())
        .map(|answers| threshold(&fitted, &answers, precision))
        .fold(0.0, f32::max);
    (fitted, lowest)
}

/// Rows to learn from and rows to test on.
pub fn split(rows: &[Row]) -> (Vec<&Row>, Vec<&Row>) {
    rows.iter().partition(|row| row.part >= TEST_BELOW)
}
