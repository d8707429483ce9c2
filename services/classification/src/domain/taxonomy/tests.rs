use proptest::prelude::*;
use time::macros::date;

use super::*;

const TODAY: Date = date!(2026 - 11 - 24);
const TOMORROW: Date = date!(2026 - 11 - 25);

fn shipped() -> History {
    History::embedded().unwrap()
}

fn like(history: &History, model: &str, code: &str) -> Category {
    let known = history.versions.iter().find(|c| c.code == model).unwrap();
    Category {
        code: code.into(),
        ..known.clone()
    }
}

fn merge(codes: &[&str], into: &str) -> Edit {
    Edit::Merge {
        codes: codes.iter().map(|c| (*c).to_owned()).collect(),
        into: into.into(),
    }
}

fn refused(history: &History, edit: &Edit, from: Date) -> Refusal {
    history.edited(edit, from, TODAY, "coba").unwrap_err()
}

#[test]
fn the_shipped_taxonomy_keeps_its_own_rules() {
    let history = shipped();
    let taxonomy = history.latest();
    assert!((40..=70).contains(&taxonomy.categories().count()));
    assert!(taxonomy.groups().len() >= 10);
    let named: std::collections::HashSet<&str> =
        taxonomy.categories().map(|c| c.name.id.as_str()).collect();
    assert_eq!(named.len(), taxonomy.categories().count());
    // Every category of the other city has one of ours.
    let mapping = include_str!("../../../data/mapping-surabaya.csv");
    let mapped: Vec<&str> = mapping
        .lines()
        .skip(1)
        .map(|l| l.split_once(',').unwrap().1)
        .collect();
    assert_eq!(mapped.len(), 51);
    assert!(mapped.iter().all(|code| taxonomy.given(code).is_some()));
}

#[test]
fn a_matter_goes_to_the_desk_of_its_level_and_place() {
    let taxonomy = Taxonomy::embedded().unwrap();
    let waste = taxonomy.get("sampah").unwrap();
    assert_eq!(waste.opd_for(Some("52.71")), Some("pemkot-mataram"));
    assert_eq!(waste.opd_for(Some("52.06.14.2001")), Some("pemkab-bima"));
    assert_eq!(waste.opd_for(None), None);
    assert_eq!(taxonomy.get("listrik").unwrap().opd_for(None), Some("pln"));
    let road = taxonomy.get("jalan-rusak").unwrap();
    let at = |level| road.desk_at(level);
    assert_eq!(
        [Level::Provincial, Level::Regency, Level::Outside].map(at),
        ["pupr-perkim", REGENCY_OF_THE_PLACE, "bpjn"]
    );
    // Where nobody else is named its own desk has it.
    let museum = taxonomy.get("pengawasan-tidak-ada");
    assert!(museum.is_none());
    let tax = taxonomy.get("listrik").unwrap();
    assert_eq!(tax.desk_at(Level::Provincial), "pln");
}

#[test]
fn a_merge_keeps_history_and_leads_to_the_successor() {
    let edit = merge(&["jalan-lingkungan"], "jalan-rusak");
    let (after, change) = shipped()
        .edited(&edit, TOMORROW, TODAY, "satu pintu")
        .unwrap();
    assert_eq!(change.codes(), ["jalan-lingkungan", "jalan-rusak"]);
    let (today, then) = (after.on(TODAY), after.on(TOMORROW));
    assert!(matches!(
        today.standing("jalan-lingkungan"),
        Standing::Given(_)
    ));
    let Standing::Merged(now) = then.standing("jalan-lingkungan") else {
        panic!("merged");
    };
    assert_eq!(now.code, "jalan-rusak");
    assert_eq!(
        then.get("jalan-lingkungan").unwrap().name.id,
        "Jalan lingkungan dan gang",
        "what was labelled so stays readable"
    );
    assert_eq!(then.categories().count() + 1, today.categories().count());
    // Merged on, the end of the chain counts.
    let next = merge(&["jalan-rusak"], "jembatan");
    let (after, _) = after
        .edited(&next, date!(2026 - 12 - 01), TODAY, "lagi")
        .unwrap();
    let last = after.latest();
    assert_eq!(last.given("jalan-lingkungan").unwrap().code, "jembatan");
}

#[test]
fn what_was_split_is_nobodys_guess() {
    let history = shipped();
    let into = vec![
        like(&history, "sampah", "sampah-rumah"),
        like(&history, "sampah", "sampah-pasar"),
    ];
    let edit = Edit::Split {
        code: "sampah".into(),
        into,
    };
    let (after, _) = history
        .edited(&edit, TODAY, TODAY, "terlalu besar")
        .unwrap();
    let now = after.on(TODAY);
    let Standing::Split(parts) = now.standing("sampah") else {
        panic!("split");
    };
    let codes: Vec<&str> = parts.iter().map(|c| c.code.as_str()).collect();
    assert_eq!(codes, ["sampah-pasar", "sampah-rumah"]);
    assert!(now.given("sampah").is_none() && now.get("sampah").is_some());
}

#[test]
fn what_cannot_be_is_refused() {
    let history = shipped();
    let said = |edit: &Edit, from| refused(&history, edit, from).to_string();
    assert!(matches!(
        refused(
            &history,
            &merge(&["makam"], "sampah"),
            date!(2026 - 11 - 23)
        ),
        Refusal::Past
    ));
    assert!(said(&merge(&["tidak-ada"], "sampah"), TODAY).contains("tidak-ada"));
    assert!(said(&merge(&["sampah"], "tidak-ada"), TODAY).contains("tidak-ada"));
    assert!(matches!(
        refused(&history, &merge(&["sampah"], "sampah"), TODAY),
        Refusal::Parts(_)
    ));
    assert!(matches!(
        refused(&history, &merge(&["lainnya"], "sampah"), TODAY),
        Refusal::Other
    ));
    assert!(matches!(
        refused(
            &history,
            &Edit::Add(like(&history, "sampah", "makam")),
            TODAY
        ),
        Refusal::Known(_)
    ));
    let mut lost = like(&history, "sampah", "sampah-laut");
    lost.group = "laut".into();
    assert!(matches!(
        refused(&history, &Edit::Add(lost), TODAY),
        Refusal::Rule(_)
    ));
    let same = Edit::Change(like(&history, "sampah", "sampah"));
    assert!(matches!(refused(&history, &same, TODAY), Refusal::Nothing));
    // Once changed from tomorrow on, it cannot be changed from today on: the two would overlap.
    let mut other = like(&history, "sampah", "sampah");
    other.default_urgency = Urgency::Important;
    let (after, _) = history
        .edited(&Edit::Change(other.clone()), TOMORROW, TODAY, "bau")
        .unwrap();
    other.default_urgency = Urgency::Urgent;
    for from in [TODAY, TOMORROW] {
        assert!(matches!(
            refused(&after, &Edit::Change(other.clone()), from),
            Refusal::Later(_)
        ));
    }
    // What was merged is given no more, so that nothing can be merged back into it: no circle.
    let (after, _) = history
        .edited(&merge(&["makam"], "sampah"), TODAY, TODAY, "x")
        .unwrap();
    assert!(matches!(
        refused(&after, &merge(&["sampah"], "makam"), TOMORROW),
        Refusal::NotGiven(_)
    ));
}

#[test]
fn rows_that_break_the_rules_are_refused_wherever_they_come_from() {
    let mut twice = shipped();
    let again = twice.versions[0].clone();
    twice.versions.push(again);
    assert!(twice.check().is_err());
    let mut ended = shipped();
    ended.versions[0].valid_to = Some(TODAY);
    assert!(ended.check().unwrap_err().to_string().contains("successor"));
    let succession = |code: &str, successor: &str| Succession {
        code: code.into(),
        successor: successor.into(),
        since: TODAY,
        reason: String::new(),
    };
    let mut circle = shipped();
    for at in 0..2 {
        circle.versions[at].valid_to = Some(TODAY);
    }
    let (one, two) = (
        circle.versions[0].code.clone(),
        circle.versions[1].code.clone(),
    );
    circle.successions = vec![succession(&one, &two), succession(&two, &one)];
    assert!(circle.check().unwrap_err().to_string().contains("circle"));
}

fn edits() -> impl Strategy<Value = (u8, usize, usize, u16)> {
    (0..3_u8, 0..90_usize, 0..90_usize, 0..40_u16)
}

proptest! {
    /// Whatever administrators do, in whatever order: what is accepted keeps the rules, each code that there ever was
    /// leads to one or several that are given, and a day's taxonomy is never changed by an edit from a later day on.
    #[test]
    fn every_code_stays_readable_and_leads_somewhere(
        asked in proptest::collection::vec(edits(), 1..12)
    ) {
        let mut history = shipped();
        let mut today = TODAY;
        for (n, (what, one, other, days)) in asked.into_iter().enumerate() {
            let from = today + time::Duration::days(i64::from(days % 4));
            let codes: Vec<String> = history.versions.iter().map(|v| v.code.clone()).collect();
            let (one, other) = (&codes[one % codes.len()], &codes[other % codes.len()]);
            let edit = match what {
                0 => merge(&[one], other),
                1 => Edit::Split {
                    code: one.clone(),
                    into: vec![
                        like(&history, one, &format!("bagian-{n}")),
                        like(&history, one, other),
                    ],
                },
                _ => {
                    let mut changed = like(&history, one, one);
                    changed.description = format!("{n}");
                    Edit::Change(changed)
                }
            };
            if let Ok((after, _)) = history.edited(&edit, from, today, "uji") {
                if let Some(before) = from.previous_day() {
                    let days = |h: &History| h.on(before).categories().map(|c| {
                        // That it will end is known a day before; what it says is not touched.
                        Category { valid_to: None, ..c.clone() }
                    }).collect::<Vec<_>>();
                    prop_assert_eq!(days(&history), days(&after));
                }
                history = after;
            }
            today += time::Duration::days(i64::from(days / 10));
        }
        prop_assert!(history.check().is_ok());
        let last = history.latest();
        for version in &history.versions {
            prop_assert!(last.get(&version.code).is_some());
            let leads = !matches!(last.standing(&version.code), Standing::Unknown);
            prop_assert!(leads);
        }
    }
}
