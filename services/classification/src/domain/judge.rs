//! From a model's scores and the cues to a decision: the kind, the urgency, the suspicion.

use super::calibration::first;
use super::cues::{Findings, Suspicion};
use super::labels::{Kind, Urgency};
use super::model::{Head, Model, Scores};
use super::taxonomy::Category;

/// How many times likelier a kind becomes by a cue for it. Few texts taught the kinds, so that plain words help.
const KIND_CUE: f32 = 5.0;
/// From these probabilities on the urgency head raises what the cues found. Recall comes first: with the cues this one found
/// 95 of 100 urgent texts on folds of the corpus that the weights had not seen, and half of what it called urgent was not.
const LIKELY_URGENT: f32 = 0.1;
const LIKELY_IMPORTANT: f32 = 0.6;
/// A wish, a question or thanks of this confidence, in which the urgency head sees so little danger, is not urgent by a
/// word alone.
const SURELY_CALM: f32 = 0.8;
const UNLIKELY_URGENT: f32 = 0.15;
/// From this probability of an oversight complaint on it is suspected to be one, also without a cue: a text that
/// should have been secret cannot be made so afterwards.
const SUSPECTED: f32 = 0.25;
/// With company of a weak cue this much is enough.
const SUSPECTED_WITH_CUE: f32 = 0.12;

/// What a writer wants, how sure, 0..=1, and whether that may be acted upon without a person.
pub fn kind(model: &Model, scores: &Scores, found: &Findings, empty: bool) -> (Kind, f32, bool) {
    if empty {
        return (Kind::NotAComplaint, 0.0, false);
    }
    let spec = model.head(Head::Kind);
    let probabilities = kinds(scores, found);
    let kind = Kind::ALL
        .get(first(&probabilities))
        .copied()
        .unwrap_or(Kind::Complaint);
    let confidence = spec.calibrator.confidence(&probabilities);
    // Only where no agency would get it must the kind be sure: every other text is read by somebody.
    let unread = kind.is_unread();
    let sure = !unread || confidence >= spec.threshold;
    // A word of danger or abuse in what looks like chatter or thanks, or of trouble in thanks: a person must look.
    let contradicted = unread
        && (found.urgency == Urgency::Urgent
            || found.suspicion == Suspicion::Strong
            || (kind == Kind::Praise && found.trouble));
    (kind, confidence, sure && !contradicted)
}

/// The model's kinds, with the cues heard. A question is closed by its answer, without proof: where nothing asks, a text is none.
pub fn kinds(scores: &Scores, found: &Findings) -> Vec<f32> {
    let mut probabilities = scores.of(Head::Kind).to_vec();
    if !found.asks
        && let Some(p) = probabilities.get_mut(Kind::InformationRequest as usize)
    {
        *p = 0.0;
    }
    for &kind in &found.kinds {
        if let Some(p) = probabilities.get_mut(kind as usize) {
            *p *= KIND_CUE;
        }
    }
    let sum: f32 = probabilities.iter().sum();
    probabilities
        .iter_mut()
        .for_each(|p| *p /= sum.max(f32::MIN_POSITIVE));
    probabilities
}

/// How soon somebody must look, and what triggered it. `category` only where it is sure.
pub fn urgency(
    (kind, kind_confidence): (Kind, f32),
    scores: &Scores,
    found: &Findings,
    category: Option<&Category>,
) -> (Urgency, Vec<String>) {
    let mut urgency = found.urgency;
    let mut reasons = found.urgency_reasons.clone();
    // "Latih kami menghadapi gempa" names a danger that is not there.
    let calm = matches!(
        kind,
        Kind::Aspiration | Kind::InformationRequest | Kind::Praise
    ) && kind_confidence >= SURELY_CALM
        && scores
            .of(Head::Urgency)
            .get(Urgency::Urgent as usize)
            .is_some_and(|p| *p < UNLIKELY_URGENT);
    if calm {
        urgency = urgency.min(Urgency::Important);
    }
    let mut raise = |to: Urgency, reason: String| {
        if to > urgency {
            urgency = to;
            reasons = vec![reason];
        }
    };
    let likely = scores.of(Head::Urgency);
    let of = |urgency: Urgency| likely.get(urgency as usize).copied().unwrap_or(0.0);
    let (urgent, important) = (of(Urgency::Urgent), of(Urgency::Important));
    // Whatever the kind: a call for help is taken for a question more easily than danger for calm.
    if urgent >= LIKELY_URGENT && !calm {
        raise(Urgency::Urgent, "model".to_owned());
    }
    if matches!(
        kind,
        Kind::Complaint | Kind::HelpRequest | Kind::OversightComplaint
    ) {
        if urgent + important >= LIKELY_IMPORTANT {
            raise(Urgency::Important, "model".to_owned());
        }
        if let Some(category) = category {
            raise(
                category.default_urgency,
                format!("kategori: {}", category.name.id),
            );
        }
        if kind == Kind::HelpRequest {
            raise(Urgency::Important, "permohonan bantuan".to_owned());
        }
    }
    (urgency, reasons)
}

/// Whether abuse of office may be meant.
pub fn suspected(kind: Kind, scores: &Scores, found: &Findings) -> bool {
    let likely = scores
        .of(Head::Kind)
        .get(Kind::OversightComplaint as usize)
        .copied()
        .unwrap_or(0.0);
    kind == Kind::OversightComplaint
        || found.suspicion == Suspicion::Strong
        || likely >= SUSPECTED
        || (found.suspicion == Suspicion::Weak && likely >= SUSPECTED_WITH_CUE)
}
