//! In which categories a complaint like another may be.

use time::Date;

use super::index::Wanted;
use super::rules::Rules;
use crate::domain::taxonomy::Taxonomy;

/// The category that was said and those of its group, then what else it may be where nobody is sure, likewise. Each once.
pub fn wanted<'a>(
    taxonomy: &Taxonomy,
    rules: &Rules,
    category: &'a str,
    guesses: impl IntoIterator<Item = &'a str>,
    day: Date,
) -> Vec<Wanted> {
    let own = rules.on(category, day);
    let mut all: Vec<Wanted> = Vec::new();
    let mut add = |code: &str| {
        if all.iter().all(|w| w.category != code) {
            all.push(Wanted {
                category: code.to_owned(),
                same: code == category,
                rule: own.with(rules.on(code, day)),
            });
        }
    };
    for code in std::iter::once(category).chain(guesses) {
        add(code);
        let group = taxonomy.get(code).map(|c| c.group.as_str());
        // Also such as are not given any more: complaints that bear them may be open.
        for sibling in taxonomy.known() {
            if Some(sibling.group.as_str()) == group {
                add(&sibling.code);
            }
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use time::macros::date;

    use super::*;

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
}
