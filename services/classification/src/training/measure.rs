//! How good answers are on rows that the model has not seen.

use serde::Serialize;

/// Bins of the expected calibration error.
const BINS: usize = 10;

/// One answer of a head, beside the label.
#[derive(Debug, Clone, Copy)]
pub struct Answer {
    /// The class that a person gave.
    pub label: usize,
    /// The class that was answered.
    pub said: usize,
    /// The label is among the suggestions.
    pub suggested: bool,
    /// How sure the answer was, 0..=1.
    pub confidence: f32,
    /// Sure enough to be acted upon without a person.
    pub acted: bool,
}

/// Figures of one head; shares are 0..=1.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Figures {
    /// Labelled rows.
    pub rows_count: usize,
    /// Share of right answers.
    pub accuracy_share: f32,
    /// Mean of the classes' F1, over the classes that occur.
    pub macro_f1_share: f32,
    /// Share of rows whose label is among the suggestions.
    pub suggested_share: f32,
    /// Expected calibration error of the confidence.
    pub calibration_error_share: f32,
    /// Share of rows that were left to a person.
    pub abstained_share: f32,
    /// Share of right answers among those that were not left to a person.
    pub precision_when_sure_share: f32,
    /// Each class that occurs.
    pub classes: Vec<ClassFigures>,
}

/// Figures of one class.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ClassFigures {
    /// Its name.
    pub class: String,
    /// Rows with this label.
    pub rows_count: usize,
    /// Share of them that got this answer.
    pub recall_share: f32,
    /// Share of these answers that were right.
    pub precision_share: f32,
}

impl ClassFigures {
    fn f1(&self) -> f32 {
        let sum = self.recall_share + self.precision_share;
        if sum > 0.0 {
            2.0 * self.recall_share * self.precision_share / sum
        } else {
            0.0
        }
    }
}

/// `part` of `of`; 0 of nothing.
pub fn share(part: usize, of: usize) -> f32 {
    if of == 0 {
        0.0
    } else {
        part as f32 / of as f32
    }
}

/// Measures a head's answers. `names` are its classes.
pub fn measure(answers: &[Answer], names: &[String]) -> Figures {
    let count = |keep: &dyn Fn(&Answer) -> bool| answers.iter().filter(|a| keep(a)).count();
    let all = answers.len();
    let acted = count(&|a| a.acted);
    let classes: Vec<ClassFigures> = names
        .iter()
        .enumerate()
        .filter_map(|(class, name)| {
            let there = count(&|a| a.label == class);
            let right = count(&|a| a.label == class && a.said == class);
            (there > 0).then(|| ClassFigures {
                class: name.clone(),
                rows_count: there,
                recall_share: share(right, there),
                precision_share: share(right, count(&|a| a.said == class)),
            })
        })
        .collect();
    let mut bins = [0.0_f32; BINS];
    for answer in answers {
        let bin = ((answer.confidence * BINS as f32) as usize).min(BINS - 1);
        bins[bin] += answer.confidence
            - if answer.said == answer.label {
                1.0
            } else {
                0.0
            };
    }
    Figures {
        rows_count: all,
        accuracy_share: share(count(&|a| a.said == a.label), all),
        macro_f1_share: classes.iter().map(ClassFigures::f1).sum::<f32>()
            / classes.len().max(1) as f32,
        suggested_share: share(count(&|a| a.suggested), all),
        calibration_error_share: bins.iter().map(|gap| gap.abs()).sum::<f32>() / all.max(1) as f32,
        abstained_share: share(all - acted, all),
        precision_when_sure_share: share(count(&|a| a.acted && a.said == a.label), acted),
        classes,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_those_of_a_count_by_hand() {
        let answer = |label, said, confidence, acted| Answer {
            label,
            said,
            suggested: label < 2,
            confidence,
            acted,
        };
        let answers = [
            answer(0, 0, 0.9, true),
            answer(0, 1, 0.8, true),
            answer(1, 1, 0.3, false),
            answer(2, 1, 0.2, false),
        ];
        let figures = measure(&answers, &["a".into(), "b".into(), "c".into(), "d".into()]);
        assert_eq!(figures.rows_count, 4);
        assert_eq!(figures.accuracy_share, 0.5);
        assert_eq!(figures.suggested_share, 0.75);
        assert_eq!(figures.abstained_share, 0.5);
        assert_eq!(figures.precision_when_sure_share, 0.5);
        // F1 of a: 2/3, of b: 1/2, of c: 0; d does not occur
        assert!((figures.macro_f1_share - (2.0 / 3.0 + 0.5) / 3.0).abs() < 1e-6);
        // gaps of the bins: .9 - 1, .8, .3 - 1, .2
        assert!((figures.calibration_error_share - (0.1 + 0.8 + 0.7 + 0.2) / 4.0).abs() < 1e-6);
    }
}
