//! Small conversions between the contracts' wire types and the types that services work with.

use prost_types::Timestamp;
use time::OffsetDateTime;

use crate::common::{Kind, Owner, Urgency};

/// A point in time as it travels.
pub fn timestamp(at: OffsetDateTime) -> Timestamp {
    Timestamp {
        seconds: at.unix_timestamp(),
        nanos: at.nanosecond() as i32,
    }
}

/// A point in time as services use it; `None` when it lies outside the years 0 to 9999 or has invalid nanoseconds.
pub fn datetime(at: &Timestamp) -> Option<OffsetDateTime> {
    let nanos = u32::try_from(at.nanos)
        .ok()
        .filter(|n| *n < 1_000_000_000)?;
    OffsetDateTime::from_unix_timestamp(at.seconds)
        .ok()?
        .replace_nanosecond(nanos)
        .ok()
}

impl Owner {
    /// Every owner, in the order of the way of a complaint.
    pub const ALL: [Owner; 5] = [
        Owner::Intake,
        Owner::Classification,
        Owner::Routing,
        Owner::FollowUp,
        Owner::Escalation,
    ];
    /// The name of the service: the CloudEvents source, the subject's last token of a confirmed erasure.
    pub fn service(self) -> &'static str {
        match self {
            Owner::Unspecified => "unknown",
            Owner::Intake => "intake",
            Owner::Classification => "classification",
            Owner::Routing => "routing",
            Owner::FollowUp => "opd-notification",
            Owner::Escalation => "escalation",
        }
    }
}

impl Kind {
    /// Every kind.
    pub const ALL: [Kind; 7] = [
        Kind::Complaint,
        Kind::HelpRequest,
        Kind::OversightComplaint,
        Kind::InformationRequest,
        Kind::Aspiration,
        Kind::Praise,
        Kind::NotAComplaint,
    ];
    /// The code in data files, JSON and SQL.
    pub fn code(self) -> &'static str {
        match self {
            Kind::Unspecified => "",
            Kind::Complaint => "complaint",
            Kind::HelpRequest => "help_request",
            Kind::OversightComplaint => "oversight_complaint",
            Kind::InformationRequest => "information_request",
            Kind::Aspiration => "aspiration",
            Kind::Praise => "praise",
            Kind::NotAComplaint => "not_a_complaint",
        }
    }
    /// The kind of a code; `None` for an unknown one.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|k| k.code() == code)
    }
}

impl Urgency {
    /// The code in data files, JSON and SQL; also the word people use.
    pub fn code(self) -> &'static str {
        match self {
            Urgency::Unspecified => "",
            Urgency::Urgent => "mendesak",
            Urgency::Important => "penting",
            Urgency::Normal => "biasa",
        }
    }
    /// The urgency of a code; `None` for an unknown one.
    pub fn from_code(code: &str) -> Option<Self> {
        [Urgency::Urgent, Urgency::Important, Urgency::Normal]
            .into_iter()
            .find(|u| u.code() == code)
    }
}
