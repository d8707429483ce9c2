//! Intake: what reporter and team do, by what intake has heard.

use contracts::{
    common::Kind,
    event::{
        Answer, AssignmentFollowUp, Closed, Closing, Confirmed, Erased, IntakeFacet, Reaction,
        Received, Rejected, Reopened, ReplyRequested, Supplemented, Told, Verified, Waiting,
        Withdrawn, event::Fact,
    },
};

use super::{Acted, Desk, Refused, ensure};

type Intake = Desk<IntakeFacet>;

pub fn receive(desk: &mut Intake) {
    desk.own.received_at = desk.at();
    desk.emit(Fact::Received(Received {
        channel: "web".into(),
    }));
}

fn over(own: &IntakeFacet) -> bool {
    own.withdrawn_at.is_some() || own.rejected_at.is_some() || own.erased_at.is_some()
}

/// What the desk that intake believes in has done.
fn effective(desk: &Intake) -> Option<&AssignmentFollowUp> {
    let lead = desk.known.routing.lead.as_ref()?;
    let acts = &desk.known.follow_up.assignments;
    acts.iter()
        .find(|act| act.assignment_id == lead.assignment_id && act.declined_at.is_none())
}

fn is_light(desk: &Intake) -> bool {
    let decided = desk.known.routing.lead.as_ref().map(|lead| lead.kind());
    let kind = match decided {
        Some(kind) if kind != Kind::Unspecified => kind,
        _ => desk.known.classification.kind(),
    };
    matches!(kind, Kind::InformationRequest | Kind::Aspiration)
}

fn tell(desk: &mut Intake, about: &str) {
    desk.emit(Fact::ReplyRequested(ReplyRequested {
        about: about.into(),
        ..ReplyRequested::default()
    }));
}

pub fn react(desk: &mut Intake) {
    if over(&desk.own) {
        return;
    }
    if !desk.known.routing.merged_into.is_empty()
        && desk.luck.is_multiple_of(4)
        && desk.own.closed.is_none()
    {
        // The other complaint's answer reaches the reporter of this one.
        desk.own.told = Some(Told {
            answer_id: "answer-of-other".into(),
            assignment_id: "assignment-of-other".into(),
            at: desk.at(),
        });
        tell(desk, "answered");
        return;
    }
    let light = is_light(desk);
    let Some(done) = effective(desk).cloned() else {
        return;
    };
    let stands = |a: &Answer| light || a.approved_at.is_some();
    if let Some(answer) = done.answer.filter(stands) {
        let told = desk.own.told.as_ref().map(|t| &t.answer_id);
        if told != Some(&answer.answer_id) {
            desk.own.told = Some(Told {
                answer_id: answer.answer_id.clone(),
                assignment_id: done.assignment_id.clone(),
                at: desk.at(),
            });
            // A newer answer than the one it was closed on: it was open after all.
            desk.own.closed = None;
            desk.own.waiting = None;
            tell(desk, "answered");
            if light {
                close(desk, "on_answer");
            }
        }
    } else if !done.ask_id.is_empty() && desk.own.waiting.is_none() && desk.own.closed.is_none() {
        desk.own.waiting = Some(Waiting {
            ask_id: done.ask_id,
            since: desk.at(),
            assignment_id: done.assignment_id,
        });
        tell(desk, "asked");
    }
}

fn close(desk: &mut Intake, reason: &str) {
    let told = desk.own.told.clone().filter(|_| reason != "operator");
    let told = told.unwrap_or_default();
    desk.own.closed = Some(Closing {
        answer_id: told.answer_id.clone(),
        assignment_id: told.assignment_id,
        at: desk.at(),
        reason: reason.into(),
    });
    desk.own.waiting = None;
    desk.emit(Fact::Closed(Closed {
        answer_id: told.answer_id,
        reason: reason.into(),
    }));
}

pub fn act(desk: &mut Intake, which: usize) -> Acted {
    ensure(!over(&desk.own))?;
    let open = desk.own.closed.is_none();
    let told = desk.own.told.clone();
    let sent_back = |told: &Told| {
        let belum = desk.own.reopened.as_ref();
        belum.is_some_and(|r| r.answer_id == told.answer_id)
    };
    match which % 8 {
        0 | 1 => {
            ensure(open && desk.own.verified_at.is_none())?;
            desk.own.verified_at = desk.at();
            desk.emit(Fact::Verified(Verified::default()));
        }
        2 => {
            ensure(open && desk.own.waiting.is_none() && told.is_none())?;
            let ask_id = desk.fresh("ask");
            desk.own.waiting = Some(Waiting {
                ask_id,
                since: desk.at(),
                assignment_id: String::new(),
            });
            tell(desk, "asked");
        }
        3 => {
            desk.own.waiting = None;
            desk.emit(Fact::Supplemented(Supplemented::default()));
        }
        4 => {
            let told = told.ok_or(Refused)?;
            ensure(open)?;
            desk.own.confirmed = Some(Reaction {
                answer_id: told.answer_id.clone(),
                assignment_id: told.assignment_id,
                at: desk.at(),
            });
            desk.emit(Fact::Confirmed(Confirmed {
                answer_id: told.answer_id,
            }));
            close(desk, "confirmed");
        }
        5 => {
            let told = told.filter(|t| !sent_back(t)).ok_or(Refused)?;
            desk.own.closed = None;
            desk.own.reopened = Some(Reaction {
                answer_id: told.answer_id.clone(),
                assignment_id: told.assignment_id,
                at: desk.at(),
            });
            desk.own.reopened_count += 1;
            desk.emit(Fact::Reopened(Reopened {
                answer_id: told.answer_id,
                count: desk.own.reopened_count,
            }));
        }
        6 => {
            ensure(open && told.is_some_and(|t| !sent_back(&t)))?;
            close(desk, "silence");
        }
        _ => {
            let lead = desk.known.routing.lead.as_ref();
            ensure(open && lead.is_some_and(|lead| lead.outside))?;
            close(desk, "operator");
        }
    }
    Ok(())
}

/// The rarer acts that end it.
pub fn end(desk: &mut Intake, which: usize) -> Acted {
    ensure(!over(&desk.own))?;
    let open = desk.own.closed.is_none();
    match which % 4 {
        0 => {
            ensure(open && desk.known.routing.lead.is_none())?;
            desk.own.rejected_at = desk.at();
            desk.emit(Fact::Rejected(Rejected::default()));
        }
        1 | 2 => {
            ensure(open && (which % 4 == 1 || desk.own.waiting.is_some()))?;
            desk.own.withdrawn_at = desk.at();
            desk.own.waiting = None;
            desk.emit(Fact::Withdrawn(Withdrawn::default()));
        }
        _ => {
            desk.own.erased_at = desk.at();
            desk.emit(Fact::Erased(Erased {}));
        }
    }
    Ok(())
}
