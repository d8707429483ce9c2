//! One row for each complaint, folded from the owners' facets: what lists and the wall are read from. Codes and times
//! only; a text never comes here.

use contracts::{
    ComplaintId,
    common::Urgency,
    event::{Clock, ClockState},
    lifecycle::{self, Facets},
    values,
    visible::{Role, View, visible_to},
};
use time::OffsetDateTime;

use super::places;

/// The row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The complaint.
    pub id: ComplaintId,
    /// Whether the public may know that it exists, and it counts: what the wall shows.
    pub listed: bool,
    /// Public state.
    pub state: &'static str,
    /// Somebody still has to act.
    pub open: bool,
    /// When it was solved.
    pub solved_at: Option<OffsetDateTime>,
    /// The desk that must act; empty: the team.
    pub desk: String,
    /// Category as decided, else as classified; empty when unknown.
    pub category: String,
    /// A regency's code; empty when unknown.
    pub district: String,
    /// 1 mendesak, 2 penting, 3 biasa.
    pub urgency: i16,
    /// Accepted here.
    pub received_at: Option<OffsetDateTime>,
    /// The next limit of a running clock that is not over.
    pub due_at: Option<OffsetDateTime>,
    /// Whose limit that is; empty: the team's.
    pub due_desk: String,
    /// Since when a running clock is over its limit.
    pub overdue_since: Option<OffsetDateTime>,
    /// Whose clock that is; empty: the team's.
    pub overdue_desk: String,
}

/// Folds the facets of one complaint.
pub fn row(id: ComplaintId, facets: &Facets) -> Row {
    let standing = lifecycle::state(facets);
    let intake = facets.intake.as_ref().map(|n| &n.facet);
    let label = facets.classification.as_ref().map(|n| &n.facet);
    let lead = facets.routing.as_ref().and_then(|n| n.facet.lead.as_ref());
    let counted = intake.is_some_and(|i| !i.canary && !i.candidate && i.erased_at.is_none());
    let listed = counted && visible_to(Role::Public, View::of(facets)).listed;
    let open = standing.state.is_open();

    let area = lead
        .map(|l| l.area_code.as_str())
        .filter(|a| !a.is_empty())
        .or_else(|| {
            label
                .map(|l| l.area_code.as_str())
                .filter(|a| !a.is_empty())
        })
        .or_else(|| intake.map(|i| i.area_hint.as_str()))
        .unwrap_or_default();
    let category = lead
        .map(|l| l.category.as_str())
        .filter(|c| !c.is_empty())
        .or_else(|| label.filter(|l| !l.abstained).map(|l| l.category.as_str()))
        .unwrap_or_default();
    let urgency = [lead.map(|l| l.urgency()), label.map(|l| l.urgency())]
        .into_iter()
        .flatten()
        .find(|u| *u != Urgency::Unspecified)
        .unwrap_or(Urgency::Normal);

    let clocks = || {
        let clocks = facets
            .escalation
            .as_ref()
            .map(|n| n.facet.clocks.as_slice())
            .unwrap_or_default();
        clocks
            .iter()
            .filter(|c| open && c.state() == ClockState::Running)
    };
    let at = |stamp: &Option<prost_types::Timestamp>| stamp.as_ref().and_then(values::datetime);
    let first = |of: &dyn Fn(&Clock) -> Option<OffsetDateTime>| {
        clocks()
            .filter_map(|c| of(c).map(|at| (at, c.opd_code.clone())))
            .min()
    };
    let due = first(&|c| {
        if c.breached_at.is_none() {
            at(&c.due_at)
        } else {
            None
        }
    });
    let overdue = first(&|c| at(&c.breached_at));

    Row {
        id,
        listed,
        state: standing.state.code(),
        open,
        solved_at: standing
            .since
            .filter(|_| standing.state == lifecycle::State::Selesai),
        desk: standing.acting.desk().unwrap_or_default().to_owned(),
        category: category.to_owned(),
        district: places::regency_code(area).to_owned(),
        urgency: urgency as i16,
        received_at: intake.and_then(|i| at(&i.received_at)),
        due_at: due.as_ref().map(|d| d.0),
        due_desk: due.map(|d| d.1).unwrap_or_default(),
        overdue_since: overdue.as_ref().map(|d| d.0),
        overdue_desk: overdue.map(|d| d.1).unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use contracts::{
        event::{EscalationFacet, IntakeFacet, event::Facet},
        lifecycle::Version,
    };
    use time::macros::datetime;

    const AT: OffsetDateTime = datetime!(2026-11-24 04:00 UTC);

    fn facets(intake: IntakeFacet, clocks: Vec<Clock>) -> Facets {
        let mut facets = Facets::default();
        let at = Version {
            epoch: 1,
            version: 1,
        };
        facets.take(
            at,
            Facet::Intake(IntakeFacet {
                received_at: Some(values::timestamp(AT)),
                ..intake
            }),
        );
        facets.take(
            at,
            Facet::Escalation(EscalationFacet {
                clocks,
                ..EscalationFacet::default()
            }),
        );
        facets
    }

    fn clock(hours: i64, opd: &str, breached: bool, state: ClockState) -> Clock {
        let due = AT + time::Duration::hours(hours);
        Clock {
            due_at: Some(values::timestamp(due)),
            breached_at: breached.then(|| values::timestamp(due)),
            opd_code: opd.into(),
            state: state.into(),
            ..Clock::default()
        }
    }

    #[test]
    fn rahasia_oversight_canary_and_candidate_never_reach_the_wall() {
        let listed = |intake| row(ComplaintId::new(), &facets(intake, vec![])).listed;
        assert!(listed(IntakeFacet::default()));
        assert!(!listed(IntakeFacet {
            secret: true,
            ..IntakeFacet::default()
        }));
        assert!(!listed(IntakeFacet {
            oversight_suspected: true,
            ..IntakeFacet::default()
        }));
        assert!(!listed(IntakeFacet {
            canary: true,
            ..IntakeFacet::default()
        }));
        assert!(!listed(IntakeFacet {
            candidate: true,
            ..IntakeFacet::default()
        }));
        assert!(!row(ComplaintId::new(), &Facets::default()).listed);
    }

    #[test]
    fn the_next_limit_and_the_oldest_breach_are_of_running_clocks_only() {
        let row = row(
            ComplaintId::new(),
            &facets(
                IntakeFacet::default(),
                vec![
                    clock(1, "", false, ClockState::Stopped),
                    clock(2, "dikes", false, ClockState::Paused),
                    clock(5, "dikes", false, ClockState::Running),
                    clock(4, "", false, ClockState::Running),
                    clock(-3, "dishub", true, ClockState::Running),
                ],
            ),
        );
        assert_eq!(
            (row.due_at, row.due_desk.as_str()),
            (Some(AT + time::Duration::hours(4)), "")
        );
        assert_eq!(
            (row.overdue_since, row.overdue_desk.as_str()),
            (Some(AT - time::Duration::hours(3)), "dishub")
        );
    }
}
