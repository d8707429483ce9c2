//! Service discovery: where the endpoints are and what they speak.

use super::value::Value;

const SPECIFICATION: &str = "http://wiki.open311.org/GeoReport_v2";
/// When the served interface last changed; clients reread the services when it moves.
const CHANGESET: &str = "2026-11-01T00:00:00+08:00";

/// The discovery document for the public address `base` (without a slash at its end).
pub fn discovery(base: &str, contact: &str) -> Value {
    let endpoint = |path: &str, kind: &str| {
        Value::Record(vec![
            ("specification", Value::from(SPECIFICATION)),
            ("url", Value::Text(format!("{base}{path}"))),
            ("changeset", Value::from(CHANGESET)),
            ("type", Value::from(kind)),
            (
                "formats",
                Value::List(
                    "format",
                    vec![Value::from("text/xml"), Value::from("application/json")],
                ),
            ),
        ])
    };
    Value::Record(vec![
        ("changeset", Value::from(CHANGESET)),
        ("contact", Value::from(contact)),
        (
            "key_service",
            Value::Text(format!("API keys are given on request: {contact}")),
        ),
        (
            "endpoints",
            Value::List(
                "endpoint",
                vec![
                    endpoint("/open311/v2", "production"),
                    endpoint("/open311/test/v2", "test"),
                ],
            ),
        ),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::open311::Format;

    #[test]
    fn two_endpoints_and_two_formats_are_listed() {
        let text = Format::Json.write(
            "discovery",
            &discovery("https://aduan.example", "admin@example.org"),
        );
        let json: serde_json::Value = serde_json::from_str(&text).expect("valid JSON");
        assert_eq!(json["endpoints"].as_array().map(Vec::len), Some(2));
        assert_eq!(
            json["endpoints"][0]["formats"],
            serde_json::json!(["text/xml", "application/json"])
        );
        let xml = Format::Xml.write("discovery", &discovery("https://aduan.example", "x"));
        assert!(
            xml.contains("<endpoints><endpoint><specification>"),
            "{xml}"
        );
        assert!(xml.contains(
            "<formats><format>text/xml</format><format>application/json</format></formats>"
        ));
    }
}
