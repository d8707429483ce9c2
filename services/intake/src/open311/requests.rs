//! Service requests as answers: of `POST requests`, `GET tokens`, `GET requests`.

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use time::macros::offset;

use super::value::Value;

/// What the public may see of one complaint: fields that it may not see are already `None`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PublicRequest {
    /// Ticket number.
    pub ticket: String,
    /// Whether work on it has ended.
    pub closed: bool,
    /// The public state in words.
    pub status_notes: String,
    /// Its code.
    pub state: String,
    /// Category name.
    pub service_name: Option<String>,
    /// Category code.
    pub service_code: Option<String>,
    /// Masked text.
    pub description: Option<String>,
    /// The agency that has it.
    pub agency: Option<String>,
    /// When it was accepted.
    pub requested: Option<OffsetDateTime>,
    /// When it last changed.
    pub updated: Option<OffsetDateTime>,
    /// When an answer is due.
    pub expected: Option<OffsetDateTime>,
    /// Kabupaten or kota in words.
    pub district: Option<String>,
    /// Its code, 52.xx.
    pub area_code: Option<String>,
    /// Latitude and longitude.
    pub position: Option<(f64, f64)>,
    /// Link to its photo.
    pub media_url: Option<String>,
}

/// A moment in WITA as Open311 writes it, to the second.
pub fn moment(at: Option<OffsetDateTime>) -> Value {
    let text = at.and_then(|at| {
        let whole = at.replace_nanosecond(0).ok()?;
        whole.to_offset(offset!(+8)).format(&Rfc3339).ok()
    });
    Value::text(text)
}

/// `service_requests/request`: one or many, always a list.
pub fn list(requests: &[PublicRequest], extensions: bool) -> Value {
    Value::List(
        "request",
        requests.iter().map(|r| request(r, extensions)).collect(),
    )
}

fn request(r: &PublicRequest, extensions: bool) -> Value {
    let mut fields = vec![
        ("service_request_id", Value::from(r.ticket.as_str())),
        (
            "status",
            Value::from(if r.closed { "closed" } else { "open" }),
        ),
        ("status_notes", Value::from(r.status_notes.as_str())),
        ("service_name", Value::text(r.service_name.as_deref())),
        ("service_code", Value::text(r.service_code.as_deref())),
        ("description", Value::text(r.description.as_deref())),
        ("agency_responsible", Value::text(r.agency.as_deref())),
        ("service_notice", Value::Null),
        ("requested_datetime", moment(r.requested)),
        ("updated_datetime", moment(r.updated)),
        ("expected_datetime", moment(r.expected)),
        ("address", Value::text(r.district.as_deref())),
        ("address_id", Value::Null),
        ("zipcode", Value::Null),
        ("lat", Value::number(r.position.map(|p| p.0))),
        ("long", Value::number(r.position.map(|p| p.1))),
        ("media_url", Value::text(r.media_url.as_deref())),
    ];
    if extensions {
        fields.push((
            "extended_attributes",
            Value::Record(vec![
                ("state", Value::from(r.state.as_str())),
                ("area_code", Value::text(r.area_code.as_deref())),
            ]),
        ));
    }
    Value::Record(fields)
}

/// What `POST requests` answers: the ticket number, or on the endpoint for trying out the token alone.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Created {
    /// Ticket number; `None`: only the token is told (specification: never both).
    pub ticket: Option<String>,
    /// What the client shows to its user.
    pub notice: Option<String>,
    /// The account that the client named.
    pub account_id: Option<String>,
    /// The secret for tracking, only when new and only as an extension.
    pub tracking_secret: Option<String>,
    /// The token by which the id can be asked for again.
    pub token: String,
}

/// `service_requests/request` of a new request.
pub fn created(c: &Created, extensions: bool) -> Value {
    let id = match &c.ticket {
        Some(ticket) => ("service_request_id", Value::from(ticket.as_str())),
        None => ("token", Value::from(c.token.as_str())),
    };
    let mut fields = vec![
        id,
        ("service_notice", Value::text(c.notice.as_deref())),
        ("account_id", Value::text(c.account_id.as_deref())),
    ];
    if extensions {
        fields.push(("tracking_secret", Value::text(c.tracking_secret.as_deref())));
        if c.ticket.is_some() {
            fields.push(("token", Value::from(c.token.as_str())));
        }
    }
    Value::List("request", vec![Value::Record(fields)])
}

/// `service_requests/request` of a token.
pub fn of_token(token: &str, ticket: &str) -> Value {
    Value::List(
        "request",
        vec![Value::Record(vec![
            ("service_request_id", Value::from(ticket)),
            ("token", Value::from(token)),
        ])],
    )
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;
    use crate::open311::Format;

    fn sample() -> PublicRequest {
        PublicRequest {
            ticket: "NTB-000-000-000".into(),
            status_notes: "Diterima".into(),
            state: "diterima".into(),
            service_code: Some("jalan-rusak".into()),
            requested: Some(datetime!(2026-03-01 02:00:00.5 UTC)),
            position: Some((-8.58, 116.11)),
            ..PublicRequest::default()
        }
    }

    #[test]
    fn one_request_is_still_an_array_its_id_is_text_and_missing_fields_are_null() {
        let text = Format::Json.write("service_requests", &list(&[sample()], false));
        let json: serde_json::Value = serde_json::from_str(&text).expect("valid JSON");
        let one = &json.as_array().expect("an array")[0];
        assert!(one["service_request_id"].is_string() && one["description"].is_null());
        assert_eq!(one["requested_datetime"], "2026-03-01T10:00:00+08:00");
        assert_eq!(
            (one["lat"].as_f64(), one["long"].as_f64()),
            (Some(-8.58), Some(116.11))
        );
        assert!(one.get("extended_attributes").is_none());
    }

    #[test]
    fn xml_has_the_specified_roots() {
        let xml = Format::Xml.write("service_requests", &list(&[sample()], true));
        assert!(xml.contains("<service_requests><request><service_request_id>NTB-000-000-000</service_request_id><status>open</status>"));
        assert!(xml.contains("<description/>") && xml.contains("<state>diterima</state>"));
        let made = Created {
            ticket: Some("NTB-1".into()),
            token: "t".into(),
            ..Created::default()
        };
        assert_eq!(
            Format::Json.write("service_requests", &created(&made, false)),
            r#"[{"account_id":null,"service_notice":null,"service_request_id":"NTB-1"}]"#
        );
        assert_eq!(
            Format::Json.write("service_requests", &of_token("t", "NTB-1")),
            r#"[{"service_request_id":"NTB-1","token":"t"}]"#
        );
    }
}
