//! What is known of a complaint's place, weighed: what the text says, where the pin and the photo lie, what the reporter chose, and
//! what they answered when they were asked.

use super::boundaries::Located;
use super::{Gazetteer, MAX_CANDIDATES, PlaceCandidate, SURE};

/// A pin and a text that far apart speak of different places; nearer, one of them is only not exact.
const APART_METRES: f32 = 2_000.0;
/// What the reporter chose from a list.
const CHOSEN: f32 = 0.9;
/// How far a pin is trusted that the text contradicts. Enough to act upon, with the contradiction shown.
const CONTRADICTED: f32 = 0.7;

/// What is known beside the text.
#[derive(Debug, Clone, Copy, Default)]
pub struct Evidence<'a> {
    /// Where the reporter put the pin: latitude and longitude in degrees, WGS 84.
    pub pin: Option<(f64, f64)>,
    /// Where the photo says that it was taken, likewise.
    pub photo: Option<(f64, f64)>,
    /// The area that the reporter chose.
    pub chosen: Option<&'a str>,
    /// What the reporter wrote when asked where it is, normalised; part of the text too.
    pub answer: Option<&'a str>,
}

/// Area codes that the kinds of evidence say, where they lie in different places. None: says nothing that is sure.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Disagreement {
    /// The pin or the photo.
    pub by_position: Option<String>,
    /// The text, or the answer.
    pub by_text: Option<String>,
    /// The choice.
    pub by_choice: Option<String>,
}

/// The place as it is known.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Places {
    /// Best first, at most [`MAX_CANDIDATES`].
    pub candidates: Vec<PlaceCandidate>,
    /// None: what is known agrees.
    pub disagreement: Option<Disagreement>,
}

impl Gazetteer {
    /// Weighs a normalised text and what is known beside it. A position decides by the polygon in which it lies; a text is finer
    /// than a choice in which its place lies. What disagrees stays visible.
    pub fn weigh(&self, text: &str, evidence: Evidence<'_>) -> Places {
        let by_text = match evidence.answer {
            Some(answer) => self.find_in_answer(answer, text),
            None => self.find(text),
        };
        let sure_text = by_text.first().filter(|p| p.confidence >= SURE).cloned();
        let chosen = evidence.chosen.and_then(|code| self.get(code)).cloned();
        let pin = evidence.pin.map(|at| (at, "pin peta"));
        let photo = evidence.photo.map(|at| (at, "posisi foto"));
        let position = pin.or(photo).and_then(|(at, what)| {
            let found = self.boundaries().locate(at.0, at.1)?;
            Some((at, found, what))
        });
        let mut disagreement = Disagreement::default();
        let mut candidates = match &chosen {
            // The choice tells which of several a shared name is of.
            Some(area) => {
                let told = self.find_within(evidence.answer, text, &area.code);
                let mut own = PlaceCandidate {
                    code: area.code.clone(),
                    name: self.full_name(&area.code),
                    confidence: CHOSEN,
                    reasons: vec!["dipilih pelapor".to_owned()],
                };
                if let Some(text) = sure_text.as_ref().filter(|t| !related(&t.code, &area.code)) {
                    disagreement.by_text = Some(text.code.clone());
                    disagreement.by_choice = Some(area.code.clone());
                    own.confidence = CONTRADICTED;
                    first(by_text, own)
                } else {
                    with_choice(told, own)
                }
            }
            None => by_text,
        };
        if let Some((at, found, what)) = position {
            let sure = found.confidence >= SURE;
            let apart = |code: &str| {
                let metres = self.boundaries().metres_to(at.0, at.1, code);
                !related(code, &found.code) && metres.is_none_or(|metres| metres > APART_METRES)
            };
            let mut own = self.by_position(&found, what);
            let contradicts = sure_text.as_ref().filter(|text| sure && apart(&text.code));
            if let Some(text) = contradicts {
                disagreement.by_text = Some(text.code.clone());
            }
            let other_choice = chosen.as_ref().filter(|area| sure && apart(&area.code));
            if let Some(area) = other_choice {
                disagreement.by_choice = Some(area.code.clone());
            }
            if contradicts.is_some() || other_choice.is_some() {
                disagreement.by_position = Some(found.code.clone());
                own.confidence = own.confidence.min(CONTRADICTED);
            }
            candidates = self.with_position(candidates, own, &found);
        }
        candidates.truncate(MAX_CANDIDATES);
        Places {
            candidates,
            disagreement: (disagreement != Disagreement::default()).then_some(disagreement),
        }
    }

    fn by_position(&self, found: &Located, what: &str) -> PlaceCandidate {
        let reason = if found.outside_metres > 0.0 {
            format!(
                "{what}, {:.1} km dari batas",
                found.outside_metres / 1_000.0
            )
        } else {
            format!("{what} di dalam batas")
        };
        PlaceCandidate {
            code: found.code.clone(),
            name: self.full_name(&found.code),
            confidence: found.confidence,
            reasons: vec![reason],
        }
    }

    /// A position stands first; what the text says of the same kecamatan makes it surer, and what it says in a
    /// neighbouring desa close by stays behind it.
    fn with_position(
        &self,
        mut candidates: Vec<PlaceCandidate>,
        mut own: PlaceCandidate,
        found: &Located,
    ) -> Vec<PlaceCandidate> {
        let agrees = |c: &PlaceCandidate| related(&c.code, &found.code);
        if let Some(other) = candidates.iter().find(|c| agrees(c) && c.confidence >= 0.3) {
            own.confidence = own.confidence.clamp(0.9, 0.99);
            own.reasons.extend(other.reasons.iter().take(2).cloned());
        }
        // The kecamatan is all that the position knows where a desa has no polygon: the text may be finer.
        let finer = candidates.first().is_some_and(|c| {
            c.code.len() > own.code.len() && c.code.starts_with(&own.code) && c.confidence >= SURE
        });
        // A position off the coast is only a guess; a text that is sure stands before it.
        let unsure =
            own.confidence < SURE && candidates.first().is_some_and(|c| c.confidence >= SURE);
        candidates.retain(|c| c.code != own.code && !own.code.starts_with(&c.code));
        candidates.insert(
            usize::from((finer || unsure) && !candidates.is_empty()),
            own,
        );
        candidates
    }
}

fn first(mut behind: Vec<PlaceCandidate>, own: PlaceCandidate) -> Vec<PlaceCandidate> {
    behind.retain(|place| place.code != own.code);
    behind.insert(0, own);
    behind
}

/// The choice, behind a place of the text that lies in it.
fn with_choice(mut told: Vec<PlaceCandidate>, own: PlaceCandidate) -> Vec<PlaceCandidate> {
    told.retain(|place| !own.code.starts_with(&place.code));
    let finer = told
        .first()
        .is_some_and(|place| place.code.starts_with(&own.code) && place.confidence >= SURE);
    told.insert(usize::from(finer), own);
    told
}

/// Whether one area lies in the other, or is it.
fn related(a: &str, b: &str) -> bool {
    let lies_in = |a: &str, b: &str| {
        a.strip_prefix(b)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    lies_in(a, b) || lies_in(b, a)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::text::normalise;
    use std::sync::LazyLock;

    static GAZETTEER: LazyLock<Gazetteer> = LazyLock::new(|| Gazetteer::embedded().unwrap());

    /// In Senggigi, and in the middle of Praya.
    const SENGGIGI: (f64, f64) = (-8.4927, 116.0470);
    const PRAYA: (f64, f64) = (-8.7055, 116.2700);

    fn weigh(text: &str, evidence: Evidence<'_>) -> Places {
        GAZETTEER.weigh(&normalise(text), evidence)
    }

    fn first(places: &Places) -> (&str, bool) {
        let first = &places.candidates[0];
        (first.code.as_str(), first.confidence >= SURE)
    }

    #[test]
    fn a_pin_decides_and_a_text_that_agrees_makes_it_surer() {
        let pin = Evidence {
            pin: Some(SENGGIGI),
            ..Evidence::default()
        };
        let alone = weigh("lampu jalan mati", pin);
        assert_eq!(first(&alone), ("52.01.14.2006", true));
        let both = weigh("lampu mati di senggigi", pin);
        assert_eq!(first(&both), ("52.01.14.2006", true));
        assert!(both.candidates[0].confidence >= alone.candidates[0].confidence);
        assert_eq!(both.disagreement, None);
        let reasons = &both.candidates[0].reasons;
        assert!(
            reasons[0].contains("pin") && reasons[1].contains("Senggigi"),
            "{reasons:?}"
        );
        // A wider place in the text is no contradiction.
        assert_eq!(weigh("lobar gelap gulita", pin).disagreement, None);
    }

    #[test]
    fn a_pin_and_a_text_that_disagree_are_both_shown() {
        let pin = Evidence {
            pin: Some(PRAYA),
            ..Evidence::default()
        };
        let places = weigh("jalan rusak di desa sesela gunungsari lobar", pin);
        assert!(first(&places).0.starts_with("52.02"), "{places:?}");
        assert!(places.candidates.iter().any(|c| c.code == "52.01.09.2003"));
        let disagreement = places.disagreement.unwrap();
        assert_eq!(disagreement.by_text.as_deref(), Some("52.01.09.2003"));
        assert!(disagreement.by_position.unwrap().starts_with("52.02"));
        assert_eq!(disagreement.by_choice, None);
        // A photo is heard where there is no pin.
        let photo = Evidence {
            photo: Some(PRAYA),
            ..Evidence::default()
        };
        assert!(
            weigh("desa sesela gunungsari lobar", photo)
                .disagreement
                .is_some()
        );
        // A word that is not sure to be a place contradicts nobody.
        assert_eq!(weigh("jalan di dalam kampung baru", pin).disagreement, None);
    }

    #[test]
    fn a_choice_tells_which_of_several_is_meant_and_may_be_contradicted() {
        let chosen = Evidence {
            chosen: Some("52.01"),
            ..Evidence::default()
        };
        let which = weigh("desa peresak jalannya hancur", chosen);
        assert_eq!(first(&which), ("52.01.03.2003", true));
        assert_eq!(which.disagreement, None);
        assert_eq!(first(&weigh("jalan hancur", chosen)), ("52.01", true));
        let other = weigh("desa sengkol kec pujut loteng", chosen);
        assert_eq!(first(&other), ("52.01", true));
        let disagreement = other.disagreement.unwrap();
        assert_eq!(disagreement.by_choice.as_deref(), Some("52.01"));
        assert_eq!(disagreement.by_text.as_deref(), Some("52.02.04.2001"));
    }

    #[test]
    fn an_answer_is_a_place_where_the_same_word_in_a_text_is_none() {
        let text = "jalan kami hancur pak\n\nsandik";
        for (answer, code) in [
            ("sandik", "52.01.14.2003"),
            ("Sesela, Gunungsari", "52.01.09.2003"),
            ("di kopang pak", "52.02.09"),
            ("desa darek", "52.02.11.2005"),
        ] {
            let answer = normalise(answer);
            let evidence = Evidence {
                answer: Some(&answer),
                ..Evidence::default()
            };
            assert_eq!(first(&weigh(text, evidence)), (code, true), "{answer}");
        }
        // An answer that does not say it settles nothing.
        for answer in ["tidak tahu pak", "dekat rumah saya", "bugis"] {
            let evidence = Evidence {
                answer: Some(answer),
                ..Evidence::default()
            };
            let places = weigh("jalan kami hancur pak", evidence);
            assert!(
                places
                    .candidates
                    .first()
                    .is_none_or(|c| c.confidence < SURE),
                "{answer}"
            );
        }
    }

    #[test]
    fn codes_are_related_by_whole_parts() {
        assert!(related("52.01", "52.01.09") && related("52.01.09", "52.01.09"));
        assert!(!related("52.01.09", "52.01.08") && !related("52.1", "52.10"));
    }
}
