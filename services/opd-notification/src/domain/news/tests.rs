use contracts::{
    event::{
        Closing, FollowUpFacet, IntakeFacet, Received, Rejected, ReplyRequested, Routed,
        RoutingFacet, event::Facet,
    },
    lifecycle::Version,
};
use proptest::prelude::*;

use super::*;

struct Desk {
    complaint: ComplaintId,
    facets: Facets,
    version: u64,
    told: Vec<Message>,
}

impl Desk {
    fn new() -> Self {
        let mut desk = Self {
            complaint: ComplaintId::new(),
            facets: Facets::default(),
            version: 0,
            told: Vec::new(),
        };
        desk.intake(|_| {});
        desk
    }

    fn intake(&mut self, change: impl FnOnce(&mut IntakeFacet)) {
        let mut facet = match &self.facets.intake {
            Some(newest) => newest.facet.clone(),
            None => IntakeFacet {
                ticket: "NTB-TES-T01-234".into(),
                ..IntakeFacet::default()
            },
        };
        change(&mut facet);
        self.take(Facet::Intake(facet));
    }

    fn routed(&mut self, desks: &[(AssignmentId, &str)]) {
        let mut assignments = desks.iter().map(|(id, opd)| Assignment {
            assignment_id: id.to_string(),
            opd_code: (*opd).into(),
            category: "jalan-rusak".into(),
            kind: Kind::Complaint.into(),
            ..Assignment::default()
        });
        let facet = RoutingFacet {
            lead: assignments.next(),
            co_handlers: assignments.collect(),
            ..RoutingFacet::default()
        };
        self.take(Facet::Routing(facet));
    }

    fn take(&mut self, facet: Facet) {
        self.version += 1;
        let at = Version {
            epoch: 1,
            version: self.version,
        };
        self.facets.take(at, facet);
    }

    /// What is told now: (type, to whom).
    fn hear(&mut self) -> Vec<(String, String)> {
        let news = news(self.complaint, &self.facets, &self.told);
        self.told.extend(news.iter().cloned());
        news.into_iter().map(|m| (m.kind, m.opd_code)).collect()
    }
}

fn said(kind: &str, opd: &str) -> (String, String) {
    (kind.into(), opd.into())
}

#[test]
fn a_desk_hears_that_it_has_a_complaint_once_and_that_another_has_it() {
    let mut desk = Desk::new();
    assert_eq!(desk.hear(), []);
    let (a, b, c) = (
        AssignmentId::new(),
        AssignmentId::new(),
        AssignmentId::new(),
    );
    desk.routed(&[(a, "dikes"), (b, "dinsos")]);
    assert_eq!(desk.hear(), [said(ROUTED, "dikes"), said(ROUTED, "dinsos")]);
    assert_eq!(desk.hear(), []);
    desk.routed(&[(c, "pupr-perkim"), (b, "dinsos")]);
    assert_eq!(
        desk.hear(),
        [said(REPLACED, "dikes"), said(ROUTED, "pupr-perkim")]
    );
    assert_eq!(desk.hear(), []);
}

#[test]
fn an_assignment_that_was_replaced_before_it_was_told_is_never_told() {
    let mut desk = Desk::new();
    desk.routed(&[(AssignmentId::new(), "dikes")]);
    desk.routed(&[(AssignmentId::new(), "dinsos")]);
    assert_eq!(desk.hear(), [said(ROUTED, "dinsos")]);
}

#[test]
fn each_closing_and_each_reopening_is_told_once() {
    let mut desk = Desk::new();
    let a = AssignmentId::new();
    desk.routed(&[(a, "dikes")]);
    desk.hear();
    for round in 1..3 {
        desk.intake(|i| {
            i.rejected_at = Some(values::timestamp(OffsetDateTime::UNIX_EPOCH));
        });
        assert_eq!(desk.hear(), [said(CLOSED, "dikes")], "round {round}");
        assert_eq!(desk.hear(), []);
        desk.intake(|i| {
            i.rejected_at = None;
            i.reopened_count = round;
        });
        assert_eq!(desk.hear(), [said(REOPENED, "dikes")], "round {round}");
        assert_eq!(desk.hear(), []);
    }
}

#[test]
fn a_closing_on_the_answer_of_a_desk_that_was_replaced_closes_nothing() {
    let mut desk = Desk::new();
    let (a, b) = (AssignmentId::new(), AssignmentId::new());
    desk.routed(&[(a, "dikes")]);
    desk.hear();
    desk.take(Facet::FollowUp(FollowUpFacet::default()));
    desk.intake(|i| {
        i.closed = Some(Closing {
            answer_id: "x".into(),
            assignment_id: a.to_string(),
            ..Closing::default()
        });
    });
    desk.routed(&[(b, "dinsos")]);
    assert_eq!(
        desk.hear(),
        [said(REPLACED, "dikes"), said(ROUTED, "dinsos")]
    );
}

#[test]
fn a_candidate_is_nobodys_business_yet() {
    let mut desk = Desk::new();
    desk.intake(|i| i.candidate = true);
    desk.routed(&[(AssignmentId::new(), "dikes")]);
    assert_eq!(desk.hear(), []);
}

/// An owner's event with its whole facet.
fn event(owner: Owner, version: u64, fact: Fact, facet: Facet) -> Event {
    Event {
        owner: owner.into(),
        epoch: 1,
        version,
        fact: Some(fact),
        facet: Some(facet),
        ..Event::default()
    }
}

proptest! {
    /// A lost bus and its repair bring events in any order: when all are there, nothing is left to be told.
    #[test]
    fn whichever_event_comes_last_tells_what_is_left(
        order in Just((0..5_usize).collect::<Vec<_>>()).prop_shuffle(),
        rejected in any::<bool>(),
        routed in any::<bool>(),
    ) {
        let complaint = ComplaintId::new();
        let ticket = IntakeFacet { ticket: "NTB-TES-T01-234".into(), ..IntakeFacet::default() };
        let mut ended = ticket.clone();
        if rejected {
            ended.rejected_at = Some(values::timestamp(OffsetDateTime::UNIX_EPOCH));
        }
        let mut assigned = RoutingFacet::default();
        if routed {
            assigned.lead = Some(Assignment {
                assignment_id: AssignmentId::new().to_string(),
                opd_code: "dikes".into(),
                ..Assignment::default()
            });
        }
        let reply = Fact::ReplyRequested(ReplyRequested::default());
        let last = if rejected { Fact::Rejected(Rejected::default()) } else { reply.clone() };
        let events = [
            event(Owner::Intake, 1, Fact::Received(Received::default()), Facet::Intake(ticket.clone())),
            event(Owner::Intake, 2, reply, Facet::Intake(ticket)),
            event(Owner::Intake, 3, last, Facet::Intake(ended)),
            event(Owner::Routing, 1, Fact::Routed(Routed::default()), Facet::Routing(assigned.clone())),
            event(Owner::Routing, 2, Fact::Routed(Routed::default()), Facet::Routing(assigned)),
        ];
        let (mut known, mut told) = (Facets::default(), Vec::new());
        for place in order {
            known.absorb(&events[place]);
            if tells(&events[place], &known) {
                told.extend(news(complaint, &known, &told));
            }
        }
        prop_assert_eq!(news(complaint, &known, &told), []);
    }

    /// However far a reader lags, in the end every desk knows whether it has the complaint, and no id is told twice.
    #[test]
    fn in_the_end_each_desk_knows_what_it_has(steps in prop::collection::vec((0_usize..4, any::<bool>()), 1..20)) {
        let ids: Vec<AssignmentId> = (0..20).map(|_| AssignmentId::new()).collect();
        let opds = ["dikes", "dinsos", "pupr-perkim"];
        let mut desk = Desk::new();
        let mut now = Vec::new();
        for (n, (what, hears)) in steps.into_iter().enumerate() {
            if let Some(opd) = opds.get(what) {
                now = vec![(ids[n], *opd)];
                desk.routed(&now);
            } else {
                now = Vec::new();
                desk.routed(&now);
            }
            if hears {
                desk.hear();
            }
        }
        desk.hear();
        let mut seen = std::collections::HashSet::new();
        prop_assert!(desk.told.iter().all(|m| seen.insert(m.id)));
        for id in ids {
            let about: Vec<&str> = desk.told.iter().filter(|m| m.assignment == id).map(|m| m.kind.as_str()).collect();
            let has = now.iter().any(|(a, _)| *a == id);
            match about[..] {
                [] => prop_assert!(!has),
                [ROUTED] => prop_assert!(has),
                [ROUTED, REPLACED] => prop_assert!(!has),
                _ => prop_assert!(false, "{about:?}"),
            }
        }
    }
}
