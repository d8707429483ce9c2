//! Names by their misspellings: one letter too many, too few, wrong, or two swapped.

use std::collections::{HashMap, HashSet};

/// Shorter names are not looked for: too many ordinary words lie one letter away from them.
pub(super) const LONG: usize = 5;
/// Longer words are no names.
const LONGEST: usize = 24;

/// An index by what is left of a name when one letter is taken out.
#[derive(Debug, Clone, Default)]
pub(super) struct Fuzzy {
    names: Vec<String>,
    by_rest: HashMap<u64, Vec<u32>>,
    /// Words that are near a name and mean something else.
    words: HashSet<&'static str>,
}

impl Fuzzy {
    /// Without names yet. `words`, one a line, are near a name and mean something else.
    pub fn new(words: &'static str) -> Self {
        Self {
            words: words.lines().collect(),
            ..Self::default()
        }
    }

    /// Adds a name of one word.
    pub fn insert(&mut self, name: &str) {
        if !name.is_ascii() || self.names.iter().any(|known| known == name) {
            return;
        }
        let at = u32::try_from(self.names.len()).unwrap_or(u32::MAX);
        for rest in rests(name) {
            let names = self.by_rest.entry(rest).or_default();
            if !names.contains(&at) {
                names.push(at);
            }
        }
        self.names.push(name.to_owned());
    }

    /// The only name that is one mistake away from `word`; none when there are several.
    pub fn nearest(&self, word: &str) -> Option<&str> {
        if !(LONG..=LONGEST).contains(&word.len()) || !word.is_ascii() || self.words.contains(word)
        {
            return None;
        }
        let mut nearest: Option<&str> = None;
        for rest in rests(word) {
            for &at in self.by_rest.get(&rest).into_iter().flatten() {
                let name = self.names.get(at as usize)?.as_str();
                if nearest != Some(name) && one_mistake(word, name) {
                    if nearest.is_some() {
                        return None;
                    }
                    nearest = Some(name);
                }
            }
        }
        nearest
    }
}

/// Hashes of the word and of the word without each of its letters.
fn rests(word: &str) -> impl Iterator<Item = u64> + '_ {
    let without = |skip: usize| {
        let mut hash = crate::domain::hash::FeatureHash::new(0);
        let bytes = word.as_bytes();
        hash.write(&bytes[..skip.min(bytes.len())]);
        hash.write(bytes.get(skip + 1..).unwrap_or_default());
        hash.finish()
    };
    (0..=word.len()).map(without)
}

/// Whether one insertion, deletion, substitution or swap of neighbours makes one of the other.
fn one_mistake(a: &str, b: &str) -> bool {
    let (a, b) = if a.len() <= b.len() { (a, b) } else { (b, a) };
    let (a, b) = (a.as_bytes(), b.as_bytes());
    let same = a.iter().zip(b).take_while(|(x, y)| x == y).count();
    match b.len() - a.len() {
        0 => {
            let (rest, other) = (&a[same..], &b[same..]);
            match (rest, other) {
                ([], []) => false,
                ([_, x @ ..], [_, y @ ..]) if x == y => true,
                ([p, q, x @ ..], [r, s, y @ ..]) => p == s && q == r && x == y,
                _ => false,
            }
        }
        1 => a[same..] == b[same + 1..],
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_mistake_is_forgiven_and_two_are_not() {
        let mut fuzzy = Fuzzy::default();
        for name in ["pringgarata", "sukamulia", "janapria"] {
            fuzzy.insert(name);
        }
        for word in ["pringarata", "pringggarata", "pringgerata", "pirnggarata"] {
            assert_eq!(fuzzy.nearest(word), Some("pringgarata"), "{word}");
        }
        assert_eq!(fuzzy.nearest("jenaprya"), None);
        assert_eq!(fuzzy.nearest("é"), None);
    }

    #[test]
    fn a_word_that_means_something_else_is_no_misspelling() {
        let mut fuzzy = Fuzzy::new("pelanggan\ntetangga");
        fuzzy.insert("pelangan");
        assert_eq!(fuzzy.nearest("pelanggan"), None);
        assert_eq!(fuzzy.nearest("pelengan"), Some("pelangan"));
    }

    #[test]
    fn a_word_between_two_names_is_neither() {
        let mut fuzzy = Fuzzy::default();
        fuzzy.insert("karampi");
        fuzzy.insert("karamba");
        assert_eq!(fuzzy.nearest("karambi"), None);
    }
}
