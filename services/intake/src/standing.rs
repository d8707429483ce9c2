//! Where a complaint stands for intake: its own facet, and what lists, filters and rights need of the other owners' facets.

use contracts::{
    event::{ClockKind, IntakeFacet, event::Facet},
    lifecycle::{self, Acting, Facets, Standing, Version},
    values,
    visible::{Role, View, visible_to},
};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::domain::complaint::State;

/// One complaint as intake knows it, all owners' newest facets included.
#[derive(Debug, Clone)]
pub struct Known {
    /// Its id.
    pub id: Uuid,
    /// Intake's own facet.
    pub facet: IntakeFacet,
    /// The state that was last written.
    pub state: String,
    /// All facets, intake's among them.
    pub facets: Facets,
}

/// What the row of a complaint says after a change.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// The public state's code.
    pub state: &'static str,
    /// Since when.
    pub since: OffsetDateTime,
    /// Whether it is an end.
    pub ended: bool,
    /// What decides who may see what.
    pub view: View,
    /// Whether the public may know of it.
    pub listed: bool,
    /// Whether the public may see where it is.
    pub pin: bool,
    /// The category's code.
    pub category: String,
    /// The place's code.
    pub area_code: String,
    /// The agency that leads.
    pub agency: String,
    /// All agencies that have a part.
    pub agencies: Vec<String>,
    /// When the answer is due.
    pub due_at: Option<OffsetDateTime>,
}

impl Known {
    /// Takes intake's own facet into the facets, newer than any.
    pub fn with_own(mut facets: Facets, facet: &IntakeFacet) -> Facets {
        facets.take(
            Version {
                epoch: u32::MAX,
                version: u64::MAX,
            },
            Facet::Intake(facet.clone()),
        );
        facets
    }

    /// The public standing.
    pub fn standing(&self) -> Standing {
        lifecycle::state(&Self::with_own(
            Facets {
                intake: None,
                ..self.facets.clone()
            },
            &self.facet,
        ))
    }

    /// The row that follows from the facets.
    pub fn row(&self) -> Row {
        let facets = Self::with_own(
            Facets {
                intake: None,
                ..self.facets.clone()
            },
            &self.facet,
        );
        let standing = lifecycle::state(&facets);
        let view = View::of(&facets);
        let label = facets.classification.as_ref().map(|n| &n.facet);
        let routing = facets.routing.as_ref().map(|n| &n.facet);
        let lead = routing.and_then(|r| r.lead.as_ref());
        let pick = |decided: Option<&String>, labelled: Option<&String>, hint: &str| {
            decided
                .or(labelled)
                .filter(|code| !code.is_empty())
                .cloned()
                .unwrap_or_else(|| hint.to_owned())
        };
        let agency = lead.map(|l| l.opd_code.clone()).unwrap_or_default();
        // What was rejected or withdrawn is no agency's task any more: none has a reason left to read it.
        let over = matches!(
            standing.state,
            lifecycle::State::Ditolak | lifecycle::State::Dicabut
        );
        let agencies = lead
            .into_iter()
            .chain(routing.into_iter().flat_map(|r| &r.co_handlers))
            .filter(|_| !over)
            .map(|a| a.opd_code.clone())
            .collect();
        let due_at = facets
            .escalation
            .as_ref()
            .and_then(|n| {
                n.facet.clocks.iter().find(|c| {
                    c.kind() == ClockKind::Answer
                        && lead.is_some_and(|l| l.assignment_id == c.assignment_id)
                })
            })
            .and_then(|c| c.due_at.as_ref())
            .and_then(values::datetime);
        let public = visible_to(Role::Public, view);
        let counted = !self.facet.canary && !self.facet.candidate;
        Row {
            state: standing.state.code(),
            since: standing.since.unwrap_or(OffsetDateTime::UNIX_EPOCH),
            ended: !standing.state.is_open(),
            view,
            listed: public.listed && counted,
            pin: public.pin && counted,
            category: pick(
                lead.map(|l| &l.category).filter(|c| !c.is_empty()),
                label.filter(|l| !l.abstained).map(|l| &l.category),
                &self.facet.category_hint,
            ),
            area_code: pick(
                lead.map(|l| &l.area_code).filter(|c| !c.is_empty()),
                label.map(|l| &l.area_code),
                &self.facet.area_hint,
            ),
            agency,
            agencies,
            due_at,
        }
    }

    /// The desk of an assignment.
    pub fn desk_of(&self, assignment_id: &str) -> String {
        let follow_up = self.facets.follow_up.as_ref();
        follow_up
            .and_then(|n| {
                n.facet
                    .assignments
                    .iter()
                    .find(|a| a.assignment_id == assignment_id)
            })
            .map(|a| a.opd_code.clone())
            .unwrap_or_default()
    }

    /// The assignment that an answer belongs to.
    pub fn assignment_of_answer(&self, answer_id: &str) -> String {
        let follow_up = self.facets.follow_up.as_ref();
        follow_up
            .and_then(|n| {
                n.facet
                    .assignments
                    .iter()
                    .find(|a| a.answer.as_ref().is_some_and(|a| a.answer_id == answer_id))
            })
            .map(|a| a.assignment_id.clone())
            .unwrap_or_default()
    }

    /// The code of the desk that the reporter waits for, empty when none does.
    pub fn desk(&self) -> String {
        match self.standing().acting {
            Acting::Opd(code) | Acting::Outside(code) => code,
            _ => String::new(),
        }
    }
}

/// Intake's own part of a complaint's life, from its facet.
pub fn state_of(facet: &IntakeFacet) -> State {
    let answer = |id: &str| Uuid::try_parse(id).unwrap_or(Uuid::nil());
    if facet.erased_at.is_some() {
        return State::Erased;
    }
    if facet.withdrawn_at.is_some() {
        return State::Withdrawn;
    }
    if facet.rejected_at.is_some() {
        return State::Rejected;
    }
    let verified = facet.verified_at.is_some();
    if facet.waiting.is_some() {
        return State::WaitingForReporter { verified };
    }
    if let Some(closed) = &facet.closed {
        return match &facet.confirmed {
            Some(confirmed) if confirmed.answer_id == closed.answer_id => {
                State::Confirmed(answer(&closed.answer_id))
            }
            _ => State::Closed(answer(&closed.answer_id)),
        };
    }
    match &facet.reopened {
        Some(reopened) => State::Reopened(answer(&reopened.answer_id)),
        None if verified => State::Verified,
        None => State::Received,
    }
}

/// The newest answer that the reporter was told of.
pub fn told(facet: &IntakeFacet) -> Option<Uuid> {
    facet
        .told
        .as_ref()
        .and_then(|t| Uuid::try_parse(&t.answer_id).ok())
}
