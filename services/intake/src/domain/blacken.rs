//! Blackening: what an operator has taken out of a text stays out of it for everybody but its author.

/// Spans of characters, each from its first to before its last.
pub type Spans = Vec<(usize, usize)>;

/// Blackens spans of characters; the text keeps its length.
pub fn blacken(text: &str, spans: Option<&Spans>) -> String {
    let Some(spans) = spans else {
        return text.to_owned();
    };
    let black = |n: usize| {
        spans
            .iter()
            .any(|(first, last)| (*first..*last).contains(&n))
    };
    text.chars()
        .enumerate()
        .map(|(n, c)| if black(n) { '█' } else { c })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blackened_characters_keep_their_number() {
        assert_eq!(
            blacken("Inaq Sari sakit", Some(&vec![(5, 9)])),
            "Inaq ████ sakit"
        );
        assert_eq!(blacken("tetap", None), "tetap");
        assert_eq!(blacken("é!", Some(&vec![(0, 9)])), "██");
    }
}
