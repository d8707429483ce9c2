//! The registry: agencies of the province and outside bodies, as dated data.
//!
//! An agency that is renamed or merged gets a row with a `valid_to`, its successor a row of its
//! own: a complaint is always judged by the rows of its day.

use time::Date;

use super::codes::{Area, Code, Level};

/// One agency or outside body in one span of days.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opd {
    /// Its code, also in subjects.
    pub code: Code,
    /// Its full name, as citizens see it.
    pub name: String,
    /// What it is asked about, in a few words.
    pub tasks: String,
    /// Its level of government.
    pub level: Level,
    /// The area it governs; only kabupaten and kota have one.
    pub area: Option<Area>,
    /// First day.
    pub valid_from: Date,
    /// Last day, if it has one.
    pub valid_to: Option<Date>,
    /// The agency it belongs to.
    pub parent: Option<Code>,
    /// The role that answers for it (never a person's name).
    pub liaison: String,
}

/// Whether `day` lies in a span of days, both ends included.
#[must_use]
pub fn is_valid_on(day: Date, from: Date, to: Option<Date>) -> bool {
    from <= day && to.is_none_or(|to| day <= to)
}

/// All agencies of all times, looked up by day.
#[derive(Debug, Clone, Default)]
pub struct Registry {
    /// Ordered by code, then by first day.
    opds: Vec<Opd>,
}

impl Registry {
    /// A registry of these rows, in any order.
    #[must_use]
    pub fn new(mut opds: Vec<Opd>) -> Self {
        opds.sort_by(|a, b| (&a.code, a.valid_from).cmp(&(&b.code, b.valid_from)));
        Self { opds }
    }

    /// The agency of that code on that day.
    #[must_use]
    pub fn on(&self, day: Date, code: &Code) -> Option<&Opd> {
        let first = self.opds.partition_point(|o| o.code < *code);
        self.opds[first..]
            .iter()
            .take_while(|o| o.code == *code)
            .find(|o| is_valid_on(day, o.valid_from, o.valid_to))
    }

    /// Whether the code was ever an agency.
    #[must_use]
    pub fn knows(&self, code: &Code) -> bool {
        self.opds.binary_search_by(|o| o.code.cmp(code)).is_ok()
    }

    /// The government of the regency or city that `area` lies in.
    #[must_use]
    pub fn government_of(&self, day: Date, area: &Area) -> Option<&Opd> {
        let regency = area.regency()?;
        self.opds.iter().find(|o| {
            o.area.as_ref().is_some_and(|a| a.as_str() == regency)
                && is_valid_on(day, o.valid_from, o.valid_to)
        })
    }

    /// All that exist on that day, by code.
    pub fn all_on(&self, day: Date) -> impl Iterator<Item = &Opd> {
        self.opds
            .iter()
            .filter(move |o| is_valid_on(day, o.valid_from, o.valid_to))
    }

    /// All rows of all days, by code.
    #[must_use]
    pub fn all(&self) -> &[Opd] {
        &self.opds
    }
}
