//! Routing: one effective lead assignment, or triage, or part of an incident.

use contracts::{
    common::{Kind, Owner},
    event::{
        Assignment, HandedOver, IncidentMerged, IncidentSplit, Queue, Queued, Routed, RoutingFacet,
        event::Fact,
    },
};

use super::{Acted, Desk, ensure, labels::KINDS};

type Routing = Desk<RoutingFacet>;

pub fn react(desk: &mut Routing) {
    let known = &desk.known;
    let untouched = desk.own == RoutingFacet::default();
    if untouched && known.has(Owner::Intake) && known.has(Owner::Classification) {
        match desk.luck % 3 {
            0 => queue(desk, "abstained"),
            _ => assign(desk),
        }
        return;
    }
    let Some(lead) = desk.own.lead.clone() else {
        return;
    };
    let acts = known.follow_up.assignments.iter();
    let Some(done) = acts
        .clone()
        .find(|act| act.assignment_id == lead.assignment_id)
    else {
        return;
    };
    let belum = known.intake.reopened.as_ref().map(|r| &r.answer_id);
    let reopened = belum.is_some() && belum == done.answer.as_ref().map(|a| &a.answer_id);
    if done.declined_at.is_some() {
        desk.own.declines += 1;
        queue(desk, "declined");
    } else if reopened && desk.luck.is_multiple_of(4) {
        queue(desk, "reopened");
    }
}

pub fn act(desk: &mut Routing, which: usize) -> Acted {
    ensure(desk.known.has(Owner::Intake) && desk.own != RoutingFacet::default())?;
    match which % 8 {
        0..4 => {
            ensure(desk.own.queue.is_some())?;
            assign(desk);
        }
        4 => {
            ensure(desk.own.lead.is_some() && desk.known.intake.closed.is_none())?;
            assign(desk);
        }
        5 => {
            ensure(desk.own.lead.is_some() && desk.luck.is_multiple_of(2))?;
            queue(desk, "stale");
        }
        6 => {
            ensure(desk.own.merged_into.is_empty() && desk.luck.is_multiple_of(3))?;
            desk.own.lead = None;
            desk.own.queue = None;
            desk.own.merged_into = "other".into();
            desk.own.merged_at = desk.at();
            desk.emit(Fact::IncidentMerged(IncidentMerged {
                merged_into: "other".into(),
                ..IncidentMerged::default()
            }));
        }
        _ => {
            ensure(!desk.own.merged_into.is_empty())?;
            desk.own.merged_into.clear();
            desk.own.merged_at = None;
            desk.emit(Fact::IncidentSplit(IncidentSplit::default()));
            queue(desk, "stale");
        }
    }
    Ok(())
}

fn queue(desk: &mut Routing, reason: &str) {
    desk.own.lead = None;
    desk.own.queue = Some(Queue {
        since: desk.at(),
        reason: reason.into(),
    });
    desk.emit(Fact::Queued(Queued {
        reason: reason.into(),
    }));
}

fn assign(desk: &mut Routing) {
    let assignment_id = desk.fresh("assignment");
    let opd_code = ["dikes", "dinsos", "pupr-perkim"][desk.luck % 3].to_owned();
    let outside = desk.luck.is_multiple_of(5);
    // A rule leaves the kind to the label; a person decides it.
    let kind = match desk.luck % 2 {
        0 => Kind::Unspecified,
        _ => KINDS[desk.luck / 2 % KINDS.len()],
    };
    desk.own.queue = None;
    desk.own.lead = Some(Assignment {
        assignment_id: assignment_id.clone(),
        opd_code: opd_code.clone(),
        at: desk.at(),
        outside,
        kind: kind.into(),
        ..Assignment::default()
    });
    desk.emit(match outside {
        true => Fact::HandedOver(HandedOver {
            assignment_id,
            opd_code,
            ..HandedOver::default()
        }),
        false => Fact::Routed(Routed {
            assignment_id,
            opd_code,
            ..Routed::default()
        }),
    });
}
