//! A case under any history: one effective lead assignment, or triage.

use std::cell::Cell;

use contracts::common::{Actor, Decider, Kind, PlaceDisagreement, Role, Urgency, decider};
use contracts::event::event::{Facet, Fact};
use contracts::event::{
    AssignmentFollowUp, ClassificationFacet, Closing, FollowUpFacet, IntakeFacet,
};
use contracts::lifecycle::{Facets, Version};
use contracts::{AssignmentId, ComplaintId, values::timestamp};
use proptest::prelude::*;
use time::macros::datetime;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::acts::{Claim, Decree, Refusal};
use super::case::{Case, End, Outcome, Standing, World};
use super::rules_tests::shipped;
use super::verdict::{Desks, Reason, proposals};

const START: OffsetDateTime = datetime!(2026-03-10 01:00 UTC);

fn desks() -> Desks {
    let (registry, rules, autoroute) = shipped();
    Desks {
        registry,
        rules,
        autoroute,
    }
}

fn intake() -> IntakeFacet {
    IntakeFacet {
        channel: "web".into(),
        received_at: Some(timestamp(START)),
        area_hint: "52.01".into(),
        ..IntakeFacet::default()
    }
}

fn label(category: &str, confidence: f32) -> ClassificationFacet {
    ClassificationFacet {
        kind: Kind::Complaint.into(),
        category: category.into(),
        urgency: Urgency::Normal.into(),
        confidence,
        abstained: confidence < 0.3,
        ..ClassificationFacet::default()
    }
}

fn actor(person: &str, role: Role) -> Actor {
    Actor {
        person_id: person.into(),
        role: role.into(),
        opd_code: String::new(),
    }
}

fn decree(opd: &str, role: Role) -> Decree {
    Decree {
        by: actor("petugas-1", role),
        opd: opd.parse().expect("code"),
        co_handlers: Vec::new(),
        category: None,
        kind: Kind::Unspecified,
        urgency: Urgency::Unspecified,
        area: None,
        reason: "lebih tepat".into(),
    }
}

/// A case with a clock and a source of ids.
struct Scene {
    desks: Desks,
    ids: Cell<u128>,
    now: OffsetDateTime,
    case: Case,
    out: Outcome,
}

impl Scene {
    fn new() -> Self {
        Self {
            desks: desks(),
            ids: Cell::new(1),
            now: START,
            case: Case::new(ComplaintId(Uuid::from_u128(7)), Facets::default()),
            out: Outcome::default(),
        }
    }

    fn with<R>(&mut self, act: impl FnOnce(&mut Case, &World<'_>, &mut Outcome) -> R) -> R {
        let new_id = || {
            self.ids.set(self.ids.get() + 1);
            AssignmentId(Uuid::from_u128(self.ids.get()))
        };
        let world = World {
            desks: &self.desks,
            now: self.now,
            stale_after: Duration::minutes(10),
            new_id: &new_id,
        };
        act(&mut self.case, &world, &mut self.out)
    }

    fn learn(&mut self, version: u64, facet: Facet) {
        self.case.facets.take(Version { epoch: 1, version }, facet);
        self.with(|case, world, out| case.settle(world, out));
    }

    fn intake(&mut self, version: u64, facet: IntakeFacet) {
        self.learn(version, Facet::Intake(facet));
    }

    fn label(&mut self, version: u64, facet: ClassificationFacet) {
        self.learn(version, Facet::Classification(facet));
    }

    fn decline(&mut self, assignment: &str, proposed: &str) {
        let newest = self.case.facets.follow_up.as_ref();
        let (version, mut facet) = newest.map_or((0, FollowUpFacet::default()), |n| {
            (n.at.version, n.facet.clone())
        });
        facet.assignments.push(AssignmentFollowUp {
            assignment_id: assignment.into(),
            declined_at: Some(timestamp(self.now)),
            proposed_opd: proposed.into(),
            ..AssignmentFollowUp::default()
        });
        self.learn(version + 1, Facet::FollowUp(facet));
    }

    fn decide(&mut self, decree: &Decree) -> Result<(), Refusal> {
        self.with(|case, world, out| case.decide(decree, world, out))
    }

    fn lead(&self) -> Option<(String, String)> {
        let lead = self.case.facet().lead?;
        Some((lead.assignment_id, lead.opd_code))
    }

    fn reason(&self) -> Option<Reason> {
        match &self.case.standing {
            Standing::Triage(triage) => Some(triage.reason),
            _ => None,
        }
    }
}

#[test]
fn nothing_is_decided_before_intake_spoke_and_then_the_label_decides() {
    let mut scene = Scene::new();
    scene.label(1, label("jalan-rusak", 0.9));
    assert_eq!(scene.case.standing, Standing::Waiting);
    scene.intake(1, intake());
    assert_eq!(scene.lead().expect("led").1, "pupr-perkim");
    assert!(matches!(&scene.out.facts[..], [Fact::Routed(_)]));
}

#[test]
fn a_regencys_matter_is_handed_over_and_an_unsure_label_waits_for_a_person() {
    let mut scene = Scene::new();
    scene.intake(1, intake());
    scene.label(1, label("sampah", 0.9));
    let lead = scene.case.facet().lead.expect("led");
    assert!(lead.outside && lead.opd_code == "pemkab-lombok-barat");
    assert!(matches!(&scene.out.facts[..], [Fact::HandedOver(_)]));

    let mut scene = Scene::new();
    scene.intake(1, intake());
    scene.label(1, label("sampah", 0.2));
    assert_eq!(scene.reason(), Some(Reason::Abstained));
}

#[test]
fn where_the_evidence_names_two_regencies_a_person_chooses_the_government_and_sees_both() {
    let contested = |by_position: &str, by_text: &str| ClassificationFacet {
        area_code: by_position.into(),
        area_confidence: 0.7,
        place_disagreement: Some(PlaceDisagreement {
            by_position: by_position.into(),
            by_text: by_text.into(),
            by_choice: String::new(),
        }),
        ..label("sampah", 0.9)
    };
    let mut scene = Scene::new();
    scene.intake(1, intake());
    scene.label(1, contested("52.02.01", "52.01.09.2003"));
    assert_eq!(scene.reason(), Some(Reason::NoArea));
    let item = scene.case.queue_item(&desks(), START).expect("queued");
    let said = item.place_disagreement.expect("shown");
    assert_eq!(said.by_text, "52.01.09.2003");
    // Two districts of one regency are one government's.
    let mut scene = Scene::new();
    scene.intake(1, intake());
    scene.label(1, contested("52.01.09", "52.01.14.2006"));
    assert_eq!(scene.lead().expect("led").1, "pemkab-lombok-barat");
}

#[test]
fn an_oversight_complaint_goes_to_the_inspectorate_even_when_nothing_is_automatic_and_no_label_came()
 {
    let mut scene = Scene::new();
    scene.desks.autoroute = super::autoroute::Autoroute::default();
    scene.intake(
        1,
        IntakeFacet {
            oversight_suspected: true,
            ..intake()
        },
    );
    assert_eq!(scene.lead().expect("led").1, "inspektorat");
    // And an operator may neither see nor move it.
    let moved =
        scene.with(|case, world, out| case.reassign(&decree("dikes", Role::Operator), world, out));
    assert_eq!(moved, Err(Refusal::NotFound));
    let kept = scene
        .with(|case, world, out| case.reassign(&decree("dikes", Role::Inspectorate), world, out));
    assert_eq!(kept, Err(Refusal::OversightOnly));
    let lifted = Decree {
        kind: Kind::Complaint,
        ..decree("dikes", Role::Inspectorate)
    };
    scene
        .with(|case, world, out| case.reassign(&lifted, world, out))
        .expect("lifted");
    scene.with(|case, world, out| case.settle(world, out));
    assert_eq!(scene.lead().expect("led").1, "dikes");
}

#[test]
fn a_suspicion_that_comes_later_takes_it_out_of_triage_and_away_from_a_desk() {
    for first in [label("jalan-rusak", 0.2), label("jalan-rusak", 0.9)] {
        let mut scene = Scene::new();
        scene.intake(1, intake());
        scene.label(1, first.clone());
        scene.label(
            2,
            ClassificationFacet {
                oversight_suspected: true,
                ..first
            },
        );
        assert_eq!(scene.lead().expect("led").1, "inspektorat");
    }
}

/// Moving what has ended would make void the closing that names the desk's answer; readers hide it by the facets.
#[test]
fn a_suspicion_about_what_has_ended_moves_it_when_it_is_reopened() {
    let mut scene = Scene::new();
    scene.label(1, label("jalan-rusak", 0.9));
    scene.intake(1, intake());
    scene.intake(2, facet_of(1));
    scene.label(
        2,
        ClassificationFacet {
            oversight_suspected: true,
            ..label("jalan-rusak", 0.9)
        },
    );
    assert_eq!(scene.lead().expect("led").1, "pupr-perkim");
    assert!(scene.case.is_oversight());
    scene.intake(
        3,
        IntakeFacet {
            reopened_count: 1,
            ..intake()
        },
    );
    assert_eq!(scene.lead().expect("led").1, "inspektorat");
}

#[test]
fn a_declined_complaint_returns_to_triage_with_the_proposed_desk_first_and_the_third_is_ping_pong()
{
    let mut scene = Scene::new();
    scene.intake(1, intake());
    scene.label(1, label("jalan-rusak", 0.9));
    let (first, _) = scene.lead().expect("led");
    scene.decline(&first, "bpjn");
    assert_eq!(scene.reason(), Some(Reason::Declined));
    let Standing::Triage(triage) = scene.case.standing.clone() else {
        panic!("triage")
    };
    let facet = scene.case.intake().expect("intake").clone();
    let facts = scene.case.facts(&facet, scene.now);
    let label = scene.case.label().cloned();
    let offered = proposals(
        &scene.desks,
        &facts,
        &facet,
        label.as_ref(),
        triage.proposed.as_ref(),
        &scene.case.declined_by,
    );
    assert_eq!(offered[0].opd_code, "bpjn");
    assert_eq!(offered.len(), 3);
    assert!(
        offered
            .iter()
            .all(|p| p.opd_code != "pupr-perkim" && !p.why.is_empty())
    );
    // Repeated, it is a fact about an assignment that is effective no more.
    scene.decline(&first, "bpjn");
    assert_eq!(scene.case.facet().declines, 1);
    for opd in ["bpjn", "dishub"] {
        scene.decide(&decree(opd, Role::Operator)).expect("decided");
        let (assignment, _) = scene.lead().expect("led");
        scene.decline(&assignment, "");
    }
    assert!(scene.case.facet().ping_pong);
}

#[test]
fn a_category_without_a_rule_is_offered_with_the_desk_that_the_taxonomy_names() {
    let mut scene = Scene::new();
    scene.intake(1, intake());
    let suggestion = contracts::event::Suggestion {
        category: "sampah-laut".into(),
        score: 0.6,
        opd_code: "dlhk".into(),
        reason_codes: vec!["model".into()],
    };
    scene.label(
        1,
        ClassificationFacet {
            suggestions: vec![suggestion],
            ..label("sampah-laut", 0.9)
        },
    );
    assert_eq!(scene.reason(), Some(Reason::NoRule));
    let facet = scene.case.intake().expect("intake").clone();
    let facts = scene.case.facts(&facet, scene.now);
    let known = scene.case.label().cloned();
    let offered = proposals(&scene.desks, &facts, &facet, known.as_ref(), None, &[]);
    assert_eq!(
        (offered[0].opd_code.as_str(), offered[0].category.as_str()),
        ("dlhk", "sampah-laut")
    );
}

#[test]
fn two_officers_cannot_decide_one_complaint_and_a_decision_can_be_taken_back_for_a_while() {
    let mut scene = Scene::new();
    scene.intake(1, intake());
    scene.label(1, label("lainnya", 0.9));
    scene
        .decide(&decree("dikes", Role::Operator))
        .expect("decided");
    let second = scene.decide(&Decree {
        by: actor("petugas-2", Role::Operator),
        ..decree("dlhk", Role::Operator)
    });
    assert_eq!(
        second,
        Err(Refusal::AlreadyDecided {
            opd: "dikes".into()
        })
    );
    let (assignment, _) = scene.lead().expect("led");
    let undo = |scene: &mut Scene, who: &str| {
        let by = actor(who, Role::Operator);
        scene
            .with(|case, world, out| case.undo(&by, &assignment, Duration::seconds(10), world, out))
    };
    assert_eq!(undo(&mut scene, "petugas-2"), Err(Refusal::TooLate));
    scene.now += Duration::seconds(10);
    assert_eq!(undo(&mut scene, "petugas-1"), Ok(()));
    assert_eq!(scene.reason(), Some(Reason::Undone));
    assert_eq!(scene.out.ended.last().map(|e| e.1), Some(End::Undone));

    let claim = Claim {
        by: "petugas-1".into(),
        until: START + Duration::minutes(5),
    };
    assert!(claim.keeps_out("petugas-2", START) && !claim.keeps_out("petugas-1", START));
    assert!(!claim.keeps_out("petugas-2", claim.until));
}

#[test]
fn a_rejected_complaint_leaves_the_queue_and_comes_back_when_reopened() {
    let mut scene = Scene::new();
    scene.intake(1, intake());
    scene.label(1, label("lainnya", 0.9));
    assert!(scene.case.is_queued());
    scene.intake(
        3,
        IntakeFacet {
            rejected_at: Some(timestamp(START)),
            ..intake()
        },
    );
    assert!(!scene.case.is_queued());
    assert_eq!(
        scene.decide(&decree("dikes", Role::Operator)),
        Err(Refusal::Over)
    );
    scene.intake(2, intake());
    assert!(!scene.case.is_queued(), "an older facet changes nothing");
    scene.intake(
        4,
        IntakeFacet {
            reopened_count: 1,
            ..intake()
        },
    );
    assert!(scene.case.is_queued());
    assert_eq!(scene.reason(), Some(Reason::Reopened));
}

#[test]
fn without_a_label_a_complaint_goes_to_a_person_in_time_and_a_late_label_still_counts() {
    let mut scene = Scene::new();
    scene.intake(1, intake());
    assert_eq!(scene.case.standing, Standing::Waiting);
    scene.now += Duration::minutes(11);
    scene.with(|case, world, out| case.settle(world, out));
    assert_eq!(scene.reason(), Some(Reason::Stale));
    scene.label(1, label("jalan-rusak", 0.9));
    assert_eq!(scene.lead().expect("led").1, "pupr-perkim");
}

#[test]
fn a_split_restores_what_stood_before_the_merge() {
    let mut scene = Scene::new();
    scene.intake(1, intake());
    scene.label(1, label("jalan-rusak", 0.9));
    let before = scene.case.clone();
    let mut other = before.clone();
    other.complaint = ComplaintId(Uuid::from_u128(8));
    let by = actor("petugas-1", Role::Operator);
    let (mut a, mut b) = (Outcome::default(), Outcome::default());
    scene
        .case
        .merge(
            &mut other,
            false,
            &by,
            (Uuid::from_u128(9), START),
            (&mut a, &mut b),
        )
        .expect("merged");
    let facet = scene.case.facet();
    assert!(facet.lead.is_none() && facet.merged_into == other.complaint.to_string());
    assert_eq!((a.facts.len(), b.facts.len()), (1, 1));
    assert_eq!(other.facet().incident_id, facet.incident_id);
    assert!(
        other
            .merge(
                &mut scene.case,
                true,
                &by,
                (Uuid::from_u128(9), START),
                (&mut b, &mut a)
            )
            .is_err()
    );
    scene
        .with(|case, world, out| case.split(&by, world, out))
        .expect("split");
    assert_eq!(scene.case, before);
}

#[test]
fn what_the_table_keeps_restores_the_case() {
    let mut scene = Scene::new();
    scene.intake(1, intake());
    for step in 0..3 {
        match step {
            0 => scene.label(1, label("lainnya", 0.9)),
            1 => scene
                .decide(&decree("dikes", Role::Operator))
                .expect("decided"),
            _ => scene.decline(&scene.lead().expect("led").0.clone(), "bpjn"),
        }
        let case = &scene.case;
        let proposed = match &case.standing {
            Standing::Triage(triage) => triage.proposed.clone(),
            _ => None,
        };
        let again = Case::restore(
            case.complaint,
            case.facets.clone(),
            case.whole(),
            case.declined_by.clone(),
            proposed,
            case.reopened,
        );
        assert_eq!(again.whole(), case.whole());
        assert_eq!(
            again.queue_item(&scene.desks, scene.now),
            case.queue_item(&scene.desks, scene.now)
        );
    }
}

#[derive(Debug, Clone)]
enum Happening {
    Intake(u64, u8),
    Label(u64, &'static str, f32, bool),
    Decline { effective: bool },
    Decide(&'static str, bool),
    Reassign(&'static str),
    Undo,
    Pass(i64),
    Split,
}

fn any_happening() -> impl Strategy<Value = Happening> {
    let categories =
        prop::sample::select(&["jalan-rusak", "sampah", "lainnya", "pungli-korupsi", ""][..]);
    let desks =
        prop::sample::select(&["dikes", "pln", "inspektorat", "tidak-ada", "pupr-perkim"][..]);
    prop_oneof![
        3 => (1_u64..9, 0_u8..7).prop_map(|(v, what)| Happening::Intake(v, what)),
        3 => (1_u64..5, categories, 0.0_f32..1.0, prop::bool::weighted(0.2))
            .prop_map(|(v, c, p, o)| Happening::Label(v, c, p, o)),
        2 => any::<bool>().prop_map(|effective| Happening::Decline { effective }),
        2 => (desks.clone(), any::<bool>()).prop_map(|(d, i)| Happening::Decide(d, i)),
        1 => desks.prop_map(Happening::Reassign),
        1 => Just(Happening::Undo),
        1 => (1_i64..900).prop_map(Happening::Pass),
        1 => Just(Happening::Split),
    ]
}

fn facet_of(what: u8) -> IntakeFacet {
    let at = Some(timestamp(START));
    match what {
        1 => IntakeFacet {
            rejected_at: at,
            ..intake()
        },
        2 => IntakeFacet {
            withdrawn_at: at,
            ..intake()
        },
        3 => IntakeFacet {
            closed: Some(Closing {
                at,
                ..Closing::default()
            }),
            ..intake()
        },
        4 => IntakeFacet {
            oversight_suspected: true,
            ..intake()
        },
        5 => IntakeFacet {
            candidate: true,
            ..intake()
        },
        6 => IntakeFacet {
            erased_at: at,
            ..intake()
        },
        _ => intake(),
    }
}

#[test]
fn a_canary_goes_round_whatever_its_label_says_and_also_without_one() {
    let canary = || IntakeFacet {
        canary: true,
        ..intake()
    };
    let suspected = ClassificationFacet {
        oversight_suspected: true,
        kind: Kind::OversightComplaint.into(),
        ..label("lainnya", 0.1)
    };
    let mut labelled = Scene::new();
    labelled.intake(1, canary());
    assert_eq!(labelled.lead(), None);
    labelled.label(1, suspected);
    let mut unlabelled = Scene::new();
    unlabelled.now += Duration::minutes(11);
    unlabelled.intake(1, canary());
    for scene in [labelled, unlabelled] {
        let lead = scene.case.facet().lead.expect("led");
        assert_eq!(lead.opd_code, "diskominfotik");
        assert_eq!(lead.rule, "canary/1");
        assert!(!scene.case.is_oversight());
    }
}

#[test]
fn a_decision_stays_once_its_desk_has_acted() {
    let mut scene = Scene::new();
    scene.intake(1, intake());
    scene
        .decide(&decree("dinsos", Role::Operator))
        .expect("decided");
    let assignment = scene.case.facet().lead.expect("led").assignment_id;
    let act = FollowUpFacet {
        assignments: vec![AssignmentFollowUp {
            assignment_id: assignment.clone(),
            acknowledged_at: Some(timestamp(START)),
            ..AssignmentFollowUp::default()
        }],
        ..FollowUpFacet::default()
    };
    scene.learn(1, Facet::FollowUp(act));
    let by = actor("petugas-1", Role::Operator);
    let undone = scene
        .with(|case, world, out| case.undo(&by, &assignment, Duration::seconds(10), world, out));
    assert_eq!(undone, Err(Refusal::TooLate));
}

proptest! {
    #[test]
    fn one_effective_lead_or_triage_after_any_history(history in prop::collection::vec(any_happening(), 1..40)) {
        let mut scene = Scene::new();
        let mut effective: Vec<String> = Vec::new();
        let mut last_lead = String::new();
        for happening in history {
            scene.out = Outcome::default();
            match happening {
                Happening::Intake(v, what) => scene.intake(v, facet_of(what)),
                Happening::Label(v, category, sure, oversight) => {
                    scene.label(v, ClassificationFacet { oversight_suspected: oversight, ..label(category, sure) });
                }
                Happening::Decline { effective: true } => {
                    let lead = scene.lead().map(|l| l.0).unwrap_or_default();
                    scene.decline(&lead, "bpjn");
                }
                Happening::Decline { effective: false } => scene.decline("yang-sudah-diganti", ""),
                Happening::Decide(opd, inspector) => {
                    let role = if inspector { Role::Inspectorate } else { Role::Operator };
                    let _ = scene.decide(&decree(opd, role));
                }
                Happening::Reassign(opd) => {
                    let _ = scene.with(|case, world, out| case.reassign(&decree(opd, Role::Operator), world, out));
                }
                Happening::Undo => {
                    let by = actor("petugas-1", Role::Operator);
                    let id = scene.lead().map(|l| l.0).unwrap_or_default();
                    let _ = scene.with(|case, world, out| case.undo(&by, &id, Duration::seconds(10), world, out));
                }
                Happening::Pass(seconds) => {
                    scene.now += Duration::seconds(seconds);
                    scene.with(|case, world, out| case.settle(world, out));
                }
                Happening::Split => {
                    let by = actor("petugas-1", Role::Operator);
                    let refused = scene.with(|case, world, out| case.split(&by, world, out));
                    prop_assert!(refused.is_err(), "nothing was merged");
                }
            }
            // The rows as the store keeps them: what ended is gone, a new lead is added.
            for (id, _) in &scene.out.ended {
                effective.retain(|e| *e != id.to_string());
            }
            if let Some((id, opd)) = scene.lead() {
                if id != last_lead {
                    effective.push(id.clone());
                    last_lead = id;
                }
                let by_rule = matches!(
                    scene.case.facet().lead.and_then(|l| l.by),
                    Some(Decider { by: Some(decider::By::Rule(_)) })
                );
                let wants_desk = scene.case.is_open() && scene.case.is_oversight();
                prop_assert!(!wants_desk || !by_rule || opd == "inspektorat");
            }
            let facet = scene.case.facet();
            prop_assert!(facet.lead.is_none() || facet.queue.is_none());
            match &scene.case.standing {
                Standing::Led(_) => prop_assert_eq!(effective.len(), 1),
                Standing::Triage(_) => prop_assert!(effective.is_empty() && facet.queue.is_some()),
                Standing::Waiting => {
                    prop_assert!(effective.is_empty());
                    let labelled = scene.case.is_open() && scene.case.label().is_some();
                    prop_assert!(!labelled, "open and labelled, and nobody's");
                }
                Standing::Erased => prop_assert!(scene.case.facet().erased),
            }
        }
    }
}
