//! The envelope of an event on the bus: CloudEvents 1.0 attributes as `ce-` headers (NATS protocol binding, binary
//! mode), W3C `traceparent`, and `Nats-Msg-Id` for the stream's de-duplication.

use async_nats::HeaderMap;
use time::format_description::well_known::Rfc3339;
use uuid::Uuid;

use crate::{event::Event, subjects, values};

/// Media type of event bodies.
pub const CONTENT_TYPE: &str = "application/protobuf";
/// Header with the event's id; what a reader de-duplicates by.
pub const CE_ID: &str = "ce-id";
/// W3C trace context.
pub const TRACEPARENT: &str = "traceparent";
/// JetStream's de-duplication header: the id of the outbox row, new at each deliberate repetition, because the stream
/// would swallow the same one inside its window.
pub const MSG_ID: &str = "Nats-Msg-Id";

/// The headers of an event that is published as outbox row `outbox_id`.
pub fn headers(event: &Event, subject: &str, outbox_id: Uuid, traceparent: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let ce_type = subjects::ALL
        .iter()
        .map(|s| s.prefix)
        .find(|p| {
            subject
                .strip_prefix(p)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        })
        .unwrap_or(subject);
    headers.insert(MSG_ID, outbox_id.to_string());
    headers.insert(CE_ID, event.id.as_str());
    headers.insert("ce-specversion", "1.0");
    headers.insert("ce-type", format!("ntbcare.{ce_type}"));
    headers.insert("ce-source", event.owner().service());
    headers.insert("ce-subject", event.complaint_id.as_str());
    if let Some(at) = event
        .occurred_at
        .as_ref()
        .and_then(values::datetime)
        .and_then(|at| at.format(&Rfc3339).ok())
    {
        headers.insert("ce-time", at);
    }
    headers.insert("ce-epoch", event.epoch.to_string());
    headers.insert("ce-version", event.version.to_string());
    headers.insert("content-type", CONTENT_TYPE);
    if !traceparent.is_empty() {
        headers.insert(TRACEPARENT, traceparent);
    }
    headers
}
