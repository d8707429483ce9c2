//! Our recipe on the shared reports under their own categories and agencies, so that it compares with others on the same rows.

use super::stats::Answer;
use crate::domain::calibration::{Calibrator, Register, first, signals};
use crate::domain::model::{HEADS, Head, Model};
use crate::training::calibrate::{Asked, calibrator};
use crate::training::data::{Classes, Row};
use crate::training::fit::{Settings, fit};
use crate::training::recipe::TEST_BELOW;

/// Folds of the rows to learn from. What each says of itself by the model of the others is the validation.
const FOLDS: u64 = 4;
/// Share of the rows, the newest, that are the test of the split in time.
const NEWEST: f64 = 0.2;

/// Rows to learn from (folds of which validate) and rows to test on.
#[derive(Debug, Clone)]
pub struct Split<'a> {
    /// Its name.
    pub name: &'static str,
    /// To learn from.
    pub learnt: Vec<&'a Row>,
    /// To test on, in the order of time.
    pub test: Vec<&'a Row>,
}

/// A fifth by the hash of the text, so that equal texts are on one side.
pub fn by_hash(rows: &[Row]) -> Split<'_> {
    let (learnt, test) = rows.iter().partition(|row| row.part >= TEST_BELOW);
    Split {
        name: "random",
        learnt,
        test,
    }
}

/// The newest fifth. Within a month the order is that of the hash, since the file does not say more.
pub fn by_time(rows: &[Row]) -> Split<'_> {
    let mut ordered: Vec<&Row> = rows.iter().collect();
    ordered.sort_by(|a, b| (&a.month, a.part, &a.id).cmp(&(&b.month, b.part, &b.id)));
    let test = ordered.split_off(rows.len() - (rows.len() as f64 * NEWEST) as usize);
    Split {
        name: "newest fifth",
        learnt: ordered,
        test,
    }
}

/// A model, and what it says of rows that it has not learnt.
#[derive(Debug)]
pub struct Fitted {
    /// Fitted on all rows to learn from.
    pub model: Model,
    /// Of each of [`HEADS`].
    pub calibrators: Vec<Calibrator>,
    /// Of each of [`HEADS`]: answers of the folds' models for their folds.
    pub validation: Vec<Vec<Answer>>,
}

impl Fitted {
    /// The answer of a head for a normalised text.
    pub fn answer(&self, text: &str, head: Head, label: usize) -> Answer {
        let scores = self.model.score(&self.model.vector(text));
        let probabilities = scores.of(head);
        let confidence = self.calibrators[head as usize].confidence(probabilities);
        Answer::of(probabilities, label, confidence)
    }

    /// Answers of a head for the rows that it labels.
    pub fn answers(&self, rows: &[&Row], head: Head) -> Vec<Answer> {
        let labelled = rows
            .iter()
            .filter_map(|row| Some((row, row.labels[head as usize]?)));
        labelled
            .map(|(row, label)| self.answer(&row.text, head, label))
            .collect()
    }
}

/// An answer of a fold's model, its distribution, the label and the head.
type FoldAnswer = (Asked, Vec<f32>, usize, Head);

/// Fits on the rows given, and calibrates by folds of them.
pub fn fitted(rows: &[&Row], classes: &Classes, settings: &Settings) -> Fitted {
    let asked: Vec<Vec<FoldAnswer>> = std::thread::scope(|scope| {
        // Two at a time: the goals are for two cores.
        let halves = [0, 1].map(|half| {
            scope.spawn(move || {
                (0..FOLDS)
                    .filter(|fold| fold % 2 == half)
                    .flat_map(|fold| ask_fold(rows, fold, classes, settings))
                    .collect()
            })
        });
        halves
            .into_iter()
            .map(|half| half.join().unwrap_or_default())
            .collect()
    });
    let model = fit(rows, classes, settings, "evaluation");
    let mut calibrators = Vec::new();
    let mut validation = Vec::new();
    for head in HEADS {
        let own: Vec<_> = asked.iter().flatten().filter(|a| a.3 == head).collect();
        let signals: Vec<Asked> = own.iter().map(|a| a.0).collect();
        let fitted = calibrator(&signals, classes.names[head as usize].len());
        validation.push(
            own.iter()
                .map(|(_, p, label, _)| Answer::of(p, *label, fitted.confidence(p)))
                .collect(),
        );
        calibrators.push(fitted);
    }
    Fitted {
        model,
        calibrators,
        validation,
    }
}

fn ask_fold(rows: &[&Row], fold: u64, classes: &Classes, settings: &Settings) -> Vec<FoldAnswer> {
    let (asked, base): (Vec<&Row>, Vec<&Row>) =
        rows.iter().partition(|row| row.part % FOLDS == fold);
    let model = fit(&base, classes, settings, "fold");
    let mut answers = Vec::new();
    for row in asked {
        let scores = model.score(&model.vector(&row.text));
        for head in HEADS {
            let Some(label) = row.labels[head as usize] else {
                continue;
            };
            let probabilities = scores.of(head);
            let said = first(probabilities);
            let asked = Asked {
                signals: signals(probabilities),
                said,
                right: said == label,
                register: Some(Register::Formal),
            };
            answers.push((asked, probabilities.to_vec(), label, head));
        }
    }
    answers
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::training::data::{as_theirs, reports};
    use std::collections::HashSet;

    /// Invented reports of two categories over ten months.
    pub(crate) fn file() -> String {
        let mut csv = "id,month,category,agency,text\n".to_owned();
        for n in 0..200 {
            let (what, category, agency) = if n % 2 == 0 {
                ("lampu jalan padam", "penerangan_jalan", "Dinas Perhubungan")
            } else {
                ("sampah menumpuk", "sampah", "Dinas Lingkungan Hidup")
            };
            csv += &format!(
                "{n},2022-{:02},{category},{agency},{what} di gang {n}\n",
                1 + n / 20
            );
        }
        csv
    }

    #[test]
    fn no_row_is_learnt_and_tested_on_and_the_newest_are_the_test_in_time() {
        let reports = reports(&file()).unwrap();
        let classes = Classes::theirs(reports.iter());
        let rows = as_theirs(&reports, &classes).unwrap();
        for split in [by_hash(&rows), by_time(&rows)] {
            let learnt: HashSet<&str> = split.learnt.iter().map(|row| row.id.as_str()).collect();
            assert!(
                split
                    .test
                    .iter()
                    .all(|row| !learnt.contains(row.id.as_str()))
            );
            assert_eq!(learnt.len() + split.test.len(), 200);
        }
        let split = by_time(&rows);
        let newest_learnt = split.learnt.iter().map(|row| &row.month).max();
        assert!(
            split.test.len() == 40 && newest_learnt <= split.test.iter().map(|r| &r.month).min()
        );
    }

    #[test]
    fn validation_answers_are_as_many_as_rows_learnt() {
        let reports = reports(&file()).unwrap();
        let classes = Classes::theirs(reports.iter());
        let rows = as_theirs(&reports, &classes).unwrap();
        let split = by_hash(&rows);
        let settings = Settings {
            passes: 3,
            ..Settings::default()
        };
        let fitted = fitted(&split.learnt, &classes, &settings);
        assert_eq!(fitted.validation[0].len(), split.learnt.len());
        let right = fitted.answers(&split.test, Head::Category);
        assert!(super::super::stats::accuracy(&right) > 0.9);
    }
}
