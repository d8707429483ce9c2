//! The index against the plainest code that does the same: a list that is gone through.

use std::collections::BTreeMap;

use proptest::prelude::*;
use uuid::Uuid;

use super::best::Match;
use super::index::{Entry, Index, Somewhere, Sought, Wanted, together};
use super::place::{Area, Spot};
use super::rules::Rule;
use super::signature::{ROWS, Signature};
use super::weigh::{Likeness, THRESHOLD, weigh};

const CATEGORIES: [&str; 4] = ["jalan-rusak", "jembatan", "listrik", "bansos"];
const AREAS: [&str; 9] = [
    "",
    "52.01",
    "52.02",
    "52.01.01",
    "52.01.02",
    "52.01.01.2001",
    "52.01.01.2002",
    "52.01.02.2001",
    "52.02.01.2001",
];

type All = BTreeMap<Uuid, (String, Entry)>;

fn by_hand(all: &All, sought: &Sought, limit: usize) -> Vec<Match> {
    let like = sought.like;
    let mut found: Vec<(f32, Match)> = Vec::new();
    for (category, entry) in all.values() {
        for wanted in sought.wanted.iter().filter(|w| w.category == *category) {
            let minutes = entry.at.abs_diff(like.at);
            let here = |e: &Entry| Somewhere {
                area: e.area,
                spot: e.spot,
            };
            let rule = wanted.rule;
            let place = together(here(&like), here(entry), rule.reach_m);
            let (Some((shared, metres)), true) = (place, minutes <= rule.window_minutes) else {
                continue;
            };
            let likeness = Likeness {
                agreement: like.signature.agreement(&entry.signature),
                same_category: wanted.same,
                shared,
                metres,
                reach_m: rule.reach_m,
                minutes,
                window_minutes: rule.window_minutes,
            };
            let odds = sought.threshold / (1.0 - sought.threshold);
            if entry.id != like.id && weigh(&likeness) >= odds.ln() {
                let id = entry.id;
                found.push((weigh(&likeness), Match { id, likeness }));
            }
        }
    }
    found.sort_by(|(a, x), (b, y)| b.total_cmp(a).then_with(|| x.id.cmp(&y.id)));
    found.truncate(limit);
    found.into_iter().map(|(_, found)| found).collect()
}

/// Signatures with a good part in common, as texts about one thing have.
fn signature() -> impl Strategy<Value = Signature> {
    (0..4_u8, 0..=ROWS, any::<u8>()).prop_map(|(base, kept, other)| {
        let mut bytes = [other; ROWS];
        bytes[..kept].fill(base);
        Signature::kept(&bytes).expect("its length")
    })
}

fn entry() -> impl Strategy<Value = (usize, Entry)> {
    let near = (0..12_i32, 0..12_i32).prop_map(|(lat, lon)| Spot {
        lat: -17_166 + lat,
        lon: 232_230 + lon,
    });
    (
        0..40_u128,
        0..CATEGORIES.len(),
        0..AREAS.len(),
        prop::option::of(near),
        0..6_000_u32,
        signature(),
    )
        .prop_map(|(id, category, area, spot, at, signature)| {
            let entry = Entry {
                id: Uuid::from_u128(id),
                signature,
                area: Area::parse(AREAS[area]),
                spot,
                at: 29_000_000 + at,
            };
            (category, entry)
        })
}

fn sought(category: usize, like: Entry) -> Sought {
    let wanted = (0..3)
        .map(|n| Wanted {
            category: CATEGORIES[(category + n) % CATEGORIES.len()].into(),
            same: n == 0,
            rule: Rule {
                window_minutes: 4_000,
                reach_m: [300, 0, 1_000][n],
            },
        })
        .collect();
    Sought {
        like,
        wanted,
        threshold: THRESHOLD,
    }
}

/// An index that was made of what is there, as at a start.
fn again(all: &All) -> Index {
    let mut index = Index::default();
    for (category, entry) in all.values().rev() {
        index.insert(category, entry);
    }
    index
}

proptest! {
    #[test]
    fn the_index_answers_as_going_through_all_would_also_after_a_restart(
        acts in prop::collection::vec((any::<prop::sample::Index>(), entry(), 0..4_u8), 1..120),
        questions in prop::collection::vec(entry(), 1..8),
        limit in 1..8_usize,
    ) {
        let mut index = Index::default();
        let mut all = All::new();
        for (which, (category, entry), act) in acts {
            if act == 0 && !all.is_empty() {
                let id = *which.get(&all.keys().copied().collect::<Vec<_>>());
                all.remove(&id);
                prop_assert!(index.remove(id));
                prop_assert!(!index.remove(id));
            } else {
                let code = CATEGORIES[category];
                all.insert(entry.id, (code.into(), entry));
                index.insert(code, &entry);
            }
            prop_assert_eq!(index.len(), all.len());
        }
        let restarted = again(&all);
        for (category, like) in questions {
            let sought = sought(category, like);
            let expected = by_hand(&all, &sought, limit);
            let found = index.find(&sought, limit);
            prop_assert_eq!(&found.matches, &expected);
            prop_assert!(!found.cut && found.looked_at <= all.len());
            prop_assert_eq!(&restarted.find(&sought, limit).matches, &expected);
        }
    }
}

#[test]
fn a_million_of_the_same_are_not_all_looked_at() {
    use super::index::MAX_ROWS;
    let signature = Signature::of("tolong pak jalan rusak").expect("letters");
    let one = |n: u128| Entry {
        id: Uuid::from_u128(n),
        signature,
        area: Area::UNKNOWN,
        spot: None,
        at: 29_000_000,
    };
    let mut index = Index::default();
    let many = MAX_ROWS as u128 + 5_000;
    for n in 1..=many {
        index.insert("jalan-rusak", &one(n));
    }
    let found = index.find(&sought(0, one(0)), 5);
    assert_eq!((found.looked_at, found.cut), (MAX_ROWS, true));
    assert_eq!(found.matches.len(), 5);
    // The nearest district is looked at first, however full the rest is.
    let here = Entry {
        area: Area::parse("52.01.01.2001"),
        ..one(many + 1)
    };
    index.insert("jalan-rusak", &here);
    let asked = Entry {
        id: Uuid::nil(),
        ..here
    };
    let found = index.find(&sought(0, asked), 1);
    assert_eq!(found.matches[0].id, here.id);
    assert_eq!(found.looked_at, MAX_ROWS);
}
