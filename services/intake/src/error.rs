//! What can go wrong in intake, and what the caller is told.

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

use crate::{
    domain::complaint::Refusal,
    keys::{MasterError, SealError},
    photos::ObjectsError,
    said::Said,
};

/// An error of intake.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database does not answer.
    #[error("postgresql")]
    Pool(#[from] deadpool_postgres::PoolError),
    /// The database refused something.
    #[error("postgresql")]
    Sql(#[from] tokio_postgres::Error),
    /// The event log refused something, or something it needs is unavailable.
    #[error("a dependency")]
    Failure(#[from] chassis::Failure),
    /// Master keys cannot be used.
    #[error("master keys")]
    Master(#[from] MasterError),
    /// Something sealed cannot be opened.
    #[error("sealed data")]
    Seal(#[from] SealError),
    /// Attachments cannot be stored or read.
    #[error("the attachment store")]
    Store(#[from] object_store::Error),
    /// The attachment store cannot be opened.
    #[error("the attachment store")]
    Objects(#[from] ObjectsError),
    /// An act that the complaint's state does not allow.
    #[error("refused")]
    Refused(#[from] Refusal),
    /// There is no such complaint, reply, attachment, or it is not for this caller.
    #[error("not found")]
    NotFound,
    /// It is erased.
    #[error("erased")]
    Erased,
    /// A value that cannot be accepted.
    #[error("{field}: {}", message.en)]
    Invalid {
        /// The field.
        field: &'static str,
        /// Why not.
        message: Said,
    },
    /// The caller may not do this.
    #[error("forbidden: {}", .0.en)]
    Forbidden(Said),
    /// More is waiting than can be accepted in time.
    #[error("too much is waiting")]
    Full,
}

impl Error {
    /// A value that cannot be accepted, with why not in English and in Bahasa Indonesia.
    pub fn invalid(field: &'static str, en: &'static str, id: &'static str) -> Self {
        Self::Invalid {
            field,
            message: Said::new(en, id),
        }
    }

    /// What a person is told: what happened and what to do.
    pub fn said(&self) -> Said {
        match self {
            Self::Refused(refusal) => Said::new(refusal.english(), refusal.indonesian()),
            Self::Invalid { field, message } => message.about(field),
            Self::NotFound => Said::new(
                "there is no such thing, or it is not for you",
                "tidak ada, atau bukan untuk Anda",
            ),
            Self::Erased => Said::new("the complaint is erased", "pengaduan sudah dihapus"),
            Self::Forbidden(why) => why.clone(),
            Self::Full => Said::new(
                "too much is waiting; try again in a few seconds",
                "terlalu banyak yang menunggu; coba lagi beberapa detik lagi",
            ),
            _ => Said::new(
                "the service is disturbed; try again soon",
                "layanan sedang terganggu; coba lagi sebentar lagi",
            ),
        }
    }
}

/// The status speaks English, for whoever develops; its details carry the same in Bahasa Indonesia, for whoever reads a page.
impl From<Error> for Status {
    fn from(error: Error) -> Self {
        let said = error.said();
        let mut details = ErrorDetails::with_localized_message("id", said.id.clone());
        let code = match &error {
            Error::Refused(_) => {
                details.add_precondition_failure_violation("STATE", "complaint", said.en.clone());
                Code::FailedPrecondition
            }
            Error::Invalid { field, message } => {
                details.add_bad_request_violation(*field, message.en.clone());
                Code::InvalidArgument
            }
            Error::NotFound => Code::NotFound,
            Error::Erased => Code::FailedPrecondition,
            Error::Forbidden(_) => Code::PermissionDenied,
            Error::Full => Code::ResourceExhausted,
            _ => {
                let failure = chassis::Failure::from(error);
                if !failure.is_passing() {
                    tracing::error!(error = &failure as &dyn std::error::Error, "a call failed");
                }
                return failure.into();
            }
        };
        Status::with_error_details(code, said.en, details)
    }
}

impl From<Error> for chassis::Failure {
    fn from(error: Error) -> Self {
        match error {
            Error::Pool(e) => e.into(),
            Error::Sql(e) => e.into(),
            Error::Failure(e) => e,
            Error::Store(e) => chassis::Failure::unavailable("the attachment store", e),
            other => chassis::Failure::poison(other.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_says_it_in_both_languages_and_names_the_field() {
        let status = Status::from(Error::invalid("text", "is empty", "masih kosong"));
        assert_eq!(
            (status.code(), status.message()),
            (Code::InvalidArgument, "text: is empty")
        );
        let details = status.get_error_details();
        let message = details.localized_message().expect("in Indonesian");
        assert_eq!(
            (message.locale.as_str(), message.message.as_str()),
            ("id", "text: masih kosong")
        );
        let wrong = &details.bad_request().expect("the field").field_violations;
        assert_eq!(wrong[0].field, "text");
        let status = Status::from(Error::Refused(Refusal::NoAnswer));
        assert_eq!(status.code(), Code::FailedPrecondition);
        assert!(status.get_error_details().precondition_failure().is_some());
    }
}
