//! The names of the province's areas, ready to be looked up by the words of a text.

use std::collections::{HashMap, HashSet};

use super::AreaLevel;
use crate::domain::text::{normalise, words};

const AREAS_CSV: &str = include_str!("../../../data/areas.csv");
const ALIASES_CSV: &str = include_str!("../../../data/place-aliases.csv");
const ORDINARY: &str = include_str!("../../../data/ordinary-names.txt");

/// Names of up to so many letters need a trigger word: nearly all are words or sounds as well.
const SHORT: usize = 4;
/// From this length on a name is also known when written as one word or as two ("gunung sari").
const JOINABLE: usize = 7;

/// Why place data is refused.
#[derive(Debug, thiserror::Error)]
pub enum PlaceError {
    /// Not the columns that were expected.
    #[error("the areas cannot be read")]
    Csv(#[from] csv::Error),
    /// A code that is not an area's, or an alias of no area.
    #[error("{0:?} is not an area code that is known")]
    Code(String),
}

/// An area.
#[derive(Debug, Clone)]
pub struct Area {
    /// `52.xx[.yy[.zzzz]]`.
    pub code: String,
    /// Its official name.
    pub name: String,
    /// By the length of its code.
    pub level: AreaLevel,
}

/// One way to write the name of some areas.
#[derive(Debug, Clone)]
pub(super) struct Spelling {
    /// Indexes of areas that are written so.
    pub areas: Vec<usize>,
    /// Also an ordinary word, or too short to trust.
    pub ordinary: bool,
    /// How many words it has.
    pub words: usize,
}

/// All areas and their spellings.
#[derive(Debug, Clone)]
pub struct Gazetteer {
    areas: Vec<Area>,
    by_code: HashMap<String, usize>,
    spellings: HashMap<String, Spelling>,
    /// First words of spellings of several words, with the most words that such a spelling has.
    longer: HashMap<String, usize>,
}

#[derive(serde::Deserialize)]
struct AreaRow {
    code: String,
    name: String,
}

#[derive(serde::Deserialize)]
struct AliasRow {
    alias: String,
    code: String,
}

impl Gazetteer {
    /// The areas that ship with this build.
    ///
    /// # Errors
    /// When the committed data breaks its own rules, which a test would have shown.
    pub fn embedded() -> Result<Self, PlaceError> {
        Self::parse(AREAS_CSV, ALIASES_CSV, ORDINARY)
    }

    /// Reads areas (`code,name`), aliases (`alias,code`) and the list of names that are ordinary words.
    ///
    /// # Errors
    /// On unknown columns or codes.
    pub fn parse(areas: &str, aliases: &str, ordinary: &str) -> Result<Self, PlaceError> {
        let ordinary: HashSet<&str> = ordinary.lines().collect();
        let mut gazetteer = Self {
            areas: Vec::new(),
            by_code: HashMap::new(),
            spellings: HashMap::new(),
            longer: HashMap::new(),
        };
        for row in csv::Reader::from_reader(areas.as_bytes()).deserialize() {
            let AreaRow { code, name } = row?;
            let level = match code.len() {
                5 => AreaLevel::Regency,
                8 => AreaLevel::District,
                13 => AreaLevel::Village,
                _ => return Err(PlaceError::Code(code)),
            };
            let at = gazetteer.areas.len();
            gazetteer.by_code.insert(code.clone(), at);
            let plain = name
                .trim_start_matches("Kabupaten ")
                .trim_start_matches("Kota ");
            gazetteer.spell(plain, at, &ordinary);
            gazetteer.areas.push(Area { code, name, level });
        }
        for row in csv::Reader::from_reader(aliases.as_bytes()).deserialize() {
            let AliasRow { alias, code } = row?;
            let at = *gazetteer.by_code.get(&code).ok_or(PlaceError::Code(code))?;
            let words = alias.split(' ').count();
            gazetteer.insert(alias, at, words, false);
        }
        Ok(gazetteer)
    }

    fn spell(&mut self, name: &str, area: usize, ordinary: &HashSet<&str>) {
        let normal = normalise(name);
        let parts: Vec<&str> = words(&normal).collect();
        let spelling = parts.join(" ");
        let joined = parts.concat();
        let ordinary = ordinary.contains(spelling.as_str()) || joined.len() <= SHORT;
        if parts.len() > 1 && joined.len() >= JOINABLE {
            self.insert(joined, area, 1, ordinary);
        }
        let count = parts.len();
        self.insert(spelling, area, count, ordinary);
    }

    fn insert(&mut self, spelling: String, area: usize, words: usize, ordinary: bool) {
        if let Some((first, _)) = spelling.split_once(' ') {
            let most = self.longer.entry(first.to_owned()).or_default();
            *most = words.max(*most);
        }
        let entry = self.spellings.entry(spelling).or_insert_with(|| Spelling {
            areas: Vec::new(),
            ordinary,
            words,
        });
        if !entry.areas.contains(&area) {
            entry.areas.push(area);
        }
    }

    /// The longest spelling that begins with the first of `following`, and how many words of the text it took.
    pub(super) fn longest(
        &self,
        following: &[&str],
        buffer: &mut String,
    ) -> Option<(&Spelling, usize)> {
        let first = *following.first()?;
        let most = self
            .longer
            .get(first)
            .copied()
            .unwrap_or(1)
            .min(following.len());
        for count in (2..=most).rev() {
            buffer.clear();
            for (at, word) in following[..count].iter().enumerate() {
                if at > 0 {
                    buffer.push(' ');
                }
                buffer.push_str(word);
            }
            if let Some(found) = self.spellings.get(buffer.as_str()) {
                return Some((found, count));
            }
        }
        if let Some(second) = following.get(1)
            && first.len() + second.len() >= JOINABLE
        {
            buffer.clear();
            buffer.push_str(first);
            buffer.push_str(second);
            if let Some(found) = self.spellings.get(buffer.as_str()) {
                return Some((found, 2));
            }
        }
        self.spellings.get(first).map(|found| (found, 1))
    }

    pub(super) fn area(&self, at: usize) -> &Area {
        &self.areas[at]
    }

    /// The area of a code.
    pub fn get(&self, code: &str) -> Option<&Area> {
        self.by_code.get(code).map(|&at| &self.areas[at])
    }

    /// Its name with those above it.
    pub fn full_name(&self, code: &str) -> String {
        let names: Vec<&str> = [13, 8, 5]
            .into_iter()
            .filter_map(|length| code.get(..length))
            .filter_map(|code| self.get(code))
            .map(|area| area.name.as_str())
            .collect();
        names.join(", ")
    }
}
