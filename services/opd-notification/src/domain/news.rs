//! What an OPD has to be told: the difference between what is known of a complaint and what its desks were told before.
//!
//! Computed from the newest facets, not from single events: whatever order events come in, a desk that was told that it
//! has a complaint is told when it has it no more, and nobody hears of an assignment that was replaced before it was told.

use std::collections::BTreeMap;

use contracts::{
    AssignmentId, ComplaintId,
    common::{Kind, Owner, Urgency},
    event::{Assignment, Event, event::Fact},
    lifecycle::{self, Facets},
    opd::OpdEvent,
    values,
};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    follow_up::effective,
    ids,
    payload::{CLOSED, REOPENED, REPLACED, ROUTED},
};

/// A message to an OPD, without its number in the OPD's sequence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Follows from what it says.
    pub id: Uuid,
    /// To whom.
    pub opd_code: String,
    /// [`ROUTED`], [`REOPENED`], [`REPLACED`] or [`CLOSED`].
    pub kind: String,
    /// The complaint.
    pub complaint: ComplaintId,
    /// The assignment of that OPD.
    pub assignment: AssignmentId,
    /// The number.
    pub ticket: String,
    /// The category's code, as decided.
    pub category: String,
    /// The kind's code.
    pub of_kind: String,
    /// The urgency's code.
    pub urgency: String,
    /// 52.xx[.yy[.zzzz]], may be empty.
    pub area_code: String,
    /// When it was routed.
    pub routed_at: Option<OffsetDateTime>,
    /// How often the reporter had reopened the complaint.
    pub nth: i32,
}

impl Message {
    /// As the OPD reads it.
    pub fn event(&self, delivery: Uuid, seq: i64, traceparent: String) -> OpdEvent {
        OpdEvent {
            delivery_id: delivery.to_string(),
            cursor: super::cursor::of(seq),
            r#type: self.kind.clone(),
            complaint_id: self.complaint.to_string(),
            assignment_id: self.assignment.to_string(),
            ticket: self.ticket.clone(),
            category: self.category.clone(),
            kind: self.of_kind.clone(),
            urgency: self.urgency.clone(),
            area_code: self.area_code.clone(),
            routed_at: self.routed_at.map(values::timestamp),
            opd_code: self.opd_code.clone(),
            traceparent,
        }
    }

    /// The same assignment, with something else to say about it.
    fn about(&self, kind: &str, nth: i32) -> Self {
        let repetition = if kind == REPLACED {
            String::new()
        } else {
            nth.to_string()
        };
        Self {
            id: ids::message(self.assignment, kind, &repetition),
            kind: kind.into(),
            nth,
            ..self.clone()
        }
    }
}

/// Whether an event can change what a desk has to know. Most of the traffic ends here without a query.
///
/// A complaint is received long before it is routed, but the bus may lose the one and keep the other: what comes last
/// of the two tells.
pub fn tells(event: &Event, known: &Facets) -> bool {
    match (event.owner(), &event.fact) {
        (Owner::Routing, fact) => !matches!(fact, Some(Fact::ErasureConfirmed(_))),
        (Owner::Intake, Some(Fact::Received(_))) => known.routing.is_some(),
        (
            Owner::Intake,
            Some(
                Fact::Closed(_)
                | Fact::Withdrawn(_)
                | Fact::Rejected(_)
                | Fact::Reopened(_)
                | Fact::Erased(_)
                | Fact::Verified(_),
            ),
        ) => true,
        _ => false,
    }
}

/// What is to be told now, in the order in which it is told. `told` is all that was told about this complaint before.
pub fn news(complaint: ComplaintId, facets: &Facets, told: &[Message]) -> Vec<Message> {
    let (Some(intake), Some(routing)) = (&facets.intake, &facets.routing) else {
        return Vec::new();
    };
    let (intake, routing) = (&intake.facet, &routing.facet);
    if intake.candidate {
        return Vec::new();
    }
    let nth = i32::try_from(intake.reopened_count).unwrap_or(i32::MAX);
    let open = lifecycle::state(facets).state.is_open();
    // What was last said about each assignment; BTreeMap, so that the same facts give the same order.
    let mut last: BTreeMap<AssignmentId, Vec<&Message>> = BTreeMap::new();
    for message in told {
        last.entry(message.assignment).or_default().push(message);
    }
    let mut out = Vec::new();
    let has = |assignment: AssignmentId| {
        effective(routing).any(|a| a.assignment_id.parse() == Ok(assignment))
    };
    for (assignment, said) in &last {
        let Some(first) = said.iter().find(|m| m.kind == ROUTED) else {
            continue;
        };
        if said.iter().any(|m| m.kind == REPLACED) {
            continue;
        }
        let heard = said.iter().map(|m| m.nth).max().unwrap_or(0);
        if !has(*assignment) {
            out.push(first.about(REPLACED, nth));
        } else if open && nth > heard {
            out.push(first.about(REOPENED, nth));
        } else if !open && !said.iter().any(|m| m.kind == CLOSED && m.nth >= nth) {
            out.push(first.about(CLOSED, nth));
        }
    }
    if open {
        let fresh = effective(routing).filter_map(|a| {
            let id: AssignmentId = a.assignment_id.parse().ok()?;
            (!last.contains_key(&id)).then(|| routed(complaint, id, a, &intake.ticket, nth))
        });
        out.extend(fresh);
    }
    out
}

fn routed(
    complaint: ComplaintId,
    assignment: AssignmentId,
    of: &Assignment,
    ticket: &str,
    nth: i32,
) -> Message {
    Message {
        id: ids::message(assignment, ROUTED, ""),
        opd_code: of.opd_code.clone(),
        kind: ROUTED.into(),
        complaint,
        assignment,
        ticket: ticket.to_owned(),
        category: of.category.clone(),
        of_kind: match of.kind() {
            Kind::Unspecified => String::new(),
            kind => kind.code().into(),
        },
        urgency: match of.urgency() {
            Urgency::Unspecified => String::new(),
            urgency => urgency.code().into(),
        },
        area_code: of.area_code.clone(),
        routed_at: of.at.as_ref().and_then(values::datetime),
        nth,
    }
}

#[cfg(test)]
mod tests;
