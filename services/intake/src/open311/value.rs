//! One tree for both formats, so that XML and JSON cannot drift apart.

use std::fmt::Write;

use serde_json::{Map, Number, Value as Json};

/// A value of an answer.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Absent: an empty element, `null`.
    Null,
    /// Text. Identifiers are always text, never numbers.
    Text(String),
    /// A decimal number (coordinates).
    Number(f64),
    /// A whole number (orders, error codes).
    Whole(i64),
    /// true or false.
    Bool(bool),
    /// Named fields in order.
    Record(Vec<(&'static str, Value)>),
    /// A list: in XML each item is an element of this name, in JSON an array, also for one item.
    List(&'static str, Vec<Value>),
}

impl Value {
    /// Text, or absent when there is none.
    pub fn text(text: Option<impl Into<String>>) -> Self {
        text.map_or(Self::Null, |t| Self::Text(t.into()))
    }

    /// A number, or absent.
    pub fn number(number: Option<f64>) -> Self {
        number
            .filter(|n| n.is_finite())
            .map_or(Self::Null, Self::Number)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

/// The XML document with `root` around the value.
pub fn to_xml(root: &str, value: &Value) -> String {
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"utf-8\"?>\n");
    element(&mut out, root, value);
    out.push('\n');
    out
}

/// The JSON text of the value; the root's name does not appear.
pub fn to_json(value: &Value) -> String {
    json(value).to_string()
}

fn element(out: &mut String, name: &str, value: &Value) {
    if *value == Value::Null {
        // Writing to a String cannot fail.
        let _ = write!(out, "<{name}/>");
        return;
    }
    let _ = write!(out, "<{name}>");
    match value {
        Value::Null => {}
        Value::Text(text) => escape(out, text),
        Value::Number(n) => out.push_str(&n.to_string()),
        Value::Whole(n) => out.push_str(&n.to_string()),
        Value::Bool(b) => out.push_str(if *b { "true" } else { "false" }),
        Value::Record(fields) => fields.iter().for_each(|(n, v)| element(out, n, v)),
        Value::List(item, items) => items.iter().for_each(|v| element(out, item, v)),
    }
    let _ = write!(out, "</{name}>");
}

fn escape(out: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            '\t' | '\n' | '\r' => out.push(c),
            // XML 1.0 cannot carry these at all, not even escaped; one would spoil the whole answer.
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => {}
            c => out.push(c),
        }
    }
}

fn json(value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Text(text) => Json::String(text.clone()),
        Value::Number(n) => Number::from_f64(*n).map_or(Json::Null, Json::Number),
        Value::Whole(n) => Json::from(*n),
        Value::Bool(b) => Json::Bool(*b),
        Value::Record(fields) => Json::Object(
            fields
                .iter()
                .map(|(n, v)| ((*n).to_owned(), json(v)))
                .collect::<Map<_, _>>(),
        ),
        Value::List(_, items) => Json::Array(items.iter().map(json).collect()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_escaped_and_what_xml_cannot_carry_is_left_out() {
        let value = Value::Record(vec![
            ("description", Value::from("a < b & \u{0}\"c\"\n")),
            ("zipcode", Value::Null),
        ]);
        assert_eq!(
            to_xml("request", &value),
            "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<request><description>a &lt; b &amp; &quot;c&quot;\n</description><zipcode/></request>\n"
        );
        let back: Json = serde_json::from_str(&to_json(&value)).expect("valid JSON");
        assert_eq!(back["description"], "a < b & \u{0}\"c\"\n");
        assert_eq!(back["zipcode"], Json::Null);
    }
}
