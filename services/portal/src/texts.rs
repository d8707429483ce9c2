//! Every word of the interface, from `texts.toml`: Bahasa Indonesia first, English second.

use std::{collections::HashMap, sync::LazyLock};

/// The language of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Lang {
    /// Bahasa Indonesia.
    #[default]
    Id,
    /// English.
    En,
}

impl Lang {
    /// The language's code in HTML, cookies and messages.
    pub fn code(self) -> &'static str {
        match self {
            Self::Id => "id",
            Self::En => "en",
        }
    }

    /// The language of a code; `None` for one that the pages do not speak.
    pub fn from_code(code: &str) -> Option<Self> {
        match code.trim().split(['-', '_']).next()? {
            "id" | "in" | "ms" => Some(Self::Id),
            "en" => Some(Self::En),
            _ => None,
        }
    }

    /// The first language of an `Accept-Language` header that the pages speak, by its weights; Bahasa Indonesia otherwise.
    pub fn accepted(header: &str) -> Self {
        let mut best = (0.0_f32, Self::Id);
        for part in header.split(',').take(20) {
            let mut pieces = part.split(';');
            let Some(lang) = pieces.next().and_then(Self::from_code) else {
                continue;
            };
            let weight = pieces
                .find_map(|p| p.trim().strip_prefix("q=")?.parse().ok())
                .unwrap_or(1.0);
            if weight > best.0 {
                best = (weight, lang);
            }
        }
        best.1
    }
}

/// The texts in one language.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Texts {
    /// The language.
    pub lang: Lang,
}

/// The file; its form is checked by a test, so that a broken one never ships.
const SOURCE: &str = include_str!("../texts.toml");

static TEXTS: LazyLock<HashMap<String, [String; 2]>> = LazyLock::new(|| read(SOURCE));

fn read(source: &str) -> HashMap<String, [String; 2]> {
    let mut texts = HashMap::new();
    let tables: HashMap<String, HashMap<String, [String; 2]>> =
        toml::from_str(source).unwrap_or_default();
    for (table, entries) in tables {
        for (name, pair) in entries {
            texts.insert(format!("{table}.{name}"), pair);
        }
    }
    texts
}

impl Texts {
    /// Texts in `lang`.
    pub fn new(lang: Lang) -> Self {
        Self { lang }
    }

    /// The text of a key such as `form.title`; the key itself when there is none, so that a gap is seen and harms nothing.
    pub fn get<'a>(&self, key: &'a str) -> &'a str {
        self.find(key).unwrap_or(key)
    }

    /// The text of a key that data make up (`state.<code>`); `None` when there is none.
    pub fn find(&self, key: &str) -> Option<&'static str> {
        TEXTS.get(key).map(|pair| match self.lang {
            Lang::Id => pair[0].as_str(),
            Lang::En => pair[1].as_str(),
        })
    }

    /// The name of a code: the text `<table>.<code>`, or the code itself when it is a newer one than these texts know.
    pub fn state(&self, table: &str, code: &str) -> String {
        self.find(&format!("{table}.{code}"))
            .unwrap_or(code)
            .to_owned()
    }

    /// The text of a key with `{name}` replaced by each value.
    pub fn with(&self, key: &str, values: &[(&str, &str)]) -> String {
        let mut text = self.get(key).to_owned();
        for (name, value) in values {
            text = text.replace(&format!("{{{name}}}"), value);
        }
        text
    }

    /// The sentence of a count: the key's text, or that of `<key>_one` for exactly one where the language needs it.
    pub fn count(&self, key: &str, n: &i64) -> String {
        let one = format!("{key}_one");
        let key = if *n == 1 && self.find(&one).is_some() {
            &one
        } else {
            key
        };
        self.with(key, &[("n", &n.to_string())])
    }

    /// The values of a list text, such as the months.
    pub fn list(&self, key: &str) -> Vec<&'static str> {
        self.find(key)
            .unwrap_or_default()
            .split_whitespace()
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{collections::BTreeSet, fs, path::Path};

    #[test]
    fn the_file_has_both_languages_for_every_key() {
        let tables: HashMap<String, HashMap<String, [String; 2]>> = toml::from_str(SOURCE).unwrap();
        for (table, entries) in tables {
            for (key, [id, en]) in entries {
                assert!(!id.is_empty() && !en.is_empty(), "{table}.{key}");
                let holes = |s: &str| s.matches('{').count();
                assert_eq!(
                    holes(&id),
                    holes(&en),
                    "{table}.{key} has other values in English"
                );
            }
        }
    }

    /// Keys written literally in templates and code.
    fn used(dir: &Path, keys: &mut BTreeSet<String>) {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                used(&path, keys);
                continue;
            }
            let text = fs::read_to_string(&path).unwrap_or_default();
            for call in ["get(\"", "with(\"", "count(\"", "list(\"", "find(\""] {
                for piece in text.split(call).skip(1) {
                    let key = piece.split('"').next().unwrap_or_default();
                    if key.contains('.') && !key.contains(['{', '/', ' ']) {
                        keys.insert(key.to_owned());
                    }
                }
            }
        }
    }

    #[test]
    fn every_key_that_a_page_asks_for_exists() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut keys = BTreeSet::new();
        used(&root.join("templates"), &mut keys);
        used(&root.join("src"), &mut keys);
        let missing: Vec<_> = keys.iter().filter(|k| !TEXTS.contains_key(*k)).collect();
        assert!(missing.is_empty(), "{missing:?}");
        assert!(keys.len() > 50);
    }

    #[test]
    fn the_readers_language_is_taken_from_what_they_accept() {
        for (header, lang) in [
            ("", Lang::Id),
            ("en-GB,en;q=0.9", Lang::En),
            ("de,en;q=0.5,id;q=0.8", Lang::Id),
            ("fr;q=nonsense,*", Lang::Id),
        ] {
            assert_eq!(Lang::accepted(header), lang, "{header}");
        }
    }
}
