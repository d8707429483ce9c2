//! Text as features see it: one spelling for one word, and nothing that identifies a person.

use std::borrow::Cow;

use contracts::mask as label;
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Only so much of a text is looked at (bytes), so that any input takes bounded time. Real complaints
/// have a median near 150 bytes; the longest thousandth is below 4,000.
pub const MAX_BYTES: usize = 8 * 1024;

const LINK: &str = "xtautanx";
const EMAIL: &str = "xemailx";
const ACCOUNT: &str = "xakunx";
const NIK: &str = "xnikx";
const PHONE: &str = "xteleponx";

/// Digits that an Indonesian identity number (NIK) has.
const NIK_DIGITS: usize = 16;
/// A run of digits from this length on is an identifying number of some sort.
const PHONE_DIGITS: usize = 9;

/// Compatibility forms folded and marks dropped (so that "ndéq" is "ndeq"), lower case, no controls, elongation squeezed ("toloooong" → "tolong"), links, e-mail
/// addresses, accounts, NIK and phone numbers replaced by one word each, every other digit by `0`.
///
/// What intake has masked reads as what it stands for would: a model learns from both.
pub fn normalise(text: &str) -> String {
    let unmasked = unlabelled(cut(text, MAX_BYTES));
    let folded = fold(&unmasked);
    let mut out = String::with_capacity(folded.len() + 16);
    for token in folded.split_whitespace() {
        if !out.is_empty() {
            out.push(' ');
        }
        match mask(token) {
            Some(word) => out.push_str(word),
            None => out.push_str(token),
        }
    }
    mask_digits(&out)
}

/// Puts the words of this module in place of intake's labels: "[telepon]" tells of no telephone line.
fn unlabelled(text: &str) -> Cow<'_, str> {
    let mut text = Cow::Borrowed(text);
    if text.contains('[') {
        for (label, word) in [
            (label::NIK, NIK),
            (label::PHONE, PHONE),
            (label::ACCOUNT, PHONE),
            (label::NUMBER, PHONE),
            (label::EMAIL, EMAIL),
            (label::PLATE, ""),
            (label::NAME, ""),
        ] {
            if text.contains(label) {
                text = Cow::Owned(text.replace(label, word));
            }
        }
    }
    text
}

/// The longest beginning of `text` with at most `max` bytes.
pub fn cut(text: &str, max: usize) -> &str {
    &text[..text.floor_char_boundary(max)]
}

fn fold(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut squeeze = Squeeze::default();
    if text.is_ascii() {
        for c in text.chars() {
            squeeze.push(c.to_ascii_lowercase(), &mut out);
        }
    } else {
        for c in text.nfkd().take(MAX_BYTES) {
            for lower in c.to_lowercase() {
                if !is_combining_mark(lower) && !is_invisible(lower) {
                    squeeze.push(lower, &mut out);
                }
            }
        }
    }
    squeeze.flush(&mut out);
    out
}

fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{feff}')
}

/// Holds back a run of one letter: three or more become one, two stay two.
#[derive(Default)]
struct Squeeze {
    held: Option<char>,
    count: usize,
}

impl Squeeze {
    fn push(&mut self, c: char, out: &mut String) {
        let c = if c.is_control() { ' ' } else { c };
        if self.held == Some(c) {
            self.count += 1;
        } else {
            self.flush(out);
            self.held = Some(c);
            self.count = 1;
        }
    }

    fn flush(&mut self, out: &mut String) {
        if let Some(c) = self.held.take() {
            let keep = match self.count {
                n if c.is_numeric() => n.min(NIK_DIGITS + 1),
                1 => 1,
                2 if c.is_alphabetic() => 2,
                _ => 1,
            };
            out.extend(std::iter::repeat_n(c, keep));
        }
    }
}

fn mask(token: &str) -> Option<&'static str> {
    if token.starts_with("http") && token.contains("://")
        || token.starts_with("w.") // "www." after squeezing
        || token.starts_with("wa.me/")
        || token.starts_with("t.me/")
        || token.contains(".com/")
        || token.contains(".id/")
    {
        return Some(LINK);
    }
    let at = token.find('@')?;
    let after = &token[at + 1..];
    if at == 0 {
        (!after.is_empty()).then_some(ACCOUNT)
    } else {
        after.contains('.').then_some(EMAIL)
    }
}

/// Replaces runs of digits, which may hold single blanks, dots, dashes or brackets as people write phone numbers.
fn mask_digits(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(|c: char| c.is_numeric()) {
        out.push_str(&rest[..start]);
        let tail = &rest[start..];
        let (length, digits) = number(tail);
        if digits >= NIK_DIGITS {
            out.push_str(NIK);
            rest = &tail[length..];
        } else if digits >= PHONE_DIGITS {
            out.push_str(PHONE);
            rest = &tail[length..];
        } else {
            let end = tail.find(|c: char| !c.is_numeric()).unwrap_or(tail.len());
            out.extend(tail[..end].chars().map(|_| '0'));
            rest = &tail[end..];
        }
    }
    out.push_str(rest);
    out
}

/// Length in bytes and number of digits of the number that `text` begins with.
fn number(text: &str) -> (usize, usize) {
    let (mut length, mut digits, mut gap) = (0, 0, 0);
    for (at, c) in text.char_indices() {
        if c.is_numeric() {
            digits += 1;
            gap = 0;
            length = at + c.len_utf8();
        } else if matches!(c, ' ' | '-' | '.') && gap == 0 {
            gap = 1;
        } else {
            break;
        }
    }
    (length, digits)
}

/// Whether a word of a normalised text stands for a number or address of a person. That somebody can be called says nothing
/// about what they write of.
pub fn names_a_person(word: &str) -> bool {
    matches!(word, NIK | PHONE | EMAIL)
}

/// Words of a normalised text: runs of letters and digits, with their byte ranges.
pub fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_word_has_one_spelling() {
        assert_eq!(normalise("TOLOOOONG  Pak!!!"), "tolong pak!");
        assert_eq!(normalise("ｊａｌａｎ\u{200b} rus\u{301}ak"), "jalan rusak");
        assert_eq!(normalise("RT 03/RW 12"), "rt 00/rw 00");
    }

    #[test]
    fn what_identifies_a_person_is_gone_before_features() {
        let nik = "52".repeat(8);
        let text =
            format!("nik {nik} wa 0812-0000-0001 atau budi@contoh.id @budi https://contoh.id/x");
        assert_eq!(
            normalise(&text),
            "nik xnikx wa xteleponx atau xemailx xakunx xtautanx"
        );
        assert_eq!(normalise("+62 812 0000 0001"), "+xteleponx");
    }

    #[test]
    fn what_intake_masked_reads_as_what_it_stands_for() {
        let raw = "hubungi 0812-0000-0001 atau budi@contoh.id, rumah Pak Budi";
        let masked = contracts::mask::mask(raw);
        assert_eq!(masked, "hubungi [telepon] atau [email], rumah Pak [nama]");
        let words: Vec<String> = words(&normalise(&masked)).map(str::to_owned).collect();
        assert_eq!(
            words,
            ["hubungi", "xteleponx", "atau", "xemailx", "rumah", "pak"]
        );
    }

    #[test]
    fn any_input_is_bounded() {
        for bad in [
            "\u{0}\u{1}\u{fffd}",
            "😭😭😭",
            "e\u{301}\u{301}\u{301}\u{301}",
            "\u{fdfa}",
            "",
        ] {
            let long = bad.repeat(100_000);
            assert!(normalise(&long).len() <= 4 * MAX_BYTES + 64);
        }
    }
}
