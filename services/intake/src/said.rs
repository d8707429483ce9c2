//! Sentences for the caller, in both languages: whoever writes one writes the other.

use std::borrow::Cow;

use chassis::problem::Language;

/// A sentence in English and in Bahasa Indonesia.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// In English.
    pub en: Cow<'static, str>,
    /// In Bahasa Indonesia.
    pub id: Cow<'static, str>,
}

impl Said {
    /// Fixed words.
    pub const fn new(en: &'static str, id: &'static str) -> Self {
        Self {
            en: Cow::Borrowed(en),
            id: Cow::Borrowed(id),
        }
    }

    /// Words with values in them.
    pub fn of(en: String, id: String) -> Self {
        Self {
            en: Cow::Owned(en),
            id: Cow::Owned(id),
        }
    }

    /// In the caller's language.
    pub fn to(&self, language: Language) -> &str {
        match language {
            Language::English => &self.en,
            Language::Indonesian => &self.id,
        }
    }

    /// With the name of a field before it.
    pub fn about(&self, field: &str) -> Self {
        Self::of(
            format!("{field}: {}", self.en),
            format!("{field}: {}", self.id),
        )
    }
}
