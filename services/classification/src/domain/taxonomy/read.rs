//! The taxonomy that ships, from `data/taxonomy.csv` and `data/groups.csv`.

use time::Date;
use time::format_description::well_known::Iso8601;

use super::{Category, Group, History, Name, TaxonomyError};

const TAXONOMY_CSV: &str = include_str!("../../../data/taxonomy.csv");
const GROUPS_CSV: &str = include_str!("../../../data/groups.csv");

#[derive(serde::Deserialize)]
struct CategoryRow {
    code: String,
    group: String,
    name_id: String,
    name_en: String,
    description: String,
    opd_provincial: String,
    opd_regency: String,
    opd_village: String,
    opd_outside: String,
    level: String,
    default_kind: String,
    default_urgency: String,
    valid_from: String,
    valid_to: String,
}

#[derive(serde::Deserialize)]
struct GroupRow {
    code: String,
    name_id: String,
    name_en: String,
}

pub(super) fn embedded() -> Result<History, TaxonomyError> {
    let groups = csv::Reader::from_reader(GROUPS_CSV.as_bytes())
        .deserialize()
        .map(|row| {
            row.map(|g: GroupRow| Group {
                code: g.code,
                name: Name {
                    id: g.name_id,
                    en: g.name_en,
                },
            })
        })
        .collect::<Result<_, _>>()?;
    let versions = csv::Reader::from_reader(TAXONOMY_CSV.as_bytes())
        .deserialize()
        .map(|row| category(row?))
        .collect::<Result<_, _>>()?;
    let history = History {
        groups,
        versions,
        successions: Vec::new(),
    };
    history.check()?;
    Ok(history)
}

fn category(row: CategoryRow) -> Result<Category, TaxonomyError> {
    let name = |source| TaxonomyError::Name {
        code: row.code.clone(),
        source,
    };
    let date = |text: &str| {
        Date::parse(text, &Iso8601::DATE).map_err(|_| TaxonomyError::Rule {
            code: row.code.clone(),
            problem: "dates are YYYY-MM-DD",
        })
    };
    Ok(Category {
        level: row.level.parse().map_err(name)?,
        default_kind: row.default_kind.parse().map_err(name)?,
        default_urgency: row.default_urgency.parse().map_err(name)?,
        valid_from: date(&row.valid_from)?,
        valid_to: if row.valid_to.is_empty() {
            None
        } else {
            Some(date(&row.valid_to)?)
        },
        code: row.code,
        group: row.group,
        name: Name {
            id: row.name_id,
            en: row.name_en,
        },
        description: row.description,
        desks: [
            row.opd_provincial,
            row.opd_regency,
            row.opd_village,
            row.opd_outside,
        ],
    })
}
