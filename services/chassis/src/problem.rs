//! Problem documents (RFC 9457): every error over HTTP says what happened and what to do, in the caller's language.

use axum::{
    body::Body,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;

/// The caller's language.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Language {
    /// Bahasa Indonesia.
    #[default]
    Indonesian,
    /// English.
    English,
}

impl Language {
    /// The language a request asks for by `Accept-Language`; Indonesian unless English is preferred to it.
    pub fn of(headers: &HeaderMap) -> Self {
        let wish = headers
            .get(header::ACCEPT_LANGUAGE)
            .and_then(|v| v.to_str().ok())
            .unwrap_or_default();
        let mut best = (Language::Indonesian, 0.0_f32);
        for part in wish.split(',').take(16) {
            let mut pieces = part.trim().split(';');
            let language = match pieces.next().unwrap_or_default().get(..2) {
                Some("id" | "in") => Language::Indonesian,
                Some("en") => Language::English,
                _ => continue,
            };
            let q = pieces
                .find_map(|p| p.trim().strip_prefix("q=")?.parse::<f32>().ok())
                .unwrap_or(1.0);
            if q > best.1 {
                best = (language, q);
            }
        }
        best.0
    }
    /// Chooses a text.
    pub fn pick<'a>(self, indonesian: &'a str, english: &'a str) -> &'a str {
        match self {
            Language::Indonesian => indonesian,
            Language::English => english,
        }
    }
}

/// A problem document.
#[derive(Debug, Clone, Serialize)]
pub struct Problem {
    /// `urn:ntbcare:problem:<code>`.
    #[serde(rename = "type")]
    pub kind: String,
    /// What happened, in few words.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What to do.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub detail: String,
    /// The fields that are wrong, each with why.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
}

/// One wrong field.
#[derive(Debug, Clone, Serialize)]
pub struct FieldError {
    /// Its name.
    pub field: String,
    /// Why it is wrong.
    pub message: String,
}

impl Problem {
    /// A problem named by a code.
    pub fn new(status: StatusCode, code: &str, title: &str, detail: &str) -> Self {
        Self {
            kind: format!("urn:ntbcare:problem:{code}"),
            title: title.to_owned(),
            status: status.as_u16(),
            detail: detail.to_owned(),
            errors: Vec::new(),
        }
    }

    /// The problem that stands for what a service answered over gRPC.
    pub fn of_status(status: &tonic::Status, language: Language) -> Self {
        use tonic::Code;
        use tonic_types::StatusExt as _;
        let (http, code, title) = match status.code() {
            Code::InvalidArgument => (
                StatusCode::BAD_REQUEST,
                "invalid",
                language.pick("Isian tidak benar", "Invalid input"),
            ),
            Code::NotFound => (
                StatusCode::NOT_FOUND,
                "not-found",
                language.pick("Tidak ditemukan", "Not found"),
            ),
            Code::FailedPrecondition => (
                StatusCode::CONFLICT,
                "not-now",
                language.pick(
                    "Tidak bisa dilakukan pada keadaan ini",
                    "Not possible in this state",
                ),
            ),
            Code::PermissionDenied => (
                StatusCode::FORBIDDEN,
                "forbidden",
                language.pick("Tidak diizinkan", "Forbidden"),
            ),
            Code::Unauthenticated => (
                StatusCode::UNAUTHORIZED,
                "sign-in",
                language.pick("Belum masuk", "Not signed in"),
            ),
            Code::ResourceExhausted => (
                StatusCode::TOO_MANY_REQUESTS,
                "too-many",
                language.pick("Terlalu banyak permintaan", "Too many requests"),
            ),
            _ => (
                StatusCode::SERVICE_UNAVAILABLE,
                "unavailable",
                language.pick(
                    "Layanan sedang terganggu; coba lagi sebentar lagi",
                    "The service is disturbed; try again soon",
                ),
            ),
        };
        // A service speaks English to developers, and carries the same in Bahasa Indonesia beside it.
        let localized = status.get_details_localized_message();
        let detail = match (language, &localized) {
            (Language::Indonesian, Some(said)) if said.locale == "id" => &said.message,
            _ => status.message(),
        };
        Self::new(http, code, title, detail)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = serde_json::to_vec(&self).unwrap_or_default();
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            header::HeaderValue::from_static("application/problem+json"),
        );
        if matches!(
            status,
            StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS
        ) {
            headers.insert(header::RETRY_AFTER, header::HeaderValue::from_static("5"));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use tonic_types::{ErrorDetails, StatusExt as _};

    use super::*;

    #[test]
    fn a_problem_tells_what_the_service_said_in_the_callers_language() {
        let details = ErrorDetails::with_localized_message("id", "text: masih kosong");
        let status = tonic::Status::with_error_details(
            tonic::Code::InvalidArgument,
            "text: is empty",
            details,
        );
        let told = |language| Problem::of_status(&status, language).detail;
        assert_eq!(told(Language::Indonesian), "text: masih kosong");
        assert_eq!(told(Language::English), "text: is empty");
        let bare = tonic::Status::not_found("gone");
        assert_eq!(
            Problem::of_status(&bare, Language::Indonesian).detail,
            "gone"
        );
    }
}
