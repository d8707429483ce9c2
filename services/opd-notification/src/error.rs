//! What can go wrong in this service, and what a caller is told about it.

use std::{collections::HashMap, time::Duration};

use chassis::Failure;
use tonic::{
    Code, Status,
    metadata::{MetadataMap, MetadataValue},
};
use tonic_types::{ErrorDetails, StatusExt as _};

use crate::domain::refusal::{Class, Refusal};

/// Whose codes they are, in a status' details.
const DOMAIN: &str = "ntbcare.opd";

/// An error of this service.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The act contradicts what is known.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The request is malformed; the field is named.
    #[error("{0}")]
    Invalid(&'static str),
    /// A JSON body is not what the call needs.
    #[error("{field}: {why}")]
    Body {
        /// Where in it.
        field: String,
        /// What is wrong there.
        why: String,
    },
    /// More requests than one key may make.
    #[error("too many requests with this key; wait {0} s")]
    TooMany(u64),
    /// Not in this role.
    #[error("{0}")]
    Forbidden(&'static str),
    /// There is no such thing for this caller.
    #[error("no such {0}")]
    NotFound(&'static str),
    /// The key is missing, wrong, or revoked.
    #[error("show the endpoint's key as `authorization: Bearer <key>`")]
    Unauthenticated,
    /// Something else stands in the way.
    #[error("{0}")]
    Conflict(&'static str),
    /// This process ends; another one, or the next, goes on.
    #[error("the service restarts; resume with your last cursor")]
    Leaving,
    /// A dependency failed.
    #[error("a dependency failed")]
    Failure(#[from] Failure),
    /// The bus in the OPDs' account refused or did not answer.
    #[error("the OPDs' bus does not serve this")]
    Bus(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A sealed secret cannot be opened: another key.
    #[error("a sealed secret cannot be opened; was opd_notification.seal_key changed?")]
    Seal,
    /// A file could not be written, or the server not be told.
    #[error("the file of NATS users cannot be written or the server not be told")]
    UsersFile(#[source] std::io::Error),
    /// Something cannot be made into the form that it needs.
    #[error("{0}")]
    Internal(&'static str),
}

impl Error {
    /// Wraps an error of the bus.
    pub fn bus(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Bus(source.into())
    }

    /// A code for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Refused(refusal) => refusal.code(),
            Self::Invalid(_) => "invalid",
            Self::Body { .. } => "body_invalid",
            Self::TooMany(_) => "too_many",
            Self::Forbidden(_) => "forbidden",
            Self::NotFound(_) => "not_found",
            Self::Unauthenticated => "unauthenticated",
            Self::Conflict(_) => "conflict",
            Self::Leaving | Self::Failure(_) | Self::Bus(_) | Self::UsersFile(_) => "unavailable",
            Self::Seal | Self::Internal(_) => "internal",
        }
    }

    /// What the error's text says, in Bahasa Indonesia. What only developers of tools meet, by calls of administration,
    /// keeps its English end.
    pub fn indonesian(&self) -> String {
        match self {
            Self::Refused(refusal) => refusal.indonesian().to_owned(),
            Self::Invalid(why) => format!("isian tidak benar: {why}"),
            Self::Body { field, why } => format!("isian {field} tidak benar: {why}"),
            Self::TooMany(seconds) => {
                format!("terlalu banyak permintaan dengan kunci ini; tunggu {seconds} detik")
            }
            Self::Forbidden(why) => format!("tidak diizinkan: {why}"),
            Self::NotFound("complaint") => "tidak ada pengaduan itu untuk OPD ini".into(),
            Self::NotFound(_) => "tidak ada, atau bukan untuk OPD ini".into(),
            Self::Unauthenticated => {
                "tunjukkan kunci titik akhir sebagai `authorization: Bearer <kunci>`".into()
            }
            Self::Conflict(why) => format!("tidak bisa pada keadaan ini: {why}"),
            Self::Leaving => "layanan dimulai ulang; lanjutkan dengan kursor terakhir".into(),
            Self::Failure(_) | Self::Bus(_) | Self::UsersFile(_) => {
                "layanan sedang terganggu; coba lagi sebentar lagi".into()
            }
            Self::Seal | Self::Internal(_) => "layanan gagal; sudah dicatat".into(),
        }
    }
}

impl From<chassis::seal::Broken> for Error {
    fn from(_: chassis::seal::Broken) -> Self {
        Self::Seal
    }
}
impl From<tokio_postgres::Error> for Error {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Failure(error.into())
    }
}
impl From<deadpool_postgres::PoolError> for Error {
    fn from(error: deadpool_postgres::PoolError) -> Self {
        Self::Failure(error.into())
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error {
            Error::Failure(failure) => failure,
            Error::Bus(source) => Failure::unavailable("the OPDs' bus", source),
            Error::UsersFile(source) => Failure::unavailable("the file of NATS users", source),
            other => Failure::poison(other.to_string()),
        }
    }
}

/// The status speaks English, for whoever develops; its details carry the same in Bahasa Indonesia, the code, and the
/// field that is wrong.
impl From<Error> for Status {
    fn from(error: Error) -> Self {
        let error = match error {
            Error::Failure(failure) => return failure.into(),
            other => other,
        };
        let message = error.to_string();
        let code = match &error {
            Error::Refused(refusal) => match refusal.class() {
                Class::NotFound => Code::NotFound,
                Class::Invalid => Code::InvalidArgument,
                Class::Precondition => Code::FailedPrecondition,
            },
            Error::Invalid(_) | Error::Body { .. } => Code::InvalidArgument,
            Error::TooMany(_) => Code::ResourceExhausted,
            Error::Forbidden(_) => Code::PermissionDenied,
            Error::NotFound(_) => Code::NotFound,
            Error::Unauthenticated => Code::Unauthenticated,
            Error::Conflict(_) => Code::FailedPrecondition,
            Error::Failure(_) | Error::Bus(_) | Error::UsersFile(_) | Error::Leaving => {
                Code::Unavailable
            }
            Error::Seal | Error::Internal(_) => {
                tracing::error!(error = message, "a call failed");
                return Status::internal("the service has failed; it has been noted");
            }
        };
        let mut details = ErrorDetails::with_localized_message("id", error.indonesian());
        details.set_error_info(error.code(), DOMAIN, HashMap::new());
        if let Error::TooMany(seconds) = &error {
            details.set_retry_info(Some(Duration::from_secs(*seconds)));
        }
        let mut metadata = MetadataMap::new();
        if let Error::Refused(refusal) = &error {
            if let Some(field) = refusal.field() {
                details.add_bad_request_violation(field, message.clone());
            }
            metadata.insert("reason", MetadataValue::from_static(refusal.code()));
        }
        Status::with_error_details_and_metadata(code, message, details, metadata)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_names_code_and_field_and_is_said_in_both_languages() {
        let status = Status::from(Error::from(Refusal::YearOutOfRange));
        assert_eq!(status.code(), Code::InvalidArgument);
        let details = status.get_error_details();
        let info = details.error_info().map(|i| i.reason.as_str());
        assert_eq!(info, Some("year_out_of_range"));
        let said = details.localized_message().map(|m| m.message.as_str());
        assert_eq!(said, Some(Refusal::YearOutOfRange.indonesian()));
        let field = details
            .bad_request()
            .map(|b| b.field_violations[0].field.as_str());
        assert_eq!(field, Some("budget_year"));
    }
}
