//! What can go wrong in intake, and what the caller is told.

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

use crate::{
    domain::complaint::Refusal,
    keys::{MasterError, SealError},
    photos::ObjectsError,
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
    #[error("{field}: {message}")]
    Invalid {
        /// The field.
        field: &'static str,
        /// Why not.
        message: &'static str,
    },
    /// The caller may not do this.
    #[error("forbidden: {0}")]
    Forbidden(&'static str),
    /// More is waiting than can be accepted in time.
    #[error("too much is waiting")]
    Full,
}

impl Error {
    /// A value that cannot be accepted.
    pub fn invalid(field: &'static str, message: &'static str) -> Self {
        Self::Invalid { field, message }
    }
}

impl From<Error> for Status {
    fn from(error: Error) -> Self {
        match error {
            Error::Refused(refusal) => {
                let details = ErrorDetails::with_precondition_failure(vec![
                    tonic_types::PreconditionViolation::new(
                        "STATE",
                        "complaint",
                        refusal.to_string(),
                    ),
                ]);
                Status::with_error_details(Code::FailedPrecondition, refusal.to_string(), details)
            }
            Error::Invalid { field, message } => Status::with_error_details(
                Code::InvalidArgument,
                format!("{field}: {message}"),
                ErrorDetails::with_bad_request_violation(field, message),
            ),
            Error::NotFound => Status::not_found("there is no such thing, or it is not for you"),
            Error::Erased => Status::failed_precondition("the complaint is erased"),
            Error::Forbidden(why) => Status::permission_denied(why),
            Error::Full => {
                Status::resource_exhausted("too much is waiting; try again in a few seconds")
            }
            other => {
                let failure = chassis::Failure::from(other);
                if !failure.is_passing() {
                    tracing::error!(error = &failure as &dyn std::error::Error, "a call failed");
                }
                failure.into()
            }
        }
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
