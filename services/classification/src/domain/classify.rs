//! What a text is: the one function that all else of this service serves.

use std::sync::Arc;

use super::artefact::{self, ArtefactError};
use super::calibration::{Register, first, signals};
use super::classes::Outcomes;
use super::cues::{CueError, Cues};
use super::judge;
use super::labels::{Kind, Urgency};
use super::model::{Head, Model, Scores};
use super::online::Overlay;
use super::place::{Disagreement, Evidence, Gazetteer, PlaceCandidate, PlaceError, Places};
use super::taxonomy::{Category, OTHER, Taxonomy, TaxonomyError, opd_at};
use super::text::normalise;

/// The model that ships with this build; `data/MODEL.md` says what it learnt and how good it is.
pub(crate) const MODEL: &[u8] = include_bytes!("../../data/model-1.bin");

/// Suggestions that an officer chooses from.
pub const SUGGESTIONS: usize = 3;
/// Words that are given for a suggestion.
const WORDS: usize = 4;
/// How many times likelier a category becomes by the reporter's own choice: evidence, not a decision.
const HINT: f32 = 4.0;
/// Groups of matters that lie in no desa: who they concern is known by the kabupaten at most.
const REGENCY_IS_ENOUGH: [&str; 6] = [
    "kependudukan",
    "pemerintahan",
    "kerja",
    "ekonomi",
    "digital",
    "lainnya",
];

/// Why a classifier cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum ClassifierError {
    /// The categories.
    #[error("the taxonomy is refused")]
    Taxonomy(#[from] TaxonomyError),
    /// The weights.
    #[error("the model is refused")]
    Model(#[from] ArtefactError),
    /// The cues.
    #[error("the cues are refused")]
    Cues(#[from] CueError),
    /// The areas.
    #[error("the areas are refused")]
    Places(#[from] PlaceError),
}

/// What is known beside the text.
#[derive(Debug, Clone, Copy, Default)]
pub struct Hints<'a> {
    /// The category that the reporter chose.
    pub category: Option<&'a str>,
    /// The area that the reporter chose, `52.xx[.yy[.zzzz]]`.
    pub area: Option<&'a str>,
    /// Where the reporter put the pin: latitude and longitude in degrees, WGS 84.
    pub pin: Option<(f64, f64)>,
    /// Where the photo says that it was taken, likewise.
    pub photo: Option<(f64, f64)>,
    /// What the reporter wrote when asked where it is; part of the text too.
    pub place_answer: Option<&'a str>,
    /// How people write in the channel that it came by.
    pub register: Option<Register>,
}

/// One of the categories that an officer may choose from.
#[derive(Debug, Clone, PartialEq)]
pub struct Suggestion {
    /// Code of the category.
    pub category: String,
    /// Its probability, 0..=1.
    pub score: f32,
    /// Who would get it; none: the matter is local and the place is not known.
    pub opd: Option<String>,
    /// Words of the text that spoke for it. Part of the text: only for staff, gone when the complaint is erased.
    pub words: Vec<String>,
}

/// What a text is taken to be.
#[derive(Debug, Clone, PartialEq)]
pub struct Classification {
    /// What the writer wants.
    pub kind: Kind,
    /// How sure, 0..=1.
    pub kind_confidence: f32,
    /// Code of the likeliest category.
    pub category: String,
    /// How sure, 0..=1, calibrated.
    pub confidence: f32,
    /// Not sure enough to be acted upon without a person.
    pub abstained: bool,
    /// How soon somebody must look.
    pub urgency: Urgency,
    /// What triggered it, in words of the cues.
    pub urgency_reasons: Vec<String>,
    /// Best first, at most [`SUGGESTIONS`].
    pub suggestions: Vec<Suggestion>,
    /// The agency that the text itself speaks for, whatever its category. None: the matter is local and the place is not
    /// known.
    pub opd: Option<String>,
    /// How sure, 0..=1, calibrated.
    pub opd_confidence: f32,
    /// Sure enough to go there without a person.
    pub opd_sure: bool,
    /// Best first.
    pub places: Vec<PlaceCandidate>,
    /// What is known of the place lies in different places.
    pub place_disagreement: Option<Disagreement>,
    /// The place matters and is not known well enough.
    pub place_missing: bool,
    /// Abuse of office may be meant: rahasia before anyone looks.
    pub oversight_suspected: bool,
    /// Somebody's health is spoken of.
    pub health_data: bool,
}

impl Classification {
    /// The place that may be used without asking.
    pub fn place(&self) -> Option<&PlaceCandidate> {
        self.places
            .first()
            .filter(|place| place.confidence >= super::place::SURE)
    }
}

/// All that classifying needs. Immutable; made once.
#[derive(Debug, Clone)]
pub struct Classifier {
    taxonomy: Arc<Taxonomy>,
    /// What the model's classes are called on the taxonomy's day.
    outcomes: Arc<Outcomes>,
    model: Arc<Model>,
    /// What corrections have taught since it was trained.
    learnt: Option<Arc<Overlay>>,
    learnt_to: u64,
    cues: Arc<Cues>,
    gazetteer: Arc<Gazetteer>,
}

impl Classifier {
    /// The classifier of this build, with its own model.
    ///
    /// # Errors
    /// When data of this build breaks its own rules, which a test would have shown.
    pub fn embedded() -> Result<Self, ClassifierError> {
        Self::with_model(artefact::read(MODEL)?)
    }

    /// The classifier of this build with another model.
    ///
    /// # Errors
    /// As [`Classifier::embedded`].
    pub fn with_model(model: Model) -> Result<Self, ClassifierError> {
        let taxonomy = Taxonomy::embedded()?;
        Ok(Self {
            outcomes: Arc::new(Outcomes::new(model.head(Head::Category), &taxonomy)),
            taxonomy: Arc::new(taxonomy),
            model: Arc::new(model),
            learnt: None,
            learnt_to: 0,
            cues: Arc::new(Cues::embedded()?),
            gazetteer: Arc::new(Gazetteer::embedded()?),
        })
    }

    /// The same with the categories of another day or another edit.
    #[must_use]
    pub fn with_taxonomy(&self, taxonomy: Arc<Taxonomy>) -> Self {
        Self {
            outcomes: Arc::new(Outcomes::new(self.model.head(Head::Category), &taxonomy)),
            taxonomy,
            ..self.clone()
        }
    }

    /// The categories.
    pub fn taxonomy(&self) -> &Taxonomy {
        &self.taxonomy
    }

    /// The same with another model, or with what corrections have taught over it up to a number: the overlay must be that of
    /// the model.
    #[must_use]
    pub fn with_learnt(
        &self,
        model: Arc<Model>,
        learnt: Option<Arc<Overlay>>,
        number: u64,
    ) -> Self {
        Self {
            outcomes: Arc::new(Outcomes::new(model.head(Head::Category), &self.taxonomy)),
            model,
            learnt,
            learnt_to: number,
            ..self.clone()
        }
    }

    /// Number of the last correction that it has learnt from; 0: none.
    pub fn learnt_to(&self) -> u64 {
        self.learnt_to
    }

    /// The model, to be held.
    pub fn shared_model(&self) -> Arc<Model> {
        self.model.clone()
    }

    /// The areas.
    pub fn gazetteer(&self) -> &Gazetteer {
        &self.gazetteer
    }

    /// The model.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// The model's name as it stands in labels.
    pub fn version(&self) -> &str {
        &self.model.card().version
    }

    /// Says what a text is. Takes bounded time for any input.
    pub fn classify(&self, text: &str, hints: Hints<'_>) -> Classification {
        self.classify_by(self.learnt.as_deref(), text, hints)
    }

    /// The same, with what corrections have taught since the model was trained. The overlay must be that of this model.
    pub fn classify_with(&self, learnt: &Overlay, text: &str, hints: Hints<'_>) -> Classification {
        self.classify_by(Some(learnt), text, hints)
    }

    fn classify_by(
        &self,
        learnt: Option<&Overlay>,
        text: &str,
        hints: Hints<'_>,
    ) -> Classification {
        let text = normalise(text);
        let found = self.cues.find(&text);
        let answer = hints.place_answer.map(normalise);
        let Places {
            candidates: places,
            disagreement: place_disagreement,
        } = self.gazetteer.weigh(
            &text,
            Evidence {
                pin: hints.pin,
                photo: hints.photo,
                chosen: hints.area,
                answer: answer.as_deref(),
            },
        );
        let regency = places
            .first()
            .filter(|place| place.confidence >= super::place::SURE)
            .and_then(|place| place.code.get(..5))
            .map(str::to_owned);
        let vector = self.model.vector_with(&text, learnt);
        let scores = self.model.score_with(&vector, learnt);
        let (categories, told) = self.categories(&scores, hints.category);
        let spec = self.model.head(Head::Category);
        let order = ranked(&categories);
        let class = order.first().map_or(0, |&outcome| {
            self.outcomes.speaker(outcome, scores.of(Head::Category))
        });
        let confidence = spec.calibrator.of(&signals(&categories), class);
        let suggestions: Vec<Suggestion> = order
            .iter()
            .filter_map(|&outcome| {
                let category = self.taxonomy.get(self.outcomes.code(outcome))?;
                let class = self.outcomes.speaker(outcome, scores.of(Head::Category));
                let reasons = self
                    .model
                    .reasons(&text, &vector, Head::Category, class, WORDS);
                Some(Suggestion {
                    category: category.code.clone(),
                    score: categories[outcome],
                    opd: category.opd_for(regency.as_deref()).map(str::to_owned),
                    words: reasons.into_iter().map(str::to_owned).collect(),
                })
            })
            .take(SUGGESTIONS)
            .collect();
        let (kind, kind_confidence, kind_sure) =
            judge::kind(&self.model, &scores, &found, vector.is_empty());
        let category_sure = told && confidence >= spec.threshold_for(class, hints.register);
        let chosen = suggestions
            .first()
            .map_or(OTHER, |s| s.category.as_str())
            .to_owned();
        let category = self.taxonomy.get(&chosen);
        // Thanks and chatter go to no agency: there the category need not be sure.
        let needs_category = !kind.is_unread();
        let abstained = !kind_sure || (needs_category && !category_sure) || vector.is_empty();
        let (opd, opd_confidence, opd_sure) = self.opd(&scores, hints.register, regency.as_deref());
        let (urgency, urgency_reasons) = judge::urgency(
            (kind, kind_confidence),
            &scores,
            &found,
            category.filter(|_| category_sure),
        );
        let known = places
            .first()
            .filter(|place| place.confidence >= super::place::SURE)
            .map(|place| place.code.as_str());
        let place_missing = self.place_missing(kind, category, known);
        let health =
            found.health || category.is_some_and(|c| c.group == "kesehatan" && category_sure);
        Classification {
            kind,
            kind_confidence,
            category: chosen,
            confidence,
            abstained,
            urgency,
            urgency_reasons,
            suggestions,
            opd_sure: opd_sure && opd.is_some() && !vector.is_empty(),
            opd,
            opd_confidence,
            places,
            place_disagreement,
            place_missing,
            oversight_suspected: judge::suspected(kind, &scores, &found),
            health_data: health,
        }
    }

    /// Whether somebody must be asked where it is: what is complained of lies somewhere, and whoever gets it or goes there does
    /// not know where.
    fn place_missing(&self, kind: Kind, category: Option<&Category>, known: Option<&str>) -> bool {
        if !matches!(kind, Kind::Complaint | Kind::HelpRequest) {
            return false;
        }
        let group = category.map_or(OTHER, |c| c.group.as_str());
        let regency_is_enough = REGENCY_IS_ENOUGH.contains(&group);
        match known.map(str::len) {
            Some(8..) => false,
            Some(_) => !regency_is_enough,
            // One agency for the whole province may need no place at all.
            None => !regency_is_enough || category.is_none_or(|c| c.opd_for(None).is_none()),
        }
    }

    /// Probabilities of the categories that are given, and whether the model tells the likeliest from its sisters.
    fn categories(&self, scores: &Scores, hint: Option<&str>) -> (Vec<f32>, bool) {
        let (mut categories, unsure) = self.outcomes.of(scores.of(Head::Category));
        let hint = hint
            .and_then(|hint| self.taxonomy.given(hint))
            .and_then(|category| self.outcomes.position(&category.code));
        if let Some(chosen) = hint {
            categories[chosen] *= HINT;
            let sum: f32 = categories.iter().sum();
            categories.iter_mut().for_each(|p| *p /= sum);
        }
        let likeliest = ranked(&categories).first().copied();
        let told = likeliest.is_none_or(|best| !unsure.contains(&best));
        (categories, told)
    }

    fn opd(
        &self,
        scores: &Scores,
        register: Option<Register>,
        regency: Option<&str>,
    ) -> (Option<String>, f32, bool) {
        let spec = self.model.head(Head::Opd);
        let probabilities = scores.of(Head::Opd);
        let class = first(probabilities);
        let confidence = spec.calibrator.confidence(probabilities);
        let opd = spec
            .classes
            .get(class)
            .and_then(|code| opd_at(code, regency));
        (
            opd.map(str::to_owned),
            confidence,
            confidence >= spec.threshold_for(class, register),
        )
    }
}

/// Classes by probability, greatest first.
fn ranked(probabilities: &[f32]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..probabilities.len()).collect();
    order.sort_by(|&a, &b| probabilities[b].total_cmp(&probabilities[a]));
    order
}
