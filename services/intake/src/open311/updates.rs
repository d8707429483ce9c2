//! `servicerequestupdates`: what happened to requests, and words that clients add.

use time::OffsetDateTime;

use super::format::Errors;
use super::requests::moment;
use super::value::Value;
use crate::{domain::ticket::TicketNumber, said::Said};

/// Longest text of an update, in characters.
const MAX_TEXT: usize = 4000;

/// One change that the public may see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Update {
    /// Identifier of the change.
    pub id: String,
    /// Ticket number.
    pub ticket: String,
    /// Whether the request had ended after it.
    pub closed: bool,
    /// When.
    pub at: OffsetDateTime,
    /// The public state in words.
    pub description: String,
}

/// `service_request_updates/request_update`.
pub fn list(updates: &[Update]) -> Value {
    let one = |u: &Update| {
        Value::Record(vec![
            ("update_id", Value::from(u.id.as_str())),
            ("service_request_id", Value::from(u.ticket.as_str())),
            (
                "status",
                Value::from(if u.closed { "closed" } else { "open" }),
            ),
            ("updated_datetime", moment(Some(u.at))),
            ("description", Value::from(u.description.as_str())),
            ("media_url", Value::Null),
        ])
    };
    Value::List("request_update", updates.iter().map(one).collect())
}

/// The answer to a posted update.
pub fn created(id: &str) -> Value {
    Value::List(
        "request_update",
        vec![Value::Record(vec![("update_id", Value::from(id))])],
    )
}

/// What an id that is not there is answered with.
pub fn not_found(field: &str, value: &str) -> Said {
    Said::of(
        format!("{field} {value:?} was not found"),
        format!("{field} {value:?} tidak ditemukan"),
    )
}

fn missing(field: &str) -> Said {
    Said::of(
        format!("{field} was not provided"),
        format!("{field} belum diisi"),
    )
}

/// A posted update.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewUpdate {
    /// The request it belongs to.
    pub ticket: TicketNumber,
    /// What the reporter adds.
    pub description: String,
    /// The client's own id of the update: repeating it adds nothing.
    pub update_id: Option<String>,
    /// The secret of the request, for clients that did not make it.
    pub tracking_secret: Option<String>,
}

/// Reads the form of `POST servicerequestupdates`.
pub fn parse(fields: &[(String, String)]) -> Result<NewUpdate, Errors> {
    let get = |name: &str| {
        fields
            .iter()
            .rev()
            .find(|(n, v)| n == name && !v.trim().is_empty())
            .map(|(_, v)| v.trim())
    };
    let id =
        get("service_request_id").ok_or_else(|| Errors::one(400, missing("service_request_id")))?;
    let ticket = TicketNumber::parse(id)
        .map_err(|_| Errors::one(404, not_found("service_request_id", id)))?;
    let description = get("description").ok_or_else(|| Errors::one(400, missing("description")))?;
    if description.chars().count() > MAX_TEXT {
        return Err(Errors::one(
            400,
            Said::of(
                format!("description is longer than {MAX_TEXT} characters"),
                format!("description lebih dari {MAX_TEXT} karakter"),
            ),
        ));
    }
    Ok(NewUpdate {
        ticket,
        description: description.to_owned(),
        update_id: get("update_id").map(|t| t.chars().take(200).collect()),
        tracking_secret: get("tracking_secret").map(str::to_owned),
    })
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;
    use crate::open311::Format;

    #[test]
    fn updates_have_the_shape_that_clients_expect() {
        let update = Update {
            id: "7".into(),
            ticket: "NTB-1".into(),
            closed: true,
            at: datetime!(2026-03-01 02:00 UTC),
            description: "Selesai".into(),
        };
        let xml = Format::Xml.write("service_request_updates", &list(&[update]));
        assert!(xml.contains("<service_request_updates><request_update><update_id>7</update_id>"));
        assert_eq!(
            Format::Json.write("service_request_updates", &created("7")),
            r#"[{"update_id":"7"}]"#
        );
    }

    #[test]
    fn a_posted_update_names_its_request_and_says_something() {
        let field = |n: &str, v: &str| (n.to_owned(), v.to_owned());
        let ticket = TicketNumber::from_random([1; 8]).to_string();
        let ok = parse(&[
            field("service_request_id", &ticket),
            field("description", "masih rusak"),
        ])
        .expect("valid");
        assert_eq!(ok.ticket.to_string(), ticket);
        assert_eq!(
            parse(&[field("description", "x")])
                .expect_err("invalid")
                .status(),
            400
        );
        assert_eq!(
            parse(&[field("service_request_id", "1"), field("description", "x")])
                .expect_err("unknown")
                .status(),
            404
        );
    }
}
