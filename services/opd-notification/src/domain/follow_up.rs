//! What an OPD may do with an assignment, and what the owner's facet is after it.
//!
//! ```text
//! routed ─▶ delivered ─▶ acknowledged ─▶ asked | progressed | planned ─▶ answered ─▶ approved
//!               └──────────▶ declined           (approved outside the OPD)      (by another person)
//! ```
//! Acknowledging is no condition of what follows: an agency whose first act is the answer has not done less. Acts on an
//! assignment that was replaced, or on a complaint that has ended, are refused.

use contracts::{
    common::{Actor, Kind, Role},
    event::{
        Acknowledged, Answer, Answered, Approved, Asked, Assignment, AssignmentFollowUp, Declined,
        Delivered, FollowUpFacet, IntakeFacet, Plan, Planned, Progressed, RoutingFacet,
        event::Fact,
    },
    ids::Code,
    lifecycle, values,
};
use time::{Duration, OffsetDateTime};

use super::refusal::{Refusal, ended};

/// Characters of a text that a reporter shall read.
const TEXT_MAX: usize = 5_000;
/// Earlier answers that are kept.
const EARLIER_MAX: usize = 20;
/// The reasons for declining.
const REASONS: [&str; 3] = ["not_our_authority", "duplicate", "insufficient"];
/// The reason that has to name who is competent: no wrong door.
const NOT_OURS: &str = "not_our_authority";

/// What is known about a complaint when an act on it is decided.
#[derive(Debug, Clone, Copy)]
pub struct Known<'a> {
    /// Intake's newest facet.
    pub intake: &'a IntakeFacet,
    /// Whether the complaint is open by the lifecycle: a closing on the answer of a desk that was replaced closes nothing.
    pub open: bool,
    /// Routing's newest facet.
    pub routing: &'a RoutingFacet,
    /// This owner's own.
    pub own: &'a FollowUpFacet,
}

/// An act of a person on one assignment.
#[derive(Debug, Clone, Copy)]
pub struct Act<'a> {
    /// The assignment it is about.
    pub assignment_id: &'a str,
    /// The OPD whose key was shown; `None` for staff outside.
    pub opd_code: Option<&'a str>,
    /// Who acts.
    pub by: &'a Actor,
    /// When.
    pub at: OffsetDateTime,
    /// The id that this act gets: of the answer, the question, the plan, the note.
    pub id: &'a str,
    /// What the reporter shall read; may be empty where the verb allows it.
    pub text: &'a str,
    /// What is done.
    pub verb: Verb<'a>,
}

/// The verbs.
#[derive(Debug, Clone, Copy)]
#[allow(
    missing_docs,
    reason = "the fields are those of the contract's requests"
)]
pub enum Verb<'a> {
    /// Taken over; may name the next act and its date.
    Acknowledge {
        next_act_at: Option<OffsetDateTime>,
        external_ref: &'a str,
    },
    /// Sent back, with the reason and whose it is.
    Decline {
        reason: &'a str,
        proposed_opd: &'a str,
    },
    /// A question to the reporter.
    Ask,
    /// Something was done; may name the next act and its date.
    Progress {
        next_act_at: Option<OffsetDateTime>,
        external_ref: &'a str,
    },
    /// Waits for a budget year.
    Plan {
        sub_activity_code: &'a str,
        document: &'a str,
        budget_year: u32,
        until: OffsetDateTime,
    },
    /// The answer, with so many pieces of evidence.
    Answer { evidence: usize },
    /// The second person's word about an answer or a plan.
    Approve {
        answer_id: &'a str,
        plan_id: &'a str,
    },
}

/// What an act leads to.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// It was so already.
    Unchanged,
    /// The facet after it, and the fact to publish.
    Changed(Box<FollowUpFacet>, Fact),
}

/// The assignments that have an effect now: the lead's and the co-handlers'.
pub fn effective(routing: &RoutingFacet) -> impl Iterator<Item = &Assignment> {
    routing.lead.iter().chain(&routing.co_handlers)
}

/// Decides an act.
///
/// # Errors
/// The [`Refusal`]; nothing changes then.
pub fn decide(known: Known<'_>, act: &Act<'_>) -> Result<Outcome, Refusal> {
    if act.by.person_id.trim().is_empty() {
        return Err(Refusal::PersonMissing);
    }
    if act.text.chars().count() > TEXT_MAX {
        return Err(Refusal::TextTooLong);
    }
    let assignment = effective(known.routing)
        .find(|a| a.assignment_id == act.assignment_id)
        .filter(|a| act.opd_code.is_none_or(|code| a.opd_code == code))
        .ok_or_else(|| not_effective(known.own, act))?;
    if !known.open {
        return Err(ended(known.intake).unwrap_or(Refusal::ComplaintClosed));
    }
    let mut facet = known.own.clone();
    let state = entry(&mut facet, assignment);
    if state.declined_at.is_some() {
        return match act.verb {
            Verb::Decline { .. } => Ok(Outcome::Unchanged),
            _ => Err(Refusal::Declined),
        };
    }
    if stands(state, known.intake)
        && !matches!(act.verb, Verb::Acknowledge { .. } | Verb::Approve { .. })
    {
        return Err(Refusal::AlreadyApproved);
    }
    // Whoever acts has it, whatever the way it was sent still says.
    let at = Some(values::timestamp(act.at));
    let delivered_before = state.delivered_at;
    state.delivered_at = delivered_before.or(at);
    let fact = match act.verb {
        Verb::Acknowledge {
            next_act_at,
            external_ref,
        } => {
            if state.acknowledged_at.is_some() {
                return Ok(Outcome::Unchanged);
            }
            state.acknowledged_at = at;
            set_reference(state, external_ref)?;
            set_next_act(state, act, next_act_at)?;
            Fact::Acknowledged(Acknowledged {
                assignment_id: assignment.assignment_id.clone(),
                opd_code: assignment.opd_code.clone(),
                by: Some(act.by.clone()),
            })
        }
        Verb::Decline {
            reason,
            proposed_opd,
        } => decline(state, act, assignment, reason, proposed_opd)?,
        Verb::Ask => {
            require_text(act)?;
            state.ask_id = act.id.to_owned();
            state.asked_at = at;
            Fact::Asked(Asked {
                assignment_id: assignment.assignment_id.clone(),
                opd_code: assignment.opd_code.clone(),
                ask_id: act.id.to_owned(),
                by: Some(act.by.clone()),
            })
        }
        Verb::Progress {
            next_act_at,
            external_ref,
        } => {
            require_text(act)?;
            state.progressed_at = at;
            set_reference(state, external_ref)?;
            set_next_act(state, act, next_act_at)?;
            Fact::Progressed(Progressed {
                assignment_id: assignment.assignment_id.clone(),
                opd_code: assignment.opd_code.clone(),
                note_id: act.id.to_owned(),
                by: Some(act.by.clone()),
            })
        }
        Verb::Plan {
            sub_activity_code,
            document,
            budget_year,
            until,
        } => {
            state.plan = Some(plan(act, sub_activity_code, document, budget_year, until)?);
            Fact::Planned(Planned {
                assignment_id: assignment.assignment_id.clone(),
                opd_code: assignment.opd_code.clone(),
                plan_id: act.id.to_owned(),
                by: Some(act.by.clone()),
            })
        }
        Verb::Answer { evidence } => {
            answer(state, act, assignment, known.intake, evidence)?;
            Fact::Answered(Answered {
                assignment_id: assignment.assignment_id.clone(),
                opd_code: assignment.opd_code.clone(),
                answer_id: act.id.to_owned(),
                by: Some(act.by.clone()),
            })
        }
        Verb::Approve { answer_id, plan_id } => {
            let approved = if plan_id.is_empty() {
                approve_answer(state, act, answer_id)?
            } else {
                approve_plan(state, act, assignment, answer_id, plan_id)?
            };
            if !approved {
                return Ok(Outcome::Unchanged);
            }
            Fact::Approved(Approved {
                assignment_id: assignment.assignment_id.clone(),
                opd_code: assignment.opd_code.clone(),
                answer_id: answer_id.to_owned(),
                plan_id: plan_id.to_owned(),
                by: Some(act.by.clone()),
            })
        }
    };
    begin(state, act);
    Ok(Outcome::Changed(Box::new(facet), fact))
}

/// The first act of a person that begins the work; once set it stays.
fn begin(state: &mut AssignmentFollowUp, act: &Act<'_>) {
    let begins = match act.verb {
        Verb::Acknowledge { next_act_at, .. } | Verb::Progress { next_act_at, .. } => {
            next_act_at.is_some()
        }
        Verb::Ask | Verb::Plan { .. } | Verb::Answer { .. } => true,
        Verb::Decline { .. } | Verb::Approve { .. } => false,
    };
    if begins && state.begun_at.is_none() {
        state.begun_at = Some(values::timestamp(act.at));
    }
}

/// Whether an approved answer stands that the reporter has not sent back.
fn stands(state: &AssignmentFollowUp, intake: &IntakeFacet) -> bool {
    let reopened = intake.reopened.as_ref().map(|r| r.answer_id.as_str());
    state.answer.as_ref().is_some_and(|answer| {
        answer.approved_at.is_some() && reopened != Some(answer.answer_id.as_str())
    })
}

/// What changes when an endpoint has taken an assignment over: the first one counts.
pub fn delivered(
    own: &FollowUpFacet,
    assignment_id: &str,
    opd_code: &str,
    delivery_id: String,
    way: &str,
    at: OffsetDateTime,
) -> Outcome {
    let mut facet = own.clone();
    let state = entry_of(&mut facet, assignment_id, opd_code);
    if state.delivered_at.is_some() {
        return Outcome::Unchanged;
    }
    state.delivered_at = Some(values::timestamp(at));
    let fact = Fact::Delivered(Delivered {
        assignment_id: assignment_id.to_owned(),
        opd_code: opd_code.to_owned(),
        delivery_id,
        way: way.to_owned(),
    });
    Outcome::Changed(Box::new(facet), fact)
}

/// An assignment that this OPD once had was replaced; any other does not exist for it.
fn not_effective(own: &FollowUpFacet, act: &Act<'_>) -> Refusal {
    let had = own
        .assignments
        .iter()
        .filter(|a| act.opd_code.is_none_or(|code| a.opd_code == code))
        .any(|a| a.assignment_id == act.assignment_id);
    if had {
        Refusal::AssignmentReplaced
    } else {
        Refusal::UnknownAssignment
    }
}

fn entry<'f>(facet: &'f mut FollowUpFacet, of: &Assignment) -> &'f mut AssignmentFollowUp {
    entry_of(facet, &of.assignment_id, &of.opd_code)
}

fn entry_of<'f>(
    facet: &'f mut FollowUpFacet,
    assignment_id: &str,
    opd_code: &str,
) -> &'f mut AssignmentFollowUp {
    let known = facet
        .assignments
        .iter()
        .position(|a| a.assignment_id == assignment_id);
    let at = known.unwrap_or_else(|| {
        facet.assignments.push(AssignmentFollowUp {
            assignment_id: assignment_id.to_owned(),
            opd_code: opd_code.to_owned(),
            ..AssignmentFollowUp::default()
        });
        facet.assignments.len() - 1
    });
    &mut facet.assignments[at]
}

fn require_text(act: &Act<'_>) -> Result<(), Refusal> {
    if act.text.trim().is_empty() {
        Err(Refusal::TextMissing)
    } else {
        Ok(())
    }
}

/// A date counts only with words that say what will be done then.
fn set_next_act(
    state: &mut AssignmentFollowUp,
    act: &Act<'_>,
    next_act_at: Option<OffsetDateTime>,
) -> Result<(), Refusal> {
    if let Some(next) = next_act_at {
        require_text(act).map_err(|_| Refusal::NextActWithoutText)?;
        in_future(act.at, next)?;
        state.next_act_at = Some(values::timestamp(next));
    }
    Ok(())
}

/// The OPD's own case number; the newest counts.
fn set_reference(state: &mut AssignmentFollowUp, external_ref: &str) -> Result<(), Refusal> {
    let external_ref = external_ref.trim();
    if external_ref.chars().count() > 100 {
        return Err(Refusal::ReferenceTooLong);
    }
    if !external_ref.is_empty() {
        state.external_ref = external_ref.to_owned();
    }
    Ok(())
}

fn in_future(now: OffsetDateTime, date: OffsetDateTime) -> Result<(), Refusal> {
    if date > now && date <= now + Duration::days(2 * 366) {
        Ok(())
    } else {
        Err(Refusal::DateOutOfRange)
    }
}

fn decline(
    state: &mut AssignmentFollowUp,
    act: &Act<'_>,
    assignment: &Assignment,
    reason: &str,
    proposed_opd: &str,
) -> Result<Fact, Refusal> {
    if state.answer.is_some() {
        return Err(Refusal::AlreadyAnswered);
    }
    if !REASONS.contains(&reason) {
        return Err(Refusal::UnknownReason);
    }
    if proposed_opd.is_empty() && reason == NOT_OURS {
        return Err(Refusal::ProposalMissing);
    }
    if !proposed_opd.is_empty()
        && (Code::try_new(proposed_opd).is_err() || proposed_opd == assignment.opd_code)
    {
        return Err(Refusal::ProposalInvalid);
    }
    state.declined_at = Some(values::timestamp(act.at));
    state.declined_reason = reason.to_owned();
    state.proposed_opd = proposed_opd.to_owned();
    Ok(Fact::Declined(Declined {
        assignment_id: assignment.assignment_id.clone(),
        opd_code: assignment.opd_code.clone(),
        reason: reason.to_owned(),
        proposed_opd: proposed_opd.to_owned(),
        by: Some(act.by.clone()),
    }))
}

fn plan(
    act: &Act<'_>,
    sub_activity_code: &str,
    document: &str,
    budget_year: u32,
    until: OffsetDateTime,
) -> Result<Plan, Refusal> {
    if !["RKPD", "DPA"].contains(&document) {
        return Err(Refusal::UnknownDocument);
    }
    // 1.03.10.1.01.0012 (Kepmendagri 900.1.15.5-1317/2023 and its successors).
    let form = (1..=40).contains(&sub_activity_code.len())
        && sub_activity_code
            .bytes()
            .all(|b| b.is_ascii_digit() || b == b'.');
    if !form {
        return Err(Refusal::SubActivityInvalid);
    }
    let this_year = u32::try_from(act.at.year()).unwrap_or(0);
    if !(this_year..=this_year + 5).contains(&budget_year) {
        return Err(Refusal::YearOutOfRange);
    }
    if until <= act.at || until > act.at + Duration::days(6 * 366) {
        return Err(Refusal::DateOutOfRange);
    }
    Ok(Plan {
        plan_id: act.id.to_owned(),
        sub_activity_code: sub_activity_code.to_owned(),
        document: document.to_owned(),
        budget_year,
        until: Some(values::timestamp(until)),
        at: Some(values::timestamp(act.at)),
        approved_at: None,
    })
}

fn answer(
    state: &mut AssignmentFollowUp,
    act: &Act<'_>,
    assignment: &Assignment,
    intake: &IntakeFacet,
    evidence: usize,
) -> Result<(), Refusal> {
    require_text(act)?;
    let kind = Kind::try_from(assignment.kind).unwrap_or(Kind::Unspecified);
    if evidence == 0 && lifecycle::needs_approval(kind) && kind != Kind::OversightComplaint {
        return Err(Refusal::EvidenceMissing);
    }
    // An answer that the reporter sent back is kept: what it had used of the clock counts on.
    if let Some(reopened) = &intake.reopened
        && let Some(mut before) = state.answer.take_if(|a| a.answer_id == reopened.answer_id)
    {
        before.reopened_at = reopened.at;
        if state.earlier_answers.len() == EARLIER_MAX {
            state.earlier_answers.remove(0);
        }
        state.earlier_answers.push(before);
    }
    state.answer = Some(Answer {
        answer_id: act.id.to_owned(),
        at: Some(values::timestamp(act.at)),
        evidence: u32::try_from(evidence).unwrap_or(u32::MAX),
        approved_at: None,
        answered_by: act.by.person_id.clone(),
        approved_by: String::new(),
        ..Answer::default()
    });
    Ok(())
}

fn approve_answer(
    state: &mut AssignmentFollowUp,
    act: &Act<'_>,
    answer_id: &str,
) -> Result<bool, Refusal> {
    let answer = state.answer.as_mut().ok_or(Refusal::NothingToApprove)?;
    if answer_id.is_empty() {
        return Err(Refusal::NothingToApprove);
    }
    if answer.answer_id != answer_id {
        return Err(Refusal::Superseded);
    }
    if answer.approved_at.is_some() {
        return Ok(false);
    }
    // Ids are compared as people mean them: a capital letter does not make a second person.
    if answer
        .answered_by
        .trim()
        .eq_ignore_ascii_case(act.by.person_id.trim())
    {
        return Err(Refusal::SamePerson);
    }
    answer.approved_at = Some(values::timestamp(act.at));
    answer.approved_by = act.by.person_id.clone();
    Ok(true)
}

fn approve_plan(
    state: &mut AssignmentFollowUp,
    act: &Act<'_>,
    assignment: &Assignment,
    answer_id: &str,
    plan_id: &str,
) -> Result<bool, Refusal> {
    let inside = act.opd_code.is_some()
        || (act.by.role() == Role::Opd && act.by.opd_code == assignment.opd_code);
    if inside {
        return Err(Refusal::OutsideOnly);
    }
    let plan = state.plan.as_mut().ok_or(Refusal::NothingToApprove)?;
    if !answer_id.is_empty() {
        return Err(Refusal::NothingToApprove);
    }
    if plan.plan_id != plan_id {
        return Err(Refusal::Superseded);
    }
    if plan.approved_at.is_some() {
        return Ok(false);
    }
    plan.approved_at = Some(values::timestamp(act.at));
    Ok(true)
}

#[cfg(test)]
mod tests;
