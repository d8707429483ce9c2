//! Intake's HTTP side: Open311 GeoReport v2. Formats, forms and filters are pure functions in [`crate::open311`].
//!
//! Two endpoints are served. What is posted to the one for trying out goes the whole way as a canary does, is seen only there,
//! and is answered with a token, so that developers of clients meet that form of the specification too.

use std::{collections::HashMap, sync::Arc};

use axum::{
    Extension, Router,
    extract::{DefaultBodyLimit, FromRequestParts},
    http::{HeaderMap, HeaderValue, StatusCode, header, request::Parts},
    middleware::map_response,
    response::{IntoResponse as _, Response},
    routing::get,
};
use chassis::{
    Clock,
    grpc::Peer,
    problem::{Language, Problem},
    trace::Trace,
};
use deadpool_postgres::Pool;

use crate::{
    Own,
    error::Error,
    gather::{OPEN311, OPEN311_TEST},
    grpc::Intake,
    open311::{Errors, Format, format::check_jurisdiction, services::Service, value::Value},
    photos::MAX_BYTES,
    said::Said,
};

mod names;
mod photos;
mod posting;
mod reading;

/// What the HTTP side needs.
#[derive(Clone)]
pub struct Public {
    intake: Intake,
    pool: Pool,
    names: names::Names,
    keys: Arc<HashMap<String, String>>,
    jurisdiction: String,
    contact: String,
    base: String,
    clock: Clock,
}

impl Public {
    /// `taxonomy` names categories, `registry` agencies.
    pub(crate) fn new(
        intake: Intake,
        own: &Own,
        pool: Pool,
        (taxonomy, registry): (Peer, Peer),
        clock: Clock,
    ) -> Self {
        let keys = own.clients().into_iter().map(|(name, key)| (key, name));
        Self {
            intake,
            pool,
            names: names::Names::new(taxonomy, registry),
            keys: Arc::new(keys.collect()),
            jurisdiction: own.open311_jurisdiction.clone(),
            contact: own.open311_contact.clone(),
            base: own.public_url.clone(),
            clock,
        }
    }

    async fn services(&self) -> Result<Arc<Vec<Service>>, Errors> {
        self.names.services().await.ok_or_else(|| {
            Errors::one(
                503,
                Said::new(
                    "the list of services is not available; try again soon",
                    "daftar layanan belum tersedia; coba lagi sebentar lagi",
                ),
            )
        })
    }

    /// The name of the client whose key it is; posting needs one when keys are configured. `None`: anybody may.
    fn client(&self, key: Option<&str>) -> Result<Option<String>, Errors> {
        if self.keys.is_empty() {
            return Ok(None);
        }
        let refused = |en, id| Errors::one(403, Said::new(en, id));
        match key {
            None | Some("") => Err(refused("Missing api_key", "api_key belum diisi")),
            Some(key) => match self.keys.get(key) {
                Some(name) => Ok(Some(name.clone())),
                None => Err(refused("Invalid api_key", "api_key tidak sah")),
            },
        }
    }
}

/// One of the two endpoints that discovery lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Endpoint {
    Production,
    Test,
}

impl Endpoint {
    fn channel(self) -> &'static str {
        match self {
            Self::Production => OPEN311,
            Self::Test => OPEN311_TEST,
        }
    }
    /// The specification's type of a service: whether posting answers with the id or with a token.
    fn kind(self) -> &'static str {
        match self {
            Self::Production => "realtime",
            Self::Test => "batch",
        }
    }
    fn is_test(self) -> bool {
        self == Self::Test
    }
}

/// What every call brings along.
struct Call {
    endpoint: Endpoint,
    language: Language,
    parameters: Vec<(String, String)>,
    trace: Option<Trace>,
}

impl<S: Sync> FromRequestParts<S> for Call {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        Ok(Self {
            endpoint: parts
                .extensions
                .get()
                .copied()
                .unwrap_or(Endpoint::Production),
            language: language(&parts.headers),
            parameters: serde_urlencoded::from_str(parts.uri.query().unwrap_or_default())
                .unwrap_or_default(),
            trace: parts.extensions.get().copied(),
        })
    }
}

/// Clients of Open311 that name no language are programs: they get the specification's.
fn language(headers: &HeaderMap) -> Language {
    if headers.contains_key(header::ACCEPT_LANGUAGE) {
        Language::of(headers)
    } else {
        Language::English
    }
}

impl Call {
    fn get(&self, name: &str) -> Option<&str> {
        get_of(&self.parameters, name)
    }
    fn check_jurisdiction(&self, public: &Public) -> Result<(), Errors> {
        check_jurisdiction(self.get("jurisdiction_id"), &public.jurisdiction)
    }
    fn answer(&self, format: Format, root: &str, served: Result<Value, Errors>) -> Response {
        match served {
            Ok(value) => written(format, StatusCode::OK, format.write(root, &value)),
            Err(errors) => self.failed(format, &errors),
        }
    }
    fn failed(&self, format: Format, errors: &Errors) -> Response {
        let status = StatusCode::from_u16(errors.status()).unwrap_or(StatusCode::BAD_REQUEST);
        let mut response = written(format, status, errors.write(format, self.language));
        if status == StatusCode::SERVICE_UNAVAILABLE {
            let seconds = HeaderValue::from_static("5");
            response.headers_mut().insert(header::RETRY_AFTER, seconds);
        }
        response
    }
    fn not_here(&self) -> Response {
        let nothing = Said::new(
            "there is nothing here; choose .xml or .json",
            "tidak ada apa-apa di sini; pilih .xml atau .json",
        );
        self.failed(Format::Xml, &Errors::one(404, nothing))
    }
}

/// The routes of Open311 and of photos.
pub fn router(public: Public) -> Router {
    let endpoint = |endpoint: Endpoint| {
        Router::new()
            .route("/{file}", get(reading::root).post(posting::root))
            .route("/services/{file}", get(reading::service_definition))
            .route("/requests/{file}", get(reading::one_request))
            .route("/tokens/{file}", get(reading::token))
            .layer(Extension(endpoint))
    };
    Router::new()
        .route("/open311/{file}", get(reading::discovery_only))
        .nest("/open311/v2", endpoint(Endpoint::Production))
        .nest("/open311/test/v2", endpoint(Endpoint::Test))
        .route("/photos/{id}", get(photos::photo))
        .fallback(nothing)
        .method_not_allowed_fallback(not_so)
        .layer(DefaultBodyLimit::max(MAX_BYTES + (64 << 10)))
        // Pages of others may read what everybody may read.
        .layer(map_response(async |mut response: Response| {
            let any = HeaderValue::from_static("*");
            let headers = response.headers_mut();
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, any);
            response
        }))
        .with_state(public)
}

async fn nothing(headers: HeaderMap) -> Problem {
    let language = Language::of(&headers);
    Problem::new(
        StatusCode::NOT_FOUND,
        "not-found",
        language.pick("Tidak ditemukan", "Not found"),
        language.pick(
            "Layanan Open311 ada di /open311/discovery.xml",
            "Open311 is found from /open311/discovery.xml",
        ),
    )
}

async fn not_so(headers: HeaderMap) -> Problem {
    let language = Language::of(&headers);
    Problem::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "method",
        language.pick(
            "Cara pemanggilan ini tidak ada di sini",
            "This method is not served here",
        ),
        "",
    )
}

fn written(format: Format, status: StatusCode, body: String) -> Response {
    let kind = [(header::CONTENT_TYPE, format.content_type())];
    (status, kind, body).into_response()
}

fn errors_of(error: Error) -> Errors {
    let code = match &error {
        Error::Invalid { .. } => 400,
        Error::NotFound => 404,
        Error::Erased => 410,
        Error::Forbidden(_) => 403,
        Error::Refused(_) => 409,
        Error::Full => 503,
        other => {
            tracing::error!(
                error = other as &dyn std::error::Error,
                "an Open311 call failed"
            );
            503
        }
    };
    Errors::one(code, error.said())
}

fn get_of<'a>(fields: &'a [(String, String)], name: &str) -> Option<&'a str> {
    fields
        .iter()
        .rev()
        .find(|(n, _)| n == name)
        .map(|(_, v)| v.as_str())
}
