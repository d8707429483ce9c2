//! The small words that the rules speak beside those of the contracts: areas, road classes, levels.

use std::fmt;
use std::str::FromStr;

pub use contracts::common::{Kind, Level, Urgency};
pub use contracts::ids::Code;

/// An administrative area by its Kemendagri code: `52`, `52.01`, `52.01.09`, `52.01.09.2003`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Area(Box<str>);

/// A text that is no area code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an area code like 52.01.09.2003")]
pub struct InvalidArea;

impl Area {
    /// The code as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The regency or city that the area lies in; none for the province itself.
    #[must_use]
    pub fn regency(&self) -> Option<&str> {
        self.0.get(..5)
    }

    /// Whether this area is `other` or lies in it.
    #[must_use]
    pub fn lies_in(&self, other: &Area) -> bool {
        self.0
            .strip_prefix(&*other.0)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    }
}

impl FromStr for Area {
    type Err = InvalidArea;

    fn from_str(text: &str) -> Result<Self, InvalidArea> {
        const WIDTHS: [usize; 4] = [2, 2, 2, 4];
        for (i, part) in text.split('.').enumerate() {
            let digits = part.bytes().all(|b| b.is_ascii_digit());
            if !digits || WIDTHS.get(i) != Some(&part.len()) {
                return Err(InvalidArea);
            }
        }
        Ok(Self(text.into()))
    }
}

impl fmt::Display for Area {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Who keeps a road. Competence depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RoadClass {
    /// Jalan nasional.
    National,
    /// Jalan provinsi.
    Provincial,
    /// Jalan kabupaten or kota.
    Regency,
    /// Jalan desa or lingkungan.
    Village,
}

impl RoadClass {
    /// All of them.
    pub const ALL: &'static [Self] = &[
        Self::National,
        Self::Provincial,
        Self::Regency,
        Self::Village,
    ];

    /// The class of a code in data files; none for an unknown one.
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        match code {
            "national" => Some(Self::National),
            "provincial" => Some(Self::Provincial),
            "regency" => Some(Self::Regency),
            "village" => Some(Self::Village),
            _ => None,
        }
    }
}

/// The code of a level of government in data files and SQL.
#[must_use]
pub fn level_code(level: Level) -> &'static str {
    match level {
        Level::Unspecified => "",
        Level::Province => "provincial",
        Level::Regency => "regency",
        Level::National => "national",
        Level::Village => "village",
    }
}

/// The level of a code; none for an unknown one.
#[must_use]
pub fn level_from_code(code: &str) -> Option<Level> {
    [
        Level::Province,
        Level::Regency,
        Level::National,
        Level::Village,
    ]
    .into_iter()
    .find(|l| level_code(*l) == code)
}

/// Whether a complaint at this level leaves the province's own agencies: it is handed over, and
/// still tracked.
#[must_use]
pub fn is_outside(level: Level) -> bool {
    level != Level::Province
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_area_lies_in_its_parents_and_not_in_a_neighbour_of_like_spelling() {
        let area = |t: &str| t.parse::<Area>().expect("area");
        assert!(area("52.01.09.2003").lies_in(&area("52.01")));
        assert!(area("52.01").lies_in(&area("52.01")));
        assert!(!area("52.01").lies_in(&area("52.01.09")));
        assert!(!area("52.71").lies_in(&area("52.72")));
        assert_eq!(area("52.01.09").regency(), Some("52.01"));
        assert_eq!(area("52").regency(), None);
        for bad in [
            "",
            "5",
            "52.1",
            "52.01.09.2",
            "52.01.09.2003.1",
            "aa",
            "52.",
        ] {
            assert!(bad.parse::<Area>().is_err(), "{bad}");
        }
    }
}
