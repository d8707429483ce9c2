//! What an operator saw elsewhere, and under which id it is known so that it is entered once.

use uuid::Uuid;

use super::{
    permalink::{self, Permalink},
    places,
    report::{Fault, MAX_TEXT, tidy},
};

/// The form's fields as they came.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "named as on the page")]
pub struct Fields {
    pub key: String,
    pub link: String,
    pub text: String,
    pub author: String,
    pub regency: String,
    pub address: String,
    pub rahasia: bool,
}

/// A form that may be submitted.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "named as on the page")]
pub struct Entry {
    /// Where the id is global.
    pub platform: String,
    /// The platform's id; the form's own key when there is no link.
    pub platform_id: String,
    pub permalink: Option<Permalink>,
    pub text: String,
    pub author: String,
    pub regency: String,
    pub address: String,
    pub rahasia: bool,
}

impl Fields {
    /// Takes one field of the form.
    pub fn set(&mut self, name: &str, value: String) {
        match name {
            "kunci" => self.key = value,
            "tautan" => self.link = value,
            "isi" => self.text = value,
            "penulis" => self.author = value,
            "kabupaten" => self.regency = value,
            "alamat" => self.address = value,
            "rahasia" => self.rahasia = !value.is_empty(),
            _ => {}
        }
    }

    /// Checks everything at once.
    ///
    /// # Errors
    /// Every [`Fault`], in the order of the page.
    pub fn check(&self) -> Result<Entry, Vec<Fault>> {
        let mut faults = Vec::new();
        let permalink = match self.link.trim() {
            "" => None,
            link => permalink::normalise(link)
                .map_err(|_| {
                    faults.push(Fault {
                        field: "tautan",
                        text: "entry.error_link",
                    })
                })
                .ok(),
        };
        let text = tidy(&self.text);
        if text.is_empty() {
            faults.push(Fault {
                field: "isi",
                text: "form.error_text_empty",
            });
        } else if text.chars().count() > MAX_TEXT {
            faults.push(Fault {
                field: "isi",
                text: "form.error_text_long",
            });
        }
        let key = Uuid::parse_str(&self.key).ok();
        if key.is_none() {
            faults.push(Fault {
                field: "isi",
                text: "form.error_key",
            });
        }
        let Some(key) = key.filter(|_| faults.is_empty()) else {
            return Err(faults);
        };
        let (platform, platform_id) = match &permalink {
            Some(p) => (p.platform.to_owned(), p.id.clone()),
            None => ("entry".to_owned(), key.to_string()),
        };
        Ok(Entry {
            platform,
            platform_id,
            permalink,
            text,
            author: tidy(&self.author).chars().take(100).collect(),
            regency: places::regency_code(&self.regency).to_owned(),
            address: tidy(&self.address)
                .chars()
                .take(super::report::MAX_ADDRESS)
                .collect(),
            rahasia: self.rahasia,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_operators_who_paste_one_post_enter_one_complaint() {
        let paste = |link: &str| {
            let f = Fields {
                key: Uuid::now_v7().to_string(),
                link: link.into(),
                text: "Air mati".into(),
                ..Fields::default()
            };
            let e = f.check().unwrap();
            (e.platform, e.platform_id)
        };
        assert_eq!(
            paste("https://x.com/a/status/7?s=20"),
            paste("twitter.com/i/status/7")
        );
        assert_ne!(paste(""), paste(""));
    }

    #[test]
    fn a_link_that_is_none_is_told() {
        let f = Fields {
            key: Uuid::nil().to_string(),
            link: "di grup WA".into(),
            ..Fields::default()
        };
        let fields: Vec<_> = f.check().unwrap_err().iter().map(|f| f.field).collect();
        assert_eq!(fields, ["tautan", "isi"]);
    }
}
