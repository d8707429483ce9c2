//! Categories in two levels (group, category), as dated data from `data/taxonomy.csv`.

use std::collections::HashMap;

use time::Date;
use time::format_description::well_known::Iso8601;

use super::labels::{Kind, Level, UnknownName, Urgency};

/// Stands in `default_opd` for "the kabupaten or kota government of the place".
pub const REGENCY_OF_THE_PLACE: &str = "pemkab";

/// The category for what fits nowhere else; a taxonomy always has it.
pub const OTHER: &str = "lainnya";

/// The reporter may not be shown this one as a service: it is set by officers and cues.
const TAXONOMY_CSV: &str = include_str!("../../data/taxonomy.csv");
const GROUPS_CSV: &str = include_str!("../../data/groups.csv");

/// A name in the two languages of the pages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name {
    /// Bahasa Indonesia.
    pub id: String,
    /// English.
    pub en: String,
}

/// One category; its code is also its Open311 service code.
#[derive(Debug, Clone)]
pub struct Category {
    /// `[a-z0-9-]{2,32}`, never used again for another meaning.
    pub code: String,
    /// Code of the group above it.
    pub group: String,
    /// What people read.
    pub name: Name,
    /// One sentence in Bahasa Indonesia on what belongs here.
    pub description: String,
    /// Who gets it when no rule says otherwise; may be [`REGENCY_OF_THE_PLACE`].
    pub default_opd: String,
    /// Whose matter it usually is.
    pub level: Level,
    /// The kind that such a text usually has.
    pub default_kind: Kind,
    /// The urgency that such a text has at least when it is a complaint or a call for help.
    pub default_urgency: Urgency,
    /// First day on which it may be given.
    pub valid_from: Date,
    /// Last day on which it may be given; none: still valid.
    pub valid_to: Option<Date>,
}

impl Category {
    /// Whether it may be given on that day.
    pub fn valid_on(&self, day: Date) -> bool {
        self.valid_from <= day && self.valid_to.is_none_or(|last| day <= last)
    }

    /// The agency that gets it, with the place's regency (`52.01` …) put in where the matter is local.
    /// None: the matter is local and the place is not known.
    pub fn opd_for(&self, regency: Option<&str>) -> Option<&str> {
        if self.default_opd != REGENCY_OF_THE_PLACE {
            return Some(&self.default_opd);
        }
        regency.and_then(regency_government)
    }
}

/// The code of the government of a regency by its area code.
pub fn regency_government(area: &str) -> Option<&'static str> {
    Some(match area.get(..5)? {
        "52.01" => "pemkab-lombok-barat",
        "52.02" => "pemkab-lombok-tengah",
        "52.03" => "pemkab-lombok-timur",
        "52.04" => "pemkab-sumbawa",
        "52.05" => "pemkab-dompu",
        "52.06" => "pemkab-bima",
        "52.07" => "pemkab-sumbawa-barat",
        "52.08" => "pemkab-lombok-utara",
        "52.71" => "pemkot-mataram",
        "52.72" => "pemkot-bima",
        _ => return None,
    })
}

/// Why taxonomy data is refused.
#[derive(Debug, thiserror::Error)]
pub enum TaxonomyError {
    /// Not the columns that were expected.
    #[error("the taxonomy cannot be read")]
    Csv(#[from] csv::Error),
    /// A value outside its type.
    #[error("category {code}")]
    Name {
        /// The category it stands in.
        code: String,
        /// What is wrong.
        #[source]
        source: UnknownName,
    },
    /// A rule between the rows is broken.
    #[error("category {code}: {problem}")]
    Rule {
        /// The category it stands in.
        code: String,
        /// What is wrong.
        problem: &'static str,
    },
}

#[derive(serde::Deserialize)]
struct CategoryRow {
    code: String,
    group: String,
    name_id: String,
    name_en: String,
    description: String,
    default_opd: String,
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

/// All categories and groups.
#[derive(Debug, Clone)]
pub struct Taxonomy {
    categories: Vec<Category>,
    groups: Vec<(String, Name)>,
    by_code: HashMap<String, usize>,
}

impl Taxonomy {
    /// The taxonomy that ships with this build.
    ///
    /// # Errors
    /// When the committed data breaks its own rules, which a test would have shown.
    pub fn embedded() -> Result<Self, TaxonomyError> {
        Self::parse(TAXONOMY_CSV, GROUPS_CSV)
    }

    /// Reads and checks a taxonomy.
    ///
    /// # Errors
    /// On unknown columns or values, bad or repeated codes, unknown groups, or a missing `lainnya`.
    pub fn parse(categories: &str, groups: &str) -> Result<Self, TaxonomyError> {
        let groups: Vec<(String, Name)> = csv::Reader::from_reader(groups.as_bytes())
            .deserialize()
            .map(|row| {
                row.map(|g: GroupRow| {
                    (
                        g.code,
                        Name {
                            id: g.name_id,
                            en: g.name_en,
                        },
                    )
                })
            })
            .collect::<Result<_, _>>()?;
        let mut all = Vec::new();
        let mut by_code = HashMap::new();
        for row in csv::Reader::from_reader(categories.as_bytes()).deserialize() {
            let category = parse_category(row?)?;
            let refuse = |problem| TaxonomyError::Rule {
                code: category.code.clone(),
                problem,
            };
            if !is_code(&category.code) || !is_code(&category.default_opd) {
                return Err(refuse("codes are [a-z0-9-]{2,32}"));
            }
            if !groups.iter().any(|(code, _)| *code == category.group) {
                return Err(refuse("its group is not known"));
            }
            if by_code.insert(category.code.clone(), all.len()).is_some() {
                return Err(refuse("its code stands twice"));
            }
            all.push(category);
        }
        if !by_code.contains_key(OTHER) {
            return Err(TaxonomyError::Rule {
                code: OTHER.into(),
                problem: "is missing",
            });
        }
        Ok(Self {
            categories: all,
            groups,
            by_code,
        })
    }

    /// The category of a code.
    pub fn get(&self, code: &str) -> Option<&Category> {
        self.by_code.get(code).map(|&at| &self.categories[at])
    }

    /// All categories in the order of the file.
    pub fn categories(&self) -> &[Category] {
        &self.categories
    }

    /// All groups with their names, in the order of the file.
    pub fn groups(&self) -> &[(String, Name)] {
        &self.groups
    }

    /// The name of a group.
    pub fn group_name(&self, code: &str) -> Option<&Name> {
        self.groups
            .iter()
            .find(|(c, _)| c == code)
            .map(|(_, name)| name)
    }
}

fn is_code(code: &str) -> bool {
    (2..=32).contains(&code.len())
        && code
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

fn parse_category(row: CategoryRow) -> Result<Category, TaxonomyError> {
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
        default_opd: row.default_opd,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_taxonomy_keeps_its_own_rules() {
        let taxonomy = Taxonomy::embedded().unwrap();
        assert!((40..=70).contains(&taxonomy.categories().len()));
        for category in taxonomy.categories() {
            assert_eq!(
                category.level == Level::Regency,
                category.default_opd == REGENCY_OF_THE_PLACE,
                "{}: what is local goes to the government of the place",
                category.code
            );
        }
    }

    #[test]
    fn a_local_matter_goes_to_the_government_of_the_place() {
        let taxonomy = Taxonomy::embedded().unwrap();
        let waste = taxonomy.get("sampah").unwrap();
        assert_eq!(waste.opd_for(Some("52.71")), Some("pemkot-mataram"));
        assert_eq!(waste.opd_for(Some("52.06.14.2001")), Some("pemkab-bima"));
        assert_eq!(waste.opd_for(None), None);
        assert_eq!(taxonomy.get("listrik").unwrap().opd_for(None), Some("pln"));
    }

    #[test]
    fn a_code_that_stands_twice_is_refused() {
        let line = TAXONOMY_CSV.lines().nth(1).unwrap();
        let doubled = format!("{TAXONOMY_CSV}{line}\n");
        let error = Taxonomy::parse(&doubled, GROUPS_CSV).unwrap_err();
        assert!(error.to_string().contains("twice"));
    }
}
