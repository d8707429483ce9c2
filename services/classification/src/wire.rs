//! The classifier's own values as the contracts carry them: the one place where the two meet.

use contracts::classification::{
    Candidate, Category as WireCategory, Label, LevelDesk, PlaceCandidate,
};
use contracts::common::{Decider, Kind, Level, PlaceDisagreement, Urgency, decider};
use time::Date;
use time::format_description::well_known::Iso8601;

use crate::domain::classify::{Classification, Classifier};
use crate::domain::labels;
use crate::domain::taxonomy::{Category, Name, REGENCY_OF_THE_PLACE, Standing, Taxonomy};

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

/// A level; what lies outside local government is national.
pub fn level(level: labels::Level) -> Level {
    match level {
        labels::Level::Provincial => Level::Province,
        labels::Level::Regency => Level::Regency,
        labels::Level::Village => Level::Village,
        labels::Level::Outside => Level::National,
    }
}

fn own<T: Copy>(all: &[T], same: impl Fn(T) -> bool) -> Option<T> {
    all.iter().copied().find(|value| same(*value))
}

/// Stands in the contracts for the kabupaten or kota of the place.
const GOVERNMENT: &str = "@government";

/// A day as it travels.
pub fn day(day: Date) -> String {
    day.format(&Iso8601::DATE).unwrap_or_default()
}

/// A day as it came.
pub fn parse_day(text: &str) -> Option<Date> {
    Date::parse(text, &Iso8601::DATE).ok()
}

/// A category that a person asks for, as far as the contracts' values are known; its days are put in by the edit.
///
/// # Errors
/// The name of the field that cannot be used.
pub fn asked(category: &WireCategory) -> Result<Category, &'static str> {
    let mut desks: [String; labels::Level::ALL.len()] = Default::default();
    for desk in &category.desks {
        let level = own(labels::Level::ALL, |l| level(l) == desk.level()).ok_or("desks.level")?;
        desks[level as usize] = match desk.opd_code.as_str() {
            GOVERNMENT => REGENCY_OF_THE_PLACE.to_owned(),
            code => code.to_owned(),
        };
    }
    Ok(Category {
        code: category.code.clone(),
        group: category.group.clone(),
        name: Name {
            id: category.name.trim().to_owned(),
            en: category.name_en.trim().to_owned(),
        },
        description: category.description.trim().to_owned(),
        desks,
        level: own(labels::Level::ALL, |l| level(l) == category.level()).ok_or("level")?,
        default_kind: own(labels::Kind::ALL, |k| kind(k) == category.kind()).ok_or("kind")?,
        default_urgency: own(labels::Urgency::ALL, |u| urgency(u) == category.urgency())
            .ok_or("urgency")?,
        valid_from: Date::MIN,
        valid_to: None,
    })
}

/// What the model says of a text, with the words that spoke for it.
pub fn label(found: Classification, by: &Classifier) -> Label {
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
            by: Some(decider::By::Model(by.version().to_owned())),
        }),
        correction_number: by.learnt_to(),
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
        level: level(category.level).into(),
        urgency: urgency(category.default_urgency).into(),
        kind: kind(category.default_kind).into(),
        keywords: keywords.join(", "),
        desks: labels::Level::ALL
            .iter()
            .map(|&at| LevelDesk {
                level: level(at).into(),
                opd_code: match category.desk_at(at) {
                    REGENCY_OF_THE_PLACE => GOVERNMENT.to_owned(),
                    code => code.to_owned(),
                },
            })
            .collect(),
        valid_from: day(category.valid_from),
        valid_to: category.valid_to.map(day).unwrap_or_default(),
        promises: Vec::new(),
        successors: match taxonomy.standing(&category.code) {
            Standing::Merged(one) => vec![one.code.clone()],
            Standing::Split(parts) => parts.iter().map(|p| p.code.clone()).collect(),
            Standing::Given(_) | Standing::Unknown => Vec::new(),
        },
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
