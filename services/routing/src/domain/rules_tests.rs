//! What the rules that ship must say, and what any rulebook must.

use proptest::prelude::*;
use time::macros::date;

use super::autoroute::{Autoroute, AutorouteRow};
use super::codes::{Area, Code, Kind, RoadClass, Urgency};
use super::registry::Registry;
use super::rules::{Choice, Decision, Facts, Rulebook, Unrouted};
use super::seed::{self, RuleRow};

pub(crate) fn shipped() -> (Registry, Rulebook, Autoroute) {
    let registry = seed::registry(&seed::rows(seed::OPDS_CSV).expect("csv")).expect("registry");
    let rules =
        seed::rulebook(&seed::rows(seed::RULES_CSV).expect("csv"), &registry).expect("rules");
    let auto = seed::autoroute(&seed::rows::<AutorouteRow>(seed::AUTOROUTE_CSV).expect("csv"))
        .expect("autoroute");
    (registry, rules, auto)
}

fn code(text: &str) -> Code {
    text.parse().expect("code")
}

fn facts(category: &str) -> Facts {
    Facts {
        day: date!(2026 - 03 - 10),
        kind: Kind::Complaint,
        oversight_suspected: false,
        urgency: Urgency::Normal,
        category: Some(code(category)),
        area: Some("52.01.09.2003".parse().expect("area")),
        road_class: None,
        channel: Some(code("web")),
    }
}

fn desk_of(facts: &Facts) -> Choice {
    let (registry, rules, _) = shipped();
    match rules.decide(&registry, facts) {
        Decision::Desk(choice) => choice,
        other @ Decision::Triage { .. } => panic!("{other:?}"),
    }
}

#[test]
fn a_road_goes_to_whoever_keeps_it_and_an_unknown_class_is_shown() {
    let road = |class| Facts {
        road_class: class,
        ..facts("jalan-rusak")
    };
    assert_eq!(desk_of(&road(Some(RoadClass::National))).opd, code("bpjn"));
    assert_eq!(
        desk_of(&road(Some(RoadClass::Provincial))).opd,
        code("pupr-perkim")
    );
    assert_eq!(
        desk_of(&road(Some(RoadClass::Regency))).opd,
        code("pemkab-lombok-barat")
    );
    let unknown = desk_of(&road(None));
    assert_eq!(unknown.opd, code("pupr-perkim"));
    assert!(unknown.assumes_road_class);
    assert!(
        unknown.explanation.contains("dianggap jalan provinsi"),
        "{}",
        unknown.explanation
    );
}

#[test]
fn a_regencys_matter_goes_to_the_regency_of_its_area_and_without_one_to_a_person() {
    assert_eq!(desk_of(&facts("sampah")).opd, code("pemkab-lombok-barat"));
    let city = Facts {
        area: Some("52.72".parse().expect("area")),
        ..facts("sampah")
    };
    assert_eq!(desk_of(&city).opd, code("pemkot-bima"));
    let (registry, rules, _) = shipped();
    for area in [None, Some("52".parse::<Area>().expect("area"))] {
        let nowhere = Facts {
            area,
            ..facts("sampah")
        };
        let decision = rules.decide(&registry, &nowhere);
        assert!(
            matches!(
                decision,
                Decision::Triage {
                    why: Unrouted::AreaUnknown,
                    ..
                }
            ),
            "{decision:?}"
        );
    }
}

#[test]
fn a_day_before_the_registry_has_no_desk_to_offer() {
    let (registry, rules, _) = shipped();
    let old = Facts {
        day: date!(2025 - 12 - 31),
        ..facts("jalan-rusak")
    };
    assert!(matches!(
        rules.decide(&registry, &old),
        Decision::Triage {
            why: Unrouted::NoRule,
            ..
        }
    ));
}

#[test]
fn a_rule_that_cannot_be_is_refused_with_its_row() {
    let (registry, ..) = shipped();
    let header = seed::RULES_CSV.lines().next().expect("header");
    let refused = |line: &str| {
        let rows = seed::rows::<RuleRow>(&format!("{header}\n{line}\n")).expect("csv");
        seed::rulebook(&rows, &registry)
            .expect_err(line)
            .to_string()
    };
    assert!(
        refused("1,aa,1,2026-01-02,,sampah,,,,,,tidak-ada,provincial,,,Ya.")
            .contains("not in the registry")
    );
    assert!(
        refused("1,aa,1,2026-01-02,,sampah,,,,,,pln,provincial,,,Ya.")
            .contains("does not act at level")
    );
    assert!(
        refused("1,aa,1,2026-01-02,,sampah,,,,,,@government,national,,,Ya.")
            .contains("@government")
    );
    assert!(
        refused("1,aa,1,2026-01-02,,,oversight_complaint,,,,,dinsos,provincial,,,Ya.")
            .contains("inspectorate")
    );
    assert!(refused("1,aa,1,2026-01-02,,*,,,,,,pln,national,,,Ya.").starts_with("row 1 (aa)"));
    assert!(refused("1,aa,1,kemarin,,sampah,,,,,,pln,national,,,Ya.").contains("not a day"));
}

#[test]
fn automatic_routing_is_off_without_rows_and_on_from_its_first_day() {
    let (.., sample) = shipped();
    let road = code("jalan-rusak");
    assert_eq!(
        Autoroute::default().threshold(date!(2026 - 03 - 10), &road),
        None
    );
    assert_eq!(sample.threshold(date!(2025 - 03 - 10), &road), None);
    assert!(sample.threshold(date!(2026 - 03 - 10), &road).is_some());
    assert_eq!(
        sample.threshold(date!(2026 - 03 - 10), &code("lainnya")),
        None
    );
}

const URGENCIES: &[Urgency] = &[Urgency::Urgent, Urgency::Important, Urgency::Normal];

fn any_facts() -> impl Strategy<Value = Facts> {
    let (_, rules, _) = shipped();
    let mut categories = rules
        .rules()
        .iter()
        .flat_map(|r| &r.conditions.categories)
        .filter_map(|p| {
            if let super::rules::CategoryPattern::Is(c) = p {
                Some(Some(c.clone()))
            } else {
                None
            }
        })
        .collect::<Vec<_>>();
    categories.extend([None, Some(code("belum-pernah-ada"))]);
    let areas = vec![
        None,
        Some("52"),
        Some("52.04"),
        Some("52.71.01"),
        Some("52.08.01.2001"),
        Some("53.01"),
    ];
    (
        (0_i64..2000).prop_map(|d| date!(2024 - 06 - 01).saturating_add(time::Duration::days(d))),
        prop::sample::select(&Kind::ALL[..]),
        any::<bool>(),
        prop::sample::select(URGENCIES),
        prop::sample::select(categories),
        prop::sample::select(areas).prop_map(|a| a.map(|a: &str| a.parse().expect("area"))),
        prop::option::of(prop::sample::select(RoadClass::ALL)),
        prop::option::of(prop::sample::select(&["web", "telegram"][..]).prop_map(code)),
    )
        .prop_map(
            |(day, kind, suspected, urgency, category, area, road_class, channel)| Facts {
                day,
                kind,
                oversight_suspected: suspected,
                urgency,
                category,
                area,
                road_class,
                channel,
            },
        )
}

proptest! {
    #[test]
    fn every_complaint_gets_one_valid_desk_or_a_person_whatever_the_order_of_saving(
        facts in any_facts(), seed in any::<u64>()
    ) {
        let (registry, rules, _) = shipped();
        let decision = rules.decide(&registry, &facts);
        // The same rules saved in another order decide the same.
        let mut shuffled = rules.rules().to_vec();
        let n = shuffled.len();
        for i in 0..n {
            shuffled.swap(i, (seed.wrapping_mul(i as u64 + 7) % n as u64) as usize);
        }
        prop_assert_eq!(&Rulebook::new(shuffled).decide(&registry, &facts), &decision);
        match decision {
            Decision::Desk(choice) => {
                let opd = registry.on(facts.day, &choice.opd);
                prop_assert!(opd.is_some());
                prop_assert!(!choice.co_handlers.contains(&choice.opd));
                prop_assert!(!choice.explanation.is_empty());
                prop_assert!(!choice.explanation.contains("{desk}"), "unfilled");
                if facts.is_oversight() {
                    prop_assert_eq!(choice.opd.as_str(), seed::INSPECTORATE);
                    prop_assert!(choice.co_handlers.is_empty());
                }
            }
            Decision::Triage { explanation, .. } => {
                prop_assert!(!explanation.is_empty());
                prop_assert!(!facts.is_oversight() || facts.day < date!(2026 - 01 - 02));
            }
        }
    }
}
