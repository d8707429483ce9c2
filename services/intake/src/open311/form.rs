//! The form of `POST requests`.

use super::format::Errors;
use super::services::{ANONIM, PLACE, RAHASIA, check_attribute};
use crate::said::Said;

/// Longest description, in characters (specification).
const MAX_DESCRIPTION: usize = 4000;
/// Longest value of any other field, in characters.
const MAX_FIELD: usize = 500;
/// Most attributes of one form.
const MAX_ATTRIBUTES: usize = 20;

/// A request as a client sent it, checked in itself (whether the service exists is asked elsewhere).
#[derive(Debug, Clone, PartialEq, Default)]
pub struct NewRequest {
    /// Given jurisdiction.
    pub jurisdiction_id: Option<String>,
    /// Category.
    pub service_code: String,
    /// Latitude and longitude, WGS 84 degrees.
    pub position: Option<(f64, f64)>,
    /// Place in words.
    pub address: Option<String>,
    /// E-mail address of the reporter.
    pub email: Option<String>,
    /// Identifier of the device.
    pub device_id: Option<String>,
    /// Identifier of the reporter's account at the client.
    pub account_id: Option<String>,
    /// First and last name together.
    pub name: Option<String>,
    /// Telephone number.
    pub phone: Option<String>,
    /// The text.
    pub description: String,
    /// A link to a photo; kept, never fetched by the service.
    pub media_url: Option<String>,
    /// Attributes of the definition, code and values.
    pub attributes: Vec<(String, Vec<String>)>,
    /// The reporter wants to stay hidden from agency and public.
    pub anonim: bool,
    /// The content is hidden from the public.
    pub rahasia: bool,
}

/// Reads the fields in the order they were sent; all mistakes are reported at once.
pub fn parse(fields: &[(String, String)]) -> Result<NewRequest, Errors> {
    let mut errors = Vec::new();
    // An empty field counts as one that was not sent (specification, "Optional Arguments").
    let get = |name: &str| {
        fields
            .iter()
            .rev()
            .find(|(n, v)| n == name && !v.trim().is_empty())
            .map(|(_, v)| v.trim().to_owned())
    };
    for (name, value) in fields {
        let most = if name == "description" {
            MAX_DESCRIPTION
        } else {
            MAX_FIELD
        };
        let long = !matches!(name.as_str(), "api_key") && value.chars().count() > most;
        if long && !name.starts_with("attribute[") {
            errors.push((400, longer(name, most)));
        }
    }
    let mut request = NewRequest {
        jurisdiction_id: get("jurisdiction_id"),
        service_code: get("service_code").unwrap_or_default(),
        email: get("email"),
        device_id: get("device_id"),
        account_id: get("account_id"),
        phone: get("phone"),
        description: get("description").unwrap_or_default(),
        media_url: get("media_url")
            .filter(|u| u.starts_with("https://") || u.starts_with("http://")),
        attributes: attributes(fields),
        ..NewRequest::default()
    };
    if request.service_code.is_empty() {
        errors.push((
            400,
            Said::new("service_code was not provided", "service_code belum diisi"),
        ));
    }
    let name = [get("first_name"), get("last_name")]
        .into_iter()
        .flatten()
        .collect::<Vec<_>>()
        .join(" ");
    request.name = Some(name).filter(|n| !n.is_empty());
    match position(get("lat"), get("long")) {
        Ok(position) => request.position = position,
        Err(problem) => errors.push((400, problem)),
    }
    if request.attributes.len() > MAX_ATTRIBUTES {
        errors.push((
            400,
            Said::of(
                format!("more than {MAX_ATTRIBUTES} attributes"),
                format!("lebih dari {MAX_ATTRIBUTES} atribut"),
            ),
        ));
    }
    for (code, values) in &request.attributes {
        if values.iter().any(|v| v.chars().count() > MAX_DESCRIPTION) {
            errors.push((400, longer(&format!("attribute {code}"), MAX_DESCRIPTION)));
        }
        if let Err(problem) = check_attribute(code, values) {
            errors.push((400, problem));
        }
    }
    let attribute = |code: &str| {
        request
            .attributes
            .iter()
            .find(|(c, _)| c == code)
            .and_then(|(_, v)| v.first())
    };
    request.anonim = attribute(ANONIM).is_some_and(|v| v == "ya");
    request.rahasia = attribute(RAHASIA).is_some_and(|v| v == "ya");
    let place: Vec<String> = [
        get("address_string"),
        get("address_id"),
        attribute(PLACE).filter(|v| !v.is_empty()).cloned(),
    ]
    .into_iter()
    .flatten()
    .collect();
    request.address =
        Some(place.join(", ").chars().take(MAX_FIELD).collect()).filter(|a: &String| !a.is_empty());
    if request.position.is_none() && request.address.is_none() && errors.is_empty() {
        errors.push((
            400,
            Said::new(
                "a location is needed: lat and long, address_string, or address_id",
                "lokasi belum diisi: lat dan long, address_string, atau address_id",
            ),
        ));
    }
    Errors::all(errors).map_or(Ok(request), Err)
}

fn longer(name: &str, most: usize) -> Said {
    Said::of(
        format!("{name} is longer than {most} characters"),
        format!("{name} lebih dari {most} karakter"),
    )
}

/// Latitude and longitude, both or none.
pub(super) fn position(
    lat: Option<String>,
    long: Option<String>,
) -> Result<Option<(f64, f64)>, Said> {
    let (Some(lat), Some(long)) = (&lat, &long) else {
        return if lat.is_none() && long.is_none() {
            Ok(None)
        } else {
            Err(Said::new(
                "lat and long must be given together",
                "lat dan long harus diisi bersama",
            ))
        };
    };
    let number = |t: &str, most: f64| t.parse::<f64>().ok().filter(|n| n.abs() <= most);
    match (number(lat, 90.0), number(long, 180.0)) {
        (Some(lat), Some(long)) => Ok(Some((lat, long))),
        _ => Err(Said::new(
            "lat and long must be WGS 84 degrees",
            "lat dan long harus derajat WGS 84",
        )),
    }
}

/// `attribute[CODE]=v` and `attribute[CODE][]=v`, repeated for several values.
fn attributes(fields: &[(String, String)]) -> Vec<(String, Vec<String>)> {
    let mut found: Vec<(String, Vec<String>)> = Vec::new();
    for (name, value) in fields {
        let Some(code) = name
            .strip_prefix("attribute[")
            .and_then(|n| n.strip_suffix("[]").unwrap_or(n).strip_suffix(']'))
        else {
            continue;
        };
        match found.iter_mut().find(|(c, _)| c == code) {
            Some((_, values)) => values.push(value.clone()),
            None => found.push((code.to_owned(), vec![value.clone()])),
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs
            .iter()
            .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()))
            .collect()
    }

    #[test]
    fn a_full_form_is_read() {
        let request = parse(&fields(&[
            ("service_code", "jalan-rusak"),
            ("lat", "-8.58"),
            ("long", "116.11"),
            ("first_name", "Siti"),
            ("last_name", "A"),
            ("description", "Lubang"),
            ("attribute[anonim]", "ya"),
            ("attribute[x][]", "1"),
            ("attribute[x][]", "2"),
            ("address_string", "Jl. Uji"),
            ("email", ""),
            ("media_url", "javascript:alert(1)"),
        ]))
        .expect("valid");
        assert_eq!(request.position, Some((-8.58, 116.11)));
        assert_eq!(request.name.as_deref(), Some("Siti A"));
        assert!(request.anonim && !request.rahasia);
        assert_eq!(
            request.attributes[1],
            ("x".into(), vec!["1".into(), "2".into()])
        );
        assert_eq!((request.email, request.media_url), (None, None));
    }

    #[test]
    fn every_mistake_is_named_and_an_address_is_location_enough() {
        let errors = parse(&fields(&[
            ("lat", "100"),
            ("long", "0"),
            ("attribute[anonim]", "?"),
        ]))
        .expect_err("invalid");
        assert_eq!(errors.status(), 400);
        let text = errors.write(
            crate::open311::Format::Json,
            chassis::problem::Language::English,
        );
        assert!(
            text.contains("service_code") && text.contains("WGS 84") && text.contains("anonim"),
            "{text}"
        );
        assert!(parse(&fields(&[("service_code", "a")])).is_err());
        assert!(parse(&fields(&[("service_code", "a"), ("lat", "1")])).is_err());
        assert!(
            parse(&fields(&[
                ("service_code", "a"),
                ("address_string", "Praya")
            ]))
            .is_ok()
        );
        let long = "x".repeat(4001);
        assert!(
            parse(&fields(&[
                ("service_code", "a"),
                ("address_string", "Praya"),
                ("description", &long)
            ]))
            .is_err()
        );
    }
}
