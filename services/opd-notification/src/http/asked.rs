//! What every handler is told about a request.

use std::convert::Infallible;

use axum::{extract::FromRequestParts, http::request::Parts};
use chassis::{problem::Language, trace::Trace};

/// Language, idempotency key and place in the trace.
#[derive(Debug)]
pub struct Asked {
    /// The caller's language.
    pub language: Language,
    /// `Idempotency-Key`; empty when there is none.
    pub key: String,
    /// The place in its trace.
    pub trace: Option<Trace>,
}

impl<S: Sync> FromRequestParts<S> for Asked {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let key = parts
            .headers
            .get("idempotency-key")
            .and_then(|value| value.to_str().ok())
            // A structured header (draft-ietf-httpapi-idempotency-key-header) is a quoted string.
            .map(|key| key.trim().trim_matches('"'))
            .unwrap_or_default();
        Ok(Self {
            language: Language::of(&parts.headers),
            key: key.to_owned(),
            trace: parts.extensions.get().copied(),
        })
    }
}
