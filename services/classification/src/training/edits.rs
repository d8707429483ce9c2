//! The same complaint in other words, made by code: how people who report one thing differ, as far as code can tell.

use crate::domain::hash::FeatureHash;
use crate::domain::text::words;

/// Namespace of the hash that decides; not one of the features'.
const CHANCE: u8 = 241;

/// How much is changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Edit {
    /// A tenth of the words abbreviated or mistyped, a word left out, no punctuation.
    Mild,
    /// Three tenths of the words changed, half of them into other words; the two halves swapped; a tenth of the words left
    /// out; no punctuation.
    Strong,
}

/// As people write them in messages.
const SHORT: [(&str, &str); 32] = [
    ("yang", "yg"),
    ("tidak", "tdk"),
    ("dengan", "dgn"),
    ("sudah", "sdh"),
    ("jalan", "jln"),
    ("tolong", "tlg"),
    ("mohon", "mhn"),
    ("untuk", "utk"),
    ("belum", "blm"),
    ("saya", "sy"),
    ("kami", "kmi"),
    ("karena", "krn"),
    ("dari", "dr"),
    ("bapak", "bpk"),
    ("orang", "org"),
    ("banyak", "byk"),
    ("depan", "dpn"),
    ("juga", "jg"),
    ("kalau", "klo"),
    ("tempat", "tmpt"),
    ("rumah", "rmh"),
    ("bisa", "bs"),
    ("sampai", "smp"),
    ("desa", "ds"),
    ("kecamatan", "kec"),
    ("masih", "msh"),
    ("hari", "hr"),
    ("bulan", "bln"),
    ("tahun", "thn"),
    ("anak", "ank"),
    ("sekolah", "sklh"),
    ("puskesmas", "pkm"),
];

/// Numbers that look like chance and are always the same.
#[derive(Debug, Clone)]
pub struct Chance {
    seed: FeatureHash,
    drawn: u64,
}

impl Chance {
    /// Of a name: the same name, the same numbers.
    pub fn of(name: &str) -> Self {
        let mut seed = FeatureHash::new(CHANCE);
        seed.write(name.as_bytes());
        Self { seed, drawn: 0 }
    }

    /// One of `0..n`; 0 of none.
    pub fn below(&mut self, n: usize) -> usize {
        self.drawn += 1;
        let mut hash = self.seed;
        hash.write(&self.drawn.to_le_bytes());
        (hash.finish() % (n.max(1) as u64)) as usize
    }

    /// So many of `0..n`, each once, in no order.
    pub fn some(&mut self, n: usize, count: usize) -> Vec<usize> {
        let mut all: Vec<usize> = (0..n).collect();
        for at in 0..count.min(n) {
            let with = at + self.below(n - at);
            all.swap(at, with);
        }
        all.truncate(count);
        all
    }
}

/// A text as another person might have written it. `other_words` are what words are changed into.
pub fn edited(text: &str, edit: Edit, other_words: &[&str]) -> String {
    let mut chance = Chance::of(text);
    let mut all: Vec<String> = words(text).map(str::to_owned).collect();
    let (changed, left_out) = match edit {
        Edit::Mild => (all.len().div_ceil(10), 1),
        Edit::Strong => ((all.len() * 3).div_ceil(10), all.len().div_ceil(10)),
    };
    for (n, at) in chance.some(all.len(), changed).into_iter().enumerate() {
        let into_another = edit == Edit::Strong && n % 2 == 1 && !other_words.is_empty();
        all[at] = if into_another {
            other_words[chance.below(other_words.len())].to_owned()
        } else {
            mistyped(&all[at], &mut chance)
        };
    }
    for _ in 0..left_out {
        if all.len() > 3 {
            all.remove(chance.below(all.len()));
        }
    }
    if edit == Edit::Strong {
        let half = all.len() / 2;
        all.rotate_left(half);
    }
    all.join(" ")
}

fn mistyped(word: &str, chance: &mut Chance) -> String {
    if let Some((_, short)) = SHORT.iter().find(|(long, _)| *long == word)
        && chance.below(2) == 0
    {
        return (*short).to_owned();
    }
    let mut letters: Vec<char> = word.chars().collect();
    if letters.len() < 3 {
        return word.to_owned();
    }
    let at = chance.below(letters.len() - 1);
    match chance.below(4) {
        0 => letters.swap(at, at + 1),
        1 => {
            letters.remove(at);
        }
        2 => letters.insert(at, letters[at]),
        _ => letters[at] = ['a', 'e', 'i', 'o', 'u', 'n', 'r', 't'][chance.below(8)],
    }
    letters.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str =
        "jalan di depan pasar desa kami berlubang parah, sudah banyak motor yang jatuh";

    #[test]
    fn an_edit_is_what_it_says_and_always_the_same() {
        let mild = edited(TEXT, Edit::Mild, &["laut"]);
        assert_eq!(mild, edited(TEXT, Edit::Mild, &["laut"]));
        assert_eq!(mild.split(' ').count(), 12, "{mild}");
        let kept = mild.split(' ').filter(|w| TEXT.contains(w)).count();
        assert!((9..12).contains(&kept), "{mild}");
        let strong = edited(TEXT, Edit::Strong, &["laut"]);
        let kept = strong.split(' ').filter(|w| TEXT.contains(w)).count();
        assert!((6..=9).contains(&kept), "{strong}");
        assert!(strong.contains("laut"), "{strong}");
    }

    #[test]
    fn short_and_empty_texts_can_be_edited() {
        for text in ["", "a", "a b", "!!!"] {
            for edit in [Edit::Mild, Edit::Strong] {
                assert!(edited(text, edit, &[]).len() <= text.len() + 2);
            }
        }
    }
}
