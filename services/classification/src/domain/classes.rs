//! The model's classes of categories as the taxonomy of a day calls them: a class of a merged category stands for its
//! successor, one of a split category for each part, which of them the model cannot say.

use super::model::HeadSpec;
use super::taxonomy::{OTHER, Standing, Taxonomy};

/// What the classes of the category head come to on one day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcomes {
    /// Codes of categories that are given.
    codes: Vec<String>,
    /// Of each class: the outcomes that it stands for; several after a split.
    of_class: Vec<Vec<usize>>,
}

impl Outcomes {
    /// The outcomes of a head's classes. A class that the taxonomy does not know stands for what fits nowhere.
    pub fn new(head: &HeadSpec, taxonomy: &Taxonomy) -> Self {
        let mut codes: Vec<String> = Vec::with_capacity(head.classes.len());
        let mut place = |code: &str| {
            codes.iter().position(|c| c == code).unwrap_or_else(|| {
                codes.push(code.to_owned());
                codes.len() - 1
            })
        };
        let of_class = head
            .classes
            .iter()
            .map(|class| match taxonomy.standing(class) {
                Standing::Given(category) | Standing::Merged(category) => {
                    vec![place(&category.code)]
                }
                Standing::Split(parts) => parts.iter().map(|part| place(&part.code)).collect(),
                Standing::Unknown => vec![place(OTHER)],
            })
            .collect();
        Self { codes, of_class }
    }

    /// The code of an outcome.
    pub fn code(&self, outcome: usize) -> &str {
        &self.codes[outcome]
    }

    /// The outcome of a code.
    pub fn position(&self, code: &str) -> Option<usize> {
        self.codes.iter().position(|c| c == code)
    }

    /// Probabilities of the outcomes from those of the classes, and the outcomes whose probability comes mostly from a
    /// class that was split: which part it is only a person can say.
    pub fn of(&self, classes: &[f32]) -> (Vec<f32>, Vec<usize>) {
        let mut sums = vec![0.0_f32; self.codes.len()];
        let mut guessed: Vec<(usize, f32)> = Vec::new();
        for (p, outcomes) in classes.iter().zip(&self.of_class) {
            let share = p / outcomes.len() as f32;
            for &outcome in outcomes {
                sums[outcome] += share;
                if outcomes.len() > 1 {
                    guessed.push((outcome, share));
                }
            }
        }
        let unsure = guessed
            .iter()
            .map(|&(outcome, _)| outcome)
            .filter(|&outcome| {
                let of = guessed.iter().filter(|(o, _)| *o == outcome);
                of.map(|(_, share)| share).sum::<f32>() * 2.0 > sums[outcome]
            })
            .collect();
        (sums, unsure)
    }

    /// The class that speaks most for an outcome.
    pub fn speaker(&self, outcome: usize, classes: &[f32]) -> usize {
        self.of_class
            .iter()
            .enumerate()
            .filter(|(_, outcomes)| outcomes.contains(&outcome))
            .map(|(class, _)| class)
            .max_by(|a, b| classes[*a].total_cmp(&classes[*b]))
            .unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use time::macros::date;

    use super::*;
    use crate::domain::classify::{Classifier, Hints};
    use crate::domain::model::Head;
    use crate::domain::taxonomy::{Category, Edit, History};

    const DAY: time::Date = date!(2026 - 11 - 24);
    const WASTE: &str = "Sampah menumpuk di TPS tidak diangkut petugas kebersihan, bau sekali.";

    fn after(edit: &Edit) -> Classifier {
        let (history, _) = History::embedded()
            .unwrap()
            .edited(edit, DAY, DAY, "coba")
            .unwrap();
        Classifier::embedded()
            .unwrap()
            .with_taxonomy(history.on(DAY).into())
    }

    #[test]
    fn as_long_as_nothing_was_merged_the_outcomes_are_the_classes() {
        let classifier = Classifier::embedded().unwrap();
        let head = classifier.model().head(Head::Category);
        let outcomes = Outcomes::new(head, classifier.taxonomy());
        assert_eq!(outcomes.codes, head.classes);
        let flat = vec![1.0 / head.classes.len() as f32; head.classes.len()];
        assert_eq!(outcomes.of(&flat), (flat, Vec::new()));
    }

    #[test]
    fn a_merged_class_stands_for_its_successor() {
        let before = Classifier::embedded()
            .unwrap()
            .classify(WASTE, Hints::default());
        assert_eq!(
            (before.category.as_str(), before.abstained),
            ("sampah", false)
        );
        let merged = after(&Edit::Merge {
            codes: vec!["sampah".into()],
            into: "pencemaran".into(),
        });
        let now = merged.classify(WASTE, Hints::default());
        assert_eq!(
            (now.category.as_str(), now.abstained),
            ("pencemaran", false)
        );
        assert!(now.suggestions.iter().all(|s| s.category != "sampah"));
        assert!(now.suggestions[0].words.iter().any(|w| w == "sampah"));
    }

    #[test]
    fn a_split_class_abstains_and_offers_its_parts() {
        let history = History::embedded().unwrap();
        let known = history
            .versions
            .iter()
            .find(|c| c.code == "sampah")
            .unwrap();
        let part = |code: &str| Category {
            code: code.into(),
            ..known.clone()
        };
        let split = after(&Edit::Split {
            code: "sampah".into(),
            into: vec![part("sampah-pasar"), part("sampah-rumah")],
        });
        let now = split.classify(WASTE, Hints::default());
        assert!(now.abstained);
        let offered: Vec<&str> = now
            .suggestions
            .iter()
            .map(|s| s.category.as_str())
            .collect();
        assert_eq!(offered[..2], ["sampah-pasar", "sampah-rumah"]);
    }
}
