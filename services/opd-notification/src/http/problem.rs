//! Errors as problem documents.

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use chassis::problem::{FieldError, Language, Problem};

use crate::{domain::refusal::Class, error::Error};

/// An error on its way to a caller who reads this language.
#[derive(Debug)]
pub struct Trouble(pub Error, pub Language);

impl IntoResponse for Trouble {
    fn into_response(self) -> Response {
        let Self(error, language) = self;
        note(&error);
        let mut response = document(&error, language).into_response();
        let headers = response.headers_mut();
        match error {
            Error::Unauthenticated => {
                headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            Error::TooMany(seconds) => {
                headers.insert(header::RETRY_AFTER, seconds.into());
            }
            _ => {}
        }
        response
    }
}

/// The status and the document of an error, for a way that is not HTTP.
pub fn json(error: &Error, language: Language) -> (u16, Vec<u8>) {
    note(error);
    let problem = document(error, language);
    let body = serde_json::to_vec(&problem).unwrap_or_default();
    (problem.status, body)
}

/// What failed inside is logged where it is handled.
fn note(error: &Error) {
    if let Error::Failure(_) | Error::Bus(_) | Error::Seal | Error::Internal(_) = error {
        tracing::error!(error = error as &dyn std::error::Error, "a call failed");
    }
}

fn document(error: &Error, language: Language) -> Problem {
    let (status, title) = heading(error, language);
    let said = match error {
        // What failed inside is no caller's matter.
        Error::Failure(_) | Error::Bus(_) | Error::UsersFile(_) => language
            .pick(
                "layanan sedang terganggu; coba lagi sebentar lagi",
                "the service is disturbed; try again soon",
            )
            .to_owned(),
        Error::Seal | Error::Internal(_) => language
            .pick("sudah dicatat", "it has been noted")
            .to_owned(),
        other if language == Language::English => other.to_string(),
        other => other.indonesian(),
    };
    let mut problem = Problem::new(status, error.code(), title, &said);
    let field = match error {
        Error::Refused(refusal) => refusal.field().map(str::to_owned),
        Error::Body { field, .. } => Some(field.clone()),
        _ => None,
    };
    problem.errors.extend(field.map(|field| FieldError {
        field,
        message: said,
    }));
    problem
}

fn heading(error: &Error, language: Language) -> (StatusCode, &'static str) {
    match error {
        Error::Refused(refusal) => match refusal.class() {
            Class::NotFound => not_found(language),
            Class::Invalid => invalid(language),
            Class::Precondition => conflict(language),
        },
        Error::Invalid(_) | Error::Body { .. } => invalid(language),
        Error::TooMany(_) => (
            StatusCode::TOO_MANY_REQUESTS,
            language.pick("Terlalu banyak permintaan", "Too many requests"),
        ),
        Error::Forbidden(_) => (
            StatusCode::FORBIDDEN,
            language.pick("Tidak diizinkan", "Forbidden"),
        ),
        Error::NotFound(_) => not_found(language),
        Error::Unauthenticated => (
            StatusCode::UNAUTHORIZED,
            language.pick("Kunci tidak sah", "No valid key"),
        ),
        Error::Conflict(_) => conflict(language),
        Error::Failure(_) | Error::Bus(_) | Error::UsersFile(_) | Error::Leaving => (
            StatusCode::SERVICE_UNAVAILABLE,
            language.pick("Layanan sedang terganggu", "The service is disturbed"),
        ),
        Error::Seal | Error::Internal(_) => (
            StatusCode::INTERNAL_SERVER_ERROR,
            language.pick("Layanan gagal", "The service has failed"),
        ),
    }
}

fn invalid(language: Language) -> (StatusCode, &'static str) {
    (
        StatusCode::BAD_REQUEST,
        language.pick("Isian tidak benar", "Invalid input"),
    )
}

fn not_found(language: Language) -> (StatusCode, &'static str) {
    (
        StatusCode::NOT_FOUND,
        language.pick("Tidak ditemukan", "Not found"),
    )
}

fn conflict(language: Language) -> (StatusCode, &'static str) {
    (
        StatusCode::CONFLICT,
        language.pick(
            "Tidak bisa dilakukan pada keadaan ini",
            "Not possible in this state",
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::refusal::Refusal;

    #[test]
    fn a_problem_says_what_to_do_in_the_callers_language_and_names_code_and_field() {
        let problem = document(&Refusal::SamePerson.into(), Language::Indonesian);
        assert_eq!(problem.status, 409);
        assert_eq!(problem.kind, "urn:ntbcare:problem:same_person");
        assert_eq!(problem.detail, Refusal::SamePerson.indonesian());
        let problem = document(&Refusal::KeyInvalid.into(), Language::English);
        assert_eq!((problem.status, problem.errors.len()), (400, 1));
        assert_eq!(problem.errors[0].field, "idempotency_key");
    }

    #[test]
    fn what_failed_inside_is_not_told() {
        let inside = Error::Failure(chassis::Failure::poison("SELECT secret"));
        let problem = document(&inside, Language::English);
        assert!(!problem.detail.contains("SELECT"), "{problem:?}");
    }
}
