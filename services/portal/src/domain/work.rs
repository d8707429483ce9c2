//! What desks have to do: one row for each assignment that has an effect now. Codes and times only.

use contracts::{
    AssignmentId, ComplaintId,
    common::{Actor, Role as Wire},
    event::{Assignment, AssignmentFollowUp, ClockState},
    lifecycle::{self, Facets, State},
    values,
    visible::{Role, View, visible_to},
};
use time::OffsetDateTime;
use uuid::Uuid;

use super::projection;

/// Where an assignment stands at its desk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Nobody there has taken it over.
    New,
    /// Taken over; the answer is due.
    Accepted,
    /// The reporter said that the answer did not solve it.
    Reopened,
    /// The reporter was asked.
    Asked,
    /// Waits for a budget year.
    Planned,
    /// Answered; a second person of the desk has to approve.
    Approval,
    /// Answered and approved; the reporter has it.
    Answered,
}

impl Step {
    /// The code in the database and of the texts.
    pub fn code(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Accepted => "accepted",
            Self::Reopened => "reopened",
            Self::Asked => "asked",
            Self::Planned => "planned",
            Self::Approval => "approval",
            Self::Answered => "answered",
        }
    }

    /// Whether the desk has to act next.
    pub fn waits_for_desk(self) -> bool {
        matches!(
            self,
            Self::New | Self::Accepted | Self::Reopened | Self::Approval
        )
    }
}

/// An assignment of a desk.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "named as in the table")]
pub struct Work {
    pub assignment: Uuid,
    pub complaint: ComplaintId,
    pub opd_code: String,
    pub step: Step,
    pub ticket: String,
    /// As decided; empty when nobody has.
    pub category: String,
    /// A regency's code; empty when unknown.
    pub district: String,
    /// 1 mendesak, 2 penting, 3 biasa.
    pub urgency: i16,
    pub assigned_at: Option<OffsetDateTime>,
    /// The nearest limit of a running clock of this desk, also one that is over.
    pub due_at: Option<OffsetDateTime>,
}

/// The work that a complaint makes for desks: none when it has ended, or where a desk may not know of it.
pub fn of(id: ComplaintId, facets: &Facets) -> Vec<Work> {
    let standing = lifecycle::state(facets);
    let (Some(routing), Some(intake)) = (&facets.routing, &facets.intake) else {
        return Vec::new();
    };
    if !standing.state.is_open() || intake.facet.canary || intake.facet.erased_at.is_some() {
        return Vec::new();
    }
    let row = projection::row(id, facets);
    let assignments = routing.facet.lead.iter().chain(&routing.facet.co_handlers);
    assignments
        .filter_map(|a| {
            let actor = Actor {
                role: Wire::Opd.into(),
                opd_code: a.opd_code.clone(),
                ..Actor::default()
            };
            let seen = visible_to(Role::acting(&actor, Some(&a.opd_code)), View::of(facets));
            let follow_up = follow_up(facets, &a.assignment_id);
            if !seen.listed || follow_up.is_some_and(|f| f.declined_at.is_some()) {
                return None;
            }
            Some(Work {
                assignment: a.assignment_id.parse::<AssignmentId>().ok()?.0,
                complaint: id,
                opd_code: a.opd_code.clone(),
                step: step(follow_up, standing.state),
                ticket: intake.facet.ticket.clone(),
                category: row.category.clone(),
                district: row.district.clone(),
                urgency: row.urgency,
                assigned_at: a.at.as_ref().and_then(values::datetime),
                due_at: due(facets, a),
            })
        })
        .collect()
}

/// What a desk has done about an assignment.
pub fn follow_up<'f>(facets: &'f Facets, assignment_id: &str) -> Option<&'f AssignmentFollowUp> {
    let all = &facets.follow_up.as_ref()?.facet.assignments;
    all.iter().find(|f| f.assignment_id == assignment_id)
}

/// Where an assignment stands.
pub fn step(follow_up: Option<&AssignmentFollowUp>, state: State) -> Step {
    let Some(f) = follow_up else { return Step::New };
    match &f.answer {
        Some(answer) if answer.reopened_at.is_some() => return Step::Reopened,
        Some(answer) if answer.approved_at.is_some() => return Step::Answered,
        Some(_) => return Step::Approval,
        None => {}
    }
    if state == State::PerluInfo && f.asked_at.is_some() {
        Step::Asked
    } else if f.plan.is_some() {
        Step::Planned
    } else if f.acknowledged_at.is_some() || f.begun_at.is_some() {
        Step::Accepted
    } else {
        Step::New
    }
}

fn due(facets: &Facets, assignment: &Assignment) -> Option<OffsetDateTime> {
    let clocks = &facets.escalation.as_ref()?.facet.clocks;
    clocks
        .iter()
        .filter(|c| c.state() == ClockState::Running && c.assignment_id == assignment.assignment_id)
        .filter_map(|c| c.due_at.as_ref().and_then(values::datetime))
        .min()
}

#[cfg(test)]
mod tests {
    use super::*;
    use contracts::{
        event::{
            Answer, Clock, EscalationFacet, FollowUpFacet, IntakeFacet, RoutingFacet, event::Facet,
        },
        lifecycle::Version,
    };
    use time::macros::datetime;

    const AT: OffsetDateTime = datetime!(2026-11-24 04:00 UTC);
    const ID: &str = "01890000-0000-7000-8000-000000000001";

    fn facets(intake: IntakeFacet, follow_up: AssignmentFollowUp) -> Facets {
        let lead = Assignment {
            assignment_id: ID.into(),
            opd_code: "dikes".into(),
            category: "layanan-rs".into(),
            at: Some(values::timestamp(AT)),
            ..Assignment::default()
        };
        let clock = |assignment: &str, days| Clock {
            assignment_id: assignment.into(),
            due_at: Some(values::timestamp(AT + time::Duration::days(days))),
            state: ClockState::Running.into(),
            ..Clock::default()
        };
        let mut facets = Facets::default();
        let at = Version {
            epoch: 1,
            version: 1,
        };
        for facet in [
            Facet::Intake(IntakeFacet {
                received_at: Some(values::timestamp(AT)),
                ..intake
            }),
            Facet::Routing(RoutingFacet {
                lead: Some(lead),
                ..RoutingFacet::default()
            }),
            Facet::FollowUp(FollowUpFacet {
                assignments: vec![AssignmentFollowUp {
                    assignment_id: ID.into(),
                    opd_code: "dikes".into(),
                    ..follow_up
                }],
                ..FollowUpFacet::default()
            }),
            Facet::Escalation(EscalationFacet {
                clocks: vec![clock("another", 1), clock(ID, 5), clock(ID, 14)],
                ..EscalationFacet::default()
            }),
        ] {
            facets.take(at, facet);
        }
        facets
    }

    fn at(follow_up: AssignmentFollowUp) -> Vec<Work> {
        let id = ComplaintId(Uuid::nil());
        of(id, &facets(IntakeFacet::default(), follow_up))
    }

    #[test]
    fn a_desk_sees_its_own_limit_and_its_own_step() {
        let work = at(AssignmentFollowUp::default());
        assert_eq!(work[0].due_at, Some(AT + time::Duration::days(5)));
        assert_eq!(
            (work[0].step, work[0].opd_code.as_str()),
            (Step::New, "dikes")
        );
        let stamp = Some(values::timestamp(AT));
        let answered = |approved_at, reopened_at| {
            let answer = Answer {
                approved_at,
                reopened_at,
                ..Answer::default()
            };
            let f = AssignmentFollowUp {
                acknowledged_at: stamp,
                answer: Some(answer),
                ..AssignmentFollowUp::default()
            };
            at(f)[0].step
        };
        assert_eq!(answered(None, None), Step::Approval);
        assert_eq!(answered(stamp, None), Step::Answered);
        assert_eq!(answered(stamp, stamp), Step::Reopened);
    }

    #[test]
    fn what_a_desk_sent_back_is_its_work_no_more() {
        let declined = AssignmentFollowUp {
            declined_at: Some(values::timestamp(AT)),
            ..AssignmentFollowUp::default()
        };
        assert_eq!(at(declined), []);
    }

    #[test]
    fn what_is_about_abuse_of_office_makes_no_work_for_another_desk() {
        let suspected = IntakeFacet {
            oversight_suspected: true,
            ..IntakeFacet::default()
        };
        let facets = facets(suspected, AssignmentFollowUp::default());
        assert_eq!(of(ComplaintId(Uuid::nil()), &facets), []);
    }
}
