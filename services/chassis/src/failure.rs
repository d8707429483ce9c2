//! Why a batch or a call failed, in the one distinction that decides what happens next: was it the message's own fault,
//! or is something it needs unavailable?

use tokio_postgres::error::SqlState;

/// A failure of a handler.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// Something that is needed does not answer: try again later; it does not count against the message.
    #[error("{what} is unavailable")]
    Unavailable {
        /// What does not answer.
        what: &'static str,
        /// Its error.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The message itself cannot be handled: it counts, and in the end it becomes a dead letter.
    #[error("the message cannot be handled: {reason}")]
    Poison {
        /// Why, without any content of the message.
        reason: String,
    },
}

impl Failure {
    /// Something that is needed does not answer.
    pub fn unavailable(
        what: &'static str,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self::Unavailable {
            what,
            source: source.into(),
        }
    }
    /// The message itself cannot be handled.
    pub fn poison(reason: impl Into<String>) -> Self {
        Self::Poison {
            reason: reason.into(),
        }
    }
    /// Whether trying the same again may succeed without anybody changing anything.
    pub fn is_passing(&self) -> bool {
        matches!(self, Self::Unavailable { .. })
    }
}

/// Whether a database error passes by itself: a lost connection, a shutdown, too many connections, a deadlock, a
/// serialisation failure, a statement that ran out of time; also a unique violation of the log, which means that two
/// transactions appended about one complaint at once.
pub fn passes(error: &tokio_postgres::Error) -> bool {
    match error.as_db_error() {
        None => true,
        Some(db) => {
            let class = &db.code().code()[..2];
            matches!(class, "08" | "53" | "57" | "58" | "40" | "55" | "25")
                || (*db.code() == SqlState::UNIQUE_VIOLATION
                    && db.constraint() == Some("events_pkey"))
        }
    }
}

impl From<tokio_postgres::Error> for Failure {
    fn from(error: tokio_postgres::Error) -> Self {
        if passes(&error) {
            return Self::unavailable("postgresql", error);
        }
        // A database error's text can quote values; its code and constraint cannot.
        let reason = match error.as_db_error() {
            Some(db) => format!("sql {} {}", db.code().code(), db.constraint().unwrap_or("")),
            None => "sql".to_owned(),
        };
        Self::poison(reason)
    }
}

impl From<deadpool_postgres::PoolError> for Failure {
    fn from(error: deadpool_postgres::PoolError) -> Self {
        Self::unavailable("postgresql", error)
    }
}

impl From<tonic::Status> for Failure {
    fn from(status: tonic::Status) -> Self {
        use tonic::Code;
        match status.code() {
            Code::Unavailable
            | Code::DeadlineExceeded
            | Code::ResourceExhausted
            | Code::Aborted
            | Code::Cancelled
            | Code::Unauthenticated
            | Code::Unknown => Self::unavailable("a peer", status),
            code => Self::poison(format!("a peer answered {code:?}")),
        }
    }
}

impl From<Failure> for tonic::Status {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Unavailable { what, .. } => {
                tonic::Status::unavailable(format!("{what} is unavailable; try again"))
            }
            Failure::Poison { reason } => tonic::Status::internal(reason),
        }
    }
}
