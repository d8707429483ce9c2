//! The label in force under whatever comes.

use contracts::classification::{Candidate, Label};
use contracts::common::{Actor, Kind, Role, Urgency};
use contracts::event::ClassificationFacet;
use contracts::lifecycle::Version;
use proptest::prelude::*;
use time::{Duration, OffsetDateTime};

use crate::domain::taxonomy::Taxonomy;
use crate::label::*;

fn at(minute: i64) -> OffsetDateTime {
    OffsetDateTime::UNIX_EPOCH + Duration::minutes(minute)
}

fn read_at(version: u64) -> Version {
    Version { epoch: 1, version }
}

fn said() -> Said {
    let candidate = |category: &str, score| Candidate {
        category: category.into(),
        score,
        opd_code: "pupr-perkim".into(),
        words: vec!["lubang".into()],
    };
    Said {
        label: Label {
            kind: Kind::Complaint.into(),
            category: "jalan-rusak".into(),
            confidence: 0.4,
            abstained: true,
            urgency: Urgency::Normal.into(),
            suggestions: vec![
                candidate("jalan-rusak", 0.5),
                candidate("jembatan", 0.2),
                candidate("sampah", 0.1),
            ],
            ..Label::default()
        },
        at: at(0),
        text: read_at(1),
    }
}

fn correction(minute: i64, category: &str, kind: Kind) -> Correction {
    Correction {
        by: Actor {
            person_id: "petugas-1".into(),
            role: Role::Operator.into(),
            opd_code: String::new(),
        },
        at: at(minute),
        kind,
        category: category.into(),
        urgency: Urgency::Unspecified,
        area_code: String::new(),
    }
}

fn folded(said: Option<&Said>, corrections: &[Correction], suspected: bool) -> ClassificationFacet {
    fold(said, corrections, suspected, &Taxonomy::embedded().unwrap()).unwrap()
}

#[test]
fn a_person_outranks_the_model_whenever_it_speaks() {
    let one = [correction(1, "sampah", Kind::Unspecified)];
    let before = folded(Some(&said()), &one, false);
    assert_eq!(
        (before.category.as_str(), before.abstained),
        ("sampah", false)
    );
    assert!(by_person(&before));
    let mut later = said();
    later.at = at(60);
    later.label.category = "irigasi".into();
    let after = folded(Some(&later), &one, false);
    assert_eq!((after.category.as_str(), after.at), ("sampah", before.at));
    let two = [one[0].clone(), correction(2, "irigasi", Kind::Unspecified)];
    let newest = folded(Some(&said()), &two, false);
    assert_eq!(newest.category, "irigasi");
    let offered: Vec<&str> = newest
        .suggestions
        .iter()
        .map(|s| s.category.as_str())
        .collect();
    assert_eq!(offered, ["irigasi", "jalan-rusak", "jembatan"]);
    assert!(fold(None, &[], true, &Taxonomy::embedded().unwrap()).is_none());
}

#[test]
fn without_its_correction_the_model_speaks_again() {
    let facet = folded(Some(&said()), &[], false);
    assert_eq!(
        (facet.category.as_str(), facet.abstained),
        ("jalan-rusak", true)
    );
    assert!(!by_person(&facet));
}

#[test]
fn a_suspicion_stays_until_a_person_names_another_kind() {
    let mut suspicious = said();
    suspicious.label.oversight_suspected = true;
    assert!(said().after(Some(&suspicious)).label.oversight_suspected);
    let category_only = folded(
        Some(&suspicious),
        &[correction(1, "desa", Kind::Unspecified)],
        false,
    );
    assert_eq!(category_only.kind(), Kind::OversightComplaint);
    assert!(category_only.oversight_suspected);
    let named = [correction(1, "desa", Kind::Complaint)];
    assert!(!folded(Some(&suspicious), &named, false).oversight_suspected);
    assert!(
        folded(Some(&suspicious), &named, true).oversight_suspected,
        "the reporter's own word stays"
    );
}

#[test]
fn an_older_text_that_is_read_later_says_nothing() {
    let mut newer = said();
    newer.text = read_at(4);
    newer.label.category = "irigasi".into();
    assert_eq!(newer.clone().after(Some(&said())), newer);
    assert_eq!(said().after(Some(&newer)), newer);
}

#[test]
fn a_place_that_is_not_sure_is_nobodys_place() {
    let mut vague = said();
    vague.label.places = vec![contracts::classification::PlaceCandidate {
        area_code: "52.01.09".into(),
        confidence: 0.4,
        ..Default::default()
    }];
    assert_eq!(folded(Some(&vague), &[], false).area_code, "");
    vague.label.places[0].confidence = 0.9;
    assert_eq!(folded(Some(&vague), &[], false).area_code, "52.01.09");
}

#[test]
fn the_explanation_is_the_label_in_force_with_the_models_words() {
    let said = said();
    let facet = folded(
        Some(&said),
        &[correction(1, "jembatan", Kind::Complaint)],
        false,
    );
    let label = explained(&facet, Some(&said));
    assert_eq!(label.category, "jembatan");
    assert_eq!(label.suggestions[0].words, ["lubang"]);
    assert!(person(label.by.as_ref()).is_some());
}

fn any_correction() -> impl Strategy<Value = Correction> {
    let kinds = prop::sample::select(vec![
        Kind::Unspecified,
        Kind::Complaint,
        Kind::HelpRequest,
        Kind::OversightComplaint,
    ]);
    let urgencies =
        prop::sample::select(vec![Urgency::Unspecified, Urgency::Urgent, Urgency::Normal]);
    let categories = prop::sample::select(vec!["", "sampah", "rumah-sakit", "desa"]);
    let areas = prop::sample::select(vec!["", "52.71", "52.06.14"]);
    (kinds, urgencies, categories, areas, 0_i64..1_000).prop_map(
        |(kind, urgency, category, area, minute)| Correction {
            urgency,
            area_code: area.into(),
            ..correction(minute, category, kind)
        },
    )
}

fn any_said() -> impl Strategy<Value = Option<Said>> {
    let categories = prop::sample::select(vec!["jalan-rusak", "sampah", "puskesmas"]);
    prop::option::of((categories, 0.0_f32..1.0, any::<bool>(), any::<bool>())).prop_map(|drawn| {
        drawn.map(|(category, confidence, suspected, abstained)| {
            let mut new = said();
            new.label.category = category.into();
            new.label.confidence = confidence;
            new.label.oversight_suspected = suspected;
            new.label.abstained = abstained;
            new
        })
    })
}

proptest! {
    #[test]
    fn the_machine_never_moves_what_a_person_decided(
        corrections in prop::collection::vec(any_correction(), 1..5),
        first in any_said(),
        second in any_said(),
        suspected in any::<bool>(),
    ) {
        let (a, b) = (folded(first.as_ref(), &corrections, suspected), folded(second.as_ref(), &corrections, suspected));
        prop_assert!(by_person(&a) && by_person(&b));
        let last = |decided: &dyn Fn(&Correction) -> bool| corrections.iter().rev().find(|c| decided(c));
        if let Some(decided) = last(&|c| !c.category.is_empty()) {
            prop_assert_eq!(&a.category, &decided.category);
            prop_assert_eq!(&b.category, &decided.category);
            prop_assert!(!a.abstained && !b.abstained);
            prop_assert_eq!(&a.suggestions[0].category, &decided.category);
            prop_assert!(a.suggestions.len() <= crate::domain::classify::SUGGESTIONS);
        }
        if let Some(decided) = last(&|c| c.urgency != Urgency::Unspecified) {
            prop_assert_eq!((a.urgency(), b.urgency()), (decided.urgency, decided.urgency));
        }
        if let Some(decided) = last(&|c| !c.area_code.is_empty()) {
            prop_assert_eq!((&a.area_code, &b.area_code), (&decided.area_code, &decided.area_code));
        }
        if let Some(decided) = last(&|c| c.kind != Kind::Unspecified) {
            prop_assert_eq!(a.kind(), decided.kind);
        }
        // Who may see it follows from what it is.
        prop_assert_eq!(a.oversight_suspected, suspected || a.kind() == Kind::OversightComplaint);
        let people: Vec<_> = explained(&a, first.as_ref()).by.into_iter().collect();
        prop_assert!(person(people.first()).is_some());
    }
}
