//! The province's areas, and the names under which they are looked up.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use super::AreaLevel;
use super::boundaries::{Boundaries, BoundaryError};
use super::names::{self, AddedName, Kind, NameRefusal, Names, Ordinary};

const AREAS_CSV: &str = include_str!("../../../data/areas.csv");
const ALIASES_CSV: &str = include_str!("../../../data/place-aliases.csv");
const LANDMARKS_CSV: &str = include_str!("../../../data/landmarks.csv");
const NEAR: &str = include_str!("../../../data/near-names.txt");
const ORDINARY: &str = include_str!("../../../data/ordinary-names.txt");

/// Why place data is refused.
#[derive(Debug, thiserror::Error)]
pub enum PlaceError {
    /// Not the columns that were expected.
    #[error("the areas cannot be read")]
    Csv(#[from] csv::Error),
    /// A code that is not an area's, or an alias of no area.
    #[error("{0:?} is not an area code that is known")]
    Code(String),
    /// The boundaries.
    #[error("the boundaries are refused")]
    Boundaries(#[from] BoundaryError),
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

/// All areas and their spellings. A clone shares the names that are added later.
#[derive(Debug, Clone)]
pub struct Gazetteer {
    areas: Arc<[Area]>,
    by_code: Arc<HashMap<String, usize>>,
    shipped: Arc<Names>,
    names: Arc<RwLock<Known>>,
    boundaries: Arc<Boundaries>,
}

/// The names in use, and which of the added ones are among them.
#[derive(Debug, Clone)]
struct Known {
    names: Arc<Names>,
    version: i64,
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
        Self::parse(AREAS_CSV, ALIASES_CSV, LANDMARKS_CSV, ORDINARY)
    }

    /// Reads areas (`code,name`), aliases and landmarks (`alias,code`) and the list of names that are ordinary words.
    ///
    /// # Errors
    /// On unknown columns or codes.
    pub fn parse(
        areas: &str,
        aliases: &str,
        landmarks: &str,
        ordinary: &str,
    ) -> Result<Self, PlaceError> {
        let ordinary = Ordinary::parse(ordinary);
        let mut names = Names::new(NEAR);
        let mut list: Vec<Area> = Vec::new();
        let mut by_code = HashMap::new();
        for row in csv::Reader::from_reader(areas.as_bytes()).deserialize() {
            let AreaRow { code, name } = row?;
            let level = match code.len() {
                5 => AreaLevel::Regency,
                8 => AreaLevel::District,
                13 => AreaLevel::Village,
                _ => return Err(PlaceError::Code(code)),
            };
            let plain = match level {
                AreaLevel::Regency => name
                    .trim_start_matches("Kabupaten ")
                    .trim_start_matches("Kota "),
                AreaLevel::District | AreaLevel::Village => name.as_str(),
            };
            // A kabupaten's name is sure of itself, also where it is the name of a kecamatan too.
            names.spell(plain, list.len(), level == AreaLevel::Regency, &ordinary);
            by_code.insert(code.clone(), list.len());
            list.push(Area { code, name, level });
        }
        for (file, landmark) in [(aliases, false), (landmarks, true)] {
            for row in csv::Reader::from_reader(file.as_bytes()).deserialize() {
                let AliasRow { alias, code } = row?;
                let at = *by_code.get(&code).ok_or(PlaceError::Code(code))?;
                let kind = if landmark {
                    Kind::Landmark
                } else {
                    ordinary.kind(&alias)
                };
                names.alias(&alias, at, list[at].level == AreaLevel::Regency, kind);
            }
        }
        let shipped = Arc::new(names);
        let boundaries = Boundaries::embedded(list.iter().map(|area: &Area| area.code.as_str()))?;
        Ok(Self {
            areas: list.into(),
            by_code: Arc::new(by_code),
            names: Arc::new(RwLock::new(Known {
                names: shipped.clone(),
                version: 0,
            })),
            shipped,
            boundaries: Arc::new(boundaries),
        })
    }

    /// Replaces all names that operators have added, in this gazetteer and in its clones. `version` is the number of the newest
    /// change among them; what is older than what is in use is let go. Names of areas that are not known here are left out.
    pub fn set_added(&self, version: i64, added: &[AddedName]) {
        let mut names = Names::clone(&self.shipped);
        for name in added {
            if let Some(&at) = self.by_code.get(&name.code) {
                names.alias(&name.name, at, false, Kind::Landmark);
            }
        }
        let mut known = self.names.write().unwrap_or_else(PoisonError::into_inner);
        if version > known.version {
            *known = Known {
                names: Arc::new(names),
                version,
            };
        }
    }

    /// A name as it would be added.
    ///
    /// # Errors
    /// When it cannot serve as a name.
    pub fn check_name(&self, name: &str) -> Result<String, NameRefusal> {
        names::checked(name, &Ordinary::parse(ORDINARY))
    }

    /// The number of the newest change that is among the names in use.
    pub fn added_version(&self) -> i64 {
        let known = self.names.read().unwrap_or_else(PoisonError::into_inner);
        known.version
    }

    pub(super) fn names(&self) -> Arc<Names> {
        let known = self.names.read().unwrap_or_else(PoisonError::into_inner);
        known.names.clone()
    }

    pub(super) fn area(&self, at: usize) -> &Area {
        &self.areas[at]
    }

    /// Where areas lie.
    pub fn boundaries(&self) -> &Boundaries {
        &self.boundaries
    }

    /// The codes of all areas.
    pub fn codes(&self) -> impl Iterator<Item = &str> {
        self.areas.iter().map(|area| area.code.as_str())
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::place::SURE;

    #[test]
    fn a_name_that_is_added_is_found_in_all_clones_until_it_ends() {
        let gazetteer = Gazetteer::embedded().unwrap();
        let clone = gazetteer.clone();
        let added = AddedName {
            name: gazetteer.check_name("Lendang Re").unwrap(),
            code: "52.01.07.2003".into(),
        };
        let first = || {
            let found = clone.find("air bersih habis di lendang re sejak kemarin");
            found.into_iter().next().filter(|p| p.confidence >= SURE)
        };
        assert_eq!(first(), None);
        gazetteer.set_added(1, std::slice::from_ref(&added));
        let found = first().unwrap();
        assert_eq!(found.code, "52.01.07.2003");
        assert!(
            found.reasons[0].contains("terletak di Pelangan"),
            "{found:?}"
        );
        // What is older changes nothing any more.
        gazetteer.set_added(1, &[]);
        assert!(first().is_some());
        gazetteer.set_added(2, &[]);
        assert_eq!(first(), None);
    }

    #[test]
    fn a_word_of_every_text_is_no_name() {
        let gazetteer = Gazetteer::embedded().unwrap();
        for name in [
            "pasar",
            "di dalam",
            "",
            "abc",
            "a b c d e f",
            "jalan 12345",
            "\u{202e}😭",
        ] {
            assert!(gazetteer.check_name(name).is_err(), "{name}");
        }
        assert!(gazetteer.check_name(&"panjang ".repeat(10_000)).is_err());
        for (name, kept) in [
            ("Dusun  Baru", "dusun baru"),
            ("Pasar Loang", "pasar loang"),
            ("LENDANG Ré", "lendang re"),
        ] {
            assert_eq!(gazetteer.check_name(name).as_deref(), Ok(kept));
        }
    }
}
