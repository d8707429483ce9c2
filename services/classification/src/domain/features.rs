//! From a normalised text to features: words, pairs of words, letter groups within words, and the text's shape.

use std::collections::HashSet;
use std::sync::LazyLock;

use super::hash::FeatureHash;
use super::text::{names_a_person, words};

/// Namespaces of the hash; they are part of every stored model.
const WORD: u8 = 1;
const PAIR: u8 = 2;
const LETTERS: u8 = 3;
const SHAPE: u8 = 4;
const MANNER: u8 = 5;

/// Words that tell what a writer wants rather than what about: asking, thanking, wishing, accusing, selling. They
/// stand in every other text and would drown among the rare words of a topic, so they have a block of their own.
static MANNERS: LazyLock<HashSet<&str>> = LazyLock::new(|| {
    include_str!("../../data/manner.txt")
        .split_whitespace()
        .collect()
});

/// [`Occurrence::word`] of what is said by the whole text.
pub const NO_WORD: u16 = u16::MAX;

/// Shortest and longest letter group, counted with the blank at either end of a word.
const SHORTEST: usize = 3;
const LONGEST: usize = 5;

/// At most so many words of a text count, and so many letters of a word.
pub const MAX_WORDS: usize = 1_200;
const MAX_LETTERS: usize = 40;

/// Features are normalised to length one within each block, so that neither drowns the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Block {
    /// Words and pairs of words.
    Words,
    /// Letter groups.
    Letters,
    /// Words of manner and the text's shape.
    Manner,
}

/// Number of blocks.
pub const BLOCKS: usize = 3;

impl Block {
    /// The block with this number, as `self as u8` gives it.
    pub const fn from_number(number: u8) -> Option<Self> {
        match number {
            0 => Some(Self::Words),
            1 => Some(Self::Letters),
            2 => Some(Self::Manner),
            _ => None,
        }
    }
}

/// One occurrence of a feature.
#[derive(Debug, Clone, Copy)]
pub struct Occurrence {
    /// What it is.
    pub hash: u64,
    /// Which word of the text it comes from (of a pair: the second); [`NO_WORD`]: from its shape.
    pub word: u16,
    /// The block it is normalised in.
    pub block: Block,
}

/// Calls `found` for every feature of a text that has been through [`super::text::normalise`].
pub fn extract(text: &str, mut found: impl FnMut(Occurrence)) {
    let mut before: Option<&str> = None;
    let mut count = 0;
    let mut manner = "^";
    for (at, word) in words(text).take(MAX_WORDS).enumerate() {
        if names_a_person(word) {
            continue;
        }
        let number = at as u16;
        let mut single = FeatureHash::new(WORD);
        single.write(word.as_bytes());
        found(Occurrence {
            hash: single.finish(),
            word: number,
            block: Block::Words,
        });
        if let Some(before) = before {
            let mut pair = FeatureHash::new(PAIR);
            pair.write(before.as_bytes());
            pair.write(b" ");
            pair.write(word.as_bytes());
            found(Occurrence {
                hash: pair.finish(),
                word: number,
                block: Block::Words,
            });
        }
        before = Some(word);
        if MANNERS.contains(word) {
            for first in ["", manner] {
                let mut way = FeatureHash::new(MANNER);
                way.write(first.as_bytes());
                way.write(b" ");
                way.write(word.as_bytes());
                found(Occurrence {
                    hash: way.finish(),
                    word: number,
                    block: Block::Manner,
                });
            }
            manner = word;
        }
        count = at + 1;
        letter_groups(word, |hash| {
            found(Occurrence {
                hash,
                word: number,
                block: Block::Letters,
            })
        });
    }
    if count > 0 {
        shape(text, count, |hash| {
            found(Occurrence {
                hash,
                word: NO_WORD,
                block: Block::Manner,
            })
        });
    }
}

/// A question is told by its mark, a greeting or a comment by its length.
fn shape(text: &str, count: usize, mut found: impl FnMut(u64)) {
    let length = match count {
        1 => "1",
        2 => "2",
        3..=4 => "3-4",
        5..=8 => "5-8",
        9..=16 => "9-16",
        17..=32 => "17-32",
        _ => "33-",
    };
    let mut say = |what: &str| found(super::hash::hash(SHAPE, what));
    say(length);
    if text.contains('?') {
        say("?");
        if text.trim_end().ends_with('?') {
            say("?$");
        }
    }
    if text.contains('!') {
        say("!");
    }
}

fn letter_groups(word: &str, mut found: impl FnMut(u64)) {
    let padded = std::iter::once(" ")
        .chain(
            word.char_indices()
                .take(MAX_LETTERS)
                .map(|(at, c)| &word[at..at + c.len_utf8()]),
        )
        .chain(std::iter::once(" "));
    let mut letters = [""; MAX_LETTERS + 2];
    let mut count = 0;
    for (slot, letter) in letters.iter_mut().zip(padded) {
        *slot = letter;
        count += 1;
    }
    let letters = &letters[..count];
    for start in 0..letters.len().saturating_sub(SHORTEST - 1) {
        let mut group = FeatureHash::new(LETTERS);
        for (taken, letter) in letters[start..].iter().take(LONGEST).enumerate() {
            group.write(letter.as_bytes());
            if taken + 1 >= SHORTEST {
                found(group.finish());
            }
        }
    }
}

/// The hash of a single word, to ask a model whether it knows the word.
pub fn word_hash(word: &str) -> u64 {
    super::hash::hash(WORD, word)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(text: &str, block: Block) -> usize {
        let mut n = 0;
        extract(text, |o| n += usize::from(o.block == block));
        n
    }

    #[test]
    fn words_pairs_and_letter_groups_are_found() {
        assert_eq!(count("jalan berlubang", Block::Words), 3);
        assert_eq!(count("jalan berlubang", Block::Manner), 1);
        // the length, a mark of a question, at the end; "kapan", as first word of manner, and "ya", after "kapan"
        assert_eq!(count("kapan jalan ini mulus ya?", Block::Manner), 3 + 6);
        // " got ": 3 groups of three, 2 of four, 1 of five
        assert_eq!(count("got", Block::Letters), 6);
        assert_eq!(count("", Block::Letters), 0);
        assert_eq!(count("a", Block::Letters), 1);
    }

    #[test]
    fn a_text_of_any_length_has_a_bounded_number_of_features() {
        let mut n = 0;
        extract(&"x y ".repeat(100_000), |_| n += 1);
        assert!(n <= 4 + MAX_WORDS * (4 + 3 * (MAX_LETTERS + 2)));
    }
}
