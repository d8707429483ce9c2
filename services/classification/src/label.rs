//! The label that is in force: what the model said, and above it what persons decided. A pure function of both, so that
//! any order of what arrives, and taking a decision back, leads to the same label.

use contracts::classification::{Candidate, Label};
use contracts::common::{Actor, Decider, Kind, Urgency, decider};
use contracts::event::{ClassificationFacet, Suggestion};
use contracts::lifecycle::Version;
use contracts::values;
use time::OffsetDateTime;

use crate::domain::classify::SUGGESTIONS;
use crate::domain::model::Head;
use crate::domain::taxonomy::Taxonomy;
use crate::domain::{labels, place};
use crate::wire;

/// Categories of this group speak of somebody's health.
const HEALTH: &str = "kesehatan";

/// What the model said, and when.
#[derive(Debug, Clone, PartialEq)]
pub struct Said {
    /// With the words that spoke for it.
    pub label: Label,
    /// When.
    pub at: OffsetDateTime,
    /// The event of intake whose text, or a newer one, was read.
    pub text: Version,
}

impl Said {
    /// Before any event.
    pub const NEVER: Version = Version {
        epoch: 0,
        version: 0,
    };

    /// What it says after an earlier one about the same complaint: once suspected it stays so until a person says what it
    /// is, because what should have been secret cannot be made so afterwards.
    /// An older text that was read later says nothing.
    pub fn after(mut self, earlier: Option<&Said>) -> Self {
        match earlier {
            Some(earlier) if earlier.text > self.text => earlier.clone(),
            Some(earlier) => {
                self.label.oversight_suspected |= earlier.label.oversight_suspected;
                self
            }
            None => self,
        }
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

/// What persons say of a complaint, as the model's heads name it; empty: nobody says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Taught {
    /// A category's code.
    pub category: String,
    /// A kind's name.
    pub kind: &'static str,
    /// An urgency's name.
    pub urgency: &'static str,
}

impl Taught {
    /// By decisions in the order in which they were made: of each head the last counts.
    pub fn of(corrections: &[Correction]) -> Self {
        let mut taught = Self::default();
        for correction in corrections {
            if !correction.category.is_empty() {
                taught.category.clone_from(&correction.category);
            }
            if let Some(kind) = labels::Kind::ALL
                .iter()
                .find(|k| wire::kind(**k) == correction.kind)
            {
                taught.kind = kind.name();
            }
            let urgency = labels::Urgency::ALL.iter();
            if let Some(urgency) = urgency
                .copied()
                .find(|u| wire::urgency(*u) == correction.urgency)
            {
                taught.urgency = urgency.name();
            }
        }
        taught
    }

    /// As it was stored; a name of another version says nothing.
    pub fn stored(category: String, kind: &str, urgency: &str) -> Self {
        Self {
            category,
            kind: kind.parse::<labels::Kind>().map_or("", labels::Kind::name),
            urgency: urgency
                .parse::<labels::Urgency>()
                .map_or("", labels::Urgency::name),
        }
    }

    /// Whether nobody says anything.
    pub fn is_empty(&self) -> bool {
        self.category.is_empty() && self.kind.is_empty() && self.urgency.is_empty()
    }

    /// What it teaches each head.
    pub fn heads(&self) -> impl Iterator<Item = (Head, &str)> {
        [
            (Head::Category, self.category.as_str()),
            (Head::Kind, self.kind),
            (Head::Urgency, self.urgency),
        ]
        .into_iter()
        .filter(|(_, class)| !class.is_empty())
    }
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
        place_disagreement: label.place_disagreement.clone(),
        place_missing: label.place_missing,
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
    // A person who looks at it asks by themselves what they need.
    facet.place_missing = false;
    if !correction.area_code.is_empty() {
        facet.place_disagreement = None;
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
    label
        .place_disagreement
        .clone_from(&facet.place_disagreement);
    label.place_missing = facet.place_missing;
    label.by.clone_from(&facet.by);
    label
}
