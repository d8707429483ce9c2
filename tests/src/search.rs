//! Searches bytes for what must not be in them, in every form in which it could have come there.

use std::{
    collections::BTreeSet,
    fmt::Write as _,
    path::{Path, PathBuf},
};

use aho_corasick::AhoCorasick;
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE},
};

/// What is looked for: tokens, each in all its forms.
pub struct Needles {
    tokens: Vec<Vec<u8>>,
    /// Texts and hexadecimal, whose letters may be of either case.
    folded: AhoCorasick,
    folded_of: Vec<Found>,
    /// Base64, whose letters may not.
    exact: AhoCorasick,
    exact_of: Vec<Found>,
}

/// A token was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Found {
    /// Which: its place among the tokens.
    pub token: usize,
    /// As what.
    pub form: &'static str,
}

impl Needles {
    /// Looks for these, each at least eight bytes long, so that none is found by chance.
    ///
    /// # Panics
    /// When one is shorter.
    pub fn new<T: AsRef<[u8]>>(tokens: impl IntoIterator<Item = T>) -> Self {
        let tokens: Vec<Vec<u8>> = tokens.into_iter().map(|t| t.as_ref().to_vec()).collect();
        let (mut folded, mut folded_of) = (Vec::new(), Vec::new());
        let (mut exact, mut exact_of) = (Vec::new(), Vec::new());
        for (n, token) in tokens.iter().enumerate() {
            assert!(token.len() >= 8, "{token:?} is too short to be looked for");
            for (form, bytes) in forms(token) {
                folded.push(bytes);
                folded_of.push(Found { token: n, form });
            }
            let cases = [
                token.clone(),
                token.to_ascii_lowercase(),
                token.to_ascii_uppercase(),
            ];
            for bytes in cases.iter().flat_map(|cased| base64_forms(cased)) {
                exact.push(bytes);
                exact_of.push(Found {
                    token: n,
                    form: "base64",
                });
            }
        }
        Self {
            tokens,
            folded: AhoCorasick::builder()
                .ascii_case_insensitive(true)
                .build(folded)
                .expect("patterns"),
            folded_of,
            exact: AhoCorasick::new(exact).expect("patterns"),
            exact_of,
        }
    }

    /// What is found.
    pub fn found_in(&self, bytes: &[u8]) -> BTreeSet<Found> {
        let folded = self.folded.find_overlapping_iter(bytes);
        let exact = self.exact.find_overlapping_iter(bytes);
        folded
            .map(|m| self.folded_of[m.pattern().as_usize()])
            .chain(exact.map(|m| self.exact_of[m.pattern().as_usize()]))
            .collect()
    }

    /// What was found, for people.
    pub fn name(&self, found: Found) -> String {
        let token = String::from_utf8_lossy(&self.tokens[found.token]);
        format!("{token} ({})", found.form)
    }
}

/// Every file below a folder.
pub fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => folders.push(entry.path()),
                Ok(kind) if kind.is_file() => files.push(entry.path()),
                _ => {}
            }
        }
    }
    files
}

fn forms(token: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let mut forms = vec![
        ("as it is", token.to_vec()),
        ("hex", hex::encode(token).into_bytes()),
        // As Rust and JSON write a list of bytes.
        ("list", list(token, ", ")),
        ("list", list(token, ",")),
    ];
    let Ok(text) = std::str::from_utf8(token) else {
        return forms;
    };
    let utf16 = text.encode_utf16();
    forms.push(("utf-16", utf16.flat_map(u16::to_le_bytes).collect()));
    for (form, escaped) in [
        (
            "json",
            escaped(text, |c, out| {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    let _ = write!(out, "\\u{unit:04x}");
                }
            }),
        ),
        (
            "rust",
            escaped(text, |c, out| {
                let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
            }),
        ),
        (
            "bytes",
            escaped(text, |c, out| {
                for byte in c.encode_utf8(&mut [0; 4]).bytes() {
                    let _ = write!(out, "\\x{byte:02x}");
                }
            }),
        ),
        (
            "html",
            escaped(text, |c, out| {
                let _ = write!(out, "&#{};", u32::from(c));
            }),
        ),
        (
            "html",
            escaped(text, |c, out| {
                let _ = write!(out, "&#x{:x};", u32::from(c));
            }),
        ),
        (
            "url",
            escaped(text, |c, out| {
                for byte in c.encode_utf8(&mut [0; 4]).bytes() {
                    let _ = write!(out, "%{byte:02X}");
                }
            }),
        ),
    ] {
        if escaped != text {
            forms.push((form, escaped.into_bytes()));
        }
    }
    if text.contains(' ') {
        forms.push(("form", text.replace(' ', "+").into_bytes()));
    }
    forms
}

/// The text with everything but ASCII letters, digits, dashes and dots written as `escape` does.
fn escaped(text: &str, escape: impl Fn(char, &mut String)) -> String {
    let mut out = String::new();
    for c in text.chars() {
        if c.is_ascii_alphanumeric() || c == '-' || c == '.' {
            out.push(c);
        } else {
            escape(c, &mut out);
        }
    }
    out
}

fn list(token: &[u8], between: &str) -> Vec<u8> {
    let numbers: Vec<String> = token.iter().map(u8::to_string).collect();
    numbers.join(between).into_bytes()
}

/// The characters that the token has in the base64 of any text that holds it: they depend only on how many bytes stand
/// before it, modulo three. The first and the last group are left out where neighbours take part in them.
fn base64_forms(token: &[u8]) -> Vec<Vec<u8>> {
    let mut forms = Vec::new();
    for before in 0..3 {
        let mut bytes = vec![0; before];
        bytes.extend_from_slice(token);
        let whole = bytes.len() / 3 * 4;
        let first = if before == 0 { 0 } else { 4 };
        for alphabet in [STANDARD, URL_SAFE] {
            let encoded = alphabet.encode(&bytes).into_bytes();
            let form = encoded[first..whole].to_vec();
            if !forms.contains(&form) {
                forms.push(form);
            }
        }
    }
    forms.retain(|form| form.len() >= 8);
    forms
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_found_in_every_form_and_not_where_it_is_not() {
        let name = "Zuqvérdo Wexhan";
        let needles = Needles::new([name]);
        let json = serde_json::json!({ "a": name }).to_string();
        let haystacks: Vec<(&str, Vec<u8>)> = vec![
            ("plain", format!("...{name}...").into_bytes()),
            ("upper case", b"ZUQV\xc3\xa9RDO WEXHAN".to_vec()),
            ("json", json.into_bytes()),
            ("escaped json", br#""Zuqv\u00e9rdo\u0020Wexhan""#.to_vec()),
            ("hex", hex::encode(format!("x{name}y")).into_bytes()),
            ("debug", format!("{:?}", name.as_bytes()).into_bytes()),
            ("form", b"nama=Zuqv%C3%A9rdo%20Wexhan".to_vec()),
            ("html", b"<b>Zuqv&#233;rdo&#32;Wexhan</b>".to_vec()),
            (
                "utf-16",
                format!("..{name}")
                    .encode_utf16()
                    .flat_map(u16::to_le_bytes)
                    .collect(),
            ),
        ];
        for (form, haystack) in haystacks {
            assert!(!needles.found_in(&haystack).is_empty(), "{form}");
        }
        for before in 0..7 {
            let around = format!("{}{name}{}", "x".repeat(before), "y".repeat(before % 4));
            assert!(
                !needles
                    .found_in(STANDARD.encode(&around).as_bytes())
                    .is_empty(),
                "{before}"
            );
            assert!(
                !needles
                    .found_in(URL_SAFE.encode(&around).as_bytes())
                    .is_empty(),
                "{before}"
            );
        }
        assert!(
            needles
                .found_in(b"Zuqverdo Wexham is somebody else")
                .is_empty()
        );
    }

    #[test]
    fn bytes_that_are_no_text_are_found_too() {
        let position = (-8.581_237_9_f64).to_le_bytes();
        let needles = Needles::new([position]);
        let mut row = b"\\x".to_vec();
        row.extend_from_slice(hex::encode(position).as_bytes());
        assert!(!needles.found_in(&row).is_empty());
        assert!(needles.found_in(b"-8.5812379").is_empty());
    }
}
