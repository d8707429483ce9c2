//! The HTTP side, under `/opd/v1`: the calls of an agency's system that speaks nothing else. v1 stays served for 24 months
//! after a v2.
//!
//! Every route but the document asks for the endpoint's key, and has a handler that finds out nothing about the caller by
//! itself: [`guard`] has done it. Errors are problem documents (RFC 9457) in the caller's language. Deadline and spans are the
//! chassis'.

mod acts;
mod asked;
mod guard;
mod openapi;
mod photos;
mod problem;

use std::sync::Arc;

use axum::{
    Router,
    extract::DefaultBodyLimit,
    http::{HeaderMap, StatusCode},
    middleware::from_fn_with_state,
    response::{IntoResponse as _, Response},
    routing::get,
};
use chassis::problem::{Language, Problem};

pub use asked::Asked;
pub use problem::{Trouble, json as problem_json};

use crate::{calls::Calls, limits::Limits, shared::Shared};

/// Where it is served.
pub const BASE: &str = "/opd/v1";
/// Bytes of a JSON body: as much as NATS takes.
pub const BODY_MAX: usize = 1 << 20;

/// What the handlers need.
#[derive(Clone)]
pub struct Public {
    /// The calls.
    pub calls: Calls,
    limits: Arc<Limits>,
}

impl Public {
    /// What the service has.
    pub fn shared(&self) -> &Arc<Shared> {
        &self.calls.shared
    }
}

/// The routes.
pub fn router(calls: Calls) -> Router {
    let limits = Limits::new(calls.shared.own.http_requests_per_minute);
    let public = Public {
        calls,
        limits: Arc::new(limits),
    };
    // Routes of other parts join here: all of them are behind the key.
    let behind_key = Router::new()
        .merge(acts::routes())
        .route_layer(from_fn_with_state(public.clone(), guard::with_key));
    Router::new()
        .nest(
            BASE,
            behind_key.route("/openapi.json", get(openapi::document)),
        )
        .fallback(nothing_there)
        .method_not_allowed_fallback(other_method)
        .layer(DefaultBodyLimit::max(BODY_MAX))
        .with_state(public)
}

async fn nothing_there(headers: HeaderMap) -> Response {
    let language = Language::of(&headers);
    Problem::new(
        StatusCode::NOT_FOUND,
        "no-such-path",
        language.pick("Alamat ini tidak ada", "There is no such address"),
        language.pick(
            "semua alamat tertulis di /opd/v1/openapi.json",
            "all addresses are listed in /opd/v1/openapi.json",
        ),
    )
    .into_response()
}

async fn other_method(headers: HeaderMap) -> Response {
    let language = Language::of(&headers);
    Problem::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "method",
        language.pick(
            "Alamat ini dipanggil dengan metode lain",
            "This address is called by another method",
        ),
        language.pick("lihat /opd/v1/openapi.json", "see /opd/v1/openapi.json"),
    )
    .into_response()
}
