//! Spellings of names, and how the words of a text are looked up in them.

use std::collections::HashMap;

use super::fuzzy::{Fuzzy, LONG};
use super::trigger::{Trigger, is_filler, trigger};
use crate::domain::text::{normalise, words};

/// Names of up to so many letters need a trigger word: nearly all are words or sounds as well.
const SHORT: usize = 4;
/// From this length on a name is also known when written as one word or as two ("gunung sari").
const JOINABLE: usize = 7;
/// Words that people spell otherwise than the register does.
const VARIANTS: [(&str, &str); 8] = [
    ("labuhan", "labuan"),
    ("aik", "aiq"),
    ("bukaq", "bukak"),
    ("daya", "daye"),
    ("lauk", "lauq"),
    ("baru", "beru"),
    ("bawa", "bawah"),
    ("sakolo", "sekolo"),
];

/// A name that an operator has added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddedName {
    /// As people write it.
    pub name: String,
    /// Of which area.
    pub code: String,
}

/// Letters and words that an added name may have.
const ADDED_LETTERS: std::ops::RangeInclusive<usize> = 4..=60;
const ADDED_WORDS: usize = 5;

/// Why a name is not added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NameRefusal {
    /// Too short to be told from other words, or no name.
    #[error("4 to 60 letters and at most five words, without digits")]
    Shape,
    /// Texts that speak of no place are full of it.
    #[error(
        "an ordinary word, which texts about other places are full of; add it with the word before it, as in \"dusun baru\""
    )]
    Ordinary,
}

/// A name as it is looked up: small letters, one blank between words.
///
/// # Errors
/// When it cannot serve as a name.
pub(super) fn checked(name: &str, ordinary: &Ordinary<'_>) -> Result<String, NameRefusal> {
    if name.len() > 4 * ADDED_LETTERS.end() || name.chars().any(char::is_numeric) {
        return Err(NameRefusal::Shape);
    }
    let normal = normalise(name);
    let parts: Vec<&str> = words(&normal).collect();
    let letters: usize = parts.iter().map(|part| part.chars().count()).sum();
    if !ADDED_LETTERS.contains(&letters) || parts.len() > ADDED_WORDS {
        return Err(NameRefusal::Shape);
    }
    let says_nothing = |word: &&str| {
        trigger(word) != Trigger::None || is_filler(word) || ordinary.kind(word) != Kind::Telling
    };
    // "Dusun Baru" is one; "pasar" and "di dalam" are in every second text.
    let told = parts.len() > 1 && matches!(trigger(parts[0]), Trigger::Hamlet | Trigger::Level(_));
    if parts.iter().all(says_nothing) && !told {
        return Err(NameRefusal::Ordinary);
    }
    Ok(parts.join(" "))
}

/// What a name is beside being one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Nothing else: it tells by itself.
    Telling,
    /// A word as well, or too short to trust.
    Ordinary,
    /// A word that is said after "desa" or "di" without being a name.
    Common,
    /// A landmark, or a name that an operator has added.
    Landmark,
}

/// The list of names that are ordinary words as well; those with `*` before them are common ones.
pub(super) struct Ordinary<'a>(HashMap<&'a str, Kind>);

impl<'a> Ordinary<'a> {
    pub fn parse(list: &'a str) -> Self {
        let entry = |line: &'a str| match line.strip_prefix('*') {
            Some(name) => (name, Kind::Common),
            None => (line, Kind::Ordinary),
        };
        Self(list.lines().map(entry).collect())
    }

    pub fn kind(&self, spelling: &str) -> Kind {
        self.0.get(spelling).copied().unwrap_or(Kind::Telling)
    }
}

/// One way to write the name of some areas.
#[derive(Debug, Clone)]
pub(super) struct Spelling {
    /// Indexes of areas that are written so.
    pub areas: Vec<usize>,
    /// Also an ordinary word, or too short to trust.
    pub ordinary: bool,
    /// A word that is said after "desa" or "di" without being a name ("desa baru", "di luar").
    pub common: bool,
    /// Also an abbreviation or name of a kabupaten.
    pub regency: bool,
    /// How many words it has.
    pub words: usize,
    /// A landmark, or a name that was added: it stands for a place whatever is before it.
    pub landmark: bool,
}

/// All spellings.
#[derive(Debug, Clone, Default)]
pub(super) struct Names {
    spellings: HashMap<String, Spelling>,
    /// First words of spellings of several words, with the most words that such a spelling has.
    longer: HashMap<String, usize>,
    fuzzy: Fuzzy,
}

/// What was found at a place of the text.
pub(super) struct Hit<'n> {
    pub spelling: &'n Spelling,
    /// Words of the text that it took.
    pub taken: usize,
    /// One letter is not as in the name.
    pub fuzzy: bool,
}

impl Names {
    /// Without names yet. `near`, one a line, are words near a name that mean something else.
    pub fn new(near: &'static str) -> Self {
        Self {
            fuzzy: Fuzzy::new(near),
            ..Self::default()
        }
    }

    /// Adds an area's official name, with the ways in which it is also written.
    /// `wide`: it is a kabupaten's, and known to everybody however short it is.
    pub fn spell(&mut self, name: &str, area: usize, wide: bool, ordinary: &Ordinary<'_>) {
        // The register writes "PenanaE" where the village writes "Penana'e".
        let spaced = match name.strip_suffix('E') {
            Some(before) if before.ends_with(|c: char| c.is_lowercase()) => format!("{before}'e"),
            _ => name.to_owned(),
        };
        let broken = spaced.contains('\'');
        let normal = normalise(&spaced);
        let parts: Vec<&str> = words(&normal).collect();
        let spelling = parts.join(" ");
        let joined = parts.concat();
        let kind = match ordinary.kind(&spelling) {
            Kind::Telling if joined.len() <= SHORT && !wide => Kind::Ordinary,
            kind => kind,
        };
        if parts.len() > 1 && (joined.len() >= JOINABLE || broken) {
            self.insert(joined, area, 1, kind, wide);
        }
        for (from, to) in VARIANTS {
            if parts.len() > 1 && kind == Kind::Telling && parts.contains(&from) {
                let varied: Vec<&str> = parts
                    .iter()
                    .map(|p| if *p == from { to } else { *p })
                    .collect();
                self.insert(varied.join(" "), area, parts.len(), kind, wide);
            }
        }
        let numbered = match parts.as_slice() {
            [name, "i"] => Some(format!("{name} satu")),
            [name, "ii"] => Some(format!("{name} dua")),
            _ => None,
        };
        if let Some(numbered) = numbered {
            self.insert(numbered, area, 2, kind, wide);
        }
        self.insert(spelling, area, parts.len(), kind, wide);
    }

    /// Adds another name of an area, as it is.
    pub fn alias(&mut self, alias: &str, area: usize, wide: bool, kind: Kind) {
        let normal = normalise(alias);
        let parts: Vec<&str> = words(&normal).collect();
        let (spelling, joined) = (parts.join(" "), parts.concat());
        if spelling.is_empty() {
            return;
        }
        if parts.len() > 1 && joined.len() >= JOINABLE {
            self.insert(joined, area, 1, kind, wide);
        }
        self.insert(spelling, area, parts.len(), kind, wide);
    }

    fn insert(&mut self, spelling: String, area: usize, words: usize, kind: Kind, wide: bool) {
        if let Some((first, _)) = spelling.split_once(' ') {
            let most = self.longer.entry(first.to_owned()).or_default();
            *most = words.max(*most);
        } else if spelling.len() >= LONG && kind == Kind::Telling {
            self.fuzzy.insert(&spelling);
        }
        let entry = self.spellings.entry(spelling).or_insert_with(|| Spelling {
            areas: Vec::new(),
            ordinary: matches!(kind, Kind::Ordinary | Kind::Common),
            common: kind == Kind::Common,
            regency: false,
            words,
            landmark: kind == Kind::Landmark,
        });
        entry.regency |= wide;
        if !entry.areas.contains(&area) {
            entry.areas.push(area);
        }
    }

    /// The longest spelling that begins with the first of `following`.
    pub fn longest(&self, following: &[&str], buffer: &mut String) -> Option<Hit<'_>> {
        let first = *following.first()?;
        let most = self
            .longer
            .get(first)
            .copied()
            .unwrap_or(1)
            .min(following.len());
        let hit = |spelling, taken| Hit {
            spelling,
            taken,
            fuzzy: false,
        };
        for count in (2..=most).rev() {
            buffer.clear();
            for (at, word) in following[..count].iter().enumerate() {
                if at > 0 {
                    buffer.push(' ');
                }
                buffer.push_str(word);
            }
            if let Some(found) = self.spellings.get(buffer.as_str()) {
                return Some(hit(found, count));
            }
        }
        if let Some(second) = following.get(1)
            && first.len() + second.len() >= JOINABLE
        {
            join(first, second, buffer);
            if let Some(found) = self.spellings.get(buffer.as_str()) {
                return Some(hit(found, 2));
            }
        }
        self.spellings.get(first).map(|found| hit(found, 1))
    }

    /// A long name that one letter too many, too few, wrong or swapped leads to.
    pub fn nearest(&self, following: &[&str], buffer: &mut String) -> Option<Hit<'_>> {
        let first = *following.first()?;
        if let Some(second) = following.get(1)
            && second.len() > 2
        {
            join(first, second, buffer);
            if let Some(name) = self.fuzzy.nearest(buffer) {
                return self.found(name, 2);
            }
        }
        self.found(self.fuzzy.nearest(first)?, 1)
    }

    fn found(&self, name: &str, taken: usize) -> Option<Hit<'_>> {
        let spelling = self.spellings.get(name)?;
        Some(Hit {
            spelling,
            taken,
            fuzzy: true,
        })
    }
}

fn join(first: &str, second: &str, buffer: &mut String) {
    buffer.clear();
    buffer.push_str(first);
    buffer.push_str(second);
}
