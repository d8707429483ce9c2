//! The registry, the rules and automatic routing as rows of text, the way `data/*.csv` and the
//! tables hold them, and their checks: what is wrong is refused with the line.

use serde::Deserialize;
use time::Date;
use time::macros::format_description;

use super::autoroute::{Autoroute, AutorouteRow};
use super::codes::{Area, Code, Kind, Level, RoadClass, Urgency, level_code, level_from_code};
use super::registry::{Opd, Registry};
use super::rules::{CategoryPattern, Conditions, Desk, Rule, Rulebook};

/// The registry that ships.
pub const OPDS_CSV: &str = include_str!("../../data/opds.csv");
/// The rules that ship.
pub const RULES_CSV: &str = include_str!("../../data/rules.csv");
/// Automatic routing of the sample data; a fresh installation has none.
pub const AUTOROUTE_CSV: &str = include_str!("../../data/autoroute.csv");

/// The inspectorate: the only desk that a rule for oversight complaints may name.
pub const INSPECTORATE: &str = "inspektorat";

/// Why a row is refused.
#[derive(Debug, thiserror::Error)]
pub enum SeedError {
    /// Not CSV of these columns.
    #[error("not readable as rows")]
    Csv(#[from] csv::Error),
    /// A row says something that cannot be.
    #[error("row {row} ({name}): {problem}")]
    Row {
        /// Its number, the first data row being 1.
        row: usize,
        /// Its code or id.
        name: String,
        /// What is wrong.
        problem: String,
    },
}

/// An agency as a row of text.
#[derive(Debug, Clone, Deserialize)]
pub struct OpdRow {
    /// Code.
    pub code: String,
    /// Name.
    pub name: String,
    /// Tasks, in a few words.
    pub tasks: String,
    /// Level.
    pub level: String,
    /// Area, or empty.
    pub area: String,
    /// First day, `2026-01-02`.
    pub valid_from: String,
    /// Last day, or empty.
    pub valid_to: String,
    /// The agency it belongs to, or empty.
    pub parent: String,
    /// The role that answers for it.
    pub liaison: String,
}

/// A rule as a row of text; lists are separated by `|`, empty means "does not ask".
#[derive(Debug, Clone, Deserialize)]
pub struct RuleRow {
    /// Place in the order.
    pub position: u32,
    /// Name.
    pub id: String,
    /// Version.
    pub version: u32,
    /// First day.
    pub valid_from: String,
    /// Last day, or empty.
    pub valid_to: String,
    /// Categories, `*` at the end for a prefix.
    pub categories: String,
    /// Kinds.
    pub kinds: String,
    /// Urgencies.
    pub urgencies: String,
    /// Areas.
    pub areas: String,
    /// Road classes.
    pub road_classes: String,
    /// Channels.
    pub channels: String,
    /// Code, `@government` or `@triage`.
    pub desk: String,
    /// Level of competence.
    pub level: String,
    /// Codes or `@government`.
    pub co_handlers: String,
    /// `road_class` where it is assumed when unknown, or empty.
    pub assumes: String,
    /// The sentence.
    pub explanation: String,
}

/// A day as data spell it, and none for nothing.
pub(super) fn day(text: &str) -> Result<Option<Date>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    Date::parse(text, format_description!("[year]-[month]-[day]"))
        .map(Some)
        .map_err(|_| format!("`{text}` is not a day like 2026-01-02"))
}

pub(super) fn first_day(text: &str) -> Result<Date, String> {
    day(text)?.ok_or_else(|| "valid_from is missing".to_owned())
}

pub(super) fn code(text: &str) -> Result<Code, String> {
    Code::try_new(text).map_err(|e| format!("`{text}` is {e}"))
}

fn area(text: &str) -> Result<Area, String> {
    text.parse().map_err(|e| format!("`{text}` is {e}"))
}

fn level(text: &str) -> Result<Level, String> {
    level_from_code(text).ok_or_else(|| format!("`{text}` is not a level"))
}

/// The parts of a list that is separated by `|`.
fn list<T>(text: &str, parse: impl Fn(&str) -> Result<T, String>) -> Result<Vec<T>, String> {
    text.split('|')
        .filter(|p| !p.is_empty())
        .map(parse)
        .collect()
}

fn optional<T>(text: &str, parse: impl Fn(&str) -> Result<T, String>) -> Result<Option<T>, String> {
    if text.is_empty() {
        Ok(None)
    } else {
        parse(text).map(Some)
    }
}

/// A word of a closed set.
fn word<T>(
    from_code: impl Fn(&str) -> Option<T>,
    what: &str,
) -> impl Fn(&str) -> Result<T, String> {
    move |text| from_code(text).ok_or_else(|| format!("`{text}` is not {what}"))
}

fn desk(text: &str) -> Result<Desk, String> {
    match text {
        "@government" => Ok(Desk::Government),
        "@triage" => Ok(Desk::Triage),
        other => code(other).map(Desk::Opd),
    }
}

fn pattern(text: &str) -> Result<CategoryPattern, String> {
    match text.strip_suffix('*') {
        Some(prefix) if !prefix.is_empty() => Ok(CategoryPattern::BeginsWith(prefix.into())),
        Some(_) => Err("a bare `*` asks nothing, leave the column empty".into()),
        None => code(text).map(CategoryPattern::Is),
    }
}

impl OpdRow {
    fn parse(&self) -> Result<Opd, String> {
        Ok(Opd {
            code: code(&self.code)?,
            name: self.name.clone(),
            tasks: self.tasks.clone(),
            level: level(&self.level)?,
            area: optional(&self.area, area)?,
            valid_from: first_day(&self.valid_from)?,
            valid_to: day(&self.valid_to)?,
            parent: optional(&self.parent, code)?,
            liaison: self.liaison.clone(),
        })
    }
}

impl RuleRow {
    fn parse(&self, registry: &Registry) -> Result<Rule, String> {
        let rule = Rule {
            position: self.position,
            id: code(&self.id)?,
            version: self.version,
            valid_from: first_day(&self.valid_from)?,
            valid_to: day(&self.valid_to)?,
            conditions: Conditions {
                categories: list(&self.categories, pattern)?,
                kinds: list(&self.kinds, word(Kind::from_code, "a kind"))?,
                urgencies: list(&self.urgencies, word(Urgency::from_code, "an urgency"))?,
                areas: list(&self.areas, area)?,
                road_classes: list(
                    &self.road_classes,
                    word(RoadClass::from_code, "a road class"),
                )?,
                channels: list(&self.channels, code)?,
            },
            desk: desk(&self.desk)?,
            level: level(&self.level)?,
            co_handlers: list(&self.co_handlers, desk)?,
            assumes_road_class: match self.assumes.as_str() {
                "" => false,
                "road_class" => true,
                other => return Err(format!("`{other}` is nothing that can be assumed")),
            },
            explanation: self.explanation.clone(),
        };
        check(&rule, registry)?;
        Ok(rule)
    }
}

/// What a rule may not say.
fn check(rule: &Rule, registry: &Registry) -> Result<(), String> {
    let named = std::iter::once(&rule.desk).chain(&rule.co_handlers);
    for code in named.filter_map(|d| {
        if let Desk::Opd(code) = d {
            Some(code)
        } else {
            None
        }
    }) {
        if !registry.knows(code) {
            return Err(format!("{code} is not in the registry"));
        }
    }
    match &rule.desk {
        Desk::Opd(code) => {
            if registry
                .all()
                .iter()
                .filter(|o| o.code == *code)
                .all(|o| o.level != rule.level)
            {
                return Err(format!(
                    "{code} does not act at level {}",
                    level_code(rule.level)
                ));
            }
        }
        Desk::Government if !matches!(rule.level, Level::Regency | Level::Village) => {
            return Err("@government acts at level regency or village".into());
        }
        Desk::Government | Desk::Triage => {}
    }
    let oversight = rule.conditions.kinds.contains(&Kind::OversightComplaint);
    if oversight && (rule.conditions.kinds.len() > 1 || rule.desk != inspectorate()) {
        return Err("a rule for oversight complaints names no other kind and no other desk than the inspectorate".into());
    }
    if rule.explanation.trim().is_empty() {
        return Err("a rule needs its sentence".into());
    }
    Ok(())
}

fn inspectorate() -> Desk {
    // The constant is a valid code (see the tests); were it not, no rule would name it.
    Code::try_new(INSPECTORATE).map_or(Desk::Triage, Desk::Opd)
}

fn refuse(index: usize, name: &str, problem: String) -> SeedError {
    SeedError::Row {
        row: index + 1,
        name: name.to_owned(),
        problem,
    }
}

/// The registry of these rows.
///
/// # Errors
/// The first row that cannot be, or whose span of days overlaps another of the same code, or whose
/// parent does not exist.
pub fn registry(rows: &[OpdRow]) -> Result<Registry, SeedError> {
    let mut opds = Vec::with_capacity(rows.len());
    for (i, row) in rows.iter().enumerate() {
        opds.push(row.parse().map_err(|p| refuse(i, &row.code, p))?);
    }
    let registry = Registry::new(opds);
    for pair in registry.all().windows(2) {
        if pair[0].code == pair[1].code
            && pair[0].valid_to.is_none_or(|to| to >= pair[1].valid_from)
        {
            return Err(refuse(
                0,
                pair[0].code.as_str(),
                "two rows of one code overlap in time".into(),
            ));
        }
    }
    for (i, opd) in registry.all().iter().enumerate() {
        if let Some(parent) = &opd.parent
            && !registry.knows(parent)
        {
            return Err(refuse(
                i,
                opd.code.as_str(),
                format!("its parent {parent} does not exist"),
            ));
        }
    }
    Ok(registry)
}

/// The rulebook of these rows, checked against the registry.
///
/// # Errors
/// The first row that cannot be.
pub fn rulebook(rows: &[RuleRow], registry: &Registry) -> Result<Rulebook, SeedError> {
    let rules = rows
        .iter()
        .enumerate()
        .map(|(i, row)| row.parse(registry).map_err(|p| refuse(i, &row.id, p)))
        .collect::<Result<_, _>>()?;
    Ok(Rulebook::new(rules))
}

/// Automatic routing of these rows.
///
/// # Errors
/// The first row that cannot be.
pub fn autoroute(rows: &[AutorouteRow]) -> Result<Autoroute, SeedError> {
    let switches = rows
        .iter()
        .enumerate()
        .map(|(i, row)| row.parse().map_err(|p| refuse(i, &row.category, p)))
        .collect::<Result<_, _>>()?;
    Ok(Autoroute::new(switches))
}

/// The rows of a CSV text with a header.
///
/// # Errors
/// When it is not CSV of these columns.
pub fn rows<T: serde::de::DeserializeOwned>(text: &str) -> Result<Vec<T>, SeedError> {
    Ok(csv::Reader::from_reader(text.as_bytes())
        .deserialize()
        .collect::<Result<_, _>>()?)
}
