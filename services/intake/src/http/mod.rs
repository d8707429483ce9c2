//! Intake's HTTP side: Open311 GeoReport v2. Formats, forms and filters are pure functions in [`crate::open311`].

use std::{collections::HashMap, sync::Arc, time::Instant};

use axum::{
    Router,
    extract::DefaultBodyLimit,
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
    routing::{get, post},
};
use chassis::{Clock, grpc::Peer};
use contracts::classification::{
    TaxonomyRequest, classification_service_client::ClassificationServiceClient,
};
use deadpool_postgres::Pool;
use tokio::sync::RwLock;

use crate::{
    Own,
    error::Error,
    grpc::Intake,
    open311::{Errors, Format, services::Service, value::Value},
    photos::MAX_BYTES,
};

mod photos;
mod posting;
mod reading;

/// What the HTTP side needs.
#[derive(Clone)]
pub struct Public {
    intake: Intake,
    pool: Pool,
    taxonomy: Peer,
    services: Arc<RwLock<Option<Known>>>,
    keys: Arc<HashMap<String, String>>,
    jurisdiction: String,
    contact: String,
    base: String,
    clock: Clock,
}

/// The categories, and when they were read.
type Known = (Instant, Arc<Vec<Service>>);

const SERVICES_KEPT_S: u64 = 60;

impl Public {
    pub(crate) fn new(intake: Intake, own: &Own, pool: Pool, taxonomy: Peer, clock: Clock) -> Self {
        let keys = own
            .open311_keys
            .0
            .split(',')
            .filter_map(|pair| pair.trim().split_once(':'))
            .map(|(name, key)| (key.to_owned(), name.to_owned()))
            .collect();
        Self {
            intake,
            pool,
            taxonomy,
            services: Arc::default(),
            keys: Arc::new(keys),
            jurisdiction: own.open311_jurisdiction.clone(),
            contact: own.open311_contact.clone(),
            base: own.public_url.clone(),
            clock,
        }
    }

    /// The categories as classification tells them; kept for a minute, and the last known while it does not answer.
    async fn services(&self) -> Result<Arc<Vec<Service>>, Errors> {
        if let Some((at, services)) = &*self.services.read().await
            && at.elapsed().as_secs() < SERVICES_KEPT_S
        {
            return Ok(services.clone());
        }
        let asked = ClassificationServiceClient::new(self.taxonomy.clone())
            .taxonomy(TaxonomyRequest { on: None })
            .await;
        let mut kept = self.services.write().await;
        match asked {
            Ok(answer) => {
                let services: Vec<Service> = answer
                    .into_inner()
                    .categories
                    .into_iter()
                    .map(|c| Service {
                        code: c.code,
                        name: c.name,
                        description: c.description,
                        keywords: c.keywords,
                        group: c.group_name,
                    })
                    .collect();
                let services = Arc::new(services);
                *kept = Some((Instant::now(), services.clone()));
                Ok(services)
            }
            Err(_) => match &*kept {
                Some((_, services)) => Ok(services.clone()),
                None => Err(Errors::one(
                    503,
                    "the list of services is not available; try again soon",
                )),
            },
        }
    }

    /// The name of the client whose key it is; posting needs one when keys are configured.
    fn client(&self, key: Option<&str>) -> Result<String, Errors> {
        if self.keys.is_empty() {
            return Ok("terbuka".into());
        }
        match key {
            None | Some("") => Err(Errors::one(403, "Missing api_key")),
            Some(key) => self
                .keys
                .get(key)
                .cloned()
                .ok_or_else(|| Errors::one(403, "Invalid api_key")),
        }
    }
}

/// The routes of Open311 and of photos.
pub fn router(public: Public) -> Router {
    let v2 = Router::new()
        .route("/{file}", get(reading::root).post(posting::root))
        .route("/services/{file}", get(reading::service_definition))
        .route("/requests/{file}", get(reading::one_request))
        .route("/tokens/{file}", get(reading::token));
    Router::new()
        .route("/open311/discovery.json", get(reading::discovery_json))
        .route("/open311/discovery.xml", get(reading::discovery_xml))
        .nest("/open311/v2", v2.clone())
        .nest("/open311/test/v2", v2)
        .route("/photos/{id}", get(photos::photo))
        .route("/", post(|| async { StatusCode::NOT_FOUND }))
        .layer(DefaultBodyLimit::max(MAX_BYTES + (64 << 10)))
        .with_state(public)
}

fn answer(format: Format, root: &str, value: &Value) -> Response {
    (
        [(header::CONTENT_TYPE, format.content_type())],
        format.write(root, value),
    )
        .into_response()
}

fn failed(format: Format, errors: &Errors) -> Response {
    let status = StatusCode::from_u16(errors.status()).unwrap_or(StatusCode::BAD_REQUEST);
    (
        status,
        [(header::CONTENT_TYPE, format.content_type())],
        errors.write(format),
    )
        .into_response()
}

fn errors_of(error: Error) -> Errors {
    match error {
        Error::Invalid { field, message } => Errors::one(400, format!("{field}: {message}")),
        Error::NotFound => Errors::one(404, "not found"),
        Error::Erased => Errors::one(410, "the request is erased"),
        Error::Forbidden(why) => Errors::one(403, why),
        Error::Refused(refusal) => Errors::one(409, refusal.to_string()),
        Error::Full => Errors::one(503, "too much is waiting; try again in a few seconds"),
        other => {
            tracing::error!(
                error = &other as &dyn std::error::Error,
                "an Open311 call failed"
            );
            Errors::one(503, "the service is disturbed; try again soon")
        }
    }
}

fn parameters(query: Option<&str>) -> Vec<(String, String)> {
    serde_urlencoded::from_str(query.unwrap_or_default()).unwrap_or_default()
}

fn get_of<'a>(fields: &'a [(String, String)], name: &str) -> Option<&'a str> {
    fields
        .iter()
        .rev()
        .find(|(n, _)| n == name)
        .map(|(_, v)| v.as_str())
}

fn not_here() -> Response {
    failed(
        Format::Xml,
        &Errors::one(404, "there is nothing here; choose .xml or .json"),
    )
}
