//! opd-notification: what the desks do with what routing gave them, as far as it has heard.

use contracts::event::{
    Acknowledged, Answer, Answered, Approved, Asked, AssignmentFollowUp, Declined, Delivered,
    FollowUpFacet, Plan, Planned, Progressed, event::Fact,
};

use super::{Acted, Desk, Refused, ensure};

type FollowUp = Desk<FollowUpFacet>;

pub fn react(desk: &mut FollowUp) {
    let at = desk.at();
    if let Some(belum) = desk.known.intake.reopened.clone() {
        let answers = desk
            .own
            .assignments
            .iter_mut()
            .filter_map(|a| a.answer.as_mut());
        for answer in answers.filter(|a| a.answer_id == belum.answer_id) {
            answer.reopened_at = belum.at;
        }
    }
    let Some(lead) = desk.known.routing.lead.clone() else {
        return;
    };
    let known = desk.own.assignments.iter();
    if known.clone().all(|a| a.assignment_id != lead.assignment_id) {
        desk.own.assignments.push(AssignmentFollowUp {
            assignment_id: lead.assignment_id.clone(),
            opd_code: lead.opd_code.clone(),
            delivered_at: at,
            ..AssignmentFollowUp::default()
        });
        desk.emit(Fact::Delivered(Delivered {
            assignment_id: lead.assignment_id,
            opd_code: lead.opd_code,
            ..Delivered::default()
        }));
    }
}

/// An act of an OPD on the assignment that is effective as far as this owner knows; one in eight is tried on the
/// oldest, as an OPD's system does that has not caught up.
pub fn act(desk: &mut FollowUp, which: usize) -> Acted {
    let effective = desk.known.routing.lead.clone().ok_or(Refused)?;
    let (now, id) = (desk.at(), desk.fresh("id"));
    let oldest = desk.luck % 8 == 7;
    let index = match oldest {
        true => 0,
        false => desk.own.assignments.len().saturating_sub(1),
    };
    let done = desk.own.assignments.get_mut(index).ok_or(Refused)?;
    ensure(done.assignment_id == effective.assignment_id && done.declined_at.is_none())?;
    let stands = |a: &Answer| a.approved_at.is_some() && a.reopened_at.is_none();
    let answered = done.answer.as_ref().is_some_and(stands);
    let assignment_id = done.assignment_id.clone();
    let begun = done.begun_at.or(now);
    let fact = match which % 12 {
        0 => {
            ensure(done.acknowledged_at.is_none())?;
            done.acknowledged_at = now;
            if desk.luck.is_multiple_of(2) {
                done.next_act_at = now;
                done.begun_at = begun;
            }
            Fact::Acknowledged(Acknowledged {
                assignment_id,
                ..Acknowledged::default()
            })
        }
        1 => {
            ensure(!answered && done.answer.is_none())?;
            done.declined_at = now;
            Fact::Declined(Declined {
                assignment_id,
                ..Declined::default()
            })
        }
        2 => {
            ensure(!answered)?;
            done.progressed_at = now;
            done.begun_at = begun;
            Fact::Progressed(Progressed {
                assignment_id,
                ..Progressed::default()
            })
        }
        3 => {
            ensure(!answered)?;
            done.ask_id = id.clone();
            done.asked_at = now;
            done.begun_at = begun;
            Fact::Asked(Asked {
                assignment_id,
                ask_id: id,
                ..Asked::default()
            })
        }
        4 | 10 => {
            ensure(!answered)?;
            done.plan = Some(Plan {
                plan_id: id.clone(),
                at: now,
                ..Plan::default()
            });
            done.begun_at = begun;
            Fact::Planned(Planned {
                assignment_id,
                plan_id: id,
                ..Planned::default()
            })
        }
        5 | 11 => {
            let plan = done.plan.as_mut().filter(|p| p.approved_at.is_none());
            let plan = plan.ok_or(Refused)?;
            plan.approved_at = now;
            Fact::Approved(Approved {
                assignment_id,
                plan_id: plan.plan_id.clone(),
                ..Approved::default()
            })
        }
        6 | 7 => {
            ensure(!answered)?;
            let earlier = done.answer.replace(Answer {
                answer_id: id.clone(),
                at: now,
                evidence: 1,
                ..Answer::default()
            });
            done.earlier_answers
                .extend(earlier.filter(|a| a.approved_at.is_some()));
            done.begun_at = begun;
            Fact::Answered(Answered {
                assignment_id,
                answer_id: id,
                ..Answered::default()
            })
        }
        _ => {
            let answer = done.answer.as_mut().filter(|a| a.approved_at.is_none());
            let answer = answer.ok_or(Refused)?;
            answer.approved_at = now;
            Fact::Approved(Approved {
                assignment_id,
                answer_id: answer.answer_id.clone(),
                ..Approved::default()
            })
        }
    };
    desk.emit(fact);
    Ok(())
}
