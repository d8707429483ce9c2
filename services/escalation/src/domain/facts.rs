//! What the clocks of a complaint depend on, read from the newest facets of its owners.

use contracts::common::decider::By;
use contracts::common::{Kind, Urgency};
use contracts::event::{Answer, AssignmentFollowUp, IntakeFacet, RoutingFacet};
use contracts::lifecycle::{Facets, needs_approval};
use time::{Duration, OffsetDateTime};

use super::wire::at;

/// What was written longer ago than this when it was accepted escalates from its acceptance.
const OLD_IMPORT: Duration = Duration::DAY;

/// The facts about one complaint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// When the first clocks start: when it was written on the platform, of an old import when it
    /// was accepted.
    pub start: OffsetDateTime,
    /// Its kind, as a person decided or the label says.
    pub kind: Kind,
    /// Likewise its urgency.
    pub urgency: Urgency,
    /// When a person first said what happens next.
    pub first_response_at: Option<OffsetDateTime>,
    /// When it was rejected, withdrawn, closed or erased.
    pub ended_at: Option<OffsetDateTime>,
    /// When the reporter was asked, oldest first.
    pub waits: Vec<Wait>,
    /// On whose desks it lay or lies, oldest first.
    pub desks: Vec<Desk>,
    /// The newest answer that the reporter was told.
    pub told: Option<Told>,
    /// Since when another complaint's assignment serves this one.
    pub merged_at: Option<OffsetDateTime>,
}

/// A question to the reporter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wait {
    /// Its id.
    pub ask_id: String,
    /// When it was asked.
    pub since: OffsetDateTime,
    /// When it was answered or given up.
    pub until: Option<OffsetDateTime>,
}

/// One assignment that was delivered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Desk {
    /// The assignment.
    pub assignment_id: String,
    /// Whose desk.
    pub opd_code: String,
    /// Since when it lies there.
    pub delivered_at: OffsetDateTime,
    /// When it was declined or replaced.
    pub left_at: Option<OffsetDateTime>,
    /// When a person began.
    pub begun_at: Option<OffsetDateTime>,
    /// Answers that count, and when the reporter said "belum" to them; oldest first.
    pub answered: Vec<(OffsetDateTime, Option<OffsetDateTime>)>,
    /// An approved plan: from when until when.
    pub planned: Option<(OffsetDateTime, OffsetDateTime)>,
}

/// An answer that the reporter knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// The answer.
    pub answer_id: String,
    /// When the reporter was told.
    pub at: OffsetDateTime,
    /// When the reporter confirmed it or said "belum".
    pub reacted_at: Option<OffsetDateTime>,
    /// Whether that was "belum".
    pub reopened: bool,
}

impl Facts {
    /// Reads them. `None` while intake has not accepted the complaint (a candidate is none yet),
    /// and for the canary, which is nobody's complaint.
    pub fn read(facets: &Facets) -> Option<Self> {
        let intake = &facets.intake.as_ref()?.facet;
        if intake.candidate || intake.canary {
            return None;
        }
        let received = at(&intake.received_at)?;
        let written = at(&intake.written_at).map_or(received, |written| written.min(received));
        let start = if received - written > OLD_IMPORT {
            received
        } else {
            written
        };
        let routing = facets.routing.as_ref().map(|newest| &newest.facet);
        let (kind, urgency) = label(facets);
        let told = told(intake);
        Some(Self {
            start,
            kind,
            urgency,
            first_response_at: at(&intake.first_response_at),
            ended_at: ended_at(intake),
            waits: waits(intake),
            desks: desks(facets, intake, kind),
            merged_at: routing
                .filter(|facet| !facet.merged_into.is_empty())
                .and_then(|facet| at(&facet.merged_at)),
            told,
        })
    }
}

/// A person's word in triage goes before a model's label, a person's correction of the label before both.
fn label(facets: &Facets) -> (Kind, Urgency) {
    let (mut kind, mut urgency) = (Kind::Unspecified, Urgency::Unspecified);
    let mut corrected = false;
    if let Some(label) = facets.classification.as_ref().map(|newest| &newest.facet) {
        (kind, urgency) = (label.kind(), label.urgency());
        let by = label.by.as_ref().and_then(|decider| decider.by.as_ref());
        corrected = matches!(by, Some(By::Person(_)));
    }
    let lead = facets
        .routing
        .as_ref()
        .and_then(|newest| newest.facet.lead.as_ref());
    if let Some(lead) = lead.filter(|_| !corrected) {
        if lead.kind() != Kind::Unspecified {
            kind = lead.kind();
        }
        if lead.urgency() != Urgency::Unspecified {
            urgency = lead.urgency();
        }
    }
    // A person who needs help is never "biasa".
    let calm = matches!(urgency, Urgency::Unspecified | Urgency::Normal);
    if kind == Kind::HelpRequest && calm {
        urgency = Urgency::Important;
    }
    (kind, urgency)
}

fn ended_at(intake: &IntakeFacet) -> Option<OffsetDateTime> {
    let closed = intake.closed.as_ref().and_then(|closing| at(&closing.at));
    [
        at(&intake.rejected_at),
        at(&intake.withdrawn_at),
        at(&intake.erased_at),
        closed,
    ]
    .into_iter()
    .flatten()
    .min()
}

fn waits(intake: &IntakeFacet) -> Vec<Wait> {
    let past = intake.waited.iter().filter_map(|wait| {
        Some(Wait {
            ask_id: wait.ask_id.clone(),
            since: at(&wait.since)?,
            until: at(&wait.until),
        })
    });
    let open = intake.waiting.iter().filter_map(|wait| {
        Some(Wait {
            ask_id: wait.ask_id.clone(),
            since: at(&wait.since)?,
            until: None,
        })
    });
    past.chain(open).collect()
}

fn told(intake: &IntakeFacet) -> Option<Told> {
    let told = intake.told.as_ref()?;
    let reaction = |of: &Option<contracts::event::Reaction>| {
        of.as_ref()
            .filter(|reaction| reaction.answer_id == told.answer_id)
            .and_then(|reaction| at(&reaction.at))
    };
    let reopened = reaction(&intake.reopened);
    Some(Told {
        answer_id: told.answer_id.clone(),
        at: at(&told.at)?,
        reacted_at: reopened.or_else(|| reaction(&intake.confirmed)),
        reopened: reopened.is_some(),
    })
}

fn desks(facets: &Facets, intake: &IntakeFacet, kind: Kind) -> Vec<Desk> {
    let routing = facets.routing.as_ref().map(|newest| &newest.facet);
    let followed = facets
        .follow_up
        .as_ref()
        .map_or(&[][..], |newest| &newest.facet.assignments);
    let outside = routing
        .and_then(|facet| facet.lead.as_ref())
        .filter(|lead| lead.outside);
    let mut desks: Vec<Desk> = followed
        .iter()
        .filter_map(|assignment| {
            let handed_over = outside
                .filter(|lead| lead.assignment_id == assignment.assignment_id)
                .and_then(|lead| at(&lead.at));
            let delivered_at = handed_over.or_else(|| at(&assignment.delivered_at))?;
            Some(Desk {
                assignment_id: assignment.assignment_id.clone(),
                opd_code: assignment.opd_code.clone(),
                delivered_at,
                left_at: left_at(assignment, routing, delivered_at),
                begun_at: begun_at(assignment),
                answered: answered(assignment, intake, kind),
                planned: planned(assignment),
            })
        })
        .collect();
    // An outside body has perhaps no system at all: it has the complaint once it was handed over.
    if let Some(lead) = outside
        && !desks
            .iter()
            .any(|desk| desk.assignment_id == lead.assignment_id)
        && let Some(delivered_at) = at(&lead.at)
    {
        desks.push(Desk {
            assignment_id: lead.assignment_id.clone(),
            opd_code: lead.opd_code.clone(),
            delivered_at,
            left_at: None,
            begun_at: None,
            answered: Vec::new(),
            planned: None,
        });
    }
    desks
}

fn left_at(
    assignment: &AssignmentFollowUp,
    routing: Option<&RoutingFacet>,
    delivered_at: OffsetDateTime,
) -> Option<OffsetDateTime> {
    let declined = at(&assignment.declined_at);
    let facet = routing?;
    let effective = facet
        .lead
        .iter()
        .chain(&facet.co_handlers)
        .any(|own| own.assignment_id == assignment.assignment_id);
    if effective {
        return declined;
    }
    declined.or_else(|| {
        let lead = facet.lead.as_ref().and_then(|lead| at(&lead.at));
        let queued = facet.queue.as_ref().and_then(|queue| at(&queue.since));
        let replaced = [lead, queued].into_iter().flatten().min();
        Some(replaced.map_or(delivered_at, |moment| moment.max(delivered_at)))
    })
}

/// When a person began. An acknowledgement that names no next act is automatic, or as good as that, and begins nothing.
fn begun_at(assignment: &AssignmentFollowUp) -> Option<OffsetDateTime> {
    at(&assignment.begun_at).or_else(|| {
        let promised = assignment.next_act_at.as_ref();
        let plan = assignment.plan.as_ref().and_then(|plan| at(&plan.at));
        let answer = assignment.answer.as_ref().and_then(|answer| at(&answer.at));
        [
            promised.and_then(|_| at(&assignment.acknowledged_at)),
            at(&assignment.progressed_at),
            at(&assignment.asked_at),
            plan,
            answer,
        ]
        .into_iter()
        .flatten()
        .min()
    })
}

/// An answer counts once a second person has approved it, where that is needed.
fn answered(
    assignment: &AssignmentFollowUp,
    intake: &IntakeFacet,
    kind: Kind,
) -> Vec<(OffsetDateTime, Option<OffsetDateTime>)> {
    let counts = |answer: &Answer| {
        let counted = if needs_approval(kind) {
            at(&answer.approved_at)?
        } else {
            at(&answer.at)?
        };
        let reopened = at(&answer.reopened_at).or_else(|| {
            let newest = intake.reopened.as_ref()?;
            at(&newest.at).filter(|_| newest.answer_id == answer.answer_id)
        });
        Some((counted, reopened))
    };
    let all = assignment.earlier_answers.iter().chain(&assignment.answer);
    all.filter_map(counts).collect()
}

/// A plan pauses from its approval outside the OPD until its own date.
fn planned(assignment: &AssignmentFollowUp) -> Option<(OffsetDateTime, OffsetDateTime)> {
    let plan = assignment.plan.as_ref()?;
    at(&plan.approved_at).zip(at(&plan.until))
}
