//! Categories in two levels (group, category) as dated data: every version that ever held, and what took a category's
//! place. [`History`] is all of it, [`Taxonomy`] what it says on one day.

mod edit;
mod read;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use time::Date;

use super::labels::{Kind, Level, UnknownName, Urgency};

pub use edit::{Change, Edit, Refusal};

/// Stands in a desk's place for "the kabupaten or kota government of the place".
pub const REGENCY_OF_THE_PLACE: &str = "pemkab";

/// The category for what fits nowhere else; a taxonomy always has it.
pub const OTHER: &str = "lainnya";

/// A name in the two languages of the pages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name {
    /// Bahasa Indonesia.
    pub id: String,
    /// English.
    pub en: String,
}

/// One version of a category; its code is also its Open311 service code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Category {
    /// `[a-z0-9-]{2,32}`, never used again for another meaning.
    pub code: String,
    /// Code of the group above it.
    pub group: String,
    /// What people read.
    pub name: Name,
    /// One sentence in Bahasa Indonesia on what belongs here.
    pub description: String,
    /// Who gets it at each level of government, in the order of [`Level::ALL`]; empty: as at its own level. May be
    /// [`REGENCY_OF_THE_PLACE`].
    pub desks: [String; Level::ALL.len()],
    /// Whose matter it usually is.
    pub level: Level,
    /// The kind that such a text usually has.
    pub default_kind: Kind,
    /// The urgency that such a text has at least when it is a complaint or a call for help.
    pub default_urgency: Urgency,
    /// First day on which it may be given, in WITA.
    pub valid_from: Date,
    /// Last day on which it may be given; none: still valid.
    pub valid_to: Option<Date>,
}

impl Category {
    /// Whether it may be given on that day.
    pub fn valid_on(&self, day: Date) -> bool {
        self.valid_from <= day && self.valid_to.is_none_or(|last| day <= last)
    }

    /// Who gets it when it is a matter of that level.
    pub fn desk_at(&self, level: Level) -> &str {
        let own = self.desks[level as usize].as_str();
        if own.is_empty() {
            &self.desks[self.level as usize]
        } else {
            own
        }
    }

    /// The agency that gets it when no rule says otherwise, with the place's regency (`52.01` …) put in where the matter
    /// is local. None: the matter is local and the place is not known.
    pub fn opd_for(&self, regency: Option<&str>) -> Option<&str> {
        opd_at(self.desk_at(self.level), regency)
    }
}

/// An agency, or the government of the place where the code stands for that. None: the place is not known.
pub fn opd_at<'a>(code: &'a str, regency: Option<&str>) -> Option<&'a str> {
    match code {
        REGENCY_OF_THE_PLACE => regency.and_then(regency_government),
        desk => Some(desk),
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

/// A group of categories.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// As a category's code.
    pub code: String,
    /// What people read.
    pub name: Name,
}

/// From a day on one category is given no more, and the other instead. Several for one: it was split.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Succession {
    /// What is given no more.
    pub code: String,
    /// What takes its place.
    pub successor: String,
    /// The first day of that.
    pub since: Date,
    /// Why.
    pub reason: String,
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

/// Everything that holds, held and will hold.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct History {
    /// In the order in which people see them.
    pub groups: Vec<Group>,
    /// All versions, in the order in which people see them; those of one category by their first day.
    pub versions: Vec<Category>,
    /// By code.
    pub successions: Vec<Succession>,
}

impl History {
    /// What ships with this build.
    ///
    /// # Errors
    /// When the committed data breaks its own rules, which a test would have shown.
    pub fn embedded() -> Result<Self, TaxonomyError> {
        read::embedded()
    }

    /// Checks the rules between rows.
    ///
    /// # Errors
    /// On bad codes, unknown groups, versions of one category that overlap, a category that ends without an open
    /// successor, a circle of successors, or a missing `lainnya`.
    pub fn check(&self) -> Result<(), TaxonomyError> {
        let rule = |code: &str, problem| {
            Err(TaxonomyError::Rule {
                code: code.to_owned(),
                problem,
            })
        };
        let mut by_code: BTreeMap<&str, Vec<&Category>> = BTreeMap::new();
        for category in &self.versions {
            let code = category.code.as_str();
            let desks = category.desks.iter().filter(|d| !d.is_empty());
            if !is_code(code) || !desks.clone().all(|d| is_code(d)) {
                return rule(code, "codes are [a-z0-9-]{2,32}");
            }
            if category.desks[category.level as usize].is_empty() {
                return rule(code, "nobody gets it at its own level");
            }
            if category.name.id.is_empty() || category.description.is_empty() {
                return rule(code, "has no name or no description");
            }
            if !self.groups.iter().any(|g| g.code == category.group) {
                return rule(code, "its group is not known");
            }
            if category.valid_to.is_some_and(|to| to < category.valid_from) {
                return rule(code, "ends before it begins");
            }
            by_code.entry(code).or_default().push(category);
        }
        for (code, versions) in &mut by_code {
            versions.sort_by_key(|c| c.valid_from);
            let overlap = versions
                .windows(2)
                .any(|two| two[0].valid_to.is_none_or(|to| to >= two[1].valid_from));
            if overlap {
                return rule(
                    code,
                    "two versions of it hold on one day, or its code stands twice",
                );
            }
        }
        let is_open = |code: &str| {
            let of = by_code.get(code).and_then(|v| v.last());
            of.is_some_and(|c| c.valid_to.is_none())
        };
        for s in &self.successions {
            if !by_code.contains_key(s.code.as_str()) || !by_code.contains_key(s.successor.as_str())
            {
                return rule(&s.code, "its successor, or itself, is not known");
            }
            if is_open(&s.code) {
                return rule(&s.code, "has a successor and is still given");
            }
        }
        for code in by_code.keys() {
            if !is_open(code) {
                match self.leaves(code, None) {
                    None => return rule(code, "its successors go in a circle"),
                    Some(leaves) if leaves.is_empty() || !leaves.iter().all(|l| is_open(l)) => {
                        return rule(code, "ends without a successor that is given");
                    }
                    Some(_) => {}
                }
            }
        }
        if !is_open(OTHER) {
            return rule(OTHER, "is missing");
        }
        Ok(())
    }

    /// What has taken the place of a category until a day, none: until ever. The category itself where nothing has.
    /// None: in a circle.
    fn leaves(&self, code: &str, day: Option<Date>) -> Option<BTreeSet<String>> {
        let (mut leaves, mut seen) = (BTreeSet::new(), BTreeSet::new());
        let mut open = vec![code];
        while let Some(at) = open.pop() {
            let next = self
                .successions
                .iter()
                .filter(|s| s.code == at && day.is_none_or(|day| s.since <= day));
            let mut ends = true;
            for succession in next {
                ends = false;
                if succession.successor == code {
                    return None;
                }
                if seen.insert(succession.successor.as_str()) {
                    open.push(&succession.successor);
                }
            }
            if ends {
                leaves.insert(at.to_owned());
            }
        }
        Some(leaves)
    }

    /// What it says on a day.
    pub fn on(&self, day: Date) -> Taxonomy {
        Taxonomy::new(self, day)
    }

    /// What it says in the end, all that is planned included.
    pub fn latest(&self) -> Taxonomy {
        self.on(Date::MAX)
    }
}

/// What is said of a category's code on a day.
#[derive(Debug, PartialEq, Eq)]
pub enum Standing<'a> {
    /// It is given.
    Given(&'a Category),
    /// It is given no more; this one is in its place.
    Merged(&'a Category),
    /// It is given no more; which of these is in its place only a person can say.
    Split(Vec<&'a Category>),
    /// There is no such category, or not yet.
    Unknown,
}

/// The categories as of one day: those that are given, and those that were.
#[derive(Debug, Clone)]
pub struct Taxonomy {
    day: Date,
    /// One version of each that there has been by this day: the one that holds, else the last that held.
    categories: Vec<Category>,
    groups: Vec<Group>,
    by_code: HashMap<String, usize>,
    /// Of each that is given no more.
    now: HashMap<String, Vec<usize>>,
}

impl Taxonomy {
    fn new(history: &History, day: Date) -> Self {
        let mut categories: Vec<Category> = Vec::new();
        let mut by_code: HashMap<String, usize> = HashMap::new();
        for version in history.versions.iter().filter(|v| v.valid_from <= day) {
            match by_code.get(&version.code) {
                Some(&at) if categories[at].valid_from < version.valid_from => {
                    categories[at] = version.clone();
                }
                Some(_) => {}
                None => {
                    by_code.insert(version.code.clone(), categories.len());
                    categories.push(version.clone());
                }
            }
        }
        let mut now = HashMap::new();
        for category in categories.iter().filter(|c| !c.valid_on(day)) {
            let leaves = history
                .leaves(&category.code, Some(day))
                .unwrap_or_default();
            let at = leaves
                .iter()
                .filter_map(|leaf| by_code.get(leaf).copied())
                .filter(|&at| categories[at].valid_on(day))
                .collect();
            now.insert(category.code.clone(), at);
        }
        Self {
            day,
            categories,
            groups: history.groups.clone(),
            by_code,
            now,
        }
    }

    /// What ships with this build, all of it.
    ///
    /// # Errors
    /// When the committed data breaks its own rules, which a test would have shown.
    pub fn embedded() -> Result<Self, TaxonomyError> {
        Ok(History::embedded()?.latest())
    }

    /// The day it holds for.
    pub fn day(&self) -> Date {
        self.day
    }

    /// The category of a code, also when it is given no more: an old label stays readable.
    pub fn get(&self, code: &str) -> Option<&Category> {
        self.by_code.get(code).map(|&at| &self.categories[at])
    }

    /// What the code stands for on this day.
    pub fn standing(&self, code: &str) -> Standing<'_> {
        let Some(category) = self.get(code) else {
            return Standing::Unknown;
        };
        if category.valid_on(self.day) {
            return Standing::Given(category);
        }
        match self.now.get(code).map_or(&[][..], Vec::as_slice) {
            [] => Standing::Unknown,
            [one] => Standing::Merged(&self.categories[*one]),
            several => Standing::Split(several.iter().map(|&at| &self.categories[at]).collect()),
        }
    }

    /// The category that is given for a code on this day, where there is exactly one.
    pub fn given(&self, code: &str) -> Option<&Category> {
        match self.standing(code) {
            Standing::Given(category) | Standing::Merged(category) => Some(category),
            Standing::Split(_) | Standing::Unknown => None,
        }
    }

    /// All that are given, in the order in which people see them.
    pub fn categories(&self) -> impl Iterator<Item = &Category> {
        self.categories.iter().filter(|c| c.valid_on(self.day))
    }

    /// All that there have been by this day, given or not, in the order in which people see them.
    pub fn known(&self) -> &[Category] {
        &self.categories
    }

    /// All groups, in the order in which people see them.
    pub fn groups(&self) -> &[Group] {
        &self.groups
    }

    /// The name of a group.
    pub fn group_name(&self, code: &str) -> Option<&Name> {
        self.groups
            .iter()
            .find(|group| group.code == code)
            .map(|group| &group.name)
    }
}

fn is_code(code: &str) -> bool {
    (2..=32).contains(&code.len())
        && code
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

#[cfg(test)]
mod tests;
