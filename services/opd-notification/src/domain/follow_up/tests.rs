use contracts::event::{Closing, Reaction};
use proptest::prelude::*;
use time::macros::datetime;

use super::*;

const NOW: OffsetDateTime = datetime!(2026-03-02 08:00 UTC);

struct Desk {
    intake: IntakeFacet,
    routing: RoutingFacet,
    own: FollowUpFacet,
}

impl Desk {
    fn with(kind: Kind) -> Self {
        let assignment = |id: &str, opd: &str| Assignment {
            assignment_id: id.into(),
            opd_code: opd.into(),
            kind: kind.into(),
            ..Assignment::default()
        };
        Self {
            intake: IntakeFacet::default(),
            routing: RoutingFacet {
                lead: Some(assignment("a1", "dikes")),
                co_handlers: vec![assignment("a2", "dinsos")],
                ..RoutingFacet::default()
            },
            own: FollowUpFacet::default(),
        }
    }

    fn act(&mut self, person: &str, id: &str, verb: Verb<'_>) -> Result<Option<Fact>, Refusal> {
        self.act_as(Some("dikes"), person, id, "Kami periksa besok.", verb)
    }

    fn act_as(
        &mut self,
        opd: Option<&str>,
        person: &str,
        id: &str,
        text: &str,
        verb: Verb<'_>,
    ) -> Result<Option<Fact>, Refusal> {
        let role = if opd.is_some() {
            Role::Opd
        } else {
            Role::Operator
        };
        let by = Actor {
            person_id: person.into(),
            role: role.into(),
            opd_code: opd.unwrap_or_default().into(),
        };
        let act = Act {
            assignment_id: "a1",
            opd_code: opd,
            by: &by,
            at: NOW,
            id,
            text,
            verb,
        };
        let known = Known {
            intake: &self.intake,
            open: ended(&self.intake).is_none(),
            routing: &self.routing,
            own: &self.own,
        };
        match decide(known, &act)? {
            Outcome::Unchanged => Ok(None),
            Outcome::Changed(facet, fact) => {
                self.own = *facet;
                Ok(Some(fact))
            }
        }
    }

    fn answer_id(&self) -> Option<&str> {
        Some(
            self.own
                .assignments
                .first()?
                .answer
                .as_ref()?
                .answer_id
                .as_str(),
        )
    }
}

const ACKNOWLEDGE: Verb<'_> = Verb::Acknowledge {
    next_act_at: None,
    external_ref: "",
};
const APPROVE_N1: Verb<'_> = Verb::Approve {
    answer_id: "n1",
    plan_id: "",
};
const PLAN: Verb<'_> = Verb::Plan {
    sub_activity_code: "1.03.10.1.01.0012",
    document: "RKPD",
    budget_year: 2027,
    until: datetime!(2027-12-31 16:00 UTC),
};

#[test]
fn an_answer_is_approved_by_another_named_person_only() {
    let mut desk = Desk::with(Kind::Complaint);
    assert_eq!(
        desk.act("p2", "x", APPROVE_N1),
        Err(Refusal::NothingToApprove)
    );
    assert!(desk.act("p1", "n1", Verb::Answer { evidence: 1 }).is_ok());
    assert_eq!(desk.act("p1", "x", APPROVE_N1), Err(Refusal::SamePerson));
    assert_eq!(desk.act(" P1 ", "x", APPROVE_N1), Err(Refusal::SamePerson));
    assert_eq!(desk.act("", "x", APPROVE_N1), Err(Refusal::PersonMissing));
    assert!(matches!(
        desk.act("p2", "x", APPROVE_N1),
        Ok(Some(Fact::Approved(_)))
    ));
    assert_eq!(desk.act("p3", "x", APPROVE_N1), Ok(None));
}

#[test]
fn a_superseded_answer_is_not_approved() {
    let mut desk = Desk::with(Kind::Complaint);
    assert!(desk.act("p1", "n1", Verb::Answer { evidence: 1 }).is_ok());
    assert!(desk.act("p1", "n2", Verb::Answer { evidence: 1 }).is_ok());
    assert_eq!(desk.act("p2", "x", APPROVE_N1), Err(Refusal::Superseded));
    assert_eq!(desk.answer_id(), Some("n2"));
}

#[test]
fn complaints_and_help_requests_are_answered_with_evidence() {
    for (kind, refused) in [
        (Kind::Complaint, true),
        (Kind::HelpRequest, true),
        (Kind::Unspecified, true),
        (Kind::InformationRequest, false),
        (Kind::OversightComplaint, false),
    ] {
        let outcome = Desk::with(kind).act("p1", "n1", Verb::Answer { evidence: 0 });
        assert_eq!(outcome.is_err(), refused, "{kind:?}");
    }
}

#[test]
fn a_new_answer_after_an_approved_one_needs_a_reopening_of_that_one() {
    let mut desk = Desk::with(Kind::Complaint);
    let again = Verb::Answer { evidence: 1 };
    assert!(desk.act("p1", "n1", again).is_ok());
    assert!(desk.act("p2", "x", APPROVE_N1).is_ok());
    assert_eq!(desk.act("p1", "n2", again), Err(Refusal::AlreadyApproved));
    desk.intake.reopened = Some(Reaction {
        answer_id: "n1".into(),
        ..Reaction::default()
    });
    assert!(desk.act("p1", "n2", again).is_ok());
}

#[test]
fn a_declined_or_replaced_assignment_and_an_ended_complaint_take_no_acts() {
    let mut desk = Desk::with(Kind::Complaint);
    let decline = Verb::Decline {
        reason: "not_our_authority",
        proposed_opd: "pdam",
    };
    assert!(matches!(
        desk.act("p1", "d", decline),
        Ok(Some(Fact::Declined(_)))
    ));
    assert_eq!(desk.act("p1", "d", decline), Ok(None));
    assert_eq!(desk.act("p1", "k", ACKNOWLEDGE), Err(Refusal::Declined));

    desk.routing.lead = None;
    assert_eq!(
        desk.act("p1", "k", ACKNOWLEDGE),
        Err(Refusal::AssignmentReplaced)
    );

    let mut desk = Desk::with(Kind::Complaint);
    desk.intake.closed = Some(Closing::default());
    assert_eq!(
        desk.act("p1", "k", ACKNOWLEDGE),
        Err(Refusal::ComplaintClosed)
    );
    desk.intake.erased_at = Some(values::timestamp(NOW));
    assert_eq!(
        desk.act("p1", "k", ACKNOWLEDGE),
        Err(Refusal::ComplaintErased)
    );
}

#[test]
fn another_opds_assignment_does_not_exist_for_it() {
    let mut desk = Desk::with(Kind::Complaint);
    let outcome = desk.act_as(Some("dinsos"), "p1", "k", "", ACKNOWLEDGE);
    assert_eq!(outcome, Err(Refusal::UnknownAssignment));
}

#[test]
fn declining_names_a_reason_and_whose_it_is() {
    for (reason, proposed_opd, refusal) in [
        ("not_our_authority", "", Refusal::ProposalMissing),
        ("not_our_authority", "dikes", Refusal::ProposalInvalid),
        ("not_our_authority", "PDAM!", Refusal::ProposalInvalid),
        ("no_time", "pdam", Refusal::UnknownReason),
    ] {
        let outcome = Desk::with(Kind::Complaint).act(
            "p1",
            "d",
            Verb::Decline {
                reason,
                proposed_opd,
            },
        );
        assert_eq!(outcome, Err(refusal));
    }
    let mut desk = Desk::with(Kind::Complaint);
    assert!(desk.act("p1", "n1", Verb::Answer { evidence: 1 }).is_ok());
    let late = Verb::Decline {
        reason: "duplicate",
        proposed_opd: "",
    };
    assert_eq!(desk.act("p1", "d", late), Err(Refusal::AlreadyAnswered));
}

#[test]
fn a_next_act_needs_words_and_a_date_ahead() {
    let on = |next| Verb::Acknowledge {
        next_act_at: Some(next),
        external_ref: "",
    };
    let tomorrow = NOW + Duration::days(1);
    let mut desk = Desk::with(Kind::Complaint);
    let silent = desk.act_as(Some("dikes"), "p1", "k", "  ", on(tomorrow));
    assert_eq!(silent, Err(Refusal::NextActWithoutText));
    assert_eq!(desk.act("p1", "k", on(NOW)), Err(Refusal::DateOutOfRange));
    assert!(desk.act("p1", "k", on(tomorrow)).is_ok());
    assert_eq!(
        desk.own.assignments[0].next_act_at,
        Some(values::timestamp(tomorrow))
    );
}

#[test]
fn a_plan_is_approved_outside_the_opd() {
    let mut desk = Desk::with(Kind::Complaint);
    assert!(matches!(
        desk.act("p1", "plan1", PLAN),
        Ok(Some(Fact::Planned(_)))
    ));
    let approve = Verb::Approve {
        answer_id: "",
        plan_id: "plan1",
    };
    assert_eq!(desk.act("p2", "x", approve), Err(Refusal::OutsideOnly));
    let outside = desk.act_as(None, "staf-1", "x", "", approve);
    assert!(matches!(outside, Ok(Some(Fact::Approved(_)))));
}

#[test]
fn a_plan_names_what_exists() {
    let with = |code, document, year, until| Verb::Plan {
        sub_activity_code: code,
        document,
        budget_year: year,
        until,
    };
    let until = datetime!(2027-12-31 16:00 UTC);
    for (verb, refusal) in [
        (with("1.03", "APBD", 2027, until), Refusal::UnknownDocument),
        (
            with("jalan", "DPA", 2027, until),
            Refusal::SubActivityInvalid,
        ),
        (with("1.03", "DPA", 2025, until), Refusal::YearOutOfRange),
        (with("1.03", "DPA", 2027, NOW), Refusal::DateOutOfRange),
    ] {
        assert_eq!(
            Desk::with(Kind::Complaint).act("p1", "plan1", verb),
            Err(refusal)
        );
    }
}

#[test]
fn the_first_endpoint_that_takes_it_over_counts_and_an_act_proves_it() {
    let at = |own: &FollowUpFacet| delivered(own, "a1", "dikes", "d1".into(), "nats", NOW);
    let Outcome::Changed(facet, Fact::Delivered(fact)) = at(&FollowUpFacet::default()) else {
        panic!("not delivered");
    };
    assert_eq!(
        (fact.way.as_str(), fact.delivery_id.as_str()),
        ("nats", "d1")
    );
    assert_eq!(at(&facet), Outcome::Unchanged);

    let mut desk = Desk::with(Kind::Complaint);
    assert!(desk.act("p1", "k", ACKNOWLEDGE).is_ok());
    assert_eq!(
        desk.own.assignments[0].delivered_at,
        Some(values::timestamp(NOW))
    );
    assert_eq!(at(&desk.own), Outcome::Unchanged);
}

proptest! {
    /// Whatever is tried in whatever order: an approved answer was approved by somebody else, and a declined assignment
    /// has no approved answer.
    #[test]
    fn no_order_of_acts_approves_alone_or_after_declining(
        acts in proptest::collection::vec((0usize..7, 0usize..3, 0usize..3), 0..40),
    ) {
        let people = ["p1", "P1", "p2"];
        let ids = ["n1", "n2", "n3"];
        let mut desk = Desk::with(Kind::HelpRequest);
        for (verb, person, id) in acts {
            let verb = match verb {
                0 => ACKNOWLEDGE,
                1 => Verb::Decline { reason: "insufficient", proposed_opd: "" },
                2 => Verb::Ask,
                3 => Verb::Progress { next_act_at: None, external_ref: "" },
                4 => PLAN,
                5 => Verb::Answer { evidence: 1 },
                _ => Verb::Approve { answer_id: ids[id], plan_id: "" },
            };
            let _ = desk.act(people[person], ids[id], verb);
            for state in &desk.own.assignments {
                let approved = state.answer.as_ref().filter(|a| a.approved_at.is_some());
                if let Some(answer) = approved {
                    prop_assert!(!answer.answered_by.eq_ignore_ascii_case(&answer.approved_by));
                    prop_assert!(state.declined_at.is_none());
                }
            }
        }
    }
}
