//! Histories for the tests: owners that act on a complaint, each telling its whole facet at every act.

use contracts::common::{Kind, Owner, Urgency};
use contracts::event::event::Facet;
use contracts::event::{
    Answer, Assignment, AssignmentFollowUp, ClassificationFacet, Closing, Event, FollowUpFacet,
    IntakeFacet, Plan, Queue, Reaction, RoutingFacet, Told, Waited, Waiting,
};
use contracts::values::timestamp;
use proptest::prelude::*;
use prost_types::Timestamp;
use time::{Duration, OffsetDateTime};

/// One act of one owner.
#[derive(Clone, Copy, Debug)]
pub enum Act {
    Label(usize, usize),
    Route(usize),
    Deliver,
    Acknowledge,
    Progress,
    Decline,
    Ask,
    Supplement,
    Plan(i64),
    Answer,
    Approve,
    Tell,
    Confirm,
    Reopen,
    Respond,
    Reject,
    Merge,
}

/// Acts with the hours that pass before each.
pub fn acts() -> impl Strategy<Value = Vec<(i64, Act)>> {
    let act = prop_oneof![
        1 => (0..4_usize, 0..3_usize).prop_map(|(kind, urgency)| Act::Label(kind, urgency)),
        4 => (0..2_usize).prop_map(Act::Route),
        4 => Just(Act::Deliver),
        1 => Just(Act::Acknowledge),
        2 => Just(Act::Progress),
        1 => Just(Act::Decline),
        1 => Just(Act::Ask),
        1 => Just(Act::Supplement),
        1 => (1..90_i64).prop_map(Act::Plan),
        4 => Just(Act::Answer),
        4 => Just(Act::Approve),
        4 => Just(Act::Tell),
        1 => Just(Act::Confirm),
        2 => Just(Act::Reopen),
        1 => Just(Act::Respond),
        1 => Just(Act::Merge),
        1 => Just(Act::Reject),
    ];
    prop::collection::vec((0..200_i64, act), 0..40)
}

/// All that the owners know.
pub struct World {
    now: OffsetDateTime,
    intake: IntakeFacet,
    label: ClassificationFacet,
    routing: RoutingFacet,
    follow_up: FollowUpFacet,
    versions: [u64; 4],
    ids: u32,
}

impl World {
    /// A complaint that was just accepted, and its first event.
    pub fn received(at: OffsetDateTime) -> (Self, Event) {
        let mut world = Self {
            now: at,
            intake: IntakeFacet {
                written_at: Some(timestamp(at)),
                received_at: Some(timestamp(at)),
                ..Default::default()
            },
            label: ClassificationFacet::default(),
            routing: RoutingFacet::default(),
            follow_up: FollowUpFacet::default(),
            versions: [0; 4],
            ids: 0,
        };
        let event = world.event(Owner::Intake);
        (world, event)
    }

    /// Lets time pass and does an act, if its owner allows it.
    pub fn act(&mut self, hours: i64, act: Act) -> Option<Event> {
        self.now += Duration::hours(hours);
        let now = Some(timestamp(self.now));
        if self.intake.closed.is_some() || self.intake.rejected_at.is_some() {
            return None;
        }
        let id = {
            self.ids += 1;
            format!("id-{}", self.ids)
        };
        let owner = self.apply(act, now, id)?;
        Some(self.event(owner))
    }

    fn apply(&mut self, act: Act, now: Option<Timestamp>, id: String) -> Option<Owner> {
        match act {
            Act::Label(kind, urgency) => {
                let kinds = [
                    Kind::Complaint,
                    Kind::HelpRequest,
                    Kind::Aspiration,
                    Kind::OversightComplaint,
                ];
                let urgencies = [Urgency::Normal, Urgency::Important, Urgency::Urgent];
                self.label.set_kind(kinds[kind]);
                self.label.set_urgency(urgencies[urgency]);
                Some(Owner::Classification)
            }
            Act::Route(opd) if self.routing.lead.is_none() => {
                self.routing.queue = None;
                self.routing.lead = Some(Assignment {
                    assignment_id: id,
                    opd_code: format!("opd-{opd}"),
                    at: now,
                    ..Default::default()
                });
                Some(Owner::Routing)
            }
            Act::Deliver => {
                let lead = self.routing.lead.clone()?;
                let known = self.lead().is_some();
                (!known).then(|| {
                    self.follow_up.assignments.push(AssignmentFollowUp {
                        assignment_id: lead.assignment_id,
                        opd_code: lead.opd_code,
                        delivered_at: now,
                        ..Default::default()
                    });
                    Owner::FollowUp
                })
            }
            Act::Acknowledge => self.at_desk(|desk| desk.acknowledged_at = now),
            Act::Progress => self.at_desk(|desk| {
                desk.progressed_at = now;
                desk.begun_at = desk.begun_at.or(now);
            }),
            Act::Plan(days) => {
                let until = timestamp(self.now + Duration::days(days));
                self.at_desk(|desk| {
                    desk.begun_at = desk.begun_at.or(now);
                    desk.plan = Some(Plan {
                        until: Some(until),
                        at: now,
                        approved_at: now,
                        ..Default::default()
                    });
                })
            }
            Act::Answer => self.at_desk(|desk| {
                desk.begun_at = desk.begun_at.or(now);
                if desk
                    .answer
                    .as_ref()
                    .is_none_or(|answer| answer.reopened_at.is_some())
                {
                    desk.earlier_answers.extend(desk.answer.take());
                    desk.answer = Some(Answer {
                        answer_id: id,
                        at: now,
                        ..Default::default()
                    });
                }
            }),
            Act::Approve => self.at_desk(|desk| {
                if let Some(answer) = &mut desk.answer {
                    answer.approved_at = answer.approved_at.or(now);
                }
            }),
            Act::Decline => {
                self.lead()?;
                self.at_desk(|desk| desk.declined_at = now);
                self.routing.lead = None;
                self.routing.queue = Some(Queue {
                    since: now,
                    ..Default::default()
                });
                // The desk's word travels apart from routing's: here only the latter is told, the former
                // comes with the next event of the follow-ups.
                Some(Owner::Routing)
            }
            other => self.apply_at_intake(other, now, id),
        }
    }

    fn apply_at_intake(&mut self, act: Act, now: Option<Timestamp>, id: String) -> Option<Owner> {
        match act {
            Act::Ask if self.intake.waiting.is_none() => {
                self.intake.waiting = Some(Waiting {
                    ask_id: id,
                    since: now,
                    ..Default::default()
                });
            }
            Act::Supplement => {
                let wait = self.intake.waiting.take()?;
                self.intake.waited.push(Waited {
                    ask_id: wait.ask_id,
                    since: wait.since,
                    until: now,
                });
            }
            Act::Tell => {
                let answer = self.lead()?.answer.clone()?;
                let told = self.intake.told.as_ref();
                let known = told.is_some_and(|told| told.answer_id == answer.answer_id);
                if known || answer.approved_at.is_none() {
                    return None;
                }
                self.intake.told = Some(Told {
                    answer_id: answer.answer_id,
                    at: now,
                    ..Default::default()
                });
            }
            Act::Confirm | Act::Reopen => {
                let told = self.intake.told.clone()?;
                let reopened = self.intake.reopened.as_ref();
                if reopened.is_some_and(|reopened| reopened.answer_id == told.answer_id) {
                    return None;
                }
                let answer_id = told.answer_id.clone();
                let reaction = Some(Reaction {
                    answer_id,
                    at: now,
                    ..Default::default()
                });
                if matches!(act, Act::Reopen) {
                    self.intake.reopened = reaction;
                    self.at_desk(|desk| {
                        if let Some(answer) = &mut desk.answer {
                            answer.reopened_at = now;
                        }
                    });
                } else {
                    self.intake.confirmed = reaction;
                    self.intake.closed = Some(Closing {
                        answer_id: told.answer_id,
                        at: now,
                        reason: "confirmed".to_owned(),
                        ..Default::default()
                    });
                }
            }
            Act::Respond => self.intake.first_response_at = self.intake.first_response_at.or(now),
            Act::Reject => self.intake.rejected_at = now,
            Act::Merge if self.routing.lead.is_none() && self.routing.merged_at.is_none() => {
                self.routing.queue = None;
                self.routing.merged_into = "another".to_owned();
                self.routing.merged_at = now;
                return Some(Owner::Routing);
            }
            _ => return None,
        }
        Some(Owner::Intake)
    }

    fn lead(&self) -> Option<&AssignmentFollowUp> {
        let lead = self.routing.lead.as_ref()?;
        let mut desks = self.follow_up.assignments.iter();
        desks.find(|desk| desk.assignment_id == lead.assignment_id)
    }

    fn at_desk(&mut self, act: impl FnOnce(&mut AssignmentFollowUp)) -> Option<Owner> {
        let lead = self.routing.lead.as_ref()?.assignment_id.clone();
        let mut desks = self.follow_up.assignments.iter_mut();
        let desk = desks.find(|desk| desk.assignment_id == lead)?;
        act(desk);
        Some(Owner::FollowUp)
    }

    fn event(&mut self, owner: Owner) -> Event {
        let (slot, facet) = match owner {
            Owner::Classification => (1, Facet::Classification(self.label.clone())),
            Owner::Routing => (2, Facet::Routing(self.routing.clone())),
            Owner::FollowUp => (3, Facet::FollowUp(self.follow_up.clone())),
            _ => (0, Facet::Intake(self.intake.clone())),
        };
        self.versions[slot] += 1;
        Event {
            owner: owner.into(),
            version: self.versions[slot],
            occurred_at: Some(timestamp(self.now)),
            facet: Some(facet),
            ..Default::default()
        }
    }
}
