//! Intake's HTTP side: Open311 GeoReport v2. Formats, forms and filters are pure functions in [`crate::open311`].

use std::{collections::HashMap, sync::Arc, time::Instant};

use axum::{
    Router,
    body::Bytes,
    extract::{DefaultBodyLimit, FromRequest as _, Multipart, Path, RawQuery, Request, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse as _, Response},
    routing::{get, post},
};
use chassis::{Clock, grpc::Peer, trace::Trace};
use contracts::{
    classification::{TaxonomyRequest, classification_service_client::ClassificationServiceClient},
    common::Point,
    intake::{Attribute, Reporter, Submission, Viewer},
    lifecycle,
    visible::{Role, visible_to},
};
use deadpool_postgres::Pool;
use tokio::sync::RwLock;
use uuid::Uuid;

use crate::{
    Own, acts, content,
    domain::{mask::mask, ticket::TicketNumber},
    error::Error,
    grpc::Intake,
    open311::{
        Errors, Format, discovery,
        form::{self, NewRequest},
        format::check_jurisdiction,
        query,
        requests::{self, Created, PublicRequest},
        services::{self, Service},
        updates::{self, Update},
        value::Value,
    },
    photos::MAX_BYTES,
    store::{attachments, listing},
};

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
        .route("/{file}", get(root_get).post(root_post))
        .route("/services/{file}", get(service_definition))
        .route("/requests/{file}", get(one_request))
        .route("/tokens/{file}", get(token));
    Router::new()
        .route("/open311/discovery.json", get(discovery_json))
        .route("/open311/discovery.xml", get(discovery_xml))
        .nest("/open311/v2", v2.clone())
        .nest("/open311/test/v2", v2)
        .route("/photos/{id}", get(photo))
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

async fn discovery_json(State(public): State<Public>) -> Response {
    answer(
        Format::Json,
        "discovery",
        &discovery::discovery(&public.base, &public.contact),
    )
}

async fn discovery_xml(State(public): State<Public>) -> Response {
    answer(
        Format::Xml,
        "discovery",
        &discovery::discovery(&public.base, &public.contact),
    )
}

async fn root_get(
    State(public): State<Public>,
    Path(file): Path<String>,
    RawQuery(query): RawQuery,
) -> Response {
    let Some((name, format)) = Format::split(&file) else {
        return not_here();
    };
    let parameters = parameters(query.as_deref());
    let served = match name {
        "discovery" => Ok((
            "discovery",
            discovery::discovery(&public.base, &public.contact),
        )),
        "services" => list_services(&public, &parameters)
            .await
            .map(|v| ("services", v)),
        "requests" => list_requests(&public, &parameters)
            .await
            .map(|v| ("service_requests", v)),
        "servicerequestupdates" => list_updates(&public, &parameters)
            .await
            .map(|v| ("service_request_updates", v)),
        _ => return not_here(),
    };
    match served {
        Ok((root, value)) => answer(format, root, &value),
        Err(errors) => failed(format, &errors),
    }
}

fn not_here() -> Response {
    failed(
        Format::Xml,
        &Errors::one(404, "there is nothing here; choose .xml or .json"),
    )
}

async fn list_services(public: &Public, parameters: &[(String, String)]) -> Result<Value, Errors> {
    check_jurisdiction(get_of(parameters, "jurisdiction_id"), &public.jurisdiction)?;
    Ok(services::list(&public.services().await?))
}

async fn service_definition(
    State(public): State<Public>,
    Path(file): Path<String>,
    RawQuery(query): RawQuery,
) -> Response {
    let Some((code, format)) = Format::split(&file) else {
        return not_here();
    };
    let found = async {
        check_jurisdiction(
            get_of(&parameters(query.as_deref()), "jurisdiction_id"),
            &public.jurisdiction,
        )?;
        let services = public.services().await?;
        let service = services
            .iter()
            .find(|s| s.code == code)
            .ok_or_else(|| Errors::one(404, format!("service_code {code:?} was not found")))?;
        Ok::<_, Errors>(services::definition(service))
    };
    match found.await {
        Ok(value) => answer(format, "service_definition", &value),
        Err(errors) => failed(format, &errors),
    }
}

async fn list_requests(public: &Public, parameters: &[(String, String)]) -> Result<Value, Errors> {
    check_jurisdiction(get_of(parameters, "jurisdiction_id"), &public.jurisdiction)?;
    let query = query::parse(parameters, public.clock.now())?;
    let found = found(public, &query).await?;
    Ok(requests::list(&found, query.extensions))
}

async fn found(public: &Public, query: &query::ListQuery) -> Result<Vec<PublicRequest>, Errors> {
    let services = public.services().await.unwrap_or_default();
    let client = public.pool.get().await.map_err(|e| errors_of(e.into()))?;
    let listed = listing::list(&client, query).await.map_err(errors_of)?;
    let ids: Vec<Uuid> = listed
        .iter()
        .filter(|l| visible_to(Role::Public, l.view).description)
        .map(|l| l.id)
        .collect();
    let keys = public.intake.acts.keys.get(&ids).await.map_err(errors_of)?;
    let mut photos: HashMap<Uuid, Uuid> = HashMap::new();
    for photo in attachments::of_complaints(&client, &ids)
        .await
        .map_err(errors_of)?
    {
        if photo.photo {
            photos.entry(photo.complaint_id).or_insert(photo.id);
        }
    }
    let mut requests = Vec::with_capacity(listed.len());
    for row in listed {
        let seen = visible_to(Role::Public, row.view);
        let state = lifecycle::State::from_code(&row.state).unwrap_or(lifecycle::State::Diterima);
        let mut request = PublicRequest {
            ticket: row.ticket,
            closed: state.open311() == "closed",
            status_notes: state.label().to_owned(),
            state: row.state,
            requested: Some(row.received_at),
            updated: Some(row.updated_at),
            expected: row.due_at,
            agency: Some(row.agency).filter(|a| !a.is_empty()),
            ..PublicRequest::default()
        };
        if seen.category && !row.category.is_empty() {
            request.service_name = services
                .iter()
                .find(|s| s.code == row.category)
                .map(|s| s.name.clone());
            request.service_code = Some(row.category);
        }
        if seen.district && row.area_code.len() >= 5 {
            request.area_code = row.area_code.get(..5).map(str::to_owned);
        }
        if let (true, Some(key), Some(sealed)) = (seen.description, keys.get(&row.id), &row.sealed)
        {
            let submission = content::open(key, row.id, sealed).map_err(errors_of)?;
            request.description = Some(mask(&submission.text));
        }
        if seen.pin {
            request.position = row.pin;
        }
        if seen.photo {
            request.media_url = photos
                .get(&row.id)
                .map(|id| format!("{}/photos/{id}", public.base));
        }
        requests.push(request);
    }
    Ok(requests)
}

async fn one_request(
    State(public): State<Public>,
    Path(file): Path<String>,
    RawQuery(raw): RawQuery,
) -> Response {
    let Some((id, format)) = Format::split(&file) else {
        return not_here();
    };
    let wanted = async {
        let mut parameters = parameters(raw.as_deref());
        check_jurisdiction(get_of(&parameters, "jurisdiction_id"), &public.jurisdiction)?;
        let unknown = || Errors::one(404, format!("service_request_id {id:?} was not found"));
        TicketNumber::parse(id).map_err(|_| unknown())?;
        parameters.push(("service_request_id".into(), id.to_owned()));
        let query = query::parse(&parameters, public.clock.now())?;
        let found = found(&public, &query).await?;
        if found.is_empty() {
            return Err(unknown());
        }
        Ok(requests::list(&found, query.extensions))
    };
    match wanted.await {
        Ok(value) => answer(format, "service_requests", &value),
        Err(errors) => failed(format, &errors),
    }
}

async fn token(
    State(public): State<Public>,
    Path(file): Path<String>,
    RawQuery(raw): RawQuery,
) -> Response {
    let Some((token, format)) = Format::split(&file) else {
        return not_here();
    };
    let wanted = async {
        check_jurisdiction(
            get_of(&parameters(raw.as_deref()), "jurisdiction_id"),
            &public.jurisdiction,
        )?;
        let unknown = || Errors::one(404, format!("token {token:?} was not found"));
        let id: Uuid = token.parse().map_err(|_| unknown())?;
        let found = public
            .intake
            .reader
            .find(&contracts::intake::FindRequest {
                ticket: String::new(),
                complaint_id: id.to_string(),
            })
            .await
            .map_err(|_| unknown())?;
        Ok::<_, Errors>(requests::of_token(token, &found.ticket))
    };
    match wanted.await {
        Ok(value) => answer(format, "service_requests", &value),
        Err(errors) => failed(format, &errors),
    }
}

async fn list_updates(public: &Public, parameters: &[(String, String)]) -> Result<Value, Errors> {
    check_jurisdiction(get_of(parameters, "jurisdiction_id"), &public.jurisdiction)?;
    let query = query::parse(parameters, public.clock.now())?;
    let client = public.pool.get().await.map_err(|e| errors_of(e.into()))?;
    let changes = listing::changes(&client, &query).await.map_err(errors_of)?;
    let updates: Vec<Update> = changes
        .into_iter()
        .map(|change| {
            let state =
                lifecycle::State::from_code(&change.state).unwrap_or(lifecycle::State::Diterima);
            let desk = if change.desk.is_empty() {
                String::new()
            } else {
                format!(": {}", change.desk)
            };
            Update {
                id: change.id.to_string(),
                ticket: change.ticket,
                closed: state.open311() == "closed",
                at: change.at,
                description: format!("{}{desk}", state.label()),
            }
        })
        .collect();
    Ok(updates::list(&updates))
}

/// A posted form: fields, and the photo when there is one.
struct Form {
    fields: Vec<(String, String)>,
    photo: Option<Vec<u8>>,
}

async fn read_form(request: Request) -> Result<Form, Errors> {
    let kind = request
        .headers()
        .get(header::CONTENT_TYPE)
        .and_then(|v| v.to_str().ok())
        .unwrap_or_default()
        .to_owned();
    if !kind.starts_with("multipart/form-data") {
        let body = Bytes::from_request(request, &()).await.map_err(|e| {
            Errors::one(e.status().as_u16(), "the form is too large or was cut off")
        })?;
        let fields = serde_urlencoded::from_bytes(&body)
            .map_err(|_| Errors::one(400, "the form is not urlencoded"))?;
        return Ok(Form {
            fields,
            photo: None,
        });
    }
    let broken = |e: axum::extract::multipart::MultipartError| {
        Errors::one(
            e.status().as_u16(),
            "the multipart form is too large or broken",
        )
    };
    let mut multipart = Multipart::from_request(request, &())
        .await
        .map_err(|_| Errors::one(400, "the multipart form has no boundary"))?;
    let mut form = Form {
        fields: Vec::new(),
        photo: None,
    };
    while let Some(field) = multipart.next_field().await.map_err(broken)? {
        let name = field.name().unwrap_or_default().to_owned();
        if field.file_name().is_some() || name == "media" {
            let content = field.bytes().await.map_err(broken)?;
            if content.len() > MAX_BYTES {
                return Err(Errors::one(413, "media is larger than 10 MiB"));
            }
            if !content.is_empty() {
                form.photo = Some(content.to_vec());
            }
        } else {
            if form.fields.len() >= 200 {
                return Err(Errors::one(400, "more than 200 fields"));
            }
            let text = field.text().await.map_err(broken)?;
            form.fields.push((name, text));
        }
    }
    Ok(form)
}

async fn root_post(
    State(public): State<Public>,
    Path(file): Path<String>,
    request: Request,
) -> Response {
    let Some((name, format)) = Format::split(&file) else {
        return not_here();
    };
    let headers = request.headers().clone();
    let trace = request.extensions().get::<Trace>().copied();
    let extensions = parameters(request.uri().query())
        .iter()
        .any(|(n, v)| n == "extensions" && v == "true");
    let from_query = parameters(request.uri().query());
    let posted = async {
        let mut form = read_form(request).await?;
        // Some clients put the key into the address.
        form.fields.extend(from_query);
        check_jurisdiction(
            get_of(&form.fields, "jurisdiction_id"),
            &public.jurisdiction,
        )?;
        let client = public.client(get_of(&form.fields, "api_key"))?;
        match name {
            "requests" => post_request(&public, form, &client, &headers, extensions, trace).await,
            "servicerequestupdates" => post_update(&public, &form.fields, &client, trace).await,
            _ => Err(Errors::one(404, "there is nothing to post to here")),
        }
    };
    match posted.await {
        Ok((root, value)) => (
            StatusCode::CREATED,
            [(header::CONTENT_TYPE, format.content_type())],
            format.write(root, &value),
        )
            .into_response(),
        Err(errors) => failed(format, &errors),
    }
}

async fn post_request(
    public: &Public,
    form: Form,
    client: &str,
    headers: &HeaderMap,
    extensions: bool,
    trace: Option<Trace>,
) -> Result<(&'static str, Value), Errors> {
    let request = form::parse(&form.fields)?;
    let services = public.services().await?;
    if !services.iter().any(|s| s.code == request.service_code) {
        return Err(Errors::one(
            404,
            format!("service_code {:?} was not found", request.service_code),
        ));
    }
    let key = headers
        .get("idempotency-key")
        .and_then(|v| v.to_str().ok())
        .unwrap_or_default();
    if key.len() > 200 {
        return Err(Errors::one(400, "Idempotency-Key is longer than 200 bytes"));
    }
    let once = if key.is_empty() {
        Uuid::now_v7().to_string()
    } else {
        key.to_owned()
    };
    let account_id = request.account_id.clone();
    let submission = submission(request, format!("{client}/{once}"));
    let accepted = public
        .intake
        .accept(submission, trace)
        .await
        .map_err(errors_of)?;
    let mut notice = None;
    if let Some(photo) = form.photo {
        let stored = public
            .intake
            .attachments
            .store(
                &accepted.complaint_id,
                &format!("open311/{once}"),
                photo,
                trace,
            )
            .await;
        // The complaint is accepted whatever becomes of its photo; the reporter is told.
        if let Err(error) = stored {
            notice = Some(match error {
                Error::Invalid { message, .. } => format!("Laporan diterima, tetapi foto ditolak: {message}"),
                _ => "Laporan diterima, tetapi foto belum tersimpan; kirim lagi dengan Idempotency-Key yang sama".to_owned(),
            });
        }
    }
    let created = Created {
        ticket: accepted.ticket,
        notice,
        account_id,
        tracking_secret: Some(accepted.tracking_secret).filter(|s| !s.is_empty()),
        token: accepted.complaint_id,
    };
    Ok(("service_requests", requests::created(&created, extensions)))
}

fn submission(request: NewRequest, platform_id: String) -> Submission {
    Submission {
        channel: "open311".into(),
        platform: "open311".into(),
        platform_id,
        text: request.description,
        position: request.position.map(|(lat, lon)| Point { lat, lon }),
        address: request.address.unwrap_or_default(),
        category_hint: request.service_code,
        anonymous: request.anonim,
        secret: request.rahasia,
        reporter: Some(Reporter {
            name: request.name.unwrap_or_default(),
            phone: request.phone.unwrap_or_default(),
            email: request.email.unwrap_or_default(),
            platform_account: String::new(),
        }),
        attributes: request
            .attributes
            .into_iter()
            .map(|(code, values)| Attribute { code, values })
            .collect(),
        device_id: request.device_id.unwrap_or_default(),
        account_id: request.account_id.unwrap_or_default(),
        media_url: request.media_url.unwrap_or_default(),
        ..Submission::default()
    }
}

async fn post_update(
    public: &Public,
    fields: &[(String, String)],
    client: &str,
    trace: Option<Trace>,
) -> Result<(&'static str, Value), Errors> {
    let update = updates::parse(fields)?;
    let secret = update.tracking_secret.ok_or_else(|| {
        Errors::one(
            403,
            "tracking_secret is needed: a ticket number grants nothing",
        )
    })?;
    let acts = &public.intake.acts;
    let id = acts
        .prove(&update.ticket.to_string(), &secret)
        .await
        .map_err(errors_of)?;
    let key = update
        .update_id
        .map(|id| format!("{client}/{id}"))
        .unwrap_or_default();
    let words = acts::Words {
        text: &update.description,
        key: &key,
    };
    let done = acts
        .reporter(id, acts::Reporter::Supplement, words, trace)
        .await
        .map_err(errors_of)?;
    let id = if key.is_empty() {
        format!("{id}-{}", done.version)
    } else {
        key
    };
    Ok(("service_request_updates", updates::created(&id)))
}

/// A photo that the public may see.
async fn photo(State(public): State<Public>, Path(id): Path<String>) -> Response {
    match public
        .intake
        .attachments
        .read(&id, "full", &Viewer::default())
        .await
    {
        Ok((content, media_type)) => (
            [
                (header::CONTENT_TYPE, media_type),
                (header::CACHE_CONTROL, "private, max-age=60".to_owned()),
                (header::X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
            ],
            content,
        )
            .into_response(),
        Err(_) => StatusCode::NOT_FOUND.into_response(),
    }
}
