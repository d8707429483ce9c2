//! The way from rows to a finished model: fit on all but a fold, ask for the fold, in turn; calibrate by the answers;
//! fit again on all.

use super::calibrate::{Asked, Z90, by_class, calibrator, threshold};
use super::data::{Classes, Row, Source};
use super::fit::{Settings, fit, unread};
use crate::domain::calibration::{Calibrator, Register, SIGNALS, first, signals};

use crate::domain::cues::{CueError, Cues};
use crate::domain::judge::kinds;
use crate::domain::model::{HEADS, Head, Model};

/// Precision that each head must keep above its threshold: category, kind, urgency, agency. For kinds it is that of "nobody
/// need act on this".
pub const PRECISION: [f32; HEADS.len()] = [0.85, 0.90, 0.60, 0.85];

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

/// An answer, where its row comes from and what a person said of it.
struct Answer {
    source: Source,
    label: usize,
    asked: Asked,
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
    // Two folds at a time, whatever the machine has; put together in their order, so that nothing depends on which ends first.
    for folds in [[0, 1], [2, 3]] {
        let asked: Vec<Asks> = std::thread::scope(|scope| {
            let cues = &cues;
            folds
                .map(|fold| scope.spawn(move || ask_fold(rows, fold, cues, classes, settings)))
                .into_iter()
                .map(|thread| thread.join().unwrap_or_default())
                .collect()
        });
        for (of_fold, unread) in asked {
            for (all, own) in answers.iter_mut().zip(of_fold) {
                all.extend(own);
            }
            unread_reports.extend(unread);
        }
    }
    let mut settled: Vec<Settled> = answers
        .iter()
        .zip(HEADS)
        .map(|(answers, head)| settle(answers, head, classes.names[head as usize].len()))
        .collect();
    let reports = rows.iter().filter(|r| r.source == Source::Reports).count();
    let kind = &mut settled[Head::Kind as usize];
    let mut sure: Vec<f32> = unread_reports
        .iter()
        .map(|(x, said)| kind.calibrator.of(x, *said))
        .collect();
    sure.sort_by(|a, b| b.total_cmp(a));
    if let Some(first_kept) = sure.get(reports / UNREAD_ONE_IN) {
        kind.threshold = kind.threshold.max(first_kept + f32::EPSILON);
    }
    let accuracy = |source: Source| {
        std::array::from_fn(|head| {
            let of: Vec<bool> = answers[head]
                .iter()
                .filter(|a| a.source == source)
                .map(|a| a.asked.right)
                .collect();
            super::measure::share(of.iter().filter(|right| **right).count(), of.len())
        })
    };
    Ok(Trained {
        own_accuracy_share: accuracy(Source::Own),
        reports_accuracy_share: accuracy(Source::Reports),
        model: with(fit(rows, classes, settings, version), settled),
    })
}

type Asks = ([Vec<Answer>; HEADS.len()], Vec<([f32; SIGNALS], usize)>);

/// What the model of the other folds says of one.
fn ask_fold(rows: &[&Row], fold: u64, cues: &Cues, classes: &Classes, settings: &Settings) -> Asks {
    // Who wrote our texts wrote the lexicon: a model that had it would know their words beforehand, as it will not
    // know those of strangers, and would be trusted too much.
    let (asked, base): (Vec<&Row>, Vec<&Row>) = rows
        .iter()
        .filter(|row| row.source != Source::Lexicon)
        .partition(|row| row.part % FOLDS == fold);
    let model = fit(&base, classes, settings, "fold");
    let mut answers = Asks::default();
    for row in asked {
        ask(&model, cues, row, &mut answers.0, &mut answers.1);
    }
    answers
}

fn ask(
    model: &Model,
    cues: &Cues,
    row: &Row,
    answers: &mut [Vec<Answer>; HEADS.len()],
    unread_reports: &mut Vec<([f32; SIGNALS], usize)>,
) {
    let scores = model.score(&model.vector(&row.text));
    for (at, head) in HEADS.into_iter().enumerate() {
        let probabilities = if head == Head::Kind {
            kinds(&scores, &cues.find(&row.text))
        } else {
            scores.of(head).to_vec()
        };
        let said = first(&probabilities);
        let signals = signals(&probabilities);
        if let Some(label) = row.labels[at] {
            answers[at].push(Answer {
                source: row.source,
                label,
                asked: Asked {
                    signals,
                    said,
                    right: said == label,
                    register: Register::of(&row.register),
                },
            });
        } else if head == Head::Kind && row.source == Source::Reports && unread(said) {
            unread_reports.push((signals, said));
        }
    }
}

/// What a head's answers settle.
struct Settled {
    calibrator: Calibrator,
    threshold: f32,
    thresholds: Vec<[f32; 2]>,
}

/// The calibrator learns from as many reports as own texts: what comes will be as long as those and as local as these.
/// The threshold must keep the precision for either; so must that of a class, which is never below it by little evidence.
fn settle(answers: &[Answer], head: Head, classes: usize) -> Settled {
    let precision = PRECISION[head as usize];
    let of = |source: Source| answers.iter().filter(move |a| a.source == source);
    let own = of(Source::Own).count();
    let each = (of(Source::Reports).count() / own.max(1)).max(1);
    let mixed: Vec<Asked> = of(Source::Own)
        .chain(of(Source::Reports).step_by(each))
        .map(|a| a.asked)
        .collect();
    let fitted = calibrator(&mixed, if head.is_topic() { classes } else { 0 });
    let confidence = |a: &Answer| fitted.of(&a.asked.signals, a.asked.said);
    let lowest = [Source::Own, Source::Reports]
        .into_iter()
        .map(|source| -> Vec<(f32, bool)> {
            if head == Head::Kind {
                of(source)
                    .filter(|a| unread(a.asked.said))
                    .map(|a| (confidence(a), unread(a.label)))
                    .collect()
            } else {
                of(source).map(|a| (confidence(a), a.asked.right)).collect()
            }
        })
        .filter(|answers| !answers.is_empty())
        .map(|answers| threshold(&answers, precision, Z90))
        .fold(0.0, f32::max);
    let all: Vec<Asked> = answers.iter().map(|a| a.asked).collect();
    Settled {
        threshold: lowest,
        thresholds: if head.is_topic() {
            by_class(&fitted, &all, classes, precision, lowest)
        } else {
            Vec::new()
        },
        calibrator: fitted,
    }
}

/// The same model with calibrators and thresholds.
fn with(model: Model, settled: Vec<Settled>) -> Model {
    let mut card = model.card().clone();
    for (spec, settled) in card.heads.iter_mut().zip(settled) {
        spec.calibrator = settled.calibrator;
        spec.threshold = settled.threshold;
        spec.thresholds = settled.thresholds;
    }
    model.with_card(card)
}

/// Rows to learn from and rows to test on.
pub fn split(rows: &[Row]) -> (Vec<&Row>, Vec<&Row>) {
    rows.iter().partition(|row| row.part >= TEST_BELOW)
}
