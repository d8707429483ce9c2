//! In which categories a complaint like another may be.

use time::Date;

use super::index::Wanted;
use super::rules::Rules;
use crate::domain::taxonomy::{Standing, Taxonomy};

/// The category that was said and those of its group, then what else it may be where nobody is sure, likewise. Each once.
pub fn wanted<'a>(
    taxonomy: &Taxonomy,
    rules: &Rules,
    category: &'a str,
    guesses: impl IntoIterator<Item = &'a str>,
    day: Date,
) -> Vec<Wanted> {
    let own = rules.on(category, day);
    // What was merged into another is the same matter.
    let now = taxonomy.given(category).map(|c| c.code.as_str());
    let is_same = |code: &str| {
        let given = taxonomy.given(code).map(|c| c.code.as_str());
        code == category || given.is_some() && given == now
    };
    let mut all: Vec<Wanted> = Vec::new();
    let mut add = |code: &str| {
        if all.iter().all(|w| w.category != code) {
            all.push(Wanted {
                category: code.to_owned(),
                same: is_same(code),
                rule: own.with(rules.on(code, day)),
            });
        }
    };
    for code in std::iter::once(category).chain(guesses) {
        add(code);
        let groups = groups(taxonomy, code);
        // Also such as are not given any more: complaints that bear them may be open.
        for known in taxonomy.known() {
            if self::groups(taxonomy, &known.code).any(|group| groups.clone().any(|g| g == group)) {
                add(&known.code);
            }
        }
    }
    all
}

/// The groups of a category, and of what is given in its place.
fn groups<'a>(taxonomy: &'a Taxonomy, code: &str) -> impl Iterator<Item = &'a str> + Clone {
    let now = match taxonomy.standing(code) {
        Standing::Given(one) | Standing::Merged(one) => vec![one],
        Standing::Split(several) => several,
        Standing::Unknown => Vec::new(),
    };
    let all = taxonomy.get(code).into_iter().chain(now);
    all.map(|category| category.group.as_str())
}

#[cfg(test)]
mod tests {
    use time::macros::date;

    use super::*;
    use crate::domain::taxonomy::{Edit, History};

    #[test]
    fn the_same_category_comes_first_then_its_group_then_guesses() {
        let taxonomy = Taxonomy::embedded().expect("the taxonomy");
        let rules = Rules::embedded().expect("rules");
        let day = date!(2026 - 11 - 24);
        let all = wanted(&taxonomy, &rules, "listrik", ["sampah", "listrik"], day);
        let codes: Vec<&str> = all.iter().map(|w| w.category.as_str()).collect();
        let at = |code: &str| codes.iter().position(|c| *c == code).expect(code);
        assert_eq!(at("listrik"), 0);
        assert!(at("penerangan-jalan") < at("sampah") && at("sampah") < at("pencemaran"));
        assert_eq!(all.iter().filter(|w| w.same).count(), 1);
        // Of two categories the shorter window counts.
        let outage = rules.on("listrik", day).window_minutes;
        assert!(all.iter().all(|w| w.rule.window_minutes <= outage));
        let unknown = wanted(&taxonomy, &rules, "a-new-one", [], day);
        assert_eq!(unknown.len(), 1);
    }

    #[test]
    fn what_was_merged_into_a_category_is_the_same_also_from_another_group() {
        let edit = Edit::Merge {
            codes: vec!["makam".into()],
            into: "jalan-rusak".into(),
        };
        let (today, then) = (date!(2026 - 11 - 24), date!(2026 - 11 - 25));
        let history = History::embedded().expect("the taxonomy");
        let (after, _) = history
            .edited(&edit, then, today, "coba")
            .expect("it can be merged");
        let rules = Rules::embedded().expect("rules");
        let same = |day, of, code: &str| {
            let all = wanted(&after.on(day), &rules, of, [], day);
            all.iter().find(|w| w.category == code).map(|w| w.same)
        };
        assert_eq!(same(today, "jalan-rusak", "makam"), None);
        assert_eq!(same(then, "jalan-rusak", "makam"), Some(true));
        assert_eq!(same(then, "makam", "jalan-rusak"), Some(true));
        assert_eq!(same(then, "makam", "jembatan"), Some(false));
    }
}
