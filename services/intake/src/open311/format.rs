//! Formats and errors.

use chassis::problem::Language;

use super::value::{Value, to_json, to_xml};
use crate::said::Said;

/// The two formats, chosen by the ending of the path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// `.xml`, required by the specification.
    Xml,
    /// `.json`.
    Json,
}

impl Format {
    /// Splits `NTB-….json` into name and format; `None` when the ending is neither.
    pub fn split(segment: &str) -> Option<(&str, Self)> {
        let (name, ending) = segment.rsplit_once('.')?;
        match ending {
            "xml" => Some((name, Self::Xml)),
            "json" => Some((name, Self::Json)),
            _ => None,
        }
    }

    /// The value of the header `Content-Type`.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Xml => "text/xml; charset=utf-8",
            Self::Json => "application/json; charset=utf-8",
        }
    }

    /// Writes an answer whose XML root is `root`.
    pub fn write(self, root: &str, value: &Value) -> String {
        match self {
            Self::Xml => to_xml(root, value),
            Self::Json => to_json(value),
        }
    }
}

/// One or several errors of one call; the first one's code is the HTTP status.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.first().map_or("", |(_, d)| d.en.as_ref()))]
pub struct Errors(Vec<(u16, Said)>);

impl Errors {
    /// A single error.
    pub fn one(code: u16, description: Said) -> Self {
        Self(vec![(code, description)])
    }

    /// All of several; `None` when there are none.
    pub fn all(errors: Vec<(u16, Said)>) -> Option<Self> {
        (!errors.is_empty()).then_some(Self(errors))
    }

    /// The HTTP status.
    pub fn status(&self) -> u16 {
        self.0.first().map_or(400, |(code, _)| *code)
    }

    /// The body, `errors/error/code+description`, in the caller's language.
    pub fn write(&self, format: Format, language: Language) -> String {
        let one = |(code, description): &(u16, Said)| {
            Value::Record(vec![
                ("code", Value::Whole(i64::from(*code))),
                ("description", Value::from(description.to(language))),
            ])
        };
        format.write(
            "errors",
            &Value::List("error", self.0.iter().map(one).collect()),
        )
    }
}

/// Only one jurisdiction is served, so its id may be left out; another one's is not found.
pub fn check_jurisdiction(given: Option<&str>, own: &str) -> Result<(), Errors> {
    match given {
        Some(id) if !id.is_empty() && id != own => Err(Errors::one(
            404,
            Said::of(
                format!("jurisdiction_id {id:?} was not found; this endpoint serves {own}"),
                format!("jurisdiction_id {id:?} tidak ditemukan; layanan ini untuk {own}"),
            ),
        )),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_have_the_form_of_the_specification_in_both_formats() {
        let errors = Errors::one(403, Said::new("Invalid api_key", "api_key tidak sah"));
        assert_eq!(
            errors.write(Format::Xml, Language::English),
            "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<errors><error><code>403</code><description>Invalid api_key</description></error></errors>\n"
        );
        assert_eq!(
            errors.write(Format::Json, Language::Indonesian),
            r#"[{"code":403,"description":"api_key tidak sah"}]"#
        );
    }

    #[test]
    fn the_ending_chooses_the_format() {
        assert_eq!(
            Format::split("requests.json"),
            Some(("requests", Format::Json))
        );
        assert_eq!(Format::split("NTB-1.2.xml"), Some(("NTB-1.2", Format::Xml)));
        assert_eq!(Format::split("requests.html"), None);
        assert_eq!(Format::split("requests"), None);
    }
}
