//! Services (the categories that can be reported) and their definitions.

use super::value::Value;
use crate::said::Said;

/// One category as Open311 shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    /// The category's code.
    pub code: String,
    /// Its name in Bahasa Indonesia.
    pub name: String,
    /// What belongs to it.
    pub description: String,
    /// Comma-separated words people use.
    pub keywords: String,
    /// The name of its group.
    pub group: String,
}

/// Code, order, question and choices of an attribute.
struct Attribute {
    code: &'static str,
    datatype: &'static str,
    hint: &'static str,
    question: &'static str,
    choices: &'static [(&'static str, &'static str)],
}

const YES_NO: &[(&str, &str)] = &[("ya", "Ya"), ("tidak", "Tidak")];

/// Attribute by which the reporter hides who they are from the agency and the public.
pub const ANONIM: &str = "anonim";
/// Attribute by which the reporter hides the whole complaint from the public.
pub const RAHASIA: &str = "rahasia";
/// Attribute for the place in words.
pub const PLACE: &str = "detail_lokasi";

/// The same for every category; none is required, so that clients that skip the definition can report.
const ATTRIBUTES: [Attribute; 3] = [
    Attribute {
        code: PLACE,
        datatype: "text",
        hint: "Dusun, RT/RW, atau patokan terdekat",
        question: "Di mana tepatnya?",
        choices: &[],
    },
    Attribute {
        code: ANONIM,
        datatype: "singlevaluelist",
        hint: "Instansi dan masyarakat tidak akan tahu siapa Anda",
        question: "Sembunyikan identitas saya?",
        choices: YES_NO,
    },
    Attribute {
        code: RAHASIA,
        datatype: "singlevaluelist",
        hint: "Isi pengaduan tidak ditampilkan kepada masyarakat",
        question: "Rahasiakan isi pengaduan?",
        choices: YES_NO,
    },
];

/// `services`; `kind` is realtime (posting answers with the id) or batch (with a token).
pub fn list(services: &[Service], kind: &'static str) -> Value {
    let one = |s: &Service| {
        Value::Record(vec![
            ("service_code", Value::from(s.code.as_str())),
            ("service_name", Value::from(s.name.as_str())),
            ("description", Value::from(s.description.as_str())),
            ("metadata", Value::Bool(true)),
            ("type", Value::from(kind)),
            ("keywords", Value::from(s.keywords.as_str())),
            ("group", Value::from(s.group.as_str())),
        ])
    };
    Value::List("service", services.iter().map(one).collect())
}

/// `service_definition` of one service.
pub fn definition(service: &Service) -> Value {
    let choice = |(key, name): &(&str, &str)| {
        Value::Record(vec![
            ("key", Value::from(*key)),
            ("name", Value::from(*name)),
        ])
    };
    let one = |(n, a): (usize, &Attribute)| {
        Value::Record(vec![
            ("variable", Value::Bool(true)),
            ("code", Value::from(a.code)),
            ("datatype", Value::from(a.datatype)),
            ("required", Value::Bool(false)),
            ("datatype_description", Value::from(a.hint)),
            ("order", Value::Whole(i64::try_from(n).unwrap_or(0) + 1)),
            ("description", Value::from(a.question)),
            (
                "values",
                Value::List("value", a.choices.iter().map(choice).collect()),
            ),
        ])
    };
    Value::Record(vec![
        ("service_code", Value::from(service.code.as_str())),
        (
            "attributes",
            Value::List(
                "attribute",
                ATTRIBUTES.iter().enumerate().map(one).collect(),
            ),
        ),
    ])
}

/// Whether a value may be given for an attribute; attributes that are not defined are ignored.
pub fn check_attribute(code: &str, values: &[String]) -> Result<(), Said> {
    let Some(attribute) = ATTRIBUTES.iter().find(|a| a.code == code) else {
        return Ok(());
    };
    if attribute.choices.is_empty() {
        return Ok(());
    }
    let wrong = values
        .iter()
        .find(|v| !v.is_empty() && !attribute.choices.iter().any(|(k, _)| k == v));
    match wrong {
        Some(value) => Err(Said::of(
            format!("attribute {code}: {value:?} is not one of its values"),
            format!("attribute {code}: {value:?} bukan salah satu pilihannya"),
        )),
        None if values.len() > 1 => Err(Said::of(
            format!("attribute {code} takes one value"),
            format!("attribute {code} hanya boleh satu nilai"),
        )),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::open311::Format;

    fn service() -> Service {
        Service {
            code: "jalan-rusak".into(),
            name: "Jalan rusak".into(),
            description: "Lubang & retak".into(),
            keywords: "jalan, lubang".into(),
            group: "Infrastruktur".into(),
        }
    }

    #[test]
    fn the_list_and_a_definition_have_the_specified_shapes() {
        let xml = Format::Xml.write("services", &list(&[service()], "realtime"));
        assert!(xml.contains("<services><service><service_code>jalan-rusak</service_code><service_name>Jalan rusak</service_name>"));
        assert!(xml.contains("<metadata>true</metadata><type>realtime</type>"));
        let text = Format::Json.write("service_definition", &definition(&service()));
        let json: serde_json::Value = serde_json::from_str(&text).expect("valid JSON");
        assert_eq!(json["service_code"], "jalan-rusak");
        assert_eq!(
            json["attributes"][1]["values"][0],
            serde_json::json!({"key": "ya", "name": "Ya"})
        );
        assert_eq!(json["attributes"][1]["order"], 2);
        let xml = Format::Xml.write("service_definition", &definition(&service()));
        assert!(xml.contains("<values><value><key>ya</key><name>Ya</name></value>"));
    }

    #[test]
    fn a_value_outside_a_list_is_refused() {
        assert!(check_attribute(ANONIM, &["ya".into()]).is_ok());
        assert!(check_attribute(ANONIM, &["mungkin".into()]).is_err());
        assert!(check_attribute(ANONIM, &["ya".into(), "tidak".into()]).is_err());
        assert!(check_attribute("lain", &["x".into()]).is_ok());
    }
}
