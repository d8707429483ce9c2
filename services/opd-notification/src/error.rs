//! What can go wrong in this service, and what a caller is told about it.

use chassis::Failure;
use tonic::{Code, Status};

use crate::domain::refusal::{Class, Refusal};

/// An error of this service.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The act contradicts what is known.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The request is malformed; the field is named.
    #[error("{0}")]
    Invalid(&'static str),
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

impl From<Error> for Status {
    fn from(error: Error) -> Self {
        let message = error.to_string();
        match error {
            Error::Refused(refusal) => {
                let code = match refusal.class() {
                    Class::NotFound => Code::NotFound,
                    Class::Invalid => Code::InvalidArgument,
                    Class::Precondition => Code::FailedPrecondition,
                };
                let mut status = Status::new(code, message);
                if let Ok(reason) = refusal.code().parse() {
                    status.metadata_mut().insert("reason", reason);
                }
                status
            }
            Error::Invalid(_) => Status::invalid_argument(message),
            Error::Forbidden(_) => Status::permission_denied(message),
            Error::NotFound(_) => Status::not_found(message),
            Error::Unauthenticated => Status::unauthenticated(message),
            Error::Conflict(_) => Status::failed_precondition(message),
            Error::Failure(failure) => failure.into(),
            Error::Bus(_) | Error::UsersFile(_) | Error::Leaving => Status::unavailable(message),
            Error::Seal | Error::Internal(_) => {
                tracing::error!(error = message, "a call failed");
                Status::internal("the service has failed; it has been noted")
            }
        }
    }
}
