//! What an OPD's system is told: a thin CloudEvents envelope with ids and codes. The words of a complaint are read by an
//! authenticated call, never carried along.

use contracts::{opd::OpdEvent, values};
use serde::Serialize;
use time::format_description::well_known::Rfc3339;

/// A complaint was assigned to the OPD.
pub const ROUTED: &str = "complaint.routed";
/// The reporter was not satisfied; the complaint is open again at the same OPD.
pub const REOPENED: &str = "complaint.reopened";
/// The OPD's assignment has no effect any more.
pub const REPLACED: &str = "assignment.replaced";
/// The complaint is closed, withdrawn, rejected or erased.
pub const CLOSED: &str = "complaint.closed";

/// Media type of the body (CloudEvents 1.0, structured mode).
pub const CONTENT_TYPE: &str = "application/cloudevents+json";
const SOURCE: &str = "ntbcare/opd-notification";

#[derive(Serialize)]
struct Envelope<'a> {
    specversion: &'static str,
    id: &'a str,
    source: &'static str,
    r#type: String,
    subject: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    time: Option<String>,
    datacontenttype: &'static str,
    #[serde(skip_serializing_if = "str::is_empty")]
    traceparent: &'a str,
    data: Data<'a>,
}

#[derive(Serialize)]
struct Data<'a> {
    delivery_id: &'a str,
    cursor: &'a str,
    r#type: &'a str,
    complaint_id: &'a str,
    assignment_id: &'a str,
    ticket: &'a str,
    category: &'a str,
    kind: &'a str,
    urgency: &'a str,
    area_code: &'a str,
    routed_at: Option<String>,
    opd_code: &'a str,
}

/// The JSON body of a message on NATS and in a webhook; field names are those of `ntbcare.opd.v1.OpdEvent`.
///
/// # Errors
/// When serialising fails, which no value of these types does.
pub fn json(event: &OpdEvent) -> Result<Vec<u8>, serde_json::Error> {
    let routed_at = event
        .routed_at
        .as_ref()
        .and_then(values::datetime)
        .and_then(|at| at.format(&Rfc3339).ok());
    serde_json::to_vec(&Envelope {
        specversion: "1.0",
        id: &event.delivery_id,
        source: SOURCE,
        r#type: format!("ntbcare.{}.v1", event.r#type),
        subject: &event.complaint_id,
        time: routed_at.clone(),
        datacontenttype: "application/json",
        traceparent: &event.traceparent,
        data: Data {
            delivery_id: &event.delivery_id,
            cursor: &event.cursor,
            r#type: &event.r#type,
            complaint_id: &event.complaint_id,
            assignment_id: &event.assignment_id,
            ticket: &event.ticket,
            category: &event.category,
            kind: &event.kind,
            urgency: &event.urgency,
            area_code: &event.area_code,
            routed_at,
            opd_code: &event.opd_code,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_body_is_a_cloud_event_whose_id_is_the_delivery() -> Result<(), serde_json::Error> {
        let event = OpdEvent {
            delivery_id: "d1".into(),
            cursor: "7".into(),
            r#type: ROUTED.into(),
            complaint_id: "c1".into(),
            assignment_id: "a1".into(),
            ticket: "NTB-TES-T01-234".into(),
            category: "jalan".into(),
            kind: "complaint".into(),
            urgency: "biasa".into(),
            area_code: "52.01".into(),
            routed_at: Some(prost_types::Timestamp {
                seconds: 0,
                nanos: 0,
            }),
            opd_code: "pupr-perkim".into(),
            traceparent: String::new(),
        };
        let body: serde_json::Value = serde_json::from_slice(&json(&event)?)?;
        assert_eq!(
            body,
            serde_json::json!({
                "specversion": "1.0", "id": "d1", "source": "ntbcare/opd-notification",
                "type": "ntbcare.complaint.routed.v1", "subject": "c1", "time": "1970-01-01T00:00:00Z",
                "datacontenttype": "application/json",
                "data": {
                    "delivery_id": "d1", "cursor": "7", "type": "complaint.routed", "complaint_id": "c1",
                    "assignment_id": "a1", "ticket": "NTB-TES-T01-234", "category": "jalan",
                    "kind": "complaint", "urgency": "biasa", "area_code": "52.01",
                    "routed_at": "1970-01-01T00:00:00Z", "opd_code": "pupr-perkim",
                },
            })
        );
        Ok(())
    }
}
