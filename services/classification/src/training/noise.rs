//! Words as people mistype them.

use crate::domain::hash::hash;

/// Namespace of the hash that draws mistakes.
const NOISE: u8 = 252;

/// A text in which about `percent` of the words have one mistake each: a letter left out, one put in, one in place of
/// another, or two neighbours changed. Words of one letter stay. The same text has the same mistakes.
pub fn corrupt(text: &str, percent: u64) -> String {
    let mut state = hash(NOISE, text) | 1;
    let mut draw = |below: u64| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) % below
    };
    let mut out = String::with_capacity(text.len() + 16);
    for word in text.split_whitespace() {
        if !out.is_empty() {
            out.push(' ');
        }
        let mut letters: Vec<char> = word.chars().collect();
        if draw(100) >= percent || letters.len() < 2 {
            out.push_str(word);
            continue;
        }
        let at = draw(letters.len() as u64) as usize;
        let letter = char::from(b'a' + draw(26) as u8);
        match draw(4) {
            0 => {
                letters.remove(at);
            }
            1 => letters.insert(at, letter),
            2 => letters[at] = letter,
            _ => {
                let neighbour = if at + 1 < letters.len() {
                    at + 1
                } else {
                    at - 1
                };
                letters.swap(at, neighbour);
            }
        }
        out.extend(letters);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn about_so_many_words_are_changed() {
        let text: String = (0..4_000).map(|n| format!("kata{n} ")).collect();
        let changed = |percent| {
            let noisy = corrupt(&text, percent);
            let pairs = text.split_whitespace().zip(noisy.split_whitespace());
            pairs.filter(|(a, b)| a != b).count() as f64 / 4_000.0
        };
        assert_eq!(changed(0), 0.0);
        // Changing two equal neighbours, or a letter for itself, changes nothing: a few in a hundred.
        assert!((0.26..0.33).contains(&changed(30)), "{}", changed(30));
        assert_eq!(corrupt(&text, 30), corrupt(&text, 30));
    }
}
