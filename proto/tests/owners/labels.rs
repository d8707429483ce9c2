//! Classification and escalation: the two whose facts move little.

use contracts::{
    common::{Kind, Owner},
    event::{
        ClassificationFacet, Classified, Clock, ClockBreached, ClockKind, ClockRef, ClockStarted,
        EscalationFacet, event::Fact,
    },
};

use super::{Acted, Desk, ensure};

pub const KINDS: [Kind; 6] = [
    Kind::Complaint,
    Kind::HelpRequest,
    Kind::Complaint,
    Kind::InformationRequest,
    Kind::OversightComplaint,
    Kind::Aspiration,
];

pub fn classify(desk: &mut Desk<ClassificationFacet>) {
    if desk.known.has(Owner::Intake) && desk.own.at.is_none() {
        label(desk, false);
    }
}

pub fn correct(desk: &mut Desk<ClassificationFacet>) -> Acted {
    ensure(desk.own.at.is_some())?;
    label(desk, true);
    Ok(())
}

fn label(desk: &mut Desk<ClassificationFacet>, correction: bool) {
    desk.own.kind = KINDS[desk.luck % KINDS.len()].into();
    desk.own.at = desk.at();
    let label_id = desk.fresh("label");
    desk.emit(Fact::Classified(Classified {
        label_id,
        correction,
    }));
}

pub fn start_clocks(desk: &mut Desk<EscalationFacet>) {
    if desk.known.has(Owner::Intake) && desk.own.clocks.is_empty() {
        desk.own.clocks.push(Clock {
            kind: ClockKind::Verify.into(),
            started_at: desk.at(),
            ..Clock::default()
        });
        desk.emit(Fact::ClockStarted(ClockStarted {
            clocks: vec![ClockRef::default()],
        }));
    }
}

pub fn breach(desk: &mut Desk<EscalationFacet>) -> Acted {
    let at = desk.at();
    let clock = desk.own.clocks.first_mut();
    let running = clock.filter(|c| c.breached_at.is_none());
    running.map(|c| c.breached_at = at).ok_or(super::Refused)?;
    desk.emit(Fact::ClockBreached(ClockBreached::default()));
    Ok(())
}
