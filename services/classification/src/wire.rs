//! The classifier's own values as the contracts carry them: the one place where the two meet.

use contracts::classification::{Candidate, Category as WireCategory, Label, PlaceCandidate};
use contracts::common::{Decider, Kind, Level, PlaceDisagreement, Urgency, decider};

use crate::domain::classify::Classification;
use crate::domain::labels;
use crate::domain::taxonomy::{Category, Taxonomy};

/// A kind; both sides spell its code alike.
pub fn kind(kind: labels::Kind) -> Kind {
    Kind::from_code(kind.name()).unwrap_or(Kind::Unspecified)
}

/// An urgency: normal is biasa, important penting, urgent mendesak.
pub fn urgency(urgency: labels::Urgency) -> Urgency {
    match urgency {
        labels::Urgency::Normal => Urgency::Normal,
        labels::Urgency::Important => Urgency::Important,
        labels::Urgency::Urgent => Urgency::Urgent,
    }
}

/// A level. What lies outside local government is national, but for what regencies run themselves.
fn level(category: &Category) -> Level {
    match category.level {
        labels::Level::Provincial => Level::Province,
        labels::Level::Regency => Level::Regency,
        labels::Level::Outside => match category.default_opd.as_str() {
            "pdam" | "dukcapil" => Level::Regency,
            _ => Level::National,
        },
    }
}

/// What the model says of a text, with the words that spoke for it.
pub fn label(found: Classification, model: &str) -> Label {
    Label {
        kind: kind(found.kind).into(),
        kind_confidence: found.kind_confidence,
        category: found.category,
        confidence: found.confidence,
        abstained: found.abstained,
        urgency: urgency(found.urgency).into(),
        urgency_reasons: found.urgency_reasons,
        suggestions: found
            .suggestions
            .into_iter()
            .map(|s| Candidate {
                category: s.category,
                score: s.score,
                opd_code: s.opd.unwrap_or_default(),
                words: s.words,
            })
            .collect(),
        places: found
            .places
            .into_iter()
            .map(|p| PlaceCandidate {
                area_code: p.code,
                name: p.name,
                confidence: p.confidence,
                reason: p.reasons.join(", "),
            })
            .collect(),
        place_disagreement: found.place_disagreement.map(|d| PlaceDisagreement {
            by_position: d.by_position.unwrap_or_default(),
            by_text: d.by_text.unwrap_or_default(),
            by_choice: d.by_choice.unwrap_or_default(),
        }),
        place_missing: found.place_missing,
        oversight_suspected: found.oversight_suspected,
        health_data: found.health_data,
        by: Some(Decider {
            by: Some(decider::By::Model(model.to_owned())),
        }),
    }
}

/// A category as Open311 and the pages show it. Its agency is empty where the government of the place gets it.
pub fn category(category: &Category, taxonomy: &Taxonomy) -> WireCategory {
    let group = taxonomy.group_name(&category.group);
    let mut keywords = vec![
        category.name.id.to_lowercase(),
        category.name.en.to_lowercase(),
    ];
    keywords.extend(group.map(|g| g.id.to_lowercase()));
    keywords.dedup();
    WireCategory {
        code: category.code.clone(),
        group: category.group.clone(),
        name: category.name.id.clone(),
        name_en: category.name.en.clone(),
        description: category.description.clone(),
        group_name: group.map(|g| g.id.clone()).unwrap_or_default(),
        default_opd: category.opd_for(None).unwrap_or_default().to_owned(),
        level: level(category).into(),
        urgency: urgency(category.default_urgency).into(),
        kind: kind(category.default_kind).into(),
        keywords: keywords.join(", "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_of_the_classifier_has_its_own_in_the_contracts() {
        let kinds: std::collections::HashSet<Kind> =
            labels::Kind::ALL.iter().map(|k| kind(*k)).collect();
        assert_eq!(kinds.len(), labels::Kind::ALL.len());
        assert!(!kinds.contains(&Kind::Unspecified));
        let words: Vec<&str> = labels::Urgency::ALL
            .iter()
            .map(|u| urgency(*u).code())
            .collect();
        assert_eq!(words, ["biasa", "penting", "mendesak"]);
    }

    #[test]
    fn a_category_travels_whole() {
        let taxonomy = Taxonomy::embedded().unwrap();
        let wire = |code| category(taxonomy.get(code).unwrap(), &taxonomy);
        let road = wire("jalan-rusak");
        assert_eq!(
            (road.default_opd.as_str(), road.level(), road.urgency()),
            ("pupr-perkim", Level::Province, Urgency::Normal)
        );
        assert_eq!(road.group_name, "Jalan dan bangunan");
        assert!(road.keywords.contains("damaged road") && !road.description.is_empty());
        let waste = wire("sampah");
        assert_eq!(
            (waste.default_opd.as_str(), waste.level()),
            ("", Level::Regency)
        );
        assert_eq!(wire("ktp-kk").level(), Level::Regency);
        assert_eq!(wire("listrik").level(), Level::National);
        assert_eq!(wire("bansos").kind(), Kind::Complaint);
    }
}
