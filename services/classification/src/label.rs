//! The label that is in force: what the model said, and above it what persons decided. A pure function of both, so that
//! any order of what arrives, and taking a decision back, leads to the same label.

use contracts::classification::{Candidate, Label};
use contracts::common::{Actor, Decider, Kind, Urgency, decider};
use contracts::event::{ClassificationFacet, Suggestion};
use contracts::values;
use time::OffsetDateTime;

use crate::domain::classify::SUGGESTIONS;
use crate::domain::place;
use crate::domain::taxonomy::Taxonomy;

/// Categories of this group speak of somebody's health.
const HEALTH: &str = "kesehatan";

/// What the model said, and when.
#[derive(Debug, Clone, PartialEq)]
pub struct Said {
    /// With the words that spoke for it.
    pub label: Label,
    /// When.
    pub at: OffsetDateTime,
}

impl Said {
    /// What it says after an earlier one about the same complaint: once suspected it stays so until a person says what it
    /// is, because what should have been secret cannot be made so afterwards.
    pub fn after(mut self, earlier: Option<&Said>) -> Self {
        self.label.oversight_suspected |= earlier.is_some_and(|e| e.label.oversight_suspected);
        self
    }
}

/// What a person decided.
#[derive(Debug, Clone, PartialEq)]
pub struct Correction {
    /// Who.
    pub by: Actor,
    /// When.
    pub at: OffsetDateTime,
    /// Unspecified: left as it was.
    pub kind: Kind,
    /// Empty: left as it was.
    pub category: String,
    /// Unspecified: left as it was.
    pub urgency: Urgency,
    /// Empty: left as it was.
    pub area_code: String,
}

/// The label in force, or none while nobody has said anything. `suspected` is the reporter's own word that it is about abuse
/// of office; `corrections` are in the order in which they were made.
pub fn fold(
    said: Option<&Said>,
    corrections: &[Correction],
    suspected: bool,
    taxonomy: &Taxonomy,
) -> Option<ClassificationFacet> {
    if said.is_none() && corrections.is_empty() {
        return None;
    }
    let mut facet = said.map(of_model).unwrap_or_else(|| ClassificationFacet {
        kind: Kind::Complaint.into(),
        urgency: Urgency::Normal.into(),
        abstained: true,
        ..ClassificationFacet::default()
    });
    for correction in corrections {
        correct(&mut facet, correction, taxonomy);
    }
    facet.oversight_suspected |= suspected;
    Some(facet)
}

fn of_model(said: &Said) -> ClassificationFacet {
    let label = &said.label;
    let place = label.places.first().filter(|p| p.confidence >= place::SURE);
    ClassificationFacet {
        kind: label.kind,
        category: label.category.clone(),
        urgency: label.urgency,
        area_code: place.map(|p| p.area_code.clone()).unwrap_or_default(),
        area_confidence: place.map_or(0.0, |p| p.confidence),
        confidence: label.confidence,
        abstained: label.abstained,
        suggestions: label
            .suggestions
            .iter()
            .map(|s| suggestion(s, "model"))
            .collect(),
        oversight_suspected: label.oversight_suspected,
        by: label.by.clone(),
        at: Some(values::timestamp(said.at)),
        erased: false,
        health_data: label.health_data,
    }
}

fn suggestion(candidate: &Candidate, reason: &str) -> Suggestion {
    Suggestion {
        category: candidate.category.clone(),
        score: candidate.score,
        opd_code: candidate.opd_code.clone(),
        reason_codes: vec![reason.to_owned()],
    }
}

fn correct(facet: &mut ClassificationFacet, correction: &Correction, taxonomy: &Taxonomy) {
    // A suspicion is lifted only by one who may see it and names another kind.
    match correction.kind {
        Kind::Unspecified if facet.oversight_suspected => {
            facet.set_kind(Kind::OversightComplaint);
        }
        Kind::Unspecified => {}
        kind => facet.set_kind(kind),
    }
    facet.oversight_suspected = facet.kind() == Kind::OversightComplaint;
    if correction.urgency != Urgency::Unspecified {
        facet.set_urgency(correction.urgency);
    }
    if !correction.area_code.is_empty() {
        facet.area_code.clone_from(&correction.area_code);
        facet.area_confidence = 1.0;
    }
    if !correction.category.is_empty() {
        facet.category.clone_from(&correction.category);
        facet.confidence = 1.0;
        facet.abstained = false;
        let category = taxonomy.get(&correction.category);
        facet.health_data |= category.is_some_and(|c| c.group == HEALTH);
        let opd = category.and_then(|c| c.opd_for(Some(&facet.area_code)));
        let chosen = Suggestion {
            category: correction.category.clone(),
            score: 1.0,
            opd_code: opd.unwrap_or_default().to_owned(),
            reason_codes: vec!["person".to_owned()],
        };
        facet
            .suggestions
            .retain(|s| s.category != chosen.category && s.reason_codes != chosen.reason_codes);
        facet.suggestions.insert(0, chosen);
        facet.suggestions.truncate(SUGGESTIONS);
    }
    facet.by = Some(Decider {
        by: Some(decider::By::Person(correction.by.clone())),
    });
    facet.at = Some(values::timestamp(correction.at));
}

/// Whether two labels say the same, whenever they were given. What the model would suggest beside a person's category tells
/// nobody anything new.
pub fn same(a: &ClassificationFacet, b: &ClassificationFacet) -> bool {
    let said = |f: &ClassificationFacet| {
        let mut said = ClassificationFacet {
            at: None,
            ..f.clone()
        };
        if by_person(f) {
            said.suggestions.truncate(1);
        }
        said
    };
    said(a) == said(b)
}

/// Whether a person gave the label.
pub fn by_person(facet: &ClassificationFacet) -> bool {
    person(facet.by.as_ref()).is_some()
}

/// The person who decided, if it was one.
pub fn person(by: Option<&Decider>) -> Option<&Actor> {
    match by?.by.as_ref()? {
        decider::By::Person(actor) => Some(actor),
        decider::By::Model(_) | decider::By::Rule(_) => None,
    }
}

/// The label in force with the model's words beside it: what staff may read as its reason.
pub fn explained(facet: &ClassificationFacet, said: Option<&Said>) -> Label {
    let mut label = said.map(|s| s.label.clone()).unwrap_or_default();
    let words = |category: &str| {
        label
            .suggestions
            .iter()
            .find(|s| s.category == category)
            .map(|s| s.words.clone())
            .unwrap_or_default()
    };
    let suggestions = facet
        .suggestions
        .iter()
        .map(|s| Candidate {
            category: s.category.clone(),
            score: s.score,
            opd_code: s.opd_code.clone(),
            words: words(&s.category),
        })
        .collect();
    label.suggestions = suggestions;
    if by_person(facet) {
        label.kind_confidence = 1.0;
        if facet.urgency != label.urgency {
            label.urgency_reasons.clear();
        }
    }
    label.kind = facet.kind;
    label.category.clone_from(&facet.category);
    label.confidence = facet.confidence;
    label.abstained = facet.abstained;
    label.urgency = facet.urgency;
    label.oversight_suspected = facet.oversight_suspected;
    label.health_data = facet.health_data;
    label.by.clone_from(&facet.by);
    label
}

#[cfg(test)]
mod tests {
    use contracts::common::Role;
    use time::Duration;

    use super::*;

    fn at(minute: i64) -> OffsetDateTime {
        OffsetDateTime::UNIX_EPOCH + Duration::minutes(minute)
    }

    fn said() -> Said {
        let candidate = |category: &str, score| Candidate {
            category: category.into(),
            score,
            opd_code: "pupr-perkim".into(),
            words: vec!["lubang".into()],
        };
        Said {
            label: Label {
                kind: Kind::Complaint.into(),
                category: "jalan-rusak".into(),
                confidence: 0.4,
                abstained: true,
                urgency: Urgency::Normal.into(),
                suggestions: vec![
                    candidate("jalan-rusak", 0.5),
                    candidate("jembatan", 0.2),
                    candidate("sampah", 0.1),
                ],
                ..Label::default()
            },
            at: at(0),
        }
    }

    fn correction(minute: i64, category: &str, kind: Kind) -> Correction {
        Correction {
            by: Actor {
                person_id: "petugas-1".into(),
                role: Role::Operator.into(),
                opd_code: String::new(),
            },
            at: at(minute),
            kind,
            category: category.into(),
            urgency: Urgency::Unspecified,
            area_code: String::new(),
        }
    }

    fn folded(
        said: Option<&Said>,
        corrections: &[Correction],
        suspected: bool,
    ) -> ClassificationFacet {
        fold(said, corrections, suspected, &Taxonomy::embedded().unwrap()).unwrap()
    }

    #[test]
    fn a_person_outranks_the_model_whenever_it_speaks() {
        let one = [correction(1, "sampah", Kind::Unspecified)];
        let before = folded(Some(&said()), &one, false);
        assert_eq!(
            (before.category.as_str(), before.abstained),
            ("sampah", false)
        );
        assert!(by_person(&before));
        let mut later = said();
        later.at = at(60);
        later.label.category = "irigasi".into();
        let after = folded(Some(&later), &one, false);
        assert_eq!((after.category.as_str(), after.at), ("sampah", before.at));
        let two = [one[0].clone(), correction(2, "irigasi", Kind::Unspecified)];
        let newest = folded(Some(&said()), &two, false);
        assert_eq!(newest.category, "irigasi");
        let offered: Vec<&str> = newest
            .suggestions
            .iter()
            .map(|s| s.category.as_str())
            .collect();
        assert_eq!(offered, ["irigasi", "jalan-rusak", "jembatan"]);
        assert!(fold(None, &[], true, &Taxonomy::embedded().unwrap()).is_none());
    }

    #[test]
    fn without_its_correction_the_model_speaks_again() {
        let facet = folded(Some(&said()), &[], false);
        assert_eq!(
            (facet.category.as_str(), facet.abstained),
            ("jalan-rusak", true)
        );
        assert!(!by_person(&facet));
    }

    #[test]
    fn a_suspicion_stays_until_a_person_names_another_kind() {
        let mut suspicious = said();
        suspicious.label.oversight_suspected = true;
        assert!(said().after(Some(&suspicious)).label.oversight_suspected);
        let category_only = folded(
            Some(&suspicious),
            &[correction(1, "desa", Kind::Unspecified)],
            false,
        );
        assert_eq!(category_only.kind(), Kind::OversightComplaint);
        assert!(category_only.oversight_suspected);
        let named = [correction(1, "desa", Kind::Complaint)];
        assert!(!folded(Some(&suspicious), &named, false).oversight_suspected);
        assert!(
            folded(Some(&suspicious), &named, true).oversight_suspected,
            "the reporter's own word stays"
        );
    }

    #[test]
    fn a_place_that_is_not_sure_is_nobodys_place() {
        let mut vague = said();
        vague.label.places = vec![contracts::classification::PlaceCandidate {
            area_code: "52.01.09".into(),
            confidence: 0.4,
            ..Default::default()
        }];
        assert_eq!(folded(Some(&vague), &[], false).area_code, "");
        vague.label.places[0].confidence = 0.9;
        assert_eq!(folded(Some(&vague), &[], false).area_code, "52.01.09");
    }

    #[test]
    fn the_explanation_is_the_label_in_force_with_the_models_words() {
        let said = said();
        let facet = folded(
            Some(&said),
            &[correction(1, "jembatan", Kind::Complaint)],
            false,
        );
        let label = explained(&facet, Some(&said));
        assert_eq!(label.category, "jembatan");
        assert_eq!(label.suggestions[0].words, ["lubang"]);
        assert!(person(label.by.as_ref()).is_some());
    }
}
