//! Ticket numbers and the secret beside them.
//!
//! A ticket number is read aloud over the telephone, so it uses Crockford's base 32 (no I, L, O, U)
//! and ends in a check character. It is public and grants nothing; only the secret does. Both are
//! made from bytes the caller draws, so that this file stays pure.

use std::fmt;

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// Crockford's alphabet: the position of a character is its value.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const PREFIX: &str = "NTB";
/// Random characters of a ticket, five bits each: 40 bits.
pub const TICKET_RANDOM: usize = 8;
/// Random characters of a secret, five bits each: 100 bits.
pub const SECRET_RANDOM: usize = 20;

/// Why a text is not a ticket number or a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TicketError {
    /// Too few or too many characters.
    #[error("a ticket number has nine characters after NTB")]
    Length,
    /// A character outside the alphabet that cannot be read as one inside it.
    #[error("a ticket number has only digits and letters")]
    Character,
    /// The check character does not fit the others: mistyped.
    #[error("the ticket number is mistyped")]
    Check,
}

/// `NTB-XXX-XXX-XXC`: eight random characters and a check character.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TicketNumber([u8; TICKET_RANDOM + 1]);

impl TicketNumber {
    /// Makes a ticket number of random bytes, of which the low five bits count.
    pub fn from_random(bytes: [u8; TICKET_RANDOM]) -> Self {
        let mut chars = [0; TICKET_RANDOM + 1];
        for (c, b) in chars.iter_mut().zip(bytes) {
            *c = ALPHABET[usize::from(b & 31)];
        }
        chars[TICKET_RANDOM] = ALPHABET[usize::from(check(bytes.map(|b| b & 31)))];
        Self(chars)
    }

    /// Reads what a person typed or a page sent: any case, O for 0, I or L for 1, with or without
    /// prefix, dashes and spaces. A wrong check character is refused.
    pub fn parse(text: &str) -> Result<Self, TicketError> {
        let mut chars = plain(text)?;
        if chars.len() == TICKET_RANDOM + 1 + PREFIX.len() && chars.starts_with(PREFIX.as_bytes()) {
            chars.drain(..PREFIX.len());
        }
        let chars: [u8; TICKET_RANDOM + 1] = chars.try_into().map_err(|_| TicketError::Length)?;
        let mut values = [0; TICKET_RANDOM];
        for (v, c) in values.iter_mut().zip(chars) {
            *v = value(c).ok_or(TicketError::Character)?;
        }
        if ALPHABET[usize::from(check(values))] != chars[TICKET_RANDOM] {
            return Err(TicketError::Check);
        }
        Ok(Self(chars))
    }
}

impl fmt::Display for TicketNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(PREFIX)?;
        for group in self.0.chunks(3) {
            f.write_str("-")?;
            for c in group {
                write!(f, "{}", char::from(*c))?;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for TicketNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The secret that lets its holder act as the reporter: `XXXXX-XXXXX-XXXXX-XXXXX`, shown once.
/// It has no `Debug` that shows it, so that no log can.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret([u8; SECRET_RANDOM]);

impl Secret {
    /// Makes a secret of random bytes, of which the low five bits count.
    pub fn from_random(bytes: [u8; SECRET_RANDOM]) -> Self {
        Self(bytes.map(|b| ALPHABET[usize::from(b & 31)]))
    }

    /// Reads a secret as forgivingly as a ticket number.
    pub fn parse(text: &str) -> Result<Self, TicketError> {
        let chars = plain(text)?;
        Ok(Self(chars.try_into().map_err(|_| TicketError::Length)?))
    }

    /// What is stored: SHA-256. A slow hash would add nothing to 100 random bits.
    pub fn hash(&self) -> [u8; 32] {
        Sha256::digest(self.0).into()
    }

    /// Compares in constant time with a stored hash.
    pub fn matches(&self, stored: &[u8]) -> bool {
        self.hash().ct_eq(stored).into()
    }

    /// The text to show to the reporter, once.
    pub fn reveal(&self) -> String {
        let groups: Vec<String> = self
            .0
            .chunks(5)
            .map(|g| g.iter().map(|c| char::from(*c)).collect())
            .collect();
        groups.join("-")
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// Removes what people put between the characters and maps look-alikes onto the alphabet.
fn plain(text: &str) -> Result<Vec<u8>, TicketError> {
    // Nothing longer can be either; this bounds the work on hostile input.
    if text.len() > 80 {
        return Err(TicketError::Length);
    }
    text.chars()
        .filter(|c| !c.is_whitespace() && !matches!(c, '-' | '.' | '_' | '–' | '—' | '#' | ':'))
        .map(|c| match c.to_ascii_uppercase() {
            'O' => Ok(b'0'),
            'I' | 'L' => Ok(b'1'),
            'U' => Ok(b'V'),
            c if c.is_ascii_alphanumeric() => Ok(c as u8),
            _ => Err(TicketError::Character),
        })
        .collect()
}

fn value(c: u8) -> Option<u8> {
    ALPHABET
        .iter()
        .position(|a| *a == c)
        .and_then(|p| u8::try_from(p).ok())
}

/// ISO 7064 hybrid system MOD 33,32: the standard's construction on this alphabet of 32. It finds
/// every single wrong character and nearly every swap of neighbours.
fn check(values: [u8; TICKET_RANDOM]) -> u8 {
    const M: u32 = 32;
    let mut p = M;
    for v in values {
        let s = (p + u32::from(v)) % M;
        p = (if s == 0 { M } else { s }) * 2 % (M + 1);
    }
    // p is 1..=32, so the difference is 1..=32 and the result below 32.
    ((M + 1 - p) % M) as u8
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_people_make_of_a_number_is_read_back(bytes: [u8; 8], lower: bool, dashes: bool, prefix: bool) {
            let ticket = TicketNumber::from_random(bytes);
            let mut text = ticket.to_string();
            if !dashes { text = text.replace('-', " "); }
            if lower { text = text.to_lowercase(); }
            if !prefix { text = text[4..].to_owned(); }
            let text = text.replace('0', "o").replace('1', "l");
            prop_assert_eq!(TicketNumber::parse(&text), Ok(ticket));
        }

        #[test]
        fn one_wrong_character_is_always_found(bytes: [u8; 8], at in 0usize..9, other in 0usize..32) {
            let mut ticket = TicketNumber::from_random(bytes);
            prop_assume!(ticket.0[at] != ALPHABET[other]);
            ticket.0[at] = ALPHABET[other];
            prop_assert_eq!(TicketNumber::parse(&ticket.to_string()), Err(TicketError::Check));
        }

        #[test]
        fn no_text_makes_the_parser_fail_badly(text: String) {
            let _ = TicketNumber::parse(&text);
            let _ = Secret::parse(&text);
        }
    }

    #[test]
    fn swapped_neighbours_are_nearly_always_found() {
        let (mut swaps, mut missed) = (0, 0);
        for seed in 0..=255u8 {
            let ticket = TicketNumber::from_random([
                seed,
                seed / 3,
                seed / 7,
                9,
                seed ^ 21,
                4,
                30,
                seed / 2,
            ]);
            for at in 0..8 {
                let mut other = ticket.clone();
                other.0.swap(at, at + 1);
                if other != ticket {
                    swaps += 1;
                    missed += usize::from(TicketNumber::parse(&other.to_string()).is_ok());
                }
            }
        }
        assert!(missed * 50 < swaps, "{missed} of {swaps}");
    }

    #[test]
    fn a_secret_matches_only_its_own_hash_and_shows_itself_nowhere() {
        let secret = Secret::from_random([7; 20]);
        let typed = Secret::parse(&secret.reveal().to_lowercase()).expect("reads back");
        assert!(typed.matches(&secret.hash()));
        assert!(!Secret::from_random([8; 20]).matches(&secret.hash()));
        assert!(!secret.matches(b"short"));
        assert_eq!(format!("{secret:?}"), "Secret(…)");
    }
}
